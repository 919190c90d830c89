#include "store/applied.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 32

static void key_of(enum dataset dataset, char key[static KEY_MAX]) {
    snprintf(key, KEY_MAX, "applied/%s", dataset_name(dataset));
}

int applied_load(struct control *control, enum dataset dataset, struct applied *ret,
                 struct err *err) {
    *ret = (struct applied){0};
    char key[KEY_MAX];
    key_of(dataset, key);
    struct buf body = {0};
    uint64_t version;
    json_t *doc = NULL;
    int rc = control_get(control, key, &body, &version, err);
    if (rc != 0 || version == 0)
        goto out;
    doc = json_loadb(body.ptr, body.len, 0, NULL);
    if (doc == NULL) {
        rc = err_set(err, ERR_CORRUPT, "control data: document %s is damaged", key);
        goto out;
    }
    ret->bid = (uint64_t)json_integer_value(json_object_get(doc, "bid"));
    const char *month;
    json_t *rows;
    json_object_foreach(json_object_get(doc, "rows"), month, rows) {
        struct month_count count = {(uint32_t)strtoul(month, NULL, 10),
                                    (uint64_t)json_integer_value(rows)};
        vec_push(&ret->months, count);
    }
out:
    json_decref(doc);
    buf_release(&body);
    return rc;
}

int applied_save(struct control *control, enum dataset dataset, const struct applied *applied,
                 struct err *err) {
    char key[KEY_MAX];
    key_of(dataset, key);
    struct buf body = {0};
    buf_printf(&body, "{\"bid\":%llu,\"rows\":{", (unsigned long long)applied->bid);
    for (size_t i = 0; i < applied->months.len; i++)
        buf_printf(&body, "%s\"%u\":%llu", i ? "," : "", applied->months.items[i].month,
                   (unsigned long long)applied->months.items[i].rows);
    buf_add_cstr(&body, "}}");
    struct control_put put = {key, buf_str(&body), CONTROL_ANY};
    int rc = control_commit(control, &put, 1, err);
    buf_release(&body);
    return rc;
}

int applied_forget(struct control *control, struct err *err) {
    char keys[DATASET_MAX][KEY_MAX];
    struct control_put puts[DATASET_MAX];
    for (size_t i = 0; i < DATASET_MAX; i++) {
        key_of((enum dataset)(i + 1), keys[i]);
        puts[i] = (struct control_put){keys[i], {NULL, 0}, CONTROL_ANY};
    }
    return control_commit(control, puts, DATASET_MAX, err);
}

void applied_release(struct applied *applied) { vec_free(&applied->months); }

uint64_t applied_rows(const struct applied *applied, uint32_t month) {
    for (size_t i = 0; i < applied->months.len; i++)
        if (applied->months.items[i].month == month)
            return applied->months.items[i].rows;
    return 0;
}

void applied_add(struct applied *applied, uint32_t month, int64_t rows) {
    for (size_t i = 0; i < applied->months.len; i++) {
        if (applied->months.items[i].month == month) {
            applied->months.items[i].rows += (uint64_t)rows;
            return;
        }
    }
    struct month_count count = {month, (uint64_t)rows};
    vec_push(&applied->months, count);
}

/* The list of imports: documents in the control data, caught up from the lake. */
#include "daemon/instance.h"

#include <stdio.h>
#include <stdlib.h>

#define IMPORTS_KEY "imports"
#define IMPORT_PREFIX "import/"

struct puts {
    struct control_put *items;
    size_t len, cap;
};

static int see_import(void *arg, const char *key, struct str body, uint64_t version,
                      struct err *err) {
    UNUSED(version);
    int rc = import_from_json(arg, body, err);
    return rc == 0 ? 0 : err_context(err, "control data: %s", key);
}

static int load_documents(struct instance *in, struct imports *imports, struct err *err) {
    struct buf body = {0};
    uint64_t version, bid = 0;
    int rc = control_each(in->control, IMPORT_PREFIX, see_import, imports, err);
    if (rc == 0)
        rc = control_get(in->control, IMPORTS_KEY, &body, &version, err);
    unsigned long long number;
    if (rc == 0 && version != 0) {
        if (sscanf(buf_cstr(&body), "{\"bid\":%llu}", &number) == 1)
            bid = number;
        else
            rc = err_set(err, ERR_CORRUPT, "control data: document %s is damaged", IMPORTS_KEY);
    }
    imports->bid = bid;
    for (size_t i = 0; i < imports->list.len; i++)
        imports->list.items[i].dirty = false;
    buf_release(&body);
    return rc;
}

/* The positions of blocks up to `last` that the documents do not know. */
static int read_positions(struct instance *in, uint64_t last, struct imports *imports,
                          struct err *err) {
    struct lake_reader *reader = NULL;
    struct lake_block block;
    if (last <= imports->bid)
        return 0;
    int rc = lake_reader_open(in->lake_root, DATASET_LOGS, imports->bid, last, &reader, err);
    while (rc == 0) {
        int got = lake_reader_next(reader, &block, err);
        if (got == 0)
            break;
        if (got == 1 && block.len > 0)
            rc = imports_take(imports, block.bid, &block.records[block.len - 1], err);
        else if (got < 0 && got != ERR_CORRUPT) /* a damaged block keeps its position to itself */
            rc = got;
    }
    lake_reader_close(reader);
    return rc;
}

static int see_key(void *arg, const char *key, struct str body, uint64_t version, struct err *err) {
    UNUSED(body);
    UNUSED(err);
    struct puts *puts = arg;
    struct control_put put = {xstrdup(key), {NULL, 0}, version};
    vec_push(puts, put);
    return 0;
}

/* The lake was put back to an earlier state: only its own positions count. */
static int forget_documents(struct instance *in, struct imports *imports, struct err *err) {
    struct puts puts = {0};
    int rc = control_each(in->control, IMPORT_PREFIX, see_key, &puts, err);
    struct control_put put = {IMPORTS_KEY, {NULL, 0}, CONTROL_ANY};
    vec_push(&puts, put);
    if (rc == 0)
        rc = control_commit(in->control, puts.items, puts.len, err);
    for (size_t i = 0; i + 1 < puts.len; i++)
        free((char *)(uintptr_t)puts.items[i].key);
    vec_free(&puts);
    imports_release(imports);
    *imports = (struct imports){0};
    return rc;
}

int instance_load_imports_upto(struct instance *in, uint64_t last, struct imports *ret,
                               struct err *err) {
    *ret = (struct imports){0};
    int rc = load_documents(in, ret, err);
    if (rc == 0 && ret->bid > last)
        rc = forget_documents(in, ret, err);
    if (rc == 0)
        rc = read_positions(in, last, ret, err);
    if (rc != 0)
        imports_release(ret);
    return rc;
}

int instance_load_imports(struct instance *in, struct imports *ret, struct err *err) {
    uint64_t last = 0;
    *ret = (struct imports){0};
    int rc = instance_lake_last(in, DATASET_LOGS, &last, err);
    return rc == 0 ? instance_load_imports_upto(in, last, ret, err) : rc;
}

int instance_save_imports(struct instance *in, struct imports *imports, struct err *err) {
    struct puts puts = {0};
    struct control_put put = {.version = CONTROL_ANY};
    struct buf body = {0};
    for (size_t i = 0; i < imports->list.len; i++) {
        const struct import *import = &imports->list.items[i];
        if (!import->dirty)
            continue;
        char *key;
        if (asprintf(&key, IMPORT_PREFIX "%08llu", (unsigned long long)import->id) < 0)
            abort();
        struct buf json = {0};
        import_to_json(import, &json);
        put.key = key;
        put.body = buf_str(&json); /* freed below */
        vec_push(&puts, put);
    }
    buf_printf(&body, "{\"bid\":%llu}", (unsigned long long)imports->bid);
    put.key = IMPORTS_KEY;
    put.body = buf_str(&body);
    vec_push(&puts, put);
    int rc = control_commit(in->control, puts.items, puts.len, err);
    for (size_t i = 0; i + 1 < puts.len; i++) {
        free((char *)(uintptr_t)puts.items[i].key);
        free((char *)(uintptr_t)puts.items[i].body.ptr);
    }
    for (size_t i = 0; rc == 0 && i < imports->list.len; i++)
        imports->list.items[i].dirty = false;
    vec_free(&puts);
    buf_release(&body);
    return rc;
}

/* Lines of JSON by a mapping of our fields to paths in the line, itself JSON:
 *     {"host":"client.ip","time":["ts","time"],"method":"verb","target":"url"}
 * A list names alternatives: the first one that says something counts. Two keys are no fields:
 *     "only":{PATH:TEXT}  lines whose value there does not begin with TEXT are about something else
 *     "percent":true      values are percent-encoded, as CloudFront's */
#include "format/columns_text.h"
#include "format/json_scan.h"
#include "format/reader.h"
#include "format/slot_names.h"

#include <jansson.h>
#include <stdlib.h>

/* The paths of a slot: `count` of ids from `first` on, in the order of preference. */
struct choice {
    enum slot slot;
    size_t first, count;
};

struct mapping {
    struct json_paths *paths;
    VEC(struct choice) choices;
    VEC(size_t) ids;
    struct slot_set set;
    char *only; /* NULL: no condition */
    size_t only_id;
    bool percent;
    struct str found[JSON_PATHS_MAX]; /* of the line at hand */
};

static void json_free(void *state) {
    struct mapping *m = state;
    if (m == NULL)
        return;
    json_paths_free(m->paths);
    vec_free(&m->choices);
    vec_free(&m->ids);
    free(m->only);
    free(m);
}

/* --- opening --- */

static struct str text_of(const json_t *value) {
    return str_of(json_string_value(value), json_string_length(value));
}

static int add_path(struct mapping *m, const json_t *path, const char *key, struct err *err) {
    if (!json_is_string(path))
        return err_set(err, ERR_USAGE, "\"%s\" needs a path, or a list of paths", key);
    size_t id = 0;
    int rc = json_paths_add(m->paths, text_of(path), &id, err);
    if (rc == 0)
        vec_push(&m->ids, id);
    return rc ? err_context(err, "\"%s\"", key) : 0;
}

static int add_field(struct mapping *m, const char *key, const json_t *value, struct err *err) {
    struct choice choice = {.first = m->ids.len};
    int rc = slot_named(str_from(key), &choice.slot, err);
    if (rc == 0 && m->set.has[choice.slot])
        rc = err_set(err, ERR_USAGE, "\"%s\" is given twice: write a list of its paths",
                     slot_name(choice.slot));
    if (rc == 0 && json_is_array(value)) {
        size_t i;
        json_t *path;
        json_array_foreach(value, i, path) if (rc == 0) rc = add_path(m, path, key, err);
    } else if (rc == 0) {
        rc = add_path(m, value, key, err);
    }
    choice.count = m->ids.len - choice.first;
    m->set.has[choice.slot] = choice.count > 0;
    if (rc == 0)
        vec_push(&m->choices, choice);
    return rc;
}

static int add_condition(struct mapping *m, json_t *value, struct err *err) {
    const char *path = json_object_iter_key(json_object_iter(value));
    const json_t *text = path ? json_object_get(value, path) : NULL;
    if (json_object_size(value) != 1 || !json_is_string(text))
        return err_set(err, ERR_USAGE,
                       "\"only\" needs one path and how its value begins: "
                       "{\"logger\":\"http.log.access\"}");
    m->only = str_dup(text_of(text));
    int rc = json_paths_add(m->paths, str_from(path), &m->only_id, err);
    return rc ? err_context(err, "\"only\"") : 0;
}

static int add_key(struct mapping *m, const char *key, json_t *value, struct err *err) {
    if (strcmp(key, "only") == 0)
        return add_condition(m, value, err);
    if (strcmp(key, "percent") != 0)
        return add_field(m, key, value, err);
    if (!json_is_boolean(value))
        return err_set(err, ERR_USAGE, "\"percent\" is true or false");
    m->percent = json_is_true(value);
    return 0;
}

static int json_open(struct str spec, void **ret_state, struct err *err) {
    json_error_t at;
    json_t *root = json_loadb(spec.ptr, spec.len, JSON_REJECT_DUPLICATES, &at);
    if (root == NULL)
        return err_set(err, ERR_USAGE, "JSON mapping: %s, at byte %d", at.text, at.position);
    struct mapping *m = xcalloc(1, sizeof *m);
    m->paths = json_paths_new();
    int rc = 0;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) if (rc == 0) rc = add_key(m, key, value, err);
    if (rc == 0)
        rc = slots_check(&m->set, err);
    json_decref(root);
    if (rc != 0) {
        json_free(m);
        return err_context(err, "JSON mapping");
    }
    *ret_state = m;
    return 0;
}

/* --- reading --- */

static bool says_something(struct str s) {
    return s.ptr != NULL && s.len > 0 && (s.len > 1 || s.ptr[0] != '-');
}

/* Is there any key that tells of a request, whatever it says? */
static bool take_slots(const struct mapping *m, struct slots *ret) {
    bool request = false;
    for (size_t i = 0; i < m->choices.len; i++) {
        const struct choice *c = &m->choices.items[i];
        bool tells = c->slot == SLOT_request || c->slot == SLOT_target;
        for (size_t k = c->first; k < c->first + c->count; k++) {
            struct str got = m->found[m->ids.items[k]];
            request = request || (tells && got.ptr != NULL);
            if (says_something(got)) {
                ret->at[c->slot] = got;
                break;
            }
        }
    }
    return request;
}

/* As the columns of the same log are read (columns.c). */
static void decode(struct slots *slots, struct arena *scratch) {
    static const enum slot once[] = {SLOT_query, SLOT_referrer};
    for (size_t i = 0; i < ARRAY_LEN(once); i++)
        if (slots->at[once[i]].ptr != NULL)
            slots->at[once[i]] = columns_percent_once(slots->at[once[i]], scratch);
    if (slots->at[SLOT_agent].ptr != NULL)
        slots->at[SLOT_agent] = columns_percent_agent(slots->at[SLOT_agent], scratch);
}

static bool meets_condition(struct str value, struct str begin) {
    return value.ptr != NULL && str_starts(value, begin);
}

static enum reason json_read(void *state, struct str line, struct arena *scratch,
                             struct fields *ret) {
    struct mapping *m = state;
    if (!json_scan(m->paths, line, scratch, m->found))
        return REASON_bad_json;
    if (m->only != NULL && !meets_condition(m->found[m->only_id], str_from(m->only)))
        return REASON_no_request;
    struct slots slots = {0};
    if (!take_slots(m, &slots))
        return REASON_no_request;
    slots_complete(&slots, &m->set);
    if (m->percent)
        decode(&slots, scratch);
    return slots_finish(&slots, scratch, ret);
}

static bool json_names_site(const void *state) {
    return ((const struct mapping *)state)->set.has[SLOT_vhost];
}

const struct format_reader json_reader = {
    .open = json_open, .free = json_free, .read = json_read, .names_site = json_names_site};

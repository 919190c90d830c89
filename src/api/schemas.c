#include "api/schemas.h"
#include "api/params.h"
#include "cube/words.h"

#include <stdlib.h>

static json_t *text(struct str s) { return json_stringn(s.ptr, s.len); }

/* --- types --- */

static json_t *plain_schema(struct str type) {
    static const struct {
        const char *name, *json;
    } types[] = {{"string", "{\"type\":\"string\"}"},
                 {"integer", "{\"type\":\"integer\"}"},
                 {"count", "{\"type\":\"integer\",\"minimum\":1}"},
                 {"number", "{\"type\":\"number\"}"},
                 {"boolean", "{\"type\":\"boolean\"}"},
                 {"time", "{\"type\":\"string\",\"format\":\"date-time\"}"},
                 {"day", "{\"type\":\"string\",\"format\":\"date\"}"},
                 {"object", "{\"type\":\"object\"}"},
                 {"any", "{}"}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_is(type, types[i].name))
            return json_loads(types[i].json, 0, NULL);
    struct buf ref = {0};
    buf_printf(&ref, "#/components/schemas/" STR_FMT, STR_ARG(type));
    json_t *schema = json_pack("{ss}", "$ref", buf_cstr(&ref));
    buf_release(&ref);
    return schema;
}

static bool cut_end(struct str *s, struct str end) {
    if (s->len < end.len || !str_eq(str_skip(*s, s->len - end.len), end))
        return false;
    s->len -= end.len;
    return true;
}

static json_t *or_null(json_t *schema) {
    json_t *type = json_object_get(schema, "type");
    if (type == NULL)
        return json_pack("{s[o{ss}]}", "anyOf", schema, "type", "null");
    json_object_set_new(schema, "type", json_pack("[Os]", type, "null"));
    return schema;
}

json_t *schema_of(struct str type) {
    struct str first;
    json_t *either = json_array();
    while (str_split(&type, '|', &first)) {
        bool null = cut_end(&first, STR("?")),
             list = cut_end(&first, STR("[]")) || cut_end(&first, STR("*"));
        json_t *schema = plain_schema(first);
        if (list)
            schema = json_pack("{ss so}", "type", "array", "items", schema);
        json_array_append_new(either, null ? or_null(schema) : schema);
    }
    if (json_array_size(either) > 1)
        return json_pack("{so}", "anyOf", either);
    json_t *only = json_incref(json_array_get(either, 0));
    json_decref(either);
    return only;
}

json_t *schema_of_fields(const char *fields, enum param_place place, bool more) {
    json_t *properties = json_object(), *required = json_array();
    struct str rest = str_from(fields);
    struct param p;
    while (param_next(&rest, &p)) {
        if (p.place != place)
            continue;
        json_t *field = schema_of(p.type);
        if (p.doc.len > 0)
            json_object_set_new(field, "description", text(p.doc));
        char *name = str_dup(p.name);
        json_object_set_new(properties, name, field);
        free(name);
        if (p.required)
            json_array_append_new(required, text(p.name));
    }
    json_t *schema = json_pack("{ss so so sb}", "type", "object", "properties", properties,
                               "required", required, "additionalProperties", (int)more);
    if (json_array_size(required) == 0)
        json_object_del(schema, "required");
    return schema;
}

/* --- those that are made from tables --- */

static json_t *words_schema(const char *words) {
    json_t *list = json_array();
    struct str rest = str_from(words), word;
    while (str_split(&rest, ' ', &word))
        json_array_append_new(list, text(word));
    return json_pack("{ss so}", "type", "string", "enum", list);
}

static json_t *metric_schema(void) {
    json_t *names = json_array();
    for (size_t i = 0; i < METRIC_COUNT; i++)
        json_array_append_new(names, json_string(metric_defs[i].name));
    return json_pack("{ss so}", "type", "string", "enum", names);
}

static json_t *dimension_schema(void) {
    json_t *names = json_array();
    for (size_t i = 0; i < DIM_COUNT; i++)
        json_array_append_new(names, json_string(dimension_defs[i].name));
    return json_pack("{ss so}", "type", "string", "enum", names);
}

static void add_measure(json_t *properties, const char *metric, const char *behind,
                        const char *doc) {
    struct buf name = {0};
    buf_printf(&name, "%s%s", metric, behind);
    json_t *measure = json_pack("{s[ss]}", "type", "number", "null");
    if (doc != NULL)
        json_object_set_new(measure, "description", json_string(doc));
    json_object_set_new(properties, buf_cstr(&name), measure);
    buf_release(&name);
}

/* What a question asks for: the time of a bucket, dimensions, metrics, and those they are compared
 * with. */
static json_t *row_schema(void) {
    json_t *properties = json_pack("{so}", "time", schema_of(STR("time")));
    for (size_t i = 0; i < DIM_COUNT; i++)
        json_object_set_new(
            properties, dimension_defs[i].name,
            json_pack("{ss ss}", "type", "string", "description", dimension_defs[i].doc));
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        add_measure(properties, metric_defs[i].name, "", metric_defs[i].doc);
        add_measure(properties, metric_defs[i].name, "_previous", NULL);
    }
    return json_pack("{ss so sb}", "type", "object", "properties", properties,
                     "additionalProperties", 0);
}

json_t *schemas_document(void) {
    static const struct {
        const char *name, *words;
    } enums[] = {
#define ENUM(name, words) {#name, words},
#define SCHEMA(name, more, fields, doc)
#include "api/schemas.def"
#undef ENUM
#undef SCHEMA
    };
    static const struct {
        const char *name, *fields, *doc;
        bool more;
    } objects[] = {
#define ENUM(name, words)
#define SCHEMA(name, more, fields, doc) {#name, fields, doc, more},
#include "api/schemas.def"
#undef ENUM
#undef SCHEMA
    };
    json_t *all = json_pack("{so so so s{s[{ss} {ss s{ss}}]}}", "Metric", metric_schema(),
                            "Dimension", dimension_schema(), "Row", row_schema(), "Sites", "anyOf",
                            "const", "all", "type", "array", "items", "type", "string");
    for (size_t i = 0; i < ARRAY_LEN(enums); i++)
        json_object_set_new(all, enums[i].name, words_schema(enums[i].words));
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        json_t *schema = schema_of_fields(objects[i].fields, PARAM_QUERY, objects[i].more);
        if (*objects[i].doc != '\0')
            json_object_set_new(schema, "description", json_string(objects[i].doc));
        json_object_set_new(all, objects[i].name, schema);
    }
    return all;
}

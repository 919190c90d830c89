#include "api/openapi.h"
#include "api/schemas.h"
#include "query/question.h"
#include "support/golden.h"

static const char *const methods[] = {"get", "post", "put", "patch", "delete", "options"};

static const char *text(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    if (s == NULL)
        fail_msg("no text \"%s\"", key);
    return s;
}

/* Keys, one behind the other. */
static const json_t *at(const json_t *o, const char *path) {
    struct str rest = str_from(path), key;
    while (str_split(&rest, ' ', &key)) {
        char *name = str_dup(key);
        o = json_object_get(o, name);
        free(name);
    }
    return o;
}

static const json_t *operation_of(const json_t *doc, const char *path, const char *method) {
    const json_t *found =
        json_object_get(json_object_get(json_object_get(doc, "paths"), path), method);
    if (found == NULL)
        fail_msg("no %s %s", method, path);
    return found;
}

static const json_t *parameter_of(const json_t *operation, const char *name) {
    const json_t *p;
    size_t i;
    json_array_foreach(json_object_get(operation, "parameters"), i, p) {
        if (strcmp(text(p, "name"), name) == 0)
            return p;
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

/* Every {name} of the path is a parameter that is required, and the other way round. */
static void check_path_parameters(const char *path, const json_t *operation) {
    const json_t *p;
    size_t i, in_path = 0, braces = 0;
    for (const char *brace = path; (brace = strchr(brace, '{')) != NULL; brace++)
        braces++;
    json_array_foreach(json_object_get(operation, "parameters"), i, p) {
        char name[80];
        const json_t *other;
        size_t j;
        json_array_foreach(json_object_get(operation, "parameters"), j, other) {
            bool same = strcmp(text(p, "name"), text(other, "name")) == 0 &&
                        strcmp(text(p, "in"), text(other, "in")) == 0;
            assert_true(i == j || !same);
        }
        if (strcmp(text(p, "in"), "path") != 0)
            continue;
        snprintf(name, sizeof name, "{%s}", text(p, "name"));
        assert_non_null(strstr(path, name));
        assert_true(json_is_true(json_object_get(p, "required")));
        in_path++;
    }
    assert_int_equal(in_path, braces);
}

static void document__has_every_route_with_every_method(void **state) {
    UNUSED(state);
    json_t *doc = openapi_document("/"), *ids = json_object(), *item, *operation;
    const char *path, *method;
    size_t documented = 0, there = 0;
    json_object_foreach(json_object_get(doc, "paths"), path, item) {
        json_object_foreach(item, method, operation) {
            bool known = false;
            for (size_t i = 0; i < ARRAY_LEN(methods); i++)
                known = known || strcmp(methods[i], method) == 0;
            assert_true(known);
            const char *id = text(operation, "operationId");
            if (json_object_get(ids, id) != NULL)
                fail_msg("%s is there twice", id);
            json_object_set_new(ids, id, json_true());
            check_path_parameters(path, operation);
            documented++;
        }
    }
    for (size_t i = 0; i < api_n_routes; i++)
        if (!str_starts(str_from(api_routes[i].path), STR("/local/"))) /* nobody else's business */
            there += (size_t)__builtin_popcount(api_routes[i].methods);
    assert_int_equal(documented, there); /* a route that hides another one would be missing */
    json_decref(ids);
    json_decref(doc);
}

/* Every $ref leads somewhere. */
static void check_refs(const json_t *doc, const json_t *o) {
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) {
        if (strcmp(key, "$ref") != 0) {
            check_refs(doc, value);
            continue;
        }
        char words[120];
        snprintf(words, sizeof words, "%s", json_string_value(value) + strlen("#/"));
        for (char *c = words; *c != '\0'; c++)
            if (*c == '/')
                *c = ' ';
        if (at(doc, words) == NULL)
            fail_msg("nothing at %s", json_string_value(value));
    }
    json_array_foreach(o, i, value) check_refs(doc, value);
}

static void document__leads_nowhere_wrong(void **state) {
    UNUSED(state);
    json_t *doc = openapi_document("https://stats.example.org");
    check_refs(doc, doc);
    assert_string_equal(text(json_array_get(json_object_get(doc, "servers"), 0), "url"),
                        "https://stats.example.org");
    json_decref(doc);
}

static void document__says_what_a_client_needs(void **state) {
    UNUSED(state);
    json_t *doc = openapi_document("/");
    const json_t *query = operation_of(doc, "/api/v1/query", "get"),
                 *metrics = parameter_of(query, "metrics"), *filter = parameter_of(query, "filter");
    assert_true(json_is_true(json_object_get(metrics, "required")));
    assert_true(json_is_false(json_object_get(metrics, "explode"))); /* parted by commas */
    assert_string_equal(text(at(metrics, "schema items"), "$ref"), "#/components/schemas/Metric");
    assert_null(json_object_get(filter, "explode")); /* repeated */
    assert_string_equal(text(at(filter, "schema"), "type"), "array");
    assert_string_equal(text(at(parameter_of(query, "limit"), "schema"), "type"), "integer");
    assert_string_equal(text(at(parameter_of(query, "fill"), "schema"), "type"), "boolean");
    assert_non_null(at(query, "responses 200 content text/csv"));
    assert_string_equal(text(at(operation_of(doc, "/api/v1/query", "post"),
                                "requestBody content application/json schema"),
                             "$ref"),
                        "#/components/schemas/Question");
    const json_t *users = operation_of(doc, "/api/v1/users", "post"),
                 *schema = at(users, "requestBody content application/json schema");
    assert_int_equal(json_array_size(json_object_get(schema, "required")), 3);
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    assert_string_equal(text(at(users, "responses 201 content application/json schema"), "$ref"),
                        "#/components/schemas/User");
    assert_null(at(users, "responses 200"));
    const json_t *who;
    size_t i;
    json_array_foreach(json_object_get(users, "security"), i, who)
        assert_null(json_object_get(who, "share"));
    const json_t *ingest = operation_of(doc, "/ingest/{ingest}", "post");
    assert_int_equal(json_array_size(json_object_get(ingest, "security")), 1);
    (void)parameter_of(operation_of(doc, "/api/v1/users/{user}", "patch"), "If-Match");
    json_decref(doc);
}

/* Words of an enum are those that a question takes, and all of them. */
static void schemas__have_the_words_of_questions(void **state) {
    UNUSED(state);
    static const struct {
        const char *schema, *key;
    } parts[] = {{"Metric", "metrics"}, {"Metric", "order"}, {"Dimension", "group"},
                 {"Grain", "by"},       {"Align", "align"},  {"Compare", "compare"},
                 {"Bots", "bots"}};
    json_t *schemas = schemas_document();
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct question q = {0};
        struct err err = {0};
        struct buf known = {0};
        const json_t *words = at(json_object_get(schemas, parts[i].schema), "enum"), *word;
        size_t j;
        buf_add_cstr(&known, "(known: ");
        json_array_foreach(words, j, word) {
            q = (struct question){0};
            assert_int_equal(
                question_set(&q, str_from(parts[i].key), str_from(json_string_value(word)), &err),
                0);
            buf_printf(&known, "%s%s", j > 0 ? ", " : "", json_string_value(word));
        }
        assert_int_equal(question_set(&q, str_from(parts[i].key), STR("no such"), &err), ERR_USAGE);
        if (strlen(buf_cstr(&known)) < sizeof err.text / 2) /* else the error is cut */
            assert_non_null(strstr(err.text, buf_cstr(&known)));
        buf_release(&known);
    }
    json_decref(schemas);
}

static void reference__is_what_the_table_says(void **state) {
    UNUSED(state);
    struct buf made = {0};
    openapi_reference(&made);
    assert_document("docs/api.md", buf_str(&made));
    buf_release(&made);
}

UNIT_MAIN(unit_test(document__has_every_route_with_every_method),
          unit_test(document__leads_nowhere_wrong), unit_test(document__says_what_a_client_needs),
          unit_test(schemas__have_the_words_of_questions),
          unit_test(reference__is_what_the_table_says))

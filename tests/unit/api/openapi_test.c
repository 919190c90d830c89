#include "api/openapi.h"
#include "support/golden.h"

static const char *const methods[] = {"get", "post", "put", "patch", "delete", "options"};

static const char *text(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    if (s == NULL)
        fail_msg("no text \"%s\"", key);
    return s;
}

/* Every {name} of the path is a parameter that is required, and the other way round. */
static void check_path_parameters(const char *path, const json_t *operation) {
    const json_t *p;
    size_t i, in_path = 0, braces = 0;
    for (const char *at = path; (at = strchr(at, '{')) != NULL; at++)
        braces++;
    json_array_foreach(json_object_get(operation, "parameters"), i, p) {
        char name[80];
        const json_t *other;
        size_t j;
        assert_true(strlen(text(p, "name")) > 0);
        assert_string_equal(text(json_object_get(p, "schema"), "type"), "string");
        json_array_foreach(json_object_get(operation, "parameters"), j, other) {
            bool same = strcmp(text(p, "name"), text(other, "name")) == 0 &&
                        strcmp(text(p, "in"), text(other, "in")) == 0;
            assert_true(i == j || !same);
        }
        if (strcmp(text(p, "in"), "path") != 0) {
            assert_string_equal(text(p, "in"), "query");
            continue;
        }
        snprintf(name, sizeof name, "{%s}", text(p, "name"));
        assert_non_null(strstr(path, name));
        assert_true(json_is_true(json_object_get(p, "required")));
        in_path++;
    }
    assert_int_equal(in_path, braces);
}

static void document__is_valid(void **state) {
    UNUSED(state);
    json_t *doc = openapi_document(), *ids = json_object(), *item, *operation;
    const char *path, *method;
    assert_string_equal(text(doc, "openapi"), "3.1.0");
    (void)text(json_object_get(doc, "info"), "title");
    (void)text(json_object_get(doc, "info"), "version");
    const json_t *components = json_object_get(doc, "components");
    assert_true(json_is_object(json_object_get(json_object_get(components, "responses"), "Error")));
    json_object_foreach(json_object_get(doc, "paths"), path, item) {
        assert_int_equal(path[0], '/');
        json_object_foreach(item, method, operation) {
            bool known = false;
            for (size_t i = 0; i < ARRAY_LEN(methods); i++)
                known = known || strcmp(methods[i], method) == 0;
            assert_true(known);
            const char *id = text(operation, "operationId");
            if (json_object_get(ids, id) != NULL)
                fail_msg("%s is there twice", id);
            json_object_set_new(ids, id, json_true());
            (void)text(operation, "summary");
            assert_true(json_object_size(json_object_get(operation, "responses")) >= 2);
            assert_true(json_array_size(json_object_get(operation, "security")) >= 1);
            check_path_parameters(path, operation);
        }
    }
    json_decref(ids);
    json_decref(doc);
}

static void document__has_every_route_with_every_method(void **state) {
    UNUSED(state);
    json_t *doc = openapi_document(), *item;
    const char *path;
    size_t documented = 0, there = 0;
    json_object_foreach(json_object_get(doc, "paths"), path, item) documented +=
        json_object_size(item);
    for (size_t i = 0; i < api_n_routes; i++)
        there += (size_t)__builtin_popcount(api_routes[i].methods);
    assert_int_equal(documented, there); /* a route that hides another one would be missing */
    const json_t *users = json_object_get(
        json_object_get(json_object_get(doc, "paths"), "/api/v1/users/{user}"), "patch");
    const json_t *schema = json_object_get(
        json_object_get(json_object_get(json_object_get(users, "requestBody"), "content"),
                        "application/json"),
        "schema");
    assert_non_null(json_object_get(json_object_get(schema, "properties"), "sites"));
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    json_decref(doc);
}

static void reference__is_what_the_table_says(void **state) {
    UNUSED(state);
    struct buf made = {0};
    openapi_reference(&made);
    assert_document("docs/api.md", buf_str(&made));
    buf_release(&made);
}

UNIT_MAIN(unit_test(document__is_valid), unit_test(document__has_every_route_with_every_method),
          unit_test(reference__is_what_the_table_says))

/* /api/v1/openapi.json, made from the table of routes (OpenAPI 3.1.0, spec.openapis.org). */
#include "api/openapi.h"
#include "api/schemas.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {{HTTP_GET, "get"},     {HTTP_POST, "post"},     {HTTP_PUT, "put"},
               {HTTP_PATCH, "patch"}, {HTTP_DELETE, "delete"}, {HTTP_OPTIONS, "options"}};

static const char *const accesses[] = {[ACCESS_PUBLIC] = "anybody",
                                       [ACCESS_SOURCE] = "source",
                                       [ACCESS_VIEWER] = "viewer",
                                       [ACCESS_EDITOR] = "editor",
                                       [ACCESS_ADMIN] = "admin"};

bool openapi_has(const struct http_route *http) {
    const struct api_route *route = http->extra;
    return route->access != ACCESS_LOCAL;
}

/* "sites" -> "site": what stands for one of them. */
static void add_singular(struct str plural, struct buf *out) {
    if (plural.len > 1 && plural.ptr[plural.len - 1] == 's')
        plural.len--;
    buf_add_str(out, plural.len > 0 ? plural : STR("rest"));
}

void openapi_path(const char *path, struct buf *out, json_t *parameters) {
    struct str before = STR("");
    for (const char *at = path; *at != '\0'; at++) {
        bool segment = at[0] == '{' && at[1] == '}';
        if (!segment && *at != '*') {
            buf_add_char(out, *at);
            if (*at == '/' && at[1] != '{')
                before = str_of(at + 1, strcspn(at + 1, "/"));
            continue;
        }
        struct buf name = {0};
        add_singular(segment ? before : STR(""), &name);
        buf_printf(out, "{%s}", buf_cstr(&name));
        json_array_append_new(parameters,
                              json_pack("{ss ss sb s{ss}}", "name", buf_cstr(&name), "in", "path",
                                        "required", 1, "schema", "type", "string"));
        buf_release(&name);
        at += segment;
    }
}

static json_t *text(struct str s) { return json_stringn(s.ptr, s.len); }

static json_t *described(struct str doc, json_t *o) {
    if (doc.len > 0)
        json_object_set_new(o, "description", text(doc));
    return o;
}

/* --- what comes in --- */

static void add_parameters(const struct api_route *route, json_t *parameters) {
    struct str rest = str_from(route->params);
    struct param p;
    while (param_next(&rest, &p)) {
        if (p.place != PARAM_QUERY)
            continue;
        json_t *o = json_pack("{so ss sb so}", "name", text(p.name), "in", "query", "required",
                              (int)p.required, "schema", schema_of(p.type));
        if (p.type.ptr[p.type.len - 1] == ']')
            json_object_set_new(o, "explode", json_false()); /* parted by commas */
        json_array_append_new(parameters, described(p.doc, o));
    }
}

static json_t *request_body(const struct api_route *route) {
    json_t *content = json_object(), *fields = schema_of_fields(route->params, PARAM_FIELD, false);
    struct str rest = str_from(route->params);
    struct param p;
    if (json_object_size(json_object_get(fields, "properties")) > 0)
        json_object_set_new(content, "application/json", json_pack("{sO}", "schema", fields));
    json_decref(fields);
    while (param_next(&rest, &p)) {
        if (p.place != PARAM_BODY)
            continue;
        char *media = str_dup(p.name);
        json_object_set_new(content, media,
                            json_pack("{so}", "schema", described(p.doc, schema_of(p.type))));
        free(media);
    }
    if (json_object_size(content) > 0)
        return json_pack("{so sb}", "content", content, "required", 1);
    json_decref(content);
    return NULL;
}

/* --- what goes out --- */

static void add_error(json_t *responses, unsigned status) {
    char key[8];
    snprintf(key, sizeof key, "%u", status);
    json_object_set_new(responses, key, json_pack("{ss}", "$ref", "#/components/responses/Error"));
}

/* Those that any route of its kind may answer with. */
static void add_errors(const struct http_route *http, const struct api_route *route,
                       json_t *responses) {
    if (http->max_body > 0 || *route->params != '\0')
        add_error(responses, MHD_HTTP_BAD_REQUEST);
    if (route->access >= ACCESS_SOURCE)
        add_error(responses, MHD_HTTP_UNAUTHORIZED);
    if (route->access >= ACCESS_VIEWER)
        add_error(responses, MHD_HTTP_FORBIDDEN);
    if (strstr(http->path, "{}") != NULL)
        add_error(responses, MHD_HTTP_NOT_FOUND);
    if (http->max_body > 0)
        add_error(responses, MHD_HTTP_CONTENT_TOO_LARGE);
    if (http->run == HTTP_SLOW)
        add_error(responses, MHD_HTTP_SERVICE_UNAVAILABLE);
}

static json_t *response(struct str type, struct str media) {
    json_t *content = json_object(), *schema = schema_of(type);
    char *name = media.len > 0 ? str_dup(media) : xstrdup("application/json");
    json_object_set_new(content, name, json_pack("{so}", "schema", schema));
    free(name);
    return content;
}

static json_t *responses(const struct http_route *http, const struct api_route *route) {
    json_t *all = json_object();
    struct str rest = str_from(route->answers), line;
    add_errors(http, route, all);
    while (str_split(&rest, '\n', &line)) {
        struct str status, type = STR("");
        (void)str_split(&line, ' ', &status);
        (void)str_split(&line, ' ', &type);
        char *key = str_dup(status);
        if (*key >= '4') {
            add_error(all, (unsigned)strtoul(key, NULL, 10));
        } else {
            if (json_object_get(all, key) == NULL)
                json_object_set_new(all, key, json_pack("{ss}", "description", "Done."));
            json_t *done = json_object_get(all, key), *content = json_object_get(done, "content");
            json_t *more = type.len > 0 ? response(type, line) : NULL;
            if (content != NULL)
                json_object_update(content, more), json_decref(more);
            else if (more != NULL)
                json_object_set_new(done, "content", more);
        }
        free(key);
    }
    json_object_set_new(all, "default", json_pack("{ss}", "$ref", "#/components/responses/Error"));
    return all;
}

/* --- who --- */

/* Share links read; a session shows that it is no other page's request when it changes something.
 */
static json_t *security(const struct api_route *route, enum http_method method) {
    if (route->access == ACCESS_PUBLIC)
        return json_pack("[{}]");
    json_t *list = json_pack("[{s[]}]", "token");
    if (route->access >= ACCESS_VIEWER)
        json_array_append_new(list, method == HTTP_GET ? json_pack("{s[]}", "session")
                                                       : json_pack("{s[] s[]}", "session", "csrf"));
    if (route->access == ACCESS_VIEWER)
        json_array_append_new(list, json_pack("{s[]}", "share"));
    return list;
}

/* --- all --- */

/* What has versions takes If-Match. */
static bool has_versions(const struct api_route *route) {
    return strstr(route->answers, "412") != NULL;
}

static json_t *operation(const struct http_route *http, const struct api_route *route, size_t m,
                         const json_t *path_parameters) {
    struct buf id = {0};
    json_t *parameters = json_deep_copy(path_parameters), *body = request_body(route);
    bool several = (http->methods & (http->methods - 1)) != 0;
    buf_printf(&id, "%s%s%s", route->name + strlen("api_"), several ? "_" : "",
               several ? methods[m].name : "");
    add_parameters(route, parameters);
    if (has_versions(route))
        json_array_append_new(parameters,
                              json_pack("{ss ss sb s{ss} ss}", "name", "If-Match", "in", "header",
                                        "required", 0, "schema", "type", "string", "description",
                                        "the ETag of what is to be changed"));
    json_t *o =
        json_pack("{ss ss so ss so so}", "operationId", buf_cstr(&id), "summary", route->doc,
                  "parameters", parameters, "x-access", accesses[route->access], "responses",
                  responses(http, route), "security", security(route, methods[m].method));
    if (body != NULL)
        json_object_set_new(o, "requestBody", body);
    buf_release(&id);
    return o;
}

static json_t *paths(void) {
    json_t *all = json_object();
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct http_route *http = &api_routes[i];
        if (!openapi_has(http))
            continue;
        struct buf path = {0};
        json_t *parameters = json_array();
        openapi_path(http->path, &path, parameters);
        json_t *item = json_object_get(all, buf_cstr(&path));
        if (item == NULL) {
            item = json_object();
            json_object_set_new(all, buf_cstr(&path), item);
        }
        for (size_t m = 0; m < ARRAY_LEN(methods); m++)
            if (http->methods & methods[m].method)
                json_object_set_new(item, methods[m].name,
                                    operation(http, http->extra, m, parameters));
        json_decref(parameters);
        buf_release(&path);
    }
    return all;
}

json_t *openapi_document(const char *base) {
    json_t *schemes =
        json_pack("{s{ss ss} s{ss ss ss} s{ss ss ss} s{ss ss ss}}", "token", "type", "http",
                  "scheme", "bearer", "session", "type", "apiKey", "in", "cookie", "name",
                  SESSION_COOKIE, "csrf", "type", "apiKey", "in", "header", "name", "X-CSRF-Token",
                  "share", "type", "apiKey", "in", "query", "name", "share");
    json_t *error =
        json_pack("{ss s{s{so}}}", "description", "What went wrong, and what to change.", "content",
                  "application/json", "schema", schema_of(STR("Error")));
    return json_pack("{ss s{ss ss s{ss ss}} s[{ss}] so s{so s{so} so}}", "openapi", "3.1.0", "info",
                     "title", "Caskalytics", "version", CASK_VERSION, "license", "name",
                     "Apache-2.0", "identifier", "Apache-2.0", "servers", "url", base, "paths",
                     paths(), "components", "securitySchemes", schemes, "responses", "Error", error,
                     "schemas", schemas_document());
}

void api_openapi(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    const char *base = api_config(x)->public_url;
    json_t *doc = openapi_document(base != NULL ? base : "/");
    char *bytes = json_dumps(doc, JSON_INDENT(1));
    json_decref(doc);
    buf_add_cstr(http_out(x), bytes != NULL ? bytes : "{}");
    free(bytes);
    http_reply(x, MHD_HTTP_OK);
}

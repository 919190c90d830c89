/* /api/v1/openapi.json, made from the table of routes (OpenAPI 3.1.0, spec.openapis.org). */
#include "api/openapi.h"

#include <microhttpd.h>
#include <stdlib.h>

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {{HTTP_GET, "get"},     {HTTP_POST, "post"},     {HTTP_PUT, "put"},
               {HTTP_PATCH, "patch"}, {HTTP_DELETE, "delete"}, {HTTP_OPTIONS, "options"}};

static const char *const accesses[] = {
    [ACCESS_PUBLIC] = "anybody", [ACCESS_LOCAL] = "local",   [ACCESS_SOURCE] = "source",
    [ACCESS_VIEWER] = "viewer",  [ACCESS_EDITOR] = "editor", [ACCESS_ADMIN] = "admin"};

/* "sites" -> "site": what stands for one of them. */
static void add_singular(struct str plural, struct buf *out) {
    if (plural.len > 1 && plural.ptr[plural.len - 1] == 's')
        plural.len--;
    buf_add_str(out, plural.len > 0 ? plural : STR("rest"));
}

/* "/api/v1/sites/{}" -> "/api/v1/sites/{site}", "*" -> "{rest}"; the names go to *parameters. */
static void path_template(const char *path, struct buf *out, json_t *parameters) {
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

/* A line "name:doc" of a route's params. */
struct param {
    struct str name, doc;
    bool in_body, is_list;
};

static bool next_param(struct str *rest, struct param *ret) {
    struct str line;
    if (!str_split(rest, '\n', &line) || line.len == 0)
        return false;
    *ret = (struct param){0};
    (void)str_split(&line, ':', &ret->name);
    ret->doc = line;
    ret->in_body = str_starts(ret->name, STR("."));
    if (ret->in_body)
        ret->name = str_skip(ret->name, 1);
    ret->is_list = ret->name.len > 2 && str_is(str_skip(ret->name, ret->name.len - 2), "[]");
    if (ret->is_list)
        ret->name.len -= 2;
    return true;
}

static json_t *text(struct str s) { return json_stringn(s.ptr, s.len); }

static void add_parameters(const struct api_route *route, json_t *parameters) {
    struct str rest = str_from(route->params);
    struct param p;
    while (next_param(&rest, &p))
        if (!p.in_body)
            json_array_append_new(parameters, json_pack("{so ss so s{ss}}", "name", text(p.name),
                                                        "in", "query", "description", text(p.doc),
                                                        "schema", "type", "string"));
}

static json_t *body_schema(const struct api_route *route) {
    json_t *properties = json_object();
    struct str rest = str_from(route->params);
    struct param p;
    while (next_param(&rest, &p)) {
        if (!p.in_body)
            continue;
        json_t *field = p.is_list ? json_pack("{s[ss] s{ss}}", "type", "array", "null", "items",
                                              "type", "string")
                                  : json_pack("{s[ss]}", "type", "string", "null");
        json_object_set_new(field, "description", text(p.doc));
        char *name = str_dup(p.name);
        json_object_set_new(properties, name, field);
        free(name);
    }
    if (json_object_size(properties) == 0) {
        json_decref(properties);
        return NULL;
    }
    return json_pack("{ss so sb}", "type", "object", "properties", properties,
                     "additionalProperties", 0);
}

static json_t *request_body(const struct http_route *http, const struct api_route *route) {
    json_t *schema = body_schema(route);
    if (schema != NULL)
        return json_pack("{s{s{so}}}", "content", "application/json", "schema", schema);
    return http->max_body > 0 ? json_pack("{s{s{}}}", "content", "*/*") : NULL;
}

static json_t *operation(const struct http_route *http, const struct api_route *route,
                         const char *method, bool several, const json_t *path_parameters) {
    struct buf id = {0};
    json_t *parameters = json_deep_copy(path_parameters), *body = request_body(http, route);
    buf_printf(&id, "%s%s%s", route->name + strlen("api_"), several ? "_" : "",
               several ? method : "");
    add_parameters(route, parameters);
    json_t *o = json_pack("{ss ss so ss s{s{ss} s{ss}}}", "operationId", buf_cstr(&id), "summary",
                          route->doc, "parameters", parameters, "x-access", accesses[route->access],
                          "responses", "2XX", "description", "Done.", "default", "$ref",
                          "#/components/responses/Error");
    if (body != NULL)
        json_object_set_new(o, "requestBody", body);
    json_object_set_new(o, "security",
                        route->access == ACCESS_PUBLIC
                            ? json_pack("[{}]")
                            : json_pack("[{s[]} {s[]} {s[]}]", "token", "session", "share"));
    buf_release(&id);
    return o;
}

static json_t *paths(void) {
    json_t *all = json_object();
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct http_route *http = &api_routes[i];
        struct buf path = {0};
        json_t *parameters = json_array();
        path_template(http->path, &path, parameters);
        json_t *item = json_object_get(all, buf_cstr(&path));
        if (item == NULL) {
            item = json_object();
            json_object_set_new(all, buf_cstr(&path), item);
        }
        for (size_t m = 0; m < ARRAY_LEN(methods); m++)
            if (http->methods & methods[m].method)
                json_object_set_new(item, methods[m].name,
                                    operation(http, http->extra, methods[m].name,
                                              (http->methods & (http->methods - 1)) != 0,
                                              parameters));
        json_decref(parameters);
        buf_release(&path);
    }
    return all;
}

json_t *openapi_document(void) {
    json_t *schemes =
        json_pack("{s{ss ss} s{ss ss ss} s{ss ss ss}}", "token", "type", "http", "scheme", "bearer",
                  "session", "type", "apiKey", "in", "cookie", "name", SESSION_COOKIE, "share",
                  "type", "apiKey", "in", "query", "name", "share");
    json_t *error =
        json_pack("{ss s{s{s{ss s{s{ss}} s[s]}}}}", "description",
                  "What went wrong, and what to change.", "content", "application/json", "schema",
                  "type", "object", "properties", "error", "type", "string", "required", "error");
    return json_pack("{ss s{ss ss s{ss ss}} so s{so s{so}}}", "openapi", "3.1.0", "info", "title",
                     "Caskalytics", "version", CASK_VERSION, "license", "name", "Apache-2.0",
                     "identifier", "Apache-2.0", "paths", paths(), "components", "securitySchemes",
                     schemes, "responses", "Error", error);
}

void api_openapi(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    json_t *doc = openapi_document();
    char *bytes = json_dumps(doc, JSON_INDENT(1));
    json_decref(doc);
    buf_add_cstr(http_out(x), bytes != NULL ? bytes : "{}");
    free(bytes);
    http_reply(x, MHD_HTTP_OK);
}

/* --- docs/api.md --- */

static void list_params(const struct api_route *route, struct buf *out) {
    struct str rest = str_from(route->params);
    struct param p;
    while (next_param(&rest, &p))
        buf_printf(out, "- `%s" STR_FMT "%s` " STR_FMT "\n", p.in_body ? "" : "?", STR_ARG(p.name),
                   p.is_list ? "[]" : "", STR_ARG(p.doc));
    buf_add_cstr(out, *route->params != '\0' ? "\n" : "");
}

static const char intro[] =
    "# HTTP\n"
    "\n"
    "Made from the table of routes, `src/api/routes.def`; `/api/v1/openapi.json` says the same to "
    "programs.\n"
    "\n"
    "## Who asks\n"
    "\n"
    "| shown | by |\n"
    "|---|---|\n"
    "| `Authorization: Bearer TOKEN` | programs: a token of `caskalytics token add` or `POST "
    "/api/v1/tokens`. Scope `read` asks questions, `ingest:SOURCE` sends records to a source, "
    "`admin` does everything. |\n"
    "| cookie `cask_session` | people, after `POST /api/v1/session`. It ends after 30 days without "
    "use, at log-out, and when the password changes. |\n"
    "| `?share=SECRET` | whoever has a share link: reads one site or one dashboard until it "
    "expires |\n"
    "| nothing | over the unix socket `DATA/caskalytics.sock`: whoever may open it is an "
    "administrator |\n"
    "\n"
    "What is shown counts alone: a wrong token is not helped by a cookie. Roles: an administrator "
    "may do all that an editor may, an editor all that a viewer "
    "may. Editors, viewers, tokens and share links may be limited to some sites; all others are "
    "unknown to them.\n"
    "\n"
    "A change over a session (every method but GET) must come from our pages: `Origin` or "
    "`Sec-Fetch-Site` must say so, and `X-CSRF-Token` must be what "
    "log-in and `GET /api/v1/session` return as `csrf`. Bodies are `application/json`; unknown "
    "fields are refused.\n"
    "\n"
    "Failed log-ins make the next ones wait, longer each time: 429 with `Retry-After`. They are "
    "counted by account and network (/24, of IPv6 /64: after 5, up to 5 minutes), so that "
    "who guesses elsewhere keeps nobody out; by address (after 20, up to a minute); and by "
    "account from wherever (after 100, up to a minute). Behind a proxy all people have its "
    "address, unless `trusted_proxies` "
    "names it.\n"
    "\n"
    "## The first administrator\n"
    "\n"
    "While there is none, `serve` prints a link when it starts. It works once, until the server "
    "ends; only its hash is kept, in memory. "
    "`caskalytics user add NAME --role admin` does the same. The server listens beyond loopback "
    "only when there is an administrator. Beacons, records "
    "that are sent in and the unix socket do not wait for one.\n"
    "\n"
    "## Changes by several people\n"
    "\n"
    "What can be changed comes with an `ETag`. A PUT, PATCH or DELETE with `If-Match` is done only "
    "if nobody was faster (else 412). What the configuration file "
    "declares is `fixed` and cannot be changed here (409).\n"
    "\n"
    "## Errors\n"
    "\n"
    "`{\"error\": \"what went wrong, and what to change\"}` with 400, 401 (log in), 403 (you may "
    "not), 404, 409, 412, 413, 429, or 503 with `Retry-After`.\n"
    "\n"
    "## Routes\n"
    "\n"
    "A `?` stands before what belongs in the query string; all else is a field of the body.\n"
    "\n";

void openapi_reference(struct buf *out) {
    static const char *const who[] = {[ACCESS_PUBLIC] = "anybody",
                                      [ACCESS_LOCAL] = "commands of this machine",
                                      [ACCESS_SOURCE] = "a token of the source",
                                      [ACCESS_VIEWER] = "viewers",
                                      [ACCESS_EDITOR] = "editors",
                                      [ACCESS_ADMIN] = "administrators"};
    buf_add_cstr(out, intro);
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct http_route *http = &api_routes[i];
        const struct api_route *route = http->extra;
        if (route->access == ACCESS_LOCAL)
            continue; /* of this program only */
        json_t *parameters = json_array();
        struct buf path = {0};
        path_template(http->path, &path, parameters);
        json_decref(parameters);
        buf_add_cstr(out, "### ");
        bool any = false;
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            if (!(http->methods & methods[m].method))
                continue;
            buf_add_cstr(out, any ? ", " : "");
            for (const char *c = methods[m].name; *c != '\0'; c++)
                buf_add_char(out, (char)(*c - ('a' - 'A')));
            any = true;
        }
        buf_printf(out, " %s\n\n%s For %s.\n\n", buf_cstr(&path), route->doc, who[route->access]);
        list_params(route, out);
        buf_release(&path);
    }
}

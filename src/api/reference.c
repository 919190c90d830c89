/* docs/api.md, made from the table of routes. */
#include "api/openapi.h"
#include "api/params.h"

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {{HTTP_GET, "GET"},     {HTTP_POST, "POST"},     {HTTP_PUT, "PUT"},
               {HTTP_PATCH, "PATCH"}, {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"}};

static void list_params(const struct api_route *route, struct buf *out) {
    static const char *const marks[] = {
        [PARAM_QUERY] = "?", [PARAM_FIELD] = "", [PARAM_BODY] = "@"};
    struct str rest = str_from(route->params);
    struct param p;
    while (param_next(&rest, &p)) {
        buf_printf(out, "- `%s" STR_FMT "`", marks[p.place], STR_ARG(p.name));
        if (!str_is(p.type, "string"))
            buf_printf(out, " `" STR_FMT "`", STR_ARG(p.type));
        buf_printf(out, "%s%s" STR_FMT "\n", p.required ? ", required" : "",
                   p.doc.len > 0 ? ": " : "", STR_ARG(p.doc));
    }
    buf_add_cstr(out, *route->params != '\0' ? "\n" : "");
}

static const char intro[] =
    "# HTTP\n"
    "\n"
    "Made from the table of routes, `src/api/routes.def`. `/api/v1/openapi.json` says the same to "
    "programs, with schemas of all that goes in and out: clients can be generated from it.\n"
    "\n"
    "## A question and its answer\n"
    "\n"
    "    curl -H \"Authorization: Bearer $TOKEN\" "
    "'https://stats.example.org/api/v1/"
    "query?metrics=pageviews,visitors&site=www.example.org&from=2026-05-01&to=2026-05-03&by=day'\n"
    "\n"
    "```json\n"
    "{\"query\":{\"metrics\":[\"pageviews\",\"visitors\"],\"sites\":[\"www.example.org\"],\"from\":"
    "\"2026-05-01T00:00:00+02:00\",\"to\":\"2026-05-03T00:00:00+02:00\",\"tz\":\"Europe/"
    "Berlin\",\"by\":\"day\",\"group\":[],\"filters\":[],\"bots\":\"exclude\"},\"rows\":[\n"
    "{\"time\":\"2026-05-01T00:00:00+02:00\",\"pageviews\":2,\"visitors\":1},\n"
    "{\"time\":\"2026-05-02T00:00:00+02:00\",\"pageviews\":1,\"visitors\":1}],\n"
    "\"total\":{\"pageviews\":3,\"visitors\":2},\n"
    "\"complete_until\":\"2026-05-02T14:00:00+02:00\"}\n"
    "```\n"
    "\n"
    "`query` is the question with all that was left out, and can be asked again as it is:\n"
    "\n"
    "    curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' "
    "https://stats.example.org/api/v1/query \\\n"
    "        -d '{\"metrics\": [\"pageviews\"], \"sites\": [\"www.example.org\"], \"group\": "
    "[\"path\"], \"filters\": [\"country=DE\"], \"limit\": 10}'\n"
    "\n"
    "A metric is `null` where it has no number (a rate of nothing). With `compare` each has a "
    "`METRIC_previous` beside it. `format=csv` and `format=tsv` give the rows with a header line, "
    "without total.\n"
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
    "may do all that an editor may, an editor all that a viewer may. Editors, viewers, tokens and "
    "share links may be limited to some sites; all others are unknown to them.\n"
    "\n"
    "What a user made, also with a token, ends with the right to make it: API tokens when the user "
    "is "
    "removed or is no administrator any more, share links when the user is removed, becomes a "
    "viewer or "
    "loses a site of theirs. What is made on the command line is nobody's and stays until it is "
    "revoked.\n"
    "\n"
    "A change over a session (every method but GET) must come from our pages: `Origin` or "
    "`Sec-Fetch-Site` must say so, and `X-CSRF-Token` must be what log-in and `GET "
    "/api/v1/session` return as `csrf`. Bodies are `application/json`; unknown fields are refused. "
    "With curl:\n"
    "\n"
    "    url=https://stats.example.org\n"
    "    curl -c jar -H 'Content-Type: application/json' $url/api/v1/session -d '{\"name\": "
    "\"ada\", \"password\": \"correct horse\"}'\n"
    "    # {\"user\":\"ada\",\"csrf\":\"k3J...\"}\n"
    "    curl -b jar -H \"Origin: $url\" -H 'X-CSRF-Token: k3J...' -H 'Content-Type: "
    "application/json' $url/api/v1/tokens \\\n"
    "        -d '{\"name\": \"wallboard\", \"scopes\": [\"read\"]}'\n"
    "\n"
    "Failed log-ins make the next ones wait, longer each time: 429 with `Retry-After`. They are "
    "counted by account and network (/24, of IPv6 /64: after 5, up to 5 minutes), so that who "
    "guesses elsewhere keeps nobody out; by address (after 20, up to a minute); and by account "
    "from wherever (after 100, up to a minute). Behind a proxy all people have its address, unless "
    "`trusted_proxies` names it.\n"
    "\n"
    "## The first administrator\n"
    "\n"
    "While there is none, `serve` makes a link when it starts: on a terminal it prints it, else it "
    "is in the file `DATA/setup-link` (mode 0600), and never in a log. It works once, until the "
    "server ends; only its hash is kept, in memory. `caskalytics user add NAME --role admin` does "
    "the "
    "same. The server listens beyond loopback only when there is an administrator. Beacons, "
    "records that are sent in and the unix socket do not wait for one.\n"
    "\n"
    "## Changes by several people\n"
    "\n"
    "What can be changed comes with an `ETag`. A PUT, PATCH or DELETE with `If-Match` is done only "
    "if nobody was faster (else 412). What the configuration file declares is `fixed` and cannot "
    "be changed here (409).\n"
    "\n"
    "## Errors\n"
    "\n"
    "`{\"error\": \"what went wrong, and what to change\"}` with 400, 401 (log in), 403 (you may "
    "not), 404, 409, 412, 413, 429, or 503 with `Retry-After`.\n"
    "\n"
    "## Routes\n"
    "\n"
    "A `?` stands before what belongs in the query string, an `@` before a body as a whole; all "
    "else is a field of a JSON body. Without a type it is a text; `[]` is a list, in a query "
    "string parted by commas; `*` may be repeated; `?` may be null. Types with a capital letter "
    "are schemas of the OpenAPI document.\n"
    "\n";

void openapi_reference(struct buf *out) {
    static const char *const who[] = {[ACCESS_PUBLIC] = "anybody",
                                      [ACCESS_SOURCE] = "a token of the source",
                                      [ACCESS_VIEWER] = "viewers",
                                      [ACCESS_EDITOR] = "editors",
                                      [ACCESS_ADMIN] = "administrators"};
    buf_add_cstr(out, intro);
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct http_route *http = &api_routes[i];
        const struct api_route *route = http->extra;
        if (!openapi_has(http))
            continue;
        json_t *parameters = json_array();
        struct buf path = {0};
        openapi_path(http->path, &path, parameters);
        json_decref(parameters);
        buf_add_cstr(out, "### ");
        bool any = false;
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            if (!(http->methods & methods[m].method))
                continue;
            buf_printf(out, "%s%s", any ? ", " : "", methods[m].name);
            any = true;
        }
        buf_printf(out, " %s\n\n%s For %s.\n\n", buf_cstr(&path), route->doc, who[route->access]);
        list_params(route, out);
        buf_release(&path);
    }
}

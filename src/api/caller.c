/* Who asks: found before a handler is called. Only looks into memory: it runs on event threads. */
#include "api/internal.h"
#include "people/sessions.h"
#include "people/shares.h"
#include "people/tokens.h"

#include <microhttpd.h>
#include <stdlib.h>

const struct caller *api_caller(const struct http_exchange *x) { return http_extra(x); }

const struct config *api_config(const struct http_exchange *x) { return api_caller(x)->config; }

struct people *api_people(const struct api *api) {
    return live_instance(api->options.live)->people;
}

bool caller_sees(const struct caller *caller, struct str site) {
    for (size_t i = 0; i < caller->n_sites; i++)
        if (str_is(site, caller->sites[i]))
            return true;
    return caller->all_sites;
}

static void caller_free(void *arg) {
    struct caller *c = arg;
    struct grant grant = {.name = c->name,
                          .by = c->by,
                          .dashboard = c->dashboard,
                          .sites = {.items = c->sites, .n = c->n_sites}};
    grant_release(&grant);
    config_let_go(c->config);
    free(c);
}

/* --- what a request shows --- */

/* What stands behind "Authorization: Bearer"; ptr NULL: nothing. */
static struct str bearer(const struct http_exchange *x) {
    struct str value = http_header(x, "Authorization"), scheme = STR("Bearer ");
    if (value.len <= scheme.len || !str_eq_nocase(str_of(value.ptr, scheme.len), scheme))
        return (struct str){NULL, 0};
    return str_trim(str_skip(value, scheme.len));
}

static void take_grant(struct caller *c, enum caller_kind kind, const struct grant *grant) {
    static const enum access accesses[] = {[ROLE_NONE] = ACCESS_PUBLIC,
                                           [ROLE_VIEWER] = ACCESS_VIEWER,
                                           [ROLE_EDITOR] = ACCESS_EDITOR,
                                           [ROLE_ADMIN] = ACCESS_ADMIN};
    c->kind = kind;
    c->access = accesses[grant->role];
    c->name = grant->name;
    c->by = grant->by;
    c->dashboard = grant->dashboard;
    c->all_sites = grant->sites.all;
    c->sites = grant->sites.items;
    c->n_sites = grant->sites.n;
}

static void take_all(struct caller *c, enum caller_kind kind, enum access access,
                     const char *name) {
    c->kind = kind;
    c->access = access;
    c->name = xstrdup(name);
    c->all_sites = true;
}

/* What is shown counts alone: a token that is not good is not helped by a session. */
static void recognise(struct api *api, const struct http_exchange *x, struct caller *c) {
    struct people *people = api_people(api);
    struct str token = bearer(x), share = http_query(x, "share"),
               cookie = http_cookie(x, SESSION_COOKIE);
    struct grant grant;
    if (http_is_local(x)) {
        take_all(c, CALLER_LOCAL, ACCESS_ADMIN, PEOPLE_LOCAL);
    } else if (token.ptr != NULL) {
        if (people_find_token(people, token, &grant))
            take_grant(c, CALLER_TOKEN, &grant);
        else
            c->refusal = "unknown or expired token";
    } else if (share.ptr != NULL) {
        if (people_find_share(people, share, &grant))
            take_grant(c, CALLER_SHARE, &grant);
        else
            c->refusal = "unknown or expired share link";
    } else if (cookie.ptr != NULL && people_find_session(people, cookie, &grant)) {
        take_grant(c, CALLER_SESSION, &grant);
    } else if (api->options.open) {
        take_all(c, CALLER_OPEN, ACCESS_VIEWER, "guest");
    }
}

void api_find_caller(struct api *api, struct http_exchange *x) {
    const struct api_route *route = http_route(x)->extra;
    struct caller *c = xcalloc(1, sizeof *c);
    c->config = catalog_hold(live_instance(api->options.live)->catalog);
    /* beacons and the like are from anybody, and many */
    if (route->access >= ACCESS_VIEWER || str_starts(http_path(x), STR("/api/v1/")))
        recognise(api, x, c);
    http_set_extra(x, c, caller_free);
}

char *caller_by(const struct caller *c) { return c->by != NULL ? c->by : c->name; }

/* --- may they? --- */

unsigned caller_admitted(const struct caller *c, enum access access, bool is_local) {
    if (access == ACCESS_LOCAL)
        return is_local ? 0 : MHD_HTTP_FORBIDDEN;
    if (access < ACCESS_VIEWER || c->access >= access)
        return 0;
    return c->kind == CALLER_NOBODY ? MHD_HTTP_UNAUTHORIZED : MHD_HTTP_FORBIDDEN;
}

struct str api_origin_of(struct str url, struct str *ret_rest) {
    size_t at = 0, slashes = 0;
    while (at < url.len && slashes < 3)
        slashes += url.ptr[at++] == '/';
    at -= slashes == 3;
    *ret_rest = str_skip(url, at);
    return str_of(url.ptr, at);
}

/* The origin is that of `public_url`, or the host that the request was sent to. */
static bool is_ours(const struct http_exchange *x, struct str origin) {
    struct str rest, host = http_header(x, "Host"), url = str_from(api_config(x)->public_url);
    static const char *const schemes[] = {"http://", "https://"};
    if (url.len > 0 && str_eq_nocase(api_origin_of(url, &rest), origin))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str scheme = str_from(schemes[i]);
        if (host.len > 0 && str_starts(origin, scheme) &&
            str_eq_nocase(str_skip(origin, scheme.len), host))
            return true;
    }
    return false;
}

/* Browsers say where a request comes from (Fetch standard, Fetch Metadata). */
bool api_same_origin(const struct http_exchange *x, bool must_say) {
    struct str origin = http_header(x, "Origin"), site = http_header(x, "Sec-Fetch-Site");
    if (origin.ptr != NULL && !is_ours(x, origin))
        return false;
    if (site.ptr != NULL && !str_is(site, "same-origin") && !str_is(site, "none"))
        return false;
    return !must_say || origin.ptr != NULL || site.ptr != NULL;
}

/* A cookie comes along with what other pages send: a change needs what only our pages have. */
bool api_is_forged(const struct http_exchange *x) {
    char wanted[SECRET_TEXT];
    const struct caller *c = api_caller(x);
    if (c->kind != CALLER_SESSION || http_method(x) == HTTP_GET || http_method(x) == HTTP_OPTIONS)
        return false;
    people_csrf(http_cookie(x, SESSION_COOKIE), wanted);
    return !api_same_origin(x, true) ||
           !secret_equal(http_header(x, "X-CSRF-Token"), str_from(wanted));
}

bool api_may_ingest(struct api *api, const struct http_exchange *x, struct str source) {
    const struct config_source *declared = catalog_find_source(api_config(x), source);
    struct str token = bearer(x);
    if (declared != NULL && declared->token != NULL &&
        secret_equal(token, str_from(declared->token)))
        return true;
    return http_is_local(x) ||
           (token.ptr != NULL && people_token_may_ingest(api_people(api), token, source));
}

/* --- the cookie --- */

void api_set_session(struct http_exchange *x, const char *secret) {
    struct str rest = STR(""), url = str_from(api_config(x)->public_url);
    struct buf cookie = {0};
    bool secure = str_starts(url, STR("https://"));
    if (url.len > 0)
        (void)api_origin_of(url, &rest);
    while (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    buf_printf(&cookie,
               SESSION_COOKIE "=%s; Path=" STR_FMT "/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
               secret, STR_ARG(rest), *secret != '\0' ? SESSION_IDLE_DAYS * 86400 : 0,
               secure ? "; Secure" : "");
    http_set_header(x, "Set-Cookie", buf_cstr(&cookie));
    buf_release(&cookie);
}

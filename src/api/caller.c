/* Who asks: found before a handler is called. Only looks into memory: it runs on event threads. */
#include "api/internal.h"

#include <sodium.h>

static const struct caller nobody = {.access = ACCESS_PUBLIC};
static const struct caller trusted = {.access = ACCESS_ADMIN, .all_sites = true};
static const struct caller reader = {.access = ACCESS_VIEWER, .all_sites = true};

const struct caller *api_caller(const struct http_exchange *x) { return http_extra(x); }

bool caller_sees(const struct caller *caller, struct str site) {
    for (size_t i = 0; i < caller->n_sites; i++)
        if (str_is(site, caller->sites[i]))
            return true;
    return caller->all_sites;
}

void api_find_caller(struct api *api, struct http_exchange *x) {
    const struct caller *caller = http_is_local(x)    ? &trusted
                                  : api->options.open ? &reader
                                                      : &nobody;
    http_set_extra(x, (void *)(uintptr_t)caller, NULL);
}

/* What stands behind "Authorization: Bearer"; ptr NULL: nothing. */
static struct str bearer(const struct http_exchange *x) {
    struct str value = http_header(x, "Authorization"), scheme = STR("Bearer ");
    if (value.len <= scheme.len || !str_eq_nocase(str_of(value.ptr, scheme.len), scheme))
        return (struct str){NULL, 0};
    return str_trim(str_skip(value, scheme.len));
}

/* In the same time for every token of that length. */
static bool is_secret(struct str given, const char *secret) {
    struct str wanted = str_from(secret);
    return secret != NULL && given.len == wanted.len && given.len > 0 &&
           sodium_memcmp(given.ptr, wanted.ptr, given.len) == 0;
}

bool api_may_ingest(struct api *api, const struct http_exchange *x, struct str source) {
    const struct config *config = api->options.config;
    struct str token = bearer(x);
    for (size_t i = 0; i < config->n_sources; i++)
        if (str_is(source, config->sources[i].id) && is_secret(token, config->sources[i].token))
            return true;
    return http_is_local(x);
}

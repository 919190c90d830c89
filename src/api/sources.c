/* Sources: what the file declares, and those of type `ingest` that were made here. */
#include "api/documents.h"
#include "daemon/tails.h"

#include <microhttpd.h>

/* What a followed source is at; null for all others. */
static json_t *state_json(const struct tail_status *status, const char *id) {
    const struct tail_source_status *s = NULL;
    for (size_t i = 0; i < status->sources.len; i++)
        if (strcmp(status->sources.items[i].id, id) == 0)
            s = &status->sources.items[i];
    if (s == NULL)
        return json_null();
    return json_pack("{so sI sI sI sI}", "error",
                     *s->error != '\0' ? json_of(str_from(s->error)) : json_null(), "lag_bytes",
                     (json_int_t)s->lag, "lines", (json_int_t)s->lines, "files",
                     (json_int_t)s->files.len, "finished_files", (json_int_t)s->finished);
}

static void take_status(const struct api *api, struct tail_status *ret) {
    *ret = (struct tail_status){0};
    if (api->options.tails != NULL)
        tails_status(api->options.tails, ret);
}

static json_t *source_json(const struct config_source *s, const struct tail_status *status) {
    return json_pack("{so so so so so sb so}", "id", json_of(str_from(s->id)), "type",
                     json_of(str_from(s->type)), "site", json_of(str_from(s->site)), "format",
                     json_of(str_from(s->format != NULL ? s->format : "auto")), "path",
                     json_of(str_from(s->path)), "fixed", (int)(s->version == 0), "state",
                     state_json(status, s->id));
}

/* One that names no site has lines of any. */
static bool is_seen(const struct caller *c, const struct config_source *s) {
    return s->site != NULL ? caller_sees(c, str_from(s->site)) : c->all_sites;
}

void api_sources_list(struct http_exchange *x, void *arg) {
    const struct caller *c = api_caller(x);
    json_t *list = json_array();
    struct tail_status status;
    take_status(arg, &status);
    for (size_t i = 0; i < c->config->n_sources; i++)
        if (is_seen(c, &c->config->sources[i]))
            json_array_append_new(list, source_json(&c->config->sources[i], &status));
    tail_status_release(&status);
    api_reply_json(x, MHD_HTTP_OK, json_pack("{so}", "sources", list));
}

static void show_source(struct http_exchange *x, struct api *api, unsigned status, struct str id) {
    const struct config *config = catalog_hold(live_instance(api->options.live)->catalog);
    const struct config_source *s = catalog_find_source(config, id);
    if (s == NULL || !is_seen(api_caller(x), s)) {
        http_reply_error(x, MHD_HTTP_NOT_FOUND, "there is no such source");
    } else {
        api_set_version(x, s->version);
        struct tail_status now;
        take_status(api, &now);
        api_reply_json(x, status, source_json(s, &now));
        tail_status_release(&now);
    }
    config_let_go(config);
}

void api_sources_get(struct http_exchange *x, void *arg) {
    show_source(x, arg, MHD_HTTP_OK, http_param(x, 0));
}

static uint64_t version_of(const struct config *config, struct str id) {
    const struct config_source *s = catalog_find_source(config, id);
    return s != NULL ? s->version : CONTROL_ANY;
}

static int put_source(struct catalog *catalog, const json_t *doc, struct str id, uint64_t version,
                      struct err *err) {
    struct str site, format;
    int rc = body_text(doc, "site", &site, err);
    if (rc == 0)
        rc = body_text(doc, "format", &format, err);
    return rc == 0 ? catalog_put_source(catalog, id, site, format, version, err) : rc;
}

static const struct document_kind kind = {
    "source", "id", version_of, put_source, catalog_remove_source, show_source};

void api_sources_post(struct http_exchange *x, void *arg) { document_post(x, arg, &kind); }
void api_sources_put(struct http_exchange *x, void *arg) { document_put(x, arg, &kind); }
void api_sources_delete(struct http_exchange *x, void *arg) { document_delete(x, arg, &kind); }

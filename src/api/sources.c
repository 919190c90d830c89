/* Sources: what the file declares, and those of type `ingest` that were made here. */
#include "api/body.h"
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

/* `version` 0: a new one. */
static void put_source(struct http_exchange *x, struct api *api, uint64_t version) {
    struct catalog *catalog = live_instance(api->options.live)->catalog;
    struct str id = http_param(x, 0), site, format;
    json_t *doc = NULL;
    struct err err = {0};
    int rc = body_read(x, &doc, &err);
    if (rc == 0 && version == 0)
        rc = body_need(doc, "id", &id, &err);
    if (rc == 0)
        rc = body_text(doc, "site", &site, &err);
    if (rc == 0)
        rc = body_text(doc, "format", &format, &err);
    if (rc == 0)
        rc = catalog_put_source(catalog, id, site, format, version, &err);
    if (rc == 0) {
        api_audit(x, version == 0 ? "source_added" : "source_changed", "source", id);
        show_source(x, api, version == 0 ? MHD_HTTP_CREATED : MHD_HTTP_OK, id);
    } else {
        api_reply_err(x, &err);
    }
    json_decref(doc);
}

void api_sources_post(struct http_exchange *x, void *arg) { put_source(x, arg, 0); }

/* False: replied. */
static bool find_version(struct http_exchange *x, uint64_t *ret_version) {
    const struct config_source *s = catalog_find_source(api_config(x), http_param(x, 0));
    *ret_version = s != NULL && s->version > 0 ? s->version : CONTROL_ANY;
    return s == NULL || api_match(x, s->version);
}

void api_sources_put(struct http_exchange *x, void *arg) {
    uint64_t version;
    if (find_version(x, &version))
        put_source(x, arg, version);
}

void api_sources_delete(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct catalog *catalog = live_instance(api->options.live)->catalog;
    uint64_t version;
    struct err err = {0};
    if (!find_version(x, &version))
        return;
    if (catalog_remove_source(catalog, http_param(x, 0), version, &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_audit(x, "source_removed", "source", http_param(x, 0));
    api_reply_nothing(x);
}

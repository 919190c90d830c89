/* Sources: what the file declares, and those of type `ingest` that were made here. */
#include "api/documents.h"
#include "daemon/tails.h"

#include <microhttpd.h>
#include <stdio.h>

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

/* --- what became of what it sent --- */

static json_t *rejection_json(const struct apply_rejection *r) {
    char bid[24];
    if (r->bid == 0)
        return json_null();
    snprintf(bid, sizeof bid, "%llu", (unsigned long long)r->bid);
    return json_pack("{ss ss so ss sI}", "reason", reason_name(r->reason), "text",
                     reason_text(r->reason), "time", json_time(r->ts_ms), "bid", bid, "place",
                     (json_int_t)r->place);
}

/* By reason, of lines that were excluded, or of those that were rejected. */
static json_t *reasons_json(const struct apply_counts *lines, bool exclusions, json_int_t *ret) {
    json_t *by = json_object();
    *ret = 0;
    for (size_t r = 0; r < REASON_COUNT; r++) {
        if (lines->rejected[r] == 0 || reason_is_exclusion((enum reason)r) != exclusions)
            continue;
        *ret += (json_int_t)lines->rejected[r];
        json_object_set_new(by, reason_name((enum reason)r),
                            json_integer((json_int_t)lines->rejected[r]));
    }
    return by;
}

static json_t *counts_json(const struct api *api, const char *id, bool with_ids) {
    struct live_source counts = live_source(api->options.live, id);
    const struct apply_counts *lines = &counts.lines;
    json_int_t rejected, excluded;
    json_t *reasons = reasons_json(lines, false, &rejected),
           *exclusions = reasons_json(lines, true, &excluded);
    return json_pack("{so sI sI so sI so so sI so so}", "since", json_time(api->started_ms),
                     "accepted", (json_int_t)lines->accepted, "rejected", rejected, "reasons",
                     reasons, "excluded", excluded, "exclusions", exclusions, "duplicates",
                     with_ids ? json_integer((json_int_t)counts.duplicates) : json_null(), "bytes",
                     (json_int_t)lines->bytes, "last_record", json_time(lines->last_ms),
                     "last_rejection", rejection_json(&lines->last_rejection));
}

/* --- the source --- */

static void take_status(const struct api *api, struct tail_status *ret) {
    *ret = (struct tail_status){0};
    if (api->options.tails != NULL)
        tails_status(api->options.tails, ret);
}

static json_t *source_json(const struct api *api, const struct config_source *s,
                           const struct tail_status *status) {
    return json_pack("{so so so so so sb so so}", "id", json_of(str_from(s->id)), "type",
                     json_of(str_from(s->type)), "site", json_of(str_from(s->site)), "format",
                     json_of(str_from(s->format != NULL ? s->format : "auto")), "path",
                     json_of(str_from(s->path)), "fixed", (int)(s->version == 0), "state",
                     state_json(status, s->id), "counts",
                     counts_json(api, s->id, strcmp(s->type, "tail") != 0));
}

/* One that names no site has lines of any, and beacons of any site count as one of their name. */
static bool is_seen(const struct caller *c, const struct config_source *s) {
    bool one_site = s->site != NULL && strcmp(s->id, BEACON_SOURCE) != 0;
    return one_site ? caller_sees(c, str_from(s->site)) : c->all_sites;
}

void api_sources_list(struct http_exchange *x, void *arg) {
    const struct api *api = arg;
    const struct caller *c = api_caller(x);
    json_t *list = json_array();
    struct tail_status status;
    take_status(api, &status);
    for (size_t i = 0; i < c->config->n_sources; i++)
        if (is_seen(c, &c->config->sources[i]))
            json_array_append_new(list, source_json(api, &c->config->sources[i], &status));
    tail_status_release(&status);
    api_reply_json(x, MHD_HTTP_OK,
                   json_pack("{so so}", "sources", list, "beacons",
                             c->all_sites ? counts_json(api, BEACON_SOURCE, true) : json_null()));
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
        api_reply_json(x, status, source_json(api, s, &now));
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

#include "api/documents.h"

#include <microhttpd.h>
#include <stdio.h>

static void audit(const struct http_exchange *x, const struct document_kind *kind,
                  const char *happened, struct str name) {
    char event[32];
    snprintf(event, sizeof event, "%s_%s", kind->what, happened);
    api_audit(x, event, kind->what, name);
}

static struct catalog *catalog_of(const struct api *api) {
    return live_instance(api->options.live)->catalog;
}

/* `version` 0: a new one. */
static void put(struct http_exchange *x, struct api *api, const struct document_kind *kind,
                uint64_t version) {
    struct str name = http_param(x, 0);
    json_t *doc = NULL;
    struct err err = {0};
    bool is_new = version == 0;
    int rc = body_read(x, &doc, &err);
    if (rc == 0 && is_new)
        rc = body_need(doc, kind->key, &name, &err);
    if (rc == 0)
        rc = kind->put(catalog_of(api), doc, name, version, &err);
    if (rc == 0) {
        audit(x, kind, is_new ? "added" : "changed", name);
        kind->show(x, api, is_new ? MHD_HTTP_CREATED : MHD_HTTP_OK, name);
    } else {
        api_reply_err(x, &err);
    }
    json_decref(doc);
}

/* The version that is to be changed. False: replied, another one was asked for. */
static bool match(struct http_exchange *x, const struct document_kind *kind,
                  uint64_t *ret_version) {
    uint64_t version = kind->version(api_config(x), http_param(x, 0));
    *ret_version = version > 0 ? version : CONTROL_ANY;
    return version == CONTROL_ANY || api_match(x, version);
}

void document_post(struct http_exchange *x, struct api *api, const struct document_kind *kind) {
    put(x, api, kind, 0);
}

void document_put(struct http_exchange *x, struct api *api, const struct document_kind *kind) {
    uint64_t version;
    if (match(x, kind, &version))
        put(x, api, kind, version);
}

void document_delete(struct http_exchange *x, struct api *api, const struct document_kind *kind) {
    struct str name = http_param(x, 0);
    uint64_t version;
    struct err err = {0};
    if (!match(x, kind, &version))
        return;
    if (kind->remove(catalog_of(api), name, version, &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    audit(x, kind, "removed", name);
    api_reply_nothing(x);
}

/* Documents under /api/v1 that stand in the configuration or were made here: what handlers of a
 * kind of them share. */
#ifndef CASK_API_DOCUMENTS_H
#define CASK_API_DOCUMENTS_H

#include "api/body.h"

struct document_kind {
    const char *what; /* in the log: "site" */
    const char *key;  /* the field that names a new one; later it is the {} of the route */
    /* 0 of a fixed one, CONTROL_ANY: there is none. */
    uint64_t (*version)(const struct config *config, struct str name);
    /* Take over what `doc` says; `version` as of catalog_put_site(). */
    int (*put)(struct catalog *catalog, const json_t *doc, struct str name, uint64_t version,
               struct err *err);
    int (*remove)(struct catalog *catalog, struct str name, uint64_t version, struct err *err);
    /* Reply with it as it is now, which may be newer than what the exchange began with. */
    void (*show)(struct http_exchange *x, struct api *api, unsigned status, struct str name);
};

void document_post(struct http_exchange *x, struct api *api, const struct document_kind *kind);
void document_put(struct http_exchange *x, struct api *api, const struct document_kind *kind);
void document_delete(struct http_exchange *x, struct api *api, const struct document_kind *kind);

#endif

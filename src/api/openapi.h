/* The document of the routes: OpenAPI, and docs/api.md. */
#ifndef CASK_API_OPENAPI_H
#define CASK_API_OPENAPI_H

#include "api/internal.h"

#include <jansson.h>

/* `base`: where the server is reached. */
json_t *openapi_document(const char *base);
/* False: for the commands of this program only, and no contract with anybody else. */
bool openapi_has(const struct http_route *http);
/* "/api/v1/sites/{}" -> "/api/v1/sites/{site}", "*" -> "{rest}"; the names go to *parameters. */
void openapi_path(const char *path, struct buf *out, json_t *parameters);
/* docs/api.md */
void openapi_reference(struct buf *out);

#endif

/* The document of the routes: OpenAPI, and docs/api.md. */
#ifndef CASK_API_OPENAPI_H
#define CASK_API_OPENAPI_H

#include "api/internal.h"

#include <jansson.h>

json_t *openapi_document(void);
/* docs/api.md */
void openapi_reference(struct buf *out);

#endif

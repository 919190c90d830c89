/* JSON schemas of what the API takes and gives (schemas.def), for the OpenAPI document. */
#ifndef CASK_API_SCHEMAS_H
#define CASK_API_SCHEMAS_H

#include "api/params.h"

#include <jansson.h>

/* Of a type as in params.h. */
json_t *schema_of(struct str type);
/* An object with the fields of that place among the lines. */
json_t *schema_of_fields(const char *fields, enum param_place place, bool more);
/* All that have a name: components/schemas. */
json_t *schemas_document(void);

#endif

/* What routes and schemas say about themselves: lines "NAME[!] [TYPE]:what it is" (routes.def,
 * schemas.def).
 *
 * NAME  of a parameter of the query string; ".NAME" of a field of the body; "@MEDIA" a body as a
 *       whole. `!`: it must be there.
 * TYPE  string (without one), integer, count (from 1 on), number, boolean, time, day, object, any,
 *       or a schema. Behind it [] a list (in a query string parted by commas), * one that may be
 *       repeated, ? null as well. "A|B": either. */
#ifndef CASK_API_PARAMS_H
#define CASK_API_PARAMS_H

#include "base/str.h"

enum param_place { PARAM_QUERY, PARAM_FIELD, PARAM_BODY };

struct param {
    struct str name, type, doc;
    enum param_place place;
    bool required;
};

/* False: no more. */
bool param_next(struct str *rest, struct param *ret);
/* Is it a field of the body? */
bool params_have_field(const char *params, const char *name);

#endif

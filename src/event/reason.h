/* Why a line is no hit: one row each in schema/reasons.def. */
#ifndef CASK_REASON_H
#define CASK_REASON_H

#include "base/base.h"

enum reason {
    REASON_NONE = 0,
#define REASON(name, text) REASON_##name,
#define EXCLUSION(name, text) REASON_##name,
#include "reasons.def"
#undef REASON
#undef EXCLUSION
    REASON_COUNT
};
const char *reason_name(enum reason reason); /* "bad_time" */
const char *reason_text(enum reason reason); /* "the time stamp cannot be read" */
/* The line can be read, and the configuration excludes it: it is not rejected. */
bool reason_is_exclusion(enum reason reason);

#endif

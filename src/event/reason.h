/* Why a line is rejected: one row each in schema/reasons.def. */
#ifndef CASK_REASON_H
#define CASK_REASON_H

#include "base/base.h"

enum reason {
    REASON_NONE = 0,
#define REASON(name, text) REASON_##name,
#include "reasons.def"
#undef REASON
    REASON_COUNT
};
const char *reason_name(enum reason reason); /* "bad_time" */
const char *reason_text(enum reason reason); /* "the time stamp cannot be read" */

#endif

/* struct counters: what a source read of one repository at one time (schema/counters.def). */
#ifndef CASK_COUNTERS_H
#define CASK_COUNTERS_H

#include "base/str.h"

#define COUNTER_UNKNOWN (-1) /* the source does not know it: null in the lake */

struct counters {
    struct str repo; /* OWNER/NAME */
#define COUNTER(name, presence, doc) int64_t name;
#include "counters.def"
#undef COUNTER
};

#endif

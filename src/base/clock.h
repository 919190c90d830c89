/* Time as an argument, so that tests can fake it. */
#ifndef CASK_CLOCK_H
#define CASK_CLOCK_H

#include "base/base.h"

struct clock {
    int64_t (*now_ms)(void *arg); /* milliseconds since 1970-01-01T00:00Z */
    void *arg;
};

extern const struct clock clock_system;
static inline int64_t clock_now_ms(const struct clock *c) { return c->now_ms(c->arg); }

double clock_monotonic_seconds(void); /* for rates and time-outs only */

#endif

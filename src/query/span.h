/* Buckets of time: what they are called and which time they cover. A question without `by` has one.
 */
#ifndef CASK_SPAN_H
#define CASK_SPAN_H

#include "base/err.h"
#include "base/zone.h"
#include "query/question.h"

struct span {
    int64_t label;    /* start of the calendar bucket */
    int64_t from, to; /* the time covered: all of it, or what the range leaves; from == to: none */
};
struct spans {
    struct span *items;
    size_t len, cap;
};

/* Buckets of `by` that tile [from, to). ERR_USAGE: more than LIMIT_BUCKETS. */
MUSTCHECK int spans_make(const struct zone *zone, enum grain by, int64_t from, int64_t to,
                         struct spans *ret, struct err *err);

struct comparison {
    enum compare with;
    enum align align; /* ALIGN_WEEKDAY: 4 weeks for a month, 13 for a quarter, 52 for a year */
};

/* The spans to compare with, one for each, in the same order; ret.items[i].from == to where a span
 * has no counterpart (29 March a month before), and where it lies behind `now`. A span that `now`
 * cuts is compared with the same part of the earlier one. A week always goes with a week. */
void spans_shift(const struct zone *zone, enum grain by, struct comparison c, int64_t now,
                 const struct spans *spans, struct spans *ret);

/* The span that starts at `from`, or SIZE_MAX. */
size_t spans_find(const struct spans *spans, int64_t from);
void spans_release(struct spans *spans);

#endif

#include "query/span.h"

#include "base/limits.h"
#include <stdlib.h>

int spans_make(const struct zone *zone, enum grain by, int64_t from, int64_t to, struct spans *ret,
               struct err *err) {
    if (by == GRAIN_NONE) {
        vec_push(ret, ((struct span){from, from, to}));
        return 0;
    }
    for (int64_t at = from; at < to;) {
        struct span span = {zone_floor(zone, by, at), at, min_i64(zone_next(zone, by, at), to)};
        if (ret->len == LIMIT_BUCKETS)
            return err_set(
                err, ERR_USAGE,
                "more than %zu time buckets: choose a coarser grain (by) or a shorter range",
                LIMIT_BUCKETS);
        vec_push(ret, span);
        at = span.to;
    }
    return 0;
}

/* The whole weeks that come nearest to a month, a quarter and a year of any length. */
static const int weeks_of[] = {[COMPARE_WEEK] = 1,
                               [COMPARE_MONTH] = 4,
                               [COMPARE_QUARTER] = 13,
                               [COMPARE_YEAR] = 52,
                               [COMPARE_PREVIOUS] = 0};
static const enum grain grain_of[] = {[COMPARE_WEEK] = GRAIN_WEEK,
                                      [COMPARE_MONTH] = GRAIN_MONTH,
                                      [COMPARE_QUARTER] = GRAIN_QUARTER,
                                      [COMPARE_YEAR] = GRAIN_YEAR,
                                      [COMPARE_PREVIOUS] = GRAIN_NONE};

static bool by_weeks(struct comparison c) {
    return c.align == ALIGN_WEEKDAY && weeks_of[c.with] > 0;
}

/* Does the earlier month lack this day? */
static bool is_missing_day(const struct zone *zone, struct comparison c, int64_t instant) {
    if (by_weeks(c) || grain_of[c.with] < GRAIN_MONTH)
        return false;
    int64_t earlier = zone_shift(zone, grain_of[c.with], instant, -1);
    return zone_civil(zone, instant).day != zone_civil(zone, earlier).day;
}

/* An instant, moved back as far as the comparison says. What lies in a day that the earlier month
 * lacks falls on the end of that month. */
static int64_t shift(const struct zone *zone, enum grain by, struct comparison c,
                     const struct spans *spans, int64_t instant) {
    if (by_weeks(c))
        return zone_shift(zone, GRAIN_WEEK, instant, -weeks_of[c.with]);
    if (grain_of[c.with] != GRAIN_NONE) {
        int64_t earlier = zone_shift(zone, grain_of[c.with], instant, -1);
        return is_missing_day(zone, c, instant) ? zone_next(zone, GRAIN_MONTH, earlier) : earlier;
    }
    if (by != GRAIN_NONE)
        return zone_shift(zone, by, instant, -(int)spans->len);
    /* a range of whole days goes back by days, so that it begins and ends at midnight again */
    struct span all = {0, spans->items[0].from, spans->items[spans->len - 1].to};
    bool days = zone_floor(zone, GRAIN_DAY, all.from) == all.from &&
                zone_floor(zone, GRAIN_DAY, all.to) == all.to;
    if (days)
        return zone_shift(zone, GRAIN_DAY, instant, -(int)((all.to - all.from + 43200) / 86400));
    return instant - (all.to - all.from);
}

/* The counterpart of one span, whether or not it is in the future. */
static struct span shift_span(const struct zone *zone, enum grain by, struct comparison c,
                              const struct spans *spans, struct span span) {
    struct span ret;
    ret.from = shift(zone, by, c, spans, span.from);
    ret.to = shift(zone, by, c, spans, span.to);
    bool short_span = by == GRAIN_HOUR || by == GRAIN_DAY;
    if (short_span && is_missing_day(zone, c, span.from)) {
        ret.to = ret.from;
    } else if (short_span) {
        /* an hour that occurs twice is compared with the one there is */
        int64_t next = zone_next(zone, by, ret.from);
        ret.to = ret.to <= ret.from ? next : min_i64(ret.to, next);
    }
    ret.label = ret.from;
    return ret;
}

/* An hour that the earlier day skipped fell on the next one, which has a counterpart of its own. */
static bool is_other_hour(const struct zone *zone, enum grain by, struct comparison c, int64_t from,
                          int64_t earlier) {
    return by == GRAIN_HOUR && c.with != COMPARE_PREVIOUS &&
           zone_civil(zone, from).hour != zone_civil(zone, earlier).hour;
}

void spans_shift(const struct zone *zone, enum grain by, struct comparison c, int64_t now,
                 const struct spans *spans, struct spans *ret) {
    if (by == GRAIN_WEEK)
        c.align = ALIGN_WEEKDAY; /* weeks do not fit the others, so a week goes with a week */
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < spans->len; i++) {
        struct span span = spans->items[i];
        bool future = now <= span.from;
        if (now > span.from && now < span.to)
            span.to = now;
        struct span earlier = shift_span(zone, by, c, spans, span);
        if (future || earlier.from <= last || earlier.to <= earlier.from ||
            is_other_hour(zone, by, c, span.from, earlier.from))
            earlier.to = earlier.from;
        else
            last = earlier.from;
        vec_push(ret, earlier);
    }
    /* 28 February ends where 1 March begins, not where a clipped border fell */
    int64_t next = INT64_MAX;
    for (size_t i = ret->len; i-- > 0;) {
        struct span *span = &ret->items[i];
        if (span->to > span->from) {
            span->to = min_i64(span->to, next);
            next = span->from;
        }
    }
}

size_t spans_find(const struct spans *spans, int64_t from) {
    size_t low = 0, high = spans->len; /* spans before `low` begin at `from` or earlier */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (spans->items[middle].from <= from)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && max_i64(spans->items[low - 1].from, 0) == from ? low - 1 : SIZE_MAX;
}

void spans_release(struct spans *spans) {
    free(spans->items);
    *spans = (struct spans){0};
}

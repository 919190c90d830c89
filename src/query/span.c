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
            return err_set(err, ERR_USAGE,
                           "more than %zu time buckets: choose a coarser --by or a shorter range",
                           LIMIT_BUCKETS);
        vec_push(ret, span);
        at = span.to;
    }
    return 0;
}

/* An instant, moved back as far as the comparison says. */
static int64_t shift(const struct zone *zone, enum grain by, enum compare compare,
                     const struct spans *spans, int64_t instant) {
    switch (compare) {
    case COMPARE_WEEK:
        return zone_shift(zone, GRAIN_WEEK, instant, -1);
    case COMPARE_MONTH:
        return zone_shift(zone, GRAIN_MONTH, instant, -1);
    case COMPARE_QUARTER:
        return zone_shift(zone, GRAIN_QUARTER, instant, -1);
    case COMPARE_YEAR:
        return zone_shift(zone, GRAIN_YEAR, instant, -1);
    default:
        break;
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

void spans_shift(const struct zone *zone, enum grain by, enum compare compare, int64_t now,
                 const struct spans *spans, struct spans *ret) {
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < spans->len; i++) {
        struct span span = spans->items[i];
        bool partial = now > span.from && now < span.to;
        int64_t from = shift(zone, by, compare, spans, span.from);
        int64_t to = shift(zone, by, compare, spans, partial ? now : span.to);
        if (by != GRAIN_NONE) /* a shorter month must not lengthen its last day */
            to = min_i64(to, zone_next(zone, by, from));
        bool none = from <= last || to <= from || now <= span.from;
        if (by != GRAIN_NONE && !partial && to <= from) { /* borders that fell together: 28 February */
            to = zone_next(zone, by, from);
            none = from <= last || now <= span.from;
        }
        struct span earlier = {from, from, none ? from : to};
        if (!none)
            last = from;
        vec_push(ret, earlier);
    }
    /* 28 February ends where 1 March begins, not where a clipped border fell */
    for (size_t i = 0; i + 1 < ret->len; i++)
        for (size_t j = i + 1; j < ret->len && ret->items[i].to > ret->items[i].from; j++)
            if (ret->items[j].to > ret->items[j].from) {
                ret->items[i].to = min_i64(ret->items[i].to, ret->items[j].from);
                break;
            }
}

size_t spans_find(const struct spans *spans, int64_t from) {
    for (size_t low = 0, high = spans->len; low < high;) {
        size_t middle = (low + high) / 2;
        if (spans->items[middle].from == from)
            return middle;
        if (spans->items[middle].from < from)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

void spans_release(struct spans *spans) {
    free(spans->items);
    *spans = (struct spans){0};
}

#include "cube/ranges.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first range that ends at or behind t. */
static size_t first_ending_from(const struct ranges *r, int64_t t) {
    size_t low = 0, high = r->len;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->items[middle].to < t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void replace(struct ranges *r, size_t at, size_t n, const struct range *with,
                    size_t n_with) {
    while (r->len - n + n_with > r->cap)
        r->items = vec_grow_(r->items, &r->cap, sizeof *r->items);
    if (r->len > at + n)
        memmove(r->items + at + n_with, r->items + at + n, (r->len - at - n) * sizeof *r->items);
    for (size_t i = 0; i < n_with; i++)
        r->items[at + i] = with[i];
    r->len = r->len - n + n_with;
}

void ranges_add(struct ranges *r, int64_t from, int64_t to) {
    if (from >= to)
        return;
    size_t at = first_ending_from(r, from), n = 0;
    struct range whole = {from, to};
    while (at + n < r->len && r->items[at + n].from <= to) {
        whole.from = min_i64(whole.from, r->items[at + n].from);
        whole.to = max_i64(whole.to, r->items[at + n].to);
        n++;
    }
    replace(r, at, n, &whole, 1);
}

bool ranges_remove(struct ranges *r, int64_t from, int64_t to) {
    if (from >= to)
        return false;
    size_t at = first_ending_from(r, from + 1), n = 0, n_left = 0;
    struct range left[2];
    while (at + n < r->len && r->items[at + n].from < to) {
        struct range old = r->items[at + n];
        if (old.from < from)
            left[n_left++] = (struct range){old.from, from};
        if (old.to > to)
            left[n_left++] = (struct range){to, old.to};
        n++;
    }
    if (n > 0)
        replace(r, at, n, left, n_left);
    return n > 0;
}

bool ranges_contain(const struct ranges *r, int64_t from, int64_t to) {
    if (from >= to)
        return true;
    size_t at = first_ending_from(r, to);
    return at < r->len && r->items[at].from <= from;
}

bool ranges_overlap(const struct ranges *r, int64_t from, int64_t to) {
    size_t at = first_ending_from(r, from + 1);
    return from < to && at < r->len && r->items[at].from < to;
}

void ranges_copy(struct ranges *to, const struct ranges *from) {
    to->len = 0;
    for (size_t i = 0; i < from->len; i++)
        vec_push(to, from->items[i]);
}

void ranges_clip(const struct ranges *r, int64_t from, int64_t to, bool inside,
                 struct ranges *ret) {
    int64_t at = from;
    for (size_t i = first_ending_from(r, from + 1); i < r->len && r->items[i].from < to; i++) {
        int64_t start = max_i64(r->items[i].from, from), end = min_i64(r->items[i].to, to);
        if (inside)
            ranges_add(ret, start, end);
        else
            ranges_add(ret, at, start);
        at = end;
    }
    if (!inside)
        ranges_add(ret, at, to);
}

void ranges_release(struct ranges *r) {
    free(r->items);
    *r = (struct ranges){0};
}

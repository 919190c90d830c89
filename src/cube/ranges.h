/* Sets of time as sorted, disjoint, non-touching ranges [from, to) of seconds since the epoch. */
#ifndef CASK_RANGES_H
#define CASK_RANGES_H

#include "base/base.h"

struct range {
    int64_t from, to;
};

struct ranges {
    struct range *items;
    size_t len, cap;
};

void ranges_add(struct ranges *r, int64_t from, int64_t to);
/* True if anything was taken away. */
bool ranges_remove(struct ranges *r, int64_t from, int64_t to);
bool ranges_contain(const struct ranges *r, int64_t from, int64_t to); /* all of it */
bool ranges_overlap(const struct ranges *r, int64_t from, int64_t to); /* any of it */
void ranges_copy(struct ranges *to, const struct ranges *from);        /* replaces *to */
/* Parts of [from, to) that are in r (inside true) or not in it, appended to *ret. */
void ranges_clip(const struct ranges *r, int64_t from, int64_t to, bool inside, struct ranges *ret);
void ranges_release(struct ranges *r);

#endif

/* What the store already has when apply starts (docs/decisions.md D3): found by asking the store.
 */
#ifndef CASK_RECONCILE_H
#define CASK_RECONCILE_H

#include "store/applied.h"
#include "store/client.h"

struct present_part {
    uint64_t bid;
    uint32_t month; /* 0: the table `rejected` */
    uint64_t rows;
};

struct present {
    uint64_t applied;               /* at or below it all is in, but for the months of `redo` */
    VEC(struct present_part) parts; /* above it: sorted by (bid, month) */
    size_t moved;                   /* parts before this are in the counts of `applied` already */
    VEC(uint32_t) redo;             /* months that are made again because their count was wrong */
};

/* Compares counts at or below `applied`, drops of the months that differ what is in the store
 * (before_drop, if not NULL, is called before each), then asks for blocks and months above it. */
MUSTCHECK int reconcile(struct client *client, enum dataset dataset, const struct applied *applied,
                        int (*before_drop)(void *arg, struct err *err), void *arg,
                        struct present *ret, struct err *err);
void present_release(struct present *p);

/* Is there anything to look at, so that present_has() must be asked for each row? */
static inline bool present_any(const struct present *p) {
    return p->parts.len > 0 || p->redo.len > 0;
}
/* Are the rows of this month of this block in the store? */
bool present_has(const struct present *p, uint64_t bid, uint32_t month);

/* Parts up to `bid` count as applied now: add their rows. */
void present_move_counts(struct present *p, uint64_t bid, struct applied *applied);

static inline bool present_redoing(const struct present *p) { return p->redo.len > 0; }
/* The months were made again: take their counts anew. */
MUSTCHECK int present_redone(struct present *p, struct client *client, enum dataset dataset,
                             struct applied *applied, struct err *err);

#endif

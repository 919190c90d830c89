/* A batch: refined rows of whole lake blocks, ready to be inserted, one Native block a month
 * (docs/decisions.md D3), and what it touches. */
#ifndef CASK_BATCH_H
#define CASK_BATCH_H

#include "event/event.h"
#include "refine/refine.h"
#include "store/native.h"
#include "store/schema.h"

/* Rows of one calendar month (UTC) of a table; month 0 is that of `rejected`, which has no months.
 */
struct month_rows {
    enum schema_table table;
    uint32_t month; /* YYYYMM */
    uint64_t n;
    struct native_column *columns; /* those of the table */
};

/* Hours (UTC, ts / 3600) of one site that have new rows: sorted ranges [from, to). */
struct hour_range {
    uint32_t from, to;
};
struct touched_site {
    char *site;
    VEC(struct hour_range) ranges;
};

struct batch {
    VEC(struct month_rows) months;
    VEC(struct touched_site) touched;
    uint64_t first_bid, last_bid; /* 0: no block */
    uint64_t rows, bytes;
    uint64_t month_start, month_end; /* of the last row's month: [start, end), to find it fast */
    size_t month_at;
    size_t touched_at; /* index of the site seen last */
};

void batch_add_event(struct batch *b, const struct event *event);
/* A record of counters. No cell is made of these, so no time is touched. */
void batch_add_counters(struct batch *b, uint64_t bid, const struct record *record);
/* The time is reached by rows, though none is added. */
void batch_touch(struct batch *b, struct str site, uint32_t ts);
void batch_add_rejected(struct batch *b, uint64_t bid, uint32_t place, struct str site,
                        enum reason reason, uint32_t rules);
/* The rows of a month as the body of one INSERT ... FORMAT Native; appends. */
void batch_encode(const struct month_rows *month, struct buf *ret);
void batch_clear(struct batch *b);
void batch_release(struct batch *b);

/* The time of a record of counters in the store. */
uint32_t batch_counters_ts(const struct record *record);

/* Month (YYYYMM, UTC) of an instant, and where it begins and ends. */
uint32_t month_of(uint32_t ts, uint64_t *ret_start, uint64_t *ret_end);

#endif

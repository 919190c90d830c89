/* SQL of the facts: sub-queries whose rows metrics are sums over (docs/decisions.md D4), and the
 * pieces that all statements share: which time of which site, which bucket. */
#ifndef CASK_FACTS_H
#define CASK_FACTS_H

#include "base/zone.h"
#include "cube/ranges.h"
#include "cube/words.h"
#include "event/record.h"

#define SESSION_GAP 1800    /* seconds without a page view that end a session */
#define SESSION_REACH 43200 /* a page view takes its source from at most so far back */
#define DOWNLOAD_GAP 21600  /* seconds without a request that end a download */

/* Time of some sites; of all their visitors, or of one of several parts of them (flags look at one
 * visitor only, so parts need nothing of each other). */
struct site_ranges {
    struct str site;
    struct ranges ranges;
};
struct selection {
    struct site_ranges *items; /* by name */
    size_t len, cap;
    unsigned part, parts; /* parts 0: all visitors */
};
/* Adds an empty one if missing. Until the next call. */
struct ranges *selection_site(struct selection *s, struct str site);
bool selection_empty(const struct selection *s);
void selection_release(struct selection *s);

/* Condition on `column` (seconds or DateTime): inside of one of the ranges, widened alike. "" for
 * no ranges. */
void sql_ranges(struct buf *sql, const struct ranges *ranges, const char *column, int64_t before,
                int64_t after);

/* Condition on `column` (seconds or DateTime): inside the ranges widened by `before` and `after`.
 * "0" when there is nothing. Of parts, the column `visitor` tells which. */
void sql_selection(struct buf *sql, const struct selection *s, const char *column, int64_t before,
                   int64_t after);

/* Condition on rows of `events`: of the blocks up to applied[DATASET] of each dataset. */
void sql_fence(struct buf *sql, const uint64_t applied[DATASET_MAX + 1]);

/* Rows of a fact, with the columns time (UInt32), site, visitor, bot, those that dimension_defs
 * name and those that metric_defs name (starts, ends, gap). Flags are right for every row of the
 * selection. `fence`: of sql_fence(), "" for all rows there are. */
void sql_raw_rows(struct buf *sql, enum fact fact, const struct selection *s, struct str fence);

/* Columns of the table `views`: the rows of FACT_V. "name type, ..." / "name, ..." */
void sql_views_structure(struct buf *sql);
void sql_views_columns(struct buf *sql);

/* Expression that gives the start of the bucket of `column` (seconds), for any instant of [from,
 * to): borders are cut in C and written as literals. A bucket that begins before the epoch has the
 * start 0. GRAIN_NONE gives 0. */
MUSTCHECK int sql_bucket(struct buf *sql, const struct zone *zone, enum grain grain, int64_t from,
                         int64_t to, const char *column, struct err *err);
/* The same for a list of n borders (the last one ends the last bucket). */
void sql_border(struct buf *sql, const int64_t *borders, size_t n, const char *column);

#endif

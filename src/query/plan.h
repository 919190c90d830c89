/* The planner: a resolved question -> one SQL statement (docs/decisions.md D5, D6).
 *
 * Metrics belong to facts (cube/words.h); each fact is planned by itself and becomes a few branches
 * of one UNION ALL, whose sums are added outside. A branch reads either cells of the cheapest cube
 * that has the question's dimensions, or flagged page views of clean time (`views`), or raw rows of
 * dirty time. Distinct visitors do not add over time, so a bucket is answered by one exact cell row
 * a combination, or wholly by rows, or, for ranges that are no calendar bucket, by merged states.
 */
#ifndef CASK_PLAN_H
#define CASK_PLAN_H

#include "cube/facts.h"
#include "cube/snapshot.h"
#include "query/question.h"
#include "query/span.h"

struct plan {
    const struct question *question;
    const struct cube_snapshot *snapshot;
    const struct zone *zone;
    const struct spans *spans;      /* none is empty; sorted */
    const struct cube_site **sites; /* asked ones that have rows */
    size_t n_sites;
    bool all_sites; /* they are all there are */
    const enum dimension *group;
    size_t n_group;
    const enum metric *base; /* sums to ask for; no ratios */
    size_t n_base;
};

/* Result columns: span start (UInt32), n_group Strings, n_base UInt64. False: there is nothing to
 * ask (no rows in this time); *sql is then unchanged. */
bool plan_sql(const struct plan *plan, struct buf *sql);

#endif

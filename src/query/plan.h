/* The planner: a resolved question -> SQL (docs/decisions.md D5, D6).
 *
 * Metrics belong to facts (cube/words.h); each fact is planned by itself and becomes a few branches
 * of one UNION ALL, whose sums are added outside. That is one statement, unless very many rows need
 * flags (pieces.h). A branch reads either cells of the cheapest cube
 * that has the question's dimensions, or flagged page views of clean time (`views`), or raw rows of
 * dirty time. Distinct visitors do not add over time, so a bucket is answered by one exact cell row
 * a combination, or wholly by rows, or, for ranges that are no calendar bucket, by merged states.
 * Counters of repositories have no cubes: plan_counters.c.
 */
#ifndef CASK_PLAN_H
#define CASK_PLAN_H

#include "cube/facts.h"
#include "cube/snapshot.h"
#include "query/pieces.h"
#include "query/question.h"
#include "query/span.h"

struct plan {
    const struct question *question;
    const struct cube_snapshot *snapshot;
    struct str fence; /* of sql_fence(): rows of this moment; "" all there are */
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

/* Where the rows of the answer come from. Borrows the plan. */
struct prepared;
struct prepared *plan_prepare(const struct plan *plan);
void plan_free(struct prepared *p);

/* Rows of events whose flags have to be made for FACT_V, FACT_D and (visitors by the source of
 * their session) FACT_U; empty if there are none. They go to plan_sql() in pieces, all of each
 * fact. */
const struct selection *plan_flags_to_make(const struct prepared *p, enum fact fact);

/* Are distinct visitors merged from states of cells, and so estimates? */
bool plan_estimates(const struct prepared *p);

/* One statement of several, whose rows add: of these pieces, and of the rest of the answer if asked
 * for. Result columns: span start (UInt32), n_group Strings, n_base UInt64
 * (a sum below zero as its 64 bits). False: there is nothing to ask (no rows in this time); *sql is
 * then unchanged. */
bool plan_sql(const struct prepared *p, bool rest, const struct piece *pieces, size_t n,
              struct buf *sql);

#endif

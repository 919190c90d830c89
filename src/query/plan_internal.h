/* Shared by plan.c, which decides where the rows of an answer come from, and plan_sql.c, which
 * writes that down. */
#ifndef CASK_PLAN_INTERNAL_H
#define CASK_PLAN_INTERNAL_H

#include "query/plan.h"

/* Where the rows of one fact come from. */
struct cover {
    struct selection cells[GRAIN_YEAR + 1]; /* by grain, of the chosen cube */
    struct selection rows;
};
bool cover_has_cells(const struct cover *cover);

/* Where the sums of one fact come from. */
struct sums_plan {
    bool asked;
    const struct cube_def *cube; /* NULL: rows only */
    struct cover cover;
    struct selection views; /* of cover.rows: flagged page views of clean time, */
    struct selection raw;   /* and rows of events */
};

/* Where distinct visitors come from. */
struct visitors_plan {
    bool asked;
    const struct cube_def *cube; /* NULL: rows only */
    const struct cube_site
        *one;               /* whose cells count: a site, ALL_SITES; NULL: none by themselves */
    bool states;            /* states of totals can be merged */
    struct cover exact;     /* exact cells */
    struct cover merged;    /* states: cells and rows */
    struct selection rows;  /* counted exactly from rows */
    bool flagged;           /* by the source of the session */
    struct selection dirty; /* of rows, if flagged: those whose flags have to be made */
};

struct prepared {
    const struct plan *plan;
    struct sums_plan sums[FACT_E + 1];
    struct visitors_plan visitors;
    bool counters; /* are asked for */
};

/* --- pieces of SQL --- */

/* All filters hold; several values asked of one dimension by = are alternatives. */
void sql_filters(const struct plan *p, struct buf *sql, enum fact fact);
/* "b, d0, d1" */
void sql_keys(const struct plan *p, struct buf *sql);
/* ", m0, m1, ...": the metrics of this fact, 0 for the others. */
void sql_measures(const struct plan *p, enum fact fact, bool cells, const char *visitors,
                  struct buf *sql);
/* A branch of its own: b, d0, ..., m0, ... */
void plan_sql_counters(const struct plan *p, struct buf *sql);

bool plan_is_grouped(const struct plan *p, enum dimension d);
/* Parts of `rows` that are clean, and those that are not. */
void plan_split_clean(const struct plan *p, const struct selection *rows, struct selection *clean,
                      struct selection *dirty);

#endif

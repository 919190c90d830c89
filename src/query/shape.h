/* From tables of sums to the rows that are shown: which groups, in which order, with which values.
 */
#ifndef CASK_SHAPE_H
#define CASK_SHAPE_H

#include "query/result.h"
#include "query/table.h"

/* A question's metrics as sums to ask for: ratios are made of two of them. */
struct measures {
    const struct question *question;
    enum metric base[METRIC_COUNT];
    size_t n_base;
};
void measures_resolve(struct measures *ret, const struct question *q);
/* Are any of them about events, about counters of repositories? */
bool measures_of_events(const struct measures *ms);
bool measures_of_counters(const struct measures *ms);
/* Must the groups that a limit keeps be ranked by a table of the whole time? Distinct visitors and
 * counters do not add over its buckets. */
bool measures_rank_whole(const struct measures *ms);

/* Append a row of zeros, with zeros to compare with if its span has a counterpart in `shifted`. */
void shape_add(struct table *t, size_t span, const struct str *dims, const struct spans *shifted);
/* Join the rows of the earlier period to those of the same span and group. */
void shape_join(struct table *t, const struct table *earlier, const struct spans *shifted);
/* Drop rows without numbers, keep the groups within the limit, fill, order. `ranks`: the groups
 * over the whole time, NULL to add up the rows. */
void shape_rows(const struct measures *ms, struct table *t, const struct table *ranks,
                const struct spans *spans, const struct spans *shifted);
/* Columns, rows and the total as values. */
void shape_put(const struct measures *ms, const struct table *t, const struct spans *spans,
               const struct table_row *total, struct result *ret);

#endif

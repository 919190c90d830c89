/* Rows as the engine gives them: which span, which group, the sums. */
#ifndef CASK_TABLE_H
#define CASK_TABLE_H

#include "base/arena.h"
#include "query/plan.h"

struct table_row {
    size_t span; /* index into the spans asked */
    const struct str *dims;
    uint64_t *sums;     /* one for each base metric */
    uint64_t *previous; /* of the comparison; NULL: none */
};
struct table {
    struct arena arena;
    struct table_row *items;
    size_t len, cap;
    size_t n_dims, n_sums;
    bool estimated; /* distinct visitors of some of the rows */
};

/* Run the plan's statements and add up their rows. At most `piece_rows` rows (0: PIECE_ROWS) get
 * their flags in one statement. */
MUSTCHECK int table_run(const struct plan *plan, struct client *client, uint64_t piece_rows,
                        struct table *ret, double *engine_seconds, struct err *err);
void table_release(struct table *t);

/* Order: span, then dimensions. */
void table_sort(struct table *t);
/* The row of a span and a group; NULL if there is none. The table must be sorted. */
struct table_row *table_find(const struct table *t, size_t span, const struct str *dims);
/* Append a row of zeros. */
struct table_row *table_add(struct table *t, size_t span, const struct str *dims);
int table_compare_dims(const struct str *a, const struct str *b, size_t n);

#endif

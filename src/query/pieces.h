/* Raw rows whose flags a statement has to make, cut into pieces (docs/decisions.md D4).
 *
 * Flags are made from arrays of all that a visitor did, which take memory: so one statement makes
 * those of at most PIECE_ROWS rows, and several follow one another. Pieces are windows of time,
 * read with the margins in which flags look around. Where a window can become no shorter, since its
 * margins would outgrow it, it is cut into parts of the visitors instead, which need no margins but
 * read all rows to find their own. Sums add over pieces; distinct visitors add over parts of the
 * visitors only, so FACT_U gets one window. */
#ifndef CASK_PIECES_H
#define CASK_PIECES_H

#include "cube/facts.h"
#include "store/client.h"

#define PIECE_ROWS ((uint64_t)2000000)

struct piece {
    enum fact fact;
    struct selection rows;
    uint64_t n_rows; /* read for it, with margins; about, since rows arrive meanwhile */
};
struct pieces {
    struct piece *items;
    size_t len, cap;
};

/* Rows of an hour of the clock in UTC. */
struct hour_rows {
    int64_t hour; /* its first second */
    uint64_t rows;
};
/* Append the pieces of `raw`, a selection of the fact (FACT_V, FACT_D, FACT_U). `hours`, in order,
 * are those that have rows in the selection or its margins. */
void pieces_cut(enum fact fact, const struct selection *raw, const struct hour_rows *hours,
                size_t n, uint64_t piece_rows, struct pieces *ret);
/* The same, and ask the engine for the hours. */
MUSTCHECK int pieces_make(enum fact fact, const struct selection *raw, uint64_t piece_rows,
                          struct client *client, struct pieces *ret, struct err *err);
void pieces_release(struct pieces *pieces);

#endif

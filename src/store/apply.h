/* Apply: lake blocks -> rows of `events` and `rejected`, or of `github` (store/schema.h), each
 * block exactly once (docs/decisions.md D3).
 *
 * A batch is whole blocks; each month of it is one INSERT of one part, so a month of a block is in
 * or not, never half. Control data keep `applied`, the block up to which everything is in. It is
 * written after the batch's last INSERT, so it may be old but never ahead; with it stand the row
 * counts a month. apply_open() compares: what differs at or below `applied` is dropped and made
 * again from the lake; above it, the store itself is asked which blocks and months are in, and the
 * rest is replayed.
 *
 * Order within a batch, and what a crash between two lines leaves:
 *   1. before_insert: time that the rows reach is marked dirty   (dirty too early: costs a re-seal)
 *   2. one INSERT for `rejected`, one for each month             (found by bid and month on start)
 *   3. applied and its counts, one transaction                   (old: the same, found by bid)
 */
#ifndef CASK_APPLY_H
#define CASK_APPLY_H

#include "control/control.h"
#include "lake/lake.h"
#include "store/batch.h"
#include "store/client.h"

struct apply_env {
    const char *socket_path, *url; /* of the store, for client_new() */
    struct control *control;
    const char *lake_root;
    struct refiner *refiner; /* used by the thread that calls apply_run() only; may come later.
                                Counters need none */
    enum dataset dataset;
    /* Called before the INSERTs of a batch and after them: the cubes mark the time dirty that the
     * rows reach, and seal nothing there in between. After ERR_AWAY, rows may still be on their
     * way: then after_insert comes when apply_reopen() has looked for them. May be NULL. */
    int (*before_insert)(void *arg, const struct touched_site *touched, size_t n, struct err *err);
    void (*after_insert)(void *arg);
    /* Called before a month of the store is dropped, with the rows of all datasets in it: the
     * others must compare again, too. May be NULL. */
    int (*before_drop)(void *arg, struct err *err);
    void *arg;
};

struct apply;

/* Compares store, control data and lake; the tables are there (schema_make_tables()). A month that
 * had to be dropped is made again by the next apply_run(). ERR_ENGINE, ERR_AWAY, ERR_CORRUPT, ...
 */
MUSTCHECK int apply_open(const struct apply_env *env, struct apply **ret, struct err *err);
/* As closing and opening, after an error; apply_counts() keeps what it knows of blocks that need
 * not be refined again. After an error of its own: call it again, or close. The caller makes sure
 * that no INSERT of before is still running in the store. */
MUSTCHECK int apply_reopen(struct apply *a, struct err *err);
/* The refiner, when env had none: needed before blocks are to be refined. */
void apply_set_refiner(struct apply *a, struct refiner *refiner);
/* Waits for the INSERT in flight; what was not flushed stays for the next apply_open(). */
void apply_close(struct apply *a);

/* Refine and insert the blocks up to `upto`. INSERTs run in a thread of their own beside refining;
 * with `flush` everything is in the store on return, else a started batch may wait for more. Any
 * error leaves the store in a state that apply_open() understands: close, and open again. */
MUSTCHECK int apply_run(struct apply *a, uint64_t upto, bool flush, struct err *err);

/* A line that was rejected, and where it stands in the lake. */
struct apply_rejection {
    uint64_t bid; /* 0: none was */
    uint32_t place;
    enum reason reason;
    int64_t ts_ms; /* arrival */
};

struct apply_counts {
    uint64_t records;                          /* lines, counters */
    uint64_t accepted, rejected[REASON_COUNT]; /* lines */
    uint64_t bytes;                            /* of lines without their ends */
    int64_t last_ms;                           /* arrival of the newest record; 0: none */
    struct apply_rejection last_rejection;     /* exclusions are none */
};
/* What became of the blocks with first <= bid <= last seen by this struct. */
struct apply_counts apply_counts(const struct apply *a, uint64_t first, uint64_t last);
/* The same by source, one call for each that a block has records of, from the first block on. */
void apply_each_source(const struct apply *a,
                       void (*see)(void *arg, uint64_t bid, const char *source,
                                   const struct apply_counts *counts),
                       void *arg);
void apply_counts_add(struct apply_counts *to, const struct apply_counts *more);
/* What was counted so far is known to the caller: keep no more of it. */
void apply_forget_counts(struct apply *a);

/* Blocks of the lake that could not be read and were passed over, and what was wrong with the
 * first. */
uint64_t apply_damaged(const struct apply *a, struct err *ret_first);

/* Last block that was refined, and the last one that is in the store for good. */
uint64_t apply_refined(const struct apply *a);
uint64_t apply_applied(struct apply *a);

/* The durable `applied` of a dataset as the control data have it. */
MUSTCHECK int apply_position(struct control *control, enum dataset dataset, uint64_t *ret_bid,
                             struct err *err);
/* Forget that anything was applied: for rebuild, after the tables were dropped. */
MUSTCHECK int apply_reset(struct control *control, struct err *err);

#endif

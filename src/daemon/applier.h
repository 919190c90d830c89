/* Apply that outlives the engine: when the engine went away (ERR_AWAY) it is waited for, the store
 * is opened again (it may be an empty one), asked what it has, and the rest is replayed. One thread
 * at a time. */
#ifndef CASK_APPLIER_H
#define CASK_APPLIER_H

#include "daemon/instance.h"

#include <stdatomic.h>

struct applier;

/* Borrows the instance; asks nothing yet. `stop` (may be NULL): set by another thread, it ends
 * every wait with ERR_STOPPED. */
MUSTCHECK int applier_new(struct instance *in, enum dataset dataset, const atomic_bool *stop,
                          struct applier **ret, struct err *err);
/* Unless it is: waits for the engine, opens the store, asks what it has. The position may be
 * another one then. */
MUSTCHECK int applier_ready(struct applier *a, struct err *err);
/* As apply_run(), when it is ready. After ERR_AWAY it no longer is. */
MUSTCHECK int applier_try(struct applier *a, uint64_t upto, bool flush, struct err *err);

/* The same with all the patience that a command has. */
MUSTCHECK int applier_open(struct instance *in, enum dataset dataset, struct applier **ret,
                           struct err *err);
/* As apply_run(). Loads the refiner when the first block is to be refined. ERR_AWAY only when the
 * engine died over and over, or does not come back. With `flush` it says in the log when blocks of
 * the lake could not be read. */
MUSTCHECK int applier_run(struct applier *a, uint64_t upto, bool flush, struct err *err);
/* Where to stop for a look around on the way to `goal`: at most so many blocks further on. */
uint64_t applier_step(struct applier *a, uint64_t goal, unsigned blocks);
/* For its counts and positions. */
struct apply *applier_apply(const struct applier *a);
void applier_close(struct applier *a);

#endif

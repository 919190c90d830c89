/* Parts of the command `demo`. */
#ifndef CASK_CMD_DEMO_H
#define CASK_CMD_DEMO_H

#include "daemon/live.h"
#include "demo/pour.h"

/* What a directory of made-up data was made from: the document "demo" of its control data. */
struct demo_world {
    struct demo_options options;
    uint64_t events, months; /* as asked for */
};

/* Makes up all that is missing up to now, in the lake, in the store and in the cubes. The generator
 * goes on from *ret_until. */
MUSTCHECK int demo_fill(struct instance *in, struct demo *demo, const struct demo_world *world,
                        int64_t *ret_until, uint64_t *ret_events, struct err *err);

/* A thread that makes up what happens from `from` on, as time goes by. */
struct trickle;
MUSTCHECK int trickle_start(struct live *live, struct demo *demo, int64_t from,
                            struct trickle **ret, struct err *err);
void trickle_stop(struct trickle *t); /* before live_stop(); takes NULL */

#endif

/* Answers questions: plan -> one SQL statement (a second for the total, more for a comparison) ->
 * result. */
#ifndef CASK_QUERY_H
#define CASK_QUERY_H

#include "config/config.h"
#include "cube/cube.h"
#include "query/question.h"
#include "query/result.h"

struct query_env {
    const struct config *config;
    struct client *client;
    struct cube *cube;
    int64_t now; /* seconds since the epoch */
    bool raw;    /* answer from `events` alone, as if nothing were sealed: to check the cubes */
    uint64_t piece_rows; /* rows whose flags one statement makes; 0: PIECE_ROWS */
    /* By dataset, of a store that gets rows meanwhile: all statements of the answer count those of
     * the blocks up to here, which are all in. NULL: all rows there are. */
    const uint64_t *applied;
};

/* ERR_USAGE (unknown site, bad time, zone or pattern), ERR_ENGINE, ERR_AWAY. *ret owns its zone. On
 * success *ret_engine_seconds (may be NULL) is the time spent in the engine. */
MUSTCHECK int query_run(const struct query_env *env, const struct question *question,
                        struct result *ret, double *ret_engine_seconds, struct err *err);
void query_free_result(struct result *result);

#endif

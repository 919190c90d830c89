/* Shared by the files of this folder. */
#ifndef CASK_CUBE_INTERNAL_H
#define CASK_CUBE_INTERNAL_H

#include "cube/cube.h"
#include "cube/facts.h"
#include "cube/state.h"
#include <pthread.h>

/* Rows on their way into `events`, from before_insert to after_insert. */
struct flight {
    char *site;
    int64_t from, to;
};

struct cube {
    const struct config *config;
    struct control *control;
    struct client *client;
    pthread_mutex_t mutex; /* guards all below */
    struct cube_state state;
    VEC(struct flight) flights;
    bool sealing;              /* one seal is under way: */
    VEC(struct flight) beside; /* rows that were in flight when it began or have taken off since */
};

/* Run one statement without result. */
MUSTCHECK int cube_execute(struct cube *c, struct buf *sql, struct err *err);

void cube_free_flights(struct flight *items, size_t n);

/* "seal NOT IN (pending and dead ones)" over all sites; "1" when there are none. */
void cube_sql_seals(const struct cube_state *state, struct buf *sql);

#endif

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
    uint64_t window_rows;  /* of events that one seal takes at once, if days allow */
    pthread_mutex_t mutex; /* guards all below */
    struct cube_state state;
    VEC(struct flight) flights;
    bool watching; /* a seal looks for work or is under way: */
    VEC(struct flight)
    beside;                /* rows that were in flight when that began or have taken off since */
    uint64_t moment;       /* counts: later snapshots know all deaths noticed before */
    VEC(uint64_t) readers; /* moments of the snapshots that are in use */
    unsigned drops;        /* times that rows were dropped */
    bool dropping;         /* the last of them may not be over */
    unsigned seen_drops;   /* those that were over when `watching` began */
};

/* Run one statement without result. */
MUSTCHECK int cube_execute(struct cube *c, struct buf *sql, struct err *err);

/* Hours of the selection that have rows in `events`, in order, with how many. */
struct hour_rows {
    int64_t hour; /* its start */
    uint64_t rows;
};
struct hours {
    struct hour_rows *items;
    size_t len, cap;
};
MUSTCHECK int cube_find_hours(struct client *client, const struct selection *selection,
                              struct hours *ret, struct err *err);

/* Does a sealed day of this time hold rows? */
bool cube_site_has_rows(const struct cube_site *site, int64_t from, int64_t to);

void cube_free_flights(struct flight *items, size_t n);

/* Days that begin at or behind this have hour cells also in cubes that keep recent ones only. */
int64_t cube_recent_from(const struct zone *zone, int64_t now);
/* Recent hours that are recent no longer are dead from now on. */
MUSTCHECK int cube_age(struct cube *c, int64_t now, struct err *err);
/* Delete the rows of dead units that no snapshot in use takes for live, and forget those units. */
MUSTCHECK int cube_delete_dead(struct cube *c, struct err *err);

/* Condition that only live seals meet: "seal < 9 AND seal NOT IN (pending and dead ones)". */
void cube_sql_seals(const struct cube_state *state, struct buf *sql);

#endif

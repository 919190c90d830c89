/* One seal (seal.c), as the look for work (work.c) fills it in. */
#ifndef CASK_SEAL_H
#define CASK_SEAL_H

#include "cube/cube_internal.h"

/* Units that one seal writes: buckets of one grain of one site, in order of time. */
struct seal {
    struct cube *cube;
    char *site; /* ALL_SITES: of all */
    const struct zone *zone;
    enum grain grain;
    bool recent;         /* days: young enough for the hours of cubes that keep recent ones */
    int64_t from, to;    /* the time that will be clean */
    VEC(int64_t) starts; /* buckets that have rows */
    uint32_t first_seal; /* of starts[0]; the others follow, then those of recent hours */
    struct selection selection;
    unsigned parts; /* of visitors, that flags are made of one after the other: a day may have more
                       rows than a statement has memory for */
    char *live;     /* condition on seals of other units, as of the beginning */
};

static inline bool seal_is_all(const struct seal *s) { return strcmp(s->site, ALL_SITES) == 0; }

/* Steps 1 to 3 for the units of `starts`. */
MUSTCHECK int seal_run(struct seal *s, struct err *err);
void seal_release(struct seal *s);

/* Rows that take off between these two disturb the seals over their time. seal_watch: with the
 * mutex. */
void seal_watch(struct cube *c);
void seal_unwatch(struct cube *c);

#endif

/* What control data know of the cubes: one document "cube/site/NAME" a site (ALL_SITES stands for
 * all together: its cells hold distinct visitors across sites), and "cube/state" with the next seal
 * number and the mark that must also stand in the table `cube_mark`. */
#ifndef CASK_CUBE_STATE_H
#define CASK_CUBE_STATE_H

#include "control/control.h"
#include "cube/ranges.h"
#include "cube/words.h"

/* Not a name that a site can have: a Host header of "*" ends up in logs, control bytes do not. */
#define ALL_SITES "\001*"

enum unit_state { UNIT_PENDING, UNIT_LIVE, UNIT_DEAD };

/* What one seal number covers: a day (with its hours and its rows in `views`), week, month, ...
 * GRAIN_HOUR: the hours of a day in cubes that keep them for recent time only; such a unit is made
 * together with that of the day, and dies with it or before. */
struct seal_unit {
    uint32_t seal;
    enum grain grain;
    enum unit_state state;
    int64_t from, to;
    uint64_t
        buried; /* a dead one, in this process: the moment (see struct cube) when it was noticed */
};

struct cube_site {
    char *name;
    char *zone;          /* name of the zone its cells are cut in */
    struct ranges clean; /* time whose hour and day cells and views agree with events */
    VEC(struct seal_unit) units;
    int64_t first, last; /* the hours that have rows lie in [first, last) */
    bool changed;        /* differs from its document */
};

struct cube_state {
    VEC(struct cube_site) sites;
    uint32_t next_seal;
    uint64_t mark; /* 0: none yet */
    bool changed;
};

MUSTCHECK int cube_state_load(struct control *control, struct cube_state *ret, struct err *err);
/* Write what changed, in one transaction. */
MUSTCHECK int cube_state_save(struct control *control, struct cube_state *state, struct err *err);
void cube_state_release(struct cube_state *state);

struct cube_site *cube_state_find(struct cube_state *state, struct str name);
struct cube_site *cube_state_add(struct cube_state *state, struct str name, const char *zone);
/* Forget seals and clean time of a site, keep its extent. */
void cube_site_reset(struct cube_site *site, const char *zone);

/* Rows arrive in [from, to): their time and what their flags can reach is clean no longer, and
 * coarse units over it are dead. */
void cube_site_dirty(struct cube_site *site, int64_t from, int64_t to);

#endif

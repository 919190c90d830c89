/* What a reader must know of the cubes, copied at one moment (docs/decisions.md D5, step 3): it is
 * written into the statement as literals. */
#ifndef CASK_SNAPSHOT_H
#define CASK_SNAPSHOT_H

#include "cube/cube.h"
#include "cube/state.h"

struct cube_snapshot {
    struct cube_state state;
    struct buf seals; /* condition that leaves pending, dead and later seals out */
    struct cube *cube;
    uint64_t moment;
};

/* Until it is released no rows are deleted that its statements may read: release it when they are
 * done. */
void cube_snapshot(struct cube *c, struct cube_snapshot *ret);
void cube_snapshot_release(struct cube_snapshot *s); /* takes a zeroed one */

/* Is this bucket of a site (or ALL_SITES) answered by its cells in this cube, which has the grain?
 */
bool cube_site_covers(const struct cube_site *site, const struct cube_def *cube, enum grain grain,
                      int64_t from, int64_t to);

#endif

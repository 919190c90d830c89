/* Which sites have counters of repositories, and from when to when: asked of the store, since cubes
 * know of events only. */
#ifndef CASK_COUNTED_H
#define CASK_COUNTED_H

#include "query/question.h"
#include "store/client.h"

/* Zeroed: there are none. */
struct counted {
    bool any;            /* of the sites that the question is about */
    int64_t first, last; /* their oldest and newest row, seconds */
    struct buf sites;    /* as the store told them, of all sites */
};

/* `fence`: of sql_fence(), "" for all rows there are. ERR_ENGINE, ERR_AWAY. */
MUSTCHECK int counted_read(struct client *client, const struct question *q, struct str fence,
                           struct counted *ret, struct err *err);
bool counted_has_site(const struct counted *c, struct str site);
void counted_release(struct counted *c);

#endif

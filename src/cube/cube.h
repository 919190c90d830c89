/* Cubes: a cache of sealed time (docs/decisions.md D5). The table `views` holds the flagged page
 * views of sealed days, the tables `cube_NAME` their sums in cells by hour, day, week, month,
 * quarter and year. All of it can be dropped at any time without changing an answer.
 *
 * A site's time is clean where its cells agree with `events`, else dirty. New rows make time dirty
 * before they are inserted; sealing makes whole local days clean again. Every statement that seals
 * writes its cells under new seal numbers, one for each day (or week, month, ...) of a site: a
 * unit. Control data hold units as pending, live or dead; readers take one snapshot of clean time,
 * pending and dead seals and write it into their statement as literals, so that they never see a
 * half-done seal. The order of steps and the reason for each: docs/internals/cubes.md. */
#ifndef CASK_CUBE_H
#define CASK_CUBE_H

#include "base/zone.h"
#include "config/config.h"
#include "control/control.h"
#include "store/batch.h"
#include "store/client.h"

struct cube;

/* Loads the state; needs no tables. Borrows all arguments; holds config. */
MUSTCHECK int cube_open(const struct config *config, struct control *control, struct client *client,
                        struct cube **ret, struct err *err);
void cube_close(struct cube *c);
/* Another configuration is in effect: sites whose time zone has changed begin anew. Thread-safe. */
void cube_set_config(struct cube *c, const struct config *config);
/* Makes missing tables; what the tables hold but control data do not know (or the other way round)
 * drops all cubes. To be called before anything that needs tables, and whenever they may have
 * become others: after each start of the engine. Does no sealing, and none may run. */
MUSTCHECK int cube_fit(struct cube *c, struct err *err);

/* The time of a site's rows, to whole hours; false: it has none. */
bool cube_site_extent(struct cube *c, struct str site, int64_t *ret_first, int64_t *ret_last);
/* Call `see` for each site that has rows. It must not call cube_*. */
void cube_each_site(struct cube *c,
                    void (*see)(void *arg, const char *site, int64_t first, int64_t last),
                    void *arg);

/* Hooks of struct apply_env (arg is the struct cube). Thread-safe. */
int cube_before_insert(void *cube, const struct touched_site *touched, size_t n, struct err *err);
void cube_after_insert(void *cube);
/* Rows of months are about to be dropped: which hours had them nobody can say later, so no time is
 * clean, nor becomes so before cube_after_insert(). */
int cube_before_drop(void *cube, struct err *err);
/* How often that was. */
unsigned cube_drops(struct cube *c);

/* Rows of dirty time that could be sealed now (0: nothing to do); cheap. */
MUSTCHECK int cube_unsealed_rows(struct cube *c, int64_t now, uint64_t *ret_rows, struct err *err);
/* Seal every local day that ended at least an hour before `now` and is not clean, then weeks,
 * months, quarters and years. `progress` (may be NULL) gets rows done and all rows; non-zero stops
 * with ERR_STOPPED. ERR_ENGINE, ERR_AWAY: what was pending is dead; call again. */
typedef int cube_progress_fn(void *arg, uint64_t done, uint64_t all);
MUSTCHECK int cube_seal(struct cube *c, int64_t now, cube_progress_fn *progress, void *arg,
                        struct err *err);

/* Rows that one seal takes at once (2,000,000): flags of more are made in several steps. Tests take
 * few. */
void cube_set_window(struct cube *c, uint64_t rows);

/* Drop all cells and forget all seals. */
MUSTCHECK int cube_drop(struct cube *c, struct err *err);

/* Compare the hourly cells of totals with `events` over all clean time. Calls `differ` for each
 * hour that disagrees. Any thread, with a client of its own. */
typedef int cube_differ_fn(void *arg, const char *site, int64_t hour, const char *measure,
                           uint64_t in_cells, uint64_t in_events);
MUSTCHECK int cube_verify(struct cube *c, struct client *client, cube_differ_fn *differ, void *arg,
                          uint64_t *ret_hours, struct err *err);

#endif

/* The configuration in effect: what the file declares, and the sites and sources that were made
 * over the API, which control data keep ("site/NAME", "source/ID"). It is exchanged as a whole;
 * whoever reads holds one until done with it. Names must differ: where the file declares a name
 * that control data have as well, the file counts. Thread-safe. */
#ifndef CASK_CATALOG_H
#define CASK_CATALOG_H

#include "config/config.h"
#include "control/control.h"
#include "cube/cube.h"

#define CATALOG_SITES ((size_t)1000) /* that were made over the API */
#define CATALOG_SOURCES ((size_t)200)

struct catalog;

/* Borrows control. */
MUSTCHECK int catalog_open(struct control *control, const struct config *file, struct catalog **ret,
                           struct err *err);
/* Whoever holds a configuration may go on. Takes NULL. */
void catalog_close(struct catalog *c);
/* The cubes follow changes of time zones from now on. Borrowed; before other threads come. */
void catalog_set_cube(struct catalog *c, struct cube *cube);

/* In effect now; give it back with config_let_go(). Does not block. */
const struct config *catalog_hold(struct catalog *c);
bool catalog_has_site(const struct config *config, struct str name);
const struct config_site *catalog_find_site(const struct config *config, struct str name);
const struct config_source *catalog_find_source(const struct config *config, struct str id);

/* Does the configuration declare it, or does it have records? `cube` may be NULL: then one that is
 * not declared is unknown only where others are. */
bool catalog_knows_site(const struct config *config, struct cube *cube, struct str site);
/* Is there a source of type `ingest` for each `ingest:SOURCE`? ERR_USAGE. */
MUSTCHECK int catalog_check_scopes(const struct config *config, char *const *scopes, size_t n,
                                   struct err *err);

/* The file was read again. On an error nothing has changed. */
MUSTCHECK int catalog_reload(struct catalog *c, const struct config *file, struct err *err);

/* Durable and in effect when they return 0. `version`: as of control_commit(); 0 makes a new one.
 * ERR_USAGE; ERR_NOTFOUND; ERR_BUSY: another version, or the file declares it; ERR_TOOBIG: too
 * many. `timezone` empty: the default one. */
MUSTCHECK int catalog_put_site(struct catalog *c, struct str name, struct str timezone,
                               uint64_t version, struct err *err);
MUSTCHECK int catalog_remove_site(struct catalog *c, struct str name, uint64_t version,
                                  struct err *err);
/* A source of type `ingest`: what reads files of this machine is for its configuration only.
 * `site` and `format` may be empty. */
MUSTCHECK int catalog_put_source(struct catalog *c, struct str id, struct str site,
                                 struct str format, uint64_t version, struct err *err);
MUSTCHECK int catalog_remove_source(struct catalog *c, struct str id, uint64_t version,
                                    struct err *err);

#endif

/* An opened data directory: lock, configuration, control data, engine, store client, cubes.
 * Commands open it for as long as they run; later `serve` keeps it open. */
#ifndef CASK_INSTANCE_H
#define CASK_INSTANCE_H

#include "config/config.h"
#include "control/control.h"
#include "cube/cube.h"
#include "daemon/catalog.h"
#include "daemon/engine_process.h"
#include "people/people.h"
#include "source/import.h"
#include "store/apply.h"

#include <pthread.h>

struct instance {
    const struct config *config; /* in effect when it was opened; newer ones: catalog_hold() */
    struct catalog *catalog;
    struct people *people;
    char *data_dir;  /* absolute */
    char *lake_root; /* DATA/lake */
    int lock_fd;
    struct control *control;
    struct engine_process *engine;
    struct client *client; /* of the thread that opened the instance */
    struct cube *cube;
    pthread_mutex_t whole;       /* taken by who makes tables, drops them or seals */
    struct client *store_client; /* of who holds `whole` */
    unsigned opened; /* guarded by `whole`: the start of the engine that the store was opened for */
    struct refiner
        *refiner;        /* NULL until something must be applied: loading the agents takes time */
    struct rules *rules; /* being loaded in a thread, for instance_load_refiner(); NULL: not */
};

/* Locks and opens everything; the data directory is made if missing. ERR_BUSY (exit 3) when another
 * process has it. Replays what a crash left: nothing yet, that is instance_catch_up(). */
MUSTCHECK int instance_open(const struct config *config, const char *data_dir, const char *command,
                            struct instance **ret, struct err *err);
/* The same for commands that surely refine: the rules are loaded while the engine starts. What is
 * wrong with them instance_load_refiner() says. */
MUSTCHECK int instance_open_refining(const struct config *config, const char *data_dir,
                                     const char *command, struct instance **ret, struct err *err);
/* The same for live_start(): the engine is started beside it, and again whenever it dies, and
 * applier_ready() opens the store. */
MUSTCHECK int instance_open_live(const struct config *config, const char *data_dir,
                                 const char *command, struct instance **ret, struct err *err);
/* Only lock and control data, with catalog and people: for commands that change these. */
MUSTCHECK int instance_open_control(const struct config *config, const char *data_dir,
                                    const char *command, struct instance **ret, struct err *err);
void instance_close(struct instance *in);

/* Tables and cubes as they must be, once for each start of the engine: it may have been given an
 * empty directory. No rows may be on their way. Thread-safe. */
MUSTCHECK int instance_open_store(struct instance *in, struct err *err);

/* Load the rules for refining, if they are not there yet. Refuses to make a new visitor key for a
 * store that has rows: all visitors would be new. */
MUSTCHECK int instance_load_refiner(struct instance *in, struct err *err);

/* Datasets that the store is kept up with (schema/datasets.def). */
extern const enum dataset instance_datasets[];
extern const size_t instance_n_datasets;

/* Bring the store up to the lake. Cheap when nothing is missing. ERR_AWAY from the engine is waited
 * out: it is started again and asked what it has, a few times. `progress` may be NULL. */
typedef int instance_progress_fn(void *arg, uint64_t done_bytes, uint64_t all_bytes);
MUSTCHECK int instance_catch_up(struct instance *in, instance_progress_fn *progress, void *arg,
                                struct err *err);

/* Drop the store's tables and all cubes, and forget that anything was applied: the next
 * instance_catch_up() makes everything again from the lake. A crash in the middle is taken up by
 * the next instance_open(). */
MUSTCHECK int instance_drop_store(struct instance *in, struct err *err);

/* ERR_CORRUPT when the store has blocks of the dataset behind `last`, the newest of the lake. */
MUSTCHECK int instance_check_end(struct instance *in, enum dataset dataset, uint64_t last,
                                 struct err *err);

/* Newest block of the lake, after recovery (nothing else may be writing). 0: none. */
MUSTCHECK int instance_lake_last(struct instance *in, enum dataset dataset, uint64_t *ret_bid,
                                 struct err *err);

/* The list of imports: documents, caught up from the lake's positions; and its way back. */
MUSTCHECK int instance_load_imports(struct instance *in, struct imports *ret, struct err *err);
/* The same beside a writer of the lake, whose newest durable block is `last`. */
MUSTCHECK int instance_load_imports_upto(struct instance *in, uint64_t last, struct imports *ret,
                                         struct err *err);
MUSTCHECK int instance_save_imports(struct instance *in, struct imports *imports, struct err *err);

#endif

/* What a crash between any two lines here leaves:
 *
 * The store (its tables, cubes, `applied`) is made anew as a whole when the document "schema"
 * is missing or names other tables than ours. Making it anew removes that document first and writes
 * it last, so a store that was only half dropped is dropped again by the next instance_open().
 * Everything else is the lake's business (lake/writer.c) and apply's (store/apply.h). */
#include "daemon/instance.h"

#include "base/fs.h"
#include "base/log.h"
#include "daemon/applier.h"
#include "store/schema.h"
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const enum dataset instance_datasets[] = {
#define STORED(dataset) dataset,
#define LATER(dataset)
#define DATASET(number, NAME, name, kind, use) use(DATASET_##NAME)
#include "datasets.def"
#undef DATASET
#undef LATER
#undef STORED
};
const size_t instance_n_datasets = ARRAY_LEN(instance_datasets);

#define SCHEMA_KEY "schema"
#define STEP_BLOCKS 16 /* between two looks at progress and stop */

/* --- the store's tables ---------------------------------------------------------------------- */

static void schema_text(struct buf *out) {
    for (int table = 0; table < SCHEMA_TABLES; table++) {
        schema_ddl((enum schema_table)table, out);
        buf_add_cstr(out, ";\n");
    }
}

static int put_schema(struct instance *in, struct str text, struct err *err) {
    const struct control_put put = {SCHEMA_KEY, text, CONTROL_ANY};
    return control_commit(in->control, &put, 1, err);
}

static int drop_tables(struct instance *in, struct err *err) {
    struct buf sql = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SCHEMA_TABLES; i++) {
        buf_clear(&sql);
        buf_printf(&sql, "DROP TABLE IF EXISTS %s", schema_defs[i].name);
        rc = client_query(in->store_client, buf_str(&sql), NULL, NULL, 0, NULL, err);
    }
    buf_release(&sql);
    return rc;
}

/* The tables are new and empty, and so are the cubes: forget what was in the old ones, and only
 * then call it done. */
static int forget_rows(struct instance *in, struct err *err) {
    struct buf schema = {0};
    schema_text(&schema);
    int rc = apply_reset(in->control, err);
    if (rc == 0)
        rc = put_schema(in, buf_str(&schema), err);
    buf_release(&schema);
    return rc;
}

/* With `whole`. */
static int drop_store(struct instance *in, struct err *err) {
    int rc = put_schema(in, (struct str){0}, err);
    if (rc == 0)
        rc = drop_tables(in, err);
    if (rc == 0)
        rc = schema_make_tables(in->store_client, err);
    if (rc == 0)
        rc = cube_drop(in->cube, err);
    return rc == 0 ? forget_rows(in, err) : rc;
}

int instance_drop_store(struct instance *in, struct err *err) {
    pthread_mutex_lock(&in->whole);
    unsigned generation = engine_process_generation(in->engine);
    in->opened = 0; /* half dropped, it is dropped again when it is opened */
    int rc = drop_store(in, err);
    if (rc == 0)
        in->opened = generation;
    pthread_mutex_unlock(&in->whole);
    return rc;
}

/* Were the tables made by this version of the program? */
static int has_schema(struct instance *in, bool *ret, struct err *err) {
    struct buf schema = {0}, stored = {0};
    uint64_t version;
    schema_text(&schema);
    int rc = control_get(in->control, SCHEMA_KEY, &stored, &version, err);
    *ret = rc == 0 && version != 0 && str_eq(buf_str(&schema), buf_str(&stored));
    buf_release(&schema);
    buf_release(&stored);
    return rc;
}

/* With `whole`. */
static int open_store(struct instance *in, struct err *err) {
    bool ours = false;
    int rc = has_schema(in, &ours, err);
    if (rc == 0 && !ours)
        return drop_store(in, err);
    if (rc == 0)
        rc = schema_make_tables(in->store_client, err);
    return rc == 0 ? cube_fit(in->cube, err) : rc;
}

int instance_open_store(struct instance *in, struct err *err) {
    pthread_mutex_lock(&in->whole);
    unsigned generation = engine_process_generation(in->engine);
    int rc = in->opened != generation ? open_store(in, err) : 0;
    if (rc == 0)
        in->opened = generation;
    pthread_mutex_unlock(&in->whole);
    return rc;
}

/* A store that is yet to be made anew has nothing of the lake, whatever control data say. */
static int forget_other_store(struct instance *in, struct err *err) {
    bool ours = false;
    int rc = has_schema(in, &ours, err);
    return rc == 0 && !ours ? apply_reset(in->control, err) : rc;
}

/* --- rules for refining ---------------------------------------------------------------------- */

struct rules {
    pthread_t thread;
    const struct config *config;
    struct refiner *refiner;
    int rc;
    struct err err;
};

static void *rules_main(void *arg) {
    struct rules *rules = arg;
    rules->rc = refiner_new(rules->config, NULL, &rules->refiner, &rules->err);
    return NULL;
}

/* NULL when there are no more threads: they are loaded later, then. */
static struct rules *rules_begin(const struct config *config) {
    struct rules *rules = xcalloc(1, sizeof *rules);
    rules->config = config;
    if (pthread_create(&rules->thread, NULL, rules_main, rules) == 0)
        return rules;
    free(rules);
    return NULL;
}

/* Waits until they are loaded; returns as refiner_new(). */
static int rules_end(struct rules *rules, struct refiner **ret, struct err *err) {
    pthread_join(rules->thread, NULL);
    int rc = rules->rc;
    *ret = rules->refiner;
    if (rc != 0 && err != NULL)
        *err = rules->err;
    free(rules);
    return rc;
}

/* --- open and close -------------------------------------------------------------------------- */

static char *join(const char *dir, const char *name) {
    char *path;
    if (asprintf(&path, "%s/%s", dir, name) < 0)
        abort();
    return path;
}

static int open_control(struct instance *in, struct err *err) {
    char *path = join(in->data_dir, "control.db");
    int rc = control_open(path, &in->control, err);
    free(path);
    return rc;
}

static uint64_t machine_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : (uint64_t)2 << 30;
}

/* Starts it, and all that can be had before it serves. */
static int open_engine(struct instance *in, struct err *err) {
    struct engine_options options = {.data_dir = in->data_dir, .restart = true};
    config_memory(in->config, machine_bytes(), &options.memory_bytes, &options.query_memory_bytes);
    int rc = engine_process_open(&options, &in->engine, err);
    if (rc == 0)
        rc = client_new(engine_process_socket(in->engine), NULL, &in->client, err);
    if (rc == 0)
        rc = client_new(engine_process_socket(in->engine), NULL, &in->store_client, err);
    if (rc == 0)
        rc = cube_open(in->config, in->control, in->store_client, &in->cube, err);
    if (rc == 0)
        catalog_set_cube(in->catalog, in->cube);
    return rc == 0 ? forget_other_store(in, err) : rc;
}

static int open_data(const struct config *config, const char *data_dir, const char *command,
                     struct instance **ret, struct err *err) {
    if (sodium_init() < 0)
        return err_set(err, ERR_FAILED, "no source of randomness");
    struct instance *in = xcalloc(1, sizeof *in);
    *ret = in;
    in->lock_fd = -1;
    pthread_mutex_init(&in->whole, NULL);
    int rc = data_lock(data_dir, command, &in->lock_fd, err);
    if (rc == 0) {
        in->data_dir = realpath(data_dir, NULL);
        if (in->data_dir == NULL)
            rc = err_errno(err, ERR_IO, "%s", data_dir);
    }
    if (rc == 0) {
        in->lake_root = join(in->data_dir, "lake");
        rc = open_control(in, err);
    }
    if (rc == 0)
        rc = catalog_open(in->control, config, &in->catalog, err);
    if (rc == 0)
        in->config = catalog_hold(in->catalog);
    return rc == 0 ? people_open(in->control, &clock_system, &in->people, err) : rc;
}

enum parts { CONTROL, LIVE, ENGINE, ENGINE_AND_RULES };

static int open_with(const struct config *config, const char *data_dir, const char *command,
                     enum parts parts, struct instance **ret, struct err *err) {
    struct instance *in = NULL;
    int rc = open_data(config, data_dir, command, &in, err);
    if (rc == 0 && parts == ENGINE_AND_RULES)
        in->rules = rules_begin(in->config);
    if (rc == 0 && parts != CONTROL)
        rc = open_engine(in, err);
    if (rc == 0 && parts >= ENGINE)
        rc = engine_process_wait(in->engine, err);
    if (rc == 0 && parts >= ENGINE)
        rc = instance_open_store(in, err);
    if (rc != 0)
        instance_close(in);
    else
        *ret = in;
    return rc;
}

int instance_open(const struct config *config, const char *data_dir, const char *command,
                  struct instance **ret, struct err *err) {
    return open_with(config, data_dir, command, ENGINE, ret, err);
}

int instance_open_refining(const struct config *config, const char *data_dir, const char *command,
                           struct instance **ret, struct err *err) {
    return open_with(config, data_dir, command, ENGINE_AND_RULES, ret, err);
}

int instance_open_live(const struct config *config, const char *data_dir, const char *command,
                       struct instance **ret, struct err *err) {
    return open_with(config, data_dir, command, LIVE, ret, err);
}

int instance_open_control(const struct config *config, const char *data_dir, const char *command,
                          struct instance **ret, struct err *err) {
    return open_with(config, data_dir, command, CONTROL, ret, err);
}

void instance_close(struct instance *in) {
    if (in == NULL)
        return;
    cube_close(in->cube);
    client_free(in->store_client);
    client_free(in->client);
    if (in->rules != NULL && rules_end(in->rules, &in->refiner, NULL) != 0)
        in->refiner = NULL; /* nobody waits for what is wrong with them */
    refiner_free(in->refiner);
    engine_process_stop(in->engine);
    people_close(in->people);
    if (in->config != NULL)
        config_let_go(in->config);
    catalog_close(in->catalog);
    control_close(in->control);
    if (in->lock_fd >= 0)
        data_unlock(in->lock_fd);
    free(in->lake_root);
    free(in->data_dir);
    pthread_mutex_destroy(&in->whole);
    free(in);
}

/* --- catching up ----------------------------------------------------------------------------- */

int instance_lake_last(struct instance *in, enum dataset dataset, uint64_t *ret_bid,
                       struct err *err) {
    struct lake_writer *w = NULL;
    uint64_t cut = 0;
    /* Opening the writer recovers: what a crash left unsynced is durable, or gone, before it is
     * read. */
    int rc = lake_writer_open(in->lake_root, dataset, &clock_system, &w, &cut, err);
    if (rc != 0)
        return rc;
    if (cut > 0)
        log_line(LOG_INFO, "lake_tail_cut", "dataset=%s bytes=%llu", dataset_name(dataset),
                 (unsigned long long)cut);
    *ret_bid = lake_writer_last(w);
    lake_writer_close(w);
    return 0;
}

/* Apply in steps, so that progress can be told between them. */
static int apply_all(struct instance *in, struct applier *a, enum dataset dataset, uint64_t last,
                     instance_progress_fn *progress, void *arg, struct err *err) {
    uint64_t all = 0, left = 0, at = apply_refined(applier_apply(a));
    int rc = progress != NULL ? lake_size_after(in->lake_root, dataset, at, &all, err) : 0;
    uint64_t target;
    while (rc == 0 && progress != NULL && (target = applier_step(a, last, STEP_BLOCKS)) < last) {
        rc = applier_run(a, target, false, err);
        at = apply_refined(applier_apply(a));
        if (rc == 0)
            rc = lake_size_after(in->lake_root, dataset, at, &left, err);
        if (rc == 0 && progress(arg, all > left ? all - left : 0, all) != 0)
            rc = err_set(err, ERR_STOPPED, "stopped");
    }
    if (rc == 0 || rc == ERR_STOPPED) {
        struct err why = {0};
        int flushed = applier_run(a, rc == 0 ? last : at, true, &why);
        if (flushed != 0)
            rc = err_set(err, flushed, "%s", why.text);
    }
    return rc;
}

int instance_load_refiner(struct instance *in, struct err *err) {
    uint64_t applied = 0;
    if (in->refiner != NULL)
        return 0;
    char *keys = join(in->data_dir, "keys");
    int rc = 0;
    for (size_t i = 0; rc == 0 && applied == 0 && i < instance_n_datasets; i++)
        if (dataset_kind(instance_datasets[i]) == RECORDS_LINES) /* others have no visitors */
            rc = apply_position(in->control, instance_datasets[i], &applied, err);
    if (rc == 0 && applied > 0 && !fs_exists(keys))
        rc = err_set(
            err, ERR_NOTFOUND,
            "%s is missing: without it every visitor would be a new one. Put it back from a "
            "backup, or run `caskalytics rebuild` to count everybody anew with a new key",
            keys);
    struct refiner *refiner = NULL;
    if (rc == 0 && in->rules != NULL) {
        rc = rules_end(in->rules, &refiner, err);
        in->rules = NULL;
    } else if (rc == 0) {
        rc = refiner_new(in->config, NULL, &refiner, err);
    }
    if (rc == 0) /* last: wrong rules leave no key behind */
        rc = refiner_open_key(refiner, in->data_dir, err);
    if (rc == 0)
        in->refiner = refiner;
    else
        refiner_free(refiner);
    free(keys);
    return rc;
}

/* The store must not be ahead of the lake: numbers of blocks would be given a second time and taken
 * for applied, and what the lake lost would be counted for ever. */
int instance_check_end(struct instance *in, enum dataset dataset, uint64_t last, struct err *err) {
    uint64_t applied = 0;
    int rc = apply_position(in->control, dataset, &applied, err);
    if (rc == 0 && applied > last)
        rc = err_set(
            err, ERR_CORRUPT,
            "%s ends before what was counted: it was put back to an older state, or its last "
            "block is damaged (see files *.torn in it). Put the newer lake back, or run "
            "`caskalytics rebuild` to count what it holds now",
            in->lake_root);
    return rc;
}

static int catch_up(struct instance *in, enum dataset dataset, instance_progress_fn *progress,
                    void *arg, struct err *err) {
    uint64_t last = 0;
    struct applier *a = NULL;
    int rc = instance_lake_last(in, dataset, &last, err);
    if (rc == 0)
        rc = instance_check_end(in, dataset, last, err);
    if (rc == 0)
        rc = applier_open(in, dataset, &a, err);
    if (rc == 0 && last > apply_refined(applier_apply(a)))
        rc = apply_all(in, a, dataset, last, progress, arg, err);
    applier_close(a);
    return rc;
}

int instance_catch_up(struct instance *in, instance_progress_fn *progress, void *arg,
                      struct err *err) {
    unsigned drops;
    int rc = 0;
    do { /* again, when one had to drop rows, as those of others may be gone with them */
        drops = cube_drops(in->cube);
        for (size_t i = 0; rc == 0 && i < instance_n_datasets; i++)
            rc = catch_up(in, instance_datasets[i], progress, arg, err);
    } while (rc == 0 && drops != cube_drops(in->cube));
    return rc;
}

/* The past of a demo: generator -> lake -> store -> cubes, by the way that an import takes. */
#include "cmd/demo.h"
#include "cmd/feed.h"
#include "cmd/progress.h"

#include <stdlib.h>

#define STEP_SECONDS ((int64_t)43200) /* between two looks at progress and stop */

struct fill {
    struct instance *in;
    struct feed *feed;                            /* logs: applied while more of them are made up */
    struct lake_writer *writers[DATASET_MAX + 1]; /* of the others: few, and applied afterwards */
    struct progress progress;
};

static int show_bytes(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "B");
    return stop_asked();
}

static int show_rows(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "rows");
    return stop_asked();
}

static int catch_up(struct fill *f, const char *what, struct err *err) {
    progress_begin(&f->progress, what);
    int rc = instance_catch_up(f->in, show_bytes, &f->progress, err);
    progress_end(&f->progress);
    return rc;
}

/* Lines arrive now, whatever they tell of. */
static int write_block(void *arg, enum dataset dataset, struct record_batch records,
                       struct err *err) {
    struct fill *f = arg;
    struct record *items = (struct record *)(uintptr_t)records.items;
    int64_t now = clock_now_ms(&clock_system);
    uint64_t bid;
    for (size_t i = 0; dataset_kind(dataset) == RECORDS_LINES && i < records.len; i++)
        items[i].ts_ms = now;
    return dataset == DATASET_LOGS ? feed_append(f->feed, records, &bid, err)
                                   : lake_writer_append(f->writers[dataset], records, &bid, err);
}

/* The store says up to when a dataset was made up: blocks end where a second ends. */
static int find_until(struct fill *f, enum dataset dataset, int64_t start, struct pour *pour,
                      struct err *err) {
    struct buf sql = {0}, out = {0};
    uint64_t newest = 0;
    buf_printf(
        &sql,
        "SELECT toUInt32(max(ts)) FROM %s WHERE source = '%s' AND bitShiftRight(bid, 56) = %d",
        schema_defs[schema_table_of(dataset)].name, DEMO_SOURCE, (int)dataset);
    int rc = client_query(f->in->client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    if (rc == 0 && !str_to_u64(str_trim(buf_str(&out)), &newest))
        rc = err_set(err, ERR_ENGINE, "the engine says that the newest event is \"%s\"",
                     buf_cstr(&out));
    if (rc == 0)
        pour_set_until(pour, dataset, newest > 0 ? (int64_t)newest + 1 : start);
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

static int make_up(struct fill *f, struct pour *pour, const struct demo_world *world,
                   int64_t *ret_until, struct err *err) {
    int64_t now = clock_now_ms(&clock_system) / 1000, at = world->options.start;
    int rc = 0;
    progress_begin(&f->progress, "making up traffic");
    while (rc == 0 && at < now) {
        at = min_i64(at + STEP_SECONDS, now);
        rc = pour_run(pour, at, err);
        progress_show(&f->progress, (uint64_t)(at - world->options.start),
                      (uint64_t)(now - world->options.start), pour_count(pour), "events");
        if (rc == 0 && stop_asked())
            rc = err_set(err, ERR_STOPPED, "stopped");
    }
    progress_end(&f->progress);
    *ret_until = now;
    return rc;
}

/* All on disk, and the logs in the store; also after a stop. */
static int finish(struct fill *f, struct err *err) {
    int rc = feed_sync(f->feed, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(f->writers); i++)
        if (f->writers[i] != NULL)
            rc = lake_writer_sync(f->writers[i], err);
    struct err why = {0};
    int finished = feed_finish(f->feed, &why);
    return rc == 0 && finished != 0 ? err_set(err, finished, "%s", why.text) : rc;
}

static int pour_all(struct fill *f, struct pour *pour, const struct demo_world *world,
                    int64_t *ret_until, struct err *err) {
    int rc = instance_load_refiner(f->in, err);
    for (size_t i = 0; rc == 0 && i < POUR_DATASETS; i++) {
        enum dataset d = pour_datasets[i];
        rc = find_until(f, d, world->options.start, pour, err);
        if (rc == 0 && d != DATASET_LOGS)
            rc = lake_writer_open(f->in->lake_root, d, &clock_system, &f->writers[d], NULL, err);
    }
    if (rc == 0)
        rc = feed_open(f->in, &f->feed, err);
    if (rc != 0)
        return rc;
    rc = make_up(f, pour, world, ret_until, err);
    struct err why = {0};
    int finished = finish(f, &why);
    return rc == 0 && finished != 0 ? err_set(err, finished, "%s", why.text) : rc;
}

int demo_fill(struct instance *in, struct demo *demo, const struct demo_world *world,
              int64_t *ret_until, uint64_t *ret_events, struct err *err) {
    struct fill f = {.in = in};
    struct pour *pour = pour_new(demo, write_block, &f);
    int rc = catch_up(&f, "catching up with the lake", err);
    if (rc == 0)
        rc = pour_all(&f, pour, world, ret_until, err);
    feed_close(f.feed);
    for (size_t i = 0; i < ARRAY_LEN(f.writers); i++)
        lake_writer_close(f.writers[i]);
    if (rc == 0)
        rc = catch_up(&f, "counting beacons and counters", err);
    if (rc == 0) {
        progress_begin(&f.progress, "sealing");
        rc = cube_seal(in->cube, clock_now_ms(&clock_system) / 1000, show_rows, &f.progress, err);
        progress_end(&f.progress);
    }
    *ret_events = pour_count(pour);
    pour_free(pour);
    if (rc == ERR_STOPPED)
        return err_set(err, ERR_STOPPED, "stopped: the same command goes on from here");
    return rc;
}

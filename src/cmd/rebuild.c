/* rebuild: make the store anew from the lake. relabel: the same, if there is a reason to. */
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/store.h"

#include <stdlib.h>

static int show_bytes(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "B");
    return stop_asked();
}

static int show_rows(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "rows");
    return stop_asked();
}

enum { EVENTS, REJECTED, EXCLUDED, COUNTERS, COUNTS };

static int count_rows(struct client *client, uint64_t counts[static COUNTS], struct err *err) {
    struct buf out = {0};
    int rc = client_query(
        client,
        STR("SELECT (SELECT count() FROM events),"
            " (SELECT count() FROM rejected WHERE NOT startsWith(reason, 'excluded_')),"
            " (SELECT count() FROM rejected WHERE startsWith(reason, 'excluded_')),"
            " (SELECT count() FROM github)"),
        "TSV", NULL, 0, &out, err);
    struct str rest = str_trim(buf_str(&out)), cell;
    for (size_t i = 0; rc == 0 && i < COUNTS; i++)
        if (!str_split(&rest, '\t', &cell) || !str_to_u64(cell, &counts[i]))
            rc = err_set(err, ERR_ENGINE, "the engine counts rows as \"%s\"", buf_cstr(&out));
    buf_release(&out);
    return rc;
}

static int see_segment(void *arg, const struct lake_segment *segment, struct err *err) {
    UNUSED(arg);
    if (!segment->corrupt)
        return 0;
    return err_set(
        err, ERR_CORRUPT,
        "the lake is damaged (%s: %s), and a store made from it would lack those lines: put the "
        "file back from a backup, or run `rebuild --damaged` to go on without them",
        segment->path, segment->problem);
}

/* In the command's own process. */
static int rebuild_here(const struct cmd_store *store, uint64_t counts[static COUNTS],
                        struct err *err) {
    struct instance *in = store->in;
    struct progress progress;
    int rc = instance_drop_store(in, err);
    if (rc == 0) {
        progress_begin(&progress, "reading the lake");
        rc = instance_catch_up(in, show_bytes, &progress, err);
        progress_end(&progress);
    }
    if (rc == 0)
        rc = count_rows(store->client, counts, err);
    if (rc == 0 && in->config->seal) {
        progress_begin(&progress, "sealing");
        rc = cube_seal(in->cube, clock_now_ms(&clock_system) / 1000, show_rows, &progress, err);
        progress_end(&progress);
    }
    if (rc == ERR_STOPPED)
        return err_set(err, ERR_STOPPED, "stopped: the next command goes on from here");
    return rc;
}

/* In the server, which seals by itself later. */
static int rebuild_live(const struct cmd_store *store, uint64_t counts[static COUNTS],
                        struct err *err) {
    int rc = live_rebuild(store->live, store->stop, err);
    return rc == 0 ? count_rows(store->client, counts, err) : rc;
}

int rebuild_answer(const struct cmd_store *store, const struct cmd_request *request,
                   struct buf *out, struct err *err) {
    uint64_t counts[COUNTS] = {0};
    double start = clock_monotonic_seconds();
    int rc = cmd_store_claim(store, err);
    if (rc != 0)
        return rc;
    if (store->live == NULL)
        stop_on_signals();
    if (!cmd_given(request->args, "damaged"))
        rc = lake_walk(store->in->lake_root, 0, see_segment, NULL, err);
    if (rc == 0)
        rc = store->live != NULL ? rebuild_live(store, counts, err)
                                 : rebuild_here(store, counts, err);
    cmd_store_release(store);
    if (rc != 0)
        return rc;
    text_count(out, counts[EVENTS]);
    buf_add_cstr(out, " events, ");
    text_count(out, counts[REJECTED]);
    buf_add_cstr(out, " rejected and ");
    text_count(out, counts[EXCLUDED]);
    buf_add_cstr(out, " excluded lines");
    if (counts[COUNTERS] > 0) {
        buf_add_cstr(out, ", ");
        text_count(out, counts[COUNTERS]);
        buf_add_cstr(out, " records of counters");
    }
    buf_add_cstr(out, " from the lake in ");
    text_seconds(out, clock_monotonic_seconds() - start);
    buf_add_char(out, '\n');
    return 0;
}

int relabel_answer(const struct cmd_store *store, const struct cmd_request *request,
                   struct buf *out, struct err *err) {
    uint64_t stale = 0, rows = 0;
    int rc = cmd_store_catch_up(store, err);
    if (rc == 0)
        rc = cmd_store_stale(store, &stale, &rows, err);
    if (rc != 0)
        return rc;
    text_count(out, stale);
    buf_add_cstr(out, " of ");
    text_count(out, rows);
    buf_add_cstr(out, " rows were made by other rules than those of today\n");
    return stale > 0 ? rebuild_answer(store, request, out, err) : 0;
}

int cmd_run_relabel(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    return cmd_with_store(ctx, args, STR(""), err);
}

int cmd_run_rebuild(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    return cmd_with_store(ctx, args, STR(""), err);
}

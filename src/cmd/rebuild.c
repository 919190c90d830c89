/* rebuild: make the store anew from the lake. */
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "daemon/instance.h"

#include <stdlib.h>

static int show_bytes(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "B");
    return stop_asked();
}

static int show_rows(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "rows");
    return stop_asked();
}

/* Of events, rejected and excluded. */
static int count_rows(struct instance *in, uint64_t counts[static 3], struct err *err) {
    struct buf out = {0};
    int rc = client_query(
        in->client,
        STR("SELECT (SELECT count() FROM events),"
            " (SELECT count() FROM rejected WHERE NOT startsWith(reason, 'excluded_')),"
            " (SELECT count() FROM rejected WHERE startsWith(reason, 'excluded_'))"),
        "TSV", NULL, 0, &out, err);
    struct str rest = str_trim(buf_str(&out)), cell;
    for (size_t i = 0; rc == 0 && i < 3; i++)
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

static int run(struct instance *in, bool damaged, struct err *err) {
    struct progress progress;
    double start = clock_monotonic_seconds();
    stop_on_signals();
    int rc = damaged ? 0 : lake_walk(in->lake_root, 0, see_segment, NULL, err);
    if (rc == 0)
        rc = instance_drop_store(in, err);
    if (rc == 0) {
        progress_begin(&progress, "reading the lake");
        rc = instance_catch_up(in, show_bytes, &progress, err);
        progress_end(&progress);
    }
    uint64_t counts[3] = {0};
    if (rc == 0)
        rc = count_rows(in, counts, err);
    if (rc == 0 && in->config->seal) {
        progress_begin(&progress, "sealing");
        rc = cube_seal(in->cube, clock_now_ms(&clock_system) / 1000, show_rows, &progress, err);
        progress_end(&progress);
    }
    if (rc == ERR_STOPPED)
        return err_set(err, ERR_STOPPED, "stopped: the next command goes on from here");
    if (rc != 0)
        return rc;
    struct buf out = {0};
    text_count(&out, counts[0]);
    buf_add_cstr(&out, " events, ");
    text_count(&out, counts[1]);
    buf_add_cstr(&out, " rejected and ");
    text_count(&out, counts[2]);
    buf_add_cstr(&out, " excluded lines from the lake in ");
    text_seconds(&out, clock_monotonic_seconds() - start);
    buf_add_char(&out, '\n');
    rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

int cmd_run_rebuild(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct config *config = NULL;
    struct instance *in = NULL;
    int rc = cmd_config(ctx, &config, err);
    if (rc == 0)
        rc = instance_open_refining(config, cmd_data_dir(ctx, config), "rebuild", &in, err);
    if (rc == 0)
        rc = run(in, cmd_given(args, "damaged"), err);
    instance_close(in);
    config_free(config);
    return rc;
}

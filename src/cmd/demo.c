/* demo: a data directory full of made-up traffic, and a server on it. Made-up data are never mixed
 * with real ones: they live in a directory of their own, which says so (MADE-UP.txt, the document
 * "demo").
 *
 * What a crash leaves: MADE-UP.txt is there before anything else, the document before any record;
 * what was made up says itself how far it goes (pour.h), so the next start goes on from there. */
#include "cmd/demo.h"
#include "base/fs.h"
#include "cmd/progress.h"
#include "cmd/serve.h"
#include "http/server.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA_DIR "./demo-data"
#define DOCUMENT "demo"
#define MARK "MADE-UP.txt"
#define CONFIG "caskalytics.yaml"
#define EVENTS 2000000u
#define EVENTS_MAX 1000000000u
#define MONTHS 13u
#define MONTHS_MAX 120u

static const char mark_text[] =
    "All data in this directory are made up by `caskalytics demo`: the sites, their visitors and\n"
    "downloads, the counters of repositories, every number. Nothing in it was measured anywhere.\n";

struct demo_run {
    struct cmd_context ctx; /* with the configuration and the directory of the demo */
    struct buf data_dir, config_path;
    struct demo_world world;
    bool has_events, has_months, has_seed;
    const char *listen;
    struct demo *demo;
    int64_t until;
    struct trickle *trickle;
};

/* --- arguments ------------------------------------------------------------------------------- */

static int take_number(const struct cmd_args *args, const char *name, uint64_t least, uint64_t most,
                       uint64_t *ret, bool *ret_given, struct err *err) {
    const char *value = cmd_value(args, name, 0);
    *ret_given = value != NULL;
    if (value == NULL || (str_to_u64(str_from(value), ret) && *ret >= least && *ret <= most))
        return 0;
    return err_set(err, ERR_USAGE, "--%s: \"%s\" is no number from %llu to %llu", name, value,
                   (unsigned long long)least, (unsigned long long)most);
}

/* Readers need no log-in, so nobody else may reach it. */
static int check_listen(const char *listen, struct err *err) {
    if (listen == NULL || http_is_loopback(listen))
        return 0;
    return err_set(
        err, ERR_USAGE,
        "--listen: a demo is open to whoever reaches it, so it listens on this machine only, "
        "such as on 127.0.0.1:8080");
}

static int take_args(struct demo_run *run, const struct cmd_context *ctx,
                     const struct cmd_args *args, struct err *err) {
    struct demo_world *w = &run->world;
    w->events = EVENTS;
    w->months = MONTHS;
    w->options.seed = 1;
    run->listen = cmd_value(args, "listen", 0);
    if (ctx->config_path != NULL)
        return err_set(err, ERR_USAGE, "demo: it has a configuration of its own, DIR/" CONFIG);
    buf_add_cstr(&run->data_dir, ctx->data_dir != NULL ? ctx->data_dir : DATA_DIR);
    int rc = check_listen(run->listen, err);
    if (rc == 0)
        rc = take_number(args, "events", 1000, EVENTS_MAX, &w->events, &run->has_events, err);
    if (rc == 0)
        rc = take_number(args, "months", 1, MONTHS_MAX, &w->months, &run->has_months, err);
    if (rc == 0)
        rc = take_number(args, "seed", 0, INT64_MAX, &w->options.seed, &run->has_seed, err);
    return rc;
}

/* --- the directory --------------------------------------------------------------------------- */

static bool is_empty(DIR *dir) {
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

static int refuse(struct demo_run *run, struct err *err) {
    return err_set(err, ERR_USAGE,
                   "%s has other data in it: made-up traffic is not mixed with them. Name another "
                   "directory with --data",
                   buf_cstr(&run->data_dir));
}

static int write_config(struct demo_run *run, struct err *err) {
    struct buf text = {0};
    char *path = realpath(buf_cstr(&run->data_dir), NULL); /* so that it is good from anywhere */
    if (path == NULL)
        return err_errno(err, ERR_IO, "%s", buf_cstr(&run->data_dir));
    buf_add_cstr(&text, "data: \"");
    buf_add_json(&text, str_from(path)); /* a string of YAML as well */
    buf_add_cstr(&text, "\"\n");
    buf_add_cstr(&text, demo_config);
    int rc = fs_replace_file(buf_cstr(&run->config_path), buf_str(&text), 0644, err);
    buf_release(&text);
    free(path);
    return rc;
}

/* Is there nothing yet, or what another demo left? Then it has its mark and a configuration. */
static int prepare(struct demo_run *run, struct err *err) {
    const char *data_dir = buf_cstr(&run->data_dir);
    struct buf mark = {0};
    buf_printf(&mark, "%s/" MARK, data_dir);
    buf_printf(&run->config_path, "%s/" CONFIG, data_dir);
    DIR *dir = opendir(data_dir);
    int rc = 0;
    if (dir == NULL && errno != ENOENT)
        rc = err_errno(err, errno == ENOTDIR ? ERR_USAGE : ERR_IO, "%s", data_dir);
    else if (dir != NULL && !fs_exists(buf_cstr(&mark)) && !is_empty(dir))
        rc = refuse(run, err);
    if (dir != NULL)
        closedir(dir);
    if (rc == 0)
        rc = fs_make_dirs(data_dir, err);
    if (rc == 0 && !fs_exists(buf_cstr(&mark)))
        rc = fs_replace_file(buf_cstr(&mark), STR(mark_text), 0644, err);
    if (rc == 0 && !fs_exists(buf_cstr(&run->config_path)))
        rc = write_config(run, err);
    run->ctx = (struct cmd_context){.config_path = buf_cstr(&run->config_path),
                                    .data_dir = buf_cstr(&run->data_dir)};
    buf_release(&mark);
    return rc;
}

/* --- what it was made from ------------------------------------------------------------------- */

static int begin_world(struct demo_run *run, struct instance *in, struct err *err) {
    struct demo_world *w = &run->world;
    uint64_t last = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && last == 0 && i < instance_n_datasets; i++)
        rc = instance_lake_last(in, instance_datasets[i], &last, err);
    if (rc == 0 && last != 0)
        return refuse(run, err);
    struct zone *utc = NULL;
    if (rc == 0)
        rc = zone_open("UTC", &utc, err);
    if (rc != 0)
        return rc;
    w->options.end = clock_now_ms(&clock_system) / 1000;
    w->options.start =
        zone_floor(utc, GRAIN_DAY, zone_shift(utc, GRAIN_MONTH, w->options.end, -(int)w->months));
    zone_free(utc);
    rc = demo_visits_for(&w->options, w->events, &w->options.visits, err);
    if (rc != 0)
        return rc;
    json_t *doc = json_pack("{s:b,s:I,s:I,s:I,s:f,s:I,s:I}", "made_up", true, "events",
                            (json_int_t)w->events, "months", (json_int_t)w->months, "seed",
                            (json_int_t)w->options.seed, "visits", w->options.visits, "start",
                            (json_int_t)w->options.start, "end", (json_int_t)w->options.end);
    char *text = json_dumps(doc, JSON_COMPACT);
    const struct control_put put = {DOCUMENT, str_from(text), 0};
    rc = control_commit(in->control, &put, 1, err);
    free(text);
    json_decref(doc);
    return rc;
}

static int read_world(struct demo_run *run, struct str text, struct err *err) {
    struct demo_world *w = &run->world;
    json_int_t events = 0, months = 0, seed = 0, start = 0, end = 0;
    json_t *doc = json_loadb(text.ptr, text.len, 0, NULL);
    int bad =
        json_unpack(doc, "{s:I,s:I,s:I,s:F,s:I,s:I}", "events", &events, "months", &months, "seed",
                    &seed, "visits", &w->options.visits, "start", &start, "end", &end);
    json_decref(doc);
    if (bad != 0)
        return err_set(err, ERR_CORRUPT, "%s: the control data do not say what it was made from",
                       buf_cstr(&run->data_dir));
    if ((run->has_events && w->events != (uint64_t)events) ||
        (run->has_months && w->months != (uint64_t)months) ||
        (run->has_seed && w->options.seed != (uint64_t)seed))
        return err_set(
            err, ERR_USAGE,
            "%s was made with --events %lld --months %lld --seed %lld: go on without these "
            "options, or name another directory with --data",
            buf_cstr(&run->data_dir), (long long)events, (long long)months, (long long)seed);
    w->events = (uint64_t)events;
    w->months = (uint64_t)months;
    w->options.seed = (uint64_t)seed;
    w->options.start = start;
    w->options.end = end;
    return 0;
}

static int open_world(struct demo_run *run, struct instance *in, struct err *err) {
    struct buf text = {0};
    uint64_t version;
    int rc = control_get(in->control, DOCUMENT, &text, &version, err);
    if (rc == 0)
        rc = version == 0 ? begin_world(run, in, err) : read_world(run, buf_str(&text), err);
    buf_release(&text);
    return rc;
}

/* --- filling --------------------------------------------------------------------------------- */

static int say_filled(struct demo_run *run, uint64_t events, double seconds, struct err *err) {
    struct buf out = {0};
    text_count(&out, events);
    buf_printf(&out, " made-up events of %llu months in %s, in ",
               (unsigned long long)run->world.months, buf_cstr(&run->data_dir));
    text_seconds(&out, seconds);
    buf_add_char(&out, '\n');
    int rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

static int fill(struct demo_run *run, struct err *err) {
    struct config *config = NULL;
    struct instance *in = NULL;
    double start = clock_monotonic_seconds();
    uint64_t events = 0;
    int rc = cmd_config(&run->ctx, &config, err);
    if (rc == 0)
        rc = instance_open_refining(config, run->ctx.data_dir, "demo", &in, err);
    if (rc == 0) {
        stop_on_signals();
        rc = open_world(run, in, err);
    }
    if (rc == 0)
        rc = demo_new(&run->world.options, &run->demo, err);
    if (rc == 0)
        rc = demo_fill(in, run->demo, &run->world, &run->until, &events, err);
    instance_close(in);
    config_free(config);
    return rc == 0 ? say_filled(run, events, clock_monotonic_seconds() - start, err) : rc;
}

/* --- serving --------------------------------------------------------------------------------- */

static int on_started(void *arg, struct live *live, unsigned port, struct err *err) {
    struct demo_run *run = arg;
    struct buf out = {0};
    const char *host = run->listen != NULL ? run->listen : "127.0.0.1:";
    int len = (int)(strrchr(host, ':') - host);
    int rc = trickle_start(live, run->demo, run->until, &run->trickle, err);
    if (rc != 0)
        return rc;
    buf_printf(
        &out, "All numbers are made up. Open for reading, without log-in:\n\n  http://%.*s:%u/\n\n",
        len, host, port);
    buf_printf(&out,
               "  curl 'http://%.*s:%u/api/v1/query?metrics=pageviews,visitors&by=month'\n"
               "  curl 'http://%.*s:%u/api/v1/query?metrics=downloads&group=product,version'\n"
               "  curl 'http://%.*s:%u/api/v1/query?metrics=stars,forks&by=month&group=repo'\n"
               "  curl 'http://%.*s:%u/api/v1/realtime'\n\n",
               len, host, port, len, host, port, len, host, port, len, host, port);
    rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

static void on_stopping(void *arg) {
    struct demo_run *run = arg;
    trickle_stop(run->trickle);
}

int cmd_run_demo(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct demo_run run = {0};
    int rc = take_args(&run, ctx, args, err);
    if (rc == 0)
        rc = prepare(&run, err);
    if (rc == 0)
        rc = fill(&run, err);
    const struct serve_options options = {.ctx = &run.ctx,
                                          .command = "demo",
                                          .listen = run.listen,
                                          .open = true,
                                          .started = on_started,
                                          .stopping = on_stopping,
                                          .arg = &run};
    if (rc == 0 && !cmd_given(args, "no-serve"))
        rc = serve_run(&options, err);
    demo_free(run.demo);
    buf_release(&run.data_dir);
    buf_release(&run.config_path);
    return rc;
}

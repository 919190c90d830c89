/* serve: everything at once, until it is asked to stop.
 *
 * Start: lock, control data, intakes (from here on records can be taken), HTTP, sources; the engine
 * comes when it can.
 * Stop, in the other direction: no new requests, sources end, what was taken becomes durable and is
 * answered, the store keeps what it has. */
#include "cmd/serve.h"
#include "api/api.h"
#include "base/address.h"
#include "base/fs.h"
#include "base/log.h"
#include "cmd/notify.h"
#include "cmd/store.h"
#include "daemon/tails.h"
#include "http/server.h"
#include "refine/refine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_SECONDS 5.0

struct server {
    struct config *config;     /* as of the start */
    bool has_file, has_values; /* the file that was read last: is there, has something in it */
    struct instance *in;
    struct live *live;
    struct api *api;
    struct tails *tails;
    struct cmd_server commands; /* of other processes, that run in this one */
    atomic_flag failed;
    struct err fatal; /* of the lake: the process must end with its code */
};

/* Signals are taken by the main thread only, one after the other. */
static void block_signals(sigset_t *ret) {
    sigemptyset(ret);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_failed(void *arg, const struct err *err) {
    struct server *s = arg;
    if (atomic_flag_test_and_set(&s->failed))
        return; /* the intake of another dataset has said so */
    s->fatal = *err;
    log_line(LOG_ERROR, "lake_failed", "error=\"%s\"", err->text);
    kill(getpid(), SIGTERM); /* taken by the main thread */
}

/* As many descriptors as the system lets us have: each client takes one. */
static void raise_limits(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* CASKALYTICS_LOG goes first. */
static void set_log(const struct config *config) {
    const char *given = getenv("CASKALYTICS_LOG");
    enum log_level level;
    enum log_format format;
    if (given == NULL || !log_level_parse(given, &level))
        if (log_level_parse(config->log_level, &level))
            log_set_level(level);
    if (log_format_parse(config->log_format, &format))
        log_set_format(format);
}

static void log_report(const struct buf *report, bool is_good) {
    struct str rest = buf_str(report), line;
    while (str_split(&rest, '\n', &line))
        if (line.len > 0)
            log_line(is_good ? LOG_WARN : LOG_ERROR, "config_problem", "problem=\"" STR_FMT "\"",
                     STR_ARG(line));
}

static void remember_file(struct server *s, const struct config *config) {
    s->has_file = config->file != NULL;
    s->has_values = !config->is_empty;
}

/* A file that is gone or empty is in the middle of being changed: all defaults are not meant. */
static int read_again(const struct server *s, const struct cmd_context *ctx, struct config **ret,
                      struct err *err) {
    struct buf report = {0};
    int rc = config_load(ctx->config_path, ret, &report, err);
    log_report(&report, rc == 0);
    buf_release(&report);
    if (rc == 0 && s->has_file && (*ret)->file == NULL)
        rc = err_set(err, ERR_USAGE, "the configuration file is gone");
    else if (rc == 0 && s->has_values && (*ret)->is_empty)
        rc = err_set(err, ERR_USAGE, "%s: the file is empty", (*ret)->file);
    return rc;
}

static void log_fixed(const struct server *s, const struct config *fresh) {
    struct buf names = {0};
    config_changed_fixed(s->config, fresh, &names);
    if (names.len > 0)
        log_line(LOG_WARN, "restart_needed", "options=\"%s\"", buf_cstr(&names));
    buf_release(&names);
}

/* All or nothing: a file with a mistake changes nothing. */
static void reload(struct server *s, const struct cmd_context *ctx) {
    struct config *fresh = NULL;
    struct err err = {0};
    int rc = read_again(s, ctx, &fresh, &err);
    struct refiner *rules = NULL;
    if (rc == 0)
        rc = live_load_rules(s->live, fresh, &rules, &err);
    if (rc == 0)
        rc = api_reload(s->api, fresh, &err);
    if (rc != 0) {
        refiner_free(rules);
        log_line(LOG_ERROR, "reload_failed", "error=\"%s\"", err.text);
        config_free(fresh);
        return;
    }
    live_use_rules(s->live, rules);
    tails_reload(s->tails, fresh);
    set_log(fresh);
    remember_file(s, fresh);
    log_fixed(s, fresh);
    log_line(LOG_INFO, "reloaded", "file=%s", fresh->file != NULL ? fresh->file : "");
    config_free(fresh);
}

/* Do the threads that acknowledgements hang on get on? Who asks is the main thread itself. */
static bool is_alive(const struct server *s, double patience) {
    for (size_t i = 0; i < instance_n_datasets; i++)
        if (intake_counts(live_intake(s->live, instance_datasets[i])).busy_seconds > patience)
            return false;
    return true;
}

/* 0: the time is over. */
static int next_signal(const sigset_t *signals, double seconds) {
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    for (;;) {
        int got = seconds > 0 ? sigtimedwait(signals, NULL, &pause) : sigwaitinfo(signals, NULL);
        if (got > 0)
            return got;
        if (errno == EAGAIN)
            return 0;
    }
}

static void wait_for_end(struct server *s, const struct cmd_context *ctx, const sigset_t *signals) {
    double watchdog = notify_watchdog_seconds();
    notify("READY=1");
    for (;;) {
        int got = next_signal(signals, watchdog / 3);
        if (got == SIGHUP) {
            notify_reloading();
            reload(s, ctx);
            notify("READY=1");
        } else if (got != 0) {
            break;
        }
        if (watchdog > 0 && is_alive(s, watchdog))
            notify("WATCHDOG=1");
    }
    notify("STOPPING=1");
}

static const char *setup_path(const struct server *s, struct buf *out) {
    buf_printf(out, "%s/setup-link", live_instance(s->live)->data_dir);
    return buf_cstr(out);
}

/* Of this start or of one before. */
static void remove_setup(const struct server *s) {
    struct buf path = {0};
    (void)unlink(setup_path(s, &path));
    buf_release(&path);
}

/* On a terminal, else in a file: standard output is then a log, and logs are read by others. */
static void tell_setup(const struct server *s) {
    struct buf link = {0}, path = {0}, text = {0};
    struct err err = {0};
    remove_setup(s);
    if (api_setup_link(s->api, &link)) {
        buf_add_char(&link, '\n');
        if (isatty(STDOUT_FILENO)) {
            buf_printf(&text,
                       "There is no administrator yet. Open this link to become it (it works once, "
                       "until the server ends):\n%s",
                       buf_cstr(&link));
            (void)!cmd_write(buf_str(&text), NULL);
        } else if (fs_replace_file(setup_path(s, &path), buf_str(&link), 0600, &err) == 0) {
            log_line(LOG_INFO, "setup_link", "file=\"%s\"", buf_cstr(&path));
        } else {
            log_line(LOG_WARN, "setup_link_not_saved", "error=\"%s\"", err.text);
        }
    }
    buf_release(&link);
    buf_release(&path);
    buf_release(&text);
}

/* Everything is up. */
static int run(struct server *s, const struct serve_options *o, const sigset_t *signals,
               struct err *err) {
    unsigned port = api_port(s->api);
    log_line(LOG_INFO, "listening", "port=%u", port);
    tell_setup(s);
    int rc = o->started != NULL ? o->started(o->arg, s->live, port, err) : 0;
    if (rc == 0)
        wait_for_end(s, o->ctx, signals);
    if (o->stopping != NULL)
        o->stopping(o->arg);
    log_line(LOG_INFO, "stopping", "seconds=%.0f", DRAIN_SECONDS);
    api_drain(s->api, DRAIN_SECONDS);
    remove_setup(s);
    return rc;
}

int serve_run(const struct serve_options *o, struct err *err) {
    struct server s = {.commands = {ATOMIC_FLAG_INIT}, .failed = ATOMIC_FLAG_INIT};
    struct buf warnings = {0};
    sigset_t signals;
    int rc = cmd_config_whole(o->ctx, &s.config, &warnings, err);
    if (rc == 0) {
        set_log(s.config);
        log_report(&warnings, true);
        remember_file(&s, s.config);
    }
    buf_release(&warnings);
    if (rc != 0)
        return rc;
    block_signals(&signals);
    raise_limits();
    rc = instance_open_live(s.config, cmd_data_dir(o->ctx, s.config), o->command, &s.in, err);
    const char *listen = o->listen != NULL ? o->listen : s.config->listen;
    if (rc == 0) /* before anything says that it is ready */
        rc = http_can_listen(listen, err);
    if (rc == 0)
        rc = live_start(s.in, on_failed, &s, &s.live, err);
    if (rc == 0)
        rc = tails_start(s.live, s.config, &s.tails, err);
    const struct api_options options = {.config_path = o->ctx->config_path,
                                        .live = s.live,
                                        .tails = s.tails,
                                        .open = o->open,
                                        .run = cmd_serve_run,
                                        .run_arg = &s.commands};
    if (rc == 0)
        rc = api_open(&options, &s.api, err);
    if (rc == 0)
        rc = api_listen(s.api, listen, err);
    if (rc == 0)
        rc = run(&s, o, &signals, err);
    tails_stop(s.tails);
    live_stop(s.live);
    api_close(s.api);
    live_free(s.live);
    instance_close(s.in);
    config_free(s.config);
    if (rc == 0 && s.fatal.code != 0)
        rc = err_set(err, s.fatal.code, "%s", s.fatal.text);
    return rc;
}

int cmd_run_serve(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    const struct serve_options options = {
        .ctx = ctx, .command = "serve", .listen = cmd_value(args, "listen", 0)};
    struct str host;
    uint16_t port;
    if (options.listen != NULL && !address_split_port(str_from(options.listen), &host, &port))
        return err_set(err, ERR_USAGE, "--listen: %s is no address and port such as 127.0.0.1:8080",
                       options.listen);
    return serve_run(&options, err);
}

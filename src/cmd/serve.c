/* serve: everything at once, until it is asked to stop.
 *
 * Start: lock, control data, engine, intakes (from here on records can be taken), HTTP, sources.
 * Stop, in the other direction: no new requests, sources end, what was taken becomes durable and is
 * answered, the store keeps what it has. */
#include "cmd/serve.h"
#include "api/api.h"
#include "base/log.h"
#include "cmd/store.h"
#include "daemon/tails.h"
#include "refine/refine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DRAIN_SECONDS 8.0

struct server {
    struct config *config;
    struct instance *in;
    struct live *live;
    struct api *api;
    struct tails *tails;
    struct cmd_server commands; /* of other processes, that run in this one */
    pthread_t main;
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
    s->fatal = *err;
    log_line(LOG_ERROR, "lake_failed", "error=\"%s\"", err->text);
    pthread_kill(s->main, SIGTERM);
}

/* As many descriptors as the system lets us have: each client takes one. */
static void raise_limits(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* systemd's readiness protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET. */
static void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof at.sun_path)
        return;
    memcpy(at.sun_path, path, strlen(path));
    if (at.sun_path[0] == '@')
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&at,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
        close(fd);
    }
}

/* All or nothing: a file with a mistake changes nothing. */
static void reload(struct server *s, const struct cmd_context *ctx) {
    struct config *fresh = NULL;
    struct err err = {0};
    int rc = cmd_config(ctx, &fresh, &err);
    if (rc == 0)
        rc = tails_check(fresh, &err);
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
    log_line(LOG_INFO, "reloaded", "file=%s", fresh->file != NULL ? fresh->file : "");
    config_free(fresh);
}

static void wait_for_end(struct server *s, const struct cmd_context *ctx, const sigset_t *signals) {
    notify("READY=1");
    for (;;) {
        int signal_number = 0;
        if (sigwait(signals, &signal_number) != 0)
            continue;
        if (signal_number != SIGHUP)
            break;
        notify("RELOADING=1");
        reload(s, ctx);
        notify("READY=1");
    }
    notify("STOPPING=1");
}

/* Everything is up. */
static int run(struct server *s, const struct serve_options *o, const sigset_t *signals,
               struct err *err) {
    unsigned port = api_port(s->api);
    log_line(LOG_INFO, "listening", "port=%u", port);
    int rc = o->started != NULL ? o->started(o->arg, s->live, port, err) : 0;
    if (rc == 0)
        wait_for_end(s, o->ctx, signals);
    if (o->stopping != NULL)
        o->stopping(o->arg);
    log_line(LOG_INFO, "stopping", "seconds=%.0f", DRAIN_SECONDS);
    api_drain(s->api, DRAIN_SECONDS);
    return rc;
}

int serve_run(const struct serve_options *o, struct err *err) {
    struct server s = {.main = pthread_self(), .commands = {ATOMIC_FLAG_INIT}};
    sigset_t signals;
    int rc = cmd_config(o->ctx, &s.config, err);
    if (rc != 0)
        return rc;
    block_signals(&signals);
    raise_limits();
    rc = instance_open(s.config, cmd_data_dir(o->ctx, s.config), o->command, &s.in, err);
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
        rc = api_listen(s.api, o->listen != NULL ? o->listen : s.config->listen, err);
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
    return serve_run(&options, err);
}

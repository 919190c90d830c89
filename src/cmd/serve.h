/* The run of a server, which `serve` and `demo` share. */
#ifndef CASK_CMD_SERVE_H
#define CASK_CMD_SERVE_H

#include "cmd/cmd.h"
#include "daemon/live.h"

struct serve_options {
    const struct cmd_context *ctx;
    const char *command; /* who holds the data directory */
    const char *listen;  /* NULL: of the configuration */
    bool open;           /* no log-in needed for reading */
    /* The server listens on `port`; then, before anything stops. May be NULL. */
    int (*started)(void *arg, struct live *live, unsigned port, struct err *err);
    void (*stopping)(void *arg); /* also when started() failed */
    void *arg;
};

/* Until SIGTERM or SIGINT; from here on signals are blocked. */
MUSTCHECK int serve_run(const struct serve_options *options, struct err *err);

#endif

/* Start the engine program once, with its sockets (used by engine_process.c only). */
#ifndef CASK_DAEMON_SPAWN_H
#define CASK_DAEMON_SPAWN_H

#include "daemon/engine_process.h"

struct engine_child {
    int pid;        /* 0: none */
    int pidfd;      /* readable when it is dead; -1: none */
    int control_fd; /* our end; closing it ends the engine; -1: none */
    bool sandboxed;
};

/* What is needed to start it again and again. */
struct engine_plan {
    struct engine_options options;          /* data_dir is absolute and owned by the plan */
    struct buf data_dir, directory, socket; /* directory: DATA/engine */
    int dir_fd; /* of the data directory: keeps the socket's name short whatever its length */
};

MUSTCHECK int engine_plan_make(const struct engine_options *options, struct engine_plan *ret,
                               struct err *err);
void engine_plan_release(struct engine_plan *plan);

/* Make the socket, start the program and wait (at most 120 s) until it is ready to serve. `stop_fd`
 * becoming readable ends the wait (ERR_STOPPED). ERR_NOTFOUND: program or libchdb missing.
 * ERR_BUSY, ERR_ENGINE, ERR_IO. ERR_CORRUPT: the engine cannot open its directory, said why, and
 * that is no lack of memory, room, permission or the like. */
MUSTCHECK int engine_spawn(const struct engine_plan *plan, int stop_fd, struct engine_child *ret,
                           struct err *err);
/* Close the control socket, wait up to `ms`, then kill; reaps it. True: it had to be killed. */
bool engine_child_end(struct engine_child *child, int ms);

#endif

/* The engine as a child process: start, watch, restart, stop (ARCHITECTURE.md). A directory that it
 * cannot open (damaged, and no other reason can be seen) is moved aside, once an hour at most: then
 * it starts with an empty one.
 *
 * The parent makes the listening unix socket (DATA/engine.sock, mode 0600) and hands it down: a
 * fresh one at the same place for every start, so that while no engine runs a client is refused at
 * once (ERR_AWAY) instead of waiting. Both hold a control socket: the engine ends by itself when
 * the other end closes. posix_spawn, never fork (docs/internals/engine.md). While an engine process
 * exists this process is not dumpable, so that the engine cannot read its environment or memory.
 * The caller holds data_lock(). Thread-safe. An engine that hangs for a minute is killed.
 */
#ifndef CASK_ENGINE_PROCESS_H
#define CASK_ENGINE_PROCESS_H

#include "base/err.h"
#include "base/str.h"

struct engine_process;

struct engine_options {
    const char *data_dir;
    uint64_t memory_bytes;       /* of the whole engine process */
    uint64_t query_memory_bytes; /* of one statement */
    unsigned connections;        /* size of the pool; 0: default */
    bool restart;                /* as engine_process_set_restart() */
};

/* The engine is started by a thread of its own, and nothing is waited for. What it needs may be
 * missing: with restart it is tried again. */
MUSTCHECK int engine_process_open(const struct engine_options *options, struct engine_process **ret,
                                  struct err *err);
/* Until it serves, or its first start has failed (at most 120 s): ERR_NOTFOUND (program or libchdb
 * missing), ERR_BUSY (an engine of an earlier parent still holds the directory: that was waited
 * for), ERR_ENGINE, ERR_CORRUPT, ERR_NOSPACE, ERR_IO. */
MUSTCHECK int engine_process_wait(struct engine_process *p, struct err *err);
/* Both. */
MUSTCHECK int engine_process_start(const struct engine_options *options,
                                   struct engine_process **ret, struct err *err);
/* Path for client_new(): short whatever the data directory's name is. */
const char *engine_process_socket(const struct engine_process *p);
/* False once it is dead. A watcher thread notices and, if restart is on, starts it again with
 * growing pauses; `generation` counts the starts, so that a caller sees that what it knew is gone.
 */
bool engine_process_alive(struct engine_process *p);
void engine_process_set_restart(struct engine_process *p, bool on);
unsigned engine_process_generation(struct engine_process *p);
int engine_process_pid(struct engine_process *p);
/* At once; the watcher goes on as after any death. */
void engine_process_kill(struct engine_process *p);
/* Why the last start failed; code 0: it did not. */
struct err engine_process_error(struct engine_process *p);
/* How often a damaged directory was moved aside. */
unsigned engine_process_damaged(struct engine_process *p);
/* False where the kernel has no Landlock: user SQL is then off. */
bool engine_process_sandboxed(struct engine_process *p);
/* The end is near: it is not started again, and killed when it is not gone in so many seconds, so
 * that whoever waits for a statement of one that hangs gets ERR_AWAY by then. */
void engine_process_end_within(struct engine_process *p, double seconds);
/* Orderly end (closes the pipe, waits up to 10 s, or as long as it was given before, then kills).
 * Takes NULL. */
void engine_process_stop(struct engine_process *p);

/* --- the lock on the data directory ---------------------------------------------------------- */

/* Take DATA/lock (flock; the directory is made if missing). ERR_BUSY names the holder's pid and
 * command, as it wrote them into the file. ERR_USAGE when root would write into what is another
 * user's: the service that the data belong to could not open it. */
MUSTCHECK int data_lock(const char *data_dir, const char *command, int *ret_fd, struct err *err);
/* The same for another file, DATA/NAME: who works on what else only one may work on. Root may, and
 * leaves the file to whom the data belong. */
MUSTCHECK int data_lock_file(const char *data_dir, const char *name, const char *command,
                             int *ret_fd, struct err *err);
/* Does the holder of DATA/lock say that it is this command? (It may be gone by now.) */
bool data_lock_is_of(const char *data_dir, const char *command);
void data_unlock(int fd);

#endif

/* A store to work on. A command that needs one is a function of it, and runs either in its own
 * process, which has opened the data directory for as long as it runs, or inside of the server that
 * has it open; what it prints is the same. */
#ifndef CASK_CMD_STORE_H
#define CASK_CMD_STORE_H

#include "api/api.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "cmd/remote.h"
#include "query/result.h"

struct cmd_store {
    struct instance *in;
    struct live *live;           /* of the server; NULL: the process is the command's own */
    const struct config *config; /* in effect */
    struct client *client;       /* of this thread */
    const atomic_bool *stop;     /* set when the server stops; NULL: signals ask to stop */
    atomic_flag *whole;          /* of the server: a command works on the whole store; NULL */
};

struct cmd_request {
    const struct cmd_args *args;
    struct str input;          /* standard input, of commands that read it; else "" */
    struct output_style style; /* how the caller's standard output wants its tables */
};

/* Appends what is to be printed, also when it fails. */
typedef int cmd_answer_fn(const struct cmd_store *store, const struct cmd_request *request,
                          struct buf *out, struct err *err);
cmd_answer_fn stats_answer, sql_answer, verify_answer, rebuild_answer, relabel_answer, user_answer,
    token_answer;

/* Run the command of `args` on the store and print what it says: in the server if one runs, else in
 * this process. ERR_AWAY (exit code 75): the server stopped or is gone. */
MUSTCHECK int cmd_with_store(const struct cmd_context *ctx, const struct cmd_args *args,
                             struct str input, struct err *err);

/* How much of a data directory a command opens (instance.h). */
typedef int cmd_open_fn(const struct config *config, const char *data_dir, const char *command,
                        struct instance **ret, struct err *err);

/* The server of the data directory or, if none runs, the opened data directory: one of the two.
 * Waits a few seconds for a server that is just starting or stopping. */
MUSTCHECK int cmd_open_store(const struct config *config, const char *data_dir, const char *command,
                             cmd_open_fn *open, struct remote **ret_remote,
                             struct instance **ret_in, struct err *err);
/* Have the server run a command. */
MUSTCHECK int cmd_ask_server(struct remote *remote, const struct cmd_request *request,
                             struct buf *out, struct err *err);

/* The way back: what a server does with such a request (api_run_fn). `arg`: a struct cmd_server. */
struct cmd_server {
    atomic_flag whole;
};
int cmd_serve_run(void *arg, const struct api_run *run, struct buf *out, struct err *err);

/* --- for the commands ------------------------------------------------------------------------ */

/* All that was durable before is in the store. */
MUSTCHECK int cmd_store_catch_up(const struct cmd_store *store, struct err *err);
/* Is it worth to ask once more? In the server, when the engine died under a question and is back;
 * *tries counts. */
bool cmd_store_again(const struct cmd_store *store, int rc, unsigned *tries);
/* Rows that other rules made than those of today, of how many. Loads the rules. */
MUSTCHECK int cmd_store_stale(const struct cmd_store *store, uint64_t *ret_stale,
                              uint64_t *ret_rows, struct err *err);
/* Grows when the store begins to be made anew: what was asked meanwhile is void. */
uint64_t cmd_store_rebuilds(const struct cmd_store *store);
/* Grows with each start of the engine: another one may have less than was known to be in. */
uint64_t cmd_store_starts(const struct cmd_store *store);
/* Progress of the own process; none in the server. */
void cmd_store_progress(const struct cmd_store *store, struct progress *p, const char *what);
bool cmd_store_stopped(const struct cmd_store *store);
/* In the server, commands that work on the whole store exclude each other (ERR_BUSY). */
MUSTCHECK int cmd_store_claim(const struct cmd_store *store, struct err *err);
void cmd_store_release(const struct cmd_store *store);

#endif

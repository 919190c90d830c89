/* A command line on its way to the server that runs it (POST /local/run): words, each ended by a
 * NUL, and behind them what the command reads from standard input. */
#ifndef CASK_CMD_WORDS_H
#define CASK_CMD_WORDS_H

#include "cmd/cmd.h"

#define WORDS_MAX 10000

/* Appends the words of a command line, without what is only about its own process: which
 * configuration, which data. How many. */
size_t words_add(const struct cmd_args *args, struct buf *body);

/* Zeroed. Borrows the body. */
struct words {
    struct cmd_args args; /* with a command */
    struct str input;     /* what stands behind the words */
    char **argv;
};
/* Read n words. ERR_USAGE: they are no command line that words_add() writes. */
MUSTCHECK int words_take(struct str body, size_t n, struct words *ret, struct err *err);
void words_release(struct words *w);

#endif

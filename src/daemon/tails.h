/* The tail sources of a running server: one thread that follows all log files of the configuration
 * (source/tail.h) and writes their lines to the lake. */
#ifndef CASK_TAILS_H
#define CASK_TAILS_H

#include "daemon/live.h"
#include "source/tail.h"

struct tails;

/* Starts the thread. What is known of files is read from the lake by it, so this does not wait.
 * Borrows live; config only for the call. */
MUSTCHECK int tails_start(struct live *live, const struct config *config, struct tails **ret,
                          struct err *err);
/* The configuration changed: sources come and go. What was known of those that go is kept. */
void tails_reload(struct tails *ts, const struct config *config);
/* Any thread; to be released. Without sources until the lake was read. */
void tails_status(struct tails *ts, struct tail_status *ret);
/* What is on its way becomes durable. Before live_stop(). Takes NULL. */
void tails_stop(struct tails *ts);

#endif

/* The way of an import: the calling thread appends blocks to the lake, a second one applies what is
 * durable, the engine inserts in a third. The lake is the truth and may run ahead of the store as
 * far as it likes; memory does not depend on how far. */
#ifndef CASK_CMD_FEED_H
#define CASK_CMD_FEED_H

#include "daemon/instance.h"

struct feed;

/* Borrows the instance; nobody else uses it until feed_finish(). */
MUSTCHECK int feed_open(struct instance *in, struct feed **ret, struct err *err);
/* For struct import_env; arg is the struct feed. Errors of the lake are final. */
MUSTCHECK int feed_append(void *feed, struct record_batch records, uint64_t *ret_bid,
                          struct err *err);
MUSTCHECK int feed_sync(void *feed, struct err *err);
/* Newest durable block. */
uint64_t feed_durable(const struct feed *f);

/* No more blocks: wait until everything durable is in the store. An error here leaves all lines in
 * the lake: the next command catches up. */
MUSTCHECK int feed_finish(struct feed *f, struct err *err);
/* After feed_finish(): what became of the blocks first..last. */
struct apply_counts feed_counts(const struct feed *f, uint64_t first, uint64_t last);
void feed_close(struct feed *f); /* takes NULL */

#endif

/* Made-up events -> records in blocks, as a source makes them. Blocks end where a second ends: the
 * time up to which a dataset was made up is then told by its newest event, and nothing else has to
 * be kept. Owner: one thread. */
#ifndef CASK_DEMO_POUR_H
#define CASK_DEMO_POUR_H

#include "demo/demo.h"

#define DEMO_SOURCE "demo" /* id of the source of all made-up records */

/* What is made up. */
#define POUR_DATASETS 3
extern const enum dataset pour_datasets[POUR_DATASETS];

struct pour;

/* Takes a block; the records are borrowed. Whatever is not 0 ends the pouring. */
typedef int pour_write_fn(void *arg, enum dataset dataset, struct record_batch records,
                          struct err *err);

struct pour *pour_new(struct demo *demo, pour_write_fn *write, void *arg);
void pour_free(struct pour *p); /* takes NULL */

/* What is there already: all of the dataset before `seconds`. */
void pour_set_until(struct pour *p, enum dataset dataset, int64_t seconds);
/* Hand out everything up to `upto`. After an error the next call begins where the blocks that were
 * taken end. */
MUSTCHECK int pour_run(struct pour *p, int64_t upto, struct err *err);
/* Events that were taken so far: counters are none. */
uint64_t pour_count(const struct pour *p);

#endif

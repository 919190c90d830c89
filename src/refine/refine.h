/* Refine: raw record -> event (docs/definitions.md). No allocation per line; anything a line can
 * contain is either an event or a rejection with a reason. One refiner per thread. */
#ifndef CASK_REFINE_H
#define CASK_REFINE_H

#include "base/arena.h"
#include "base/err.h"
#include "event/event.h"
#include "event/reason.h"
#include "event/record.h"

/* Version of the rules. Raise it whenever an existing record would become another event. */
#define REFINE_RULES 7

struct config;
struct refiner;

/* Reads rules (products, extension lists, agents, country database) from config and the program's
 * own files, and the visitor key from DATA/keys (made when it is missing). Without a data directory
 * (NULL) the key is a random one, good for this refiner only, until refiner_open_key(). */
MUSTCHECK int refiner_new(const struct config *config, const char *data_dir, struct refiner **ret,
                          struct err *err);
/* Before the first record, of a refiner that was made without a data directory: its key. */
MUSTCHECK int refiner_open_key(struct refiner *r, const char *data_dir, struct err *err);
/* The same: that of another one, which stays as it is. */
void refiner_take_key(struct refiner *r, const struct refiner *other);
void refiner_free(struct refiner *r);
/* What rows made from now on carry as `rules` (rules_id.h). */
uint32_t refiner_rules(const struct refiner *r);

/* A block begins: forget the header lines of the one before. */
void refiner_begin_block(struct refiner *r);
/* A record that record_is_header(): how the records behind it in the block are to be read. */
void refine_header(struct refiner *r, const struct record *record);
/* REASON_NONE: *ret is filled (all but bid). Its strings live until refiner_reset() or the end of
 * the record's bytes, whichever is first. */
MUSTCHECK enum reason refine_record(struct refiner *r, const struct record *record,
                                    struct event *ret);
struct fields;
/* What the line of the last record says that was read, whether it became an event or was excluded.
 * Lives as long as its event. */
const struct fields *refiner_fields(const struct refiner *r);
/* Forget the scratch of a batch; the agent and visitor caches stay. */
void refiner_reset(struct refiner *r);

#endif

/* Refine: raw record -> event (docs/definitions.md). No allocation per line; anything a line can
 * contain is either an event or a rejection with a reason. One refiner per thread. */
#ifndef CASK_REFINE_H
#define CASK_REFINE_H

#include "base/arena.h"
#include "base/err.h"
#include "event/event.h"
#include "event/record.h"

/* Version of the rules. Raise it whenever an existing record would become another event. */
#define REFINE_RULES 1

struct config;
struct refiner;

/* Why a record was rejected: one row each in schema/reasons.def. */
enum reason {
    REASON_NONE = 0,
#define REASON(name, text) REASON_##name,
#include "reasons.def"
#undef REASON
    REASON_COUNT
};
const char *reason_name(enum reason reason); /* "bad_time" */
const char *reason_text(enum reason reason); /* "the time stamp cannot be read" */

/* Reads rules (products, extension lists, agents, country database) from config and the program's
 * own files, and the visitor key from DATA/keys (made when it is missing). */
MUSTCHECK int refiner_new(const struct config *config, const char *data_dir, struct refiner **ret,
                          struct err *err);
void refiner_free(struct refiner *r);

/* REASON_NONE: *ret is filled (all but bid). Its strings live until refiner_reset() or the end of
 * the record's bytes, whichever is first. */
MUSTCHECK enum reason refine_record(struct refiner *r, const struct record *record,
                                    struct event *ret);
/* Forget the scratch of a batch; the agent and visitor caches stay. */
void refiner_reset(struct refiner *r);

/* --- formats ------------------------------------------------------------------------------- */

/* Is this a format name (or, later, a format string) we can read? ERR_USAGE lists the known ones.
 */
MUSTCHECK int format_check(struct str type, struct err *err);
/* Each line votes for the most specific format that reads it; most votes win (the more specific one
 * on a tie; "combined" when none reads any). Returns a static name. */
struct str format_detect(const struct str *lines, size_t n);
/* True if the line is accepted when read as `type`; knows nothing of sites and agents. */
bool format_accepts(struct str type, struct str line);
/* Print name and one-line description of each format. */
void format_list(struct buf *out);

#endif

/* Live: an opened data directory that keeps itself up to date. What sources write becomes durable
 * (intakes), rows of the store (one applier thread) and, when its time is over, cells (one sealer
 * thread). Owned by `serve`.
 *
 * The engine may not be there yet, die or hang at any time, or begin anew with an empty directory
 * when the old one was damaged: collecting goes on; the applier waits, opens the store, asks what
 * it has and goes on; questions get ERR_AWAY meanwhile. */
#ifndef CASK_LIVE_H
#define CASK_LIVE_H

#include "daemon/instance.h"
#include "daemon/intake.h"

#include <stdatomic.h>

struct live;

/* A moment in the life of the store. `version` grows with every change of what questions could be
 * answered with: rows inserted, sealed or deleted time does not count, as it changes no answer. */
struct live_state {
    uint64_t version;
    bool ready; /* the engine answers, the store is complete and not far behind */
    uint64_t durable[DATASET_MAX + 1];     /* by dataset: newest durable block */
    uint64_t applied[DATASET_MAX + 1];     /* and the newest one that is in the store */
    double lag_seconds;                    /* since the store had all that was durable; 0: it has */
    uint64_t accepted, rejected, excluded; /* lines that came since the start */
    uint64_t engine_starts, engine_damaged; /* directories that were moved aside */
    uint64_t asked;    /* the start of the engine that was asked what it has: `applied` is of it */
    uint32_t rules;    /* that new rows are made by (refine/rules_id.h) */
    bool rebuilding;   /* the store is being made anew: nothing can be answered */
    uint64_t rebuilds; /* grows when that begins: an answer that was computed meanwhile is void */
    /* Why it is not ready: in words that anybody may see, without any of the engine's or a path;
     * NULL: it is. What it is exactly stands in the log. */
    const char *reason;
};

/* `in` is of instance_open_live(), or of instance_open() and not caught up: that is done by the
 * threads, so that collecting begins at once. `failed`: the lake cannot be written any more (see
 * intake.h); called on any thread. */
MUSTCHECK int live_start(struct instance *in, void (*failed)(void *arg, const struct err *err),
                         void *arg, struct live **ret, struct err *err);
/* Stops taking records first; all tickets are answered, everybody who waits here is told, later
 * tickets get ERR_STOPPED. The store keeps what it has; the engine is not started again, and killed
 * when it is not gone within 3 s. Takes NULL. */
void live_stop(struct live *live);
/* After live_stop(), when nobody can call anything here any more. Takes NULL. */
void live_free(struct live *live);

struct instance *live_instance(struct live *live);
/* DATASET_LOGS or DATASET_WEB. */
struct intake *live_intake(struct live *live, enum dataset dataset);

struct live_state live_state(struct live *live);

/* What became of the lines of a source (or of all beacons: "beacon") that became durable since the
 * start. Each counts once, when it is read for the first time: not again when the store is made
 * anew. */
struct live_source {
    struct apply_counts lines;
    uint64_t duplicates; /* known by their ids; not stored again, so none of `lines` */
};
/* Zeros: nothing came. */
struct live_source live_source(struct live *live, const char *id);
/* Does not block. */
void live_count_duplicates(struct live *live, struct str source, size_t n);

/* A statement failed with CLIENT_BROKEN_PART (client_exception_code()): the engine is started
 * again, and what it lacks then is made again from the lake. Any thread, as often as it likes. */
void live_part_is_broken(struct live *live);

/* The configuration was read again: load its rules (errors of refiner_new()), and refine by them
 * from the next batch on, and surely what becomes durable from now on. The rules are the live's
 * then. */
struct refiner;
MUSTCHECK int live_load_rules(struct live *live, const struct config *config, struct refiner **ret,
                              struct err *err);
void live_use_rules(struct live *live, struct refiner *rules);
/* Wait until everything that is durable now is in the store: what was acknowledged before a
 * question is in its answer. *ret_state (may be NULL) is that very moment: later the store may be
 * another one, that lacks some of it. ERR_AWAY after `seconds`, and at once while the store is
 * rebuilt, with a `reason` of live_state. */
MUSTCHECK int live_wait_applied(struct live *live, double seconds, struct live_state *ret_state,
                                struct err *err);
/* The same, as long as the store gets on at all; errors say all there is. ERR_STOPPED when *stop
 * was set (looked at a few times a second). */
MUSTCHECK int live_wait_all(struct live *live, const atomic_bool *stop, struct err *err);
/* After ERR_AWAY: a moment, and then until the engine is back and the store complete. False: that
 * did not happen in `seconds`, or *stop was set. */
bool live_wait_ready(struct live *live, double seconds, const atomic_bool *stop);

/* Make the store anew from the lake; waits until all that was durable is in it again. Collecting
 * goes on, questions get ERR_AWAY meanwhile. One at a time. ERR_STOPPED: the dropping is done, the
 * rest goes on by itself. ERR_AWAY, ERR_ENGINE: the old store stays, or is repaired by the applier.
 */
MUSTCHECK int live_rebuild(struct live *live, const atomic_bool *stop, struct err *err);

/* The applier rests and the sealer does not begin until live_resume(): for commands that work on
 * the whole store. Collecting goes on. ERR_STOPPED, when *stop is set or the live stops: nothing
 * rests, and nothing is to be resumed. */
MUSTCHECK int live_pause(struct live *live, const atomic_bool *stop, struct err *err);
void live_resume(struct live *live);

#endif

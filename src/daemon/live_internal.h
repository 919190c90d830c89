/* Shared by live.c, which starts, stops and rebuilds, live_work.c, the two threads that work on the
 * store, live_wait.c, where others look at it and wait for it, and live_sources.c, which counts. */
#ifndef CASK_LIVE_INTERNAL_H
#define CASK_LIVE_INTERNAL_H

#include "daemon/live.h"

#include <pthread.h>
#include <time.h>

struct live_named_source {
    char *id;
    struct live_source counts;
};

#define LIVE_LOOK_SECONDS 0.2 /* between two looks at what nobody tells of */

struct live {
    struct instance *in;
    struct intake *intakes[DATASET_MAX + 1];
    pthread_t applier, sealer;
    bool applying, sealing; /* the threads were started */
    void (*failed)(void *arg, const struct err *err);
    void *failed_arg;
    atomic_bool stop;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct live_state state; /* but for what live_state() finds out */
    VEC(struct live_named_source) sources;
    uint64_t counted[DATASET_MAX + 1]; /* in `sources` are the blocks from the start to here */
    struct err error;   /* of the last try to go on; code 0: fine, or not known yet */
    double complete_at; /* what was durable then is in the store; clock_monotonic_seconds() */
    struct refiner *next_rules; /* NULL: none were read again */
    unsigned paused;
    unsigned busy;                     /* threads that work on the store */
    unsigned epoch;                    /* grows when the store may have become another one */
    unsigned generation;               /* the start of the engine that it was compared for */
    bool away;                         /* the engine was when last needed: the log says so */
    unsigned damaged;                  /* directories that were moved aside until then */
    uint64_t rebuilt[DATASET_MAX + 1]; /* a rebuild is over when all up to here is applied */
};

/* --- live_wait.c --- */

void live_deadline(double seconds, struct timespec *ret);
/* With the mutex; returns early when something changes. False: the time is over. */
bool live_wait_until(struct live *l, const struct timespec *end);
/* Ends early only when all stops. */
void live_rest(struct live *l, double seconds);
bool live_is_applied(const struct live_state *s, const uint64_t durable[DATASET_MAX + 1]);
/* With the mutex. Is it in the store of the engine that runs now? */
bool live_is_current(const struct live *l, const uint64_t durable[DATASET_MAX + 1]);
/* With the mutex. Until `durable` is in the store; NULL: until it is rebuilt. */
MUSTCHECK int live_wait_for(struct live *l, const uint64_t *durable, const atomic_bool *stop,
                            struct err *err);

/* --- live_sources.c --- */

/* With the mutex. What was refined for the first time is counted, also before an error: it may be
 * refined again, but does not count again. */
void live_count(struct live *l, struct apply *apply, enum dataset dataset);
/* With the mutex. The sums over all sources. */
void live_sum_sources(const struct live *l, struct live_state *ret);
void live_free_sources(struct live *l);

/* --- live_work.c: threads; the argument is the struct live --- */

void *live_applier_main(void *arg);
void *live_sealer_main(void *arg);

#endif

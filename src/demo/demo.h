/* Made-up traffic: believable access logs and beacons of four sites over months, and the counters
 * of four repositories every full hour, for trying the program out and for benchmarks. Everything
 * is a function of the seed and of time: the same options give the same bytes, and a generator that
 * begins anywhere in between gives the same events as one that came from the beginning. So the past
 * is filled, a gap is closed and the present is followed by one and the same call.
 *
 * How: time is cut into slices of ten minutes. For each slice, site and kind of caller (tables.h)
 * the curves (curve.c) say how many begin; each of them is a session of requests with times of its
 * own. A visitor is made from a number and from nothing else, so that one who comes back is the
 * same. */
#ifndef CASK_DEMO_H
#define CASK_DEMO_H

#include "base/err.h"
#include "event/record.h"

struct demo;

struct demo_options {
    uint64_t seed;
    double visits;      /* a day, at the level of `end`; demo_visits_for() */
    int64_t start, end; /* seconds; growth, releases and campaigns are dated from `end` */
};

struct demo_event {
    enum dataset dataset;            /* DATASET_LOGS, DATASET_WEB or DATASET_GITHUB */
    int64_t ts_ms;                   /* when it happened */
    struct str site, type, body;     /* as in struct record; valid during the call only */
    const struct counters *counters; /* of DATASET_GITHUB, else NULL */
};
typedef int demo_sink(void *arg, const struct demo_event *event, struct err *err);

/* Looks for networks in the country database of the program: ERR_NOTFOUND and others of it. */
MUSTCHECK int demo_new(const struct demo_options *options, struct demo **ret, struct err *err);
void demo_free(struct demo *d); /* takes NULL */

/* The `visits` that make about `events` events from `start` to `end`. */
MUSTCHECK int demo_visits_for(const struct demo_options *options, uint64_t events, double *ret,
                              struct err *err);

/* The next events are those from `from` on (seconds). */
void demo_begin(struct demo *d, int64_t from);
/* All events up to `upto` (seconds, which is no longer in), in the order of time. What the sink
 * returns other than 0 ends it; go on with demo_begin(). */
MUSTCHECK int demo_run(struct demo *d, int64_t upto, demo_sink *sink, void *arg, struct err *err);

/* The sites, their zones and the rules of products, as a configuration file. Without `data` and
 * `listen`. */
extern const char demo_config[];

/* Counters of a repository at an instant (seconds): they never fall. Asked in the order of time
 * they come faster. False: no such repository. */
#define DEMO_REPOS 4
bool demo_counters(struct demo *d, size_t repo, int64_t at, struct str *ret_site,
                   struct counters *ret);

#endif

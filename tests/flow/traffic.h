/* Made-up traffic for property tests: a few sites in awkward zones, visitors that return, ties,
 * gaps around the borders of sessions and downloads; and a count of it that knows nothing of SQL.
 */
#ifndef CASK_TEST_TRAFFIC_H
#define CASK_TEST_TRAFFIC_H

#include "base/zone.h"
#include "event/event.h"
#include "query/question.h"

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n-1 */
bool rng_chance(struct rng *r, unsigned percent);

#define TRAFFIC_SITES 4
extern const char *const traffic_sites[TRAFFIC_SITES];
extern const char *const traffic_zones[TRAFFIC_SITES];

struct traffic {
    struct event *items; /* in random order; all strings are literals */
    size_t len, cap;
    size_t n_sites; /* the first so many of traffic_sites */
    int64_t from, to;
};

void traffic_make(struct traffic *t, struct rng *r, size_t n_visitors);
void traffic_release(struct traffic *t);

/* A value that the dimension has somewhere in the traffic. */
struct str traffic_value(const struct traffic *t, struct rng *r, enum dimension d);

struct tally {
    int64_t start; /* of the bucket */
    uint64_t hits, pageviews, sessions, visitors, bounces, exits, engaged_seconds, downloads,
        download_requests, errors, bytes, events;
};
struct tallies {
    struct tally *items; /* sorted, without empty ones */
    size_t len, cap;
};
/* Count events[0 .. n) by the definitions of docs/definitions.md. `sites` is a mask. Sorts the
 * events. */
void traffic_count(struct event *events, size_t n, unsigned sites, const struct zone *zone,
                   enum grain grain, int64_t from, int64_t to, enum bots bots, struct tallies *ret);

#endif

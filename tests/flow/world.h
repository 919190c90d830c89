/* A data directory with made-up traffic in it, and questions asked of it in two ways. */
#ifndef CASK_TEST_WORLD_H
#define CASK_TEST_WORLD_H

#include "flow/traffic.h"
#include "support/unit.h"

#include "cube/snapshot.h"
#include "daemon/instance.h"
#include "query/query.h"

struct world {
    char dir[64];
    struct config config;
    struct config_site sites[TRAFFIC_SITES];
    struct instance *in;
    struct rng rng;
    uint64_t seed;
    struct traffic traffic;
    size_t inserted; /* of traffic.items */
    uint64_t bid;
    int64_t now;
    uint64_t piece_rows; /* of struct query_env */
};

void world_start(struct world *w, uint64_t seed, size_t n_visitors);
void world_open(struct world *w);
void world_close(struct world *w);
void world_end(struct world *w);

/* The next n events, in the way of apply: before_insert, one INSERT a month, after_insert. Any
 * thread, with a client of its own. */
void world_insert(struct world *w, struct client *client, size_t n);
void world_seal(struct world *w);

/* A question as words, so that it can be shown. */
struct asked {
    struct question question;
    struct arena arena;
    struct buf words;
};
void asked_set(struct asked *a, const char *key, struct str value);
void asked_random(struct asked *a, struct world *w);
/* By hour, of dimensions of the visitor: what cells of recent hours are for. */
void asked_hourly(struct asked *a, struct world *w);
/* What a cube has cells for: some of its dimensions and grains, of whole days or of all time. */
void asked_cube(struct asked *a, struct world *w);
void asked_release(struct asked *a);

/* Ask; a failure of the engine fails the test. */
void world_ask(struct world *w, struct client *client, const struct asked *a, bool raw,
               struct result *ret);
/* NULL if both are the same, else what differs (static text). */
const char *result_differs(const struct result *x, const struct result *y);
/* Ask with cubes and without, compare. */
void world_compare(struct world *w, const struct asked *a);
/* Compare sums by a grain, of all or of visitors with one country, browser, ..., with the count of
 * traffic_count(). */
void world_compare_count(struct world *w);
/* Both of that, for n random questions and a few counts. */
void world_ask_some(struct world *w, unsigned n);
/* Cells and rows must agree hour by hour. */
void world_verify(struct world *w, struct client *client);

#endif

/* Inside of the generator: shared by the files of this folder only. */
#ifndef CASK_DEMO_INTERNAL_H
#define CASK_DEMO_INTERNAL_H

#include "base/zone.h"
#include "demo/demo.h"
#include "demo/random.h"
#include "demo/tables.h"

#define DEMO_SLICE ((int64_t)600) /* seconds */
#define DEMO_SLICES 14            /* a session is over in less than so many slices, or is cut */
#define DEMO_PICKS RANDOM_PICKS

/* One site in one slice. */
struct moment {
    const struct demo_site *site;
    unsigned index; /* of the site */
    int64_t slice, at;
    int32_t offset; /* seconds east of UTC */
    double ago;     /* days before the end; negative behind it */
    double people;  /* visits in this slice that no campaign and no release brings */
    double steady;  /* the same by day and by night, in all weeks */
};

/* --- curve.c --- */

void curve_moment(const struct demo *d, unsigned site, int64_t slice, struct moment *ret);
/* Visitors of the site that are new on a day, about. */
uint64_t curve_new_visitors(const struct demo *d, unsigned site, int64_t day);
/* Beside the usual visits: the newsletters and campaigns that run, and fresh releases. The weights
 * of campaigns go to `sums` (of demo_n_campaigns + 1: the last one is the newsletter). */
double curve_campaigns(const struct demo *d, const struct moment *m, double *sums);
double curve_news(const struct moment *m);
/* Downloads of a product against its usual ones: a release raises them for some weeks. */
double curve_product(unsigned product, double ago);
/* By what a table says about a year's growth. */
double curve_growth(double growth, double ago);

/* --- visitor.c --- */

struct networks;
/* Places in IPv4 by country, found in the country database. */
MUSTCHECK int networks_new(uint64_t seed, struct networks **ret, struct err *err);
void networks_free(struct networks *n);

struct visitor {
    char address[16];
    char agent[240];
    enum system system;
    bool returns;
};
/* A person who comes to the site at this moment: a new one, or one who has been there. */
void visitor_choose(const struct demo *d, const struct moment *m, struct random *r,
                    struct visitor *ret);
void visitor_program(const struct demo *d, const struct moment *m, struct random *r,
                     struct visitor *ret);
void visitor_bot(const struct demo_bot *bot, struct random *r, struct visitor *ret);

/* --- people.c, programs.c: one session, from `at_ms` on --- */

typedef void caller_fn(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms);
caller_fn caller_visitor, caller_download, caller_client, caller_crawler, caller_monitor,
    caller_scanner;

/* --- the generator (demo.c) --- */

struct pending {
    int64_t ts_ms;
    uint32_t at, len; /* in the slot's text */
    uint8_t site;
    bool web;
};

/* What happens in a slice, in any order until its time has come. */
struct slot {
    VEC(struct pending) events;
    struct buf text;
};

/* Of a repository: its counters when a day (since the epoch) begins and when it ends. */
struct growth {
    int64_t day; /* 0: none yet */
    struct counters before, after;
};

struct demo {
    struct demo_options options;
    struct growth growth[DEMO_REPOS];
    struct zone *zones[DEMO_SITES];
    struct networks *networks; /* NULL: only counts */
    const struct demo_page *pages[DEMO_SITES];
    size_t n_pages[DEMO_SITES];
    /* Sums of weights, of the tables that do not change */
    double agents[DEMO_PICKS], clients[DEMO_PICKS], countries[DEMO_PICKS];
    double next_page[DEMO_SITES][DEMO_PAGES_MAX]; /* of the day */
    double entries[DEMO_SITES][ENTRIES][DEMO_PAGES_MAX];
    double sources[DEMO_PICKS], bots[DEMO_PICKS];
    int64_t day; /* that they are of */

    int64_t slice; /* the next one to begin sessions in */
    int64_t from;  /* of the events that are wanted, ms */
    struct slot slots[DEMO_SLICES];
    size_t next;      /* of the slot before `slice` */
    uint64_t counted; /* events up to `slice` */
};

/* A line of a log (`referrer` NULL: "-") or a beacon (`event` with `props`, "" for none). Times out
 * of reach are cut. */
struct request {
    int64_t at_ms;
    const struct visitor *visitor;
    const char *method, *target, *referrer;
    unsigned status;
    uint64_t bytes;
};
void demo_log(struct demo *d, const struct moment *m, const struct request *request);
void demo_beacon(struct demo *d, const struct moment *m, const struct request *request,
                 const char *event, const char *props);

#endif

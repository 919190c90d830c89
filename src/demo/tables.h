/* What the made-up world consists of: tables only. Days before the end are days before
 * demo_options.end. */
#ifndef CASK_DEMO_TABLES_H
#define CASK_DEMO_TABLES_H

#include "base/base.h"

/* Who begins something on a site, each with a rate of its own. */
enum caller {
    CALLER_VISITOR,  /* people who read */
    CALLER_DOWNLOAD, /* people who come for a file */
    CALLER_CLIENT,   /* programs that fetch files */
    CALLER_CRAWLER,
    CALLER_MONITOR,
    CALLER_SCANNER, /* looks for holes */
    CALLERS
};

struct demo_site {
    const char *name, *zone;
    double share;          /* of the visits */
    double growth;         /* of visits, in a year */
    double rates[CALLERS]; /* beside one visit */
    bool beacons;          /* page views come as beacons, and there is no log */
    bool events;           /* own events come as beacons */
};
#define DEMO_SITES 4
extern const struct demo_site demo_sites[DEMO_SITES];

/* Where people come in. */
enum entry { ENTRY_SEARCH, ENTRY_DIRECT, ENTRY_LINK, ENTRIES };

struct demo_page {
    unsigned site;
    const char *path;
    double popular;          /* as a next page */
    double entries[ENTRIES]; /* as a first one */
    unsigned section;
    unsigned published; /* days before the end; 0: always there */
    unsigned flags;
};
enum { PAGE_DOWNLOADS = 1, PAGE_FORM = 2 };
#define DEMO_PAGES_MAX 48 /* of one site */
extern const struct demo_page demo_pages[];
extern const size_t demo_n_pages;

struct demo_source {
    const char *referrer; /* "" for none */
    const char *query;    /* added to the first page; NULL: nothing */
    double weight;        /* at the end */
    double growth;        /* in a year */
    double stay;          /* chance of one more page */
    enum entry entry;
};
extern const struct demo_source demo_sources[];
extern const size_t demo_n_sources;

struct demo_campaign {
    unsigned site;
    const char *source, *medium, *name, *path;
    unsigned begins; /* days before the end */
    double days;     /* falls to a third in so many */
    double strength; /* at first, beside the usual visits */
};
extern const struct demo_campaign demo_campaigns[];
extern const size_t demo_n_campaigns;

/* Files of a product; the path has %s for the version, twice. */
struct demo_file {
    unsigned product;
    const char *path;
    uint64_t bytes;
    double people[3]; /* weight by enum system */
    double programs;
};
extern const struct demo_file demo_files[];
extern const size_t demo_n_files;

struct demo_product {
    const char *name;
    unsigned site;
    double share; /* of the downloads of its site */
};
#define DEMO_PRODUCTS 4
extern const struct demo_product demo_products[DEMO_PRODUCTS];

struct demo_release {
    unsigned product; /* by age: older ones first */
    const char *version;
    unsigned published; /* days before the end */
    double news;        /* how many more visits it brings on its first day */
};
extern const struct demo_release demo_releases[];
extern const size_t demo_n_releases;

enum system { SYSTEM_WINDOWS, SYSTEM_MAC, SYSTEM_LINUX, SYSTEM_PHONE };

/* %c: version of Chrome, %f: of Firefox, %s: of Safari, %i: the same with _. */
struct demo_agent {
    const char *agent;
    double weight;
    enum system system;
};
extern const struct demo_agent demo_agents[];
extern const size_t demo_n_agents;
extern const struct demo_agent demo_clients[];
extern const size_t demo_n_clients;

struct demo_bot {
    const char *agent;
    const char *network; /* three numbers of its address */
    double weight;       /* at the end */
    double growth;       /* in a year */
    double pages;        /* on average, one after the other */
    double pause;        /* seconds */
};
extern const struct demo_bot demo_bots[];
extern const size_t demo_n_bots;
extern const struct demo_bot demo_monitors[];
extern const size_t demo_n_monitors;
extern const struct demo_bot demo_scanners[];
extern const size_t demo_n_scanners;
extern const char *const demo_holes[]; /* that scanners look for */
extern const size_t demo_n_holes;

struct demo_country {
    const char *code;
    double weight;
};
extern const struct demo_country demo_countries[];
extern const size_t demo_n_countries;

extern const char *const demo_assets[];
extern const size_t demo_n_assets;
extern const char *const demo_lost[]; /* pages that are no longer there */
extern const size_t demo_n_lost;
extern const char *const demo_links[]; /* to other sites */
extern const size_t demo_n_links;

/* By local hour, and by day from Monday; 1 is average. */
extern const double demo_hours[24];
extern const double demo_weekdays[7];

#endif

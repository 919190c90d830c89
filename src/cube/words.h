/* Metrics and dimensions as tables, made from schema/metrics.def, dimensions.def and cubes.def: the
 * words that cubes and questions share. */
#ifndef CASK_WORDS_H
#define CASK_WORDS_H

#include "base/zone.h"

enum metric {
#define METRIC(name, unit, fact, sql, doc) METRIC_##name,
#define RATIO(name, unit, over, under, doc) METRIC_##name,
#include "metrics.def"
#undef METRIC
#undef RATIO
    METRIC_COUNT
};

enum dimension {
#define DIMENSION(name, views, events, counters, doc) DIM_##name,
#include "dimensions.def"
#undef DIMENSION
    DIM_COUNT
};

/* A fact is a kind of row that metrics are sums over. */
enum fact {
    FACT_V, /* flagged page views */
    FACT_D, /* flagged download requests */
    FACT_E, /* all events */
    FACT_U, /* distinct visitors: page views again, but not a sum */
    FACT_G, /* counters of repositories: no cube has them, and they do not add up over time */
    FACT_COUNT
};

struct metric_def {
    const char *name, *doc;
    enum fact fact;
    const char *sql;         /* aggregate over the rows of the fact; NULL for ratios */
    enum metric over, under; /* of ratios */
};
extern const struct metric_def metric_defs[METRIC_COUNT];

struct dimension_def {
    const char *name, *doc;
    const char *views_sql;    /* over flagged page views */
    const char *events_sql;   /* over events and flagged download requests */
    const char *counters_sql; /* over the table `github` */
};
extern const struct dimension_def dimension_defs[DIM_COUNT];
const char *dimension_sql(enum dimension d, enum fact fact);

/* Counters of repositories, and the metrics made of each. */
struct counter_def {
    const char *name;
    enum metric value, change;
};
extern const struct counter_def counter_defs[];
extern const size_t counter_defs_count;

#define CUBE_MAX_DIMENSIONS 8
struct cube_def {
    const char *name, *facts, *dimensions, *grains; /* as written in cubes.def */
};
extern const struct cube_def cube_defs[];
extern const size_t cube_defs_count;

bool cube_has_fact(const struct cube_def *c, enum fact fact);
bool cube_has_grain(const struct cube_def *c, enum grain grain);
bool cube_has_recent_hours(const struct cube_def *c); /* has hours, but of recent time only */
/* Has cells of all sites together as well, with the visitors that are distinct across them. */
bool cube_has_all_sites(const struct cube_def *c);
/* Its own dimensions, without site and bot; returns how many. */
size_t cube_dimensions(const struct cube_def *c, enum dimension ret[static CUBE_MAX_DIMENSIONS]);

bool dimension_find(struct str name, enum dimension *ret);
bool metric_find(struct str name, enum metric *ret);
/* Country and what the agent says (browser, OS, device, bot, ...): functions of the visitor, so
 * that exact visitors add over them. */
bool dimension_of_visitor(enum dimension d);
/* Source dimensions: of page views they are the session's, and need flagged rows. */
bool dimension_of_session(enum dimension d);

#endif

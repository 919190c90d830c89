/* One typed question (docs/decisions.md D6): metrics, dimensions, filters, range, grain, zone,
 * comparison. CLI and API build this struct; query_run() answers it. */
#ifndef CASK_QUESTION_H
#define CASK_QUESTION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/zone.h"
#include "cube/words.h"

enum filter_op { FILTER_IS, FILTER_IS_NOT, FILTER_MATCHES };
struct filter {
    enum dimension dimension;
    enum filter_op op;
    struct str value; /* several FILTER_IS of one dimension: any of them */
};

enum compare {
    COMPARE_NONE,
    COMPARE_WEEK,
    COMPARE_MONTH,
    COMPARE_QUARTER,
    COMPARE_YEAR,
    COMPARE_PREVIOUS
};
/* What a day or an hour is compared with: that of the same date, or that of the same weekday. */
enum align { ALIGN_DATE, ALIGN_WEEKDAY };
enum bots { BOTS_EXCLUDE, BOTS_INCLUDE, BOTS_ONLY };

#define QUESTION_MAX 16 /* metrics, dimensions, filters, sites: each at most so many */

struct question {
    enum metric metrics[QUESTION_MAX];
    size_t n_metrics;
    struct str sites[QUESTION_MAX];
    size_t n_sites;      /* 0: all */
    struct str from, to; /* as written; "" for the ends of the data */
    enum grain by;
    bool fill;
    enum dimension group[QUESTION_MAX];
    size_t n_group;
    struct filter filters[QUESTION_MAX];
    size_t n_filters;
    struct str zone; /* "" default */
    enum compare compare;
    enum align align;
    enum bots bots;
    bool has_order;
    enum metric order;
    uint64_t limit; /* of groups; 0: none */
};

/* Fill one field from text as the command line and the API write it: key is "metrics", "site",
 * "from", "to", "by", "fill", "group", "filter", "tz", "compare", "bots", "order" or "limit".
 * ERR_USAGE names the value and lists what would be right. Borrows `value`. */
MUSTCHECK int question_set(struct question *q, struct str key, struct str value, struct err *err);

/* Do its parts go together? ERR_USAGE says which do not. */
MUSTCHECK int question_check(const struct question *q, struct err *err);

/* The question as the answer repeats it, with the zone and range that were used. */
void question_to_json(const struct question *q, struct str zone, struct str from, struct str to,
                      struct buf *out);

#endif

/* The one-screen overview: what `stats` without a metric and `import` on a terminal show. */
#ifndef CASK_OVERVIEW_H
#define CASK_OVERVIEW_H

#include "base/err.h"
#include "daemon/instance.h"
#include "query/query.h"
#include "query/result.h"

/* Seal what is dirty when there is so much of it that answering from raw rows would be slow; shows
 * progress on a terminal. */
MUSTCHECK int cmd_seal_if_large(struct instance *in, uint64_t least_rows, struct err *err);

/* Append the overview. `base` gives site, range, zone, bots and filters. */
MUSTCHECK int cmd_overview(const struct query_env *env, const struct question *base,
                           const struct output_style *style, struct buf *out, struct err *err);

/* How standard output wants its tables. */
struct output_style cmd_output_style(void);

#endif

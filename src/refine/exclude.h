/* Exclusions (`exclude` of the configuration): lines that are read but no hits. */
#ifndef CASK_EXCLUDE_H
#define CASK_EXCLUDE_H

#include "config/config.h"
#include "event/reason.h"
#include "format/format.h"

struct exclusions;

/* ERR_USAGE names a range that is none. *ret is NULL when nothing is excluded. */
MUSTCHECK int exclusions_new(const struct config_exclude *rules, size_t n, struct exclusions **ret,
                             struct err *err);
void exclusions_free(struct exclusions *e);

/* REASON_NONE or the first REASON_excluded_... that holds, in the order of reasons.def. `e` may be
 * NULL. Allocates nothing. */
enum reason exclusions_find(const struct exclusions *e, struct str site,
                            const struct fields *fields);

#endif

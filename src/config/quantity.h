/* Sizes and durations as people write them: one parser and one printer each. */
#ifndef CASK_CONFIG_QUANTITY_H
#define CASK_CONFIG_QUANTITY_H

#include "base/err.h"
#include "base/str.h"

/* Bytes: digits and one of K M G T (powers of 1024, any case, "B" or "iB" may follow): 512M, 2G.
 * ERR_USAGE. */
MUSTCHECK int size_parse(struct str text, uint64_t *ret_bytes, struct err *err);
/* The shortest form that size_parse reads back to the same number. */
void size_format(uint64_t bytes, struct buf *out);

/* Seconds: digits and one of s m h d w y (a year is 365 days): 90s, 1m, 2y. ERR_USAGE for anything
 * else, and for no time at all. */
MUSTCHECK int duration_parse(struct str text, uint64_t *ret_seconds, struct err *err);
void duration_format(uint64_t seconds, struct buf *out);

#endif

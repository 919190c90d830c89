/* Time stamps of log lines. All accept the years 1970 (from 2 January on: a device that does not
 * know the time says 1 January) to 2105, because a ClickHouse DateTime has 32 bits. Second 60 is
 * the first second of the next minute. *ret: seconds since the epoch, UTC. */
#ifndef CASK_STAMP_H
#define CASK_STAMP_H

#include "base/str.h"

#define STAMP_CLF_BYTES 26 /* 17/May/2015:10:05:03 +0000 */
#define STAMP_BYTES 64     /* no time stamp is longer */

/* Common log format (Apache %t without its brackets), exactly STAMP_CLF_BYTES at `at`. False unless
 * it is a real date and time with a numeric zone. */
bool stamp_clf(const char *at, int64_t *ret);

/* Whatever it is: common log format (in brackets or not), ISO 8601 (T or a blank between date and
 * time; fraction, zone), seconds since the epoch with or without a fraction. Without a zone it is
 * UTC. */
bool stamp_any(struct str s, int64_t *ret);

/* False when it is out of range. */
bool stamp_epoch(int64_t seconds, int64_t *ret);

#endif

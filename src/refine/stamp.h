/* Time stamps of log lines. */
#ifndef CASK_STAMP_H
#define CASK_STAMP_H

#include "base/base.h"

#define STAMP_CLF_BYTES 26 /* 17/May/2015:10:05:03 +0000 */

/* Common log format (Apache %t without its brackets), exactly STAMP_CLF_BYTES at `at`. False unless
 * it is a real date and time with a numeric zone, in the years 1970 to 2105 (a ClickHouse DateTime
 * has 32 bits). Second 60 is the first second of the next minute. *ret: seconds since the epoch,
 * UTC. */
bool stamp_clf(const char *at, int64_t *ret);

#endif

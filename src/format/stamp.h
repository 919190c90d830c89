/* Time stamps of log lines. All accept the years 1970 (from 2 January on: a device that does not
 * know the time says 1 January) to 2105, because a ClickHouse DateTime has 32 bits. Second 60 is
 * the first second of the next minute. *ret: seconds since the epoch, UTC. */
#ifndef CASK_STAMP_H
#define CASK_STAMP_H

#include "base/err.h"
#include "base/str.h"

#define STAMP_CLF_BYTES 26 /* 17/May/2015:10:05:03 +0000 */
#define STAMP_BYTES 64     /* no time stamp is longer */

/* Common log format (Apache %t without its brackets), exactly STAMP_CLF_BYTES at `at`. False unless
 * it is a real date and time with a numeric zone. */
bool stamp_clf(const char *at, int64_t *ret);

/* Whatever it is: common log format (in brackets or not, with or without a zone), ISO 8601 (T or a
 * blank between date and time; slashes for hyphens; a fraction with . or ,; a zone Z, +hh, +hhmm or
 * +hh:mm), seconds since the epoch with or without a fraction, or milli-, micro- or nanoseconds by
 * their magnitude, the date of HTTP headers (RFC 9110: `Sun, 17 May 2015
 * 10:05:03 GMT`). Without a zone it is UTC. */
bool stamp_any(struct str s, int64_t *ret);

/* False when it is out of range. */
bool stamp_epoch(int64_t seconds, int64_t *ret);

/* --- strftime patterns --- */

/* What has been read of a time so far; several patterns may give the parts. The first one that
 * gives a part counts. {0} to begin with. */
struct moment {
    unsigned have; /* bits of enum moment_part */
    unsigned year, month, day, day_of_year, hour, hour12, pm, minute, second;
    int zone_seconds; /* east of Greenwich */
    int64_t epoch;    /* seconds */
};

enum moment_part {
    MOMENT_year = 1 << 0,
    MOMENT_month = 1 << 1,
    MOMENT_day = 1 << 2,
    MOMENT_day_of_year = 1 << 3,
    MOMENT_hour = 1 << 4,
    MOMENT_hour12 = 1 << 5,
    MOMENT_pm = 1 << 6,
    MOMENT_minute = 1 << 7,
    MOMENT_second = 1 << 8,
    MOMENT_zone = 1 << 9,
    MOMENT_epoch = 1 << 10,
};

/* Checks a strftime string and writes out what stands for others (%T), for moment_read();
 * *ret_parts gets the bits that it gives. Beyond C: %f fraction of the second, but microseconds
 * since the epoch when it stands alone, %* milliseconds since the epoch (both as in GoAccess),
 * flags %-d and %_d. ERR_USAGE names the directive. */
MUSTCHECK int moment_compile(struct str strftime, struct buf *out, unsigned *ret_parts,
                             struct err *err);
/* ERR_USAGE names what is missing for a time. */
MUSTCHECK int moment_check(unsigned parts, struct err *err);

/* Reads what the compiled pattern says from *at on, and moves it behind. Numbers have as many
 * digits as strftime writes. False: it says something else. */
bool moment_read(struct str pattern, const char **at, const char *end, struct moment *m);

/* False unless it is a real time within the years above. Without a zone it is UTC; seconds that
 * were not logged are 0. */
bool moment_instant(const struct moment *m, int64_t *ret);

#endif

/* Time zones and calendar buckets from the system's tz database (TZif, RFC 8536, with its POSIX-TZ
 * footer for years past the table). Instants are seconds since the epoch, UTC. The one place where
 * bucket keys are cut: SQL gets the borders as literals (docs/internals/engine.md: toStartOfHour is
 * wrong in Australia/Lord_Howe). */
#ifndef CASK_ZONE_H
#define CASK_ZONE_H

#include "base/err.h"
#include "base/str.h"

struct zone;

/* Name such as "America/Los_Angeles" or "UTC". ERR_USAGE for what the tz database does not have (no
 * path tricks: letters, digits, _ + - and / between parts only), ERR_CORRUPT for a broken file. A
 * zone does not change once open: any thread may use it. "UTC" needs no tz database. */
MUSTCHECK int zone_open(const char *name, struct zone **ret, struct err *err);
void zone_free(struct zone *z);
const char *zone_name(const struct zone *z);
/* Seconds east of UTC at this instant. */
int32_t zone_offset(const struct zone *z, int64_t instant);

/* Broken-down local time. */
struct civil {
    int year, month, day, hour, minute, second; /* month 1-12 */
};
struct civil zone_civil(const struct zone *z, int64_t instant);
/* The instant of a local time; a time that a forward jump skips moves forward by the jump, of a
 * time that occurs twice the first is taken. Fields may be out of range (month 13, day 0):
 * normalised. */
int64_t zone_instant(const struct zone *z, struct civil local);

enum grain {
    GRAIN_NONE,
    GRAIN_HOUR,
    GRAIN_DAY,
    GRAIN_WEEK,
    GRAIN_MONTH,
    GRAIN_QUARTER,
    GRAIN_YEAR
};
const char *grain_name(enum grain grain); /* "hour", ... */
bool grain_parse(struct str name, enum grain *ret);

/* Start of the bucket that holds `instant`, and of the one after it. Weeks start on Monday. An hour
 * bucket is a local clock hour; where a transition cuts one, the part behind it is a bucket that
 * starts at the transition. A day starts at the first instant whose local date is that day or
 * later, so a day whose midnight is skipped starts at the jump, and a skipped day has no bucket.
 * GRAIN_NONE is one bucket: INT64_MIN, INT64_MAX. Instants beyond 31 million years are taken as the
 * last of them. */
int64_t zone_floor(const struct zone *z, enum grain grain, int64_t instant);
int64_t zone_next(const struct zone *z, enum grain grain, int64_t instant);
/* `bucket_start` moved by n grains on the local calendar (n may be negative): month and year shifts
 * keep the day of month, clipped to its last; local time of day stays, and a day's start goes to a
 * day's start even where one of them is not midnight. For GRAIN_HOUR: n hours of elapsed time. */
int64_t zone_shift(const struct zone *z, enum grain grain, int64_t instant, int n);

/* ISO 8601: YYYY, YYYY-MM, YYYY-MM-DD, ...THH:MM[:SS[.fff]], with optional Z or +HH[:]MM; without
 * one it is read in the zone; a blank may stand for the T; fractions are cut. ERR_USAGE says what
 * was expected. */
MUSTCHECK int zone_parse(const struct zone *z, struct str text, int64_t *ret, struct err *err);
/* Append "2015-05-17T00:00:00+02:00" (seconds of the offset follow where a local mean time has
 * some). */
void zone_format(const struct zone *z, int64_t instant, struct buf *out);

#endif

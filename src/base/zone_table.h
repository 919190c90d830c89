/* Inside of the zone files: zone.c (TZif and spans), zone_rule.c (POSIX TZ footer), calendar.c
 * (civil dates, buckets), timestamp.c (ISO 8601). Callers include zone.h. */
#ifndef CASK_ZONE_TABLE_H
#define CASK_ZONE_TABLE_H

#include "base/zone.h"

enum { SECONDS_OF_HOUR = 3600, SECONDS_OF_DAY = 86400 };

/* Offsets that RFC 8536 allows: a little more than a day either way. */
#define ZONE_OFFSET_MAX 93599
/* Instants given from outside beyond this one (31 million years) are taken as it. What shifts and
 * local times make of it stays below the far end, and that far from overflow. */
#define ZONE_INSTANT_MAX INT64_C(1000000000000000)
#define ZONE_INSTANT_FAR (200 * ZONE_INSTANT_MAX)

/* One end of daylight saving time in a POSIX TZ string. */
struct rule_date {
    enum { RULE_JULIAN, RULE_DAY_OF_YEAR, RULE_WEEKDAY } kind; /* Jn (no 29 February), n, Mm.w.d */
    int day;         /* Jn: 1-365; n: 0-365; M: 0-6, Sunday is 0 */
    int month, week; /* M only; week 5 is the last */
    int32_t seconds; /* local time of day, -167 h to 167 h */
};
struct zone_rule {
    int32_t standard, daylight; /* seconds east of UTC */
    bool has_daylight;
    struct rule_date start, end;
};

struct zone {
    char *name;
    int32_t first_offset; /* before the first change */
    size_t n_changes;     /* instants at which the offset really changes, ascending */
    int64_t *change_at;
    int32_t *change_to;
    int64_t table_end; /* from here on the rule holds, if there is one */
    bool has_rule;
    struct zone_rule rule;
};

/* The longest time around an instant during which the offset stays: [start, end). */
struct zone_span {
    int64_t start, end; /* INT64_MIN, INT64_MAX: without end */
    int32_t offset;
};

/* Decode a TZif file. ERR_USAGE: not one; ERR_CORRUPT: a broken one, or one that counts leap
 * seconds. */
MUSTCHECK int zone_decode(const char *name, struct str bytes, struct zone **ret, struct err *err);
struct zone_span zone_span_at(const struct zone *z, int64_t instant);

/* A POSIX TZ string ("CET-1CEST,M3.5.0,M10.5.0/3"), all of it. */
MUSTCHECK bool zone_rule_parse(struct str text, struct zone_rule *ret);
struct zone_span zone_rule_span_at(const struct zone_rule *rule, int64_t instant);

/* Gregorian calendar, proleptic. Day 0 is 1970-01-01, a Thursday. */
int64_t calendar_days(int64_t year, int month, int day);
void calendar_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
int calendar_month_length(int64_t year, int month);

/* First instant at which the local clock shows `local_seconds` (seconds since 1970 on that clock)
 * or more. */
int64_t zone_first_instant(const struct zone *z, int64_t local_seconds);

#endif

/* Civil dates, local times and calendar buckets. A day begins at the first instant whose local date
 * is that day or a later one, so days tile time whatever a zone does at midnight: a skipped
 * midnight lets the day begin at the jump, a skipped day is empty, and a clock set back over
 * midnight does not bring yesterday's bucket back. Every coarser bucket begins with one of its
 * days. */
#include "base/zone_table.h"

enum { DAYS_OF_ERA = 146097, YEARS_OF_ERA = 400 };
/* Days from 0000-03-01 (the start of an era) to 1970-01-01. */
#define DAYS_BEFORE_1970 719468

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t floor_mod(int64_t a, int64_t b) { return a - floor_div(a, b) * b; }

static int64_t clamp_instant(int64_t t) {
    return min_i64(max_i64(t, -ZONE_INSTANT_MAX), ZONE_INSTANT_MAX);
}

/* Years are counted from March, so that the leap day is the last of its year. */
int64_t calendar_days(int64_t year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, YEARS_OF_ERA), year_of_era = y - era * YEARS_OF_ERA;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - DAYS_BEFORE_1970;
}

void calendar_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day) {
    int64_t shifted = days + DAYS_BEFORE_1970, era = floor_div(shifted, DAYS_OF_ERA);
    int64_t day_of_era = shifted - era * DAYS_OF_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (int)((5 * day_of_year + 2) / 153);
    *ret_day = (int)(day_of_year - (153 * month_from_march + 2) / 5) + 1;
    *ret_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *ret_year = era * YEARS_OF_ERA + year_of_era + (*ret_month <= 2);
}

int calendar_month_length(int64_t year, int month) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && leap);
}

/* Walk the spans around a local time until one reaches it. Before the first span looked at no clock
 * can show the time: offsets are bounded. *ret_jump: how much of it a forward jump skipped. */
static int64_t find_local(const struct zone *z, int64_t local_seconds, int64_t *ret_jump) {
    struct zone_span span = zone_span_at(z, local_seconds - ZONE_OFFSET_MAX - 1);
    while (local_seconds - span.offset >= span.end)
        span = zone_span_at(z, span.end);
    int64_t there = local_seconds - span.offset;
    *ret_jump = there < span.start ? span.start - there : 0;
    return max_i64(there, span.start);
}

int64_t zone_first_instant(const struct zone *z, int64_t local_seconds) {
    int64_t jump;
    return find_local(z, local_seconds, &jump);
}

static int64_t instant_of_local(const struct zone *z, int64_t local_seconds) {
    int64_t jump, t = find_local(z, local_seconds, &jump);
    if (jump == 0)
        return t;
    /* Skipped: read it with the offset from before the jump. */
    return local_seconds - zone_offset(z, t - 1);
}

struct civil zone_civil(const struct zone *z, int64_t instant) {
    int64_t clamped = clamp_instant(instant), local = clamped + zone_offset(z, clamped), year;
    struct civil c;
    calendar_date(floor_div(local, SECONDS_OF_DAY), &year, &c.month, &c.day);
    int second = (int)floor_mod(local, SECONDS_OF_DAY);
    c.year = (int)year;
    c.hour = second / SECONDS_OF_HOUR;
    c.minute = second / 60 % 60;
    c.second = second % 60;
    return c;
}

int64_t zone_instant(const struct zone *z, struct civil local) {
    int64_t months = (int64_t)local.year * 12 + local.month - 1;
    int64_t days =
        calendar_days(floor_div(months, 12), (int)floor_mod(months, 12) + 1, 1) + local.day - 1;
    return instant_of_local(z, days * SECONDS_OF_DAY + (int64_t)local.hour * SECONDS_OF_HOUR +
                                   (int64_t)local.minute * 60 + local.second);
}

static const char *const GRAIN_NAMES[] = {"none",  "hour",    "day", "week",
                                          "month", "quarter", "year"};

const char *grain_name(enum grain grain) {
    assert((size_t)grain < ARRAY_LEN(GRAIN_NAMES));
    return GRAIN_NAMES[grain];
}

bool grain_parse(struct str name, enum grain *ret) {
    for (size_t i = 0; i < ARRAY_LEN(GRAIN_NAMES); i++) {
        if (str_is(name, GRAIN_NAMES[i])) {
            *ret = (enum grain)i;
            return true;
        }
    }
    return false;
}

/* Buckets of a grain are numbered; number and first day of each follow from the calendar alone. */
static int months_of(enum grain grain) {
    return grain == GRAIN_YEAR ? 12 : grain == GRAIN_QUARTER ? 3 : 1;
}

static int64_t bucket_number(enum grain grain, int64_t days) {
    if (grain == GRAIN_DAY)
        return days;
    if (grain == GRAIN_WEEK)
        return floor_div(days + 3, 7); /* 1970-01-01 was a Thursday */
    int64_t year;
    int month, day;
    calendar_date(days, &year, &month, &day);
    return floor_div(year * 12 + month - 1, months_of(grain));
}

static int64_t bucket_start(const struct zone *z, enum grain grain, int64_t number) {
    int64_t days;
    if (grain == GRAIN_DAY) {
        days = number;
    } else if (grain == GRAIN_WEEK) {
        days = number * 7 - 3;
    } else {
        int64_t months = number * months_of(grain);
        days = calendar_days(floor_div(months, 12), (int)floor_mod(months, 12) + 1, 1);
    }
    return zone_first_instant(z, days * SECONDS_OF_DAY);
}

static int64_t local_days(const struct zone *z, int64_t instant) {
    return floor_div(instant + zone_offset(z, instant), SECONDS_OF_DAY);
}

static int64_t hour_floor(const struct zone *z, int64_t t) {
    struct zone_span span = zone_span_at(z, t);
    return max_i64(t - floor_mod(t + span.offset, SECONDS_OF_HOUR), span.start);
}

static int64_t hour_next(const struct zone *z, int64_t t) {
    struct zone_span span = zone_span_at(z, t);
    return min_i64(t - floor_mod(t + span.offset, SECONDS_OF_HOUR) + SECONDS_OF_HOUR, span.end);
}

int64_t zone_floor(const struct zone *z, enum grain grain, int64_t instant) {
    int64_t t = clamp_instant(instant);
    if (grain == GRAIN_NONE)
        return INT64_MIN;
    if (grain == GRAIN_HOUR)
        return hour_floor(z, t);
    /* A clock that was set back can show up to two dates less than the bucket that has begun. */
    int64_t number = bucket_number(grain, local_days(z, t) + 2), start;
    while ((start = bucket_start(z, grain, number)) > t)
        number--;
    return start;
}

int64_t zone_next(const struct zone *z, enum grain grain, int64_t instant) {
    int64_t t = clamp_instant(instant);
    if (grain == GRAIN_NONE)
        return INT64_MAX;
    if (grain == GRAIN_HOUR)
        return hour_next(z, t);
    int64_t number = bucket_number(grain, local_days(z, t)), start;
    while ((start = bucket_start(z, grain, number)) <= t)
        number++;
    return start;
}

int64_t zone_shift(const struct zone *z, enum grain grain, int64_t instant, int n) {
    int64_t t = clamp_instant(instant);
    if (grain == GRAIN_NONE)
        return instant;
    if (grain == GRAIN_HOUR)
        return t + (int64_t)n * SECONDS_OF_HOUR;
    int64_t local = t + zone_offset(z, t);
    int64_t days = floor_div(local, SECONDS_OF_DAY), second = floor_mod(local, SECONDS_OF_DAY);
    int64_t to = days;
    if (grain == GRAIN_DAY || grain == GRAIN_WEEK) {
        to += (int64_t)n * (grain == GRAIN_WEEK ? 7 : 1);
    } else {
        int64_t year;
        int month, day;
        calendar_date(days, &year, &month, &day);
        int64_t months = year * 12 + month - 1 + (int64_t)n * months_of(grain);
        year = floor_div(months, 12);
        month = (int)floor_mod(months, 12) + 1;
        int length = calendar_month_length(year, month);
        to = calendar_days(year, month, day < length ? day : length);
    }
    /* A day's start goes to a day's start, even where midnight does not exist at one of the two. */
    if (zone_first_instant(z, days * SECONDS_OF_DAY) == t)
        return zone_first_instant(z, to * SECONDS_OF_DAY);
    return instant_of_local(z, to * SECONDS_OF_DAY + second);
}

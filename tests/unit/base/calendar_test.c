#include "base/zone_table.h"
#include "support/unit.h"

#include <inttypes.h>
#include <time.h>

static struct zone *open_zone(const char *name) {
    struct zone *z = NULL;
    struct err err;
    assert_ok(zone_open(name, &z, &err), err);
    return z;
}

static int64_t at(const struct zone *z, const char *text) {
    int64_t t = 0;
    struct err err;
    assert_ok(zone_parse(z, str_from(text), &t, &err), err);
    return t;
}

static void assert_time(const struct zone *z, int64_t t, const char *expected, const char *what) {
    struct buf b = {0};
    zone_format(z, t, &b);
    if (!str_is(buf_str(&b), expected))
        fail_msg("%s: %s is %s, not %s", zone_name(z), what, buf_cstr(&b), expected);
    buf_release(&b);
}

static void assert_bucket(const char *zone, enum grain grain, const char *instant,
                          const char *start, const char *next) {
    struct zone *z = open_zone(zone);
    int64_t t = at(z, instant);
    assert_time(z, zone_floor(z, grain, t), start, instant);
    assert_time(z, zone_next(z, grain, t), next, instant);
    zone_free(z);
}

static void calendar__dates_and_days_are_inverse(void **state) {
    UNUSED(state);
    assert_int_equal(calendar_days(1970, 1, 1), 0);
    assert_int_equal(calendar_days(2000, 2, 29), 11016);
    assert_int_equal(calendar_days(1900, 3, 1) - calendar_days(1900, 2, 28), 1);
    int64_t year = -401, y;
    int month = 1, day = 1, m, d;
    for (int64_t days = calendar_days(year, 1, 1); year < 2500; days++) {
        calendar_date(days, &y, &m, &d);
        if (y != year || m != month || d != day || calendar_days(y, m, d) != days)
            fail_msg("day %" PRId64 " is %" PRId64 "-%d-%d", days, y, m, d);
        if (++day > calendar_month_length(year, month)) {
            day = 1;
            month = month % 12 + 1;
            year += month == 1;
        }
    }
}

static void buckets__hours_follow_the_local_clock_and_its_jumps(void **state) {
    UNUSED(state);
    static const char *const cases[][4] = {
        {"Asia/Kolkata", "2015-05-17T10:29", "2015-05-17T10:00:00+05:30",
         "2015-05-17T11:00:00+05:30"},
        {"Asia/Kathmandu", "2015-05-17T10:59", "2015-05-17T10:00:00+05:45",
         "2015-05-17T11:00:00+05:45"},
        /* forward by half an hour at 02:00: the hour of two has only its second half */
        {"Australia/Lord_Howe", "2015-10-04T02:45", "2015-10-04T02:30:00+11:00",
         "2015-10-04T03:00:00+11:00"},
        {"Australia/Lord_Howe", "2015-10-04T01:45", "2015-10-04T01:00:00+10:30",
         "2015-10-04T02:30:00+11:00"},
        /* back by half an hour at 02:00: the hour of one, then its second half again */
        {"Australia/Lord_Howe", "2015-04-05T01:40+11:00", "2015-04-05T01:00:00+11:00",
         "2015-04-05T01:30:00+10:30"},
        {"Australia/Lord_Howe", "2015-04-05T01:40+10:30", "2015-04-05T01:30:00+10:30",
         "2015-04-05T02:00:00+10:30"},
        /* a repeated hour is two buckets */
        {"Europe/Berlin", "2015-10-25T02:30+02:00", "2015-10-25T02:00:00+02:00",
         "2015-10-25T02:00:00+01:00"},
        {"Europe/Berlin", "2015-10-25T02:30+01:00", "2015-10-25T02:00:00+01:00",
         "2015-10-25T03:00:00+01:00"},
        /* a jump back one minute behind midnight cuts the hour of midnight */
        {"America/St_Johns", "2010-11-07T00:00:30-02:30", "2010-11-07T00:00:00-02:30",
         "2010-11-06T23:01:00-03:30"},
        {"America/St_Johns", "2010-11-06T23:30-03:30", "2010-11-06T23:01:00-03:30",
         "2010-11-07T00:00:00-03:30"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_bucket(cases[i][0], GRAIN_HOUR, cases[i][1], cases[i][2], cases[i][3]);
}

static void buckets__a_day_without_midnight_starts_at_the_jump(void **state) {
    UNUSED(state);
    static const char *const cases[][4] = {
        {"America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T01:00:00-02:00",
         "2018-11-05T00:00:00-02:00"},
        {"America/Sao_Paulo", "2018-11-03T12:00", "2018-11-03T00:00:00-03:00",
         "2018-11-04T01:00:00-02:00"},
        {"Africa/Cairo", "2010-04-30T12:00", "2010-04-30T01:00:00+03:00",
         "2010-05-01T00:00:00+03:00"},
        {"Asia/Beirut", "2015-03-29T12:00", "2015-03-29T01:00:00+03:00",
         "2015-03-30T00:00:00+03:00"},
        /* behind the table of the database */
        {"Asia/Beirut", "2099-03-29T12:00", "2099-03-29T01:00:00+03:00",
         "2099-03-30T00:00:00+03:00"},
        /* the clock shows yesterday again, but the new day has begun */
        {"America/St_Johns", "2010-11-06T23:30-03:30", "2010-11-07T00:00:00-02:30",
         "2010-11-08T00:00:00-03:30"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_bucket(cases[i][0], GRAIN_DAY, cases[i][1], cases[i][2], cases[i][3]);
}

static void buckets__a_skipped_day_has_no_bucket(void **state) {
    UNUSED(state);
    assert_bucket("Pacific/Apia", GRAIN_DAY, "2011-12-29T12:00", "2011-12-29T00:00:00-10:00",
                  "2011-12-31T00:00:00+14:00");
    assert_bucket("Pacific/Apia", GRAIN_DAY, "2011-12-31T12:00", "2011-12-31T00:00:00+14:00",
                  "2012-01-01T00:00:00+14:00");
}

static void buckets__weeks_start_on_monday_and_quarters_in_their_month(void **state) {
    UNUSED(state);
    static const struct {
        enum grain grain;
        const char *instant, *start, *next;
    } cases[] = {
        {GRAIN_WEEK, "2015-05-17T23:59", "2015-05-11T00:00:00+02:00", "2015-05-18T00:00:00+02:00"},
        {GRAIN_WEEK, "2015-05-18", "2015-05-18T00:00:00+02:00", "2015-05-25T00:00:00+02:00"},
        {GRAIN_WEEK, "2015-03-29T12:00", "2015-03-23T00:00:00+01:00", "2015-03-30T00:00:00+02:00"},
        {GRAIN_WEEK, "1969-12-31", "1969-12-29T00:00:00+01:00", "1970-01-05T00:00:00+01:00"},
        {GRAIN_MONTH, "2016-02-29", "2016-02-01T00:00:00+01:00", "2016-03-01T00:00:00+01:00"},
        {GRAIN_QUARTER, "2015-05-17", "2015-04-01T00:00:00+02:00", "2015-07-01T00:00:00+02:00"},
        {GRAIN_QUARTER, "2015-12-31T23:59:59", "2015-10-01T00:00:00+02:00",
         "2016-01-01T00:00:00+01:00"},
        {GRAIN_YEAR, "2015-05-17", "2015-01-01T00:00:00+01:00", "2016-01-01T00:00:00+01:00"},
        {GRAIN_YEAR, "1969-05-17", "1969-01-01T00:00:00+01:00", "1970-01-01T00:00:00+01:00"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_bucket("Europe/Berlin", cases[i].grain, cases[i].instant, cases[i].start,
                      cases[i].next);
}

static void zone_instant__skipped_times_move_on_and_of_two_the_first_is_taken(void **state) {
    UNUSED(state);
    struct zone *z = open_zone("Europe/Berlin");
    assert_time(z, zone_instant(z, (struct civil){2015, 3, 29, 2, 30, 0}),
                "2015-03-29T03:30:00+02:00", "skipped");
    assert_time(z, zone_instant(z, (struct civil){2015, 10, 25, 2, 30, 0}),
                "2015-10-25T02:30:00+02:00", "twice");
    assert_time(z, zone_instant(z, (struct civil){2015, 13, 0, 25, -1, 61}),
                "2016-01-01T01:00:01+01:00", "out of range");
    assert_time(z, zone_instant(z, (struct civil){2015, -11, 1, 0, 0, 0}),
                "2014-01-01T00:00:00+01:00", "month -11");
    zone_free(z);
    z = open_zone("Pacific/Apia");
    assert_time(z, zone_instant(z, (struct civil){2011, 12, 30, 10, 0, 0}),
                "2011-12-31T10:00:00+14:00", "skipped day");
    zone_free(z);
}

static void zone_shift__stays_on_the_local_calendar(void **state) {
    UNUSED(state);
    static const struct {
        const char *zone;
        enum grain grain;
        int n;
        const char *from, *to;
    } cases[] = {
        {"Europe/Berlin", GRAIN_HOUR, 3, "2015-03-29T01:00", "2015-03-29T05:00:00+02:00"},
        {"Europe/Berlin", GRAIN_DAY, 1, "2015-03-28T10:15", "2015-03-29T10:15:00+02:00"},
        {"Europe/Berlin", GRAIN_DAY, -1, "2015-03-30", "2015-03-29T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_WEEK, -1, "2015-03-30", "2015-03-23T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_WEEK, 52, "2015-05-18", "2016-05-16T00:00:00+02:00"},
        {"Europe/Berlin", GRAIN_MONTH, 1, "2015-01-31", "2015-02-28T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_MONTH, 13, "2015-01-31T12:34:56", "2016-02-29T12:34:56+01:00"},
        {"Europe/Berlin", GRAIN_MONTH, -1, "2015-03-31", "2015-02-28T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_MONTH, -1, "2015-01-15", "2014-12-15T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_QUARTER, -1, "2015-01-01", "2014-10-01T00:00:00+02:00"},
        {"Europe/Berlin", GRAIN_YEAR, -1, "2016-02-29", "2015-02-28T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_YEAR, 0, "2016-02-29", "2016-02-29T00:00:00+01:00"},
        {"Europe/Berlin", GRAIN_NONE, 7, "2016-02-29", "2016-02-29T00:00:00+01:00"},
        /* from and to days without midnight */
        {"America/Sao_Paulo", GRAIN_WEEK, 1, "2018-11-04", "2018-11-11T00:00:00-02:00"},
        {"America/Sao_Paulo", GRAIN_WEEK, 1, "2018-10-28", "2018-11-04T01:00:00-02:00"},
        {"America/Sao_Paulo", GRAIN_WEEK, 1, "2018-10-28T01:00", "2018-11-04T01:00:00-02:00"},
        {"Pacific/Apia", GRAIN_DAY, 1, "2011-12-29", "2011-12-31T00:00:00+14:00"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone *z = open_zone(cases[i].zone);
        int64_t t = at(z, cases[i].from);
        assert_time(z, zone_shift(z, cases[i].grain, t, cases[i].n), cases[i].to, cases[i].from);
        zone_free(z);
    }
}

static void zone__extreme_instants_and_shifts_do_not_overflow(void **state) {
    UNUSED(state);
    static const int64_t instants[] = {INT64_MIN, INT64_MAX, -ZONE_INSTANT_MAX, ZONE_INSTANT_MAX};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Pacific/Kiritimati"};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        struct zone *z = open_zone(zones[i]);
        for (size_t k = 0; k < ARRAY_LEN(instants); k++) {
            struct buf b = {0};
            zone_format(z, instants[k], &b);
            for (enum grain g = GRAIN_NONE; g <= GRAIN_YEAR; g++) {
                assert_true(zone_floor(z, g, instants[k]) < zone_next(z, g, instants[k]));
                zone_shift(z, g, instants[k], INT32_MAX);
                zone_shift(z, g, instants[k], INT32_MIN);
            }
            buf_release(&b);
        }
        struct civil c = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
        assert_true(zone_instant(z, c) > 0);
        c = (struct civil){INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
        assert_true(zone_instant(z, c) < 0);
        zone_free(z);
    }
}

static void grain__names_are_read_back(void **state) {
    UNUSED(state);
    for (enum grain g = GRAIN_NONE; g <= GRAIN_YEAR; g++) {
        enum grain back = GRAIN_NONE;
        assert_true(grain_parse(str_from(grain_name(g)), &back));
        assert_int_equal(back, g);
    }
    enum grain g;
    assert_false(grain_parse(STR("minute"), &g));
    assert_false(grain_parse(STR(""), &g));
}

/* Property test ---------------------------------------------------------------------------------
 */

static const char *const ZONES[] = {"UTC",
                                    "Australia/Lord_Howe",
                                    "Asia/Kolkata",
                                    "Asia/Kathmandu",
                                    "America/Sao_Paulo",
                                    "Africa/Cairo",
                                    "Asia/Beirut",
                                    "Pacific/Apia",
                                    "Pacific/Kwajalein",
                                    "America/St_Johns",
                                    "Europe/Dublin",
                                    "Africa/Casablanca",
                                    "America/Los_Angeles",
                                    "Europe/Berlin",
                                    "Asia/Gaza",
                                    "America/Nuuk",
                                    "Antarctica/Troll",
                                    "America/Juneau",
                                    "Asia/Manila",
                                    "Pacific/Chatham",
                                    "America/Havana",
                                    "America/Caracas",
                                    "Pacific/Kiritimati"};

static uint64_t next_random(uint64_t *state) { /* xorshift64* */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* Half of the instants lie around a change of the clock. */
static int64_t random_instant(const struct zone *z, uint64_t *random) {
    int64_t t = (int64_t)(next_random(random) % 9000000000u) - 4000000000;
    struct zone_span span = zone_span_at(z, t);
    if (next_random(random) % 2 || span.start == INT64_MIN)
        return t;
    int64_t reach = next_random(random) % 2 ? 2 : 100000;
    return span.start + (int64_t)(next_random(random) % (uint64_t)(2 * reach + 1)) - reach;
}

static void check_instant(const struct zone *z, int64_t t) {
    static const struct {
        enum grain coarse, fine;
    } nested[] = {{GRAIN_YEAR, GRAIN_QUARTER},
                  {GRAIN_QUARTER, GRAIN_MONTH},
                  {GRAIN_MONTH, GRAIN_DAY},
                  {GRAIN_WEEK, GRAIN_DAY},
                  {GRAIN_DAY, GRAIN_HOUR}};
    for (enum grain g = GRAIN_HOUR; g <= GRAIN_YEAR; g++) {
        int64_t start = zone_floor(z, g, t), next = zone_next(z, g, t);
        if (start > t || next <= t || zone_floor(z, g, start) != start ||
            zone_floor(z, g, next) != next || zone_next(z, g, start) != next ||
            zone_floor(z, g, next - 1) != start)
            fail_msg("%s: the %s bucket of %" PRId64 " does not tile: %" PRId64 " .. %" PRId64,
                     zone_name(z), grain_name(g), t, start, next);
    }
    for (size_t i = 0; i < ARRAY_LEN(nested); i++) {
        int64_t start = zone_floor(z, nested[i].coarse, t);
        if (zone_floor(z, nested[i].fine, start) != start)
            fail_msg("%s: the %s of %" PRId64 " does not start with a %s", zone_name(z),
                     grain_name(nested[i].coarse), t, grain_name(nested[i].fine));
    }
    struct zone_span span = zone_span_at(z, t);
    assert_true(span.start <= t && t < span.end);
    if (span.end != INT64_MAX)
        assert_true(zone_offset(z, span.end) != span.offset);
    if (span.start != INT64_MIN)
        assert_true(zone_offset(z, span.start - 1) != span.offset);
    int64_t back = zone_instant(z, zone_civil(z, t));
    struct civil a = zone_civil(z, t), b = zone_civil(z, back);
    assert_true(back <= t && memcmp(&a, &b, sizeof(a)) == 0);
}

static void buckets__tile_time_and_nest_in_every_zone(void **state) {
    UNUSED(state);
    uint64_t random = unit_seed() * 2 + 1;
    for (size_t i = 0; i < ARRAY_LEN(ZONES); i++) {
        struct zone *z = open_zone(ZONES[i]);
        for (int n = 0; n < 2000; n++)
            check_instant(z, random_instant(z, &random));
        zone_free(z);
    }
}

UNIT_MAIN(unit_test(calendar__dates_and_days_are_inverse),
          unit_test(buckets__hours_follow_the_local_clock_and_its_jumps),
          unit_test(buckets__a_day_without_midnight_starts_at_the_jump),
          unit_test(buckets__a_skipped_day_has_no_bucket),
          unit_test(buckets__weeks_start_on_monday_and_quarters_in_their_month),
          unit_test(zone_instant__skipped_times_move_on_and_of_two_the_first_is_taken),
          unit_test(zone_shift__stays_on_the_local_calendar),
          unit_test(zone__extreme_instants_and_shifts_do_not_overflow),
          unit_test(grain__names_are_read_back),
          unit_test(buckets__tile_time_and_nest_in_every_zone))

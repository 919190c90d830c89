#include "support/unit.h"

#include "format/stamp.h"
#include <time.h>

static int64_t read_stamp(const char *text) {
    int64_t instant = -1;
    assert_int_equal(strlen(text), STAMP_CLF_BYTES);
    return stamp_clf(text, &instant) ? instant : -1;
}

static void stamp__known_times_are_read(void **state) {
    UNUSED(state);
    assert_int_equal(read_stamp("17/May/2015:10:05:03 +0000"), 1431857103);
    assert_int_equal(read_stamp("02/Jan/1970:00:00:00 +0000"), 86400);
    assert_int_equal(read_stamp("29/Feb/2016:23:59:59 +0000"), 1456790399);
    assert_int_equal(read_stamp("31/Dec/2105:23:59:59 +0000"), 4291747199);
}

static void stamp__zone_offset_is_taken_off(void **state) {
    UNUSED(state);
    int64_t utc = read_stamp("17/May/2015:10:05:03 +0000");
    assert_int_equal(read_stamp("17/May/2015:12:05:03 +0200"), utc);
    assert_int_equal(read_stamp("17/May/2015:15:35:03 +0530"), utc);
    assert_int_equal(read_stamp("17/May/2015:06:35:03 -0330"), utc);
    assert_int_equal(read_stamp("18/May/2015:10:04:03 +2359"), utc);
    assert_int_equal(read_stamp("31/Dec/1969:23:00:00 -0100"),
                     -1); /* the year is checked as logged */
}

static void stamp__leap_second_is_the_next_minute(void **state) {
    UNUSED(state);
    assert_int_equal(read_stamp("30/Jun/2015:23:59:60 +0000"),
                     read_stamp("01/Jul/2015:00:00:00 +0000"));
    assert_int_equal(read_stamp("30/Jun/2015:23:59:61 +0000"), -1);
}

static void stamp__what_is_no_time_is_refused(void **state) {
    UNUSED(state);
    static const char *const bad[] = {
        "00/May/2015:10:05:03 +0000", "32/May/2015:10:05:03 +0000", "31/Apr/2015:10:05:03 +0000",
        "29/Feb/2015:10:05:03 +0000", "29/Feb/2100:10:05:03 +0000", "17/may/2015:10:05:03 +0000",
        "17/Mai/2015:10:05:03 +0000", "17/May/1969:10:05:03 +0000", "17/May/2106:10:05:03 +0000",
        "17/May/2015:24:05:03 +0000", "17/May/2015:10:60:03 +0000", "17/May/2015:10:05:03 +2400",
        "17/May/2015:10:05:03 +0060", "17/May/2015:10:05:03  0000", "17/May/2015:10:05:03 UTC00",
        "17-May-2015:10:05:03 +0000", "17/May/2015 10:05:03 +0000", "17/May/2015:10-05:03 +0000",
        "1a/May/2015:10:05:03 +0000", "17/May/20x5:10:05:03 +0000", "17/May/2015:10:05:03 +00:0",
        "01/Jan/1970:23:59:59 +0000", " 7/May/2015:10:05:03 +0000", "17/May/2015:-1:05:03 +0000",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (read_stamp(bad[i]) != -1)
            fail_msg("read: %s", bad[i]);
}

static void stamp__iso_times_are_read(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        int64_t instant; /* -1: refused */
    } rows[] = {
        {"2015-05-17 10:05:03", 1431857103},
        {"2015-05-17T10:05:03Z", 1431857103},
        {"2015-05-17T10:05:03.999999Z", 1431857103},
        {"2015-05-17T12:05:03+02:00", 1431857103},
        {"2015-05-17T12:05:03.5+0200", 1431857103},
        {"2015-05-17 05:05:03-05", 1431857103},
        {"[2015-05-17T10:05:03]", 1431857103},
        {"2015-05-17 10:05", 1431857100},
        {"2016-02-29T23:59:60Z", 1456790400},
        {"2015-02-29T10:05:03Z", -1},
        {"2015-13-17T10:05:03Z", -1},
        {"2015-05-17T24:05:03Z", -1},
        {"2015-05-17T10:60:03Z", -1},
        {"2015-05-17T10:05:03+24:00", -1},
        {"2015-05-17T10:05:03 UTC", -1},
        {"2015-05-17T10:05:0", -1},
        {"2015-05-17", -1},
        {"1970-01-01T23:59:59Z", -1},
        {"2106-01-01T00:00:00Z", -1},
        {"201x-05-17T10:05:03Z", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t instant = -1;
        if (!stamp_any(str_from(rows[i].text), &instant))
            instant = -1;
        if (instant != rows[i].instant)
            fail_msg("%s: %lld", rows[i].text, (long long)instant);
    }
}

static void stamp__any_notation_is_known(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        int64_t instant; /* -1: it is no time */
    } rows[] = {
        {"17/May/2015:10:05:03 +0000", 1431857103},
        {"[17/May/2015:10:05:03 +0000]", 1431857103},
        {"17/May/2015:10:05:03", 1431857103},
        {"[17/May/2015:10:05:03]", 1431857103},
        {"17/May/2015:10:05:03 +00", -1},
        {"2015-05-17 12:05:03 +0200", 1431857103},
        {"2015-05-17T10:05:03,25Z", 1431857103},
        {"Sun, 17 May 2015 10:05:03 GMT", 1431857103},
        {"Sun, 17 May 2015 10:05:03 XYZ", -1},
        {"Sun, 17 May 2015 10:05:03", -1},
        {"1431857103", 1431857103},
        {"1431857103.999", 1431857103},
        {"1431857103,5", 1431857103},
        {"1431857103.", -1},
        {"1431857103.5x", -1},
        {"1431857103x", -1},
        {"-1431857103", -1},
        {"86399", -1},
        {"86400", 86400},
        {"4294967295", 4294967295},
        {"4294967296", -1},
        {"99999999999", -1},
        {"100000000000", 100000000},
        {"1431857103250", 1431857103},
        {"1431857103250.75", 1431857103},
        {"1431857103250000", 1431857103},
        {"1431857103250000000", 1431857103},
        {"4294967295999", 4294967295},
        {"4294967296000", -1},
        {"18446744073709551615", -1},
        {"18446744073709551616", -1},
        {"2015/05/17 10:05:03", 1431857103},
        {"2015/05/17 10:05:03.25", 1431857103},
        {"2015/05/17T12:05:03+02:00", 1431857103},
        {"2015/05-17 10:05:03", -1},
        {"2015-05/17 10:05:03", -1},
        {"2015/05/17", -1},
        {"1970-01-01T23:59:59Z", -1},
        {"1970-01-02T00:00:00Z", 86400},
        {"2105-12-31T23:59:59Z", 4291747199},
        {"2106-01-01T00:00:00Z", -1},
        {"", -1},
        {"[]", -1},
        {"-", -1},
        {"now", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t instant = -1;
        if (!stamp_any(str_from(rows[i].text), &instant))
            instant = -1;
        if (instant != rows[i].instant)
            fail_msg("%s is %lld", rows[i].text, (long long)instant);
    }
}

/* -1: it does not fit or is no time; -2: more text follows; -3: the pattern is refused. */
static int64_t read_pattern(const char *pattern, const char *text) {
    struct buf compiled = {0};
    struct moment m = {0};
    unsigned parts = 0;
    int64_t instant = -3;
    const char *at = text, *end = text + strlen(text);
    if (moment_compile(str_from(pattern), &compiled, &parts, NULL) == 0 &&
        moment_check(parts, NULL) == 0) {
        if (!moment_read(buf_str(&compiled), &at, end, &m) || !moment_instant(&m, &instant))
            instant = -1;
        else if (at != end)
            instant = -2;
    }
    buf_release(&compiled);
    return instant;
}

static void moment__numbers_are_strict(void **state) {
    UNUSED(state);
    static const struct {
        const char *pattern, *text;
        int64_t instant;
    } rows[] = {
        {"%F %T", "2015-05-17 10:05:03", 1431857103},
        {"%F %T", "2015-5-17 10:05:03", -1},
        {"%F %T", "2015-05-17 10:05:3", -1},
        {"%F %T", "2015-05-17 10:05:033", -2},
        {"%F %T", "2015-02-29 10:05:03", -1},
        {"%F %T", "2016-02-29 10:05:03", 1456740303},
        {"%F %T", "2015-13-01 10:05:03", -1},
        {"%F %T", "2015-00-01 10:05:03", -1},
        {"%F %T", "2015-05-17 24:05:03", -1},
        {"%F %T", "2015-05-17 23:59:60", 1431907200},
        {"%F %T", "2015-05-17 23:59:61", -1},
        {"%F %T", "1970-01-01 23:59:59", -1},
        {"%F %T", "2105-12-31 23:59:59", 4291747199},
        {"%F %T", "2106-01-01 00:00:00", -1},
        {"%F %R", "2015-05-17 10:05", 1431857100},
        {"%F %T.%f", "2015-05-17 10:05:03.123456", 1431857103},
        {"%F %T.%f", "2015-05-17 10:05:03.", -1},
        {"%F %T %z", "2015-05-17 12:05:03 +02:00", 1431857103},
        {"%F %T %z", "2015-05-17 10:05:03 Z", 1431857103},
        {"%F %T %z", "2015-05-17 12:05:03 +2400", -1},
        {"%F %T %Z", "2015-05-17 03:05:03 PDT", 1431857103},
        {"%F %T %Z", "2015-05-17 12:05:03 CEST", -1},
        {"%e/%b/%Y %l:%M:%S %p", " 7/May/2015  1:05:03 PM", 1431003903},
        {"%e/%B/%Y %I:%M:%S %p", "7/may/2015 12:05:03 am", 1430957103},
        {"%e/%B/%Y %I:%M:%S %p", "7/May/2015 13:05:03 AM", -1},
        {"%-d.%-m.%Y %-H:%M:%S", "7.5.2015 1:05:03", 1430960703},
        {"%j %Y %T", "137 2015 10:05:03", 1431857103},
        {"%j %Y %T", "366 2015 10:05:03", -1},
        {"%j %Y %T", "366 2016 00:00:00", 1483142400},
        {"%j %Y %T", "000 2016 00:00:00", -1},
        {"%y%m%d%H%M%S", "150517100503", 1431857103},
        {"%y%m%d%H%M%S", "700102000000", 86400},
        {"%y%m%d%H%M%S", "680102000000", 3092688000},
        {"%s", "1431857103", 1431857103},
        {"%s.%f", "1431857103.1", 1431857103},
        {"%*", "1431857103999", 1431857103},
        {"%f", "1431857103999999", 1431857103},
        {"%s", "9999999999999999999999", -1},
        {"%A %d %b %Y %T%%%n", "Sunday 17 May 2015 10:05:03%", 1431857103},
        {"%H:%M:%S", "", -3},
        {"%F", "", -3},
        {"%d/%b %T", "", -3},
        {"%Y-%m-%d %I:%M", "", -3},
        {"%Q", "", -3},
        {"%", "", -3},
        {"%\1", "", -3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t got = read_pattern(rows[i].pattern, rows[i].text);
        if (got != rows[i].instant)
            fail_msg("%s as %s is %lld, not %lld", rows[i].text, rows[i].pattern, (long long)got,
                     (long long)rows[i].instant);
    }
}

static void moment__reads_what_strftime_writes(void **state) {
    UNUSED(state);
    static const char *const patterns[] = {"%d/%b/%Y:%H:%M:%S %z",
                                           "%FT%T%z",
                                           "%a, %d %b %Y %H:%M:%S %Z",
                                           "%A %e %B %Y %I:%M:%S %p",
                                           "%c",
                                           "%Y%j%H%M%S",
                                           "%s",
                                           "%Y-%m-%d %r week %V of %G, %U %W %u %w",
                                           "%k:%M:%S on %h %-d, %C %Y"};
    srandom((unsigned)unit_seed());
    setenv("TZ", "UTC", 1);
    for (int i = 0; i < 50000; i++) {
        const char *pattern = patterns[(size_t)random() % ARRAY_LEN(patterns)];
        time_t instant =
            86400 + (time_t)(((uint64_t)random() << 16 ^ (uint64_t)random()) % 4291660800ULL);
        struct tm tm;
        char text[128];
        assert_non_null(gmtime_r(&instant, &tm));
        assert_true(strftime(text, sizeof text, pattern, &tm) > 0);
        if (read_pattern(pattern, text) != instant)
            fail_msg("\"%s\" as \"%s\" is %lld, not %lld", text, pattern,
                     (long long)read_pattern(pattern, text), (long long)instant);
    }
}

static void stamp__agrees_with_the_c_library(void **state) {
    UNUSED(state);
    srandom((unsigned)unit_seed());
    for (int i = 0; i < 100000; i++) {
        /* away from both ends, so that the zone cannot move the year out of range */
        int64_t instant = 86400 + (int64_t)(((uint64_t)random() << 16 ^ (uint64_t)random()) %
                                            (4291747199ULL - 2 * 86400));
        int zone = (int)(random() % (2 * 24 * 60 - 1)) - (24 * 60 - 1); /* minutes */
        time_t local = (time_t)(instant + zone * 60);
        struct tm tm;
        char text[64], offset[16];
        assert_non_null(gmtime_r(&local, &tm));
        strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S ", &tm);
        snprintf(offset, sizeof offset, "%c%02d%02d", zone < 0 ? '-' : '+', abs(zone) / 60,
                 abs(zone) % 60);
        strcat(text, offset);
        if (read_stamp(text) != instant)
            fail_msg("%s is %lld, not %lld", text, (long long)read_stamp(text), (long long)instant);
    }
}

UNIT_MAIN(unit_test(stamp__known_times_are_read), unit_test(stamp__zone_offset_is_taken_off),
          unit_test(stamp__leap_second_is_the_next_minute),
          unit_test(stamp__what_is_no_time_is_refused), unit_test(stamp__iso_times_are_read),
          unit_test(stamp__any_notation_is_known), unit_test(moment__numbers_are_strict),
          unit_test(moment__reads_what_strftime_writes),
          unit_test(stamp__agrees_with_the_c_library))

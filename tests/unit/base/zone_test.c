#include "base/fs.h"
#include "base/zone_table.h"
#include "support/unit.h"

static struct zone *open_zone(const char *name) {
    struct zone *z = NULL;
    struct err err;
    assert_ok(zone_open(name, &z, &err), err);
    return z;
}

static void zone_open__refuses_names_that_are_no_zones(void **state) {
    UNUSED(state);
    static const char *const names[] = {"",
                                        "Mars/Olympus",
                                        "America",
                                        "../etc/passwd",
                                        "Europe/../Europe/Berlin",
                                        "/etc/tz",
                                        "Europe//Rome",
                                        "Europe/",
                                        "zone.tab",
                                        "Europe/Ber lin",
                                        "Europe\n",
                                        ".",
                                        "posix/../../etc/",
                                        "leapseconds"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone *z = NULL;
        struct err err;
        if (zone_open(names[i], &z, &err) != ERR_USAGE)
            fail_msg("\"%s\" was not refused as usage", names[i]);
        assert_non_null(strstr(err.text, names[i]));
    }
    char longest[80];
    memset(longest, 'a', sizeof(longest));
    longest[79] = '\0';
    struct zone *z = NULL;
    assert_int_equal(zone_open(longest, &z, NULL), ERR_USAGE);
}

static void zone_offset__is_right_before_in_and_behind_the_table(void **state) {
    UNUSED(state);
    static const struct {
        const char *zone;
        int64_t instant;
        int32_t offset;
    } cases[] = {
        {"UTC", 0, 0},
        {"America/Los_Angeles", INT64_MIN, -28378}, /* local mean time */
        {"America/Los_Angeles", -2717640001, -28378},
        {"America/Los_Angeles", -2717640000, -28800},
        {"America/Los_Angeles", 1425808799, -28800},
        {"America/Los_Angeles", 1425808800, -25200},
        {"America/Los_Angeles", 4118205600, -25200}, /* 2100-07-02 */
        {"America/Los_Angeles", 4102444800, -28800}, /* 2100-01-01 */
        {"Australia/Lord_Howe", 4102444800, 39600},
        {"Australia/Lord_Howe", 4118205600, 37800},
        {"Asia/Kathmandu", 1431820800, 20700},
        {"Europe/Dublin", 1435708800, 3600}, /* its winter time is the "daylight" one */
        {"Europe/Dublin", 4118205600, 3600},
        {"Europe/Dublin", 4102444800, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone *z = open_zone(cases[i].zone);
        if (zone_offset(z, cases[i].instant) != cases[i].offset)
            fail_msg("case %zu: %s is %d east", i, cases[i].zone, zone_offset(z, cases[i].instant));
        zone_free(z);
    }
}

/* TZif bytes with one transition of `width` bytes and a footer. */
static void make_tzif(struct buf *b, char version, size_t width, uint32_t leaps) {
    char header[44] = {'T', 'Z', 'i', 'f', version};
    header[31] = (char)leaps; /* counts end at 23, 27, 31, 35, 39, 43 */
    header[35] = 1;
    header[39] = 2;
    header[43] = 4;
    buf_add(b, header, sizeof(header));
    char at[8] = {0};
    at[width - 2] = 1; /* 256 */
    buf_add(b, at, width);
    buf_add(b, "\1", 1);
    buf_add(b, "\0\0\0\0\0\0", 6);
    buf_add(b, "\0\0\x0e\x10\0\0", 6);
    buf_add(b, "A\0B\0", 4);
    for (uint32_t i = 0; i < leaps * (width + 4); i++)
        buf_add_char(b, 0);
}

static int decode(struct buf *b, struct zone **ret) {
    return zone_decode("test", buf_str(b), ret, NULL);
}

static void zone_decode__reads_version_1_with_its_narrow_times(void **state) {
    UNUSED(state);
    struct buf b = {0};
    struct zone *z = NULL;
    make_tzif(&b, '\0', 4, 0);
    assert_int_equal(decode(&b, &z), 0);
    assert_int_equal(zone_offset(z, 255), 0);
    assert_int_equal(zone_offset(z, 256), 3600);
    assert_int_equal(zone_offset(z, INT64_MAX), 3600);
    zone_free(z);
    buf_release(&b);
}

static void zone_decode__footer_rules_after_the_table(void **state) {
    UNUSED(state);
    struct buf b = {0};
    struct zone *z = NULL;
    make_tzif(&b, '2', 4, 0);
    make_tzif(&b, '2', 8, 0);
    buf_add_cstr(&b, "\n<+01>-1<+02>,J60/0,300/25\n");
    assert_int_equal(decode(&b, &z), 0);
    assert_int_equal(zone_offset(z, 255), 0);
    assert_int_equal(zone_offset(z, 256), 3600);
    /* J60 is 1 March in every year: 2024-02-29T23:00Z */
    assert_int_equal(zone_offset(z, 1709247599), 3600);
    assert_int_equal(zone_offset(z, 1709247600), 7200);
    /* day 300 from 0 of a leap year is 27 October; 25:00 summer time is 23:00Z of that day */
    assert_int_equal(zone_offset(z, 1730069999), 7200);
    assert_int_equal(zone_offset(z, 1730070000), 3600);
    struct zone_span span = zone_span_at(z, 1000);
    assert_int_equal(span.start, 256);
    assert_int_equal(span.end, (31 + 28) * 86400 - 3600);
    zone_free(z);
    buf_release(&b);
}

static void zone_decode__refuses_what_is_broken(void **state) {
    UNUSED(state);
    struct zone *z = NULL;
    struct buf b = {0};
    buf_add_cstr(&b, "# a text file of the database, longer than a header");
    assert_int_equal(decode(&b, &z), ERR_USAGE);
    buf_clear(&b);
    make_tzif(&b, '\0', 4, 1); /* counts leap seconds: not our seconds */
    assert_int_equal(decode(&b, &z), ERR_CORRUPT);
    static const char *const footers[] = {"", "\n", "\nCET-1", "CET-1\n", "\nCET-1x\n", "\nCET\n"};
    for (size_t i = 0; i < ARRAY_LEN(footers); i++) {
        buf_clear(&b);
        make_tzif(&b, '3', 4, 0);
        make_tzif(&b, '3', 8, 0);
        buf_add_cstr(&b, footers[i]);
        if (decode(&b, &z) != ERR_CORRUPT)
            fail_msg("footer %zu was taken", i);
    }
    for (size_t i = 44 + 8; i <= 44 + 9; i++) { /* type of the transition, offset of a type */
        buf_clear(&b);
        make_tzif(&b, '\0', 4, 0);
        b.ptr[i == 52 ? 48 : 49] = 0x7f;
        assert_int_equal(decode(&b, &z), ERR_CORRUPT);
    }
    for (int second = 255; second <= 257;
         second++) { /* transitions must ascend: the first is at 256 */
        char header[44] = "TZif", times[8] = {0, 0, 1, 0, 0, 0, (char)(second >> 8), (char)second};
        header[35] = 2;
        header[39] = header[43] = 1;
        buf_clear(&b);
        buf_add(&b, header, sizeof(header));
        buf_add(&b, times, sizeof(times));
        buf_add(&b, "\0\0\0\0\0\0\0\0\0", 9); /* two type numbers, a type, a name */
        int rc = decode(&b, &z);
        assert_int_equal(rc, second > 256 ? 0 : ERR_CORRUPT);
    }
    zone_free(z);
    buf_release(&b);
}

static void zone_decode__a_file_cut_anywhere_is_refused(void **state) {
    UNUSED(state);
    struct buf b = {0};
    struct err err;
    assert_ok(fs_read_file("/usr/share/zoneinfo/Europe/Berlin", 1 << 20, &b, &err), err);
    for (size_t n = 0; n < b.len; n++) {
        char *exact = malloc(n ? n : 1); /* so that a sanitizer sees a byte read too far */
        memcpy(exact, b.ptr, n);
        struct zone *z = NULL;
        if (zone_decode("cut", str_of(exact, n), &z, &err) == 0)
            fail_msg("taken with %zu of %zu bytes", n, b.len);
        free(exact);
    }
    buf_release(&b);
}

static void zone_span__a_rule_goes_on_where_the_table_ends(void **state) {
    UNUSED(state);
    struct buf b = {0};
    struct zone *z = NULL;
    make_tzif(&b, '2', 4, 0);
    make_tzif(&b, '2', 8, 0);
    buf_add_cstr(&b, "\n<+01>-1\n"); /* as the table's last offset: one span without end */
    assert_int_equal(decode(&b, &z), 0);
    for (int64_t t = 256; t < 1000; t += 700) {
        assert_int_equal(zone_span_at(z, t).start, 256);
        assert_true(zone_span_at(z, t).end == INT64_MAX);
    }
    zone_free(z);
    b.len -= strlen("<+01>-1\n");
    buf_add_cstr(&b,
                 "<+02>-2\n"); /* it disagrees with the table: from the table's end on it holds */
    assert_int_equal(decode(&b, &z), 0);
    assert_int_equal(zone_offset(z, 255), 0);
    assert_int_equal(zone_offset(z, 256), 7200);
    assert_int_equal(zone_span_at(z, 300).start, 256);
    zone_free(z);
    buf_release(&b);
}

static void zone_rule__accepts_and_refuses_as_posix_has_it(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"UTC0", true},
        {"<+03>-3", true},
        {"<-0330>3:30<-0230>,M3.2.0,M11.1.0", true},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", true},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
        {"XXX3EDT4,0/0,J365/23", true},
        {"IST-2IDT,M3.4.4/26,M10.5.0", true},
        {"CET-1CEST,M3.5.0/167,M10.5.0/-167:59:59", true},
        {"CET-1CEST,J1,J365", true},
        {"CET+24", true},
        {"", false},
        {"CET", false},
        {"CE-1", false},
        {"<>-1", false},
        {"<+03-3", false},
        {"CET-25", false},
        {"CET-1:60", false},
        {"CET-1CEST", false},
        {"CET-1CEST,M3.5.0", false},
        {"CET-1CEST,M13.5.0,M10.5.0", false},
        {"CET-1CEST,M0.5.0,M10.5.0", false},
        {"CET-1CEST,M3.6.0,M10.5.0", false},
        {"CET-1CEST,M3.0.0,M10.5.0", false},
        {"CET-1CEST,M3.5.7,M10.5.0", false},
        {"CET-1CEST,J0,J365", false},
        {"CET-1CEST,J1,J366", false},
        {"CET-1CEST,0,366", false},
        {"CET-1CEST,M3.5.0/168,M10.5.0", false},
        {"CET-1CEST,M3.5.0,M10.5.0,", false},
        {"CET-1 ", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone_rule rule;
        if (zone_rule_parse(str_from(cases[i].text), &rule) != cases[i].ok)
            fail_msg("\"%s\"", cases[i].text);
    }
}

static void zone_rule__daylight_time_all_year_never_changes(void **state) {
    UNUSED(state);
    static const char *const rules[] = {"XXX3EDT4,0/0,J365/23" /* RFC 8536 3.3.1 */,
                                        "XXX3EDT4,J365/24,0/-1", "XXX3EDT4,J182/0,J181/23"};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct zone_rule rule;
        assert_true(zone_rule_parse(str_from(rules[i]), &rule));
        for (int64_t t = 1420000000; t < 1530000000; t += 86400) {
            struct zone_span span = zone_rule_span_at(&rule, t);
            assert_int_equal(span.offset, -4 * 3600);
            assert_true(span.start == INT64_MIN && span.end == INT64_MAX);
        }
    }
}

static void zone_rule__hours_beyond_a_day_move_the_date(void **state) {
    UNUSED(state);
    struct zone_rule rule;
    assert_true(zone_rule_parse(STR("IST-2IDT,M3.4.4/26,M10.5.0"), &rule)); /* Asia/Jerusalem */
    /* the Friday before the last Sunday: 2024-03-29 02:00 local, although the rule names a Thursday
     */
    assert_int_equal(zone_rule_span_at(&rule, 1711670399).offset, 7200);
    assert_int_equal(zone_rule_span_at(&rule, 1711670400).offset, 10800);
    assert_int_equal(zone_rule_span_at(&rule, 1711670400).start, 1711670400);
}

UNIT_MAIN(unit_test(zone_open__refuses_names_that_are_no_zones),
          unit_test(zone_offset__is_right_before_in_and_behind_the_table),
          unit_test(zone_decode__reads_version_1_with_its_narrow_times),
          unit_test(zone_decode__footer_rules_after_the_table),
          unit_test(zone_decode__refuses_what_is_broken),
          unit_test(zone_decode__a_file_cut_anywhere_is_refused),
          unit_test(zone_span__a_rule_goes_on_where_the_table_ends),
          unit_test(zone_rule__accepts_and_refuses_as_posix_has_it),
          unit_test(zone_rule__daylight_time_all_year_never_changes),
          unit_test(zone_rule__hours_beyond_a_day_move_the_date))

#include "base/zone.h"
#include "support/unit.h"

#include <inttypes.h>

static void zone_parse__reads_every_form_in_the_zone(void **state) {
    UNUSED(state);
    static const char *const cases[][2] = {
        {"2015", "2015-01-01T00:00:00+01:00"},
        {"2015-05", "2015-05-01T00:00:00+02:00"},
        {"2015-05-17", "2015-05-17T00:00:00+02:00"},
        {"2015-05-17T10:30", "2015-05-17T10:30:00+02:00"},
        {"2015-05-17 10:30", "2015-05-17T10:30:00+02:00"},
        {"2015-05-17t10:30:59", "2015-05-17T10:30:59+02:00"},
        {"2015-05-17T10:30:59.999999999999", "2015-05-17T10:30:59+02:00"},
        {"2015-05-17T10:30:59,5", "2015-05-17T10:30:59+02:00"},
        {"2015-05-17T10:30Z", "2015-05-17T12:30:00+02:00"},
        {"2015-05-17T10:30:59.5z", "2015-05-17T12:30:59+02:00"},
        {"2015-05-17T10:30-07", "2015-05-17T19:30:00+02:00"},
        {"2015-05-17T10:30-0730", "2015-05-17T20:00:00+02:00"},
        {"2015-05-17T10:30+05:45", "2015-05-17T06:45:00+02:00"},
        {"2015-05-17T10:30:00+00:53:28", "2015-05-17T11:36:32+02:00"},
        {"2015-05-17T24:00", "2015-05-18T00:00:00+02:00"},
        {"2015-06-30T23:59:60Z", "2015-07-01T02:00:00+02:00"},
        {"2016-02-29", "2016-02-29T00:00:00+01:00"},
        {"0000", "0000-01-01T00:00:00+00:53:28"},
        {"9999-12-31T23:59:59", "9999-12-31T23:59:59+01:00"},
    };
    struct zone *z = NULL;
    struct err err;
    assert_ok(zone_open("Europe/Berlin", &z, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t t = 0;
        struct buf b = {0};
        assert_ok(zone_parse(z, str_from(cases[i][0]), &t, &err), err);
        zone_format(z, t, &b);
        if (!str_is(buf_str(&b), cases[i][1]))
            fail_msg("%s is %s, not %s", cases[i][0], buf_cstr(&b), cases[i][1]);
        buf_release(&b);
    }
    zone_free(z);
}

static void zone_parse__a_date_is_the_start_of_its_day(void **state) {
    UNUSED(state);
    struct zone *z = NULL;
    struct err err;
    assert_ok(zone_open("America/Sao_Paulo", &z, &err), err);
    int64_t t = 0;
    assert_ok(zone_parse(z, STR("2018-11-04"), &t, &err), err);
    assert_int_equal(t, zone_floor(z, GRAIN_DAY, t));
    assert_int_equal(t, 1541300400);
    zone_free(z);
}

static void zone_parse__refuses_anything_else(void **state) {
    UNUSED(state);
    static const char *const cases[] = {
        "",
        "201",
        "20155",
        "2015-",
        "2015-5",
        "2015-00",
        "2015-13",
        "2015-02-29",
        "2015-04-31",
        "2015-05-00",
        "2015-05-17T",
        "2015-05-17T1",
        "2015-05-17T10",
        "2015-05-17T10:",
        "2015-05-17T10:60",
        "2015-05-17T25:00",
        "2015-05-17T24:01",
        "2015-05-17T10:00:61",
        "2015-05-17T10:00:00.",
        "2015-05-17T10:00Zx",
        "2015-05-17T10:00+",
        "2015-05-17T10:00+1",
        "2015-05-17T10:00+01:",
        "2015-05-17T10:00+01:60",
        "2015-05-17T10:00+25",
        "2015-05-17Z",
        "2015-05-17x",
        " 2015",
        "2015 ",
        "2015-05-17  10:00",
        "+2015",
        "-2015",
        "2015/05/17",
        "today",
        "2015-05-17T10:00\n",
    };
    struct zone *z = NULL;
    assert_int_equal(zone_open("UTC", &z, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t t = 42;
        struct err err;
        if (zone_parse(z, str_from(cases[i]), &t, &err) != ERR_USAGE || t != 42)
            fail_msg("\"%s\" was read as %" PRId64, cases[i], t);
        assert_non_null(strstr(err.text, "expected"));
    }
    zone_free(z);
}

static void zone_format__is_read_back_in_any_zone(void **state) {
    UNUSED(state);
    static const char *const zones[] = {"UTC", "America/Los_Angeles", "Australia/Lord_Howe",
                                        "Asia/Kathmandu", "Pacific/Kiritimati"};
    struct zone *z[ARRAY_LEN(zones)] = {NULL};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        assert_ok(zone_open(zones[i], &z[i], &err), err);
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        for (int64_t t = -6000000000; t < 8000000000; t += 7654321) {
            struct buf b = {0};
            int64_t back = 0;
            zone_format(z[i], t, &b);
            assert_ok(zone_parse(z[(i + 1) % ARRAY_LEN(zones)], buf_str(&b), &back, &err), err);
            assert_int_equal(back, t);
            buf_release(&b);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        zone_free(z[i]);
}

UNIT_MAIN(unit_test(zone_parse__reads_every_form_in_the_zone),
          unit_test(zone_parse__a_date_is_the_start_of_its_day),
          unit_test(zone_parse__refuses_anything_else),
          unit_test(zone_format__is_read_back_in_any_zone))

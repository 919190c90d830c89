#include "query/span.h"
#include "support/unit.h"

#define NEVER 4102444800 /* 2100: nothing is cut by it */

static struct zone *zone;
static struct spans spans, shifted;

static int64_t at(const char *text) {
    int64_t instant = 0;
    struct err err = {0};
    assert_ok(zone_parse(zone, str_from(text), &instant, &err), err);
    return instant;
}

static void use_zone(const char *name) {
    struct err err = {0};
    zone_free(zone);
    zone = NULL;
    assert_ok(zone_open(name, &zone, &err), err);
}

static int teardown(void **state) {
    UNUSED(state);
    zone_free(zone);
    zone = NULL;
    spans_release(&spans);
    spans_release(&shifted);
    return 0;
}

static void make(enum grain by, const char *from, const char *to) {
    struct err err = {0};
    spans_release(&spans);
    assert_ok(spans_make(zone, by, at(from), at(to), &spans, &err), err);
}

static void move_aligned(enum grain by, enum compare compare, enum align align, const char *now) {
    spans_release(&shifted);
    spans_shift(zone, by, (struct comparison){compare, align}, now ? at(now) : NEVER, &spans,
                &shifted);
    assert_int_equal(shifted.len, spans.len);
    int64_t end = INT64_MIN;
    for (size_t i = 0; i < shifted.len; i++) { /* what is left is in order and does not overlap */
        struct span s = shifted.items[i];
        if (s.from == s.to)
            continue;
        assert_true(s.from < s.to && s.from >= end);
        end = s.to;
    }
}

static void move(enum grain by, enum compare compare, const char *now) {
    move_aligned(by, compare, ALIGN_DATE, now);
}

static void expect(size_t i, const char *from, const char *to) {
    if (shifted.items[i].from == at(from) && shifted.items[i].to == at(to))
        return;
    struct buf got = {0};
    zone_format(zone, shifted.items[i].from, &got);
    buf_add_cstr(&got, " to ");
    zone_format(zone, shifted.items[i].to, &got);
    fail_msg("span %zu is %s, not %s to %s", i, buf_cstr(&got), from, to);
}

static bool is_none(size_t i) { return shifted.items[i].from == shifted.items[i].to; }

static void make__buckets_tile_the_range(void **state) {
    UNUSED(state);
    static const enum grain grains[] = {GRAIN_HOUR,  GRAIN_DAY,     GRAIN_WEEK,
                                        GRAIN_MONTH, GRAIN_QUARTER, GRAIN_YEAR};
    use_zone("Australia/Lord_Howe");
    for (size_t g = 0; g < ARRAY_LEN(grains); g++) {
        make(grains[g], "2021-03-31T10:17:01", "2022-04-05T03:00");
        assert_int_equal(spans.items[0].from, at("2021-03-31T10:17:01"));
        assert_int_equal(spans.items[0].label, zone_floor(zone, grains[g], spans.items[0].from));
        assert_int_equal(spans.items[spans.len - 1].to, at("2022-04-05T03:00"));
        for (size_t i = 1; i < spans.len; i++) {
            assert_int_equal(spans.items[i].from, spans.items[i - 1].to);
            assert_int_equal(spans.items[i].label, spans.items[i].from);
            assert_int_equal(spans_find(&spans, spans.items[i].from), i);
        }
        assert_int_equal(spans_find(&spans, spans.items[1].from + 1), SIZE_MAX);
    }
}

static void make__too_many_buckets_are_refused(void **state) {
    UNUSED(state);
    struct err err = {0};
    use_zone("UTC");
    spans_release(&spans);
    assert_int_equal(spans_make(zone, GRAIN_HOUR, 0, 3600LL * 200001, &spans, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "200000"));
    spans_release(&spans);
    assert_ok(spans_make(zone, GRAIN_HOUR, 0, 3600LL * 200000, &spans, &err), err);
}

static void week__is_seven_local_days_before(void **state) {
    UNUSED(state);
    use_zone("America/Los_Angeles");
    make(GRAIN_DAY, "2021-03-13", "2021-03-16"); /* the 14th has 23 hours */
    move(GRAIN_DAY, COMPARE_WEEK, NULL);
    expect(0, "2021-03-06", "2021-03-07");
    expect(1, "2021-03-07", "2021-03-08");
    expect(2, "2021-03-08", "2021-03-09");
    make(GRAIN_DAY, "2021-03-21", "2021-03-22");
    move(GRAIN_DAY, COMPARE_WEEK, NULL);
    expect(0, "2021-03-14", "2021-03-15");
}

static void month__days_without_counterpart_have_none(void **state) {
    UNUSED(state);
    use_zone("Europe/Berlin");
    make(GRAIN_DAY, "2021-03-01", "2021-04-01");
    move(GRAIN_DAY, COMPARE_MONTH, NULL);
    expect(0, "2021-02-01", "2021-02-02");
    expect(27, "2021-02-28", "2021-03-01");
    assert_true(is_none(28) && is_none(29) && is_none(30));
    make(GRAIN_DAY, "2021-03-30", "2021-04-02"); /* also when the range begins there */
    move(GRAIN_DAY, COMPARE_MONTH, NULL);
    assert_true(is_none(0) && is_none(1));
    expect(2, "2021-03-01", "2021-03-02");
    make(GRAIN_HOUR, "2021-03-29", "2021-03-30");
    move(GRAIN_HOUR, COMPARE_MONTH, NULL);
    assert_true(is_none(0) && is_none(12) && is_none(23));
    make(GRAIN_DAY, "2024-02-28", "2024-03-02");
    move(GRAIN_DAY, COMPARE_YEAR, NULL);
    expect(0, "2023-02-28", "2023-03-01");
    assert_true(is_none(1));
    expect(2, "2023-03-01", "2023-03-02");
}

static void month__a_shorter_month_compares_day_by_day(void **state) {
    UNUSED(state);
    use_zone("UTC");
    make(GRAIN_DAY, "2021-02-01", "2021-03-01");
    move(GRAIN_DAY, COMPARE_MONTH, NULL);
    for (size_t i = 0; i < 28; i++) {
        assert_int_equal(shifted.items[i].from, at("2021-01-01") + (int64_t)i * 86400);
        assert_int_equal(shifted.items[i].to - shifted.items[i].from, 86400);
    }
}

static void coarse__buckets_compare_with_whole_ones(void **state) {
    UNUSED(state);
    use_zone("America/Los_Angeles");
    make(GRAIN_MONTH, "2021-01-01", "2021-07-01");
    move(GRAIN_MONTH, COMPARE_YEAR, NULL);
    expect(1, "2020-02-01", "2020-03-01");
    move(GRAIN_MONTH, COMPARE_QUARTER, NULL);
    expect(0, "2020-10-01", "2020-11-01");
    move(GRAIN_MONTH, COMPARE_PREVIOUS, NULL);
    expect(0, "2020-07-01", "2020-08-01");
    expect(5, "2020-12-01", "2021-01-01");
    make(GRAIN_QUARTER, "2021-04-01", "2021-07-01");
    move(GRAIN_QUARTER, COMPARE_QUARTER, NULL);
    expect(0, "2021-01-01", "2021-04-01");
    move(GRAIN_QUARTER, COMPARE_MONTH, NULL);
    expect(0, "2021-03-01", "2021-06-01");
}

static void coarse__months_a_week_before_are_whole(void **state) {
    UNUSED(state);
    use_zone("UTC");
    make(GRAIN_MONTH, "2021-03-01", "2021-05-01");
    move(GRAIN_MONTH, COMPARE_WEEK, NULL);
    expect(0, "2021-02-22", "2021-03-25");
    expect(1, "2021-03-25", "2021-04-24");
}

static void coarse__weeks_compare_with_the_nearest_whole_week(void **state) {
    UNUSED(state);
    use_zone("Europe/Berlin");
    make(GRAIN_WEEK, "2021-03-15", "2021-04-12");
    move(GRAIN_WEEK, COMPARE_YEAR, NULL);
    expect(0, "2020-03-16", "2020-03-23");
    expect(1, "2020-03-23", "2020-03-30"); /* has the change of clocks */
    expect(3, "2020-04-06", "2020-04-13");
    move(GRAIN_WEEK, COMPARE_MONTH, NULL);
    expect(0, "2021-02-15", "2021-02-22");
    move(GRAIN_WEEK, COMPARE_WEEK, NULL);
    expect(0, "2021-03-08", "2021-03-15");
    move(GRAIN_WEEK, COMPARE_PREVIOUS, NULL);
    expect(0, "2021-02-15", "2021-02-22");
    make(GRAIN_WEEK, "2021-03-17T06:00", "2021-03-22"); /* begins in the middle */
    move(GRAIN_WEEK, COMPARE_YEAR, NULL);
    expect(0, "2020-03-18T06:00", "2020-03-23");
}

static void hours__keep_their_local_time(void **state) {
    UNUSED(state);
    use_zone("America/Los_Angeles");
    make(GRAIN_HOUR, "2021-03-21", "2021-03-22");
    move(GRAIN_HOUR, COMPARE_WEEK, NULL); /* 14 March had no 02:00 */
    expect(1, "2021-03-14T01:00", "2021-03-14T03:00");
    assert_true(is_none(2));
    expect(3, "2021-03-14T03:00", "2021-03-14T04:00");
    expect(23, "2021-03-14T23:00", "2021-03-15T00:00");
    make(GRAIN_HOUR, "2021-11-07", "2021-11-08"); /* has 01:00 twice */
    assert_int_equal(spans.len, 25);
    move(GRAIN_HOUR, COMPARE_WEEK, NULL);
    expect(1, "2021-10-31T01:00", "2021-10-31T02:00");
    assert_true(is_none(2));
    expect(3, "2021-10-31T02:00", "2021-10-31T03:00");
    make(GRAIN_HOUR, "2021-03-14", "2021-03-15");
    move(GRAIN_HOUR, COMPARE_WEEK, NULL);
    expect(2, "2021-03-07T03:00", "2021-03-07T04:00");
}

/* Dates from a printed calendar. */
static void weekday__days_go_with_the_same_weekday(void **state) {
    UNUSED(state);
    use_zone("America/Los_Angeles");
    make(GRAIN_DAY, "2021-02-27", "2021-03-16"); /* Saturday; the 14th has 23 hours */
    move_aligned(GRAIN_DAY, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(0, "2020-02-29", "2020-03-01"); /* Saturday */
    expect(1, "2020-03-01", "2020-03-02");
    expect(9, "2020-03-09", "2020-03-10"); /* Monday: the one before it had 23 hours */
    expect(15, "2020-03-15", "2020-03-16");
    move_aligned(GRAIN_DAY, COMPARE_MONTH, ALIGN_WEEKDAY, NULL);
    expect(0, "2021-01-30", "2021-01-31");
    move_aligned(GRAIN_DAY, COMPARE_QUARTER, ALIGN_WEEKDAY, NULL);
    expect(0, "2020-11-28", "2020-11-29");
    move_aligned(GRAIN_DAY, COMPARE_WEEK, ALIGN_WEEKDAY, NULL);
    expect(0, "2021-02-20", "2021-02-21");
    make(GRAIN_DAY, "2024-02-28", "2024-03-02"); /* Wednesday; by date, the 29th has none */
    move_aligned(GRAIN_DAY, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(0, "2023-03-01", "2023-03-02");
    expect(1, "2023-03-02", "2023-03-03");
    expect(2, "2023-03-03", "2023-03-04");
    make(GRAIN_DAY, "2021-01-01", "2021-01-02"); /* ISO week 53 of 2020 goes with week 1 of it */
    move_aligned(GRAIN_DAY, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(0, "2020-01-03", "2020-01-04");
}

static void weekday__hours_and_whole_ranges_too(void **state) {
    UNUSED(state);
    use_zone("Australia/Lord_Howe");
    make(GRAIN_HOUR, "2021-04-05",
         "2021-04-06"); /* Monday; 364 days before there was half an hour more on the 5th */
    move_aligned(GRAIN_HOUR, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(0, "2020-04-06T00:00", "2020-04-06T01:00");
    expect(23, "2020-04-06T23:00", "2020-04-07T00:00");
    make(GRAIN_NONE, "2021-03-01", "2021-04-01");
    move_aligned(GRAIN_NONE, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(0, "2020-03-02", "2020-04-02");
    use_zone("Europe/Berlin");
    make(GRAIN_HOUR, "2022-03-27", "2022-03-28"); /* has no 02:00; 28 March 2021 had none either */
    move_aligned(GRAIN_HOUR, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(1, "2021-03-28T01:00", "2021-03-28T03:00");
    expect(2, "2021-03-28T03:00", "2021-03-28T04:00");
}

static void weekday__a_partial_day_is_compared_with_the_same_part(void **state) {
    UNUSED(state);
    use_zone("Europe/Berlin");
    make(GRAIN_DAY, "2021-03-29", "2021-04-05");
    move_aligned(GRAIN_DAY, COMPARE_YEAR, ALIGN_WEEKDAY, "2021-03-31T12:00");
    expect(1, "2020-03-31", "2020-04-01");
    expect(2, "2020-04-01", "2020-04-01T12:00");
    assert_true(is_none(3));
    make(GRAIN_DAY, "2021-03-29T06:30", "2021-03-30T18:00"); /* odd ends */
    move_aligned(GRAIN_DAY, COMPARE_YEAR, ALIGN_WEEKDAY, NULL);
    expect(0, "2020-03-30T06:30", "2020-03-31");
    expect(1, "2020-03-31", "2020-03-31T18:00");
}

static void whole__range_moves_with_its_calendar(void **state) {
    UNUSED(state);
    use_zone("America/Los_Angeles");
    make(GRAIN_NONE, "2021-03-01", "2021-04-01");
    move(GRAIN_NONE, COMPARE_MONTH, NULL);
    expect(0, "2021-02-01", "2021-03-01");
    move(GRAIN_NONE, COMPARE_YEAR, NULL);
    expect(0, "2020-03-01", "2020-04-01");
    move(GRAIN_NONE, COMPARE_WEEK, NULL);
    expect(0, "2021-02-22", "2021-03-25");
    make(GRAIN_NONE, "2021-03-30", "2021-03-31");
    move(GRAIN_NONE, COMPARE_MONTH, NULL);
    assert_true(is_none(0));
    make(GRAIN_NONE, "2021-03-01", "2021-03-30"); /* the total of its days */
    move(GRAIN_NONE, COMPARE_MONTH, NULL);
    expect(0, "2021-02-01", "2021-03-01");
    make(GRAIN_NONE, "2021-03-30T10:00", "2021-04-02");
    move(GRAIN_NONE, COMPARE_MONTH, NULL);
    expect(0, "2021-03-01", "2021-03-02");
}

static void previous__whole_days_go_back_by_days_and_odd_ranges_by_seconds(void **state) {
    UNUSED(state);
    use_zone("America/Los_Angeles");
    make(GRAIN_NONE, "2021-03-13", "2021-03-16");
    move(GRAIN_NONE, COMPARE_PREVIOUS, NULL);
    expect(0, "2021-03-10", "2021-03-13");
    make(GRAIN_NONE, "2021-03-16", "2021-03-19");
    move(GRAIN_NONE, COMPARE_PREVIOUS, NULL);
    expect(0, "2021-03-13", "2021-03-16");
    make(GRAIN_NONE, "2021-05-01T10:30", "2021-05-01T12:00");
    move(GRAIN_NONE, COMPARE_PREVIOUS, NULL);
    expect(0, "2021-05-01T09:00", "2021-05-01T10:30");
    make(GRAIN_HOUR, "2021-05-01T10:00", "2021-05-01T12:00");
    move(GRAIN_HOUR, COMPARE_PREVIOUS, NULL);
    expect(0, "2021-05-01T08:00", "2021-05-01T09:00");
    make(GRAIN_DAY, "2021-03-13", "2021-03-16");
    move(GRAIN_DAY, COMPARE_PREVIOUS, NULL);
    expect(1, "2021-03-11", "2021-03-12");
}

static void partial__is_compared_with_the_same_part(void **state) {
    UNUSED(state);
    use_zone("Europe/Berlin");
    make(GRAIN_MONTH, "2021-02-01", "2021-05-01");
    move(GRAIN_MONTH, COMPARE_MONTH, "2021-03-10T12:00");
    expect(0, "2021-01-01", "2021-02-01");
    expect(1, "2021-02-01", "2021-02-10T12:00");
    assert_true(is_none(2)); /* has not begun */
    make(GRAIN_DAY, "2021-03-09", "2021-03-12");
    move(GRAIN_DAY, COMPARE_WEEK, "2021-03-10T12:00");
    expect(0, "2021-03-02", "2021-03-03");
    expect(1, "2021-03-03", "2021-03-03T12:00");
    assert_true(is_none(2));
    make(GRAIN_NONE, "2021-03-01", "2021-04-01");
    move(GRAIN_NONE, COMPARE_YEAR, "2021-03-10T12:00");
    expect(0, "2020-03-01", "2020-03-10T12:00");
    move(GRAIN_NONE, COMPARE_YEAR, "2021-02-10");
    assert_true(is_none(0));
}

#define with_zone(name) cmocka_unit_test_teardown(name, teardown)

UNIT_MAIN(with_zone(make__buckets_tile_the_range), with_zone(make__too_many_buckets_are_refused),
          with_zone(week__is_seven_local_days_before),
          with_zone(month__days_without_counterpart_have_none),
          with_zone(month__a_shorter_month_compares_day_by_day),
          with_zone(coarse__buckets_compare_with_whole_ones),
          with_zone(coarse__months_a_week_before_are_whole),
          with_zone(coarse__weeks_compare_with_the_nearest_whole_week),
          with_zone(hours__keep_their_local_time),
          with_zone(weekday__days_go_with_the_same_weekday),
          with_zone(weekday__hours_and_whole_ranges_too),
          with_zone(weekday__a_partial_day_is_compared_with_the_same_part),
          with_zone(whole__range_moves_with_its_calendar),
          with_zone(previous__whole_days_go_back_by_days_and_odd_ranges_by_seconds),
          with_zone(partial__is_compared_with_the_same_part))

#include "base/limits.h"
#include "cube/facts.h"
#include "support/unit.h"

/* --- a tiny interpreter of the forms that sql_border() writes --- */

static const char *expect_word(const char *at, const char *word) {
    if (strncmp(at, word, strlen(word)) != 0)
        fail_msg("\"%s\" where \"%s\" was expected", at, word);
    return at + strlen(word);
}

static int64_t number(const char **at) {
    char *end;
    int64_t n = strtoll(*at, &end, 10);
    assert_ptr_not_equal(end, *at);
    *at = end;
    return n;
}

/* roundDown(t, [toUInt32(1),toUInt32(5)]): the last one that is not above t, else the first */
static int64_t round_down(const char *at, int64_t t) {
    int64_t result = INT64_MIN;
    at = expect_word(at, "roundDown(t, [");
    for (;;) {
        at = expect_word(at, "toUInt32(");
        int64_t border = number(&at);
        at = expect_word(at, ")");
        if (result == INT64_MIN || border <= t)
            result = border;
        if (*at != ',')
            break;
        at++;
    }
    expect_word(at, "]))");
    return result;
}

/* t - (t - 100) % 10 */
static int64_t floor_to_step(const char **at, int64_t t) {
    *at = expect_word(*at, "t - (t - ");
    int64_t start = number(at);
    *at = expect_word(*at, ") % ");
    int64_t step = number(at);
    return t - (t - start) % step;
}

static int64_t evaluate(const char *sql, int64_t t) {
    const char *at = expect_word(sql, "toUInt32(");
    if (*at == 'r')
        return round_down(at, t);
    if (*at != 'm') {
        int64_t result = floor_to_step(&at, t);
        assert_string_equal(at, ")");
        return result;
    }
    at = expect_word(at, "multiIf(");
    for (;;) {
        if (strncmp(at, "t < ", 4) != 0)
            return floor_to_step(&at, t);
        at += 4;
        int64_t limit = number(&at);
        at = expect_word(at, ", ");
        int64_t result = floor_to_step(&at, t);
        if (t < limit)
            return result;
        at = expect_word(at, ", ");
    }
}

static struct zone *open_zone(const char *name) {
    struct zone *z = NULL;
    struct err err = {0};
    assert_ok(zone_open(name, &z, &err), err);
    return z;
}

static void bucket__is_the_start_of_the_calendar_bucket(void **state) {
    UNUSED(state);
    static const char *const zones[] = {"UTC", "America/Los_Angeles", "Asia/Kathmandu",
                                        "Australia/Lord_Howe", "Pacific/Apia"};
    static const enum grain grains[] = {GRAIN_HOUR,  GRAIN_DAY,     GRAIN_WEEK,
                                        GRAIN_MONTH, GRAIN_QUARTER, GRAIN_YEAR};
    static const int64_t lengths[] = {1, 3600, 7200, 90000, 40 * 86400, 800 * 86400};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        struct zone *zone = open_zone(zones[i]);
        for (size_t g = 0; g < ARRAY_LEN(grains); g++) {
            for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
                int64_t from = 1324944000 + 617,
                        to = from + lengths[l]; /* 2011-12-27: Apia skips the 30th */
                struct buf sql = {0};
                struct err err = {0};
                assert_ok(sql_bucket(&sql, zone, grains[g], from, to, "t", &err), err);
                for (int64_t t = from; t < to; t += 1 + lengths[l] / 499) {
                    int64_t got = evaluate(buf_cstr(&sql), t),
                            want = zone_floor(zone, grains[g], t);
                    if (got != want)
                        fail_msg("%s, %s, %lld: %lld, not %lld in %.200s", zones[i],
                                 grain_name(grains[g]), (long long)t, (long long)got,
                                 (long long)want, buf_cstr(&sql));
                }
                buf_release(&sql);
            }
        }
        zone_free(zone);
    }
}

static void bucket__no_grain_is_one_bucket_and_too_many_are_refused(void **state) {
    UNUSED(state);
    struct zone *zone = open_zone("UTC");
    struct buf sql = {0};
    struct err err = {0};
    assert_ok(sql_bucket(&sql, zone, GRAIN_NONE, 0, 100, "t", &err), err);
    assert_str(buf_str(&sql), "toUInt32(0)");
    assert_int_equal(
        sql_bucket(&sql, zone, GRAIN_HOUR, 0, ((int64_t)LIMIT_BUCKETS + 1) * 3600, "t", &err),
        ERR_USAGE);
    buf_release(&sql);
    zone_free(zone);
}

/* Every list of borders gives the start of the bucket, whichever form is chosen. */
static void border__random_lists_give_the_bucket(void **state) {
    UNUSED(state);
    uint64_t rng = 88172645463325252ULL;
    for (int round = 0; round < 500; round++) {
        int64_t borders[200];
        size_t n = 2 + (size_t)(round % 199);
        borders[0] = 1000;
        for (size_t i = 1; i < n; i++) {
            rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
            borders[i] = borders[i - 1] + (round % 2 ? 7 + (int64_t)(rng % 3) : rng % 16 ? 10 : 5);
        }
        struct buf sql = {0};
        sql_border(&sql, borders, n, "t");
        size_t at = 0;
        for (int64_t t = borders[0]; t < borders[n - 1]; t++) {
            while (t >= borders[at + 1])
                at++;
            assert_int_equal(evaluate(buf_cstr(&sql), t), borders[at]);
        }
        buf_release(&sql);
    }
}

static void selection__is_sites_with_their_time(void **state) {
    UNUSED(state);
    struct selection s = {0};
    struct buf sql = {0};
    sql_selection(&sql, &s, "ts", 0, 0);
    assert_str(buf_str(&sql), "(0)");
    assert_true(selection_empty(&s));
    selection_site(&s, STR("none"));
    assert_true(selection_empty(&s));
    ranges_add(selection_site(&s, STR("it's")), 100, 200);
    ranges_add(selection_site(&s, STR("c")), 100, 200);
    ranges_add(selection_site(&s, STR("b")), 100, 200);
    ranges_add(selection_site(&s, STR("it's")), 300, 400);
    assert_false(selection_empty(&s));
    buf_clear(&sql);
    sql_selection(&sql, &s, "ts", 0, 0); /* sites of the same time are named together */
    assert_str(buf_str(&sql),
               "((site IN ('b','c') AND ((ts >= 100 AND ts < 200)))"
               " OR (site = 'it\\'s' AND ((ts >= 100 AND ts < 200) OR (ts >= 300 AND ts < 400))))");
    buf_clear(&sql);
    sql_selection(&sql, &s, "ts", 500, 60); /* widened ranges that meet are one; not before 1970 */
    assert_str(buf_str(&sql), "((site IN ('b','c') AND ((ts >= 0 AND ts < 260)))"
                              " OR (site = 'it\\'s' AND ((ts >= 0 AND ts < 460))))");
    selection_release(&s);
    buf_release(&sql);
}

static void selection__finds_each_site_again(void **state) {
    UNUSED(state);
    struct selection s = {0};
    char names[500][8];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(names[i], sizeof names[i], "s%zu", i * 7919 % ARRAY_LEN(names));
        ranges_add(selection_site(&s, str_from(names[i])), (int64_t)i, (int64_t)i + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(selection_site(&s, str_from(names[i]))->items[0].from, i);
    assert_int_equal(s.len, ARRAY_LEN(names));
    selection_release(&s);
}

UNIT_MAIN(unit_test(bucket__is_the_start_of_the_calendar_bucket),
          unit_test(bucket__no_grain_is_one_bucket_and_too_many_are_refused),
          unit_test(border__random_lists_give_the_bucket),
          unit_test(selection__is_sites_with_their_time),
          unit_test(selection__finds_each_site_again))

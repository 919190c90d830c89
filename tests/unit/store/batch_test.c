#include "store/batch.h"

#include "support/unit.h"
#include <time.h>

static struct event event_at(uint32_t ts, const char *site) {
    return (struct event){.ts = ts, .site = str_from(site), .path = STR("/a")};
}

static void month__is_that_of_the_calendar(void **state) {
    UNUSED(state);
    uint64_t start = 0, end = 0;
    for (uint64_t ts = 0; ts <= UINT32_MAX; ts += 86400 * 3 + 12345) {
        time_t t = (time_t)ts;
        struct tm tm;
        gmtime_r(&t, &tm);
        uint32_t month = month_of((uint32_t)ts, &start, &end);
        assert_int_equal(month, (tm.tm_year + 1900) * 100 + tm.tm_mon + 1);
        assert_true(start <= ts && ts < end);
        tm = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = 1};
        assert_int_equal(start, timegm(&tm));
        tm.tm_mon++;
        assert_int_equal(end, timegm(&tm));
    }
}

static void events__go_to_their_months(void **state) {
    UNUSED(state);
    struct batch b = {0};
    static const uint32_t times[] = {1425168000, 1425167999, 1425168001, 4294967295, 0, 1425167000};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct event event = event_at(times[i], "a");
        batch_add_event(&b, &event);
    }
    batch_add_rejected(&b, 7, 3, STR("a"), REASON_bad_time, 4);
    static const struct {
        uint32_t month;
        uint64_t n;
    } expected[] = {{201503, 2}, {201502, 2}, {210602, 1}, {197001, 1}, {0, 1}};
    assert_int_equal(b.months.len, ARRAY_LEN(expected));
    struct buf blocks = {0};
    for (size_t i = 0; i < b.months.len; i++) {
        assert_int_equal(b.months.items[i].month, expected[i].month);
        assert_int_equal(b.months.items[i].n, expected[i].n);
        batch_encode(&b.months.items[i], &blocks);
    }
    assert_int_equal(b.rows, 7);
    assert_true(b.bytes > 0 && b.bytes < blocks.len); /* without names and types */
    buf_release(&blocks);
    batch_clear(&b);
    assert_int_equal(b.months.len, 0);
    struct event event = event_at(1425168000, "a"); /* the month it remembered is gone */
    batch_add_event(&b, &event);
    assert_int_equal(b.months.items[0].month, 201503);
    batch_release(&b);
}

static void rejected__rows_are_a_native_block(void **state) {
    UNUSED(state);
    static const char expected[] =
        "\5\2"
        "\3"
        "bid\6UInt64\x08\x07\x06\x05\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03\x02\x01"
        "\5place\6UInt32\x09\0\0\0\x0a\0\0\0"
        /* version, flags, keys, rows, indexes */
        "\4site\x16LowCardinality(String)\1\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
        "\2ab\0\2\0\0\0\0\0\0\0\0\1"
        "\6reason\x16LowCardinality(String)\1\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
        "\5empty\2\0\0\0\0\0\0\0\0\0"
        "\5rules\6UInt32\4\0\0\0\4\0\0\0";
    struct batch b = {0};
    struct buf block = {0};
    batch_add_rejected(&b, 0x0102030405060708, 9, STR("ab"), REASON_empty, 4);
    batch_add_rejected(&b, 0x0102030405060708, 10, STR(""), REASON_empty, 4);
    batch_encode(&b.months.items[0], &block);
    assert_int_equal(block.len, sizeof expected - 1);
    assert_memory_equal(block.ptr, expected, block.len);
    buf_release(&block);
    batch_release(&b);
}

#define HOURS 200
/* Ranges hold exactly the hours that have rows, sorted, apart, whatever the order. */
static void touched__is_every_hour_with_rows(void **state) {
    UNUSED(state);
    srand((unsigned)unit_seed());
    for (size_t turn = 0; turn < 200; turn++) {
        struct batch b = {0};
        bool has[2][HOURS] = {{false}};
        size_t n = (size_t)rand() % 150;
        for (size_t i = 0; i < n; i++) {
            size_t site = (size_t)rand() % 2, hour = (size_t)rand() % HOURS;
            struct event event =
                event_at((uint32_t)(hour * 3600 + (size_t)rand() % 3600), site ? "b" : "a");
            batch_add_event(&b, &event);
            has[site][hour] = true;
        }
        for (size_t t = 0; t < b.touched.len; t++) {
            const struct touched_site *site = &b.touched.items[t];
            bool *hours = has[site->site[0] == 'b'];
            uint32_t before = 0;
            for (size_t r = 0; r < site->ranges.len; r++) {
                assert_true(site->ranges.items[r].from < site->ranges.items[r].to);
                assert_true(r == 0 || site->ranges.items[r].from > before); /* else they were one */
                before = site->ranges.items[r].to;
                for (uint32_t h = site->ranges.items[r].from; h < before; h++) {
                    assert_true(hours[h]);
                    hours[h] = false;
                }
            }
        }
        for (size_t h = 0; h < HOURS; h++)
            assert_false(has[0][h] || has[1][h]);
        batch_release(&b);
    }
}

UNIT_MAIN(unit_test(month__is_that_of_the_calendar), unit_test(events__go_to_their_months),
          unit_test(rejected__rows_are_a_native_block), unit_test(touched__is_every_hour_with_rows))

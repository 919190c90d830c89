#include "config/quantity.h"
#include "support/unit.h"

#include <time.h>

static uint64_t size(const char *text) {
    struct err err = {0};
    uint64_t n = 0;
    assert_ok(size_parse(str_from(text), &n, &err), err);
    return n;
}

static void size__has_units_of_1024(void **state) {
    UNUSED(state);
    assert_int_equal(size("0"), 0);
    assert_int_equal(size("4096"), 4096);
    assert_int_equal(size("1K"), 1024);
    assert_int_equal(size("512M"), (uint64_t)512 << 20);
    assert_int_equal(size("2G"), (uint64_t)2 << 30);
    assert_int_equal(size("3T"), (uint64_t)3 << 40);
    assert_int_equal(size("2g"), (uint64_t)2 << 30);
    assert_int_equal(size("2GB"), (uint64_t)2 << 30);
    assert_int_equal(size("2GiB"), (uint64_t)2 << 30);
    assert_int_equal(size("10B"), 10);
}

static void size__refuses_everything_else(void **state) {
    UNUSED(state);
    static const char *const bad[] = {"",         "G",   "-1",   "1.5G", "1X",
                                      "1 G",      " 1G", "1GG",  "1GI",  "iB",
                                      "10iB",     "1e9", "0x10", "1G ",  "18446744073709551616",
                                      "16777216T"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint64_t n = 7;
        struct err err = {0};
        if (size_parse(str_from(bad[i]), &n, &err) != ERR_USAGE || n != 7)
            fail_msg("\"%s\" was taken", bad[i]);
    }
    assert_int_equal(size("16777215T"), (uint64_t)16777215 << 40); /* the last that fits */
}

static void duration__has_units(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        uint64_t seconds;
    } good[] = {{"1s", 1},        {"90s", 90},     {"1m", 60},      {"12h", 43200},
                {"30d", 2592000}, {"2w", 1209600}, {"2y", 63072000}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        uint64_t n = 0;
        struct err err = {0};
        assert_ok(duration_parse(str_from(good[i].text), &n, &err), err);
        assert_int_equal(n, good[i].seconds);
    }
}

static void duration__refuses_everything_else(void **state) {
    UNUSED(state);
    static const char *const bad[] = {"",
                                      "1",
                                      "0s",
                                      "m",
                                      "1M",
                                      "1mo",
                                      "1h30m",
                                      "-1h",
                                      "1.5h",
                                      "1 h",
                                      "100001y",
                                      "99999999999999999999s",
                                      "18446744073709551615y"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint64_t n = 7;
        if (duration_parse(str_from(bad[i]), &n, NULL) != ERR_USAGE || n != 7)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void quantity__is_read_back_as_printed(void **state) {
    UNUSED(state);
    srand((unsigned)unit_seed());
    struct buf text = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t n =
            ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()) >> (rand() % 64);
        if (rand() % 2)
            n = n >> 41 << 10 * (rand() % 5); /* often a whole number of units */
        uint64_t back = ~n;
        struct err err = {0};
        buf_clear(&text);
        size_format(n, &text);
        assert_ok(size_parse(buf_str(&text), &back, &err), err);
        assert_int_equal(back, n);
        n = n % ((uint64_t)100000 * 365 * 86400) + 1;
        buf_clear(&text);
        duration_format(n, &text);
        assert_ok(duration_parse(buf_str(&text), &back, &err), err);
        assert_int_equal(back, n);
    }
    buf_release(&text);
}

UNIT_MAIN(unit_test(size__has_units_of_1024), unit_test(size__refuses_everything_else),
          unit_test(duration__has_units), unit_test(duration__refuses_everything_else),
          unit_test(quantity__is_read_back_as_printed))

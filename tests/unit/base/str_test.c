#include "support/unit.h"

static void buf_add_utf8__bad_bytes_become_replacement_characters(void **state) {
    UNUSED(state);
    struct buf b = {0};
    buf_add_utf8(&b, STR("a\xff\xc3\xa9\xe2\x82z\xed\xa0\x80"));
    assert_str(
        buf_str(&b),
        "a\xEF\xBF\xBD\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    buf_release(&b);
}

static void buf_add_json__control_bytes_and_quotes_are_escaped(void **state) {
    UNUSED(state);
    struct buf b = {0};
    buf_add_json(&b, str_of("\"\\\n\0\x1f", 5));
    assert_str(buf_str(&b), "\\\"\\\\\\n\\u0000\\u001f");
    buf_clear(&b);
    buf_add_json(&b, STR("\xc2\x9b\xc2\xa0")); /* a C1 control, and a letter that is none */
    assert_str(buf_str(&b), "\\u009b\xc2\xa0");
    buf_release(&b);
}

static void buf__over_the_limit_sets_overflow_and_adds_nothing(void **state) {
    UNUSED(state);
    struct buf b = {.limit = 4};
    buf_add(&b, "1234", 4);
    assert_false(b.overflow);
    buf_add(&b, "5", 1);
    assert_true(b.overflow);
    assert_str(buf_str(&b), "1234");
    buf_release(&b);
}

static void str_to_u64__takes_digits_only_and_no_overflow(void **state) {
    UNUSED(state);
    uint64_t v;
    assert_true(str_to_u64(STR("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &v));
    assert_false(str_to_u64(STR(""), &v));
    assert_false(str_to_u64(STR("-1"), &v));
}

static void str_split__gives_empty_pieces_and_the_last(void **state) {
    UNUSED(state);
    struct str rest = STR("a,,b"), piece;
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "a");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "b");
    assert_false(str_split(&rest, ',', &piece));
}

UNIT_MAIN(unit_test(buf_add_utf8__bad_bytes_become_replacement_characters),
          unit_test(buf_add_json__control_bytes_and_quotes_are_escaped),
          unit_test(buf__over_the_limit_sets_overflow_and_adds_nothing),
          unit_test(str_to_u64__takes_digits_only_and_no_overflow),
          unit_test(str_split__gives_empty_pieces_and_the_last))

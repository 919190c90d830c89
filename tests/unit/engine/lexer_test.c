#include "support/unit.h"

#include "engine/lexer.h"
#include "engine/quote.h"

static void insert_head__finds_table_columns_format_and_data(void **state) {
    UNUSED(state);
    struct insert_head h;
    assert_true(lexer_insert_head(STR("/* ) */ insert INTO TABLE `a.b`.\"c\"(x, `y)`, z) SETTINGS "
                                      "s='FORMAT', n=1\n -- FORMAT X\n"
                                      "Format RowBinary  \n\n;\x01"),
                                  &h));
    assert_str(h.table, "`a.b`.\"c\"");
    assert_str(h.columns, "x, `y)`, z");
    assert_str(h.format, "RowBinary");
    assert_str(h.data, "\n;\x01");
    assert_false(h.values);
    assert_true(str_starts(h.before, STR("/* ) */ insert")));
    assert_str(str_skip(h.before, h.before.len - 12), "-- FORMAT X\n");
}

static void insert_head__takes_values_and_no_column_list(void **state) {
    UNUSED(state);
    struct insert_head h;
    assert_true(lexer_insert_head(STR("INSERT INTO t VALUES (1, ';')"), &h));
    assert_true(h.values);
    assert_null(h.columns.ptr);
    assert_str(h.before, "INSERT INTO t ");
    assert_str(h.data, "(1, ';')");
}

static void insert_head__is_nothing_else(void **state) {
    UNUSED(state);
    static const char *const others[] = {
        "",
        "INSERT",
        "INSERT INTO t SELECT 1 FORMAT TSV",
        "INSERT INTO t (a) SETTINGS x=1 SELECT 1 FORMAT TSV",
        "INSERT INTO t (a FORMAT TSV",
        "INSERT INTO FUNCTION file('x') FORMAT TSV",
        "INSERT INTO t FORMAT",
        "INSERT INTO t (a) WITH 1 AS x SELECT x FORMAT TSV",
        "SELECT 'INSERT INTO t FORMAT TSV'",
        "-- INSERT INTO t FORMAT TSV",
        "INSERT INTO t. FORMAT TSV",
    };
    struct insert_head h;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (lexer_insert_head(str_from(others[i]), &h))
            fail_msg("taken for an INSERT of rows: %s", others[i]);
}

static void lexer_format__is_the_last_one_outside_of_text(void **state) {
    UNUSED(state);
    assert_str(lexer_format(STR("SELECT 'FORMAT CSV' FORMAT JSON SETTINGS a=1")), "JSON");
    assert_str(lexer_format(STR("SELECT 1 /* FORMAT CSV */")), "");
    assert_str(lexer_format(STR("SELECT `FORMAT CSV`, \"FORMAT TSV\" # FORMAT x")), "");
    assert_str(lexer_format(STR("SELECT format FORMAT")), "");
}

static void lexer__never_reads_past_the_end(void **state) {
    UNUSED(state);
    static const char *const cut[] = {"'", "'\\", "`a\\", "\"", "/*", "/* *", "--", "a'b''", "#"};
    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        char *copy = malloc(strlen(cut[i])); /* no NUL behind it: ASan sees a byte too far */
        memcpy(copy, cut[i], strlen(cut[i]));
        struct str rest = str_of(copy, strlen(cut[i]));
        while (lexer_next(&rest).kind != TOKEN_END)
            ;
        assert_int_equal(rest.len, 0);
        free(copy);
    }
}

static void quote__round_trip_of_names(void **state) {
    UNUSED(state);
    struct buf sql = {0}, name = {0};
    quote_name(&sql, STR("a`b\\c"));
    assert_str(buf_str(&sql), "`a\\`b\\\\c`");
    unquote_name(&name, buf_str(&sql));
    assert_str(buf_str(&name), "a`b\\c");
    buf_clear(&name);
    unquote_name(&name, STR("\"x\"\"y\""));
    assert_str(buf_str(&name), "x\"y");
    buf_clear(&sql);
    quote_string(&sql, str_of("it's\0", 5));
    assert_str(buf_str(&sql), "'it\\'s\\0'");
    buf_release(&sql);
    buf_release(&name);
}

static void plain_types__only_the_wrapper_goes(void **state) {
    UNUSED(state);
    static const char *const cases[][2] = {
        {"", ""},
        {"a UInt8", "a UInt8"},
        {"a LowCardinality(String), b Int8", "a String, b Int8"},
        {"a Map(LowCardinality(String), Tuple(x lowcardinality ( Nullable(String) ))), b Int8",
         "a Map(String, Tuple(x  Nullable(String) )), b Int8"},
        {"LowCardinality Enum8('LowCardinality(x)' = 1), `LowCardinality(` Array(UInt8)",
         "LowCardinality Enum8('LowCardinality(x)' = 1), `LowCardinality(` Array(UInt8)"},
        {"a LowCardinality(String", "a String"},
        {"a String))", "a String))"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        lexer_plain_types(str_from(cases[i][0]), &out);
        assert_str(buf_str(&out), cases[i][1]);
        buf_release(&out);
    }
}

UNIT_MAIN(unit_test(plain_types__only_the_wrapper_goes),
          unit_test(insert_head__finds_table_columns_format_and_data),
          unit_test(insert_head__takes_values_and_no_column_list),
          unit_test(insert_head__is_nothing_else),
          unit_test(lexer_format__is_the_last_one_outside_of_text),
          unit_test(lexer__never_reads_past_the_end), unit_test(quote__round_trip_of_names))

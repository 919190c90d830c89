#include "query/result.h"
#include "support/unit.h"

#include <math.h>

#define INT(n) ((struct value){VALUE_INT, .integer = (n)})
#define REAL(n) ((struct value){VALUE_REAL, .real = (n)})
#define TEXT(s) ((struct value){VALUE_TEXT, .text = {(s), sizeof(s) - 1}})
#define TIME(t) ((struct value){VALUE_TIME, .integer = (t)})
#define NONE ((struct value){VALUE_NULL})
#define FFFD "\xEF\xBF\xBD"

static const int64_t MAY_17 = 1431813600; /* 2015-05-17T00:00:00+02:00 */

static struct zone *berlin(void) {
    struct zone *z = NULL;
    struct err err;
    assert_ok(zone_open("Europe/Berlin", &z, &err), err);
    return z;
}

static void assert_printed(const struct result *r, enum output_format format,
                           struct output_style style, const char *expected) {
    struct buf out = {0};
    result_print(r, format, &style, &out);
    if (!str_is(buf_str(&out), expected))
        fail_msg("printed:\n%s\nexpected:\n%s", buf_cstr(&out), expected);
    buf_release(&out);
}

/* One column, one row: what `v` is in a format, without the header line. */
static void assert_cell(struct value v, enum unit unit, bool measure, enum output_format format,
                        const char *expected) {
    struct zone *z = berlin();
    struct result_column column = {"x", unit, measure};
    struct result r = {.zone = z, .columns = &column, .n_columns = 1, .values = &v, .n_rows = 1};
    struct buf out = {0};
    result_print(&r, format, &(struct output_style){false, 0}, &out);
    size_t end;
    assert_true(str_find(buf_str(&out), '\n', &end));
    struct str rest = str_skip(buf_str(&out), end + 1);
    struct str cell = format == OUTPUT_TABLE ? str_trim(rest) : rest;
    if (!str_is(cell, expected))
        fail_msg("the cell is \"" STR_FMT "\", not \"%s\"", STR_ARG(cell), expected);
    buf_release(&out);
    zone_free(z);
}

static void output_format__is_read_and_anything_else_refused(void **state) {
    UNUSED(state);
    enum output_format f = OUTPUT_TABLE;
    struct err err;
    assert_ok(output_format_parse(STR("tsv"), &f, &err), err);
    assert_int_equal(f, OUTPUT_TSV);
    assert_ok(output_format_parse(STR("table"), &f, &err), err);
    assert_int_equal(f, OUTPUT_TABLE);
    assert_int_equal(output_format_parse(STR("xml"), &f, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "table, json, csv or tsv"));
    assert_int_equal(output_format_parse(STR(""), &f, NULL), ERR_USAGE);
}

static void json__has_rows_measures_of_the_total_and_times_of_the_zone(void **state) {
    UNUSED(state);
    struct zone *z = berlin();
    struct result_column columns[] = {{"time", UNIT_TEXT, false},
                                      {"country", UNIT_TEXT, false},
                                      {"pageviews", UNIT_COUNT, true},
                                      {"bounce_rate", UNIT_RATE, true}};
    struct value values[] = {TIME(MAY_17),         TEXT("US"), INT(3), REAL(0.5),
                             TIME(MAY_17 + 86400), NONE,       INT(0), NONE};
    struct value total[] = {NONE, NONE, INT(3), REAL(1.0 / 3)};
    struct result r = {.zone = z,
                       .columns = columns,
                       .n_columns = 4,
                       .values = values,
                       .n_rows = 2,
                       .total = total,
                       .query_json = STR("{\"metrics\":[\"pageviews\"]}"),
                       .complete_until = MAY_17 + 3600,
                       .total_estimated = true};
    assert_printed(
        &r, OUTPUT_JSON, (struct output_style){true, 80},
        "{\"query\":{\"metrics\":[\"pageviews\"]},\"rows\":[\n"
        "{\"time\":\"2015-05-17T00:00:00+02:00\",\"country\":\"US\",\"pageviews\":3,"
        "\"bounce_rate\":0.5},\n"
        "{\"time\":\"2015-05-18T00:00:00+02:00\",\"country\":null,\"pageviews\":0,"
        "\"bounce_rate\":null}],\n"
        "\"total\":{\"pageviews\":3,\"bounce_rate\":0.3333333333333333},\n"
        "\"complete_until\":\"2015-05-17T01:00:00+02:00\",\n\"estimated\":[\"total\"]}\n");
    zone_free(z);
}

static void json__without_rows_total_and_horizon_is_still_whole(void **state) {
    UNUSED(state);
    struct result r = {0};
    assert_printed(&r, OUTPUT_JSON, (struct output_style){0},
                   "{\"query\":{},\"rows\":[],\n\"total\":{},\n\"complete_until\":null}\n");
}

static void assert_json(struct value v, const char *expected) {
    char all[200];
    snprintf(all, sizeof(all), "{\"x\":%s}],\n\"total\":{},\n\"complete_until\":null}\n", expected);
    assert_cell(v, UNIT_NUMBER, true, OUTPUT_JSON, all);
}

static void json__numbers_are_short_and_read_back_the_same(void **state) {
    UNUSED(state);
    assert_json(INT(INT64_MIN), "-9223372036854775808");
    assert_json(INT(9007199254740993), "9007199254740993");
    assert_json(REAL(0.1), "0.1");
    assert_json(REAL(3), "3");
    assert_json(REAL(-0.0), "0");
    assert_json(REAL(0.1 + 0.2), "0.30000000000000004");
    assert_json(REAL(1e300), "1e+300");
    assert_json(REAL(5e-324), "5e-324");
    assert_json(REAL(2.0 / 3), "0.6666666666666666");
    assert_json(REAL(NAN), "null");
    assert_json(REAL(INFINITY), "null");
    assert_json(REAL(-INFINITY), "null");
    assert_json(NONE, "null");
}

static void json__text_is_escaped_and_valid_utf8(void **state) {
    UNUSED(state);
    assert_json(TEXT("a\"b\\c\n\t\x1b[31m"), "\"a\\\"b\\\\c\\n\\t\\u001b[31m\"");
    assert_json(TEXT("caf\xc3\xa9 \xff"), "\"caf\xc3\xa9 " FFFD "\"");
    assert_json(TEXT(""), "\"\"");
}

static void csv__is_quoted_where_rfc_4180_needs_it(void **state) {
    UNUSED(state);
    static const struct {
        struct value v;
        const char *expected;
    } cases[] = {
        {TEXT("plain/path?x=1"), "plain/path?x=1\n"},
        {TEXT("a,b"), "\"a,b\"\n"},
        {TEXT("say \"hi\""), "\"say \"\"hi\"\"\"\n"},
        {TEXT("two\nlines"), "\"two\nlines\"\n"},
        {TEXT("a\tb"), "\"a\tb\"\n"},
        {TEXT(" a"), "\" a\"\n"},
        {TEXT(""), "\"\"\n"},
        {NONE, "\n"},
        /* what a spreadsheet would run */
        {TEXT("=1+1"), "'=1+1\n"},
        {TEXT("+1"), "'+1\n"},
        {TEXT("-1"), "'-1\n"},
        {TEXT("@SUM(A1)"), "'@SUM(A1)\n"},
        {TEXT("\t=1"), "\"'\t=1\"\n"},
        {TEXT("=1,\"x\""), "\"'=1,\"\"x\"\"\"\n"},
        {INT(-1), "-1\n"},
        {REAL(-0.25), "-0.25\n"},
        {REAL(NAN), "\n"},
        {TIME(1431813600), "2015-05-17T00:00:00+02:00\n"},
        /* what a terminal would run */
        {TEXT("\x1b[2J\r\x07\x7f\xc2\x9b"), FFFD "[2J" FFFD FFFD FFFD FFFD "\n"},
        {TEXT("\xff\xc3\xa9"), FFFD "\xc3\xa9\n"},
        {TEXT("\xe2\x80\xaegpj.exe"), FFFD "gpj.exe\n"}, /* right-to-left override */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_cell(cases[i].v, UNIT_TEXT, false, OUTPUT_CSV, cases[i].expected);
    struct value nul = {VALUE_TEXT, .text = {"a\0b", 3}};
    assert_cell(nul, UNIT_TEXT, false, OUTPUT_CSV, "a" FFFD "b\n");
    assert_cell(REAL(0.125), UNIT_RATE, true, OUTPUT_CSV, "0.125\n");
}

static void tsv__escapes_what_separates(void **state) {
    UNUSED(state);
    assert_cell(TEXT("a\tb\nc\rd\\e"), UNIT_TEXT, false, OUTPUT_TSV, "a\\tb\\nc\\rd\\\\e\n");
    assert_cell(TEXT("=a,\"b\""), UNIT_TEXT, false, OUTPUT_TSV, "=a,\"b\"\n");
    assert_cell(TEXT("\x1b"), UNIT_TEXT, false, OUTPUT_TSV, FFFD "\n");
    struct value nul = {VALUE_TEXT, .text = {"a\0b", 3}};
    assert_cell(nul, UNIT_TEXT, false, OUTPUT_TSV, "a" FFFD "b\n");
    assert_cell(NONE, UNIT_TEXT, false, OUTPUT_TSV, "\n");
}

static void csv_and_tsv__have_a_header_and_no_total(void **state) {
    UNUSED(state);
    struct result_column columns[] = {{"path", UNIT_TEXT, false}, {"hits", UNIT_COUNT, true}};
    struct value values[] = {TEXT("/a"), INT(1234), TEXT("/b"), INT(2)},
                 total[] = {NONE, INT(1236)};
    struct result r = {
        .columns = columns, .n_columns = 2, .values = values, .n_rows = 2, .total = total};
    assert_printed(&r, OUTPUT_CSV, (struct output_style){true, 80}, "path,hits\n/a,1234\n/b,2\n");
    assert_printed(&r, OUTPUT_TSV, (struct output_style){true, 80},
                   "path\thits\n/a\t1234\n/b\t2\n");
    r.n_rows = 0;
    assert_printed(&r, OUTPUT_CSV, (struct output_style){0}, "path,hits\n");
}

static void table__numbers_are_for_people(void **state) {
    UNUSED(state);
    static const struct {
        enum unit unit;
        struct value v;
        const char *expected;
    } cases[] = {
        {UNIT_COUNT, INT(0), "0"},
        {UNIT_COUNT, INT(999), "999"},
        {UNIT_COUNT, INT(1000), "1,000"},
        {UNIT_COUNT, INT(-1234567), "-1,234,567"},
        {UNIT_COUNT, INT(-123), "-123"},
        {UNIT_COUNT, INT(INT64_MAX), "9,223,372,036,854,775,807"},
        {UNIT_COUNT, REAL(1234), "1,234"},
        {UNIT_NUMBER, REAL(1234.567), "1,234.57"},
        {UNIT_NUMBER, NONE, "-"},
        {UNIT_NUMBER, REAL(NAN), "-"},
        {UNIT_RATE, REAL(0.1234), "12.3 %"},
        {UNIT_RATE, REAL(0), "0.0 %"},
        {UNIT_RATE, REAL(12.5), "1,250.0 %"},
        {UNIT_RATE, INT(1), "100.0 %"},
        {UNIT_RATE, NONE, "-"},
        {UNIT_SECONDS, INT(0), "0 s"},
        {UNIT_SECONDS, INT(59), "59 s"},
        {UNIT_SECONDS, REAL(3.25), "3.2 s"},
        {UNIT_SECONDS, REAL(59.7), "1 m 00 s"},
        {UNIT_SECONDS, INT(125), "2 m 05 s"},
        {UNIT_SECONDS, INT(3599), "59 m 59 s"},
        {UNIT_SECONDS, INT(3900), "1 h 05 m"},
        {UNIT_SECONDS, INT(-125), "-2 m 05 s"},
        {UNIT_SECONDS, INT(36000000), "10,000 h 00 m"},
        {UNIT_BYTES, INT(0), "0 B"},
        {UNIT_BYTES, INT(999), "999 B"},
        {UNIT_BYTES, INT(1000), "1.0 kB"},
        {UNIT_BYTES, INT(999949), "999.9 kB"},
        {UNIT_BYTES, INT(999950), "1.0 MB"},
        {UNIT_BYTES, INT(12345678), "12.3 MB"},
        {UNIT_BYTES, INT(INT64_MAX), "9.2 EB"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_cell(cases[i].v, cases[i].unit, true, OUTPUT_TABLE, cases[i].expected);
}

static void table__text_is_safe_and_measured_in_cells(void **state) {
    UNUSED(state);
    assert_cell(TEXT("\x1b]0;evil\x07"), UNIT_TEXT, false, OUTPUT_TABLE, FFFD "]0;evil" FFFD);
    assert_cell(TEXT("a\nb\tc"), UNIT_TEXT, false, OUTPUT_TABLE, "a" FFFD "b" FFFD "c");
    assert_cell(TEXT("\xc2\x9b"), UNIT_TEXT, false, OUTPUT_TABLE, FFFD);
    assert_cell(TEXT(""), UNIT_TEXT, false, OUTPUT_TABLE, "-");
    assert_cell(NONE, UNIT_TEXT, false, OUTPUT_TABLE, "-");
    struct result_column columns[] = {{"path", UNIT_TEXT, false}, {"hits", UNIT_COUNT, true}};
    struct value values[] = {TEXT("/日本"), INT(1),          TEXT("/cafe\xcc\x81"),
                             INT(2),        TEXT("/abcdef"), INT(3)};
    struct result r = {.columns = columns, .n_columns = 2, .values = values, .n_rows = 3};
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "path     hits\n"
                   "/日本       1\n"
                   "/cafe\xcc\x81       2\n"
                   "/abcdef     3\n");
}

static void table__times_are_as_short_as_all_of_them_allow(void **state) {
    UNUSED(state);
    struct zone *z = berlin();
    struct result_column columns[] = {{"time", UNIT_TEXT, false}, {"hits", UNIT_COUNT, true}};
    struct value values[] = {TIME(MAY_17), INT(1), TIME(MAY_17 + 86400), INT(2)};
    struct result r = {
        .zone = z, .columns = columns, .n_columns = 2, .values = values, .n_rows = 2};
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "time        hits\n2015-05-17     1\n2015-05-18     2\n");
    values[2] = TIME(MAY_17 + 3600);
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "time              hits\n2015-05-17 00:00     1\n2015-05-17 01:00     2\n");
    values[2] = TIME(MAY_17 + 1);
    assert_printed(
        &r, OUTPUT_TABLE, (struct output_style){0},
        "time                 hits\n2015-05-17 00:00:00     1\n2015-05-17 00:00:01     2\n");
    values[0] = TIME(1445731200); /* 02:00 summer time, and an hour later 02:00 again */
    values[2] = TIME(1445734800);
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "time                     hits\n2015-10-25 02:00            1\n"
                   "2015-10-25 02:00 +01:00     2\n");
    zone_free(z);
    assert_int_equal(zone_open("America/Sao_Paulo", &z, NULL), 0);
    r.zone = z;
    values[0] = TIME(1541300400); /* the day starts at 01:00 */
    values[2] = TIME(1541383200);
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "time        hits\n2018-11-04     1\n2018-11-05     2\n");
    zone_free(z);
}

static struct result paths_result(void) {
    static struct result_column columns[] = {
        {"path", UNIT_TEXT, false}, {"hits", UNIT_COUNT, true}, {"bounce_rate", UNIT_RATE, true}};
    static struct value values[] = {TEXT("/a/rather/long/path"),
                                    INT(1600),
                                    REAL(0.5),
                                    TEXT("/b"),
                                    INT(100),
                                    NONE,
                                    TEXT("/c"),
                                    INT(1),
                                    REAL(1),
                                    TEXT("/d"),
                                    INT(0),
                                    NONE};
    static struct value total[] = {NONE, INT(1701), REAL(0.25)};
    return (struct result){
        .columns = columns, .n_columns = 3, .values = values, .n_rows = 4, .total = total};
}

static void table__aligns_and_has_the_total_under_a_rule(void **state) {
    UNUSED(state);
    struct result r = paths_result();
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "path                  hits  bounce_rate\n"
                   "/a/rather/long/path  1,600       50.0 %\n"
                   "/b                     100            -\n"
                   "/c                       1      100.0 %\n"
                   "/d                       0            -\n"
                   "---------------------------------------\n"
                   "total                1,701       25.0 %\n");
    r.total = NULL;
    r.n_rows = 1;
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){0},
                   "path                  hits  bounce_rate\n"
                   "/a/rather/long/path  1,600       50.0 %\n");
}

static void table__bars_stand_behind_the_first_measure_and_fill_the_width(void **state) {
    UNUSED(state);
    struct result r = paths_result();
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 57},
                   "path                  hits                    bounce_rate\n"
                   "/a/rather/long/path  1,600  ████████████████       50.0 %\n"
                   "/b                     100  █                           -\n"
                   "/c                       1  ▏                     100.0 %\n"
                   "/d                       0                              -\n"
                   "─────────────────────────────────────────────────────────\n"
                   "total                1,701                         25.0 %\n");
}

static void table__a_long_text_leaves_room_for_bars(void **state) {
    UNUSED(state);
    struct result_column columns[] = {{"path", UNIT_TEXT, false}, {"hits", UNIT_COUNT, true}};
    struct value values[] = {TEXT("/a/path/that/is/longer/than/the/forty/cells/it/needs"), INT(2),
                             TEXT("/b"), INT(1)};
    struct result r = {.columns = columns, .n_columns = 2, .values = values, .n_rows = 2};
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 62},
                   "path                                        hits\n"
                   "/a/path/that/is/longer/than/the/forty/cel…     2  ████████████\n"
                   "/b                                             1  ██████\n");
}

static void table__colors_only_when_asked(void **state) {
    UNUSED(state);
    struct result r = paths_result();
    struct buf out = {0};
    for (unsigned width = 0; width < 100; width += 33) {
        result_print(&r, OUTPUT_TABLE, &(struct output_style){false, width}, &out);
        assert_null(strchr(buf_cstr(&out), '\033'));
    }
    buf_clear(&out);
    result_print(&r, OUTPUT_TABLE, &(struct output_style){true, 60}, &out);
    assert_non_null(strstr(buf_cstr(&out), "\033[1mtotal\033[0m"));
    assert_non_null(strstr(buf_cstr(&out), "\033[2m─"));
    buf_release(&out);
}

static void table__cuts_text_and_headers_but_never_digits(void **state) {
    UNUSED(state);
    struct result r = paths_result();
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 30},
                   "path         hits  bounce_rate\n"
                   "/a/rather…  1,600       50.0 %\n"
                   "/b            100            -\n"
                   "/c              1      100.0 %\n"
                   "/d              0            -\n"
                   "──────────────────────────────\n"
                   "total       1,701       25.0 %\n");
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 1},
                   "path       hits  bounce…\n"
                   "/a/rath…  1,600   50.0 %\n"
                   "/b          100        -\n"
                   "/c            1  100.0 %\n"
                   "/d            0        -\n"
                   "────────────────────────\n"
                   "total     1,701   25.0 %\n");
}

/* Cells of a line; every character of these tables but the escapes is one cell wide. */
static size_t cells_of_line(struct str line) {
    size_t cells = 0;
    for (size_t i = 0; i < line.len; i++)
        cells += ((unsigned char)line.ptr[i] & 0xC0) != 0x80;
    return cells;
}

static void table__what_is_compared_with_stays_apart_from_it(void **state) {
    UNUSED(state);
    struct result_column columns[] = {{"path", UNIT_TEXT, false},
                                      {"pageviews", UNIT_COUNT, true},
                                      {"pageviews_previous", UNIT_COUNT, true},
                                      {"x_previous", UNIT_COUNT, true}};
    struct value values[] = {TEXT("/a"), INT(12), INT(7), INT(1)};
    struct result r = {.columns = columns, .n_columns = 4, .values = values, .n_rows = 1};
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 0},
                   "path  pageviews  previous  x_previous\n"
                   "/a           12         7           1\n");
    assert_printed(&r, OUTPUT_CSV, (struct output_style){false, 0},
                   "path,pageviews,pageviews_previous,x_previous\n/a,12,7,1\n");
}

static void table__fits_any_width_and_no_line_ends_in_blanks(void **state) {
    UNUSED(state);
    struct result r = paths_result();
    for (unsigned width = 24; width < 200; width++) {
        struct buf out = {0};
        result_print(&r, OUTPUT_TABLE, &(struct output_style){false, width}, &out);
        struct str rest = buf_str(&out), line;
        while (str_split(&rest, '\n', &line)) {
            if (cells_of_line(line) > width || (line.len > 0 && line.ptr[line.len - 1] == ' '))
                fail_msg("width %u: \"" STR_FMT "\"", width, STR_ARG(line));
        }
        buf_release(&out);
    }
}

static void table__without_dimensions_is_one_line_without_total_and_bar(void **state) {
    UNUSED(state);
    struct result_column columns[] = {{"hits", UNIT_COUNT, true}, {"bytes", UNIT_BYTES, true}};
    struct value values[] = {INT(1234), INT(5000000)};
    struct result r = {
        .columns = columns, .n_columns = 2, .values = values, .n_rows = 1, .total = values};
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 80},
                   " hits   bytes\n1,234  5.0 MB\n");
}

static void table__without_rows_says_so(void **state) {
    UNUSED(state);
    struct result r = paths_result();
    r.n_rows = 0;
    assert_printed(&r, OUTPUT_TABLE, (struct output_style){false, 80}, "No data.\n");
}

static void result_release__frees_what_it_owns(void **state) {
    UNUSED(state);
    struct result r = {.columns = xcalloc(1, sizeof(struct result_column)),
                       .values = xcalloc(1, sizeof(struct value)),
                       .total = xcalloc(1, sizeof(struct value)),
                       .n_columns = 1,
                       .n_rows = 1};
    r.values[0] = (struct value){VALUE_TEXT, .text = arena_dup(&r.arena, STR("text"))};
    result_release(&r);
    assert_null(r.values);
    result_release(&r);
}

UNIT_MAIN(unit_test(output_format__is_read_and_anything_else_refused),
          unit_test(json__has_rows_measures_of_the_total_and_times_of_the_zone),
          unit_test(json__without_rows_total_and_horizon_is_still_whole),
          unit_test(json__numbers_are_short_and_read_back_the_same),
          unit_test(json__text_is_escaped_and_valid_utf8),
          unit_test(csv__is_quoted_where_rfc_4180_needs_it), unit_test(tsv__escapes_what_separates),
          unit_test(csv_and_tsv__have_a_header_and_no_total),
          unit_test(table__numbers_are_for_people),
          unit_test(table__text_is_safe_and_measured_in_cells),
          unit_test(table__times_are_as_short_as_all_of_them_allow),
          unit_test(table__aligns_and_has_the_total_under_a_rule),
          unit_test(table__bars_stand_behind_the_first_measure_and_fill_the_width),
          unit_test(table__a_long_text_leaves_room_for_bars),
          unit_test(table__colors_only_when_asked),
          unit_test(table__cuts_text_and_headers_but_never_digits),
          unit_test(table__what_is_compared_with_stays_apart_from_it),
          unit_test(table__fits_any_width_and_no_line_ends_in_blanks),
          unit_test(table__without_dimensions_is_one_line_without_total_and_bar),
          unit_test(table__without_rows_says_so), unit_test(result_release__frees_what_it_owns))

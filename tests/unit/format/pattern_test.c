#include "support/unit.h"

#include "base/limits.h"
#include "format/format.h"

static struct arena scratch;

#define T0 1431857103 /* 2015-05-17T10:05:03Z */
#define TIME "[17/May/2015:10:05:03 +0000]"
#define COMBINED                                                                                   \
    "^(?<ip>\\S+) \\S+ (?<user>\\S+) \\[(?<time>[^\\]]+)\\] \"(?<request>[^\"]*)\" "               \
    "(?<status>\\d+) (?<size>\\S+) \"(?<referer>[^\"]*)\" \"(?<ua>[^\"]*)\""

static struct format *open_format(const char *spec) {
    struct format *f = NULL;
    struct err err = {0};
    if (format_open(str_from(spec), &f, &err) != 0)
        fail_msg("%s", err.text);
    return f;
}

static enum reason read_as(const char *spec, struct str line, struct fields *ret) {
    struct format *f = open_format(spec);
    enum reason reason = format_read(f, line, &scratch, ret);
    format_free(f);
    return reason;
}

static struct fields fields_of(const char *spec, const char *line) {
    struct fields fields;
    enum reason reason = read_as(spec, str_from(line), &fields);
    if (reason != REASON_NONE)
        fail_msg("rejected (%s): %s", reason_name(reason), line);
    return fields;
}

static const char *reason_of(const char *spec, struct str line) {
    struct fields fields;
    return reason_name(read_as(spec, line, &fields));
}

static const char *problem_of(const char *spec) {
    static struct err err;
    struct format *f = NULL;
    if (format_open(str_from(spec), &f, &err) == 0)
        fail_msg("opened: %s", spec);
    assert_int_equal(err.code, ERR_USAGE);
    return err.text;
}

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        const char *text_ = (text);                                                                \
        if (strstr(text_, (part)) == NULL)                                                         \
            fail_msg("\"%s\" does not say \"%s\"", text_, (part));                                 \
    } while (0)

static void pattern__groups_are_fields(void **state) {
    UNUSED(state);
    const char *line = "192.0.2.7 - bob " TIME " \"GET /a?b HTTP/1.1\" 404 5316 "
                       "\"https://example.net/\" \"Mozilla/5.0\"";
    struct fields f = fields_of(COMBINED, line), same = fields_of("combined", line);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.user, "bob");
    assert_int_equal(f.time, T0);
    assert_str(f.request, "GET /a?b HTTP/1.1");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b");
    assert_int_equal(f.status, 404);
    assert_int_equal(f.bytes, 5316);
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "Mozilla/5.0");
    assert_true(str_eq(f.target, same.target) && str_eq(f.agent, same.agent) &&
                f.time == same.time && f.bytes == same.bytes);
}

static void pattern__of_the_sample_configuration(void **state) {
    UNUSED(state);
    const char *spec =
        "^(?<ip>\\S+) \\S+ \\S+ \\[(?<time>[^\\]]+)\\] \"(?<method>\\S+) (?<url>\\S+)";
    struct fields f = fields_of(spec, "h - - " TIME " \"POST /x HTTP/1.0\" 500 -");
    assert_str(f.host, "h");
    assert_str(f.method, "POST");
    assert_str(f.target, "/x");
    assert_int_equal(f.status, 200); /* it has none */
    assert_int_equal(f.bytes, 0);
    /* Python's way to write a name */
    assert_str(fields_of("(?P<ip>\\S+) (?P<ts>\\d+) (?P<url>\\S+)", "h 1431857103 /p").target,
               "/p");
}

static void pattern__may_begin_anywhere_near_the_start(void **state) {
    UNUSED(state);
    const char *spec = "ip=(?<ip>\\S+) t=(?<time>\\S+) u=(?<url>\\S+)";
    assert_str(fields_of(spec, "May 17 host app[1]: ip=h t=1431857103 u=/").host, "h");
    struct buf line = {0};
    for (int i = 0; i < 4096; i++)
        buf_add_char(&line, '.');
    buf_add_cstr(&line, "ip=h t=1431857103 u=/");
    assert_string_equal(reason_of(spec, buf_str(&line)), "");
    assert_string_equal(reason_of(spec, str_skip(buf_str(&line), 1)), "");
    buf_clear(&line);
    for (int i = 0; i < 4097; i++)
        buf_add_char(&line, '.');
    buf_add_cstr(&line, "ip=h t=1431857103 u=/");
    assert_string_equal(reason_of(spec, buf_str(&line)), "no_match");
    buf_release(&line);
}

static void pattern__optional_and_repeated_names(void **state) {
    UNUSED(state);
    const char *spec = "^(?:a (?<ip>\\S+)|b \\S+ (?<ip>\\S+)) (?<time>\\d+) (?<url>\\S+)"
                       "(?: (?<status>\\d{3}))?$";
    assert_str(fields_of(spec, "a h 1431857103 / 200").host, "h");
    assert_str(fields_of(spec, "b x g 1431857103 / 304").host, "g");
    /* nothing is assumed where the expression has a group for it */
    assert_string_equal(reason_of(spec, STR("a h 1431857103 /")), "bad_status");
    assert_string_equal(reason_of(spec, STR("c h 1431857103 /")), "no_match");
}

static void pattern__works_on_bytes(void **state) {
    UNUSED(state);
    const char *spec = "^(?<ip>\\S+) (?<time>\\d+) (?<url>\\S+) (?<ua>.*)$";
    struct fields f;
    struct str line = STR("h 1431857103 /\xff\xfe a\0b\xc3");
    assert_string_equal(reason_name(read_as(spec, line, &f)), "");
    assert_str(f.target, "/\xff\xfe");
    assert_int_equal(f.agent.len, 4);
}

/* On a short line, and on the longest one. */
static void pattern__runaway_expression_is_stopped(void **state) {
    UNUSED(state);
#define HEAD "^(?<ip>\\S+) (?<time>\\d+) (?<url>\\S+) "
    static const char *const specs[] = {HEAD "(a+)+$", HEAD "(a|a)*$", HEAD "(.*)*(.*)*[bc]",
                                        HEAD "(a|aa)*c?$", HEAD "(?:a?){30}a{30}[bc]"};
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        for (size_t length = 40; length < LIMIT_LINE_BYTES; length += 65400) {
            struct buf line = {0};
            buf_add_cstr(&line, "h 1431857103 / ");
            for (size_t k = 0; k < length; k++)
                buf_add_char(&line, 'a');
            buf_add_char(&line, '!');
            assert_string_equal(reason_of(specs[i], buf_str(&line)), "match_limit");
            buf_release(&line);
        }
    }
}

static void pattern__mistakes_are_named(void **state) {
    UNUSED(state);
    assert_contains(problem_of("(?<ip>\\S+"), "missing closing parenthesis");
    assert_contains(problem_of("(?<ip>\\S+"), "byte 9");
    assert_contains(problem_of("(?<ip>[a) x"), "byte");
    assert_contains(problem_of("(?<ip>a)**b"), "byte 9");
    assert_contains(problem_of("(?<hots>\\S+)"), "unknown field \"hots\": did you mean \"host\"?");
    assert_contains(problem_of("(?<zzzzzzzzzz>\\S+)"), "unknown field \"zzzzzzzzzz\"");
    assert_contains(problem_of("(?<ip>\\S+) (?<url>\\S+)"), "no time stamp");
    assert_contains(problem_of("(?<time>\\S+) (?<url>\\S+)"), "no address");
    assert_contains(problem_of("(?<ip>\\S+) (?<time>\\S+)"), "no request");
    assert_contains(problem_of("(*UTF)(?<ip>\\S+)"), "UTF");
    assert_contains(problem_of("(?<ip>\\C)"), "\\C");
}

UNIT_MAIN(unit_test(pattern__groups_are_fields), unit_test(pattern__of_the_sample_configuration),
          unit_test(pattern__may_begin_anywhere_near_the_start),
          unit_test(pattern__optional_and_repeated_names), unit_test(pattern__works_on_bytes),
          unit_test(pattern__runaway_expression_is_stopped), unit_test(pattern__mistakes_are_named))

#include "support/unit.h"

#include "base/limits.h"
#include "format/format.h"

#define TIME "[17/May/2015:10:05:03 +0000]"
#define HEAD "192.0.2.7 - - " TIME " "
#define GET "\"GET / HTTP/1.1\""
#define TAIL " \"-\" \"Mozilla/5.0\""
#define COMMON HEAD GET " 200 12"
#define COMBINED COMMON TAIL

static struct arena scratch;

static struct format *open_format(const char *spec) {
    struct format *f = NULL;
    struct err err = {0};
    if (format_open(str_from(spec), &f, &err) != 0)
        fail_msg("%s", err.text);
    return f;
}

static enum reason read_as(const char *format, struct str line, struct fields *ret) {
    struct format *f = open_format(format);
    enum reason reason = format_read(f, line, &scratch, ret);
    format_free(f);
    return reason;
}

static struct fields fields_of(const char *format, const char *line) {
    struct fields fields;
    enum reason reason = read_as(format, str_from(line), &fields);
    if (reason != REASON_NONE)
        fail_msg("rejected (%s): %s", reason_name(reason), line);
    return fields;
}

static const char *reason_of(const char *format, const char *line) {
    struct fields fields;
    return reason_name(read_as(format, str_from(line), &fields));
}

static void format__combined_line_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of("combined", "83.149.9.216 - bob " TIME
                                            " \"GET /a/b.png?c=d HTTP/1.0\" 304 203023 "
                                            "\"http://example.net/x\" \"Mozilla/5.0 (X11)\"");
    assert_str(f.host, "83.149.9.216");
    assert_str(f.vhost, "");
    assert_str(f.user, "bob");
    assert_int_equal(f.time, 1431857103);
    assert_str(f.request, "GET /a/b.png?c=d HTTP/1.0");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a/b.png?c=d");
    assert_str(f.protocol, "HTTP/1.0");
    assert_int_equal(f.status, 304);
    assert_int_equal(f.bytes, 203023);
    assert_str(f.referrer, "http://example.net/x");
    assert_str(f.agent, "Mozilla/5.0 (X11)");
}

static void format__common_line_has_no_referrer_and_agent(void **state) {
    UNUSED(state);
    struct fields f = fields_of("common", COMMON);
    assert_str(f.user, "");
    assert_int_equal(f.bytes, 12);
    assert_str(f.referrer, "");
    assert_str(f.agent, "");
}

static void format__vhost_line_names_its_server(void **state) {
    UNUSED(state);
    struct fields f = fields_of("vhost", "Www.Example.org:443 " COMBINED);
    assert_str(f.vhost, "Www.Example.org");
    assert_str(f.host, "192.0.2.7");
    assert_str(f.agent, "Mozilla/5.0");
    assert_str(fields_of("vhost", "[2001:db8::1]:80 " COMBINED).vhost, "[2001:db8::1]");
    assert_string_equal(reason_of("vhost", COMBINED), "bad_host");
    assert_string_equal(reason_of("vhost", "example.org " COMBINED), "bad_host");
    assert_string_equal(reason_of("vhost", ":80 " COMBINED), "bad_host");
    assert_string_equal(reason_of("vhost", "example.org:123456 " COMBINED), "bad_host");
}

static void format__hosts_are_addresses_or_names(void **state) {
    UNUSED(state);
    assert_str(fields_of("combined", "2001:db8::1 - - " TIME " " GET " 200 1" TAIL).host,
               "2001:db8::1");
    assert_str(fields_of("combined", "proxy.example.net - - " TIME " " GET " 200 1" TAIL).host,
               "proxy.example.net");
    assert_str(fields_of("combined", "192.0.2.7, 10.0.0.1 - - " TIME " " GET " 200 1" TAIL).host,
               "192.0.2.7");
}

static void format__ipv6_host_with_a_user_of_two_words_is_no_vhost_line(void **state) {
    UNUSED(state);
    const char *line = "2001:db8::80 - john doe " TIME " " GET " 200 1" TAIL;
    assert_str(fields_of("combined", line).user, "john doe");
    assert_string_equal(reason_of("vhost", line), "bad_host");
}

static void format__vhost_line_is_no_combined_line(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("combined", "example.org:443 " COMBINED), "bad_host");
    assert_string_equal(
        reason_of("combined", "example.org:80 2001:db8::1 - - " TIME " " GET " 200 1" TAIL),
        "bad_host");
    /* without a port as well: the name is not the client */
    assert_string_equal(reason_of("combined", "example.org "
                                              "192.0.2.7 - - " TIME " " GET " 200 1" TAIL),
                        "bad_host");
    assert_string_equal(reason_of("common", "- 192.0.2.7 - - " TIME " " GET " 200 1"), "bad_host");
    assert_str(fields_of("common", "192.0.2.7 10.0.0.1 - - " TIME " " GET " 200 1").host,
               "192.0.2.7"); /* a forwarder and its client */
    assert_str(fields_of("common", "unknown, 10.0.0.1 - - " TIME " " GET " 200 1").host, "unknown");
    /* an address with the client's port is fine */
    assert_str(fields_of("combined", "192.0.2.7:5123 - - " TIME " " GET " 200 1" TAIL).host,
               "192.0.2.7");
    assert_string_equal(
        reason_of("vhost", "192.0.2.7:5123 - bob smith " TIME " " GET " 200 1" TAIL), "bad_host");
    assert_str(fields_of("common", "[2001:db8::1]:5123 - - " TIME " " GET " 200 1").host,
               "2001:db8::1");
    assert_str(
        fields_of("vhost", "example.org:80 192.0.2.7:5123 - - " TIME " " GET " 200 1" TAIL).host,
        "192.0.2.7");
    assert_str(fields_of("combined", "h.example:80 cafe - " TIME " " GET " 200 1" TAIL).host,
               "h.example"); /* cafe is a name */
}

static void format__user_may_hold_blanks_brackets_and_quotes(void **state) {
    UNUSED(state);
    assert_str(fields_of("common", "h - john doe " TIME " " GET " 200 1").user, "john doe");
    assert_str(fields_of("common", "h - [x] y " TIME " " GET " 200 1").user, "[x] y");
    assert_str(fields_of("common", "h - a[b] " TIME " " GET " 200 1").user, "a[b]");
    assert_str(fields_of("common", "h - \"\" " TIME " " GET " 200 1").user, "\"\"");
    assert_str(fields_of("common", "h - [99/May/2015:10:05:03 +0000] " TIME " " GET " 200 1").user,
               "[99/May/2015:10:05:03 +0000]");
}

static void format__a_time_inside_the_request_is_not_taken(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("combined",
                                  "h - - [99/May/2015:10:05:03 +0000] \"GET / " TIME " \"GET / "
                                  "HTTP/1.1\" 200 1" TAIL),
                        "bad_time");
}

/* What stands before a line takes the places of client and identity; the inner address may be a
 * name that a client gave, so it is not the client either. */
static void format__line_behind_a_prefix_is_rejected(void **state) {
    UNUSED(state);
    static const char *const prefixes[] = {
        "Mar 27 20:00:00 web1 nginx: ", "<190>Mar 27 20:00:00 web1 nginx: ",
        "<190>1 2026-03-27T20:00:00Z web1 nginx - - - ", "2026-03-27T20:00:00Z stdout F ",
        "web_1  | "};
    static const char *const clients[] = {"192.0.2.7 - - ", "2001:db8::1 - bob smith ",
                                          "192.0.2.7:5123 - - "};
    for (size_t i = 0; i < ARRAY_LEN(prefixes) * ARRAY_LEN(clients); i++) {
        char line[300];
        snprintf(line, sizeof line, "%s%s" TIME " " GET " 200 12" TAIL, prefixes[i / 3],
                 clients[i % 3]);
        assert_string_equal(reason_of("common", line), "prefix");
        assert_string_equal(reason_of("combined", line), "prefix");
        assert_string_equal(reason_of("%h %l %u %t \"%r\" %>s %b", line), "prefix");
        assert_string_equal(reason_of("%h %^[%d:%t %^] \"%r\" %s %b \"%R\" \"%u\"", line),
                            "prefix");
        snprintf(line, sizeof line, "example.org:80 %s%s" TIME " " GET " 200 12" TAIL,
                 prefixes[i / 3], clients[i % 3]);
        assert_string_equal(reason_of("vhost", line), "prefix");
        assert_string_equal(reason_of("vcommon", line), "prefix");
    }
    /* a user with an address for a name, of a client that has one */
    assert_str(fields_of("common", "192.0.2.7 - 10.0.0.1 a b " TIME " " GET " 200 1").user,
               "10.0.0.1 a b");
    assert_str(fields_of("common", "h - 10.0.0.1 " TIME " " GET " 200 1").user, "10.0.0.1");
}

static void format__several_blanks_and_tabs_separate_fields(void **state) {
    UNUSED(state);
    struct fields f = fields_of("combined", "192.0.2.7  -\t-  " TIME "\t\t" GET
                                            "  200\t12  \"-\"\t \"Mozilla/5.0\" ");
    assert_str(f.host, "192.0.2.7");
    assert_str(f.user, "");
    assert_int_equal(f.bytes, 12);
    assert_str(f.agent, "Mozilla/5.0");
}

static void format__quotes_need_no_blank_beside_them(void **state) {
    UNUSED(state);
    struct fields f = fields_of("combined", "h - bob " TIME GET "200 12 \"-\"\"Mozilla/5.0\"x");
    assert_int_equal(f.status, 200);
    assert_str(f.agent, "Mozilla/5.0");
}

static void format__missing_user_rejects_the_line(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("common", "h - " TIME " " GET " 200 1"), "fields");
    assert_string_equal(reason_of("common", "h - -" TIME " " GET " 200 1"), "fields");
}

static void format__escaped_quotes_and_backslashes_are_unescaped(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of("combined", HEAD "\"GET /\\\"q\\\\ HTTP/1.1\" 200 1 \"http://x/\\\\\" "
                                   "\"a \\\"quoted\\\" agent\\\\\"");
    assert_str(f.target, "/\"q\\");
    assert_str(f.protocol, "HTTP/1.1");
    assert_str(f.referrer, "http://x/\\");
    assert_str(f.agent, "a \"quoted\" agent\\");
}

static void format__other_escapes_stay_as_logged(void **state) {
    UNUSED(state);
    struct fields f = fields_of("combined", HEAD "\"GET /\\x16\\n HTTP/1.1\" 200 1 \"-\" \"\\t\\"
                                                 "\\x22\"");
    assert_str(f.target, "/\\x16\\n");
    assert_str(f.agent, "\\t\\x22"); /* \\ is one backslash, and x22 is text behind it */
}

static void format__a_quote_that_never_closes_rejects_the_line(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("combined", HEAD "\"GET / HTTP/1.1 200 12"), "unclosed_quote");
    assert_string_equal(reason_of("combined", COMMON " \"http://x/"), "unclosed_quote");
    assert_string_equal(reason_of("combined", COMMON " \"-\" \"Mozilla"), "unclosed_quote");
    assert_string_equal(reason_of("combined", COMMON " \"-\" \"Mozilla\\\""), "unclosed_quote");
    assert_string_equal(reason_of("combined", COMMON " \"-\" \""), "unclosed_quote");
    assert_string_equal(reason_of("combined", COMMON " \"-\" \"Mozilla\\\\\""), "");
}

static void format__extra_fields_are_ignored(void **state) {
    UNUSED(state);
    assert_str(fields_of("combined", COMBINED " 0.012 \"more\" x").agent, "Mozilla/5.0");
    assert_str(fields_of("combined", COMBINED " \"open").agent, "Mozilla/5.0");
    assert_int_equal(fields_of("common", COMBINED).bytes, 12);
}

static void format__missing_fields_reject_the_line(void **state) {
    UNUSED(state);
    static const char *const short_lines[] = {
        "h",
        "h -",
        "h - -",
        "h - - " TIME,
        HEAD GET,
        HEAD GET " 200",
        "h " TIME " " GET " 200 1",
        HEAD "GET / HTTP/1.1 200 1",
        "random bytes of some length",
    };
    for (size_t i = 0; i < ARRAY_LEN(short_lines); i++)
        if (strcmp(reason_of("common", short_lines[i]), "fields") != 0)
            fail_msg("%s: %s", reason_of("common", short_lines[i]), short_lines[i]);
    assert_string_equal(reason_of("combined", COMMON), "fields");
    assert_string_equal(reason_of("combined", COMMON " \"-\""), "fields");
    assert_string_equal(reason_of("combined", COMMON " - -"), "fields");
}

static void format__dash_size_is_no_bytes(void **state) {
    UNUSED(state);
    assert_int_equal(fields_of("common", HEAD GET " 304 -").bytes, 0);
    assert_true(fields_of("common", HEAD GET " 200 18446744073709551615").bytes == UINT64_MAX);
    assert_string_equal(reason_of("common", HEAD GET " 200 18446744073709551616"), "bad_size");
    assert_string_equal(reason_of("common", HEAD GET " 200 -1"), "bad_size");
    assert_string_equal(reason_of("common", HEAD GET " 200 1k"), "bad_size");
}

static void format__status_has_three_digits_from_100(void **state) {
    UNUSED(state);
    assert_int_equal(fields_of("common", HEAD GET " 100 1").status, 100);
    assert_int_equal(fields_of("common", HEAD GET " 999 1").status, 999);
    static const char *const bad[] = {"099", "000", "-", "20", "2000", "2x0", "20x", "\"200\""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char line[200];
        snprintf(line, sizeof line, HEAD GET " %s 1", bad[i]);
        if (strcmp(reason_of("common", line), "bad_status") != 0)
            fail_msg("%s: %s", reason_of("common", line), line);
    }
}

static void format__unreadable_time_rejects_the_line(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("common", "h - - [17/Mai/2015:10:05:03 +0000] " GET " 200 1"),
                        "bad_time");
    assert_string_equal(reason_of("common", "h - - [] " GET " 200 1"), "bad_time");
    assert_string_equal(reason_of("common", "h - - [17/May/2015:10:05:03 +0000 ] " GET " 200 1"),
                        "bad_time");
}

static void format__line_cut_within_the_time_has_too_few_fields(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("common", "h - - [17/May/2015:10:05:03 +0000"), "fields");
    assert_string_equal(reason_of("common", "h - - [17/May/20"), "fields");
    assert_string_equal(reason_of("common", "h - - ["), "fields");
}

static void format__request_is_split_only_when_it_is_one(void **state) {
    UNUSED(state);
    static const struct {
        const char *request;
        bool is_request;
    } rows[] = {
        {"GET / HTTP/1.1", true},
        {"GET / HTTP/2", true},
        {"PROPFIND /x HTTP/1.0", true},
        {"GET http://a/b HTTP/1.1", true},
        {"GET * HTTP/2.0", true},
        {"GET / HTTP/10.12", true},
        {"-", false},
        {"", false},
        {"GET /", false},
        {"get / HTTP/1.1", false},
        {"Get / HTTP/1.1", false},
        {"M-SEARCH * HTTP/1.1", true},
        {"GET /a b HTTP/1.1", false},
        {"GET  / HTTP/1.1", false},
        {"GET /  HTTP/1.1", false},
        {"GET /a\tb HTTP/1.1", false},
        {"GET HTTP/1.1", false},
        {" GET / HTTP/1.1", false},
        {"GET / HTTP/", false},
        {"GET / HTTP/1.", false},
        {"GET / HTTP/x", false},
        {"GET / http/1.1", false},
        {"GET / HTTP/1.1 ", false},
        {"GET / HTTP/1.1.1", false},
        {"GET\t/ HTTP/1.1", false},
        {"GET", false},
        {"GET  HTTP/1.1", false},
        {"- / HTTP/1.1", false},
        {"GET- / HTTP/1.1", false},
        {"GET ", false},
        {"\\x16\\x03\\x01\\x02", false},
        {"\x16\x03\x01", false},
        {"/ HTTP/1.1", false},
        {"GET / RTSP/1.0", false},
        {"GET /\xff\xfe HTTP/1.1", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[200];
        snprintf(line, sizeof line, HEAD "\"%s\" 400 7" TAIL, rows[i].request);
        struct fields f = fields_of("combined", line);
        assert_int_equal(f.status, 400);
        assert_int_equal(f.bytes, 7);
        assert_str(f.agent, "Mozilla/5.0");
        if ((f.method.len > 0) != rows[i].is_request || (f.target.len > 0) != rows[i].is_request)
            fail_msg("\"%s\": method \"" STR_FMT "\"", rows[i].request, STR_ARG(f.method));
    }
}

static void format__nul_and_bad_utf8_are_bytes_like_others(void **state) {
    UNUSED(state);
    static const char line[] = HEAD "\"GET /\0\xff HTTP/1.1\" 200 12 \"-\" \"a\0b\"";
    struct fields f;
    assert_int_equal(read_as("combined", str_of(line, sizeof line - 1), &f), REASON_NONE);
    assert_true(str_eq(f.target, STR("/\0\xff")));
    assert_true(str_eq(f.agent, STR("a\0b")));
}

static void format__cr_at_the_end_is_dropped(void **state) {
    UNUSED(state);
    assert_int_equal(fields_of("common", COMMON "\r").bytes, 12);
    assert_string_equal(reason_of("common", COMMON "\r"), "");
    assert_string_equal(reason_of("common", HEAD GET " 200 -\r"), "");
}

static void format__lines_of_blanks_only_are_empty(void **state) {
    UNUSED(state);
    static const char *const lines[] = {" ", "\t \t", "\r", "  \r", ""};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_string_equal(reason_of("combined", lines[i]), "empty");
}

static void format__a_line_over_the_limit_is_rejected(void **state) {
    UNUSED(state);
    struct buf line = {0};
    buf_add_cstr(&line, COMBINED " ");
    while (line.len < LIMIT_LINE_BYTES)
        buf_add_char(&line, 'x');
    struct fields f;
    assert_int_equal(read_as("combined", buf_str(&line), &f), REASON_NONE);
    buf_add_char(&line, 'x');
    assert_int_equal(read_as("combined", buf_str(&line), &f), REASON_too_long);
    buf_release(&line);
}

static void format__dashes_are_no_values(void **state) {
    UNUSED(state);
    struct fields f = fields_of("combined", HEAD "\"-\" 408 - \"-\" \"-\"");
    assert_str(f.user, "");
    assert_str(f.request, "");
    assert_str(f.referrer, "");
    assert_str(f.agent, "");
}

static void format__examples_are_read_by_their_own_format(void **state) {
    UNUSED(state);
    assert_true(format_count() >= 3);
    for (size_t i = 0; i < format_count(); i++) {
        const struct format_row *row = format_at(i);
        struct str rest = str_from(row->example), lines[8];
        struct format *f = open_format(row->name);
        size_t n = 0, read = 0;
        while (n < ARRAY_LEN(lines) && str_split(&rest, '\n', &lines[n])) {
            struct fields fields;
            if (format_is_header(f, lines[n]))
                format_take_header(f, lines[n]);
            else
                read += format_read(f, lines[n], &scratch, &fields) == REASON_NONE;
            n++;
        }
        assert_true(read > 0);
        assert_str(format_detect(lines, n), row->name);
        assert_str(str_from(format_spec(f)), row->name);
        format_free(f);
    }
}

static void format__unknown_names_are_refused(void **state) {
    UNUSED(state);
    struct err err = {0};
    struct format *f = NULL;
    assert_int_equal(format_open(STR("nonsense"), &f, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "nonsense"));
    assert_non_null(strstr(err.text, "common, combined, vhost"));
    assert_int_equal(format_open(STR(""), &f, &err), ERR_USAGE);
    struct buf list = {0};
    format_list(&list);
    assert_non_null(strstr(buf_cstr(&list), "vhost"));
    buf_release(&list);
}

static void format__names_of_goaccess_are_aliases(void **state) {
    UNUSED(state);
    struct format *f = open_format("VCOMBINED");
    assert_str(str_from(format_spec(f)), "vhost");
    assert_true(format_names_site(f));
    format_free(f);
}

static void format__one_more_pair_of_quotes_is_dropped(void **state) {
    UNUSED(state);
    struct fields f = fields_of("combined", "\"" COMBINED "\"");
    assert_str(f.agent, "Mozilla/5.0");
    assert_str(f.host, "192.0.2.7");
}

static void format__quotes_doubled_by_an_export_are_undone(void **state) {
    UNUSED(state);
    const char *line = "\"192.0.2.7 - bob " TIME " \"\"GET /a HTTP/1.1\"\" 200 12 \"\"-\"\" "
                       "\"\"Mozilla/5.0 \\\"\"x\\\"\"\"\"\"";
    struct fields f = fields_of("combined", line);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.user, "bob");
    assert_str(f.target, "/a");
    assert_str(f.agent, "Mozilla/5.0 \"x\"");
    /* empty fields are no doubled quotes */
    f = fields_of("combined", "\"" COMMON " \"\" \"\"\"");
    assert_str(f.target, "/");
    assert_str(f.agent, "");
    const struct str lines[] = {str_from(line)};
    assert_str(format_detect(lines, 1), "combined");
    assert_string_equal(reason_of("combined", "\"\"\"\""), "fields");
}

static void format__comments_are_rejected_by_name_and_do_not_disturb(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("combined", "# made by hand"), "comment");
    assert_string_equal(reason_of("vhost", "#"), "comment");
    const struct str lines[] = {STR("# a comment"), STR("#another: one"), STR(COMMON)};
    assert_str(format_detect(lines, 3), "common");
}

static void format__utf16_is_rejected_by_name(void **state) {
    UNUSED(state);
    static const char latin[] = COMBINED;
    for (size_t first = 0; first < 2; first++) { /* little-endian has its letter first */
        struct buf line = {0};
        for (size_t i = 0; i < sizeof latin - 1; i++) {
            buf_add(&line, first == 0 ? (char[]){latin[i], 0} : (char[]){0, latin[i]}, 2);
        }
        struct fields f;
        assert_int_equal(read_as("combined", buf_str(&line), &f), REASON_utf16);
        buf_add(&line, "\r", 2); /* the line end of the first takes a byte of the next */
        assert_int_equal(read_as("combined", str_skip(buf_str(&line), 1), &f), REASON_utf16);
        buf_release(&line);
    }
    struct fields f;
    assert_int_equal(read_as("combined", STR("\xff\xfe#\0F\0i\0"), &f), REASON_utf16);
    assert_int_equal(read_as("combined", STR("\0"), &f), REASON_utf16);
    assert_int_equal(read_as("combined", STR("junk"), &f), REASON_fields);
    assert_int_equal(read_as("combined", STR("j"), &f), REASON_fields);
    assert_int_equal(read_as("combined", STR("\0\0\0\0junk"), &f), REASON_fields);
}

static void format__a_byte_order_mark_is_dropped(void **state) {
    UNUSED(state);
    assert_str(fields_of("combined", "\xef\xbb\xbf" COMBINED).host, "192.0.2.7");
}

static void format__detection_follows_most_lines(void **state) {
    UNUSED(state);
    const struct str combined[] = {STR(COMBINED), STR(COMBINED), STR("junk"), STR(COMMON)};
    assert_str(format_detect(combined, 4), "combined");
    const struct str common[] = {STR(COMMON), STR(COMMON), STR(COMBINED)};
    assert_str(format_detect(common, 3), "common");
    const struct str vhost[] = {STR("a:80 " COMBINED), STR("junk")};
    assert_str(format_detect(vhost, 2), "vhost");
    const struct str named[] = {STR("a:80 client.example.net - - " TIME " " GET " 200 1" TAIL)};
    assert_str(format_detect(named, 1), "vhost");
    const struct str ipv6[] = {STR("2001:db8::1 - - " TIME " " GET " 200 1" TAIL)};
    assert_str(format_detect(ipv6, 1), "combined");
}

static void format__detection_of_nothing_is_combined(void **state) {
    UNUSED(state);
    const struct str junk[] = {STR("junk"), STR("")};
    assert_str(format_detect(junk, 2), "combined");
    assert_str(format_detect(NULL, 0), "combined");
}

static void format__a_tie_goes_to_the_more_specific(void **state) {
    UNUSED(state);
    const struct str lines[] = {STR(COMMON), STR(COMBINED)};
    assert_str(format_detect(lines, 2), "combined");
    const struct str more[] = {STR(COMBINED), STR("a:80 " COMBINED)};
    assert_str(format_detect(more, 2), "vhost");
}

static void format__damaged_combined_lines_do_not_make_a_file_common(void **state) {
    UNUSED(state);
    const struct str lines[] = {STR(COMBINED), STR(COMBINED), STR(COMMON " \"-\" \"Mozilla"),
                                STR(COMMON)};
    assert_str(format_detect(lines, 4), "combined");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(format__combined_line_gives_every_field),
        unit_test(format__common_line_has_no_referrer_and_agent),
        unit_test(format__vhost_line_names_its_server),
        unit_test(format__hosts_are_addresses_or_names),
        unit_test(format__ipv6_host_with_a_user_of_two_words_is_no_vhost_line),
        unit_test(format__vhost_line_is_no_combined_line),
        unit_test(format__user_may_hold_blanks_brackets_and_quotes),
        unit_test(format__a_time_inside_the_request_is_not_taken),
        unit_test(format__line_behind_a_prefix_is_rejected),
        unit_test(format__several_blanks_and_tabs_separate_fields),
        unit_test(format__quotes_need_no_blank_beside_them),
        unit_test(format__missing_user_rejects_the_line),
        unit_test(format__escaped_quotes_and_backslashes_are_unescaped),
        unit_test(format__other_escapes_stay_as_logged),
        unit_test(format__a_quote_that_never_closes_rejects_the_line),
        unit_test(format__extra_fields_are_ignored),
        unit_test(format__missing_fields_reject_the_line),
        unit_test(format__dash_size_is_no_bytes),
        unit_test(format__status_has_three_digits_from_100),
        unit_test(format__unreadable_time_rejects_the_line),
        unit_test(format__line_cut_within_the_time_has_too_few_fields),
        unit_test(format__request_is_split_only_when_it_is_one),
        unit_test(format__nul_and_bad_utf8_are_bytes_like_others),
        unit_test(format__cr_at_the_end_is_dropped),
        unit_test(format__lines_of_blanks_only_are_empty),
        unit_test(format__a_line_over_the_limit_is_rejected),
        unit_test(format__dashes_are_no_values),
        unit_test(format__examples_are_read_by_their_own_format),
        unit_test(format__unknown_names_are_refused),
        unit_test(format__names_of_goaccess_are_aliases),
        unit_test(format__one_more_pair_of_quotes_is_dropped),
        unit_test(format__quotes_doubled_by_an_export_are_undone),
        unit_test(format__comments_are_rejected_by_name_and_do_not_disturb),
        unit_test(format__utf16_is_rejected_by_name),
        unit_test(format__a_byte_order_mark_is_dropped),
        unit_test(format__detection_follows_most_lines),
        unit_test(format__detection_of_nothing_is_combined),
        unit_test(format__a_tie_goes_to_the_more_specific),
        unit_test(format__damaged_combined_lines_do_not_make_a_file_common),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&scratch);
    return failed;
}

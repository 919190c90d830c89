#include "support/unit.h"

#include "format/format.h"

#define SYSLOG "Feb  6 12:14:14 localhost haproxy[14389]: "
#define CLIENT "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in "
#define AFTER " - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "

static struct arena scratch;

static enum reason read_line(const char *line, struct fields *ret) {
    struct format *f = NULL;
    struct err err = {0};
    assert_int_equal(format_open(STR("haproxy"), &f, &err), 0);
    enum reason reason = format_read(f, str_from(line), &scratch, ret);
    format_free(f);
    return reason;
}

static struct fields fields_of(const char *line) {
    struct fields fields;
    enum reason reason = read_line(line, &fields);
    if (reason != REASON_NONE)
        fail_msg("rejected (%s): %s", reason_name(reason), line);
    return fields;
}

static const char *reason_of(const char *line) {
    struct fields fields;
    return reason_name(read_line(line, &fields));
}

static void haproxy__documented_line_gives_every_field(void **state) {
    UNUSED(state);
    static const char *const heads[] = {SYSLOG, "", "<134>1 2009-02-06T12:14:14Z l haproxy 1 - - "};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char line[400];
        snprintf(line, sizeof line, "%s%s", heads[i],
                 CLIENT "static/srv1 10/0/30/69/109 200 2750" AFTER
                        "\"GET /index.html?a HTTP/1.1\"");
        struct fields f = fields_of(line);
        assert_str(f.host, "10.0.1.2");
        assert_str(f.vhost, "");
        assert_int_equal(f.time, 1233922454);
        assert_str(f.request, "GET /index.html?a HTTP/1.1");
        assert_str(f.method, "GET");
        assert_str(f.target, "/index.html?a");
        assert_str(f.protocol, "HTTP/1.1");
        assert_int_equal(f.status, 200);
        assert_int_equal(f.bytes, 2750);
        struct str text = str_from(line);
        assert_str(format_detect(&text, 1), "haproxy");
    }
    assert_str(fields_of("2001:db8::1:443 [06/Feb/2009:12:14:14.655] a b/c 1/0/0/0/1 200 5" AFTER
                         "\"GET / HTTP/1.1\" 0/0/0/0/0 - - -")
                   .host,
               "2001:db8::1");
}

static void haproxy__whole_address_of_http2_is_path_and_name(void **state) {
    UNUSED(state);
    struct fields f = fields_of(SYSLOG CLIENT "static/srv1 10/0/30/69/109 200 2750" AFTER
                                              "\"GET https://shop.example:8443/d?q=1 HTTP/2.0\"");
    assert_str(f.target, "/d?q=1");
    assert_str(f.vhost, "shop.example");
    assert_str(f.protocol, "HTTP/2.0");
    assert_str(f.request, "GET https://shop.example:8443/d?q=1 HTTP/2.0");
}

static void haproxy__request_without_an_answer_has_status_0(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of(CLIENT "http-in/<NOSRV> -1/-1/-1/-1/5 -1 300 - - CR-- 1/1/0/0/0 0/0 "
                         "\"<BADREQ>\"");
    assert_int_equal(f.status, 0);
    assert_int_equal(f.bytes, 300);
    assert_str(f.method, "");
    f = fields_of(CLIENT "b/s 10/0/30/-1/109 -1 0 - - CH-- 1/1/0/0/0 0/0 \"GET /a HTTP/1.1\"");
    assert_int_equal(f.status, 0);
    assert_str(f.target, "/a");
}

static void haproxy__plus_of_logasap_is_taken(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of(CLIENT "b/s 10/0/30/69/+109 200 +57304" AFTER "\"GET /a HTTP/1.1\"");
    assert_int_equal(f.bytes, 57304);
    assert_int_equal(f.status, 200);
}

static void haproxy__other_lines_are_rejected(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of(SYSLOG "Proxy http-in started."), "fields");
    assert_string_equal(reason_of(CLIENT "b/s 0/0/5007 212 -- 0/0/0/0/3 0/0"), "fields");
    assert_string_equal(reason_of(CLIENT "b/s 1/0/0/0/1 2x0 5" AFTER "\"GET / HTTP/1.1\""),
                        "bad_status");
    assert_string_equal(reason_of(CLIENT "b/s 1/0/0/0/1 200 x" AFTER "\"GET / HTTP/1.1\""),
                        "bad_size");
    assert_string_equal(reason_of(CLIENT "b/s 1/0/0/0/1 200"), "fields");
    assert_string_equal(reason_of(CLIENT "b/s 1/0/0/0/1 200 5" AFTER "\"GET / HTTP/1.1"),
                        "unclosed_quote");
    assert_string_equal(
        reason_of("h [06/Feb/2009:12:14:14.655] a b/c 1/0/0/0/1 200 5" AFTER "\"GET / HTTP/1.1\""),
        "bad_host");
    assert_string_equal(
        reason_of("10.0.1.2:5 [06/Feb/2009:12:64:14.655] a b/c 1/0/0/0/1 200 5" AFTER
                  "\"GET / HTTP/1.1\""),
        "bad_time");
}

UNIT_MAIN(unit_test(haproxy__documented_line_gives_every_field),
          unit_test(haproxy__whole_address_of_http2_is_path_and_name),
          unit_test(haproxy__request_without_an_answer_has_status_0),
          unit_test(haproxy__plus_of_logasap_is_taken),
          unit_test(haproxy__other_lines_are_rejected))

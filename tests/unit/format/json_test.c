#include "support/unit.h"

#include "base/limits.h"
#include "format/format.h"
#include "format/json_scan.h"
#include <jansson.h>

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

/* --- named formats --- */

#define T0 1431857103 /* 2015-05-17T10:05:03Z */

static void nginx__keys_after_variables(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "nginx-json",
        "{\"time_local\": \"17/May/2015:12:05:03 +0200\", \"remote_addr\": \"192.0.2.7\", "
        "\"remote_user\": \"bob\", \"request\": \"GET /a?b=c HTTP/1.1\", \"status\": \"200\", "
        "\"body_bytes_sent\": \"5316\", \"request_time\": \"0.003\", \"host\": \"www.example.org\","
        "\"http_referer\": \"https://example.net/\", \"http_user_agent\": \"Mozilla/5.0 "
        "\\\"X\\\"\", \"http_x_forwarded_for\": \"203.0.113.5, 10.0.0.1\", "
        "\"http_sec_ch_ua_platform\": \"\\\"Windows\\\"\"}");
    assert_int_equal(f.time, T0);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.user, "bob");
    assert_str(f.request, "GET /a?b=c HTTP/1.1");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b=c");
    assert_str(f.protocol, "HTTP/1.1");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 5316);
    assert_str(f.vhost, "www.example.org");
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "Mozilla/5.0 \"X\"");
    assert_str(f.hint_platform, "\"Windows\"");
}

static void nginx__names_that_people_give(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "nginx-json", "{\"msec\":1431857103.250,\"client_ip\":\"2001:db8::1\","
                      "\"method\":\"HEAD\",\"uri\":\"/x\",\"args\":\"y=1\",\"status\":304,"
                      "\"bytes\":0,\"referrer\":\"-\",\"user_agent\":\"\"}");
    assert_int_equal(f.time, T0);
    assert_str(f.host, "2001:db8::1");
    assert_str(f.method, "HEAD");
    assert_str(f.target, "/x?y=1");
    assert_int_equal(f.status, 304);
    assert_str(f.referrer, "");
    assert_str(f.agent, "");
    /* the query is in the whole target already */
    assert_str(fields_of("nginx-json",
                         "{\"@timestamp\":\"2015-05-17T10:05:03.250Z\",\"remote_addr\":\"h\","
                         "\"request_method\":\"GET\",\"request_uri\":\"/x?y=1\",\"args\":\"y=1\","
                         "\"status\":200}")
                   .target,
               "/x?y=1");
    /* without the client itself its forwarders tell */
    assert_str(fields_of("nginx-json",
                         "{\"time\":\"2015-05-17T10:05:03+00:00\",\"status\":200,\"uri\":\"/\","
                         "\"x_forwarded_for\":\"203.0.113.5, 10.0.0.1\"}")
                   .host,
               "203.0.113.5");
}

static void nginx__bad_request_is_a_hit(void **state) {
    UNUSED(state);
    struct fields f = fields_of("nginx-json", "{\"time\":1431857103,\"remote_addr\":\"h\","
                                              "\"request\":\"\",\"status\":400}");
    assert_str(f.method, "");
    assert_int_equal(f.status, 400);
    f = fields_of("nginx-json", "{\"time\":1431857103,\"remote_addr\":\"h\","
                                "\"request\":\"\\u0016\\u0003\\u0001\",\"status\":400}");
    assert_str(f.request, "\x16\x03\x01");
    /* nginx without escape=json */
    f = fields_of("nginx-json", "{\"time\":1431857103,\"remote_addr\":\"h\",\"status\":400,"
                                "\"request\":\"\\x16\\x03\\u0041\"}");
    assert_str(f.request, "\\x16\\x03"
                          "A");
    assert_str(f.method, "");
}

#define CADDY_HEAD                                                                                 \
    "{\"level\":\"info\",\"ts\":1646861401.5241024,\"logger\":\"http.log.access\","                \
    "\"msg\":\"handled request\",\"request\":{"
#define CADDY_TAIL                                                                                 \
    "\"proto\":\"HTTP/2.0\",\"method\":\"GET\",\"host\":\"localhost:8443\",\"uri\":\"/a%20b?c\","  \
    "\"headers\":{\"User-Agent\":[\"curl/7.82.0\",\"second\"],\"Accept\":[\"*/*\"],"               \
    "\"Referer\":[\"https://example.net/\"],\"Sec-Ch-Ua-Mobile\":[\"?0\"],\"Empty\":[]},"          \
    "\"tls\":{\"resumed\":false,\"version\":772,\"cipher_suite\":4865,\"proto\":\"h2\","           \
    "\"server_name\":\"example.com\"}},\"bytes_read\": 0,\"user_id\":\"alice\","                   \
    "\"duration\":0.000929675,\"size\":10900,\"status\":200,"                                      \
    "\"resp_headers\":{\"Server\":[\"Caddy\"],\"Content-Encoding\":[\"gzip\"]}}"

static void caddy__documented_line_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of("caddy", CADDY_HEAD "\"remote_ip\":\"10.0.0.1\",\"remote_port\":"
                                      "\"41342\",\"client_ip\":\"192.0.2.7\"," CADDY_TAIL);
    assert_int_equal(f.time, 1646861401);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.vhost, "localhost");
    assert_str(f.user, "alice");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a%20b?c");
    assert_str(f.protocol, "HTTP/2.0");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 10900);
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "curl/7.82.0");
    assert_str(f.hint_mobile, "?0");
    assert_str(fields_of("CADDY", CADDY_HEAD "\"remote_ip\":\"192.0.2.8\"," CADDY_TAIL).host,
               "192.0.2.8");
}

/* encoder: time_format unix_milli_float, unix_nano, wall and wall_nano */
static void caddy__times_in_every_notation_are_read(void **state) {
    UNUSED(state);
    static const char *const times[] = {"1646861401241.5", "1646861401241567891", "1646861401.24",
                                        "\"2022/03/09 21:30:01\"", "\"2022/03/09 21:30:01.241\""};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char line[400];
        snprintf(
            line, sizeof line,
            "{\"logger\":\"http.log.access\",\"ts\":%s,\"request\":{\"client_ip\":\"192.0.2.7\","
            "\"proto\":\"HTTP/2.0\",\"method\":\"GET\",\"host\":\"h\",\"uri\":\"/\"},"
            "\"size\":5,\"status\":200}",
            times[i]);
        assert_int_equal(fields_of("caddy", line).time, 1646861401);
    }
}

static void caddy__address_of_old_versions_has_a_port(void **state) {
    UNUSED(state);
    assert_str(
        fields_of("caddy", CADDY_HEAD "\"remote_addr\":\"192.0.2.9:41342\"," CADDY_TAIL).host,
        "192.0.2.9");
    assert_str(
        fields_of("caddy", CADDY_HEAD "\"remote_addr\":\"[2001:db8::1]:80\"," CADDY_TAIL).host,
        "2001:db8::1");
}

static void caddy__other_lines_are_no_requests(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("caddy",
                                  "{\"level\":\"info\",\"ts\":1646861401.5,\"logger\":\"tls\","
                                  "\"msg\":\"cleaning storage unit\"}"),
                        "no_request");
    assert_string_equal(
        reason_of("caddy", "{\"level\":\"error\",\"ts\":1646861401.5,\"logger\":\"http.log.error\","
                           "\"msg\":\"dial\",\"request\":{\"remote_ip\":\"192.0.2.7\",\"method\":"
                           "\"GET\",\"uri\":\"/\"},\"status\":502}"),
        "no_request");
    assert_string_equal(reason_of("caddy", "{\"level\":\"info\",\"msg\":\"serving\"}"),
                        "no_request");
}

static void traefik__documented_line_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "traefik",
        "{\"ClientAddr\":\"192.0.2.7:50412\",\"ClientHost\":\"192.0.2.7\",\"ClientPort\":\"50412\","
        "\"ClientUsername\":\"bob\",\"DownstreamContentSize\":1234,\"DownstreamStatus\":404,"
        "\"Duration\":1200,\"OriginContentSize\":99,\"OriginStatus\":200,\"Overhead\":5,"
        "\"RequestAddr\":\"www.example.org:443\",\"RequestContentSize\":0,\"RequestCount\":7,"
        "\"RequestHost\":\"www.example.org\",\"RequestMethod\":\"GET\",\"RequestPath\":\"/a?b\","
        "\"RequestPort\":\"-\",\"RequestProtocol\":\"HTTP/1.1\",\"RetryAttempts\":0,"
        "\"RouterName\":\"x@docker\",\"StartLocal\":\"2015-05-17T12:05:03.25+02:00\","
        "\"StartUTC\":\"2015-05-17T10:05:03.250000000Z\",\"entryPointName\":\"web\",\"level\":"
        "\"info\",\"msg\":\"\",\"request_User-Agent\":\"Mozilla/5.0\",\"request_Referer\":"
        "\"https://example.net/\",\"time\":\"2015-05-17T10:05:04Z\"}");
    assert_int_equal(f.time, T0);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.vhost, "www.example.org");
    assert_str(f.user, "bob");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b");
    assert_str(f.protocol, "HTTP/1.1");
    assert_int_equal(f.status, 404);
    assert_int_equal(f.bytes, 1234);
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "Mozilla/5.0");
    assert_string_equal(reason_of("traefik", "{\"level\":\"info\",\"msg\":\"Configuration loaded\","
                                             "\"time\":\"2015-05-17T10:05:03Z\"}"),
                        "no_request");
}

static void ecs__nested_and_flat_keys_are_one(void **state) {
    UNUSED(state);
    static const char *const lines[] = {
        "{\"@timestamp\":\"2015-05-17T10:05:03.250Z\",\"source\":{\"address\":\"x\",\"ip\":"
        "\"192.0.2.7\",\"user\":{\"name\":\"bob\"}},\"http\":{\"version\":\"1.1\",\"request\":{"
        "\"method\":\"GET\",\"referrer\":\"https://example.net/\"},\"response\":{\"status_code\":"
        "200,\"body\":{\"bytes\":5316}}},\"url\":{\"domain\":\"www.example.org\",\"original\":"
        "\"/a?b=c\",\"path\":\"/a\",\"query\":\"b=c\"},\"user_agent\":{\"original\":\"Mozilla\"}}",
        "{\"@timestamp\":\"2015-05-17T10:05:03.250Z\",\"source.address\":\"x\",\"source.ip\":"
        "\"192.0.2.7\",\"source.user.name\":\"bob\",\"http.version\":\"1.1\","
        "\"http.request.method\":\"GET\",\"http.request\":{\"referrer\":\"https://example.net/\"},"
        "\"http.response.status_code\":200,\"http\":{\"response.body\":{\"bytes\":5316}},"
        "\"url.domain\":\"www.example.org\",\"url.original\":\"https://www.example.org/a?b=c\","
        "\"user_agent.original\":\"Mozilla\"}",
        "{\"@timestamp\":1431857103,\"source\":{\"ip\":\"192.0.2.7\"},\"user\":{\"name\":\"bob\"},"
        "\"http\":{\"request\":{\"method\":\"GET\",\"referrer\":\"https://example.net/\"},"
        "\"response\":{\"status_code\":200,\"bytes\":5316}},\"url\":{\"domain\":"
        "\"www.example.org\",\"path\":\"/a\",\"query\":\"b=c\"},\"user_agent\":{\"original\":"
        "\"Mozilla\"}}"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct fields f = fields_of("ecs", lines[i]);
        assert_int_equal(f.time, T0);
        assert_str(f.host, "192.0.2.7");
        assert_str(f.vhost, "www.example.org");
        assert_str(f.user, "bob");
        assert_str(f.method, "GET");
        assert_str(f.target, "/a?b=c");
        assert_int_equal(f.status, 200);
        assert_int_equal(f.bytes, 5316);
        assert_str(f.referrer, "https://example.net/");
        assert_str(f.agent, "Mozilla");
    }
}

/* Each row's own example, by its own name and by detection, and all of them the same request. */
static void examples__are_recognised_and_read(void **state) {
    UNUSED(state);
    static const char *const names[] = {"nginx-json",      "caddy", "traefik",
                                        "cloudfront-json", "gcp",   "ecs"};
    for (size_t i = 0; i < format_count(); i++) {
        const struct format_row *row = format_at(i);
        bool json = false;
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            json = json || strcmp(row->name, names[k]) == 0;
        if (!json)
            continue;
        struct str line = str_from(row->example);
        assert_str(format_detect(&line, 1), row->name);
        struct fields f = fields_of(row->name, row->example);
        assert_str(f.host, "192.0.2.7");
        assert_int_equal(f.time, T0);
        assert_str(f.method, "GET");
        assert_str(f.target, "/index.html");
        assert_int_equal(f.status, 200);
        assert_int_equal(f.bytes, 5316);
        assert_str(f.referrer, "https://example.net/");
        assert_int_equal(memcmp(f.agent.ptr, "Mozilla/5.0", 11), 0);
    }
    assert_str(fields_of("cloudfront-json",
                         "{\"date\":\"2015-05-17\",\"time\":\"10:05:03\",\"c-ip\":\"192.0.2.7\","
                         "\"cs-method\":\"GET\",\"cs-uri-stem\":\"/\",\"sc-status\":\"200\","
                         "\"cs(User-Agent)\":\"Mozilla/5.0%20(X11)\"}")
                   .agent,
               "Mozilla/5.0 (X11)");
}

/* --- mappings --- */

#define BASE "\"host\":\"ip\",\"time\":\"t\",\"target\":\"u\""
#define LINE "\"ip\":\"h\",\"t\":1431857103,\"u\":\"/\""

static void mapping__is_what_the_user_says(void **state) {
    UNUSED(state);
    const char *spec = "{\"host\":\"client.ip\",\"time\":\"ts\",\"method\":\"req.0\",\"target\":"
                       "[\"req.1\",\"url\"],\"ua\":\"h.user-agent\",\"size\":\"n\"}";
    struct fields f = fields_of(spec, "{\"client\":{\"ip\":\"h\"},\"ts\":1431857103,"
                                      "\"req\":[\"POST\",\"/a\",3],\"url\":\"/b\",\"n\":12,"
                                      "\"h\":{\"user-agent\":[[\"x\"],\"y\"]}}");
    assert_str(f.host, "h");
    assert_str(f.method, "POST");
    assert_str(f.target, "/a");
    assert_str(f.agent, "x");
    assert_int_equal(f.bytes, 12);
    assert_int_equal(f.status, 200); /* the format has none */
    /* alternatives: null, "" and - say nothing */
    static const char *const nothing[] = {"null", "\"\"", "\"-\"", "true", "{}", "[]"};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        char line[200];
        snprintf(line, sizeof line,
                 "{\"client.ip\":\"h\",\"ts\":1431857103,\"req\":[\"GET\",%s],\"url\":\"/b\"}",
                 nothing[i]);
        assert_str(fields_of(spec, line).target, "/b");
    }
}

static void mapping__lines_lack_what_the_format_has(void **state) {
    UNUSED(state);
    const char *spec = "{" BASE ",\"status\":\"s\",\"method\":\"m\"}";
    assert_string_equal(reason_of(spec, "{" LINE "}"), "bad_status");
    assert_string_equal(reason_of(spec, "{" LINE ",\"s\":null}"), "bad_status");
    assert_string_equal(reason_of(spec, "{" LINE ",\"s\":1e2}"), "bad_status");
    assert_string_equal(reason_of(spec, "{" LINE ",\"s\":7}"), "bad_status");
    assert_int_equal(fields_of(spec, "{" LINE ",\"s\":0}").status, 0);
    assert_str(fields_of(spec, "{" LINE ",\"s\":200}").method, "");
    assert_str(fields_of("{" BASE "}", "{" LINE "}").method, "GET");
    assert_string_equal(reason_of(spec, "{\"u\":\"/\",\"s\":200}"), "bad_host");
    assert_string_equal(reason_of(spec, "{\"ip\":\"h\",\"u\":\"/\",\"s\":200}"), "bad_time");
    assert_string_equal(reason_of(spec, "{}"), "no_request");
}

static void mapping__only_lines_of_a_kind(void **state) {
    UNUSED(state);
    const char *spec = "{" BASE ",\"only\":{\"log.kind\":\"acc\"}}";
    fields_of(spec, "{" LINE ",\"log\":{\"kind\":\"access\"}}");
    assert_string_equal(reason_of(spec, "{" LINE ",\"log\":{\"kind\":\"error\"}}"), "no_request");
    assert_string_equal(reason_of(spec, "{" LINE "}"), "no_request");
}

static void mapping__mistakes_are_named(void **state) {
    UNUSED(state);
    assert_contains(problem_of("{\"hots\":\"ip\"}"),
                    "unknown field \"hots\": did you mean \"host\"?");
    assert_contains(problem_of("{" BASE ",\"refferer\":\"ip\"}"), "did you mean \"referer\"?");
    assert_contains(problem_of("{\"host\":\"ip\",\"ip\":\"x\"}"), "\"host\" is given twice");
    assert_contains(problem_of("{\"host\":\"ip\",\"host\":\"x\"}"), "duplicate");
    assert_contains(problem_of("{\"host\":\"ip\",\"target\":\"u\"}"), "no time stamp");
    assert_contains(problem_of("{\"time\":\"t\",\"target\":\"u\"}"), "no address");
    assert_contains(problem_of("{\"host\":[],\"time\":\"t\",\"target\":\"u\"}"), "no address");
    assert_contains(problem_of("{\"host\":\"ip\",\"time\":\"t\"}"), "no request");
    assert_contains(problem_of("{\"host\":7}"), "\"host\" needs a path");
    assert_contains(problem_of("{\"host\":[\"a\",{}]}"), "\"host\" needs a path");
    assert_contains(problem_of("{\"host\":\"a..b\"}"), "\"a..b\" is no path");
    assert_contains(problem_of("{\"host\":\"\"}"), "is no path");
    assert_contains(problem_of("{\"host\":\"a.\"}"), "is no path");
    assert_contains(problem_of("{\"host\":\"ip\","), "byte");
    assert_contains(problem_of("{" BASE ",\"only\":\"x\"}"), "\"only\" needs one path");
    assert_contains(problem_of("{" BASE ",\"only\":{}}"), "\"only\" needs one path");
    assert_contains(problem_of("{" BASE ",\"percent\":1}"), "\"percent\" is true or false");
}

static void mapping__may_be_spaced_and_hold_signs(void **state) {
    UNUSED(state);
    struct fields f = fields_of("{ \"host\" : \"a$b.c%d\",\n\"time\" : \"@t\", \"url\" : \"u\" }",
                                "{\"a$b\":{\"c%d\":\"h\"},\"@t\":1431857103,\"u\":\"/\"}");
    assert_str(f.host, "h");
}

/* A server's own string that writes JSON is no mapping. */
static void mapping__is_not_a_servers_string(void **state) {
    UNUSED(state);
    static const char nginx[] = "{\"time\":\"$time_iso8601\",\"host\": \"$remote_addr\","
                                "\"request\":\"$request\",\"status\":$status,\"ua\":"
                                "\"$http_user_agent\"}";
    struct fields f =
        fields_of(nginx, "{\"time\":\"2015-05-17T10:05:03+00:00\",\"host\": \"h\","
                         "\"request\":\"GET / HTTP/1.1\",\"status\":200,\"ua\":\"x\"}");
    assert_int_equal(f.time, T0);
    assert_str(f.host, "h");
    assert_str(f.target, "/");
    assert_str(f.agent, "x");
    static const char apache[] = "{\"t\":\"%t\",\"h\":\"%h\",\"r\":\"%r\",\"s\":%>s}";
    f = fields_of(apache, "{\"t\":\"[17/May/2015:10:05:03 +0000]\",\"h\":\"h\",\"r\":"
                          "\"GET /y HTTP/1.1\",\"s\":200}");
    assert_int_equal(f.time, T0);
    assert_str(f.target, "/y");
}

static void mapping__names_the_site_if_it_has_a_server(void **state) {
    UNUSED(state);
    struct format *f = open_format("{" BASE "}");
    assert_false(format_names_site(f));
    format_free(f);
    f = open_format("{" BASE ",\"server\":\"s\"}");
    assert_true(format_names_site(f));
    format_free(f);
}

/* --- JSON --- */

/* What {"v":...} gives, "(bad)" or "(none)". The last of `buf`'s bytes may be any. */
static struct str scan_line(struct str line) {
    struct json_paths *paths = json_paths_new();
    struct err err = {0};
    size_t id;
    assert_ok(json_paths_add(paths, STR("v"), &id, &err), err);
    char *exact = malloc(max_size(line.len, 1)); /* so that a sanitizer sees its end */
    memcpy(exact, line.ptr, line.len);
    struct str found;
    bool ok = json_scan(paths, str_of(exact, line.len), &scratch, &found);
    struct str ret = !ok                 ? STR("(bad)")
                     : found.ptr == NULL ? STR("(none)")
                                         : arena_dup(&scratch, found);
    free(exact);
    json_paths_free(paths);
    return ret;
}

static struct str scan(const char *value) {
    struct buf line = {0};
    buf_printf(&line, "{\"v\":%s}", value);
    struct str ret = scan_line(buf_str(&line));
    buf_release(&line);
    return ret;
}

static void scan__strings(void **state) {
    UNUSED(state);
    assert_str(scan("\"a\""), "a");
    assert_str(scan("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t");
    assert_str(scan("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\""),
               "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_str(scan("\"a\xff\xc3(\""), "a\xff\xc3("); /* bytes that are no UTF-8 stay */
    assert_str(scan("\"\\x22\\xFF\""), "\\x22\\xFF");
    struct str nul = scan("\"a\\u0000b\"");
    assert_int_equal(nul.len, 3);
    assert_memory_equal(nul.ptr, "a\0b", 3);
    static const char *const bad[] = {
        "\"a",    "\"\\\"", "\"\\q\"",  "\"\\u12\"", "\"\\u12g4\"", "\"\\x2\"", "\"\\xg0\"",
        "\"\t\"", "\"\n\"", "\"\x01\"", "\"\\\0\"",  "'a'",         "\"\\u\"",  "\"\\"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_str(scan(bad[i]), "(bad)");
    assert_str(scan_line(str_of("{\"v\":\"a\0b\"}", 11)), "(bad)");
}

static void scan__halves_of_surrogates_are_replaced(void **state) {
    UNUSED(state);
#define HALF "\xef\xbf\xbd"
    assert_str(scan("\"\\ud83d\""), HALF);
    assert_str(scan("\"\\ude00x\""), HALF "x");
    assert_str(scan("\"\\ud83d\\ud83d\\ude00\""), HALF "\xf0\x9f\x98\x80");
    assert_str(scan("\"\\ud83d\\n\""), HALF "\n");
    assert_str(scan("\"\\ud83d\\u0041\""), HALF "A");
}

static void scan__numbers_and_words(void **state) {
    UNUSED(state);
    static const char *const good[] = {"0",   "-0",        "12",
                                       "1.5", "-1.25e+10", "1E-2",
                                       "0.0", "1e999",     "123456789012345678901234567890",
                                       "0e1", "10.01"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_str(scan(good[i]), good[i]);
    static const char *const bad[] = {"01",   "1.",  ".5",  "-",    "+1",       "1e",  "1e+",
                                      "0x1",  "NaN", "nul", "True", "nullx",    "1 2", "",
                                      "1..2", "--1", "-.5", "1.e5", "undefined"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_str(scan(bad[i]), "(bad)");
    static const char *const nothing[] = {"null", "true", "false", "{}", "{\"v\":1}"};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
        assert_str(scan(nothing[i]), "");
    assert_str(scan("[]"), "(none)");
    assert_str(scan("[[7,8],9]"), "7");
    assert_str(scan("1,\"v\":2"), "2"); /* the last one counts */
}

static void scan__line_is_one_object(void **state) {
    UNUSED(state);
    assert_str(scan_line(STR(" \t{ \"v\" : 1 , \"w\" : [ ] } \r\n")), "1");
    assert_str(scan_line(STR("{}")), "(none)");
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "\"v\"",
                                      "1",
                                      "{}}",
                                      "{} x",
                                      "{},",
                                      "{\"v\":1,}",
                                      "{\"v\"}",
                                      "{\"v\" 1}",
                                      "{v:1}",
                                      "{\"v\":}",
                                      "{,}",
                                      "{{}}",
                                      "{\"v\":[1,]}",
                                      "{\"v\":[1}",
                                      "{\"v\":[1]]",
                                      "{\"v\":1]",
                                      "{}{}",
                                      "{\"v\":1",
                                      "{\"v\"",
                                      "{\"v\":",
                                      "{\"v\":[",
                                      "{\"v\":[,1]}",
                                      "{\"a\":1 \"b\":2}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (!str_is(scan_line(str_from(bad[i])), "(bad)"))
            fail_msg("accepted: %s", bad[i]);
    /* the carriage return of CRLF is no part of a line */
    fields_of("{" BASE "}", "{" LINE "}\r");
    assert_string_equal(reason_of("{" BASE "}", "{" LINE "} x"), "bad_json");
    assert_string_equal(reason_of("{" BASE "}", "plain text"), "bad_json");
}

static void scan__nesting_has_a_limit(void **state) {
    UNUSED(state);
    for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        for (int braces = 0; braces < 2; braces++) {
            struct buf line = {0};
            for (int i = 0; i < depth; i++)
                buf_add_cstr(&line, braces ? "{\"a\":" : "[");
            buf_add_char(&line, '1');
            for (int i = 0; i < depth; i++)
                buf_add_char(&line, braces ? '}' : ']');
            assert_str(scan(buf_cstr(&line)), depth == JSON_DEPTH_MAX ? "(bad)"
                                              : braces                ? ""
                                                                      : "1");
            buf_release(&line);
        }
    }
    struct buf deep = {0};
    for (size_t i = 0; i < LIMIT_LINE_BYTES; i++)
        buf_add_char(&deep, '[');
    assert_str(scan(buf_cstr(&deep)), "(bad)");
    buf_release(&deep);
}

static void paths__limits(void **state) {
    UNUSED(state);
    struct json_paths *paths = json_paths_new();
    struct err err = {0};
    size_t id = 0;
    for (int i = 0; i < JSON_PATHS_MAX; i++) {
        char path[32];
        snprintf(path, sizeof path, "a.k%d", i);
        for (int twice = 0; twice < 2; twice++) { /* again is the same one */
            assert_ok(json_paths_add(paths, str_from(path), &id, &err), err);
            assert_int_equal(id, i);
        }
    }
    assert_int_equal(json_paths_add(paths, STR("b"), &id, &err), ERR_USAGE);
    struct str found[JSON_PATHS_MAX];
    assert_true(json_scan(paths, STR("{\"a\":{\"k7\":1,\"k255\":2},\"a.k255\":3,\"a.k7.\":4}"),
                          &scratch, found));
    assert_str(found[7], "1");
    assert_str(found[255], "3");
    assert_null(found[8].ptr);
    json_paths_free(paths);
}

/* --- against another reader of JSON --- */

static uint64_t seed_state;
static uint32_t below(uint32_t n) {
    seed_state = seed_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed_state >> 33) % n;
}

static void random_value(struct buf *out, int depth) {
    static const char *const scalars[] = {"1",
                                          "-0.5e3",
                                          "null",
                                          "true",
                                          "false",
                                          "\"\"",
                                          "\"x\"",
                                          "\"\\n\"",
                                          "\"\\u00e9\"",
                                          "\"\\ud83d\\ude00\"",
                                          "\"\xe2\x82\xac\"",
                                          "12"};
    uint32_t kind = below(depth > 4 ? 1 : 3);
    if (kind == 0) {
        buf_add_cstr(out, scalars[below(ARRAY_LEN(scalars))]);
        return;
    }
    buf_add_char(out, kind == 1 ? '{' : '[');
    for (uint32_t i = 0, n = below(4); i < n; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        if (kind == 1)
            buf_printf(out, "\"%s%u\"%s:", below(4) ? "k" : "k.", below(3), below(3) ? "" : " ");
        random_value(out, depth + 1);
    }
    buf_add_char(out, kind == 1 ? '}' : ']');
}

/* jansson's verdict, and the value at "v" of the last one of its name. */
static void scan__agrees_with_jansson(void **state) {
    UNUSED(state);
    seed_state = unit_seed();
    size_t valid = 0;
    for (int round = 0; round < 40000; round++) {
        struct buf line = {0};
        buf_add_cstr(&line, "{\"v\":");
        random_value(&line, 0);
        buf_add_cstr(&line, ",\"v\":");
        random_value(&line, 0);
        buf_add_char(&line, '}');
        for (uint32_t i = below(3); i-- > 0;) /* damage */
            line.ptr[below((uint32_t)line.len)] = "{}[]\",:\\0e.- un"[below(15)];
        struct str got = scan_line(buf_str(&line));
        json_error_t at;
        json_t *root = json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, &at);
        /* halves of surrogates and broken UTF-8: it is stricter */
        struct buf utf8 = {0};
        buf_add_utf8(&utf8, buf_str(&line));
        bool other =
            strstr(buf_cstr(&line), "\\u") != NULL || !str_eq(buf_str(&utf8), buf_str(&line));
        buf_release(&utf8);
        /* and a number may be as large as it likes */
        other = other || (root == NULL && json_error_code(&at) == json_error_numeric_overflow);
        if (root == NULL && !str_is(got, "(bad)") && !other)
            fail_msg("accepted: %s (%s)", buf_cstr(&line), at.text);
        if (root != NULL && str_is(got, "(bad)"))
            fail_msg("rejected: %s", buf_cstr(&line));
        const json_t *v = json_object_get(root, "v");
        valid += root != NULL;
        if (json_is_string(v) && !str_eq(got, str_of(json_string_value(v), json_string_length(v))))
            fail_msg("\"" STR_FMT "\" of %s", STR_ARG(got), buf_cstr(&line));
        json_decref(root);
        buf_release(&line);
        arena_reset(&scratch);
    }
    assert_true(valid > 10000);
}

UNIT_MAIN(unit_test(nginx__keys_after_variables), unit_test(nginx__names_that_people_give),
          unit_test(nginx__bad_request_is_a_hit),
          unit_test(caddy__documented_line_gives_every_field),
          unit_test(caddy__times_in_every_notation_are_read),
          unit_test(caddy__address_of_old_versions_has_a_port),
          unit_test(caddy__other_lines_are_no_requests),
          unit_test(traefik__documented_line_gives_every_field),
          unit_test(ecs__nested_and_flat_keys_are_one),
          unit_test(examples__are_recognised_and_read), unit_test(mapping__is_what_the_user_says),
          unit_test(mapping__lines_lack_what_the_format_has),
          unit_test(mapping__only_lines_of_a_kind), unit_test(mapping__mistakes_are_named),
          unit_test(mapping__may_be_spaced_and_hold_signs),
          unit_test(mapping__is_not_a_servers_string),
          unit_test(mapping__names_the_site_if_it_has_a_server), unit_test(scan__strings),
          unit_test(scan__halves_of_surrogates_are_replaced), unit_test(scan__numbers_and_words),
          unit_test(scan__line_is_one_object), unit_test(scan__nesting_has_a_limit),
          unit_test(paths__limits), unit_test(scan__agrees_with_jansson))

#include "support/unit.h"

#include "base/limits.h"
#include "format/format.h"

#define T 1431857103 /* 17/May/2015:10:05:03 +0000 */

static struct arena scratch;

static struct format *open_format(const char *spec) {
    struct format *f = NULL;
    struct err err = {0};
    if (format_open(str_from(spec), &f, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    return f;
}

static enum reason read_as(const char *spec, const char *line, struct fields *ret) {
    struct format *f = open_format(spec);
    enum reason reason = format_read(f, str_from(line), &scratch, ret);
    format_free(f);
    return reason;
}

static struct fields fields_of(const char *spec, const char *line) {
    struct fields fields;
    enum reason reason = read_as(spec, line, &fields);
    if (reason != REASON_NONE)
        fail_msg("rejected (%s): %s\n%s", reason_name(reason), line, spec);
    return fields;
}

static void assert_reason(const char *spec, const char *line, const char *expected) {
    struct fields fields;
    const char *got = reason_name(read_as(spec, line, &fields));
    if (strcmp(got, expected) != 0)
        fail_msg("%s, not %s: %s\n%s", got, expected, line, spec);
}

static void assert_refused(const char *spec, const char *why) {
    struct format *f = NULL;
    struct err err = {0};
    assert_int_equal(format_open(str_from(spec), &f, &err), ERR_USAGE);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\": %s", err.text, why, spec);
}

/* --- Apache --- */

#define COMBINED "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\""
#define TIME "[17/May/2015:10:05:03 +0000]"
#define REST TIME " \"GET / HTTP/1.1\" 200 5"

static void apache__combined_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of(COMBINED, "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET "
                            "/apache_pb.gif?a=b HTTP/1.0\" 200 2326 "
                            "\"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98)\"");
    assert_str(f.host, "127.0.0.1");
    assert_str(f.vhost, "");
    assert_str(f.user, "frank");
    assert_int_equal(f.time, 971211336);
    assert_str(f.request, "GET /apache_pb.gif?a=b HTTP/1.0");
    assert_str(f.method, "GET");
    assert_str(f.target, "/apache_pb.gif?a=b");
    assert_str(f.protocol, "HTTP/1.0");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 2326);
    assert_str(f.referrer, "http://www.example.com/start.html");
    assert_str(f.agent, "Mozilla/4.08 [en] (Win98)");
}

/* What the reader written by hand says of lines is what the compiled string says. */
static void apache__a_string_reads_as_the_named_format_does(void **state) {
    UNUSED(state);
    static const char *const lines[] = {
        "h - john doe " REST " \"-\" \"a\"",
        "h - [x] y " REST " \"-\" \"a\"",
        "h - a[b] " REST " \"-\" \"a\"",
        "h - \"\" " REST " \"-\" \"a\"",
        "h - [99/May/2015:10:05:03 +0000] " REST " \"-\" \"a\"",
        "h  -\t-  " TIME "   \"GET / HTTP/1.1\"  304\t-  \"-\"  \"b\"  more \"fields\"",
        "h - - " TIME "\"GET / HTTP/1.1\"200 5 \"a\"\"b\"",
        "2001:db8::1 - - " REST " \"-\" \"a\"",
        "h - - " TIME " \"GET /\\\"a\\\\ HTTP/1.1\" 200 5 \"\\x16\" \"a\\\\\"",
        "h - - " TIME " \"-\" 408 - \"-\" \"-\"",
        "h - - " TIME " \"\\x16\\x03\" 400 226 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 20 5 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 2000 5 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" - 5 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 099 5 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 -1 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 1k \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 18446744073709551616 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 18446744073709551615 \"-\" \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 5 \"-\" \"never closed",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 5 \"-\" \"never closed\\\"",
        "h - - [17/Mai/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"",
        "h - - [17/May/2015:10:05:03 +0000",
        "h - - [17/May/2015",
        "h - -",
        "h - - " TIME " \"GET / HTTP/1.1\" 200 5 \"-\"",
        "h - - " TIME " \"GET / HTTP/1.1\" 200",
        "h - - [99/May/2015:10:05:03 +0000] \"GET / " TIME " \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"",
        "junk",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct fields a, b;
        enum reason by_hand = read_as("combined", lines[i], &a);
        enum reason compiled = read_as(COMBINED, lines[i], &b);
        if (by_hand != compiled)
            fail_msg("%s, by hand %s: %s", reason_name(compiled), reason_name(by_hand), lines[i]);
        if (by_hand != REASON_NONE)
            continue;
        const struct str of_a[] = {a.host, a.user, a.request, a.target, a.referrer, a.agent};
        const struct str of_b[] = {b.host, b.user, b.request, b.target, b.referrer, b.agent};
        for (size_t k = 0; k < ARRAY_LEN(of_a); k++)
            if (!str_eq(of_a[k], of_b[k]))
                fail_msg("\"" STR_FMT "\", by hand \"" STR_FMT "\": %s", STR_ARG(of_b[k]),
                         STR_ARG(of_a[k]), lines[i]);
        assert_true(a.time == b.time && a.status == b.status && a.bytes == b.bytes);
    }
}

static void apache__every_directive_is_known(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "%a|%{c}a|%A|%B|%{sid}C|%D|%{HOME}e|%f|%{c}h|%H|%{Accept}i|%k|%l|%L|%m|%{note}n|%{Etag}o|"
        "%p|%{remote}p|%P|%{tid}P|%q|%R|%>s|%<s|%t|%T|%{ms}T|%u|%U|%v|%V|%X|%I|%O|%S|%{T}^ti|%^FB|%"
        "{T}^"
        "to|"
        "%{SSL_PROTOCOL}x|%{version}c|%%",
        "192.0.2.7|10.0.0.1|10.0.0.2|5316|s|12|/root|/var/www/a b|10.0.0.1|HTTP/1.1|text/html|0|-|"
        "xyz|GET|n|\"e\"|443|5123|99|1234|?b=c|h|404|200|" TIME
        "|0|12|bob|/a|www.example.org|x.example.org|+|7|9|16|-|1250|-|TLSv1.3|-|%");
    assert_str(f.host, "192.0.2.7");
    assert_int_equal(f.bytes, 5316);
    assert_str(f.protocol, "HTTP/1.1");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b=c");
    assert_int_equal(f.status, 404);
    assert_int_equal(f.time, T);
    assert_str(f.user, "bob");
    assert_str(f.vhost, "www.example.org");
}

static void apache__times_in_every_notation_are_read(void **state) {
    UNUSED(state);
    static const struct {
        const char *spec, *line;
    } rows[] = {
        {"%h [%{%Y-%m-%dT%H:%M:%S%z}t] \"%r\"", "h [2015-05-17T12:05:03+0200] \"-\""},
        {"%h %{sec}t \"%r\"", "h 1431857103 \"-\""},
        {"%h %{msec}t \"%r\"", "h 1431857103123 \"-\""},
        {"%h %{usec}t \"%r\"", "h 1431857103123456 \"-\""},
        {"%h %{begin:sec}t \"%r\"", "h 1431857103 \"-\""},
        {"%h %{end:sec}t \"%r\"", "h 1431857103 \"-\""},
        {"%h %{end:sec}t %{begin:sec}t \"%r\"", "h 1431857109 1431857103 \"-\""},
        {"%h %{begin:}t %{end:}t \"%r\"", "h " TIME " [17/May/2015:10:05:09 +0000] \"-\""},
        {"%h %{sec}t.%{usec_frac}t \"%r\"", "h 1431857103.123456 \"-\""},
        {"%h %{sec}t%{msec_frac}t \"%r\"", "h 1431857103123 \"-\""},
        {"%h [%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t] \"%r\"",
         "h [17/May/2015:12:05:03.123 +0200] \"-\""},
        {"%{%Y%m%d%H%M%S}t%h \"%r\"", "20150517100503h \"-\""},
        {"%{%a, %d %b %Y %H:%M:%S %Z}t %h \"%r\"", "Sun, 17 May 2015 10:05:03 GMT h \"-\""},
        {"%{%c}t %h \"%r\"", "Sun May 17 10:05:03 2015 h \"-\""},
        {"%{%D %r}t %h \"%r\"", "05/17/15 10:05:03 AM h \"-\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(fields_of(rows[i].spec, rows[i].line).time, T);
    assert_refused("%h %{%H:%M}t \"%r\"", "no year");
    assert_refused("%h %{%Y-%m-%d}t \"%r\"", "no hour");
    assert_refused("%h %{%Y-%m-%Q}t \"%r\"", "%Q");
    assert_reason("%h %{sec}t \"%r\"", "h 12x \"-\"", "bad_time");
    assert_reason("%h %{sec}t \"%r\"", "h 99999999999 \"-\"", "bad_time");
}

static void apache__modifiers_choose_and_restrict(void **state) {
    UNUSED(state);
    assert_str(
        fields_of("%h %t \"%r\" %400,501{User-agent}i", "h " TIME " \"-\" Mozilla/5.0 (x)").agent,
        "Mozilla/5.0 (x)");
    struct fields f = fields_of("%h %t \"%r\" %!200s", "h " TIME " \"GET / HTTP/1.1\" -");
    assert_int_equal(f.status, 200);
    assert_int_equal(fields_of("%h %t \"%r\" %!200s", "h " TIME " \"-\" 404").status, 404);
    assert_reason("%h %t \"%r\" %200s", "h " TIME " \"-\" -", "bad_status");
    assert_int_equal(fields_of("%h %t \"%r\" %s %>s", "h " TIME " \"-\" 301 404").status, 404);
    assert_int_equal(fields_of("%h %t \"%r\" %<s %s", "h " TIME " \"-\" 301 404").status, 404);
    assert_int_equal(fields_of("%h %t \"%r\" %O %b", "h " TIME " \"-\" 30 4").bytes, 4);
    assert_int_equal(fields_of("%h %t \"%r\" %O", "h " TIME " \"-\" 30").bytes, 30);
}

static void apache__headers_are_known_in_any_case(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "%{x-forwarded-FOR}i %t \"%r\" \"%{REFERER}i\" \"%{USER_AGENT}i\" \"%{host}i\" "
        "\"%{Sec-CH-UA}i\" \"%{Sec-CH-UA-Mobile}i\" \"%{Sec-CH-UA-Platform}i\" "
        "\"%{Sec-CH-UA-Platform-Version}i\" \"%{Sec-CH-UA-Model}i\"",
        "192.0.2.7, 10.0.0.1, 10.0.0.2 " TIME " \"-\" \"http://r/\" \"ua\" \"www.example.org:443\" "
        "\"\\\"Chromium\\\";v=\\\"120\\\"\" \"?0\" \"\\\"Linux\\\"\" \"\\\"6.1\\\"\" \"-\"");
    assert_str(f.host, "192.0.2.7");
    assert_str(f.referrer, "http://r/");
    assert_str(f.agent, "ua");
    assert_str(f.vhost, "www.example.org");
    assert_str(f.hint_brands, "\"Chromium\";v=\"120\"");
    assert_str(f.hint_mobile, "?0");
    assert_str(f.hint_platform, "\"Linux\"");
    assert_str(f.hint_platform_version, "\"6.1\"");
    assert_str(f.hint_model, "");
}

static void apache__the_client_comes_before_its_forwarders(void **state) {
    UNUSED(state);
    const char *spec = "%{X-Forwarded-For}i %h %t \"%r\"";
    assert_str(fields_of(spec, "192.0.2.7 10.0.0.1 " TIME " \"-\"").host, "10.0.0.1");
    assert_str(fields_of("%{X-Forwarded-For}i %{c}a %t \"%r\"", "- 10.0.0.1 " TIME " \"-\"").host,
               "10.0.0.1");
    assert_reason("%{X-Forwarded-For}i %t \"%r\"", "- " TIME " \"-\"", "bad_host");
}

static void apache__escapes_of_the_string_are_read(void **state) {
    UNUSED(state);
    assert_str(fields_of("%h %t \\\"%r\\\" %>s", "h " REST).target, "/");
    struct fields f = fields_of("%h\\t%u\\t%t\\t%r\\t%>s", "h\tjohn doe\t" TIME "\tGET /a b\t200");
    assert_str(f.user, "john doe");
    assert_str(f.request, "GET /a b");
    assert_str(fields_of("%h\\t%u\\t%t\\t%r\\t%>s", "h\t\t" TIME "\t-\t200").user, "");
    assert_str(fields_of("LogFormat \"%h %t \\\"%r\\\"\" mine", "h " REST).target, "/");
}

static void apache__a_request_may_be_logged_apart(void **state) {
    UNUSED(state);
    const char *spec = "%h %t %m %U%q %H %>s";
    struct fields f = fields_of(spec, "h " TIME " GET /a?b=c HTTP/1.1 200");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b=c");
    assert_str(f.protocol, "HTTP/1.1");
    assert_str(fields_of(spec, "h " TIME " GET /a HTTP/1.1 200").target, "/a");
    f = fields_of("%h %t \"%m\" \"%U\" \"%q\" %>s", "h " TIME " \"POST\" \"/a\" \"?b=c\" 200");
    assert_str(f.method, "POST");
    assert_str(f.target, "/a?b=c");
    assert_str(fields_of(spec, "h " TIME " GET /a b HTTP/1.1 200").target, "/a b");
}

static void nginx__the_first_address_of_forwarders_is_the_client(void **state) {
    UNUSED(state);
    const char *spec = "\"$http_x_forwarded_for\" [$time_local] \"$request\" $status";
    static const struct {
        const char *list, *client;
    } rows[] = {
        {"203.0.113.9, 10.0.0.1", "203.0.113.9"},
        {"unknown, 203.0.113.9", "203.0.113.9"},
        {"203.0.113.9:4711, x", "203.0.113.9"},
        {"[2001:db8::1]:80,10.0.0.1", "2001:db8::1"},
        {"proxy.example, also.example", "proxy.example"},
        {"unknown", "unknown"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[200];
        snprintf(line, sizeof line, "\"%s\" " TIME " \"GET / HTTP/1.1\" 200", rows[i].list);
        assert_str(fields_of(spec, line).host, rows[i].client);
    }
}

static void apache__fields_without_quotes_may_hold_blanks(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of("%h %u %t %r %>s %b %{Referer}i|%{User-agent}i",
                  "h john doe " TIME " GET /a b HTTP/1.1 404 7 http://r/ x|Mozilla/5.0 (X11; a)");
    assert_str(f.user, "john doe");
    assert_str(f.request, "GET /a b HTTP/1.1");
    assert_int_equal(f.status, 404);
    assert_str(f.referrer, "http://r/ x");
    assert_str(f.agent, "Mozilla/5.0 (X11; a)");
    assert_str(fields_of("%h %u %t \"%r\"", "h  " TIME " \"-\"").user, "");
    assert_str(fields_of("%h %t %r", "h " TIME " \"GET / HTTP/1.1\"").target, "/");
}

static void apache__addresses_in_front_of_ports_may_hold_colons(void **state) {
    UNUSED(state);
    const char *spec = "%h:%{remote}p %t \"%r\"";
    assert_str(fields_of(spec, "192.0.2.7:5123 " TIME " \"-\"").host, "192.0.2.7");
    assert_str(fields_of(spec, "2001:db8::1:5123 " TIME " \"-\"").host, "2001:db8::1");
    assert_str(fields_of(spec, "[2001:db8::1]:5123 " TIME " \"-\"").host, "2001:db8::1");
    assert_str(fields_of("%v:%p:%h %t \"%r\"", "a.example:443:2001:db8::1 " TIME " \"-\"").host,
               "2001:db8::1");
    assert_reason(spec, "192.0.2.7 " TIME " \"-\"", "fields");
}

static void apache__mistakes_are_named_with_their_place(void **state) {
    UNUSED(state);
    assert_refused("%h %t %Q %r", "%Q at byte 7: Apache has no such directive");
    assert_refused("%h %t %{x", "%{ at byte 7");
    assert_refused("%h %t %r %", "at byte 10");
    assert_refused("%h %t %i %r", "%i at byte 7: it needs a name");
    assert_refused("%h %t %D%T %r", "at byte 9: nothing stands between");
    assert_refused("%t \"%r\"", "no address of the client");
    assert_refused("%h \"%r\"", "no time stamp");
    assert_refused("%h %t", "no request");
}

static void apache__a_list_of_forwarders_is_one_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of(COMBINED, "192.0.2.7, 10.0.0.1 - - " REST " \"-\" \"a\"");
    assert_str(f.host, "192.0.2.7");
    assert_str(f.user, "");
}

/* --- nginx --- */

#define NGINX                                                                                      \
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "             \
    "\"$http_referer\" \"$http_user_agent\" \"$http_x_forwarded_for\""

static void nginx__main_format_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        NGINX, "2001:db8::7 - bob [17/May/2015:12:05:03 +0200] \"GET /a?b=%22 HTTP/2.0\" 206 53 "
               "\"https://example.net/\" \"Mozilla \\x22x\\x22 \\x5C \\xD0\" \"192.0.2.9\"");
    assert_str(f.host, "2001:db8::7");
    assert_str(f.user, "bob");
    assert_int_equal(f.time, T);
    assert_str(f.request, "GET /a?b=%22 HTTP/2.0");
    assert_str(f.target, "/a?b=%22");
    assert_int_equal(f.status, 206);
    assert_int_equal(f.bytes, 53);
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "Mozilla \"x\" \\ \\xD0");
    assert_str(f.vhost, "");
}

static void nginx__every_variable_is_read(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "$realip_remote_addr ${proxy_add_x_forwarded_for} $msec $time_iso8601 $scheme://$host:"
        "$server_port$request_uri $request_method $server_protocol $status $bytes_sent "
        "$request_time "
        "\"$http_sec_ch_ua\" \"$http_sec_ch_ua_mobile\" $upstream_addr $upstream_status ${pipe}ms",
        "10.0.0.1 192.0.2.7, 10.0.0.9 1431857103.123 2015-05-17T10:05:03+00:00 "
        "https://www.example.org:443/a?b=c GET HTTP/1.1 301 99 0.000 \"\\x22Chromium\\x22\" \"?1\" "
        "10.1.1.1:80, 10.1.1.2:80 502, 301 .ms");
    assert_str(f.host, "10.0.0.1");
    assert_str(f.vhost, "www.example.org");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b=c");
    assert_str(f.protocol, "HTTP/1.1");
    assert_int_equal(f.status, 301);
    assert_int_equal(f.bytes, 99);
    assert_int_equal(f.time, T);
    assert_str(f.hint_brands, "\"Chromium\"");
    assert_str(f.hint_mobile, "?1");
    f = fields_of("$remote_addr $time_iso8601 $host$request_uri $status",
                  "h 2015-05-17T10:05:03Z www.example.org/a 200");
    assert_str(f.vhost, "www.example.org");
    assert_str(f.target, "/a");
    f = fields_of("$remote_addr $msec $request_method $uri$is_args$args $status",
                  "h 1431857103.000 GET /a?b=c 200");
    assert_str(f.target, "/a?b=c");
    f = fields_of("$remote_addr $msec $request_method $uri $query_string $status",
                  "h 1431857103.000 GET /a b=c 200");
    assert_str(f.target, "/a?b=c");
    f = fields_of("$remote_addr $msec $request_method $request_uri $args $status",
                  "h 1431857103.000 GET /a?b=c b=c 200");
    assert_str(f.target, "/a?b=c");
}

static void nginx__whole_statements_are_understood(void **state) {
    UNUSED(state);
    struct fields f = fields_of("log_format main '$remote_addr - $remote_user [$time_local] '\n"
                                "                '\"$request\" $status';",
                                "h - - " REST);
    assert_str(f.target, "/");
    f = fields_of("log_format j escape=json '{\"time\":\"$time_iso8601\",'\n"
                  "  '\"ip\":\"$remote_addr\",\"status\":$status,\"request\":\"$request\","
                  "\"agent\":\"$http_user_agent\"}';",
                  "{\"time\":\"2015-05-17T10:05:03+00:00\",\"ip\":\"192.0.2.7\",\"status\":200,"
                  "\"request\":\"GET / HTTP/1.1\",\"agent\":\"a \\\"b\\\" c\"}");
    assert_str(f.agent, "a \"b\" c");
    assert_str(f.target, "/");
    f = fields_of(
        "escape=none $remote_addr [$time_local] \"$request\" $status \"$http_user_agent\"",
        "h " TIME " \"GET /\"x\" HTTP/1.1\" 200 \"a\\\"");
    assert_str(f.request, "GET /\"x\" HTTP/1.1");
    assert_str(f.agent, "a\\");
    assert_str(fields_of("'$remote_addr [$time_local] ' '\"$request\"'", "h " REST).target, "/");
    assert_refused("log_format x escape=xml '$remote_addr'", "escape=");
    assert_refused("log_format x '$remote_addr", "never closed");
    assert_refused("$remote_addr $time_local $ $request", "at byte 26");
    assert_refused("$remote_adr [$time_local] \"$request\"",
                   "no address of the client (host); $remote_adr is unknown: did you mean "
                   "$remote_addr?");
    assert_refused("$remote_addr [$time_locl] \"$request\"", "did you mean $time_local?");
    assert_refused("$remote_addr [$time_local] $my_own", "(request, or method and target)");
}

static void nginx__an_empty_user_is_no_user(void **state) {
    UNUSED(state);
    assert_str(fields_of("escape=none $remote_addr - $remote_user [$time_local] \"$request\"",
                         "h -  " TIME " \"-\"")
                   .user,
               "");
}

static void nginx__strings_with_percent_signs_are_told_apart(void **state) {
    UNUSED(state);
    assert_str(fields_of("$remote_addr 100% $msec \"$request\"", "h 100% 1431857103.0 \"-\"").host,
               "h");
    assert_str(fields_of("%h $x %t \"%r\"", "h $x " TIME " \"-\"").host, "h");
}

/* --- GoAccess --- */

static void goaccess__formats_of_its_manual_are_read(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of("%h %^[%d:%t %^] \"%r\" %s %b \"%R\" \"%u\"",
                  "192.0.2.7 - bob [17/May/2015:12:05:03 +0200] \"GET /a HTTP/1.1\" 200 "
                  "5316 \"https://example.net/\" \"Mozilla/5.0\"");
    assert_str(f.host, "192.0.2.7");
    assert_int_equal(f.time, T); /* its zone is not lost */
    assert_str(f.target, "/a");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 5316);
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "Mozilla/5.0");

    f = fields_of("%v:%^ %h %^ %e [%d:%t %^] %m %U %q %H %s %b %T %D %L %n %C %M %K %^",
                  "www.example.org:443 2001:db8::1 - bob [17/May/2015:10:05:03 +0000] GET /a ?b=c "
                  "HTTP/1.1 200 7 0.1 100 1 9 HIT text/html TLS x");
    assert_str(f.vhost, "www.example.org");
    assert_str(f.host, "2001:db8::1");
    assert_str(f.user, "bob");
    assert_str(f.target, "/a?b=c");
    assert_str(f.protocol, "HTTP/1.1");
    assert_int_equal(f.bytes, 7);
}

static void goaccess__date_and_time_formats_follow_the_string(void **state) {
    UNUSED(state);
    assert_int_equal(
        fields_of("%dT%t.%^ %h %m %U\n%Y-%m-%d\n%H:%M:%S", "2015-05-17T10:05:03.123Z h GET /").time,
        T);
    assert_int_equal(fields_of("%x %h %m %U\n%s\n%s", "1431857103 h GET /").time, T);
    assert_int_equal(fields_of("%x %h %m %U\n%*\n%*", "1431857103123 h GET /").time, T);
    assert_int_equal(fields_of("%x %h %m %U\n%f\n%f", "1431857103123456 h GET /").time, T);
    assert_int_equal(
        fields_of("%x %h %m %U\n%Y-%m-%d\n%H:%M:%S %z", "2015-05-17 12:05:03 +0200 h GET /").time,
        T);
    assert_int_equal(
        fields_of("%x %h %m %U\n%Y-%m-%dT%H:%M:%S%z", "2015-05-17T12:05:03+02:00 h GET /").time, T);
    assert_refused("%x %h %m %U\n%Y-%m-%d\n%Q", "%Q");
    assert_refused("%d %h %m %U", "no hour");
    assert_refused("%d %t %h %y %U", "%y at byte 10: GoAccess has no such specifier");
}

/* As they stand in a goaccessrc, in any order, or on a command line. */
static void goaccess__lines_of_its_configuration_are_read(void **state) {
    UNUSED(state);
    static const char *const specs[] = {
        "log-format %h %^[%x %^] %m %U\ndate-format %d/%b/%Y:%H:%M:%S",
        "time-format %H:%M:%S\ndate-format %d/%b/%Y\nlog-format %h %^[%d:%t %^] %m %U",
        "# mine\n\ntime-format  %T\n\n# and\ndate-format\t%d/%b/%Y\r\n\nlog-format %h %^[%d:%t %^] "
        "%m %U\n",
        "--log-format='%h %^[%d:%t %^] %m %U'\n--time-format=%T",
        "log-format = \"%h %^[%d:%t %^] %m %U\"\n%d/%b/%Y\n%T",
        "log-format %h %^[%d:%t %^] %m %U\n\n%T",
    };
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct fields f = fields_of(specs[i], "192.0.2.7 - - " TIME " GET /a");
        assert_str(f.host, "192.0.2.7");
        assert_int_equal(f.time, T);
        assert_str(f.target, "/a");
    }
    assert_true(format_takes_times(STR("log-format %h %^[%d:%t %^] %m %U")));
    assert_str(fields_of("log-format COMBINED", "192.0.2.7 - - " REST " \"-\" \"ua\"").agent, "ua");
    assert_str(fields_of("date-format %d/%b/%Y\nlog-format VCOMBINED",
                         "example.org:80 192.0.2.7 - - " REST " \"-\" \"ua\"")
                   .vhost,
               "example.org");
}

static void goaccess__lists_of_forwarders_are_read(void **state) {
    UNUSED(state);
    const char *plain = "~h{, } [%d:%t %^] \"%r\" %s";
    assert_str(fields_of(plain, "192.0.2.7, 10.0.0.1 " REST).host, "192.0.2.7");
    assert_str(fields_of(plain, "192.0.2.7,2001:db8::1,10.0.0.1 " REST).host, "192.0.2.7");
    assert_str(fields_of(plain, "192.0.2.7 " REST).host, "192.0.2.7");
    assert_str(fields_of(plain, "unknown, 10.0.0.1 " REST).host, "unknown");
    assert_reason(plain, "xyz " REST, "bad_host");
    const char *quoted = "%v %^ %^ %e [%d:%t %^] \"%r\" %s %b %R %u ~h{,\\\" } %^";
    struct fields f = fields_of(quoted, "www.example.com 127.0.0.1 - - " REST
                                        " \"https://www.example.com/\" \"Mozilla/5.0 (X11; a) b\" "
                                        "10.146.199.139 -");
    assert_str(f.host, "10.146.199.139");
    assert_str(f.referrer, "https://www.example.com/");
    assert_str(f.agent, "Mozilla/5.0 (X11; a) b");
    f = fields_of(quoted,
                  "www.example.com 127.0.0.1 - - " REST " \"-\" \"ua\" \"10.1.1.1, 10.2.2.2\" -");
    assert_str(f.host, "10.1.1.1");
    assert_refused("~h [%d:%t] %r", "~ at byte 1");
    assert_refused(
        "{ \"ts\": \"%x.%^\", \"request\": { \"client_ip\": \"%h\", \"proto\":\"%H\" } }",
        "such as caddy, or a JSON mapping");
    assert_refused("log-format {\"ts\":\"%x.%^\",\"h\":\"%h\"}\ndate-format %s", "caddy");
    assert_refused("~h{} [%d:%t] %r", "~h at byte 1");
}

/* --- formats of the table --- */

static void rows__squid_lines_give_every_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "squid",
        "1286536309.586    921 192.168.0.68 TCP_MISS/200 507 POST "
        "http://rcv-srv37.example.com:8080/content?a=b bob DIRECT/192.0.2.9 application/xml");
    assert_int_equal(f.time, 1286536309);
    assert_str(f.host, "192.168.0.68");
    assert_str(f.vhost, "rcv-srv37.example.com");
    assert_str(f.user, "bob");
    assert_str(f.method, "POST");
    assert_str(f.target, "/content?a=b");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 507);
    f = fields_of("squid", "1286536309.586 921 h TCP_TUNNEL/200 5 CONNECT example.com:443 - "
                           "HIER_DIRECT/2001:db8::1 -");
    assert_str(f.method, "CONNECT");
    assert_str(f.target, "example.com:443");
    assert_int_equal(
        fields_of("squid",
                  "1286536309.586 9 h TCP_MISS_ABORTED/000 0 GET http://a/ - HIER_NONE/- -")
            .status,
        0);
    assert_reason("squid", "1286536309.586 921 h TCP_MISS 5 GET http://a/ - DIRECT/- -",
                  "bad_status");
}

static void rows__cloud_storage_lines_give_every_field(void **state) {
    UNUSED(state);
    struct format *format = open_format("cloudstorage");
    assert_true(format_is_header(format, STR("\"time_micros\",\"c_ip\",\"c_ip_type\"")));
    format_free(format);
    struct fields f = fields_of(
        "cloudstorage",
        "\"1431857103123456\",\"192.0.2.7\",\"1\",\"\",\"GET\",\"/b/o?x=y\",\"200\",\"0\","
        "\"5316\",\"12000\",\"storage.googleapis.com\",\"http://r/?a=\"\",\"a, b\",\"id\","
        "\"GET_Object\",\"b\",\"o\"");
    assert_int_equal(f.time, T);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.vhost, "b");
    assert_str(f.method, "GET");
    assert_str(f.target, "/b/o?x=y");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 5316);
    assert_str(f.agent, "a, b");
}

static void rows__other_servers_are_read(void **state) {
    UNUSED(state);
    struct fields f = fields_of("vcommon", "[2001:db8::1]:80 2001:db8::7 - bob smith " REST);
    assert_str(f.vhost, "[2001:db8::1]");
    assert_str(f.host, "2001:db8::7");
    assert_str(f.user, "bob smith");
    assert_reason("vcommon", "2001:db8::1 id bob smith " REST, "bad_host");
    f = fields_of("traefik-clf",
                  "192.0.2.7 - - " REST " \"-\" \"Mozilla/5.0\" 1 \"web@docker\" \"-\" 12ms");
    assert_str(f.agent, "Mozilla/5.0");
    assert_str(f.vhost, "");
}

/* --- any --- */

/* Each takes seconds for one line, so minutes for all, if work grows with the square of its length.
 */
static void layout__work_on_one_line_is_bounded(void **state) {
    UNUSED(state);
    static const struct {
        const char *spec, *begin, *filler;
    } rows[] = {
        {"%h %u %t %r %{a}i %{b}i %>s %b", "h ", "a [b"},
        {"%h %u %t \"%r\"", "h a", " "},
        {"%h %{%F}t \"%r\" %{%T}t", "h x", " "},
    };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        struct buf line = {0};
        struct fields f;
        struct format *format = open_format(rows[k].spec);
        buf_add_cstr(&line, rows[k].begin);
        while (line.len < LIMIT_LINE_BYTES - 4)
            buf_add_cstr(&line, rows[k].filler);
        buf_add_char(&line, 'x');
        for (int i = 0; i < 100; i++)
            assert_int_not_equal(format_read(format, buf_str(&line), &scratch, &f), REASON_NONE);
        format_free(format);
        buf_release(&line);
    }
}

static void layout__sites_are_named_when_the_format_does(void **state) {
    UNUSED(state);
    struct format *f = open_format("%v %h %t \"%r\"");
    assert_true(format_names_site(f));
    format_free(f);
    f = open_format("%h %t \"%r\"");
    assert_false(format_names_site(f));
    format_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(apache__combined_gives_every_field),
        unit_test(apache__a_string_reads_as_the_named_format_does),
        unit_test(apache__every_directive_is_known),
        unit_test(apache__times_in_every_notation_are_read),
        unit_test(apache__modifiers_choose_and_restrict),
        unit_test(apache__headers_are_known_in_any_case),
        unit_test(apache__the_client_comes_before_its_forwarders),
        unit_test(apache__escapes_of_the_string_are_read),
        unit_test(apache__a_request_may_be_logged_apart),
        unit_test(nginx__the_first_address_of_forwarders_is_the_client),
        unit_test(apache__fields_without_quotes_may_hold_blanks),
        unit_test(apache__addresses_in_front_of_ports_may_hold_colons),
        unit_test(apache__mistakes_are_named_with_their_place),
        unit_test(apache__a_list_of_forwarders_is_one_field),
        unit_test(nginx__main_format_gives_every_field),
        unit_test(nginx__every_variable_is_read),
        unit_test(nginx__whole_statements_are_understood),
        unit_test(nginx__an_empty_user_is_no_user),
        unit_test(nginx__strings_with_percent_signs_are_told_apart),
        unit_test(goaccess__formats_of_its_manual_are_read),
        unit_test(goaccess__date_and_time_formats_follow_the_string),
        unit_test(goaccess__lines_of_its_configuration_are_read),
        unit_test(goaccess__lists_of_forwarders_are_read),
        unit_test(rows__squid_lines_give_every_field),
        unit_test(rows__cloud_storage_lines_give_every_field),
        unit_test(rows__other_servers_are_read),
        unit_test(layout__work_on_one_line_is_bounded),
        unit_test(layout__sites_are_named_when_the_format_does),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&scratch);
    return failed;
}

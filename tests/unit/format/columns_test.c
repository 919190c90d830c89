#include "support/unit.h"

#include "base/limits.h"
#include "format/columns_text.h"
#include "format/format.h"

static struct arena scratch;

/* --- a reader and its lines ------------------------------------------------------------------- */

static struct format *open_format(const char *name) {
    struct format *f = NULL;
    struct err err = {0};
    assert_ok(format_open(str_from(name), &f, &err), err);
    return f;
}

/* Take in header lines and read the others; the last one's reason, and its fields. */
static enum reason read_with(struct format *f, const char *text, struct fields *ret) {
    struct str rest = str_from(text), line;
    enum reason reason = REASON_NONE;
    while (str_split(&rest, '\n', &line)) {
        if (format_is_header(f, line))
            format_take_header(f, line);
        else
            reason = format_read(f, line, &scratch, ret);
    }
    return reason;
}

static struct fields fields_of(const char *name, const char *text) {
    struct format *f = open_format(name);
    struct fields fields = {0};
    enum reason reason = read_with(f, text, &fields);
    if (reason != REASON_NONE)
        fail_msg("rejected (%s): %s", reason_name(reason), text);
    format_free(f);
    return fields;
}

static const char *reason_of(const char *name, const char *text) {
    struct format *f = open_format(name);
    struct fields fields;
    enum reason reason = read_with(f, text, &fields);
    format_free(f);
    return reason_name(reason);
}

static void assert_detected(const char *text, const char *name) {
    struct str rest = str_from(text), lines[16];
    size_t n = 0;
    while (n < ARRAY_LEN(lines) && str_split(&rest, '\n', &lines[n]))
        n++;
    assert_str(format_detect(lines, n), name);
}

/* --- CloudFront: the examples of Amazon's documents, by age -------------------------------------
 */

#define V_2010                                                                                     \
    "#Version: 1.0\n"                                                                              \
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "   \
    "cs(Referer) cs(User-Agent) cs-uri-query\n"
#define V_2013                                                                                     \
    "#Version: 1.0\n"                                                                              \
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "   \
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id "     \
    "x-host-header cs-protocol cs-bytes time-taken\n"
#define V_2019                                                                                     \
    "#Version: 1.0\n"                                                                              \
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "   \
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id "     \
    "x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher "       \
    "x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port "      \
    "time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "               \
    "sc-range-start sc-range-end\n"

static void cloudfront__twelve_fields_of_2010(void **state) {
    UNUSED(state);
    const char *text =
        V_2010 "2010-03-12\t23:51:20\tSEA4\t2222\t192.0.2.147\tGET\td111111abcdef8.cloudfront.net\t"
               "/view/my/file.mp3\t200\thttp://www.amazon.com/soundtrack/home.html\t"
               "Mozilla/4.0%20(compatible;%20MSIE%205.0b1;%20Mac_PowerPC)\tep=22&rtmp=0";
    struct fields f = fields_of("cloudfront", text);
    assert_str(f.host, "192.0.2.147");
    assert_str(f.vhost, ""); /* the name of the distribution is none of a site */
    assert_str(f.user, "");
    assert_int_equal(f.time, 1268437880);
    assert_str(f.method, "GET");
    assert_str(f.target, "/view/my/file.mp3?ep=22&rtmp=0");
    assert_str(f.protocol, "");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 2222);
    assert_str(f.referrer, "http://www.amazon.com/soundtrack/home.html");
    assert_str(f.agent, "Mozilla/4.0 (compatible; MSIE 5.0b1; Mac_PowerPC)");
    assert_detected(text, "cloudfront");
}

/* Columns are chosen freely: one that nobody else has is enough. */
static void cloudfront__files_without_columns_of_edges_are_known(void **state) {
    UNUSED(state);
    static const char *const signs[] = {"x-host-header\twww.example.org", "c-country\tDE",
                                        "time-to-first-byte\t0.001", "timestamp(ms)\t1431857103250",
                                        "x-edge-mqcs\t-"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        char text[600];
        int name = (int)strcspn(signs[i], "\t");
        snprintf(text, sizeof text,
                 "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status "
                 "cs(User-Agent) %.*s\n"
                 "2015-05-17\t10:05:03\t192.0.2.7\tGET\t/a\t200\tMozilla/5.0%%20(X11)%s",
                 name, signs[i], signs[i] + name);
        assert_detected(text, "cloudfront");
        struct fields f = fields_of("cloudfront", text);
        assert_str(f.agent, "Mozilla/5.0 (X11)");
        assert_int_equal(f.time, 1431857103);
    }
}

static void cloudfront__nineteen_fields_of_2014(void **state) {
    UNUSED(state);
    const char *text = V_2013
        "2014-05-23\t01:13:11\tFRA2\t182\t192.0.2.10\tGET\td111111abcdef8.cloudfront.net\t"
        "/view/my/file.html\t200\twww.displaymyfiles.com\t"
        "Mozilla/4.0%20(compatible;%20MSIE%205.0b1;%20Mac_PowerPC)\t-\tzip=98101\tRefreshHit\t"
        "MRVMF7KydIvxMWfJIglgwHQwZsbG2IhRJ07sn9AkKUFSHS9EXAMPLE==\t"
        "WWW.Example.com:443\thttp\t-\t0.001";
    struct fields f = fields_of("cloudfront", text);
    assert_str(f.host, "192.0.2.10");
    assert_str(f.vhost, "WWW.Example.com");
    assert_int_equal(f.time, 1400807591);
    assert_str(f.target, "/view/my/file.html");
    assert_int_equal(f.bytes, 182);
    assert_str(f.referrer, "www.displaymyfiles.com");
    assert_detected(text, "cloudfront");
}

static void cloudfront__thirty_three_fields_of_2019(void **state) {
    UNUSED(state);
    const char *text = V_2019
        "2019-12-04\t21:02:31\tLAX1\t392\t2001:db8::abcd\tGET\td111111abcdef8.cloudfront.net\t"
        "/index.html\t200\t-\tMozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20"
        "AppleWebKit/537.36\tutm_source=news\t-\tHit\t"
        "SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\twww.example.org\thttps\t23\t"
        "0.001\t203.0.113.9\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t"
        "0.001\tHit\ttext/html\t78\t-\t-";
    struct fields f = fields_of("cloudfront", text);
    assert_str(f.host, "2001:db8::abcd"); /* not what the client says of itself */
    assert_str(f.vhost, "www.example.org");
    assert_int_equal(f.time, 1575493351);
    assert_str(f.target, "/index.html?utm_source=news");
    assert_str(f.protocol, "HTTP/2.0");
    assert_str(f.referrer, "");
    assert_str(f.agent, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36");
    struct format *names = open_format("cloudfront");
    struct fields ignored;
    assert_false(format_names_site(names));
    assert_int_equal(read_with(names, text, &ignored), REASON_NONE);
    assert_true(format_names_site(names));
    format_restart(names);
    assert_false(format_names_site(names));
    format_free(names);
}

static void cloudfront__stamps_of_newer_deliveries(void **state) {
    UNUSED(state);
    assert_int_equal(fields_of("cloudfront", "#Fields: timestamp(ms) c-ip cs-uri-stem\n"
                                             "1575493351999\t192.0.2.7\t/")
                         .time,
                     1575493351);
    assert_int_equal(fields_of("cloudfront", "#Fields: timestamp c-ip cs-uri-stem\n"
                                             "1575493351\t192.0.2.7\t/")
                         .time,
                     1575493351);
}

#define SHORT                                                                                      \
    "#Fields: date time c-ip cs-uri-stem sc-status cs(User-Agent) cs(Referer) cs-uri-query\n"
#define SHORT_HEAD "2014-05-23\t01:13:11\t192.0.2.10\t"

static void cloudfront__agents_are_decoded_whether_encoded_once_or_twice(void **state) {
    UNUSED(state);
    static const struct {
        const char *logged, *sent;
    } rows[] = {
        {"-", "-"},
        {"curl/7.1", "curl/7.1"},
        {"Mozilla/5.0%20(X11)", "Mozilla/5.0 (X11)"},
        {"Mozilla/5.0%2520(X11)", "Mozilla/5.0 (X11)"},
        {"Mozilla/5.0%2520%2528X11%2529", "Mozilla/5.0 (X11)"},
        {"My%2520App/1.0%20CFNetwork/1220.1", "My%20App/1.0 CFNetwork/1220.1"},
        {"My%252520App/1.0%2520CFNetwork/1220.1", "My%20App/1.0 CFNetwork/1220.1"},
        {"100%", "100%"},
        {"100%2", "100%2"},
        {"%zz%20x", "%zz x"},
        {"%C3%A9%20x", "\xc3\xa9 x"},
        {"a%250", "a%0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_str(columns_percent_agent(str_from(rows[i].logged), &scratch), rows[i].sent);
    struct fields f =
        fields_of("cloudfront", SHORT SHORT_HEAD "/\t200\tMozilla/5.0%2520(X11;%2520Linux)\t-\t-");
    assert_str(f.agent, "Mozilla/5.0 (X11; Linux)");
}

static void cloudfront__path_is_as_logged_and_the_rest_encoded_once(void **state) {
    UNUSED(state);
    struct fields f = fields_of("cloudfront", SHORT SHORT_HEAD
                                "/a%2520b%20c\t200\t-\thttps://example.net/x%2520y%20z\t"
                                "utm_campaign=a%2520b&x=100%25&y=%2541%252");
    assert_str(f.target, "/a%2520b%20c?utm_campaign=a%20b&x=100%25&y=%41%252");
    assert_str(f.referrer, "https://example.net/x%20y%20z");
}

static void cloudfront__status_000_is_a_hit(void **state) {
    UNUSED(state);
    struct fields f = fields_of("cloudfront", SHORT SHORT_HEAD "/\t000\t-\t-\t-");
    assert_int_equal(f.status, 0);
    assert_str(f.method, "GET");
    assert_string_equal(reason_of("cloudfront", SHORT SHORT_HEAD "/\t099\t-\t-\t-"), "bad_status");
    assert_string_equal(reason_of("cloudfront", SHORT SHORT_HEAD "/\t00\t-\t-\t-"), "bad_status");
}

static void cloudfront__streaming_lines_are_rejected_by_name(void **state) {
    UNUSED(state);
    const char *text =
        "#Version: 1.0\n"
        "#Software: AmazonCloudFront\n"
        "#Fields: date time x-edge-location c-ip x-event sc-bytes x-cf-status x-cf-client-id "
        "cs-uri-stem cs-uri-query c-referrer x-page-url c-user-agent x-sname x-sname-query "
        "x-file-ext x-sid\n"
        "2010-03-12\t23:51:20\tSEA4\t192.0.2."
        "147\tconnect\t2014\tOK\tbfd8a98bee0840d9b871b7f6adf9908"
        "f\trtmp://shqshne4jdp4b6.cloudfront.net/cfx/st\tkey=value\t"
        "http://player.longtailvideo.com/player.swf\t"
        "http://www.longtailvideo.com/support/jw-player-setup-wizard?example=204\t"
        "LNX%2010,0,32,18\t-\t-\t-\t-";
    assert_string_equal(reason_of("cloudfront", text), "streaming");
    assert_string_equal(reason_of("w3c", text), "streaming");
    assert_detected(text, "cloudfront");
}

static void cloudfront__blanks_for_tabs_and_several_of_them(void **state) {
    UNUSED(state);
    assert_str(fields_of("cloudfront",
                         SHORT "2014-05-23 01:13:11  192.0.2.10 / 200 Mozilla/5.0%20(X11) - -")
                   .agent,
               "Mozilla/5.0 (X11)");
    assert_str(
        fields_of("cloudfront", SHORT SHORT_HEAD "\t/\t\t200\tMozilla/5.0 (raw blanks)\t-\t-")
            .agent,
        "Mozilla/5.0 (raw blanks)");
}

/* --- W3C and IIS --------------------------------------------------------------------------------
 */

#define IIS                                                                                        \
    "#Software: Microsoft Internet Information Services 10.0\r\n"                                  \
    "#Version: 1.0\r\n"                                                                            \
    "#Date: 2021-05-17 00:00:08\r\n"                                                               \
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "          \
    "cs(User-Agent) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes " \
    "time-taken X-Forwarded-For\r\n"

static void iis__every_field(void **state) {
    UNUSED(state);
    const char *text =
        IIS "2021-05-17 00:00:09 10.0.0.4 GET /a+b.aspx id=7&x=%20 443 CORP\\bob 10.0.0.1 "
            "Mozilla/5.0+(Windows+NT+10.0;+Win64)+AppleWebKit/537.36 https://example.net/x "
            "www.example.org:443 404 0 2 1245 980 31 203.0.113.9:50123,+10.0.0.7\r";
    struct fields f = fields_of("iis", text);
    assert_str(f.host, "203.0.113.9");
    assert_str(f.vhost, "www.example.org");
    assert_str(f.user, "CORP\\bob");
    assert_int_equal(f.time, 1621209609);
    assert_str(f.method, "GET");
    assert_str(f.target, "/a+b.aspx?id=7&x=%20");
    assert_int_equal(f.status, 404);
    assert_int_equal(f.bytes, 1245);
    assert_str(f.referrer, "https://example.net/x");
    assert_str(f.agent, "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36");
    assert_detected(text, "iis");
}

static void iis__forwarders_that_are_no_address_leave_the_client(void **state) {
    UNUSED(state);
    static const struct {
        const char *list, *host;
    } rows[] = {
        {"-", ""},
        {"unknown", ""},
        {"<script>", ""},
        {"'a.b'", ""},
        {"[x]", ""},
        {"203.0.113.9", "203.0.113.9"},
        {"203.0.113.9,10.0.0.1", "203.0.113.9"},
        {"203.0.113.9:80,+10.0.0.1", "203.0.113.9"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_str(columns_forwarded(str_from(rows[i].list)), rows[i].host);
    const char *text = "#Fields: date time c-ip cs-uri-stem x-forwarded-for\n"
                       "2021-05-17 00:00:09 10.0.0.1 / -";
    assert_str(fields_of("iis", text).host, "10.0.0.1");
}

static void iis__pluses_of_agents(void **state) {
    UNUSED(state);
    static const struct {
        const char *logged, *sent;
    } rows[] = {
        {"Mozilla/5.0+(X11;+Linux)", "Mozilla/5.0 (X11; Linux)"},
        {"Googlebot/2.1;++http://www.google.com/bot.html",
         "Googlebot/2.1; +http://www.google.com/bot.html"},
        {"MJ12bot/v1.4.8+(+http://mj12bot.com/)", "MJ12bot/v1.4.8 (+http://mj12bot.com/)"},
        {"curl/7.1", "curl/7.1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_str(columns_plus_agent(str_from(rows[i].logged), &scratch), rows[i].sent);
}

static void w3c__example_of_the_draft_has_no_client(void **state) {
    UNUSED(state);
    const char *draft = "#Version: 1.0\n"
                        "#Date: 12-Jan-1996 00:00:00\n"
                        "#Fields: time cs-method cs-uri\n"
                        "00:34:23 GET /foo/bar.html";
    assert_string_equal(reason_of("w3c", draft), "header_client");
    assert_detected(draft, "w3c");
    struct fields f = fields_of("w3c", "#Version: 1.0\n"
                                       "#Date: 12-Jan-1996 00:00:00\n"
                                       "#Fields: time c-dns cs-method cs-uri cs-uri-query\n"
                                       "00:34:23 host.example GET http://a.example:80/b.html?c c");
    assert_int_equal(f.time, 821406863);
    assert_str(f.host, "host.example");
    assert_str(f.target, "/b.html?c");
    assert_str(f.vhost, "a.example");
    assert_int_equal(f.status, 200);
}

static void w3c__date_of_the_header_changes_in_the_middle(void **state) {
    UNUSED(state);
    struct format *f = open_format("w3c");
    struct fields fields;
    const char *first = "#Date: 2015-05-17 00:00:00\n#Fields: time c-ip cs-uri\n10:05:03 h /";
    assert_int_equal(read_with(f, first, &fields), REASON_NONE);
    assert_int_equal(fields.time, 1431857103);
    assert_int_equal(read_with(f, "#Date: 2015-05-18\n10:05:03 h /", &fields), REASON_NONE);
    assert_int_equal(fields.time, 1431857103 + 86400);
    assert_int_equal(read_with(f, "#Date: today\n10:05:03 h /", &fields), REASON_header_time);
    assert_int_equal(read_with(f, "#Date: 2015-02-31\n10:05:03 h /", &fields), REASON_bad_time);
    format_free(f);
}

static void w3c__fields_in_quotes(void **state) {
    UNUSED(state);
#define W3C "#Fields: date time c-ip cs-uri-stem cs(User-Agent) cs(Referer) sc-status\n"
#define W3C_HEAD "2015-05-17 10:05:03 192.0.2.7 / "
    struct fields f =
        fields_of("w3c", W3C W3C_HEAD "\"Mozilla/5.0 (\"\"X11\"\"; +x)\"\t\"\" \"404\"");
    assert_str(f.agent, "Mozilla/5.0 (\"X11\"; +x)");
    assert_str(f.referrer, "");
    assert_int_equal(f.status, 404);
    f = fields_of("w3c", W3C W3C_HEAD "\"a\\\"b\\\\\" \"-\" 200");
    assert_str(f.agent, "a\"b\\");
    assert_str(f.referrer, "");
    assert_str(fields_of("w3c", W3C W3C_HEAD "\"Brand\";v=\"1\" - 200").agent, "\"Brand\";v=\"1\"");
    assert_string_equal(reason_of("w3c", W3C W3C_HEAD "\"Mozilla - 200"), "unclosed_quote");
    assert_str(fields_of("iis", W3C W3C_HEAD "\"Mozilla - 200").agent, "\"Mozilla");
}

static void w3c__is_what_no_sign_says_to_be_iis(void **state) {
    UNUSED(state);
    const char *fields = "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n"
                         "2015-05-17 10:05:03 192.0.2.7 GET / 200";
    struct buf iis = {0};
    buf_printf(&iis, "#Software: Microsoft Internet Information Server 5.0\n%s", fields);
    assert_detected(fields, "w3c");
    assert_detected(buf_cstr(&iis), "iis");
    assert_int_equal(fields_of("iis", fields).status, 200); /* by name it is read all the same */
    buf_release(&iis);
}

/* --- header lines -------------------------------------------------------------------------------
 */

static void header__columns_may_change_their_order(void **state) {
    UNUSED(state);
    struct format *f = open_format("w3c");
    struct fields fields;
    const char *first = "#fields:date  time\tc-ip cs-uri-stem sc-status\n"
                        "2015-05-17 10:05:03 192.0.2.7 /a 404";
    assert_int_equal(read_with(f, first, &fields), REASON_NONE);
    assert_int_equal(fields.status, 404);
    const char *then = "#Remark: the clock was set\n# free text\n#\n"
                       "#Fields: sc-status X(None) CS-URI-STEM c-ip time date\n"
                       "200 x /b 192.0.2.8 10:05:04 2015-05-17";
    assert_int_equal(read_with(f, then, &fields), REASON_NONE);
    assert_int_equal(fields.status, 200);
    assert_str(fields.host, "192.0.2.8");
    assert_str(fields.target, "/b");
    assert_int_equal(fields.time, 1431857104);
    format_free(f);
}

static void header__of_one_name_twice_the_first_counts(void **state) {
    UNUSED(state);
    const char *text = "#Fields: date time c-dns c-ip c-ip cs-uri cs-uri-stem cs-uri-query\n"
                       "2015-05-17 10:05:03 host.example 192.0.2.7 192.0.2.8 /c?d /a b=c";
    struct fields f = fields_of("w3c", text);
    assert_str(f.host, "192.0.2.7");
    assert_str(f.target, "/a?b=c");
}

static void header__missing_or_lacking_what_is_needed(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("w3c", "2015-05-17 10:05:03 h /"), "no_header");
    assert_string_equal(reason_of("w3c", "#Date: 2015-05-17\n10:05:03 h /"), "no_header");
    assert_string_equal(reason_of("w3c", "#Fields:\n2015-05-17 10:05:03 h /"), "bad_header");
    assert_string_equal(reason_of("w3c", "#Fields: date time cs-uri\n2015-05-17 10:05:03 /"),
                        "header_client");
    assert_string_equal(reason_of("w3c", "#Fields: time c-ip cs-uri\n10:05:03 h /"), "header_time");
    assert_string_equal(reason_of("w3c", "#Fields: date c-ip cs-uri\n2015-05-17 h /"),
                        "header_time");
    assert_string_equal(reason_of("w3c", "#Fields: date time c-ip\n2015-05-17 10:05:03 h"),
                        "header_request");
    assert_string_equal(reason_of("cloudfront", "#Fields: timestamp cs-method c-ip\n1 GET h"),
                        "header_request");
}

static void header__line_with_fewer_columns_is_rejected_with_more_is_not(void **state) {
    UNUSED(state);
    assert_string_equal(reason_of("w3c", W3C W3C_HEAD "- -"), "fields");
    assert_int_equal(fields_of("w3c", W3C W3C_HEAD "- - 200 more").status, 200);
}

/* A line of n columns; the last is the status. */
static void add_columns(struct buf *out, size_t n) {
    buf_add_cstr(out, "#Fields: date time c-ip cs-uri-stem");
    for (size_t i = 5; i < n; i++)
        buf_printf(out, " x%zu", i);
    buf_add_cstr(out, " sc-status\n2015-05-17 10:05:03 192.0.2.7 /");
    for (size_t i = 5; i < n; i++)
        buf_add_cstr(out, " -");
    buf_add_cstr(out, " 404");
}

static void header__at_the_limit_of_columns_and_one_above(void **state) {
    UNUSED(state);
    struct buf text = {0};
    add_columns(&text, LIMIT_COLUMNS);
    assert_int_equal(fields_of("w3c", buf_cstr(&text)).status, 404);
    buf_clear(&text);
    add_columns(&text, LIMIT_COLUMNS + 1);
    assert_string_equal(reason_of("w3c", buf_cstr(&text)), "bad_header");
    buf_release(&text);
}

/* What a block begins with must do for its lines what the header lines before it did. */
static void header__repeated_gives_the_same_state(void **state) {
    UNUSED(state);
    struct buf wide = {0};
    add_columns(&wide, LIMIT_COLUMNS + 1);
    const char *const texts[] = {
        "",
        "#Date: 2015-05-17 10:05:03",
        "#Software: x\n#Version: 1.0\n#Fields: date time c-ip cs-uri",
        "#Fields: time c-ip cs-uri\n#Date: 17-May-2015",
        "#Fields: x-event date",
        "#Fields:",
        "\"#Fields: date time c-ip cs-uri\"",
        buf_cstr(&wide),
    };
    static const char *const names[] = {"w3c", "iis", "cloudfront"};
    for (size_t i = 0; i < ARRAY_LEN(texts) * ARRAY_LEN(names); i++) {
        struct format *f = open_format(names[i % 3]), *other = open_format(names[i % 3]);
        struct fields fields;
        struct buf header = {0}, again = {0};
        (void)read_with(f, texts[i / 3], &fields);
        format_header(f, &header);
        format_take_header(other, buf_str(&header));
        format_header(other, &again);
        assert_string_equal(buf_cstr(&again), buf_cstr(&header));
        const char *line = "2015-05-17 10:05:03 192.0.2.7 /";
        assert_int_equal(read_with(other, line, &fields), read_with(f, line, &fields));
        format_free(f);
        format_free(other);
        buf_release(&header);
        buf_release(&again);
    }
    buf_release(&wide);
}

static void header__alone_says_what_the_file_is(void **state) {
    UNUSED(state);
    assert_detected(V_2010, "cloudfront");
    assert_detected(V_2019, "cloudfront");
    assert_detected(IIS, "iis");
    assert_detected("#Version: 1.0\n#Fields: date time c-ip cs-uri\n", "w3c");
    assert_detected("#Version: 1.0\n#Fie", "w3c");
    assert_detected("# a comment\n", "combined");
    assert_detected("\xef\xbb\xbf#Fields: date time c-ip cs-uri\n", "w3c");
    assert_detected("\"#Fields: date time c-ip cs-uri\"\n\"2015-05-17 10:05:03 h /\"", "w3c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(cloudfront__twelve_fields_of_2010),
        unit_test(cloudfront__files_without_columns_of_edges_are_known),
        unit_test(cloudfront__nineteen_fields_of_2014),
        unit_test(cloudfront__thirty_three_fields_of_2019),
        unit_test(cloudfront__stamps_of_newer_deliveries),
        unit_test(cloudfront__agents_are_decoded_whether_encoded_once_or_twice),
        unit_test(cloudfront__path_is_as_logged_and_the_rest_encoded_once),
        unit_test(cloudfront__status_000_is_a_hit),
        unit_test(cloudfront__streaming_lines_are_rejected_by_name),
        unit_test(cloudfront__blanks_for_tabs_and_several_of_them),
        unit_test(iis__every_field),
        unit_test(iis__forwarders_that_are_no_address_leave_the_client),
        unit_test(iis__pluses_of_agents),
        unit_test(w3c__example_of_the_draft_has_no_client),
        unit_test(w3c__date_of_the_header_changes_in_the_middle),
        unit_test(w3c__fields_in_quotes),
        unit_test(w3c__is_what_no_sign_says_to_be_iis),
        unit_test(header__columns_may_change_their_order),
        unit_test(header__of_one_name_twice_the_first_counts),
        unit_test(header__missing_or_lacking_what_is_needed),
        unit_test(header__line_with_fewer_columns_is_rejected_with_more_is_not),
        unit_test(header__at_the_limit_of_columns_and_one_above),
        unit_test(header__repeated_gives_the_same_state),
        unit_test(header__alone_says_what_the_file_is),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&scratch);
    return failed;
}

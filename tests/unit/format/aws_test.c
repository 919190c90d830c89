/* Lines in the shapes that Amazon's user guides show. */
#include "support/unit.h"

#include "format/format.h"

static struct arena scratch;

static enum reason read_as(const char *spec, const char *line, struct fields *ret) {
    struct format *f = NULL;
    struct err err = {0};
    assert_ok(format_open(str_from(spec), &f, &err), err);
    enum reason reason = format_read(f, str_from(line), &scratch, ret);
    format_free(f);
    return reason;
}

static struct fields fields_of(const char *spec, const char *line) {
    struct fields fields;
    enum reason reason = read_as(spec, line, &fields);
    if (reason != REASON_NONE)
        fail_msg("rejected (%s): %s", reason_name(reason), line);
    return fields;
}

static void assert_reason(const char *spec, const char *line, const char *expected) {
    struct fields fields;
    const char *got = reason_name(read_as(spec, line, &fields));
    if (strcmp(got, expected) != 0)
        fail_msg("%s, not %s: %s", got, expected, line);
}

/* --- s3 --- */

#define OWNER "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
#define S3_TIME "[06/Feb/2019:00:01:57 +0000]"

static void s3__object_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of(
        "s3", OWNER " files.example.org " S3_TIME " 192.0.2.3 " OWNER
                    " DD6CC733AEXAMPLE REST.GET.OBJECT a/s3%2Ddg.pdf \"GET /a/s3-dg.pdf?x=y "
                    "HTTP/1.1\" 200 - 4406583 4406583 41 28 \"https://example.net/\" "
                    "\"Mozilla/5.0 (X11)\" - 10S62Zv81kBW7BB6SX4XJ48o6kpcl6LPwEoizZQQxJd5= SigV4 "
                    "ECDHE-RSA-AES128-SHA AuthHeader files.example.org.s3.us-west-1.amazonaws.com "
                    "TLSV1.2 - - us-east-1");
    assert_str(f.host, "192.0.2.3");
    assert_str(f.vhost, "files.example.org");
    assert_str(f.user, OWNER);
    assert_int_equal(f.time, 1549411317);
    assert_str(f.request, "GET /a/s3-dg.pdf?x=y HTTP/1.1");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a/s3-dg.pdf?x=y");
    assert_str(f.protocol, "HTTP/1.1");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 4406583);
    assert_str(f.referrer, "https://example.net/");
    assert_str(f.agent, "Mozilla/5.0 (X11)");
}

static void s3__every_age_is_read(void **state) {
    UNUSED(state);
    static const char *const tails[] = {
        "",
        " -",
        " - HOSTID=",
        " - HOSTID= SigV2 - QueryString",
        " - HOSTID= - - - b.s3.amazonaws.com",
        " - HOSTID= - - - b.s3.amazonaws.com TLSv1.2",
        " 3HL4kqtJvjVBH40Nrjfkd HOSTID= - - - b.s3.amazonaws.com TLSv1.2 "
        "arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP Yes us-east-1"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        char line[1000];
        snprintf(line, sizeof line,
                 OWNER " b " S3_TIME " 192.0.2.3 - ID WEBSITE.GET.OBJECT - \"GET / HTTP/1.0\" 304 "
                       "- - 12 9 - \"-\" \"curl/7\"%s",
                 tails[i]);
        struct fields f = fields_of("s3", line);
        assert_str(f.target, "/");
        assert_int_equal(f.status, 304);
        assert_int_equal(f.bytes, 0);
        assert_str(f.user, "");
        assert_str(f.referrer, "");
        assert_str(f.agent, "curl/7");
    }
}

static void s3__what_it_does_by_itself_is_a_hit_without_a_request(void **state) {
    UNUSED(state);
    struct fields f = fields_of("s3", OWNER " b " S3_TIME " - AmazonS3 ID S3.EXPIRE.OBJECT a/b.pdf "
                                            "\"-\" - - - 40 - - \"-\" \"-\" - HOSTID= - - - - - -");
    assert_str(f.host, "AmazonS3");
    assert_str(f.method, "");
    assert_str(f.target, "");
    assert_str(f.request, "");
    assert_int_equal(f.status, 0);
    f = fields_of("s3", OWNER " b " S3_TIME " 192.0.2.3 arn:aws:iam::123456789012:user/x ID "
                              "BATCH.DELETE.OBJECT a.pdf - 204 - - 8 - - - - - HOSTID= SigV4 -");
    assert_str(f.host, "192.0.2.3");
    assert_str(f.method, "");
    assert_int_equal(f.status, 204);
    assert_str(f.agent, "");
}

static void s3__quotes_of_clients_stay_within(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of("s3", OWNER " b " S3_TIME " 192.0.2.3 - ID REST.GET.OBJECT - \"GET / HTTP/1.0\" "
                              "200 - 1 12 9 - \"http://r/?a=\"b\"c\" \"a \\\"b\\\" c\" -");
    assert_str(f.referrer, "http://r/?a=\"b\"c");
    assert_str(f.agent, "a \"b\" c");
}

static void s3__what_is_none_is_rejected(void **state) {
    UNUSED(state);
    assert_reason("s3", OWNER " b " S3_TIME " 192.0.2.3 - ID REST.GET.OBJECT", "fields");
    assert_reason("s3", OWNER " b [06/Feb/2019", "fields");
    assert_reason("s3",
                  OWNER " b [] 192.0.2.3 - ID X - \"GET / HTTP/1.0\" 200 - 1 1 1 1 \"-\" \"-\"",
                  "bad_time");
    assert_reason("s3",
                  OWNER " b " S3_TIME " 192.0.2.3 - ID X - \"GET / HTTP/1.0\" 20 - 1 1 1 1 \"-\" "
                        "\"-\"",
                  "bad_status");
    assert_reason("s3", OWNER " b " S3_TIME " 192.0.2.3 - ID X - \"GET / HTTP/1.0 200",
                  "unclosed_quote");
    assert_reason("s3", OWNER " b " S3_TIME " - - ID X - \"-\" 200 - 1 1 1 1 \"-\" \"-\"",
                  "bad_host");
}

/* --- alb --- */

#define ALB_HEAD " 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 "
#define ALB_TIMES " 0.086 0.048 0.037 "
#define ALB_OLD                                                                                    \
    " ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:"    \
    "targetgroup/my-targets/73e2d6bc24d8a067 \"Root=1-58337281-1d84f3d73c47ec4e58577259\""
#define ALB_NEW                                                                                    \
    ALB_OLD " \"www.example.com\" \"arn:aws:acm:us-east-2:123456789012:certificate/12345678\" 1 "  \
            "2018-07-02T22:22:48.364000Z \"authenticate,forward\" \"-\" \"-\" \"10.0.0.1:80\" "    \
            "\"200\" \"-\" \"-\" TID_1234abcd5678ef90 \"-\" \"-\" \"-\""

static void alb__request_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f = fields_of("alb", "https" ALB_HEAD "192.168.131.39:2817 10.0.0.1:80" ALB_TIMES
                                       "200 200 34 366 \"GET https://www.example.com:443/a?b=c "
                                       "HTTP/1.1\" \"curl/7.46.0\"" ALB_NEW);
    assert_str(f.host, "192.168.131.39");
    assert_str(f.vhost, "www.example.com");
    assert_int_equal(f.time, 1530570180);
    assert_str(f.request, "GET https://www.example.com:443/a?b=c HTTP/1.1");
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b=c");
    assert_str(f.protocol, "HTTP/1.1");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 366);
    assert_str(f.user, "");
    assert_str(f.referrer, "");
    assert_str(f.agent, "curl/7.46.0");
}

static void alb__every_type_and_age_is_read(void **state) {
    UNUSED(state);
    static const struct {
        const char *type, *url;
    } rows[] = {{"http", "http://www.example.com:80/"}, {"https", "https://www.example.com:443/"},
                {"h2", "https://www.example.com:443/"}, {"grpcs", "https://www.example.com:443/"},
                {"ws", "ws://www.example.com:80/"},     {"wss", "wss://www.example.com:443/"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int age = 0; age < 2; age++) {
            char line[2000];
            snprintf(line, sizeof line,
                     "%s" ALB_HEAD "[2001:db8::1]:2817 - -1 -1 -1 502 - 34 366 \"GET %s HTTP/2.0\" "
                     "\"-\"%s",
                     rows[i].type, rows[i].url, age ? ALB_NEW : ALB_OLD);
            struct fields f = fields_of("alb", line);
            assert_str(f.host, "2001:db8::1");
            assert_str(f.vhost, "www.example.com");
            assert_str(f.target, "/");
            assert_int_equal(f.status, 502);
            assert_str(f.agent, "");
        }
    }
}

static void alb__odd_requests_are_hits(void **state) {
    UNUSED(state);
    struct fields f = fields_of("alb", "http" ALB_HEAD "192.0.2.7:2817 - -1 -1 -1 400 - 0 272 "
                                       "\"- http://lb.example.com:80- -\" \"-\"" ALB_NEW);
    assert_str(f.method, "");
    assert_str(f.request, "- http://lb.example.com:80- -");
    assert_int_equal(f.status, 400);
    f = fields_of("alb", "https" ALB_HEAD "2001:db8::1:2817 10.0.0.1:80 -1 -1 -1 - - 0 0 \"GET "
                         "https://www.example.com:443/a HTTP/1.1\" \"x\"" ALB_NEW);
    assert_str(f.host, "2001:db8::1");
    assert_int_equal(f.status, 0); /* nobody got an answer: no page view */
    assert_str(f.target, "/a");
}

/* --- elb --- */

#define ELB_HEAD "2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 "

static void elb__request_gives_every_field(void **state) {
    UNUSED(state);
    struct fields f =
        fields_of("elb", ELB_HEAD "0.000086 0.001048 0.001337 200 404 0 57 \"GET "
                                  "https://www.example.com:443/a?b HTTP/1.1\" \"curl/7.38.0\" "
                                  "DHE-RSA-AES128-SHA TLSv1.2");
    assert_str(f.host, "192.168.131.39");
    assert_str(f.vhost, "www.example.com");
    assert_int_equal(f.time, 1431560383);
    assert_str(f.method, "GET");
    assert_str(f.target, "/a?b");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.bytes, 57);
    assert_str(f.agent, "curl/7.38.0");
    f = fields_of("elb", ELB_HEAD
                  "0.000073 0.001048 0.000057 200 200 0 29 \"GET http://www.example.com:80/ "
                  "HTTP/1.1\"");
    assert_str(f.target, "/");
    assert_str(f.agent, "");
}

static void elb__connections_are_hits_without_a_request(void **state) {
    UNUSED(state);
    struct fields f = fields_of("elb", ELB_HEAD "0.001069 0.000028 0.000041 - - 82 305 \"- - - \" "
                                                "\"-\" - -");
    assert_str(f.method, "");
    assert_int_equal(f.status, 0);
    assert_int_equal(f.bytes, 305);
}

/* --- what is no log of requests --- */

static void aws__logs_of_connections_are_not_taken_for_requests(void **state) {
    UNUSED(state);
    static const char *const lines[] = {
        /* Network Load Balancer */
        "tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 "
        "g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 - "
        "arn:aws:acm:us-east-2:671290407336:certificate/2a108f19 - ECDHE-RSA-AES128-SHA tlsv12 - "
        "my-network-loadbalancer-c6e77e28c25b2234.elb.us-east-2.amazonaws.com h2 h2 "
        "\"h2\",\"http/1.1\" 2020-04-01T08:51:42",
        /* connections and health checks of an Application Load Balancer */
        "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "
        "4.036 \"CN=amazondomains.com\" NotBefore=2023-09-21T22:43:21Z FEF257372D5C14D4 Success "
        "TID_3180a73013c8ca4bac2f731159d4b0fe",
        "http 2025-10-31T12:44:59.875678Z 0.019584011 172.31.20.97:80 HealthCheckLogs-IP PASS 200 "
        "-",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct fields f;
        struct str line = str_from(lines[i]);
        struct str name = format_detect(&line, 1);
        assert_str(name, "combined"); /* which it is called when nothing reads it */
        for (size_t k = 0; k < format_count(); k++)
            if (read_as(format_at(k)->name, lines[i], &f) == REASON_NONE)
                fail_msg("read as %s: %s", format_at(k)->name, lines[i]);
    }
}

static void aws__logs_of_connections_are_refused_by_name(void **state) {
    UNUSED(state);
    static const char *const names[] = {"nlb", "alb-connection"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct format *f = NULL;
        struct err err = {0};
        assert_int_equal(format_open(str_from(names[i]), &f, &err), ERR_USAGE);
        assert_non_null(strstr(err.text, "not about HTTP requests"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(s3__object_gives_every_field),
        unit_test(s3__every_age_is_read),
        unit_test(s3__what_it_does_by_itself_is_a_hit_without_a_request),
        unit_test(s3__quotes_of_clients_stay_within),
        unit_test(s3__what_is_none_is_rejected),
        unit_test(alb__request_gives_every_field),
        unit_test(alb__every_type_and_age_is_read),
        unit_test(alb__odd_requests_are_hits),
        unit_test(elb__request_gives_every_field),
        unit_test(elb__connections_are_hits_without_a_request),
        unit_test(aws__logs_of_connections_are_not_taken_for_requests),
        unit_test(aws__logs_of_connections_are_refused_by_name),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&scratch);
    return failed;
}

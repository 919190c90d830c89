/* The whole way from a raw record to an event, with the program's own agents and countries. */
#include "support/unit.h"

#include "base/limits.h"
#include "config/config.h"
#include "refine/refine.h"
#include "refine/visitor.h"
#include <unistd.h>

#define TIME "[17/May/2015:12:05:03 +0200]"
#define CHROME                                                                                     \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "            \
    "Chrome/120.0.0.0 Safari/537.36"

static char data_dir[] = "/tmp/refine_test.XXXXXX";
static struct refiner *refiner;

static int open_refiner(void **state) {
    UNUSED(state);
    static char *assets[] = {"css"}, *downloads[] = {"zip"};
    static struct config_product products[] = {{"App", "/app-(?<version>[0-9.]+)", true}};
    const struct config config = {.assets = assets,
                                  .n_assets = 1,
                                  .downloads = downloads,
                                  .n_downloads = 1,
                                  .products = products,
                                  .n_products = 1};
    struct err err = {0};
    assert_non_null(mkdtemp(data_dir));
    assert_ok(refiner_new(&config, data_dir, &refiner, &err), err);
    return 0;
}

static int close_refiner(void **state) {
    UNUSED(state);
    char keys[80];
    refiner_free(refiner);
    snprintf(keys, sizeof keys, "%s/keys", data_dir);
    unlink(keys);
    rmdir(data_dir);
    return 0;
}

static struct record record_of(const char *type, const char *site, const char *line) {
    return (struct record){.body = str_from(line),
                           .type = str_from(type),
                           .site = str_from(site),
                           .source = STR("import"),
                           .position = STR("")};
}

static struct event refined(const struct record *record) {
    struct event e;
    enum reason reason = refine_record(refiner, record, &e);
    if (reason != REASON_NONE)
        fail_msg("%s: " STR_FMT, reason_name(reason), STR_ARG(record->body));
    return e;
}

static struct event event_of(const char *type, const char *site, const char *line) {
    struct record record = record_of(type, site, line);
    return refined(&record);
}

#define HINTED                                                                                     \
    "{\"host\":\"h\",\"time\":\"t\",\"method\":\"m\",\"target\":\"u\",\"status\":\"s\",\"agent\":" \
    "\"a\","                                                                                       \
    "\"hint_platform\":\"p\",\"hint_platform_version\":\"v\"}"
#define HINTED_LINE(hints)                                                                         \
    "{\"h\":\"8.8.8.8\",\"t\":\"2015-05-17T10:05:03Z\",\"m\":\"GET\",\"u\":\"/"                    \
    "\",\"s\":200,\"a\":\"" CHROME "\"" hints "}"

static void refine__client_hints_belong_to_the_visitor(void **state) {
    UNUSED(state);
    struct event plain =
        event_of("combined", "example.org",
                 "8.8.8.8 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-\" \"" CHROME "\"");
    struct event none = event_of(HINTED, "example.org", HINTED_LINE(""));
    struct event ten =
        event_of(HINTED, "example.org", HINTED_LINE(",\"p\":\"Windows\",\"v\":\"10.0.0\""));
    struct event eleven =
        event_of(HINTED, "example.org", HINTED_LINE(",\"p\":\"Windows\",\"v\":\"15.0.0\""));
    assert_true(none.visitor == plain.visitor);
    assert_str(none.os_version, "10");
    assert_str(none.device_class, "desktop");
    assert_true(ten.visitor != plain.visitor && eleven.visitor != ten.visitor);
    assert_str(eleven.os_version, "11");
}

static void refine__a_line_becomes_an_event(void **state) {
    UNUSED(state);
    struct event e = event_of("combined", "example.org",
                              "8.8.8.8 - - " TIME " \"GET /a/b?utm_source=x%20y HTTP/1.1\" 200 512 "
                              "\"https://WWW.Example.net/p\" \"" CHROME "\"");
    assert_int_equal(e.ts, 1431857103);
    assert_int_equal(e.kind, KIND_PAGEVIEW);
    assert_str(e.site, "example.org");
    assert_str(e.source, "import");
    assert_str(e.method, "GET");
    assert_str(e.path, "/a/b");
    assert_int_equal(e.status, 200);
    assert_int_equal(e.bytes, 512);
    assert_str(e.referrer, "https://WWW.Example.net/p");
    assert_str(e.referrer_domain, "example.net");
    assert_str(e.channel, "campaign");
    assert_str(e.utm_source, "x y");
    assert_str(e.utm_medium, "");
    assert_str(e.utm_campaign, "");
    assert_str(e.country, "US");
    assert_str(e.browser, "Chrome");
    assert_str(e.os, "Windows");
    assert_int_equal(e.bot, 0);
    assert_str(e.product, "");
    assert_str(e.version, "");
    assert_str(e.platform, "");
    assert_str(e.event, "");
    assert_int_equal(e.rules, refiner_rules(refiner));
}

static void refine__downloads_carry_product_and_version(void **state) {
    UNUSED(state);
    struct event e = event_of("common", "s", "h - - " TIME " \"GET /get/app-1.2 HTTP/1.1\" 302 0");
    assert_int_equal(e.kind, KIND_DOWNLOAD);
    assert_str(e.product, "App");
    assert_str(e.version, "1.2");
    e = event_of("common", "s", "h - - " TIME " \"GET /x.zip HTTP/1.1\" 206 0");
    assert_int_equal(e.kind, KIND_DOWNLOAD);
    assert_str(e.product, "");
}

static void refine__a_request_that_is_none_is_a_hit_without_path(void **state) {
    UNUSED(state);
    struct event e = event_of("combined", "s", "h - - " TIME " \"\\x16\\x03\" 200 226 \"-\" \"-\"");
    assert_int_equal(e.kind, KIND_OTHER);
    assert_str(e.path, "");
    assert_str(e.method, "");
    assert_int_equal(e.status, 200);
    assert_int_equal(e.bytes, 226);
    assert_str(e.channel, "direct");
}

static void refine__site_is_the_records_else_the_server_else_default(void **state) {
    UNUSED(state);
    const char *vhost = "WWW.Example.ORG:443 h - - " TIME " \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"";
    assert_str(event_of("vhost", "", vhost).site, "www.example.org");
    assert_str(event_of("vhost", "mine", vhost).site, "mine");
    assert_str(event_of("common", "", "h - - " TIME " \"GET / HTTP/1.1\" 200 5").site, "default");
}

static void refine__own_pages_are_internal_by_the_site_of_the_event(void **state) {
    UNUSED(state);
    struct event e = event_of("vhost", "",
                              "www.example.org:80 h - - " TIME " \"GET / HTTP/1.1\" 200 5 "
                              "\"http://EXAMPLE.org/a\" \"-\"");
    assert_str(e.channel, "internal");
    assert_str(e.referrer_domain, "example.org");
}

static uint64_t visitor_of(const char *host, const char *agent, const char *site, bool bot) {
    char line[500];
    snprintf(line, sizeof line, "%s - - " TIME " \"GET /%s HTTP/1.1\" 200 5 \"-\" \"%s\"", host,
             site, agent);
    struct event e = event_of("combined", site, line);
    assert_int_equal(e.bot, bot);
    return e.visitor;
}

static void refine__visitor_is_the_keyed_hash_of_host_and_agent(void **state) {
    UNUSED(state);
    struct visitor_key key;
    struct err err = {0};
    assert_ok(visitor_key_open(data_dir, &key, &err), err);
    uint64_t a = visitor_of("192.0.2.7", CHROME, "s", false);
    assert_true(a == visitor_id(&key, STR("192.0.2.7"), STR(CHROME)));
    assert_true(a == visitor_of("192.0.2.7", CHROME, "other", false));
    assert_true(a != visitor_of("192.0.2.8", CHROME, "s", false));
    assert_true(a != visitor_of("192.0.2.7", CHROME " x", "s", false));
}

static void refine__bots_are_marked_and_clients_are_none(void **state) {
    UNUSED(state);
    (void)visitor_of("192.0.2.7",
                     "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                     "s", true);
    (void)visitor_of("192.0.2.7", "curl/7.88.1", "s", false);
}

static void refine__visitor_of_the_record_goes_first(void **state) {
    UNUSED(state);
    struct record record =
        record_of("common", "s", "8.8.8.0 - - " TIME " \"GET / HTTP/1.1\" 200 5");
    record.visitor = 42;
    assert_true(refined(&record).visitor != 42);
    record.has_visitor = true;
    assert_true(refined(&record).visitor == 42);
}

static void refine__rejections_have_their_reason(void **state) {
    UNUSED(state);
    static const struct {
        const char *type, *line, *reason;
    } rows[] = {
        {"combined", " ", "empty"},
        {"combined", "h - - " TIME " \"GET / HTTP/1.1\" 200 5", "fields"},
        {"common", "h - - [x] \"GET / HTTP/1.1\" 200 5", "bad_time"},
        {"nonsense", "h - - " TIME " \"GET / HTTP/1.1\" 200 5", "unknown_type"},
        {"", "h - - " TIME " \"GET / HTTP/1.1\" 200 5", "unknown_type"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record record = record_of(rows[i].type, "s", rows[i].line);
        struct event e;
        assert_string_equal(reason_name(refine_record(refiner, &record, &e)), rows[i].reason);
    }
}

static void refine__every_reason_has_a_name_and_a_text(void **state) {
    UNUSED(state);
    assert_string_equal(reason_name(REASON_NONE), "");
    for (int i = 1; i < REASON_COUNT; i++) {
        assert_true(strlen(reason_name((enum reason)i)) > 0);
        assert_true(strlen(reason_text((enum reason)i)) > 0);
    }
}

static void refine__long_strings_are_cut(void **state) {
    UNUSED(state);
    struct buf line = {0};
    buf_add_cstr(&line, "h - - " TIME " \"GET /");
    for (size_t i = 0; i < LIMIT_STRING_BYTES; i++)
        buf_add_char(&line, 'p');
    buf_add_cstr(&line, ".zip HTTP/1.1\" 200 5 \"http://x/");
    for (size_t i = 0; i < LIMIT_STRING_BYTES; i++)
        buf_add_char(&line, 'r');
    buf_add_cstr(&line, "\" \"-\"");
    struct event e = event_of("combined", "s", buf_cstr(&line));
    assert_int_equal(e.path.len, LIMIT_STRING_BYTES);
    assert_int_equal(e.referrer.len, LIMIT_STRING_BYTES);
    assert_int_equal(e.kind, KIND_DOWNLOAD); /* the cut comes after the rules */
    buf_release(&line);
}

static void refine__strings_last_until_the_reset(void **state) {
    UNUSED(state);
    /* unescaped and lower-cased strings live in the scratch: those of one record must not reach
     * into those of the next */
    static const char a[] =
        "A.example:1 h - - " TIME " \"GET /\\\"a HTTP/1.1\" 200 5 \"http://AA.example/\" \"-\"";
    static const char b[] =
        "B.example:1 h - - " TIME " \"GET /\\\"b HTTP/1.1\" 200 5 \"http://BB.example/\" \"-\"";
    struct event first = event_of("vhost", "", a), second = event_of("vhost", "", b);
    assert_str(first.site, "a.example");
    assert_str(first.path, "/\"a");
    assert_str(first.referrer_domain, "aa.example");
    assert_str(second.site, "b.example");
    assert_str(second.path, "/\"b");
    refiner_reset(refiner);
    first = event_of("vhost", "", a);
    assert_str(first.path, "/\"a");
}

static void refine__event_has_no_null_string(void **state) {
    UNUSED(state);
    struct event e = event_of("common", "", "h - - " TIME " \"\" 200 -");
#define FIELD_IS_SET_U8(field)
#define FIELD_IS_SET_U16(field)
#define FIELD_IS_SET_U32(field)
#define FIELD_IS_SET_U64(field)
#define FIELD_IS_SET_STR(field) assert_non_null(e.field.ptr);
#define COLUMN(name, type, encoding, doc) FIELD_IS_SET_##encoding(name)
#include "events.def"
#undef COLUMN
}

static void refiner__wrong_configuration_is_named_and_leaves_no_key(void **state) {
    UNUSED(state);
    static struct config_product products[] = {{"App", "(", false}};
    char dir[] = "/tmp/refine_test.XXXXXX", keys[80], missing[] = "/nonexistent/c.mmdb";
    struct config config = {.products = products, .n_products = 1};
    struct refiner *r = NULL;
    struct err err = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(keys, sizeof keys, "%s/keys", dir);
    assert_int_equal(refiner_new(&config, dir, &r, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "App"));
    config = (struct config){.country_database = missing};
    assert_int_equal(refiner_new(&config, dir, &r, &err), ERR_NOTFOUND);
    assert_non_null(strstr(err.text, missing));
    assert_int_equal(access(keys, F_OK), -1);
    assert_null(r);
    rmdir(dir);
}

static void refine__a_header_holds_however_many_formats_there_are(void **state) {
    UNUSED(state);
    struct record header = record_of("#w3c", "", "#Fields: date time c-ip cs-uri-stem");
    struct event e;
    for (int block = 0; block < 2; block++) {
        refiner_begin_block(refiner);
        refine_header(refiner, &header);
        for (size_t i = 0; i <= LIMIT_FORMATS; i++) {
            char type[32];
            snprintf(type, sizeof type, "future-%zu", i);
            struct record unknown = record_of(type, "", "?");
            assert_int_equal(refine_record(refiner, &unknown, &e), REASON_unknown_type);
        }
        assert_str(event_of("w3c", "", "2015-05-17 10:05:03 192.0.2.7 /a").path, "/a");
    }
    refiner_reset(refiner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(refine__a_header_holds_however_many_formats_there_are),
        unit_test(refine__client_hints_belong_to_the_visitor),
        unit_test(refine__a_line_becomes_an_event),
        unit_test(refine__downloads_carry_product_and_version),
        unit_test(refine__a_request_that_is_none_is_a_hit_without_path),
        unit_test(refine__site_is_the_records_else_the_server_else_default),
        unit_test(refine__own_pages_are_internal_by_the_site_of_the_event),
        unit_test(refine__visitor_is_the_keyed_hash_of_host_and_agent),
        unit_test(refine__bots_are_marked_and_clients_are_none),
        unit_test(refine__visitor_of_the_record_goes_first),
        unit_test(refine__rejections_have_their_reason),
        unit_test(refine__every_reason_has_a_name_and_a_text),
        unit_test(refine__long_strings_are_cut),
        unit_test(refine__strings_last_until_the_reset),
        unit_test(refine__event_has_no_null_string),
        unit_test(refiner__wrong_configuration_is_named_and_leaves_no_key),
    };
    return cmocka_run_group_tests(tests, open_refiner, close_refiner);
}

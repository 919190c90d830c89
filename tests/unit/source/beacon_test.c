#include "source/beacon.h"

#include "support/unit.h"
#include <jansson.h>

#define NOW 1700000000000LL

static const struct beacon_client client = {.address = {"192.0.2.7", 9},
                                            .agent = {"Agent/1 \"x\"", 11},
                                            .hint_brands = {"\"Chromium\";v=\"1\"", 16},
                                            .hint_mobile = {"?0", 2},
                                            .hint_platform = {"\"Linux\"", 7},
                                            .page = {"https://page.example/from-referer", 33},
                                            .now_ms = NOW};

struct parsed {
    struct arena arena;
    struct beacon items[BEACON_BATCH_MAX];
    size_t n;
    int rc;
    struct err err;
};

static struct parsed *parse(struct str text) {
    struct parsed *p = xcalloc(1, sizeof *p);
    p->rc = beacons_parse(text, &client, &p->arena, p->items, &p->n, &p->err);
    return p;
}

static void parsed_free(struct parsed *p) {
    arena_release(&p->arena);
    free(p);
}

/* The member of the body that item `i` became, "" without one. */
static void assert_member(const struct parsed *p, size_t i, const char *key, const char *expected) {
    json_t *doc = json_loadb(p->items[i].body.ptr, p->items[i].body.len, 0, NULL);
    const char *value = json_string_value(json_object_get(doc, key));
    assert_non_null(doc);
    assert_string_equal(value != NULL ? value : "", expected);
    json_decref(doc);
}

static long long number_of(const struct parsed *p, size_t i, const char *key) {
    json_t *doc = json_loadb(p->items[i].body.ptr, p->items[i].body.len, 0, NULL);
    long long number = json_integer_value(json_object_get(doc, key));
    json_decref(doc);
    return number;
}

static long long time_of(const struct parsed *p, size_t i) { return number_of(p, i, "ts"); }

static struct parsed *parse_good(const char *text, size_t n) {
    struct parsed *p = parse(str_from(text));
    assert_ok(p->rc, p->err);
    assert_int_equal(p->n, n);
    return p;
}

static void assert_bad(const char *text, int code, const char *says) {
    struct parsed *p = parse(str_from(text));
    assert_int_equal(p->rc, code);
    if (strstr(p->err.text, says) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, p->err.text, says);
    parsed_free(p);
}

static void keys__short_and_long_ones_are_the_same(void **state) {
    UNUSED(state);
    static const char *const bodies[] = {
        "{\"n\":\"Buy\",\"u\":\"https://a.example/x?y=1\",\"d\":\"a.example\",\"r\":\"https://"
        "b.example/\","
        "\"p\":{\"plan\":\"pro\",\"n\":2},\"id\":\"i-1\"}",
        "{\"name\":\"Buy\",\"url\":\"https://a.example/x?y=1\",\"domain\":\"a.example\","
        "\"referrer\":\"https://b.example/"
        "\",\"props\":{\"plan\":\"pro\",\"n\":2},\"id\":\"i-1\",\"x\":[{}]}",
        "{\"n\":\"Buy\",\"u\":\"https://a.example/x?y=1\",\"d\":\"a.example\",\"r\":\"https://"
        "b.example/\","
        "\"m\":\"{\\\"plan\\\":\\\"pro\\\",\\\"n\\\":2}\",\"id\":\"i-1\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct parsed *p = parse_good(bodies[i], 1);
        assert_str(p->items[0].site, "a.example");
        assert_str(p->items[0].id, "i-1");
        assert_member(p, 0, "n", "Buy");
        assert_member(p, 0, "u", "https://a.example/x?y=1");
        assert_member(p, 0, "r", "https://b.example/");
        assert_member(p, 0, "p", "{\"plan\":\"pro\",\"n\":2}");
        assert_member(p, 0, "ip", "192.0.2.7");
        assert_member(p, 0, "ua", "Agent/1 \"x\"");
        assert_member(p, 0, "ch", "\"Chromium\";v=\"1\"");
        assert_member(p, 0, "chm", "?0");
        assert_member(p, 0, "chp", "\"Linux\"");
        assert_int_equal(time_of(p, 0), NOW);
        parsed_free(p);
    }
}

static void domain__is_the_host_of_the_page_without_one(void **state) {
    UNUSED(state);
    struct parsed *p =
        parse_good("{\"n\":\"pageview\",\"u\":\"HTTPS://WWW.Example.ORG:8443/x\"}", 1);
    assert_str(p->items[0].site, "www.example.org");
    parsed_free(p);
    p = parse_good("{\"n\":\"pageview\"}", 1); /* the Referer stands for the page */
    assert_str(p->items[0].site, "page.example");
    assert_member(p, 0, "u", "https://page.example/from-referer");
    parsed_free(p);
    assert_bad("{\"n\":\"pageview\",\"u\":\"/relative\"}", ERR_USAGE, "domain");
}

static void domain__several_are_an_event_of_each(void **state) {
    UNUSED(state);
    struct parsed *p = parse_good(
        "{\"n\":\"pageview\",\"u\":\"https://a.example/\",\"d\":\"a.example, all.example\"}", 2);
    assert_str(p->items[0].site, "a.example");
    assert_str(p->items[1].site, "all.example");
    parsed_free(p);
}

static void url__loses_its_fragment_but_not_a_route(void **state) {
    UNUSED(state);
    static const struct {
        const char *url, *kept;
    } cases[] = {{"https://a.example/x#part", "https://a.example/x"},
                 {"https://a.example/x#/route", "https://a.example/x#/route"},
                 {"https://a.example/x#!route", "https://a.example/x#!route"},
                 {"https://a.example/x y", "https://a.example/x%20y"},
                 {"https://a.example/x#", "https://a.example/x"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf body = {0};
        buf_printf(&body, "{\"n\":\"pageview\",\"u\":\"%s\"}", cases[i].url);
        struct parsed *p = parse_good(buf_cstr(&body), 1);
        assert_member(p, 0, "u", cases[i].kept);
        parsed_free(p);
        buf_release(&body);
    }
}

static void time__is_believed_up_to_a_little_ahead(void **state) {
    UNUSED(state);
    static const struct {
        const char *ts;
        long long expected;
    } cases[] = {{"1699999999123", 1699999999123LL},
                 {"\"2023-11-14T22:13:19Z\"", 1699999999000LL},
                 {"1700000300000", 1700000300000LL},
                 {"1700000300001", NOW},
                 {"1636841600000", NOW - 731 * 86400000LL},
                 {"5", NOW},
                 {"null", NOW},
                 {"1e300", NOW},
                 {"-1e300", NOW}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf body = {0};
        buf_printf(&body, "{\"n\":\"x\",\"u\":\"https://a.example/\",\"ts\":%s}", cases[i].ts);
        struct parsed *p = parse_good(buf_cstr(&body), 1);
        assert_int_equal(time_of(p, 0), cases[i].expected);
        parsed_free(p);
        buf_release(&body);
    }
    assert_bad("{\"n\":\"x\",\"u\":\"https://a.example/\",\"ts\":\"today\"}", ERR_USAGE, "no time");
}

static void time__over_two_years_ago_is_refused(void **state) {
    UNUSED(state);
    static const char *const times[] = {"1636841599999", "1700000000", "\"2021-11-13T22:13:19Z\"",
                                        "\"1999-12-31T23:59:59Z\""};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct buf body = {0};
        buf_printf(&body, "[{\"n\":\"x\",\"u\":\"https://a.example/\",\"ts\":%s}]", times[i]);
        assert_bad(buf_cstr(&body), ERR_USAGE, "event 1: ts is over two years ago");
        buf_release(&body);
    }
}

static void batch__is_taken_whole_or_not_at_all(void **state) {
    UNUSED(state);
    struct buf body = {0};
    for (size_t n = BEACON_BATCH_MAX; n <= BEACON_BATCH_MAX + 1; n++) {
        buf_clear(&body);
        for (size_t i = 0; i < n; i++)
            buf_printf(&body, "%c{\"n\":\"x\",\"u\":\"https://a.example/%zu\"}", i == 0 ? '[' : ',',
                       i);
        buf_add_char(&body, ']');
        struct parsed *p = parse(buf_str(&body));
        assert_int_equal(p->rc, n > BEACON_BATCH_MAX ? ERR_TOOBIG : 0);
        assert_true(n > BEACON_BATCH_MAX || p->n == n);
        parsed_free(p);
    }
    buf_release(&body);
    assert_bad("[{\"n\":\"x\",\"u\":\"https://a.example/\"},{\"u\":\"https://a.example/\"}]",
               ERR_USAGE, "event 2");
    assert_bad("[]", ERR_USAGE, "empty");
}

static void bad__bodies_are_told_what_is_wrong(void **state) {
    UNUSED(state);
    assert_bad("", ERR_USAGE, "JSON");
    assert_bad("{\"n\":", ERR_USAGE, "JSON");
    assert_bad("3", ERR_USAGE, "JSON");
    assert_bad("{\"n\":\"x\",\"u\":\"https://a.example/\"} {}", ERR_USAGE, "JSON");
    assert_bad("[3]", ERR_USAGE, "event 1");
    assert_bad("{\"u\":\"https://a.example/\"}", ERR_USAGE, "name");
    assert_bad("{\"n\":\"a\\u0001\",\"u\":\"https://a.example/\"}", ERR_USAGE, "control");
    assert_bad("{\"n\":\"x\",\"u\":\"https://a.example/\",\"p\":[1]}", ERR_USAGE, "no object");
    assert_bad("{\"n\":\"x\",\"u\":\"https://a.example/\",\"p\":{\"a\":{}}}", ERR_USAGE, "plain");
    assert_bad("{\"n\":\"x\",\"u\":\"https://a.example/\",\"id\":\"a b\"}", ERR_USAGE, "id");
    assert_bad("{\"n\":\"x\",\"u\":\"https://a.example/\",\"id\":\"\xc3\xa4\"}", ERR_USAGE, "id");
}

/* One call with a text of `n` bytes in place of %s. */
static int length_taken(const char *shape, size_t n) {
    struct buf body = {0};
    char *text = xmalloc(n + 1);
    memset(text, 'x', n);
    text[n] = '\0';
    const char *place = strchr(shape, '%');
    buf_add(&body, shape, (size_t)(place - shape));
    buf_add_cstr(&body, text);
    buf_add_cstr(&body, place + 1);
    struct parsed *p = parse(buf_str(&body));
    int rc = p->rc;
    parsed_free(p);
    buf_release(&body);
    free(text);
    return rc;
}

static void limits__hold_at_the_limit_and_one_above(void **state) {
    UNUSED(state);
    static const struct {
        const char *shape;
        size_t limit; /* of what stands in place of the % */
    } cases[] = {
        {"{\"n\":\"%\",\"u\":\"https://a.example/\"}", BEACON_NAME_BYTES},
        {"{\"n\":\"x\",\"u\":\"https://a.example/%\"}", BEACON_URL_BYTES - 18},
        {"{\"n\":\"x\",\"u\":\"https://a.example/\",\"r\":\"%\"}", BEACON_URL_BYTES},
        {"{\"n\":\"x\",\"u\":\"https://a.example/\",\"id\":\"%\"}", BEACON_ID_BYTES},
        {"{\"n\":\"x\",\"u\":\"https://a.example/\",\"p\":{\"%\":1}}", BEACON_NAME_BYTES},
        {"{\"n\":\"x\",\"u\":\"https://a.example/\",\"p\":{\"a\":\"%\"}}", BEACON_PROP_BYTES}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(length_taken(cases[i].shape, cases[i].limit), 0);
        assert_int_equal(length_taken(cases[i].shape, cases[i].limit + 1), ERR_USAGE);
    }
    struct buf body = {0};
    for (unsigned n = BEACON_PROPS; n <= BEACON_PROPS + 1; n++) {
        buf_clear(&body);
        buf_add_cstr(&body, "{\"n\":\"x\",\"u\":\"https://a.example/\",\"p\":{\"k\":1");
        for (unsigned i = 1; i < n; i++)
            buf_printf(&body, ",\"k%u\":1", i);
        buf_add_cstr(&body, "}}");
        struct parsed *p = parse(buf_str(&body));
        assert_int_equal(p->rc, n > BEACON_PROPS ? ERR_USAGE : 0);
        parsed_free(p);
    }
    buf_release(&body);
}

static void id__is_found_in_the_record_again(void **state) {
    UNUSED(state);
    struct parsed *p =
        parse_good("[{\"n\":\"x\",\"u\":\"https://a.example/\",\"id\":\"a/b:c-1\"},"
                   "{\"n\":\",\\\"id\\\":\\\"no\\\"\",\"u\":\"https://a.example/\"}]",
                   2);
    assert_str(beacon_record_id(p->items[0].body), "a/b:c-1");
    assert_str(beacon_record_id(p->items[1].body), "");
    assert_str(beacon_record_id(STR("")), "");
    assert_str(beacon_record_id(STR("{\"ts\":1,\"id\":\"cut")), "cut");
    parsed_free(p);
}

static void make__is_a_page_view_by_default(void **state) {
    UNUSED(state);
    struct arena arena = {0};
    struct beacon b;
    struct err err = {0};
    assert_ok(beacon_make(STR(""), STR(""), STR(""), STR(""), STR("7"), &client, &arena, &b, &err),
              err);
    assert_str(b.site, "page.example");
    assert_str(b.id, "7");
    json_t *doc = json_loadb(b.body.ptr, b.body.len, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(doc, "n")), "pageview");
    json_decref(doc);
    arena_release(&arena);
}

static void engagement__keeps_how_long_and_how_far(void **state) {
    UNUSED(state);
    struct parsed *p = parse_good("{\"n\":\"engagement\",\"u\":\"https://a.example/\","
                                  "\"e\":6123,\"sd\":47}",
                                  1);
    assert_int_equal(number_of(p, 0, "e"), 6123);
    assert_int_equal(number_of(p, 0, "sd"), 47);
    parsed_free(p);
    p = parse_good("{\"n\":\"x\",\"u\":\"https://a.example/\",\"e\":\"<\",\"sd\":[]}", 1);
    assert_int_equal(number_of(p, 0, "e") + number_of(p, 0, "sd"), 0);
    parsed_free(p);
}

UNIT_MAIN(unit_test(keys__short_and_long_ones_are_the_same),
          unit_test(domain__is_the_host_of_the_page_without_one),
          unit_test(domain__several_are_an_event_of_each),
          unit_test(url__loses_its_fragment_but_not_a_route),
          unit_test(time__is_believed_up_to_a_little_ahead),
          unit_test(time__over_two_years_ago_is_refused),
          unit_test(batch__is_taken_whole_or_not_at_all),
          unit_test(bad__bodies_are_told_what_is_wrong),
          unit_test(limits__hold_at_the_limit_and_one_above),
          unit_test(id__is_found_in_the_record_again), unit_test(make__is_a_page_view_by_default),
          unit_test(engagement__keeps_how_long_and_how_far))

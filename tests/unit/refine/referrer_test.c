#include "support/unit.h"

#include "refine/referrer.h"

static struct arena scratch;
static struct channels *channels;

static struct origin from(const char *referrer, const char *site) {
    return origin_of(channels, str_from(referrer), STR("/"), str_from(site), STR(""), &scratch);
}

static struct origin at(const char *target) {
    return origin_of(channels, STR(""), str_from(target), STR("s"), STR(""), &scratch);
}

static void referrer__domain_is_the_host_in_lower_case(void **state) {
    UNUSED(state);
    static const struct {
        const char *referrer, *domain;
    } rows[] = {
        {"http://example.net/a/b?c=http://x/", "example.net"},
        {"https://WWW.Example.NET:8080/", "example.net"},
        {"https://www.example.net", "example.net"},
        {"https://www.www.example.net", "www.example.net"},
        {"https://wwww.example.net", "wwww.example.net"},
        {"https://example.net?x", "example.net"},
        {"https://www.example.net./x", "example.net"},
        {"https://example.net#x", "example.net"},
        {"https://user:pass@example.net:1/", "example.net"},
        {"https://a@b@example.net/@c", "example.net"},
        {"http://[2001:DB8::1]:80/", "[2001:db8::1]"},
        {"http://192.0.2.7:80/", "192.0.2.7"},
        {"android-app://com.example.App/", "com.example.app"},
        {"HTTP://Example.net/", "example.net"},
        {"http://m\xc3\xbcller.example/", "m\xc3\xbcller.example"},
        {"http://www./", "www"},
        {"http://", ""},
        {"http:///path", ""},
        {"http://:80/", ""},
        {"http://[::1", ""},
        {"http://a b/", ""},
        {"http://<script>/", ""},
        {"example.net/a", ""},
        {"//example.net/", ""},
        {"about:blank", ""},
        {"1http://example.net/", ""},
        {"ht tp://example.net/", ""},
        {"://example.net/", ""},
        {"junk", ""},
        {":", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct origin o = from(rows[i].referrer, "site.example");
        if (!str_is(o.domain, rows[i].domain))
            fail_msg("%s: \"" STR_FMT "\"", rows[i].referrer, STR_ARG(o.domain));
        assert_str(o.channel, "referral");
    }
}

static void referrer__a_host_too_long_for_dns_is_none(void **state) {
    UNUSED(state);
    char referrer[600] = "http://";
    memset(referrer + 7, 'a', 255);
    assert_int_equal(from(referrer, "s").domain.len, 255);
    memset(referrer + 7, 'a', 256);
    assert_str(from(referrer, "s").domain, "");
}

static void referrer__channel_is_direct_internal_or_referral(void **state) {
    UNUSED(state);
    assert_str(from("", "example.org").channel, "direct");
    assert_str(from("https://example.org/a", "example.org").channel, "internal");
    assert_str(from("https://www.example.org/a", "example.org").channel, "internal");
    assert_str(from("https://example.org/a", "www.Example.org").channel, "internal");
    assert_str(from("https://www.example.org:8443/a", "www.example.org").channel, "internal");
    /* a site may be called otherwise than its server */
    assert_str(origin_of(channels, STR("https://www.example.org/a"), STR("/"), STR("blog"),
                         STR("example.org"), &scratch)
                   .channel,
               "internal");
    assert_str(from("https://docs.example.org/a", "example.org").channel, "referral");
    assert_str(from("https://example.org.evil.example/", "example.org").channel, "referral");
    assert_str(from("junk", "").channel, "referral");
}

static void referrer__campaign_is_decoded(void **state) {
    UNUSED(state);
    struct origin o =
        at("/a?x=1&utm_source=News+Letter&utm_medium=e%2Dm%61il&utm_campaign=50%25%zz%2"
           "&utm_term=a%26b&utm_content=%C3%A9");
    assert_str(o.utm_source, "News Letter");
    assert_str(o.utm_medium, "e-mail");
    assert_str(o.utm_campaign, "50%%zz%2");
    assert_str(o.utm_term, "a&b");
    assert_str(o.utm_content, "\xc3\xa9");
}

static void referrer__campaign_is_only_in_the_query(void **state) {
    UNUSED(state);
    assert_str(at("/utm_source=a").utm_source, "");
    assert_str(at("/?a#utm_source=b").utm_source, "");
    assert_str(at("/?a#&utm_source=b").utm_source, "");
    assert_str(at("/?xutm_source=b&utm_sourcex=c&UTM_SOURCE=d&utm_source").utm_source, "");
    assert_str(at("/?utm_source=b#c").utm_source, "b");
    assert_str(at("/?").utm_source, "");
    assert_str(at("").utm_source, "");
}

static void referrer__first_value_that_is_not_empty_counts(void **state) {
    UNUSED(state);
    assert_str(at("/?utm_source=&utm_source=a&utm_source=b").utm_source, "a");
    assert_non_null(at("/?utm_source=").utm_source.ptr);
    assert_str(at("/?utm_campaign=a=b").utm_campaign, "a=b");
}

static void referrer__click_id_is_the_name_of_its_parameter(void **state) {
    UNUSED(state);
    assert_str(at("/?a=b&gclid=Cj0").click_id, "gclid");
    assert_str(at("/?sccid=1").click_id, "ScCid");
    assert_str(at("/?fbclid=1&gclid=2").click_id, "fbclid");
    assert_str(at("/?gclid=&msclkid=2").click_id, "msclkid");
    assert_str(at("/?gclid").click_id, "");
    assert_str(at("/?xgclid=1&gclidx=1").click_id, "");
    assert_str(at("/gclid=1#?gclid=2").click_id, "gclid"); /* whatever is behind the first '?' */
    assert_str(at("/?#gclid=2").click_id, "");
    assert_str(at("/").click_id, "");
    assert_non_null(at("/").click_id.ptr);
}

static void referrer__campaign_is_cut_at_its_limit(void **state) {
    UNUSED(state);
    char target[2000] = "/?utm_medium=";
    for (size_t n = 254; n <= 257; n++) {
        size_t len = strlen("/?utm_medium=");
        for (size_t i = 0; i < n; i++, len += 3)
            memcpy(target + len, "%41", 3);
        target[len] = '\0';
        assert_int_equal(at(target).utm_medium.len, min_size(n, 255));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(referrer__domain_is_the_host_in_lower_case),
        unit_test(referrer__a_host_too_long_for_dns_is_none),
        unit_test(referrer__channel_is_direct_internal_or_referral),
        unit_test(referrer__campaign_is_decoded),
        unit_test(referrer__campaign_is_only_in_the_query),
        unit_test(referrer__first_value_that_is_not_empty_counts),
        unit_test(referrer__click_id_is_the_name_of_its_parameter),
        unit_test(referrer__campaign_is_cut_at_its_limit),
    };
    channels = channels_new(NULL, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&scratch);
    channels_free(channels);
    return failed;
}

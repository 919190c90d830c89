#include "support/unit.h"

#include "refine/referrer.h"

static struct arena scratch;
static struct channels *channels;

static int open_channels(void **state) {
    UNUSED(state);
    static char *spam[] = {"casino.example", "google.de"};
    channels = channels_new(spam, ARRAY_LEN(spam));
    return 0;
}

static int close_channels(void **state) {
    UNUSED(state);
    channels_free(channels);
    arena_release(&scratch);
    return 0;
}

/* The site is www.example.org. */
static const struct {
    const char *referrer, *query, *channel;
} rows[] = {
    {"", "", "direct"},
    {"", "page=2", "direct"},
    {"http://www.example.org/", "", "internal"},
    {"https://example.org/a?b", "", "internal"},
    {"https://docs.example.org/", "", "referral"},
    {"https://other.example/", "", "referral"},
    {"junk", "", "referral"},
    {"http://localhost:8080/", "", "referral"},
    {"http://192.0.2.1/", "", "referral"},
    {"http://[2001:db8::1]/", "", "referral"},
    /* search engines */
    {"https://www.google.com/", "", "search"},
    {"https://www.google.co.uk/search?q=x", "", "search"},
    {"http://www.google.com.br/url?sa=t", "", "search"},
    {"https://google.fr", "", "search"},
    {"https://images.google.it/", "", "search"},
    {"http://GOOGLE.COM/", "", "search"},
    {"android-app://com.google.android.googlequicksearchbox/", "", "search"},
    {"https://google.xyz/", "", "referral"},
    {"https://google.evil.example/", "", "referral"},
    {"https://google.evil.fr/", "", "referral"},
    {"https://notgoogle.com/", "", "referral"},
    {"https://google.com.evil.example/", "", "referral"},
    {"https://docs.google.com/document/d/1", "", "referral"},
    {"https://groups.google.com/", "", "referral"},
    {"https://www.bing.com/search?q=x", "", "search"},
    {"https://duckduckgo.com/", "", "search"},
    {"https://html.duckduckgo.com/html/", "", "search"},
    {"https://search.yahoo.com/", "", "search"},
    {"https://uk.search.yahoo.com/", "", "search"},
    {"https://search.yahoo.co.jp/", "", "search"},
    {"https://finance.yahoo.com/", "", "referral"},
    {"https://yandex.ru/", "", "search"},
    {"https://yandex.com.tr/", "", "search"},
    {"https://www.baidu.com/link?url=x", "", "search"},
    {"https://m.baidu.com/", "", "search"},
    {"https://tieba.baidu.com/", "", "referral"},
    {"https://www.ecosia.org/", "", "search"},
    {"https://www.qwant.com/", "", "search"},
    {"https://www.startpage.com/", "", "search"},
    {"https://search.brave.com/", "", "search"},
    {"https://brave.com/", "", "referral"},
    {"https://search.naver.com/", "", "search"},
    {"https://search.seznam.cz/", "", "search"},
    {"https://kagi.com/", "", "search"},
    {"https://go.mail.ru/search", "", "search"},
    /* social networks and video sites */
    {"https://www.facebook.com/", "", "social"},
    {"https://l.facebook.com/l.php?u=x", "", "social"},
    {"https://m.facebook.com/", "", "social"},
    {"android-app://com.facebook.katana/", "", "social"},
    {"https://l.instagram.com/", "", "social"},
    {"https://t.co/abc", "", "social"},
    {"https://x.com/a/status/1", "", "social"},
    {"https://mobile.twitter.com/", "", "social"},
    {"https://www.linkedin.com/feed/", "", "social"},
    {"https://lnkd.in/x", "", "social"},
    {"https://old.reddit.com/r/x", "", "social"},
    {"https://www.pinterest.co.uk/", "", "social"},
    {"https://news.ycombinator.com/item?id=1", "", "social"},
    {"https://plus.google.com/", "", "social"},
    {"https://bsky.app/", "", "social"},
    {"https://vk.com/away.php", "", "social"},
    {"https://www.tiktok.com/", "", "social"},
    {"https://netflix.com/", "", "referral"},
    {"https://www.youtube.com/watch?v=x", "", "video"},
    {"https://youtu.be/x", "", "video"},
    {"https://vimeo.com/1", "", "video"},
    /* mail and assistants */
    {"https://mail.google.com/mail/u/0/", "", "mail"},
    {"android-app://com.google.android.gm/", "", "mail"},
    {"https://outlook.live.com/", "", "mail"},
    {"https://mail.yahoo.com/", "", "mail"},
    {"https://us-mg5.mail.yahoo.com/", "", "mail"},
    {"https://e.mail.ru/", "", "mail"},
    {"https://deref-gmx.net/mail/client/x", "", "mail"},
    {"https://chatgpt.com/", "", "ai"},
    {"https://chat.openai.com/", "", "ai"},
    {"https://www.perplexity.ai/", "", "ai"},
    {"https://claude.ai/", "", "ai"},
    {"https://gemini.google.com/", "", "ai"},
    {"https://copilot.microsoft.com/", "", "ai"},
    {"https://you.com/", "", "ai"},
    {"https://www.phind.com/", "", "ai"},
    {"https://chat.deepseek.com/", "", "ai"},
    {"https://openai.com/", "", "referral"},
    /* campaigns */
    {"", "utm_source=newsletter&utm_medium=email", "mail"},
    {"https://example.org/", "utm_medium=EMAIL", "mail"},
    {"", "utm_source=chatgpt.com", "ai"},
    {"https://chatgpt.com/", "utm_source=chatgpt.com", "ai"},
    {"", "utm_source=www.facebook.com", "social"},
    {"", "utm_source=Google&utm_medium=organic", "search"},
    {"", "utm_source=google", "search"},
    {"", "utm_source=hn", "social"},
    {"", "utm_source=partner-7", "campaign"},
    {"https://www.example.org/", "utm_source=partner-7", "campaign"},
    {"https://t.co/x", "utm_campaign=launch", "social"},
    {"https://t.co/x", "utm_medium=affiliate", "campaign"},
    {"https://t.co/x", "utm_medium=newsletter", "mail"},
    {"https://other.example/", "utm_content=footer", "campaign"},
    {"", "utm_medium=qr&utm_source=google", "campaign"},
    {"https://other.example/", "utm_medium=referral", "referral"},
    {"", "utm_medium=social%2Dmedia", "social"},
    {"", "utm_source=&utm_medium=", "direct"},
    /* advertisements */
    {"https://www.google.com/", "gclid=abc", "paid_search"},
    {"", "gbraid=abc", "paid_search"},
    {"https://www.example.org/", "wbraid=abc", "paid_search"},
    {"https://www.bing.com/", "msclkid=1", "paid_search"},
    {"https://yandex.ru/", "yclid=1", "paid_search"},
    {"", "utm_source=google&utm_medium=cpc", "paid_search"},
    {"https://duckduckgo.com/", "utm_medium=cpc", "paid_search"},
    {"", "utm_source=facebook&utm_medium=cpc", "paid_social"},
    {"https://www.facebook.com/", "utm_medium=paid&fbclid=1", "paid_social"},
    {"", "utm_medium=paid-social", "paid_social"},
    {"", "utm_source=linkedin.com&utm_medium=Paid+Social", "paid_social"},
    {"", "ttclid=1", "paid_social"},
    {"", "twclid=1", "paid_social"},
    {"", "li_fat_id=1", "paid_social"},
    {"", "dclid=1", "paid"},
    {"https://news.example/", "utm_source=news&utm_medium=display", "paid"},
    {"", "utm_medium=banner", "paid"},
    {"https://googleads.g.doubleclick.net/", "", "paid"},
    /* click ids that anybody's link gets */
    {"https://l.facebook.com/", "fbclid=1", "social"},
    {"", "fbclid=1", "social"},
    {"", "mc_eid=1&mc_cid=2", "mail"},
    {"", "utm_source=newsletter&utm_medium=email&fbclid=1", "mail"},
    /* spam */
    {"http://semalt.com/crawler.php?u=x", "", "spam"},
    {"http://www1.semalt.com/", "", "spam"},
    {"http://buttons-for-website.com/", "utm_medium=cpc", "spam"},
    {"http://darodar.com/", "", "spam"},
    {"http://www.casino.example/", "", "spam"},
    {"http://a.b.casino.example/", "", "spam"},
    {"http://mycasino.example/", "", "referral"},
    {"https://www.google.de/", "", "spam"}, /* of the configuration: it goes first */
};

static void channel__of_real_referrers_and_links(void **state) {
    UNUSED(state);
    static_assert(ARRAY_LEN(rows) >= 80, "a wide table");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf target = {0};
        buf_printf(&target, "/%s%s", *rows[i].query ? "?" : "", rows[i].query);
        struct origin o = origin_of(channels, str_from(rows[i].referrer), buf_str(&target),
                                    STR("www.example.org"), STR(""), &scratch);
        if (!str_is(o.channel, rows[i].channel))
            fail_msg("%s %s: " STR_FMT ", not %s", rows[i].referrer, rows[i].query,
                     STR_ARG(o.channel), rows[i].channel);
        buf_release(&target);
    }
}

static void channel__a_listed_site_has_pages_of_its_own(void **state) {
    UNUSED(state);
    assert_str(
        origin_of(channels, STR("https://x.com/a"), STR("/"), STR("x.com"), STR(""), &scratch)
            .channel,
        "internal");
    assert_str(origin_of(channels, STR("https://semalt.com/"), STR("/"), STR("www.semalt.com"),
                         STR(""), &scratch)
                   .channel,
               "internal");
}

/* Every row counts: a name is in one list only, in the form that is looked for. */
static void channel__every_row_of_the_lists_is_found(void **state) {
    UNUSED(state);
    struct channels *plain = channels_new(NULL, 0);
    static const struct {
        const char *domain;
        enum channel channel;
    } domains[] = {
#define REFERRER(channel, domain) {domain, CHANNEL_##channel},
#include "referrers.def"
#undef REFERRER
    };
    for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
        struct buf name = {0};
        size_t len = strlen(domains[i].domain);
        bool star = domains[i].domain[len - 1] == '*';
        buf_add(&name, domains[i].domain, star ? len - 1 : len);
        buf_add_cstr(&name, star ? "co.uk" : "");
        if (channels_of_domain(plain, buf_str(&name)) != domains[i].channel)
            fail_msg("%s", buf_cstr(&name));
        for (size_t c = 0; c < name.len; c++)
            assert_true(name.ptr[c] != '*' && !(name.ptr[c] >= 'A' && name.ptr[c] <= 'Z'));
        buf_release(&name);
    }
#define CHECK(field, named, named_channel)                                                         \
    if (channels_find(plain, &(struct channel_facts){.field = STR(named), .tagged = true}) !=      \
        CHANNEL_##named_channel)                                                                   \
        fail_msg("%s", named);
#define MEDIUM(channel, word) CHECK(utm_medium, word, channel)
#define SOURCE(channel, word) CHECK(utm_source, word, channel)
#define CLICK_ID(channel, word)                                                                    \
    if (!str_is(channels_click_name(channels_click_id(plain, STR(word))), word))                   \
        fail_msg("%s", word);
#include "campaigns.def"
#undef MEDIUM
#undef SOURCE
#undef CLICK_ID
    channels_free(plain);
}

static void channel__names_have_dns_length_and_any_bytes(void **state) {
    UNUSED(state);
    char dots[300];
    memset(dots, '.', sizeof dots);
    for (size_t n = 0; n < sizeof dots; n++)
        assert_int_equal(channels_of_domain(channels, str_of(dots, n)), CHANNEL_NONE);
    assert_int_equal(channels_of_domain(channels, STR(".com")), CHANNEL_NONE);
    assert_int_equal(channels_of_domain(channels, STR("co.uk")), CHANNEL_NONE);
    assert_int_equal(channels_of_domain(channels, STR("google")), CHANNEL_NONE);
    assert_int_equal(channels_of_domain(channels, STR("google.com.")), CHANNEL_NONE);
    assert_int_equal(channels_of_domain(channels, STR("\0.google.com")), CHANNEL_search);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(channel__of_real_referrers_and_links),
        unit_test(channel__a_listed_site_has_pages_of_its_own),
        unit_test(channel__every_row_of_the_lists_is_found),
        unit_test(channel__names_have_dns_length_and_any_bytes),
    };
    return cmocka_run_group_tests(tests, open_channels, close_channels);
}

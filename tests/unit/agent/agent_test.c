#include "support/unit.h"

#include "agent/agent.h"
#include "agent/cache.h"
#include "agent/check.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/paths.h"
#include <time.h>

static int setup(void **state) {
    struct err err;
    return agent_table_open((struct agent_table **)state, &err);
}

static int teardown(void **state) {
    agent_table_free(*state);
    return 0;
}

static void agent__known_agents_have_their_families(void **state) {
    static const struct {
        const char *agent, *browser, *version, *os, *device;
        bool bot;
    } cases[] = {
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.0.0 Safari/537.36",
         "Chrome", "120.0", "Windows", "Other", false},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
         "Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
         "Mobile Safari", "17.1", "iOS", "iPhone", false},
        {"Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/112.0.0.0 Mobile Safari/537.36",
         "Chrome Mobile", "112.0", "Android", "Samsung SM-S901B", false},
        {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
         "Firefox", "115.0", "Ubuntu", "Other", false},
        {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot",
         "2.1", "Other", "Spider", true},
        {"curl/8.4.0", "curl", "8.4", "Other", "Other", false},
        {"", "Other", "", "Other", "Other", false},
        {"-", "Other", "", "Other", "Other", false},
        {"\xff\xfe\n\t", "Other", "", "Other", "Other", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct agent_info *info = agent_lookup(*state, str_from(cases[i].agent));
        assert_str(info->browser, cases[i].browser);
        assert_str(info->browser_version, cases[i].version);
        assert_str(info->os, cases[i].os);
        assert_str(info->device, cases[i].device);
        assert_int_equal(info->bot, cases[i].bot);
    }
}

static void agent__clients_are_no_bots_but_crawlers_on_their_libraries_are(void **state) {
    static const char *const clients[] = {
        "curl/7.68.0",
        "curl",
        "Wget/1.21.3",
        "Wget/1.20.3 (linux-gnu)",
        "aria2/1.36.0",
        "Debian APT-HTTP/1.3 (2.2.4)",
        "libdnf (Fedora Linux 38; server; Linux.x86_64)",
        "urlgrabber/3.10 yum/3.4.3",
        "pip/23.0.1 {\"ci\":null}",
        "npm/9.5.0 node/v18.15.0 linux x64 workspaces/false",
        "docker/24.0.5 go/go1.20.6",
        "containerd/1.6.20",
        "Apache-Maven/3.8.6 (Java 17.0.4; Linux 5.15)",
        "Gradle/7.6",
        "Java/1.8.0_292",
        "Java-http-client/17.0.5",
        "Go-http-client/1.1",
        "Go-http-client/2.0",
        "python-requests/2.28.1",
        "Python-urllib/3.10",
        "Python/3.10 aiohttp/3.8.3",
        "okhttp/4.9.3",
        "Apache-HttpClient/4.5.13 (Java/11.0.16)",
        "axios/1.2.0",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "libwww-perl/6.67",
        "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1682",
        "Homebrew/4.0.0 (Macintosh; Intel Mac OS X 13.2) curl/7.86.0",
        "git/2.39.2",
        "cargo 1.70.0 (ec8a8a0ca 2023-04-25)",
        "lftp/4.9.2"};
    static const char *const bots[] = {
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
        "+https://openai.com/gptbot)",
        "CCBot/2.0 (https://commoncrawl.org/faq/)",
        "Scrapy/2.8.0 (+https://scrapy.org)",
        "Mozilla/5.0 (compatible; ExampleCrawler; python-requests/2.28; Nutch)",
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
        "Swiftbot/1.0",
        "http.rb/5.1.1 (Mastodon/4.2.1; +https://social.example/)"};
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        if (agent_lookup(*state, str_from(clients[i]))->bot)
            fail_msg("%s is a bot", clients[i]);
    for (size_t i = 0; i < ARRAY_LEN(bots); i++)
        if (!agent_lookup(*state, str_from(bots[i]))->bot)
            fail_msg("%s is no bot", bots[i]);
}

static void agent__bots_have_a_kind_and_a_name(void **state) {
    static const struct {
        const char *agent, *kind, *name;
    } cases[] = {
        {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "search",
         "Googlebot"},
        {"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "search",
         "Bing"},
        {"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "search", "Yandex"},
        {"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
         "search", "Baidu"},
        {"DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", "search", "DuckDuckBot"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
         "+https://openai.com/gptbot)",
         "ai-training", "GPTBot"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; "
         "+claudebot@anthropic.com)",
         "ai-training", "ClaudeBot"},
        {"CCBot/2.0 (https://commoncrawl.org/faq/)", "ai-training", "CCBot"},
        {"Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile "
         "Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
         "ai-training", "Bytespider"},
        {"meta-externalagent/1.1 "
         "(+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
         "ai-training", "meta-externalagent"},
        {"Mozilla/5.0 (compatible; Google-Extended)", "ai-training", "Google-Extended"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amazonbot/0.1; "
         "+https://developer.amazon.com/support/amazonbot) Chrome/119.0.6045.214 Safari/537.36",
         "ai-training", "Amazonbot"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; OAI-SearchBot/1.0; "
         "+https://openai.com/searchbot)",
         "ai-index", "OAI-SearchBot"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; "
         "+https://perplexity.ai/perplexitybot)",
         "ai-index", "PerplexityBot"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0; "
         "+https://openai.com/bot)",
         "ai-assistant", "ChatGPT-User"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; "
         "+Claude-User@anthropic.com)",
         "ai-assistant", "Claude-User"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; "
         "+https://perplexity.ai/perplexity-user)",
         "ai-assistant", "Perplexity-User"},
        {"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "monitor",
         "UptimeRobot"},
        {"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", "monitor", "Pingdom"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/98.0.4758.102 Safari/537.36 (StatusCake)",
         "monitor", "StatusCake"},
        {"Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)", "feed",
         "Feedly"},
        {"Mozilla/5.0 zgrab/0.x", "scanner", "zgrab"},
        {"masscan/1.3 (https://github.com/robertdavidgraham/masscan)", "scanner", "masscan"},
        {"sqlmap/1.7#stable (https://sqlmap.org)", "scanner", "sqlmap"},
        {"Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)", "scanner",
         "Censys"},
        {"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "other", "Ahrefs"},
        {"Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", "other",
         "Semrush"},
        {"Twitterbot/1.0", "other", "Twitter"},
        /* in no list of ours: the tags and the pattern of crawler-user-agents */
        {"Mozilla/5.0 (compatible; yacybot; http://yacy.net/bot.html)", "search", "yacybot"},
        {"linkdex.com/v2.0", "other", "linkdex"},
        /* known to uap-core alone */
        {"ExampleSpider/1.0", "other", "ExampleSpider"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct agent_info *info = agent_lookup(*state, str_from(cases[i].agent));
        if (!info->bot || !str_is(info->bot_kind, cases[i].kind) ||
            !str_is(info->bot_name, cases[i].name) || !str_is(info->device_class, "bot"))
            fail_msg("%s is " STR_FMT ", " STR_FMT ", " STR_FMT, cases[i].agent,
                     STR_ARG(info->bot_kind), STR_ARG(info->bot_name), STR_ARG(info->device_class));
    }
    const struct agent_info *person = agent_lookup(*state, STR("curl/8.4.0"));
    assert_str(person->bot_kind, "");
    assert_str(person->bot_name, "");
}

static void agent__a_repeated_agent_is_found_and_its_strings_are_shared(void **state) {
    struct err err;
    struct agent_table *t;
    UNUSED(state);
    assert_ok(agent_table_open(&t, &err), err);
    const struct agent_info a = *agent_lookup(t, STR("Go-http-client/1.1"));
    const struct agent_info b = *agent_lookup(t, STR("Go-http-client/1.1"));
    const struct agent_info c = *agent_lookup(t, STR("Go-http-client/1.1 "));
    assert_ptr_equal(a.browser.ptr, b.browser.ptr);
    assert_ptr_equal(a.browser.ptr, c.browser.ptr); /* another agent, the same answer */
    struct agent_counts counts = agent_table_counts(t);
    assert_int_equal(counts.lookups, 3);
    assert_int_equal(counts.misses, 2);
    agent_table_free(t);
}

static void agent__only_the_first_bytes_of_a_long_agent_count(void **state) {
    struct buf b = {0};
    buf_add_cstr(&b, "curl/8.4.0 ");
    while (b.len < LIMIT_STRING_BYTES)
        buf_add_char(&b, 'x');
    const struct agent_info *at_limit = agent_lookup(*state, buf_str(&b));
    uint64_t misses = agent_table_counts(*state).misses;
    buf_add_cstr(&b, " Googlebot/2.1");
    assert_ptr_equal(agent_lookup(*state, buf_str(&b)), at_limit);
    assert_int_equal(agent_table_counts(*state).misses, misses);
    buf_release(&b);
}

static void assert_same(struct agent_table *t, struct str agent) {
    struct agent_info slow;
    agent_parse_unfiltered(t, agent, &slow);
    const struct agent_info *fast = agent_lookup(t, agent);
    if (!agent_info_same(fast, &slow))
        fail_msg("the prefilter changes the answer for: " STR_FMT, STR_ARG(agent));
}

/* One of the agents with some bytes changed, cut, or replaced by a piece of another. */
static void mutate(struct str a, struct str b, unsigned *random, struct buf *out) {
    buf_clear(out);
    size_t cut_at = (size_t)rand_r(random) % (a.len + 1);
    buf_add(out, a.ptr, cut_at);
    size_t from = (size_t)rand_r(random) % (b.len + 1);
    buf_add(out, b.ptr + from, (size_t)rand_r(random) % (b.len - from + 1));
    if (rand_r(random) % 2)
        buf_add(out, a.ptr + cut_at, a.len - cut_at);
    for (int n = rand_r(random) % 6; n > 0 && out->len > 0; n--) {
        char *c = &out->ptr[(size_t)rand_r(random) % out->len];
        switch (rand_r(random) % 3) {
        case 0:
            *c = (char)rand_r(random);
            break;
        case 1:
            *c = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ? *c ^ 0x20 : ' ';
            break;
        default:
            *c = "/;.() 1-_"[rand_r(random) % 9];
        }
    }
}

/* tests/data/agents.txt, found from the program: it is beside schema/. */
static void read_corpus(struct buf *ret) {
    struct err err;
    struct buf path = {0};
    assert_ok(paths_find(FILE_CLIENTS, &path, &err), err);
    path.len -= strlen("schema/clients.txt");
    buf_add_cstr(&path, "tests/data/agents.txt");
    assert_ok(fs_read_file(buf_cstr(&path), (size_t)1 << 20, ret, &err), err);
    buf_release(&path);
}

static void agent__the_prefilter_changes_no_answer(void **state) {
    unsigned random = (unsigned)unit_seed();
    struct buf corpus = {0}, mutant = {0};
    VEC(struct str) agents = {0};
    read_corpus(&corpus);
    struct str rest = buf_str(&corpus), line;
    while (str_split(&rest, '\n', &line))
        vec_push(&agents, line);
    assert_in_range(agents.len, 400, 100000);
    for (size_t i = 0; i < agents.len; i++)
        assert_same(*state, agents.items[i]);
    assert_int_equal(agent_table_counts(*state).match_limits, 0);
    for (size_t i = 0; i < 1000; i++) {
        mutate(agents.items[(size_t)rand_r(&random) % agents.len],
               agents.items[(size_t)rand_r(&random) % agents.len], &random, &mutant);
        assert_same(*state, buf_str(&mutant));
    }
    vec_free(&agents);
    buf_release(&corpus);
    buf_release(&mutant);
}

static struct agent_id number_id(const struct agent_cache *c, size_t n) {
    return agent_cache_id(c, str_of((const char *)&n, sizeof n));
}

static void cache_add(struct agent_cache *c, size_t n) {
    struct agent_info info = {.browser = STR("a"), .bot = true, .bot_kind = STR("feed")};
    char version[24];
    snprintf(version, sizeof version, "%zu", n % 1000);
    info.browser_version = str_from(version);
    agent_cache_add(c, number_id(c, n), &info);
}

static bool cache_has(struct agent_cache *c, size_t n) {
    struct agent_info info = {0};
    char version[24];
    snprintf(version, sizeof version, "%zu", n % 1000);
    if (!agent_cache_find(c, number_id(c, n), &info))
        return false;
    assert_str(info.browser, "a");
    assert_str(info.browser_version, version);
    assert_str(info.bot_kind, "feed");
    assert_true(info.bot);
    return true;
}

static void cache__is_bounded_and_keeps_what_comes_again(void **state) {
    UNUSED(state);
    struct err err;
    struct agent_cache c;
    assert_ok(agent_cache_init(&c, &err), err);
    size_t round = AGENT_CACHE_AGENTS + 1;
    for (size_t n = 0; n < 3 * round; n++) {
        if (n >= 1000 && n % 100 == 0)
            assert_true(cache_has(&c, n / 100 % 1000)); /* the first thousand come again */
        assert_false(cache_has(&c, n));
        cache_add(&c, n);
        agent_cache_trim(&c);
    }
    assert_in_range(c.young.len, 0, round);
    assert_in_range(c.old.len, round, round + 1000);
    assert_true(cache_has(&c, 500));
    assert_true(cache_has(&c, 3 * round - 1));
    assert_false(cache_has(&c, 2000)); /* long ago */
    agent_cache_release(&c);
}

static void cache__is_full_with_many_bytes_as_well(void **state) {
    UNUSED(state);
    struct err err;
    struct agent_cache c;
    char name[8192];
    size_t n = 0;
    assert_ok(agent_cache_init(&c, &err), err);
    for (; c.old.len == 0 && n < AGENT_CACHE_AGENTS; n++) {
        snprintf(name, sizeof name, "%08190zu", n);
        struct agent_info info = {.device_model = str_from(name)};
        agent_cache_add(&c, number_id(&c, n), &info);
        agent_cache_trim(&c);
    }
    assert_in_range(n, AGENT_CACHE_BYTES / 2 / sizeof name, AGENT_CACHE_BYTES / sizeof name);
    agent_cache_release(&c);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(agent__known_agents_have_their_families, setup, teardown),
          cmocka_unit_test_setup_teardown(
              agent__clients_are_no_bots_but_crawlers_on_their_libraries_are, setup, teardown),
          cmocka_unit_test_setup_teardown(agent__bots_have_a_kind_and_a_name, setup, teardown),
          unit_test(agent__a_repeated_agent_is_found_and_its_strings_are_shared),
          cmocka_unit_test_setup_teardown(agent__only_the_first_bytes_of_a_long_agent_count, setup,
                                          teardown),
          cmocka_unit_test_setup_teardown(agent__the_prefilter_changes_no_answer, setup, teardown),
          unit_test(cache__is_bounded_and_keeps_what_comes_again),
          unit_test(cache__is_full_with_many_bytes_as_well))

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

static void agent__a_repeated_agent_is_found_and_its_strings_are_shared(void **state) {
    struct err err;
    struct agent_table *t;
    UNUSED(state);
    assert_ok(agent_table_open(&t, &err), err);
    const struct agent_info *a = agent_lookup(t, STR("Go-http-client/1.1"));
    const struct agent_info *b = agent_lookup(t, STR("Go-http-client/1.1"));
    const struct agent_info *c = agent_lookup(t, STR("Go-http-client/1.1 "));
    assert_ptr_equal(a, b);
    assert_ptr_equal(a, c); /* another agent, the same answer */
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
    unsigned seed = (unsigned)time(NULL), random = seed;
    print_message("seed %u\n", seed);
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

static void cache__is_dropped_only_when_over_its_cap(void **state) {
    UNUSED(state);
    struct agent_cache c = {0};
    struct agent_info info = {.browser = STR("a"), .browser_version = STR("1"), .bot = true};
    char agent[200];
    size_t n = 0;
    while (!agent_cache_full(&c)) {
        int len = snprintf(agent, sizeof agent, "%0150zu", n++);
        struct str key = str_of(agent, (size_t)len);
        assert_null(agent_cache_find(&c, str_hash(key), key));
        agent_cache_add(&c, str_hash(key), key, &info);
    }
    assert_in_range(n, 100000, AGENT_CACHE_AGENTS + 1);
    for (size_t i = 0; i < n; i += 1000) {
        int len = snprintf(agent, sizeof agent, "%0150zu", i);
        struct str key = str_of(agent, (size_t)len);
        const struct agent_info *found = agent_cache_find(&c, str_hash(key), key);
        assert_non_null(found);
        assert_str(found->browser, "a");
        assert_true(found->bot);
    }
    agent_cache_clear(&c);
    assert_false(agent_cache_full(&c));
    assert_null(agent_cache_find(&c, str_hash(STR("0")), STR("0")));
    agent_cache_release(&c);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(agent__known_agents_have_their_families, setup, teardown),
          cmocka_unit_test_setup_teardown(
              agent__clients_are_no_bots_but_crawlers_on_their_libraries_are, setup, teardown),
          unit_test(agent__a_repeated_agent_is_found_and_its_strings_are_shared),
          cmocka_unit_test_setup_teardown(agent__only_the_first_bytes_of_a_long_agent_count, setup,
                                          teardown),
          cmocka_unit_test_setup_teardown(agent__the_prefilter_changes_no_answer, setup, teardown),
          unit_test(cache__is_dropped_only_when_over_its_cap))

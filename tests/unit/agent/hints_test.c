#include "support/unit.h"

#include "agent/agent.h"
#include "agent/hints.h"
#include "base/limits.h"

#define CHROME                                                                                     \
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "            \
    "Chrome/118.0.0.0 Safari/537.36"
#define CHROME_ANDROID                                                                             \
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 "  \
    "Mobile Safari/537.36"
#define CHROME_TABLET                                                                              \
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 "  \
    "Safari/537.36"
#define CHROME_LINUX                                                                               \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 "     \
    "Safari/537.36"
#define CHROME_MAC                                                                                 \
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "      \
    "Chrome/118.0.0.0 Safari/537.36"
#define EDGE CHROME " Edg/118.0.2088.46"
#define UBUNTU "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"
#define BRANDS(name) "\"Chromium\";v=\"118\", \"" name "\";v=\"118\", \"Not=A?Brand\";v=\"99\""

static int setup(void **state) {
    struct err err;
    return agent_table_open((struct agent_table **)state, &err);
}

static int teardown(void **state) {
    agent_table_free(*state);
    return 0;
}

static struct agent_hints hints_of(const char *const h[static 5]) {
    return (struct agent_hints){str_from(h[0]), str_from(h[1]), str_from(h[2]), str_from(h[3]),
                                str_from(h[4])};
}

static void hints__refine_what_the_agent_says(void **state) {
    static const struct {
        const char *agent;
        const char *hints[5]; /* brands, mobile, platform, platform version, model */
        const char *browser, *browser_version, *os, *os_version, *brand, *model, *class;
    } cases[] = {
        {CHROME,
         {BRANDS("Google Chrome"), "?0", "\"Windows\"", "\"15.0.0\"", "\"\""},
         "Chrome",
         "118.0",
         "Windows",
         "11",
         "",
         "",
         "desktop"},
        {CHROME,
         {BRANDS("Google Chrome"), "?0", "\"Windows\"", "\"13.0.0\"", ""},
         "Chrome",
         "118.0",
         "Windows",
         "11",
         "",
         "",
         "desktop"},
        {CHROME,
         {"", "", "\"Windows\"", "\"10.0.0\"", ""},
         "Chrome",
         "118.0",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {"", "", "\"Windows\"", "\"0.3.0\"", ""},
         "Chrome",
         "118.0",
         "Windows",
         "8.1",
         "",
         "",
         "desktop"},
        {CHROME,
         {"", "", "\"Windows\"", "\"0.1.0\"", ""},
         "Chrome",
         "118.0",
         "Windows",
         "7",
         "",
         "",
         "desktop"},
        {CHROME,
         {"", "?0", "\"Windows\"", "", ""},
         "Chrome",
         "118.0",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {"\"Not A;Brand\";v=\"99\", \"Brave\";v=\"118\", \"Chromium\";v=\"118\"", "?0",
          "\"Windows\"", "", ""},
         "Brave",
         "118",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {BRANDS("Opera GX"), "?0", "", "", ""},
         "Opera GX",
         "118",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {EDGE,
         {BRANDS("Microsoft Edge"), "?0", "\"Windows\"", "\"14.0.0\"", ""},
         "Edge",
         "118.0",
         "Windows",
         "11",
         "",
         "",
         "desktop"},
        /* what says more than a brand stays */
        {EDGE,
         {BRANDS("Google Chrome"), "?0", "", "", ""},
         "Edge",
         "118.0",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {"\"Chromium\";v=\"118\"", "?0", "", "", ""},
         "Chrome",
         "118.0",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {"\" Not;A Brand\";v=\"99\"", "?0", "", "", ""},
         "Chrome",
         "118.0",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {"\"Google Chrome\";v=\"120\"", "", "", "", ""},
         "Chrome",
         "120",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {"",
         {BRANDS("Google Chrome"), "?1", "\"Android\"", "\"14.0.0\"", "\"Pixel 7\""},
         "Chrome Mobile",
         "118",
         "Android",
         "14",
         "Google",
         "Pixel 7",
         "mobile"},
        {CHROME_ANDROID,
         {BRANDS("Google Chrome"), "?1", "\"Android\"", "\"13.0.0\"", "\"SM-S901B\""},
         "Chrome Mobile",
         "118.0",
         "Android",
         "13",
         "Samsung",
         "SM-S901B",
         "mobile"},
        {CHROME_ANDROID,
         {BRANDS("Android WebView"), "?1", "\"Android\"", "\"8.1.0\"", ""},
         "Chrome Mobile WebView",
         "118",
         "Android",
         "8.1",
         "Generic_Android",
         "K",
         "mobile"},
        {CHROME_TABLET,
         {BRANDS("Google Chrome"), "?0", "\"Android\"", "\"13.0.0\"", "\"SM-X700\""},
         "Chrome",
         "118.0",
         "Android",
         "13",
         "Samsung",
         "SM-X700",
         "tablet"},
        /* a phone that asks for the desktop's page */
        {CHROME_LINUX,
         {BRANDS("Google Chrome"), "?1", "\"Android\"", "\"13\"", "\"Pixel 6\""},
         "Chrome Mobile",
         "118",
         "Android",
         "13",
         "Google",
         "Pixel 6",
         "mobile"},
        {CHROME_LINUX,
         {"", "?0", "\"Android\"", "", ""},
         "Chrome",
         "118.0",
         "Android",
         "",
         "",
         "",
         "tablet"},
        {CHROME_LINUX,
         {"", "?0", "\"Chrome OS\"", "\"14541.0.0\"", ""},
         "Chrome",
         "118.0",
         "Chrome OS",
         "14541",
         "",
         "",
         "desktop"},
        {CHROME_MAC,
         {BRANDS("Google Chrome"), "?0", "\"macOS\"", "\"14.5.0\"", ""},
         "Chrome",
         "118.0",
         "Mac OS X",
         "14.5",
         "Apple",
         "Mac",
         "desktop"},
        {UBUNTU,
         {"", "?0", "\"Linux\"", "\"6.5.0\"", ""},
         "Firefox",
         "115.0",
         "Ubuntu",
         "",
         "",
         "",
         "desktop"},
        /* logged without quotes, or by nginx */
        {CHROME,
         {"", "?0", "Windows", "13.0.0", ""},
         "Chrome",
         "118.0",
         "Windows",
         "11",
         "",
         "",
         "desktop"},
        {CHROME,
         {"\\x22Chromium\\x22;v=\\x22118\\x22, \\x22Brave\\x22;v=\\x22118\\x22", "?0",
          "\\x22Windows\\x22", "\\x2213.0.0\\x22", ""},
         "Brave",
         "118",
         "Windows",
         "11",
         "",
         "",
         "desktop"},
        /* nothing that can be read */
        {CHROME,
         {"Chrome", "1", "\"Plan 9\"", "?", ""},
         "Chrome",
         "118.0",
         "Windows",
         "10",
         "",
         "",
         "desktop"},
        {CHROME,
         {"\"", "?", "\"", "\"", "\""},
         "Chrome",
         "118.0",
         "Windows",
         "10",
         "",
         "\"",
         "desktop"},
        /* bots */
        {"Googlebot/2.1 (+http://www.google.com/bot.html)",
         {BRANDS("Google Chrome"), "?1", "\"Android\"", "\"13\"", "\"Pixel 7\""},
         "Googlebot",
         "2.1",
         "Other",
         "",
         "Spider",
         "Desktop",
         "bot"},
    };
    struct buf scratch = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct agent_hints hints = hints_of(cases[i].hints);
        const struct agent_info *info =
            agent_lookup(*state, agent_key(&scratch, str_from(cases[i].agent), &hints));
        const struct str got[] = {info->browser,     info->browser_version, info->os,
                                  info->os_version,  info->device_brand,    info->device_model,
                                  info->device_class};
        const char *const want[] = {cases[i].browser,    cases[i].browser_version, cases[i].os,
                                    cases[i].os_version, cases[i].brand,           cases[i].model,
                                    cases[i].class};
        for (size_t k = 0; k < ARRAY_LEN(got); k++)
            if (!str_is(got[k], want[k]))
                fail_msg("case %zu: " STR_FMT ", not %s", i, STR_ARG(got[k]), want[k]);
    }
    buf_release(&scratch);
}

static void key__without_hints_is_the_agent(void **state) {
    UNUSED(state);
    struct buf scratch = {0};
    struct agent_hints none = {0}, back;
    struct str agent = STR("curl/8.4.0"), split;
    assert_ptr_equal(agent_key(&scratch, agent, &none).ptr, agent.ptr);
    assert_null(scratch.ptr);
    assert_false(hints_split(agent, &split, &back));
    assert_str(split, "curl/8.4.0");
}

static void key__holds_all_that_decides(void **state) {
    static const char *const fields[][5] = {
        {"a", "b", "c", "d", "e"},
        {"", "", "", "", "x"},
        {"x", "", "", "", ""},
        {"", "x", "", "", ""},
        {"a\x1f"
         "b",
         "", "", "", ""},
        {"a", "", "", "", ""},
    };
    static const char *const agents[] = {"", "agent", "agent\x1f", "\x1f\x1f\x1f\x1f\x1f\x1f"};
    UNUSED(state);
    struct buf scratch = {0};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        for (size_t k = 0; k < ARRAY_LEN(agents); k++) {
            struct agent_hints hints = hints_of(fields[i]), back;
            struct str agent;
            struct str key = agent_key(&scratch, str_from(agents[k]), &hints);
            assert_true(hints_split(key, &agent, &back));
            assert_str(agent, agents[k]);
            assert_str(back.brands, i == 4 ? "a" : fields[i][0]);
            assert_str(back.mobile, fields[i][1]);
            assert_str(back.platform, fields[i][2]);
            assert_str(back.platform_version, fields[i][3]);
            assert_str(back.model, fields[i][4]);
        }
    }
    buf_release(&scratch);
}

static void key__is_never_longer_than_a_string_may_be(void **state) {
    UNUSED(state);
    static char bytes[2 * LIMIT_STRING_BYTES];
    memset(bytes, 'x', sizeof bytes);
    struct str full = str_of(bytes, sizeof bytes), agent;
    struct agent_hints hints = {full, full, full, full, full}, back;
    struct buf scratch = {0};
    struct str key = agent_key(&scratch, full, &hints);
    assert_int_equal(key.len, LIMIT_STRING_BYTES);
    assert_true(hints_split(key, &agent, &back));
    assert_int_equal(back.model.len, AGENT_HINT_BYTES);
    assert_int_equal(back.brands.len, AGENT_HINT_BYTES);
    buf_release(&scratch);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(hints__refine_what_the_agent_says, setup, teardown),
          unit_test(key__without_hints_is_the_agent), unit_test(key__holds_all_that_decides),
          unit_test(key__is_never_longer_than_a_string_may_be))

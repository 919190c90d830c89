#include "support/unit.h"

#include "agent/agent.h"
#include "agent/rules.h"
#include "base/fs.h"
#include "base/limits.h"
#include <sys/stat.h>
#include <unistd.h>

#define YAML                                                                                       \
    "user_agent_parsers:\n"                                                                        \
    "  - regex: '(Foo) ?(\\d+)?(?:\\.(\\d+))?(x)?'\n"                                              \
    "  - regex: 'Bar/(\\d+)'\n"                                                                    \
    "    family_replacement: 'Bar $1!'\n"                                                          \
    "    v1_replacement: '7'\n"                                                                    \
    "  - regex: 'Late Bar'\n"                                                                      \
    "    family_replacement: 'never'\n"                                                            \
    "other:\n"                                                                                     \
    "  - {nested: [1, 2, {a: b}]}\n"                                                               \
    "os_parsers:\n"                                                                                \
    "  - regex: 'Sys(\\S*) (\\S*)'\n"                                                              \
    "    os_replacement: ' $1$2$9 '\n"                                                             \
    "device_parsers:\n"                                                                            \
    "  - regex: 'gizmo([a-z]*)'\n"                                                                 \
    "    regex_flag: 'i'\n"                                                                        \
    "    device_replacement: '$$1 $0 gizmo'\n"                                                     \
    "    brand_replacement: 'B'\n"
#define CRAWLERS "[{\"pattern\": \"[cC]rawl\", \"url\": \"x\"}]"
#define CLIENTS "# comment\n\n  ^tool/  \n"
#define BOTS "# comment\n[search]\nFinder = [fF]inder\n[other]\nMega Crawl\n"
#define CLASSES "[tv]\n screen$ \nos: tem9\n[mobile]\n[other]\nscreen\n"

struct files {
    char dir[32], paths[5][64];
};

static void write_files(struct files *f, const char *const texts[static 5]) {
    struct err err;
    strcpy(f->dir, "/tmp/agent_rules.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    for (size_t i = 0; i < ARRAY_LEN(f->paths); i++) {
        snprintf(f->paths[i], sizeof f->paths[i], "%s/%zu", f->dir, i);
        if (texts[i] != NULL)
            assert_ok(fs_replace_file(f->paths[i], str_from(texts[i]), 0600, &err), err);
    }
}

static int table_of(const char *const texts[static 5], struct agent_table **ret, struct err *err) {
    struct files f;
    write_files(&f, texts);
    struct agent_files files = {f.paths[0], f.paths[1], f.paths[2], f.paths[3], f.paths[4]};
    int rc = agent_table_new(&files, ret, err);
    for (size_t i = 0; i < ARRAY_LEN(f.paths); i++)
        unlink(f.paths[i]);
    rmdir(f.dir);
    return rc;
}

static int table_new(const char *yaml, const char *json, const char *clients,
                     struct agent_table **ret, struct err *err) {
    const char *const texts[] = {yaml, json, clients, BOTS, CLASSES};
    return table_of(texts, ret, err);
}

static void rules__replacements_follow_the_specification(void **state) {
    static const struct {
        const char *agent, *browser, *version, *os, *device;
        bool bot;
    } cases[] = {
        {"a Foo 12.34x", "Foo", "12.34", "Other", "Other", false},
        {"Foo 12", "Foo", "12", "Other", "Other", false},
        {"Foo.5", "Foo", "", "Other", "Other", false}, /* no minor without a major */
        {"Bar/3", "Bar 3!", "7", "Other", "Other", false},
        {"Late Bar/3", "Bar 3!", "7", "Other", "Other", false}, /* the first in the list */
        {"Bar/3 Foo 1", "Foo", "1", "Other", "Other", false},
        {"foo 1", "Other", "", "Other", "Other", false},
        {"System 9", "Other", "", "tem9", "Other", false}, /* trimmed; $9 is no group */
        {"Sys ", "Other", "", "Other", "Other", false},    /* empty when trimmed */
        {"GIZMOab", "Other", "", "Other", "$ab $0 gizmo", false},
        {"a Crawl", "Other", "", "Other", "Other", true},
        {"tool/1 crawl", "Other", "", "Other", "Other", false},
        {"a tool/1 crawl", "Other", "", "Other", "Other", true},
    };
    UNUSED(state);
    struct err err;
    struct agent_table *t;
    assert_ok(table_new(YAML, CRAWLERS, CLIENTS, &t, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct agent_info *info = agent_lookup(t, str_from(cases[i].agent));
        assert_str(info->browser, cases[i].browser);
        assert_str(info->browser_version, cases[i].version);
        assert_str(info->os, cases[i].os);
        assert_str(info->device, cases[i].device);
        assert_int_equal(info->bot, cases[i].bot);
    }
    agent_table_free(t);
}

static void rules__what_a_template_makes_too_long_is_cut(void **state) {
    UNUSED(state);
    struct err err;
    struct agent_table *t;
    struct buf b = {0};
    assert_ok(table_new(YAML, CRAWLERS, CLIENTS, &t, &err), err);
    buf_add_cstr(&b, "gizmo");
    while (b.len < LIMIT_STRING_BYTES)
        buf_add_char(&b, 'x');
    assert_int_equal(agent_lookup(t, buf_str(&b))->device.len, LIMIT_STRING_BYTES);
    buf_release(&b);
    agent_table_free(t);
}

static void rules__a_broken_file_is_named_with_the_place(void **state) {
    static const struct {
        const char *yaml, *json, *clients;
        int code;
        const char *says;
    } cases[] = {
        {NULL, CRAWLERS, CLIENTS, ERR_NOTFOUND, "/0"},
        {YAML, NULL, CLIENTS, ERR_NOTFOUND, "/1"},
        {YAML, CRAWLERS, NULL, ERR_NOTFOUND, "/2"},
        {"", CRAWLERS, CLIENTS, ERR_CORRUPT, "/0: no user_agent_parsers"},
        {"user_agent_parsers:\n  - regex: 'a'\n", CRAWLERS, CLIENTS, ERR_CORRUPT,
         "/0: no os_parsers"},
        {"a: [", CRAWLERS, CLIENTS, ERR_CORRUPT, "/0:2: "},
        {"- 1\n", CRAWLERS, CLIENTS, ERR_CORRUPT, "/0:1: "},
        {"os_parsers: 1\n", CRAWLERS, CLIENTS, ERR_CORRUPT, "/0:1: expected a list"},
        {"os_parsers:\n  - a\n", CRAWLERS, CLIENTS, ERR_CORRUPT, "/0:2: expected a rule"},
        {"os_parsers:\n  - regex: [a]\n", CRAWLERS, CLIENTS, ERR_CORRUPT, "/0:2: expected one"},
        {"os_parsers:\n\n  - os_replacement: a\n", CRAWLERS, CLIENTS, ERR_CORRUPT,
         "/0:3: a rule without"},
        {YAML, "[", CLIENTS, ERR_CORRUPT, "/1:1: "},
        {YAML, "{}", CLIENTS, ERR_CORRUPT, "/1: expected an array"},
        {YAML, "[{\"pattern\": \"a\"}, {\"pattern\": 3}]", CLIENTS, ERR_CORRUPT, "/1: entry 2"},
        {YAML, "[3]", CLIENTS, ERR_CORRUPT, "/1: entry 1"},
        {YAML, CRAWLERS, "^a\n(b\n", ERR_CORRUPT, "(b"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct agent_table *t;
        int rc = table_new(cases[i].yaml, cases[i].json, cases[i].clients, &t, &err);
        if (rc != cases[i].code || strstr(err.text, cases[i].says) == NULL)
            fail_msg("case %zu: %d, %s", i, rc, err.text);
    }
}

static void rules__lists_of_our_own_have_sections(void **state) {
    static const struct {
        const char *bots, *classes, *says;
    } broken[] = {
        {"Finder\n", CLASSES, "/3:1: in front of the first section"},
        {"[finder]\n", CLASSES, "/3:1: no such section: finder"},
        {"[search]\nFinder = (\n", CLASSES, "/3: "},
        {"[search]\nFinder = \n", NULL, "/4"},
        {BOTS, "# nothing\n\nos: Windows\n", "/4:3: in front of the first section"},
        {BOTS, "[search]\n", "/4:1: no such section: search"},
        {BOTS, "[tv]\n[a\n", "/4: "},
    };
    UNUSED(state);
    struct agent_table *t;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct err err = {0};
        const char *const texts[] = {YAML, CRAWLERS, CLIENTS, broken[i].bots, broken[i].classes};
        if (table_of(texts, &t, &err) == 0 || strstr(err.text, broken[i].says) == NULL)
            fail_msg("case %zu: %s", i, err.text);
    }
    struct err err;
    assert_ok(table_new(YAML, CRAWLERS, CLIENTS, &t, &err), err);
    static const struct {
        const char *agent, *kind, *name, *class;
    } cases[] = {
        {"finder crawl", "search", "Finder", "bot"},
        {"Mega Crawl finder", "search", "Finder", "bot"}, /* the first line */
        {"Mega Crawl", "other", "Mega Crawl", "bot"},
        {"a crawl!", "other", "crawl", "bot"},
        {"finder", "", "", "other"}, /* the list makes no bot */
        {"a screen", "", "", "tv"},
        {"screen 2", "", "", "other"},
        {"System 9", "", "", "tv"}, /* by its system */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct agent_info *info = agent_lookup(t, str_from(cases[i].agent));
        assert_str(info->bot_kind, cases[i].kind);
        assert_str(info->bot_name, cases[i].name);
        assert_str(info->device_class, cases[i].class);
    }
    agent_table_free(t);
}

static void rules__a_runaway_expression_is_stopped_and_counted(void **state) {
    UNUSED(state);
    struct err err;
    struct agent_table *t;
    assert_ok(table_new("user_agent_parsers:\n  - regex: '^(a+)+b$'\n"
                        "  - regex: 'a'\n    family_replacement: 'A'\n"
                        "os_parsers:\n  - regex: 'x'\ndevice_parsers:\n  - regex: 'x'\n",
                        CRAWLERS, CLIENTS, &t, &err),
              err);
    const struct agent_info *info =
        agent_lookup(t, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc"));
    assert_str(info->browser, "A");
    assert_int_equal(agent_table_counts(t).match_limits, 1);
    agent_table_free(t);
}

UNIT_MAIN(unit_test(rules__replacements_follow_the_specification),
          unit_test(rules__what_a_template_makes_too_long_is_cut),
          unit_test(rules__a_broken_file_is_named_with_the_place),
          unit_test(rules__lists_of_our_own_have_sections),
          unit_test(rules__a_runaway_expression_is_stopped_and_counted))

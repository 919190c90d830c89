#include "agent/agent.h"

#include "agent/cache.h"
#include "agent/check.h"
#include "agent/filter.h"
#include "agent/hints.h"
#include "base/limits.h"
#include "base/paths.h"
#include <stdlib.h>

struct agent_table {
    struct agent_rules rules;
    struct agent_filter *filter;
    struct agent_matcher *matcher;
    struct agent_cache cache;
    uint64_t *all; /* a set bit for each rule */
    bool unfiltered;
    struct uap_parts parts; /* the answer under way */
    struct buf browser_version, os_version, model_agent;
    struct agent_info info; /* of the last look-up */
    uint64_t lookups, misses;
};

int agent_table_new(const struct agent_files *files, struct agent_table **ret, struct err *err) {
    struct agent_table *t = xcalloc(1, sizeof *t);
    int rc = agent_cache_init(&t->cache, err);
    if (rc == 0)
        rc = agent_rules_read(files, &t->rules, err);
    if (rc != 0)
        goto out;
    t->matcher = agent_matcher_new(&t->rules);
    /* Edited by hand more than the others, and few: broken ones are told at once. */
    for (size_t i = t->rules.first[AGENT_CLIENT]; i < t->rules.len; i++) {
        if (agent_matcher_compile(t->matcher, i, err) != 0) {
            rc = err_context(err, "%s",
                             i < t->rules.first[AGENT_BOT]     ? files->clients
                             : i < t->rules.first[AGENT_CLASS] ? files->bots
                                                               : files->classes);
            goto out;
        }
    }
    t->filter = agent_filter_new(&t->rules);
    size_t words = t->rules.len / 64 + 1;
    t->all = xmalloc(words * sizeof *t->all);
    memset(t->all, 0xff, words * sizeof *t->all);
    *ret = t;
    t = NULL;
out:
    agent_table_free(t);
    return rc;
}

int agent_table_open(struct agent_table **ret, struct err *err) {
    static const enum program_file names[] = {FILE_AGENTS, FILE_CRAWLERS, FILE_CLIENTS, FILE_BOTS,
                                              FILE_DEVICE_CLASSES};
    struct buf paths[ARRAY_LEN(names)] = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++)
        rc = paths_find(names[i], &paths[i], err);
    struct agent_files files = {buf_cstr(&paths[0]), buf_cstr(&paths[1]), buf_cstr(&paths[2]),
                                buf_cstr(&paths[3]), buf_cstr(&paths[4])};
    if (rc == 0)
        rc = agent_table_new(&files, ret, err);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        buf_release(&paths[i]);
    return rc;
}

void agent_table_free(struct agent_table *t) {
    if (t == NULL)
        return;
    agent_filter_free(t->filter);
    agent_matcher_free(t->matcher);
    agent_rules_release(&t->rules);
    agent_cache_release(&t->cache);
    uap_parts_release(&t->parts);
    buf_release(&t->browser_version);
    buf_release(&t->os_version);
    buf_release(&t->model_agent);
    free(t->all);
    free(t);
}

static const uint64_t *candidates_of(struct agent_table *t, struct str agent) {
    return t->unfiltered ? t->all : agent_filter_scan(t->filter, agent);
}

static struct str cut(struct str s) { return str_of(s.ptr, min_size(s.len, LIMIT_STRING_BYTES)); }

/* The first parts with dots between, up to one that is missing. */
static struct str version_of(const struct str *parts, size_t n, struct buf *out) {
    buf_clear(out);
    for (size_t i = 0; i < n && parts[i].len > 0; i++) {
        if (i > 0)
            buf_add_char(out, '.');
        buf_add_str(out, parts[i]);
    }
    return buf_str(out);
}

static void set_device(const struct uap_answer *uap, struct agent_info *ret) {
    ret->device = uap->device[0];
    ret->device_brand = uap->device[1];
    ret->device_model = uap->device[2];
}

static bool is_sign(char c) {
    return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z');
}

/* What the pattern of a crawler found, without signs around it. */
static struct str name_of_match(struct str found) {
    while (found.len > 0 && is_sign(found.ptr[0]))
        found = str_skip(found, 1);
    while (found.len > 0 && is_sign(found.ptr[found.len - 1]))
        found.len--;
    return str_of(found.ptr, min_size(found.len, 64));
}

static void set_bot(struct agent_table *t, const uint64_t *candidates, struct str agent,
                    struct agent_info *ret) {
    struct agent_matcher *m = t->matcher;
    const struct agent_rule *listed = agent_first_match(m, AGENT_BOT, candidates, agent);
    const struct agent_rule *crawler = agent_first_match(m, AGENT_CRAWLER, candidates, agent);
    struct str found = crawler ? name_of_match(agent_match_group(m, 0)) : STR("");
    ret->bot = (crawler || str_is(ret->device, "Spider")) &&
               agent_first_match(m, AGENT_CLIENT, candidates, agent) == NULL;
    ret->bot_kind = ret->bot_name = STR("");
    if (!ret->bot)
        return;
    ret->bot_kind = listed ? listed->kind : crawler ? crawler->kind : STR("other");
    ret->bot_name = listed ? listed->parts[0] : found.len > 0 ? found : ret->browser;
}

static struct str class_by_os(const struct agent_table *t, struct str os) {
    for (size_t i = 0; i < t->rules.os_classes.len; i++)
        if (str_eq(os, t->rules.os_classes.items[i].os))
            return t->rules.os_classes.items[i].class;
    return STR("other");
}

static void set_class(struct agent_table *t, const uint64_t *candidates, struct str agent,
                      struct agent_info *ret) {
    const struct agent_rule *rule =
        ret->bot ? NULL : agent_first_match(t->matcher, AGENT_CLASS, candidates, agent);
    ret->device_class = ret->bot ? STR("bot") : rule ? rule->kind : class_by_os(t, ret->os);
}

/* uap-core knows devices by agents, so a model is asked for in an agent that has it. */
static void set_model(struct agent_table *t, const struct hint_words *hints,
                      struct agent_info *ret) {
    if (hints->model.len == 0)
        return;
    ret->device_model = hints->model;
    if (!str_is(ret->os, "Android"))
        return;
    buf_clear(&t->model_agent);
    buf_add_cstr(&t->model_agent, "Mozilla/5.0 (Linux; Android 10; ");
    buf_add_str(&t->model_agent, hints->model);
    buf_add_cstr(&t->model_agent,
                 " Build/A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0");
    buf_add_cstr(&t->model_agent,
                 hints->mobile == HINT_MOBILE ? " Mobile Safari/537.36" : " Safari/537.36");
    struct str agent = buf_str(&t->model_agent);
    struct uap_answer uap;
    uap_find_device(t->matcher, candidates_of(t, agent), agent, &t->parts, &uap);
    set_device(&uap, ret);
    if (str_starts(ret->device_brand, STR("Generic")))
        ret->device_model = hints->model;
}

static bool is_one_of(struct str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_is(s, words[i]))
            return true;
    return false;
}

static void refine_os(const struct hint_words *hints, struct agent_info *ret) {
    /* Behind "Linux" an agent may name its distribution. */
    static const char *const others[] = {"Other", "Windows", "Mac OS X",
                                         "iOS",   "Android", "Chrome OS"};
    if (hints->os.len == 0)
        return;
    bool same = str_eq(hints->os, ret->os);
    if (!same && str_is(hints->os, "Linux") && !is_one_of(ret->os, others, ARRAY_LEN(others)))
        return;
    ret->os = hints->os;
    if (!same || hints->os_version.len > 0)
        ret->os_version = hints->os_version;
}

static bool same_major(struct str version, struct str major) {
    return str_starts(version, major) &&
           (version.len == major.len || version.ptr[major.len] == '.');
}

static void refine_browser(const struct hint_words *hints, struct agent_info *ret) {
    if (hints->browser.len == 0)
        return;
    bool handheld = hints->mobile == HINT_MOBILE ||
                    (hints->mobile == HINT_UNKNOWN && str_is(ret->os, "Android"));
    struct str family = hint_browser_family(hints->browser, handheld);
    bool engine = str_is(hints->browser, "Chromium") && !str_is(ret->browser, "Other");
    if (!str_eq(family, ret->browser) && (engine || !hint_browser_is_vague(ret->browser)))
        return;
    if (!str_eq(family, ret->browser) || !same_major(ret->browser_version, hints->browser_version))
        ret->browser_version = hints->browser_version;
    ret->browser = family;
}

static void refine_class(const struct agent_table *t, const struct hint_words *hints,
                         struct str os_before, struct agent_info *ret) {
    static const char *const screens[] = {"desktop", "mobile", "tablet", "other"};
    if (!is_one_of(ret->device_class, screens, ARRAY_LEN(screens)))
        return;
    if (!str_eq(os_before, ret->os))
        ret->device_class = class_by_os(t, ret->os);
    if (hints->mobile == HINT_MOBILE)
        ret->device_class = STR("mobile");
    else if (hints->mobile == HINT_DESKTOP && str_is(ret->device_class, "mobile"))
        ret->device_class = str_is(ret->os, "Android") ? STR("tablet") : STR("desktop");
}

/* A bot's hints are those of the browser that it runs on or plays: they say nothing more. */
static void refine(struct agent_table *t, const struct agent_hints *hints, struct agent_info *ret) {
    struct hint_words words;
    struct str os_before = ret->os;
    if (ret->bot)
        return;
    hints_read(hints, &words);
    refine_os(&words, ret);
    refine_browser(&words, ret);
    set_model(t, &words, ret);
    refine_class(t, &words, os_before, ret);
}

/* What the key is; strings in t->parts and in the key: valid until the next call. */
static void parse(struct agent_table *t, struct str key, struct agent_info *ret) {
    struct str agent;
    struct agent_hints hints;
    bool hinted = hints_split(key, &agent, &hints);
    const uint64_t *candidates = candidates_of(t, agent);
    struct uap_answer uap;
    uap_find(t->matcher, candidates, agent, &t->parts, &uap);
    ret->browser = uap.browser[0];
    ret->browser_version = version_of(uap.browser + 1, 2, &t->browser_version);
    ret->os = uap.os[0];
    ret->os_version = version_of(uap.os + 1, 3, &t->os_version);
    set_device(&uap, ret);
    set_bot(t, candidates, agent, ret);
    set_class(t, candidates, agent, ret);
    if (hinted)
        refine(t, &hints, ret);
#define CUT(field) ret->field = cut(ret->field);
    AGENT_STRINGS(CUT)
#undef CUT
}

const struct agent_info *agent_lookup(struct agent_table *t, struct str key) {
    key = cut(key);
    struct agent_id id = agent_cache_id(&t->cache, key);
    t->lookups++;
    if (agent_cache_find(&t->cache, id, &t->info))
        return &t->info;
    t->misses++;
    parse(t, key, &t->info);
    agent_cache_add(&t->cache, id, &t->info);
    return &t->info;
}

void agent_parse_unfiltered(struct agent_table *t, struct str key, struct agent_info *ret) {
    t->unfiltered = true;
    parse(t, cut(key), ret);
    t->unfiltered = false;
}

void agent_parse_uap(struct agent_table *t, struct str agent, struct uap_answer *ret) {
    agent = cut(agent);
    uap_find(t->matcher, candidates_of(t, agent), agent, &t->parts, ret);
}

bool agent_info_same(const struct agent_info *a, const struct agent_info *b) {
#define SAME(field) &&str_eq(a->field, b->field)
    return a->bot == b->bot AGENT_STRINGS(SAME);
#undef SAME
}

void agent_table_trim(struct agent_table *t) { agent_cache_trim(&t->cache); }

struct agent_counts agent_table_counts(const struct agent_table *t) {
    return (struct agent_counts){t->lookups, t->misses, agent_matcher_limits(t->matcher)};
}

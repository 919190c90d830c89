#include "agent/agent.h"

#include "agent/cache.h"
#include "agent/check.h"
#include "agent/filter.h"
#include "agent/match.h"
#include "base/limits.h"
#include <stdlib.h>

struct agent_table {
    struct agent_rules rules;
    struct agent_filter *filter;
    struct agent_matcher *matcher;
    struct agent_cache cache;
    uint64_t *all;       /* a set bit for each rule */
    struct buf parts[4]; /* the answer under way: browser, version, os, device */
    uint64_t lookups, misses;
};

/* An agent's families are at most a template and a few copies of the agent. */
#define PART_BYTES (12 * LIMIT_STRING_BYTES)

int agent_table_new(const char *regexes, const char *crawlers, const char *clients,
                    struct agent_table **ret, struct err *err) {
    struct agent_table *t = xcalloc(1, sizeof *t);
    int rc = agent_rules_read(regexes, crawlers, clients, &t->rules, err);
    if (rc != 0)
        goto out;
    t->matcher = agent_matcher_new(&t->rules);
    /* Edited by hand more than the others, and few: broken ones are told at once. */
    for (size_t i = t->rules.first[AGENT_CLIENT]; i < t->rules.first[AGENT_CLIENT + 1]; i++) {
        if (agent_matcher_compile(t->matcher, i, err) != 0) {
            rc = err_context(err, "%s", clients);
            goto out;
        }
    }
    t->filter = agent_filter_new(&t->rules);
    size_t words = t->rules.len / 64 + 1;
    t->all = xmalloc(words * sizeof *t->all);
    memset(t->all, 0xff, words * sizeof *t->all);
    for (size_t i = 0; i < ARRAY_LEN(t->parts); i++)
        t->parts[i].limit = PART_BYTES;
    *ret = t;
    t = NULL;
out:
    agent_table_free(t);
    return rc;
}

void agent_table_free(struct agent_table *t) {
    if (t == NULL)
        return;
    agent_filter_free(t->filter);
    agent_matcher_free(t->matcher);
    agent_rules_release(&t->rules);
    agent_cache_release(&t->cache);
    for (size_t i = 0; i < ARRAY_LEN(t->parts); i++)
        buf_release(&t->parts[i]);
    free(t->all);
    free(t);
}

/* First rule of the list that is a candidate and matches, NULL if none does. */
static const struct agent_rule *first_match(struct agent_table *t, enum agent_list list,
                                            const uint64_t *candidates, struct str agent) {
    size_t end = t->rules.first[list + 1];
    for (size_t i = t->rules.first[list]; i < end; i++) {
        uint64_t left = candidates[i / 64] >> (i % 64);
        if (left == 0) {
            i |= 63; /* none in the rest of this word */
            continue;
        }
        i += (size_t)__builtin_ctzll(left);
        if (i < end && agent_match(t->matcher, i, agent))
            return &t->rules.rules[i];
    }
    return NULL;
}

/* A template with the groups of the last match put in, or the group itself where there is none. */
static struct str fill(struct agent_table *t, struct str template, size_t group, struct buf *out) {
    buf_clear(out);
    if (template.len == 0) {
        buf_add_str(out, agent_match_group(t->matcher, group));
        return buf_str(out);
    }
    for (size_t i = 0; i < template.len; i++) {
        char next = i + 1 < template.len ? template.ptr[i + 1] : '\0';
        if (template.ptr[i] == '$' && next >= '1' && next <= '9') {
            buf_add_str(out, agent_match_group(t->matcher, (size_t)(next - '0')));
            i++;
        } else {
            buf_add_char(out, template.ptr[i]);
        }
    }
    return buf_str(out);
}

static struct str cut(struct str s) { return str_of(s.ptr, min_size(s.len, LIMIT_STRING_BYTES)); }

static struct str or_other(struct str family) { return family.len ? cut(family) : STR("Other"); }

/* The browser's parts are not trimmed: neither reference implementation does. */
static void find_browser(struct agent_table *t, const uint64_t *candidates, struct str agent,
                         struct agent_info *ret) {
    ret->browser = STR("Other");
    ret->browser_version = STR("");
    const struct agent_rule *rule = first_match(t, AGENT_BROWSER, candidates, agent);
    if (rule == NULL)
        return;
    ret->browser = or_other(fill(t, rule->family, 1, &t->parts[0]));
    struct buf *version = &t->parts[1], *minor = &t->parts[2];
    if (fill(t, rule->major, 2, version).len == 0)
        return;
    if (fill(t, rule->minor, 3, minor).len > 0) {
        buf_add_char(version, '.');
        buf_add_str(version, buf_str(minor));
    }
    ret->browser_version = cut(buf_str(version));
}

static struct str find_family(struct agent_table *t, enum agent_list list,
                              const uint64_t *candidates, struct str agent, struct buf *out) {
    const struct agent_rule *rule = first_match(t, list, candidates, agent);
    return rule ? or_other(str_trim(fill(t, rule->family, 1, out))) : STR("Other");
}

/* What the agent is, in t->parts: valid until the next call. */
static void parse(struct agent_table *t, const uint64_t *candidates, struct str agent,
                  struct agent_info *ret) {
    find_browser(t, candidates, agent, ret);
    ret->os = find_family(t, AGENT_OS, candidates, agent, &t->parts[2]);
    ret->device = find_family(t, AGENT_DEVICE, candidates, agent, &t->parts[3]);
    ret->bot = (str_is(ret->device, "Spider") ||
                first_match(t, AGENT_CRAWLER, candidates, agent) != NULL) &&
               first_match(t, AGENT_CLIENT, candidates, agent) == NULL;
}

const struct agent_info *agent_lookup(struct agent_table *t, struct str agent) {
    agent = cut(agent);
    uint64_t hash = str_hash(agent);
    t->lookups++;
    const struct agent_info *known = agent_cache_find(&t->cache, hash, agent);
    if (known != NULL)
        return known;
    t->misses++;
    struct agent_info info;
    parse(t, agent_filter_scan(t->filter, agent), agent, &info);
    return agent_cache_add(&t->cache, hash, agent, &info);
}

void agent_parse_unfiltered(struct agent_table *t, struct str agent, struct agent_info *ret) {
    parse(t, t->all, cut(agent), ret);
}

void agent_table_trim(struct agent_table *t) {
    if (agent_cache_full(&t->cache))
        agent_cache_clear(&t->cache);
}

struct agent_counts agent_table_counts(const struct agent_table *t) {
    return (struct agent_counts){t->lookups, t->misses, agent_matcher_limits(t->matcher)};
}

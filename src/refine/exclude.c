#include "refine/exclude.h"

#include "base/address.h"
#include "base/lower.h"
#include <ctype.h>
#include <stdlib.h>

struct patterns {
    struct str *items; /* in the arena */
    size_t len;
};

struct rule {
    struct patterns sites, paths, hosts, agents;
    bool agent_begins[256]; /* bytes that a piece of an agent begins with, in either case */
    VEC(struct address_range) ranges; /* sorted, without overlaps */
};

struct exclusions {
    struct rule *rules;
    size_t n_rules;
    bool by_address;
    struct arena arena;
};

static int by_first(const void *a, const void *b) {
    const struct address_range *x = a, *y = b;
    return address_cmp(&x->first, &y->first);
}

static int read_ranges(struct rule *rule, char *const *texts, size_t n, struct err *err) {
    for (size_t i = 0; i < n; i++) {
        struct address_range range;
        if (!address_range_parse(str_from(texts[i]), &range))
            return err_set(err, ERR_USAGE, "exclude: addresses: \"%s\" is no range of addresses",
                           texts[i]);
        vec_push(&rule->ranges, range);
    }
    if (n > 0)
        qsort(rule->ranges.items, n, sizeof *rule->ranges.items, by_first);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct address_range one = rule->ranges.items[i];
        struct address_range *before = kept > 0 ? &rule->ranges.items[kept - 1] : NULL;
        if (before == NULL || address_cmp(&one.first, &before->last) > 0)
            rule->ranges.items[kept++] = one;
        else if (address_cmp(&one.last, &before->last) > 0)
            before->last = one.last;
    }
    rule->ranges.len = kept;
    return 0;
}

static struct patterns copy_patterns(struct arena *arena, char *const *texts, size_t n) {
    struct patterns p = {.len = n};
    if (n > 0)
        p.items = arena_alloc(arena, n * sizeof *p.items);
    for (size_t i = 0; i < n; i++)
        p.items[i] = arena_dup(arena, str_from(texts[i]));
    return p;
}

int exclusions_new(const struct config_exclude *rules, size_t n, struct exclusions **ret,
                   struct err *err) {
    struct exclusions *e = xcalloc(1, sizeof *e);
    int rc = 0;
    *ret = NULL;
    e->rules = xcalloc(max_size(n, 1), sizeof *e->rules);
    for (; rc == 0 && e->n_rules < n; e->n_rules++) {
        const struct config_exclude *from = &rules[e->n_rules];
        struct rule *rule = &e->rules[e->n_rules];
        rule->sites = copy_patterns(&e->arena, from->sites, from->n_sites);
        rule->paths = copy_patterns(&e->arena, from->paths, from->n_paths);
        rule->hosts = copy_patterns(&e->arena, from->hosts, from->n_hosts);
        rule->agents = copy_patterns(&e->arena, from->agents, from->n_agents);
        for (size_t i = 0; i < rule->agents.len; i++) {
            unsigned char c = (unsigned char)lower(rule->agents.items[i].ptr[0]);
            rule->agent_begins[c] = rule->agent_begins[(unsigned char)toupper(c)] = true;
        }
        e->by_address = e->by_address || from->n_addresses > 0;
        rc = read_ranges(rule, from->addresses, from->n_addresses, err);
    }
    if (rc == 0 && n > 0) {
        *ret = e;
        e = NULL;
    }
    exclusions_free(e);
    return rc;
}

void exclusions_free(struct exclusions *e) {
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->n_rules; i++)
        vec_free(&e->rules[i].ranges);
    free(e->rules);
    arena_release(&e->arena);
    free(e);
}

/* --- matching ------------------------------------------------------------------------------ */

static bool in_ranges(const struct rule *rule, const struct address *address) {
    size_t low = 0, high = rule->ranges.len; /* ranges before `low` begin at or below it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address_cmp(&rule->ranges.items[middle].first, address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address_cmp(address, &rule->ranges.items[low - 1].last) <= 0;
}

static bool same(char a, char b, bool any_case) {
    return a == b || (any_case && lower(a) == lower(b));
}

/* `*` stands for any bytes, also none; the pattern is all of the text. Only the last star has to be
 * tried again, so this takes at most pattern times text steps. */
static bool glob(struct str pattern, struct str text, bool any_case) {
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.len && same(pattern.ptr[p], text.ptr[t], any_case)) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool globs(const struct patterns *patterns, struct str text, bool any_case) {
    for (size_t i = 0; text.len > 0 && i < patterns->len; i++)
        if (glob(patterns->items[i], text, any_case))
            return true;
    return false;
}

static bool is_agent(const struct rule *rule, struct str agent) {
    for (size_t at = 0; rule->agents.len > 0 && at < agent.len; at++) {
        if (!rule->agent_begins[(unsigned char)agent.ptr[at]])
            continue;
        for (size_t i = 0; i < rule->agents.len; i++) {
            size_t len = rule->agents.items[i].len;
            if (len <= agent.len - at &&
                str_eq_nocase(str_of(agent.ptr + at, len), rule->agents.items[i]))
                return true;
        }
    }
    return false;
}

static bool is_of_site(const struct rule *rule, struct str site) {
    for (size_t i = 0; i < rule->sites.len; i++)
        if (str_eq(rule->sites.items[i], site))
            return true;
    return rule->sites.len == 0;
}

static enum reason rule_reason(const struct rule *rule, const struct fields *fields,
                               struct str path, const struct address *address) {
    if (address != NULL && in_ranges(rule, address))
        return REASON_excluded_address;
    if (globs(&rule->paths, path, false))
        return REASON_excluded_path;
    if (globs(&rule->hosts, fields->vhost, true))
        return REASON_excluded_host;
    return is_agent(rule, fields->agent) ? REASON_excluded_agent : REASON_NONE;
}

enum reason exclusions_find(const struct exclusions *e, struct str site,
                            const struct fields *fields) {
    if (e == NULL)
        return REASON_NONE;
    struct str path = fields->target;
    struct address address;
    bool has_address = e->by_address && address_parse(fields->host, &address);
    (void)str_find(path, '?', &path.len);
    enum reason found = REASON_NONE;
    for (size_t i = 0; i < e->n_rules; i++) {
        if (!is_of_site(&e->rules[i], site))
            continue;
        enum reason reason = rule_reason(&e->rules[i], fields, path, has_address ? &address : NULL);
        if (reason != REASON_NONE && (found == REASON_NONE || reason < found))
            found = reason;
    }
    return found;
}

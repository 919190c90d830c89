#include "agent/uap.h"

#include "base/limits.h"

#define PART_BYTES (12 * LIMIT_STRING_BYTES)

void uap_parts_release(struct uap_parts *p) {
    for (size_t i = 0; i < ARRAY_LEN(p->browser); i++)
        buf_release(&p->browser[i]);
    for (size_t i = 0; i < ARRAY_LEN(p->os); i++)
        buf_release(&p->os[i]);
    for (size_t i = 0; i < ARRAY_LEN(p->device); i++)
        buf_release(&p->device[i]);
}

/* A template with the groups of the last match put in, or the group itself where there is none.
 * Group 0 stands for nothing. */
static struct str fill(const struct agent_matcher *m, struct str template, size_t group,
                       struct buf *out) {
    buf_clear(out);
    out->limit = PART_BYTES;
    if (template.len == 0) {
        if (group > 0)
            buf_add_str(out, agent_match_group(m, group));
        return buf_str(out);
    }
    for (size_t i = 0; i < template.len; i++) {
        char next = i + 1 < template.len ? template.ptr[i + 1] : '\0';
        if (template.ptr[i] == '$' && next >= '1' && next <= '9') {
            buf_add_str(out, agent_match_group(m, (size_t)(next - '0')));
            i++;
        } else {
            buf_add_char(out, template.ptr[i]);
        }
    }
    return buf_str(out);
}

/* `groups` are those that count where a rule has no template. */
static void find_parts(struct agent_matcher *m, enum agent_list list, const uint64_t *candidates,
                       struct str agent, const uint8_t *groups, size_t n, struct buf *parts,
                       struct str *ret) {
    const struct agent_rule *rule = agent_first_match(m, list, candidates, agent);
    for (size_t i = 0; i < n; i++)
        ret[i] = rule ? fill(m, rule->parts[i], groups[i], &parts[i]) : STR("");
}

static struct str or_other(struct str family) { return family.len ? family : STR("Other"); }

void uap_find_device(struct agent_matcher *m, const uint64_t *candidates, struct str agent,
                     struct uap_parts *parts, struct uap_answer *ret) {
    static const uint8_t groups[] = {1, 0, 1};
    find_parts(m, AGENT_DEVICE, candidates, agent, groups, ARRAY_LEN(groups), parts->device,
               ret->device);
    for (size_t i = 0; i < ARRAY_LEN(ret->device); i++)
        ret->device[i] = str_trim(ret->device[i]);
    ret->device[0] = or_other(ret->device[0]);
}

/* The browser's parts are not trimmed: neither reference implementation does. */
void uap_find(struct agent_matcher *m, const uint64_t *candidates, struct str agent,
              struct uap_parts *parts, struct uap_answer *ret) {
    static const uint8_t groups[] = {1, 2, 3, 4, 5};
    find_parts(m, AGENT_BROWSER, candidates, agent, groups, ARRAY_LEN(ret->browser), parts->browser,
               ret->browser);
    ret->browser[0] = or_other(ret->browser[0]);
    find_parts(m, AGENT_OS, candidates, agent, groups, ARRAY_LEN(ret->os), parts->os, ret->os);
    for (size_t i = 0; i < ARRAY_LEN(ret->os); i++)
        ret->os[i] = str_trim(ret->os[i]);
    ret->os[0] = or_other(ret->os[0]);
    uap_find_device(m, candidates, agent, parts, ret);
}

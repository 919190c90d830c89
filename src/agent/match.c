#include "agent/match.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define GROUPS_MAX 10 /* the whole match and $1..$9 */
#define JIT_STACK_MIN ((size_t)32 << 10)
#define JIT_STACK_MAX ((size_t)512 << 10)

struct agent_matcher {
    const struct agent_rules *rules;
    pcre2_code **codes; /* one a rule, NULL: not compiled yet or broken */
    bool *tried;
    bool *fast; /* has JIT code */
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
    struct str subject; /* of the last match */
    int groups;         /* of the last match, 0 after none */
    uint64_t limits;
};

struct agent_matcher *agent_matcher_new(const struct agent_rules *rules) {
    struct agent_matcher *m = xcalloc(1, sizeof *m);
    m->rules = rules;
    m->codes = xcalloc(max_size(rules->len, 1), sizeof *m->codes);
    m->tried = xcalloc(max_size(rules->len, 1), sizeof *m->tried);
    m->fast = xcalloc(max_size(rules->len, 1), sizeof *m->fast);
    m->context = pcre2_match_context_create(NULL);
    m->data = pcre2_match_data_create(GROUPS_MAX, NULL);
    m->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    if (m->context == NULL || m->data == NULL)
        abort(); /* out of memory (base.h) */
    pcre2_set_match_limit(m->context, AGENT_MATCH_LIMIT);
    if (m->stack != NULL) /* NULL where PCRE2 was built without JIT */
        pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return m;
}

void agent_matcher_free(struct agent_matcher *m) {
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->rules->len; i++)
        pcre2_code_free(m->codes[i]);
    pcre2_jit_stack_free(m->stack);
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    free(m->codes);
    free(m->tried);
    free(m->fast);
    free(m);
}

int agent_matcher_compile(struct agent_matcher *m, size_t i, struct err *err) {
    assert(i < m->rules->len);
    if (m->codes[i] != NULL)
        return 0;
    m->tried[i] = true;
    const struct agent_rule *rule = &m->rules->rules[i];
    int problem;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)rule->regex.ptr, rule->regex.len,
                                     rule->nocase ? PCRE2_CASELESS : 0, &problem, &at, NULL);
    if (code == NULL) {
        char text[128] = "";
        pcre2_get_error_message(problem, (PCRE2_UCHAR *)text, sizeof text);
        return err_set(err, ERR_CORRUPT, "regular expression " STR_FMT ": %s at offset %zu",
                       STR_ARG(rule->regex), text, at);
    }
    /* Without JIT the interpreter gives the same answers, slower. */
    m->fast[i] = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
    m->codes[i] = code;
    return 0;
}

bool agent_match(struct agent_matcher *m, size_t i, struct str subject) {
    m->groups = 0;
    if (m->codes[i] == NULL && (m->tried[i] || agent_matcher_compile(m, i, NULL) != 0))
        return false;
    if (subject.ptr == NULL)
        subject.ptr = "";
    PCRE2_SPTR text = (PCRE2_SPTR)subject.ptr;
    int rc = m->fast[i] ? pcre2_jit_match(m->codes[i], text, subject.len, 0, 0, m->data, m->context)
                        : pcre2_match(m->codes[i], text, subject.len, 0, 0, m->data, m->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return false;
    if (rc < 0) {
        m->limits++;
        return false;
    }
    m->subject = subject;
    m->groups = rc ? rc : GROUPS_MAX; /* 0: more groups than fit, all that fit are set */
    return true;
}

const struct agent_rule *agent_first_match(struct agent_matcher *m, enum agent_list list,
                                           const uint64_t *candidates, struct str subject) {
    size_t end = m->rules->first[list + 1];
    for (size_t i = m->rules->first[list]; i < end; i++) {
        uint64_t left = candidates[i / 64] >> (i % 64);
        if (left == 0) {
            i |= 63; /* none in the rest of this word */
            continue;
        }
        i += (size_t)__builtin_ctzll(left);
        if (i < end && agent_match(m, i, subject))
            return &m->rules->rules[i];
    }
    return NULL;
}

struct str agent_match_group(const struct agent_matcher *m, size_t n) {
    if (n >= (size_t)m->groups)
        return STR("");
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
    if (at[2 * n] == PCRE2_UNSET || at[2 * n] > at[2 * n + 1])
        return STR("");
    return str_of(m->subject.ptr + at[2 * n], at[2 * n + 1] - at[2 * n]);
}

uint64_t agent_matcher_limits(const struct agent_matcher *m) { return m->limits; }

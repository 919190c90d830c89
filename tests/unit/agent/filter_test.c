#include "support/unit.h"

#include "agent/filter.h"
#include "agent/literals.h"
#include "agent/match.h"
#include "base/fs.h"
#include "base/paths.h"
#include <time.h>

static void read_rules(struct agent_rules *ret) {
    static const enum program_file names[] = {FILE_AGENTS, FILE_CRAWLERS, FILE_CLIENTS, FILE_BOTS,
                                              FILE_DEVICE_CLASSES};
    struct buf paths[ARRAY_LEN(names)] = {0};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_ok(paths_find(names[i], &paths[i], &err), err);
    struct agent_files files = {buf_cstr(&paths[0]), buf_cstr(&paths[1]), buf_cstr(&paths[2]),
                                buf_cstr(&paths[3]), buf_cstr(&paths[4])};
    assert_ok(agent_rules_read(&files, ret, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        buf_release(&paths[i]);
}

/* The clauses of an expression as "a|b & c". */
static void describe(const char *regex, struct buf *out) {
    struct arena arena = {0};
    struct agent_literals l;
    agent_literals_find(str_from(regex), &arena, &l);
    buf_clear(out);
    for (size_t c = 0; c < l.len; c++) {
        buf_add_cstr(out, c ? " & " : "");
        for (size_t w = 0; w < l.clauses[c].len; w++) {
            buf_add_cstr(out, w ? "|" : "");
            buf_add_str(out, l.clauses[c].words[w]);
        }
    }
    arena_release(&arena);
}

static void literals__clauses_are_what_every_match_contains(void **state) {
    static const struct {
        const char *regex, *clauses;
    } cases[] = {
        {"Googlebot\\/", "googlebot/"},
        {"(Chrome)/(\\d+)\\.(\\d+) Mobile", "chrome/ &  mobile"},
        {"[wW]get", "wget"},
        {"Mobile ?Safari", "mobilesafari|mobile safar"},
        {"ab(?:cd|ef)", "abcd|abef"},
        {"ab(?:cd.x|ef)", "abcd|abef & cd|ef"},
        {"ab(?:cd|)", "abcd|ab"},
        {"ab|c", ""},
        {"ab(cd)*", "ab"},
        {"ab(cd)+ef", "abcd & cd & ef"},
        {"ab(cd){2,3}", "abcdcd|abcdcdcd"},
        {"ab(cd){0,3}", "ab|abcd|abcdcd|abcdcdcd"},
        {"ab{0}cd", "acd"},
        {"ab{0,9}cd", "cd"},
        {"; {0,2}(?:A\\d+|BC)x", ";a|;bc|; a|; bc|;  a|;  bc"},
        /* each side of an alternation may need two things */
        {"(?:foo.bar|baz.qux)", "foo|baz & foo|qux & bar|baz & bar|qux"},
        /* what all agents hold is looked for only where there is nothing else */
        {"Mozilla.*Nintendo.*AppleWebKit", "nintendo"},
        {"Mozilla.*AppleWebKit", "applewebkit & mozilla"},
        {"a{b}", "a{b}"},
        {"ab(?!cd)ef", "abef"},
        {"^ab$", "ab"},
        {"\\bab\\.c", "ab.c"},
        {"[^a]bc", "bc"},
        {"[]ab]cd", "]cd|acd|bcd"},
        {"[a-z]bc", "bc"},
        {"abcdefghijklmnop", "abcdefghijkl"},
        {"a", ""},
        {"", ""},
        /* not understood: nothing is claimed */
        {"ab(?i)cd", ""},
        {"ab\\x41", ""},
        {"ab(cd", ""},
        {"ab)cd", ""},
        {"ab[[:alpha:]]", ""},
        {"ab[c", ""},
        {"ab\\", ""},
        {"*ab", ""},
        {"\\Qa.b\\E", ""},
        {"(*UTF)ab", ""},
    };
    UNUSED(state);
    struct buf b = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        describe(cases[i].regex, &b);
        if (!str_is(buf_str(&b), cases[i].clauses))
            fail_msg("%s gives \"%s\", not \"%s\"", cases[i].regex, buf_cstr(&b), cases[i].clauses);
    }
    buf_release(&b);
}

/* A string that an expression should match, made by a random walk through it: an independent
 * reading of the same syntax. Whether it does match is for PCRE2 to say. */
struct walk {
    const char *at, *end;
    unsigned *random;
};

static unsigned pick(struct walk *w, unsigned n) { return (unsigned)rand_r(w->random) % n; }

static void walk_alternation(struct walk *w, struct buf *out);

static void walk_class(struct walk *w, struct buf *out) {
    bool in[256] = {false}, negated = *w->at == '^';
    const char *start = w->at += negated;
    for (; *w->at != ']' || w->at == start; w->at++) {
        unsigned char c = (unsigned char)*w->at;
        if (c == '\\') {
            c = (unsigned char)*++w->at;
            if (c == 'd')
                memset(in + '0', 1, 10);
            else if (c == 's')
                in[' '] = true;
            else if (c == 'w')
                memset(in + 'a', 1, 26);
            else
                in[c] = true;
        } else if (w->at[1] == '-' && w->at[2] != ']') {
            w->at += 2;
            memset(in + c, 1, (size_t)((unsigned char)*w->at - c + 1));
        } else {
            in[c] = true;
        }
    }
    w->at++;
    for (unsigned tries = 0; tries < 10000; tries++) {
        unsigned c = 32 + pick(w, 95);
        if (in[c] != negated) {
            buf_add_char(out, (char)c);
            return;
        }
    }
}

static void walk_atom(struct walk *w, struct buf *out) {
    static const char kinds[] = "dwsDWSbB", samples[] = "7q q .";
    struct buf ignored = {0};
    char c = *w->at++;
    if (c == '(') {
        bool around = *w->at == '?' && w->at[1] != ':';
        w->at += *w->at == '?' ? 2 : 0;
        walk_alternation(w, around ? &ignored : out);
        w->at++;
    } else if (c == '[') {
        walk_class(w, out);
    } else if (c == '.') {
        buf_add_char(out, (char)(32 + pick(w, 95)));
    } else if (c == '\\') {
        const char *kind = strchr(kinds, *w->at);
        size_t k = kind ? (size_t)(kind - kinds) : 0;
        if (kind == NULL)
            buf_add_char(out, *w->at);
        else if (k < sizeof samples - 1)
            buf_add_char(out, samples[k]);
        w->at++;
    } else if (c != '^' && c != '$') {
        buf_add_char(out, c);
    }
    buf_release(&ignored);
}

/* An atom as often as its quantifier allows. */
static void walk_item(struct walk *w, struct buf *out) {
    struct buf ignored = {0};
    const char *start = w->at;
    walk_atom(w, &ignored);
    unsigned least = 1, most = 1;
    if (w->at < w->end && strchr("?*+", *w->at) != NULL) {
        least = *w->at == '+';
        most = *w->at == '?' ? 1 : 3;
        w->at++;
    } else if (w->at + 1 < w->end && *w->at == '{' && w->at[1] >= '0' && w->at[1] <= '9') {
        char *behind;
        least = most = (unsigned)strtoul(w->at + 1, &behind, 10);
        if (*behind == ',')
            most = behind[1] == '}' ? least + 2 : (unsigned)strtoul(behind + 1, NULL, 10);
        w->at = strchr(w->at, '}') + 1;
    }
    if (w->at < w->end && *w->at == '?')
        w->at++;
    const char *behind = w->at;
    unsigned span = most - least < 4 ? most - least : 4;
    for (unsigned n = least + pick(w, span + 1); n > 0; n--) {
        w->at = start;
        walk_atom(w, out);
    }
    w->at = behind;
    buf_release(&ignored);
}

static void walk_alternation(struct walk *w, struct buf *out) {
    struct buf chosen = {0}, one = {0};
    for (unsigned n = 1;; n++) {
        buf_clear(&one);
        while (w->at < w->end && *w->at != '|' && *w->at != ')')
            walk_item(w, &one);
        if (pick(w, n) == 0) {
            buf_clear(&chosen);
            buf_add_str(&chosen, buf_str(&one));
        }
        if (w->at == w->end || *w->at != '|')
            break;
        w->at++;
    }
    buf_add_str(out, buf_str(&chosen));
    buf_release(&chosen);
    buf_release(&one);
}

static bool is_candidate(const uint64_t *candidates, size_t i) {
    return candidates[i / 64] >> (i % 64) & 1;
}

static void filter__strings_made_from_each_rule_keep_the_rule(void **state) {
    UNUSED(state);
    unsigned random = (unsigned)unit_seed();
    struct agent_rules rules;
    read_rules(&rules);
    struct agent_filter *filter = agent_filter_new(&rules);
    struct agent_matcher *matcher = agent_matcher_new(&rules);
    struct buf b = {0};
    size_t reached = 0;
    for (size_t i = 0; i < rules.len; i++) {
        struct str regex = rules.rules[i].regex;
        struct buf text = {0};
        buf_add_str(&text, regex);
        bool matched = false;
        for (size_t round = 0; round < 8; round++) {
            buf_clear(&b);
            struct walk w = {buf_cstr(&text), buf_cstr(&text) + text.len, &random};
            if (pick(&w, 2) && regex.ptr[0] != '^')
                buf_add_cstr(&b, "Mozilla/5.0 ");
            walk_alternation(&w, &b);
            if (rules.rules[i].nocase)
                for (size_t k = 0; k < b.len; k++)
                    b.ptr[k] = b.ptr[k] >= 'a' && b.ptr[k] <= 'z' && pick(&w, 2)
                                   ? (char)(b.ptr[k] - 32)
                                   : b.ptr[k];
            if (!agent_match(matcher, i, buf_str(&b)))
                continue;
            matched = true;
            if (!is_candidate(agent_filter_scan(filter, buf_str(&b)), i))
                fail_msg(STR_FMT " matches but is filtered out of: " STR_FMT, STR_ARG(regex),
                         STR_ARG(buf_str(&b)));
        }
        reached += matched;
        buf_release(&text);
    }
    /* Look-ahead may refuse a string; the walk is of no use if that is the rule. */
    if (reached * 100 < rules.len * 98)
        fail_msg("only %zu of %zu rules were reached", reached, rules.len);
    buf_release(&b);
    agent_matcher_free(matcher);
    agent_filter_free(filter);
    agent_rules_release(&rules);
}

static void filter__few_rules_are_tried_on_every_agent(void **state) {
    UNUSED(state);
    struct agent_rules rules;
    read_rules(&rules);
    struct agent_filter *filter = agent_filter_new(&rules);
    assert_in_range(agent_filter_always(filter), 0, rules.len / 50);
    agent_filter_free(filter);
    agent_rules_release(&rules);
}

static void rules__every_expression_compiles(void **state) {
    UNUSED(state);
    struct err err;
    struct agent_rules rules;
    read_rules(&rules);
    struct agent_matcher *matcher = agent_matcher_new(&rules);
    for (size_t i = 0; i < rules.len; i++)
        assert_ok(agent_matcher_compile(matcher, i, &err), err);
    agent_matcher_free(matcher);
    agent_rules_release(&rules);
}

UNIT_MAIN(unit_test(literals__clauses_are_what_every_match_contains),
          unit_test(filter__strings_made_from_each_rule_keep_the_rule),
          unit_test(filter__few_rules_are_tried_on_every_agent),
          unit_test(rules__every_expression_compiles))

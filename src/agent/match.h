/* PCRE2 behind the rules of agents: compiled at first use, with JIT and a match limit. Bytes, not
 * UTF-8: an agent may hold anything. One matcher per thread. */
#ifndef CASK_AGENT_MATCH_H
#define CASK_AGENT_MATCH_H

#include "agent/rules.h"

/* Backtracking steps after which a pattern counts as not matching. The worst real agent needs a few
 * thousand. */
#define AGENT_MATCH_LIMIT 100000

struct agent_matcher;

/* Borrows the rules for its life. */
struct agent_matcher *agent_matcher_new(const struct agent_rules *rules);
void agent_matcher_free(struct agent_matcher *m);

/* Compile rule i if it is not compiled yet. ERR_CORRUPT with PCRE2's message and the offset. */
MUSTCHECK int agent_matcher_compile(struct agent_matcher *m, size_t i, struct err *err);

/* Does rule i match somewhere in `subject`? A rule that does not compile matches nothing. */
bool agent_match(struct agent_matcher *m, size_t i, struct str subject);
/* The first rule of the list that is a candidate and matches, NULL if none does. Bit i of
 * `candidates` stands for rule i. */
const struct agent_rule *agent_first_match(struct agent_matcher *m, enum agent_list list,
                                           const uint64_t *candidates, struct str subject);
/* Group n of the last match, "" when it took no part or does not exist. */
struct str agent_match_group(const struct agent_matcher *m, size_t n);
/* Matches that were given up at AGENT_MATCH_LIMIT. */
uint64_t agent_matcher_limits(const struct agent_matcher *m);

#endif

/* Which rules can match an agent at all: finds the literals of all rules (agent_literals.h) in one
 * pass over the agent (Aho and Corasick, "Efficient string matching", 1975). Not thread-safe. */
#ifndef CASK_AGENT_FILTER_H
#define CASK_AGENT_FILTER_H

#include "agent/rules.h"

struct agent_filter;

/* Does not keep `rules`. */
struct agent_filter *agent_filter_new(const struct agent_rules *rules);
void agent_filter_free(struct agent_filter *f);

/* Bit i of the answer is set when rule i may match; clear means that it does not. Valid until the
 * next call. */
const uint64_t *agent_filter_scan(struct agent_filter *f, struct str agent);

/* For tests: the number of rules that are tried on every agent. */
size_t agent_filter_always(const struct agent_filter *f);

#endif

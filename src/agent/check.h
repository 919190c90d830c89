/* The slow way through the rules, for tests to hold against agent_lookup(). */
#ifndef CASK_AGENT_CHECK_H
#define CASK_AGENT_CHECK_H

#include "agent/agent.h"

/* Tries every rule in its order: no cache, no prefilter. Valid until the next call on `t`. */
void agent_parse_unfiltered(struct agent_table *t, struct str agent, struct agent_info *ret);

#endif

/* Ways into the rules for tests to hold against agent_lookup(). */
#ifndef CASK_AGENT_CHECK_H
#define CASK_AGENT_CHECK_H

#include "agent/agent.h"
#include "agent/uap.h"

/* Tries every rule in its order: no cache, no prefilter. Valid until the next call on `t`. */
void agent_parse_unfiltered(struct agent_table *t, struct str key, struct agent_info *ret);

/* What uap-core's lists say by themselves. Valid until the next call on `t`. */
void agent_parse_uap(struct agent_table *t, struct str agent, struct uap_answer *ret);

bool agent_info_same(const struct agent_info *a, const struct agent_info *b);

#endif

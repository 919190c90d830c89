/* Agents seen before and what they are. Everything lives in one arena: strings and whole answers
 * are stored once, however many agents share them, and all of it goes at once. */
#ifndef CASK_AGENT_CACHE_H
#define CASK_AGENT_CACHE_H

#include "agent/agent.h"
#include "base/arena.h"

/* Over either the cache is dropped at the next agent_table_trim(). */
#define AGENT_CACHE_BYTES ((size_t)64 << 20)
#define AGENT_CACHE_AGENTS ((size_t)500000)

/* Open addressing; a slot is free when `value` is NULL. */
struct agent_slots {
    struct agent_slot *slots;
    size_t cap, len; /* cap is a power of two */
};

struct agent_cache {
    struct arena arena;
    size_t bytes;              /* in the arena */
    struct agent_slots agents; /* agent -> struct agent_info */
    struct agent_slots words;  /* bytes -> the one copy of them: families, versions, answers */
};

void agent_cache_release(struct agent_cache *c);
/* Forget everything; what was handed out is no longer valid. */
void agent_cache_clear(struct agent_cache *c);
bool agent_cache_full(const struct agent_cache *c);

/* NULL when the agent is new. `hash` is str_hash(agent). */
const struct agent_info *agent_cache_find(const struct agent_cache *c, uint64_t hash,
                                          struct str agent);
/* Keep a new agent; copies it and everything in `info`. */
const struct agent_info *agent_cache_add(struct agent_cache *c, uint64_t hash, struct str agent,
                                         const struct agent_info *info);

#endif

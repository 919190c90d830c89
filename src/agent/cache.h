/* Agents seen before and what they are. An agent is kept as a keyed hash of 128 bits (two agents of
 * one hash are not to be found, not even on purpose), with the numbers of its browser, its system,
 * its device and its bot, each of which is kept once however many agents have it.
 *
 * Bounded: two generations. A new agent goes into the young one; one that is found in the old one
 * moves over. When the young one is full it becomes the old one, and the one before is forgotten.
 * So agents that come again stay, however many others pass by. */
#ifndef CASK_AGENT_CACHE_H
#define CASK_AGENT_CACHE_H

#include "agent/agent.h"
#include "base/arena.h"

/* A generation is full with so many agents, or so many bytes of them and of what they are. */
#define AGENT_CACHE_AGENTS ((size_t)780000)
#define AGENT_CACHE_BYTES ((size_t)64 << 20)

#define AGENT_CACHE_KEY_BYTES 16

struct agent_id {
    uint64_t words[2];
};

struct agent_generation {
    struct arena arena;       /* the groups */
    size_t bytes;             /* in the arena */
    struct agent_slot *slots; /* agents; open addressing, cap is a power of two */
    size_t cap, len;
    VEC(const struct agent_group *) groups; /* strings that belong together; [0] is not used */
    uint32_t *by_text;                      /* groups by their text: numbers, 0 is free */
    size_t by_text_cap;
};

struct agent_cache {
    unsigned char key[AGENT_CACHE_KEY_BYTES];
    struct agent_generation young, old;
    struct buf text; /* of the group under way */
};

/* Draws the key. ERR_IO: there are no random numbers. */
MUSTCHECK int agent_cache_init(struct agent_cache *c, struct err *err);
void agent_cache_release(struct agent_cache *c);

struct agent_id agent_cache_id(const struct agent_cache *c, struct str agent);
/* False when the agent is new. Strings of *ret live until agent_cache_trim(). */
bool agent_cache_find(struct agent_cache *c, struct agent_id id, struct agent_info *ret);
/* Keep a new agent; strings of *info are replaced by copies that live until agent_cache_trim(). */
void agent_cache_add(struct agent_cache *c, struct agent_id id, struct agent_info *info);
/* Forget the old generation if the young one is full. Strings that were handed out are no longer
 * valid. */
void agent_cache_trim(struct agent_cache *c);

#endif

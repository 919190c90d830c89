#include "agent/cache.h"

#include <stdlib.h>

#define SLOTS_MIN ((size_t)1024)

struct agent_slot {
    const char *key;
    uint32_t len;
    uint32_t tag; /* upper half of the hash: spares nearly every compare of different keys */
    const void *value;
};

static struct agent_slot *slot_of(const struct agent_slots *s, uint64_t hash, struct str key) {
    size_t mask = s->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct agent_slot *slot = &s->slots[i];
        if (slot->value == NULL ||
            (slot->tag == (uint32_t)(hash >> 32) && str_eq(str_of(slot->key, slot->len), key)))
            return slot;
    }
}

static const void *find(const struct agent_slots *s, uint64_t hash, struct str key) {
    return s->cap ? slot_of(s, hash, key)->value : NULL;
}

static void grow(struct agent_slots *s) {
    struct agent_slots wide = {.cap = s->cap ? 2 * s->cap : SLOTS_MIN, .len = s->len};
    wide.slots = xcalloc(wide.cap, sizeof *wide.slots);
    for (size_t i = 0; i < s->cap; i++) {
        const struct agent_slot *old = &s->slots[i];
        struct str key = str_of(old->key, old->len);
        if (old->value != NULL)
            *slot_of(&wide, str_hash(key), key) = *old;
    }
    free(s->slots);
    *s = wide;
}

/* `key` must outlive the table and not be in it. */
static void put(struct agent_slots *s, uint64_t hash, struct str key, const void *value) {
    assert(key.len <= UINT32_MAX && value != NULL);
    if (s->len * 2 >= s->cap)
        grow(s);
    *slot_of(s, hash, key) =
        (struct agent_slot){key.ptr, (uint32_t)key.len, (uint32_t)(hash >> 32), value};
    s->len++;
}

static void wipe(struct agent_slots *s) {
    free(s->slots);
    *s = (struct agent_slots){0};
}

/* The one copy of these bytes, 8-byte aligned. */
static const void *intern(struct agent_cache *c, const void *bytes, size_t n) {
    struct str key = str_of(bytes, n);
    uint64_t hash = str_hash(key);
    const void *known = find(&c->words, hash, key);
    if (known != NULL)
        return known;
    void *copy = arena_alloc(&c->arena, max_size(n, 1));
    if (n)
        memcpy(copy, bytes, n);
    c->bytes += n + 8;
    put(&c->words, hash, str_of(copy, n), copy);
    return copy;
}

void agent_cache_release(struct agent_cache *c) {
    wipe(&c->agents);
    wipe(&c->words);
    arena_release(&c->arena);
    c->bytes = 0;
}

void agent_cache_clear(struct agent_cache *c) {
    wipe(&c->agents);
    wipe(&c->words);
    arena_reset(&c->arena);
    c->bytes = 0;
}

bool agent_cache_full(const struct agent_cache *c) {
    size_t slots = (c->agents.cap + c->words.cap) * sizeof(struct agent_slot);
    return c->agents.len > AGENT_CACHE_AGENTS || c->bytes + slots > AGENT_CACHE_BYTES;
}

const struct agent_info *agent_cache_find(const struct agent_cache *c, uint64_t hash,
                                          struct str agent) {
    return find(&c->agents, hash, agent);
}

const struct agent_info *agent_cache_add(struct agent_cache *c, uint64_t hash, struct str agent,
                                         const struct agent_info *info) {
    struct agent_info one;
    memset(&one, 0, sizeof one); /* padding too: answers are compared as bytes */
    one.bot = info->bot;
#define KEEP(field)                                                                                \
    one.field = str_of(intern(c, info->field.ptr, info->field.len), info->field.len);
    AGENT_STRINGS(KEEP)
#undef KEEP
    const struct agent_info *kept = intern(c, &one, sizeof one);
    c->bytes += agent.len;
    put(&c->agents, hash, arena_dup(&c->arena, agent), kept);
    return kept;
}

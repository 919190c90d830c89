#include "agent/cache.h"

#include <sodium.h>
#include <stdlib.h>

#define SLOTS_MIN ((size_t)1024)

#define GROUPS 4        /* of an agent */
#define GROUP_STRINGS 4 /* of a group, at most */

/* A slot is free when group[0] is 0. */
struct agent_slot {
    struct agent_id id;
    uint32_t group[GROUPS];
};

struct agent_group {
    struct str strings[GROUP_STRINGS];
    struct str text; /* by which it is found */
    uint64_t hash;
};

/* The strings of an answer that belong together; ends with NULL. */
struct group_fields {
    struct str *fields[GROUPS][GROUP_STRINGS + 1];
};

static struct group_fields fields_of(struct agent_info *i) {
    return (struct group_fields){
        {{&i->browser, &i->browser_version},
         {&i->os, &i->os_version},
         {&i->device, &i->device_brand, &i->device_model, &i->device_class},
         {&i->bot_kind, &i->bot_name}}};
}

static_assert(AGENT_CACHE_KEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "a key of SipHash");
static_assert(sizeof(struct agent_id) == crypto_shorthash_siphashx24_BYTES, "a hash of SipHash");

int agent_cache_init(struct agent_cache *c, struct err *err) {
    *c = (struct agent_cache){0};
    if (sodium_init() < 0)
        return err_set(err, ERR_IO, "no source of random numbers");
    randombytes_buf(c->key, sizeof c->key);
    return 0;
}

static void generation_release(struct agent_generation *g) {
    arena_release(&g->arena);
    free(g->slots);
    free(g->by_text);
    vec_free(&g->groups);
    *g = (struct agent_generation){0};
}

void agent_cache_release(struct agent_cache *c) {
    generation_release(&c->young);
    generation_release(&c->old);
    buf_release(&c->text);
}

struct agent_id agent_cache_id(const struct agent_cache *c, struct str agent) {
    struct agent_id id;
    crypto_shorthash_siphashx24((unsigned char *)&id, (const unsigned char *)agent.ptr, agent.len,
                                c->key);
    return id;
}

static struct agent_slot *slot_of(const struct agent_generation *g, struct agent_id id) {
    size_t mask = g->cap - 1;
    for (size_t i = id.words[0] & mask;; i = (i + 1) & mask) {
        struct agent_slot *slot = &g->slots[i];
        if (slot->group[0] == 0 ||
            (slot->id.words[0] == id.words[0] && slot->id.words[1] == id.words[1]))
            return slot;
    }
}

static void put(struct agent_generation *g, const struct agent_slot *slot) {
    if (g->len * 4 >= g->cap * 3) {
        struct agent_slot *from = g->slots;
        size_t n = g->cap;
        g->cap = n ? 2 * n : SLOTS_MIN;
        g->slots = xcalloc(g->cap, sizeof *g->slots);
        for (size_t i = 0; i < n; i++)
            if (from[i].group[0] != 0)
                *slot_of(g, from[i].id) = from[i];
        free(from);
    }
    *slot_of(g, slot->id) = *slot;
    g->len++;
}

/* Where the number of the group with this text is, or belongs. */
static uint32_t *number_at(const struct agent_generation *g, uint64_t hash, struct str text) {
    size_t mask = g->by_text_cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *number = &g->by_text[i];
        if (*number == 0)
            return number;
        const struct agent_group *group = g->groups.items[*number];
        if (group->hash == hash && str_eq(group->text, text))
            return number;
    }
}

static void make_room_for_group(struct agent_generation *g) {
    if (g->groups.len * 2 < g->by_text_cap)
        return;
    if (g->groups.len == 0)
        vec_push(&g->groups, NULL); /* numbers begin with 1 */
    g->by_text_cap = g->by_text_cap ? 2 * g->by_text_cap : SLOTS_MIN;
    free(g->by_text);
    g->by_text = xcalloc(g->by_text_cap, sizeof *g->by_text);
    for (size_t i = 1; i < g->groups.len; i++)
        *number_at(g, g->groups.items[i]->hash, g->groups.items[i]->text) = (uint32_t)i;
}

/* The number of the group of these strings, which become the kept ones. */
static uint32_t keep_group(struct agent_cache *c, struct str *const *fields) {
    struct agent_generation *g = &c->young;
    buf_clear(&c->text);
    for (size_t i = 0; fields[i] != NULL; i++) {
        buf_add(&c->text, &fields[i]->len, sizeof fields[i]->len);
        buf_add_str(&c->text, *fields[i]);
    }
    struct str text = buf_str(&c->text);
    uint64_t hash = str_hash(text);
    make_room_for_group(g);
    uint32_t *number = number_at(g, hash, text);
    if (*number == 0) {
        struct agent_group *group = arena_alloc(&g->arena, sizeof *group);
        *group = (struct agent_group){.text = arena_dup(&g->arena, text), .hash = hash};
        const char *at = group->text.ptr;
        for (size_t i = 0; fields[i] != NULL; i++) {
            at += sizeof fields[i]->len;
            group->strings[i] = str_of(at, fields[i]->len);
            at += fields[i]->len;
        }
        *number = (uint32_t)g->groups.len;
        vec_push(&g->groups, group);
        g->bytes += sizeof *group + text.len;
    }
    for (size_t i = 0; fields[i] != NULL; i++)
        *fields[i] = g->groups.items[*number]->strings[i];
    return *number;
}

static bool find(const struct agent_generation *g, struct agent_id id, struct agent_info *ret) {
    const struct agent_slot *slot = g->cap ? slot_of(g, id) : NULL;
    if (slot == NULL || slot->group[0] == 0)
        return false;
    struct group_fields fields = fields_of(ret);
    for (size_t k = 0; k < GROUPS; k++)
        for (size_t i = 0; fields.fields[k][i] != NULL; i++)
            *fields.fields[k][i] = g->groups.items[slot->group[k]]->strings[i];
    ret->bot = ret->bot_kind.len > 0;
    return true;
}

bool agent_cache_find(struct agent_cache *c, struct agent_id id, struct agent_info *ret) {
    if (find(&c->young, id, ret))
        return true;
    if (!find(&c->old, id, ret))
        return false;
    agent_cache_add(c, id, ret);
    return true;
}

void agent_cache_add(struct agent_cache *c, struct agent_id id, struct agent_info *info) {
    struct agent_slot slot = {.id = id};
    struct group_fields fields = fields_of(info);
    assert(info->bot == (info->bot_kind.len > 0));
    for (size_t k = 0; k < GROUPS; k++)
        slot.group[k] = keep_group(c, fields.fields[k]);
    put(&c->young, &slot);
}

void agent_cache_trim(struct agent_cache *c) {
    const struct agent_generation *g = &c->young;
    size_t bytes = g->bytes + g->cap * sizeof *g->slots + g->by_text_cap * sizeof *g->by_text;
    if (g->len <= AGENT_CACHE_AGENTS && bytes <= AGENT_CACHE_BYTES)
        return;
    generation_release(&c->old);
    c->old = c->young;
    c->young = (struct agent_generation){0};
}

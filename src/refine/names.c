#include "refine/names.h"

#include "base/lower.h"
#include <stdlib.h>

struct name_slot {
    struct str name; /* len 0: free */
    uint8_t value;
};

/* FNV-1a of the name in lower case. */
static uint64_t hash(struct str name) {
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)lower(name.ptr[i])) * 0x100000001b3ULL;
    return h ^ h >> 32;
}

static struct name_slot *slot_of(const struct names *n, struct str name) {
    size_t i = hash(name) & (n->cap - 1);
    while (n->slots[i].name.len != 0 && !str_eq_nocase(n->slots[i].name, name))
        i = (i + 1) & (n->cap - 1);
    return &n->slots[i];
}

static void grow(struct names *n) {
    struct names old = *n;
    n->cap = old.cap ? old.cap * 2 : 64;
    n->slots = xcalloc(n->cap, sizeof *n->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].name.len != 0)
            *slot_of(n, old.slots[i].name) = old.slots[i];
    free(old.slots);
}

void names_add(struct names *n, struct str name, uint8_t value) {
    assert(value != 0);
    if (name.len == 0)
        return;
    if (2 * (n->len + 1) > n->cap)
        grow(n);
    struct name_slot *slot = slot_of(n, name);
    if (slot->name.len != 0)
        return;
    *slot = (struct name_slot){arena_dup(&n->arena, name), value};
    n->len++;
}

uint8_t names_find(const struct names *n, struct str name) {
    return n->len == 0 || name.len == 0 ? 0 : slot_of(n, name)->value;
}

void names_release(struct names *n) {
    free(n->slots);
    arena_release(&n->arena);
    *n = (struct names){0};
}

/* Arena: many small allocations that end together. Three lifetimes exist in the program: batch
 * arena, request arena, owned objects (CONTRIBUTING.md). */
#ifndef CASK_ARENA_H
#define CASK_ARENA_H

#include "base/str.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *at;                   /* free space of the newest chunk */
    size_t left;
};

void *arena_alloc(struct arena *a, size_t size); /* 8-byte aligned, not cleared */
char *arena_bytes(struct arena *a, size_t size); /* unaligned, for strings */
struct str arena_dup(struct arena *a, struct str s);
const char *arena_cstr(struct arena *a, struct str s);
void arena_reset(struct arena *a); /* forget everything, keep one chunk */
void arena_release(struct arena *a);

#endif

#include "base/arena.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    char bytes[];
};

char *arena_bytes(struct arena *a, size_t size) {
    if (size > a->left) {
        size_t room = max_size(size + 8, CHUNK_BYTES);
        struct arena_chunk *chunk = xmalloc(sizeof *chunk + room);
        chunk->next = a->chunks;
        chunk->size = room;
        a->chunks = chunk;
        a->at = chunk->bytes;
        a->left = room;
    }
    char *p = a->at;
    a->at += size;
    a->left -= size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size) {
    size_t skew = (size_t)(-(uintptr_t)a->at & 7);
    if (a->at != NULL && a->left >= skew) {
        a->at += skew;
        a->left -= skew;
    } else {
        a->left = 0; /* a new chunk is aligned */
    }
    return arena_bytes(a, (size + 7) & ~(size_t)7);
}

struct str arena_dup(struct arena *a, struct str s) {
    if (s.len == 0)
        return (struct str){"", 0};
    return (struct str){memcpy(arena_bytes(a, s.len), s.ptr, s.len), s.len};
}

const char *arena_cstr(struct arena *a, struct str s) {
    char *copy = arena_bytes(a, s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

void arena_reset(struct arena *a) {
    if (a->chunks == NULL)
        return;
    while (a->chunks->next != NULL) {
        struct arena_chunk *gone = a->chunks;
        a->chunks = gone->next;
        free(gone);
    }
    a->at = a->chunks->bytes;
    a->left = a->chunks->size;
}

void arena_release(struct arena *a) {
    while (a->chunks != NULL) {
        struct arena_chunk *gone = a->chunks;
        a->chunks = gone->next;
        free(gone);
    }
    *a = (struct arena){0};
}

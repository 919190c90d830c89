/* Words used by every folder: attributes, small macros, allocation that cannot fail.
 *
 * Memory policy: allocations are small and bounded by limits.h, so running out of memory is not an
 * error to handle but a reason to stop: xmalloc and friends abort with a message. The lake makes a
 * sudden end harmless (ARCHITECTURE.md, "What a crash leaves behind"). */
#ifndef CASK_BASE_H
#define CASK_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUSTCHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define UNUSED(x) ((void)(x))

static inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t max_size(size_t a, size_t b) { return a > b ? a : b; }
static inline int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

/* A growing array: VEC(int) v = {0}; vec_push(&v, 3); v.items[i], v.len; vec_free(&v). */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t len, cap;                                                                           \
    }
#define vec_push(v, item)                                                                          \
    do {                                                                                           \
        if ((v)->len == (v)->cap)                                                                  \
            (v)->items = vec_grow_((v)->items, &(v)->cap, sizeof(*(v)->items));                    \
        (v)->items[(v)->len++] = (item);                                                           \
    } while (0)
#define vec_free(v) (free((v)->items), (v)->items = NULL, (v)->len = (v)->cap = 0)
void *vec_grow_(void *items, size_t *cap, size_t item_size);

#endif

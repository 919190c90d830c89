/* Columns of ClickHouse's Native format, and the block they make: it costs the engine half of what
 * rows (RowBinary) do, because dictionaries come ready.
 *
 *     block   columns, rows (varints) | for each column: name, type, values
 *     values  fixed width: one after the other, little endian
 *             String: length (varint) and bytes, one after the other
 *             LowCardinality(String), "words" here: 1 (u64, version of the keys' serialization) |
 *                 flags and width of indexes (u64) | number of keys (u64) | keys as String |
 *                 rows (u64) | an index into the keys for each row
 *
 * See ClickHouse's SerializationLowCardinality.cpp. A body of FORMAT Native over HTTP is such
 * blocks and nothing else, from ClickHouse 18.16 (tried: one block of 100,000 rows, one part) to
 * chDB 26. */
#ifndef CASK_NATIVE_H
#define CASK_NATIVE_H

#include "base/str.h"

struct word_slot;

/* Zeroed is empty. All values of a column are put by the same function. */
struct native_column {
    struct buf values; /* as they go out; of words the indexes */
    /* words only: */
    struct buf keys; /* as they go out, in the order of their index */
    struct word_slot *slots;
    size_t cap; /* of slots, a power of two */
    uint32_t n_keys;
    uint32_t last, last_at, last_len; /* index of the word put last and its place in keys */
    uint32_t width;                   /* bytes of an index: 1, 2, 4 */
};

void native_release(struct native_column *c);

static inline char *native_room(struct buf *b, size_t n) {
    char *at = b->cap - b->len > n ? b->ptr + b->len : buf_reserve(b, n);
    assert(at != NULL); /* a batch ends long before LIMIT_BUF_BYTES */
    return at;
}

/* Each returns by how many bytes the block grew. */
static inline size_t native_put_fixed(struct native_column *c, const void *value, size_t n) {
    memcpy(native_room(&c->values, n), value, n);
    c->values.len += n;
    return n;
}
size_t native_put_string(struct native_column *c, struct str s);
size_t native_put_word(struct native_column *c, struct str s);

/* A block's head, then each of its columns. */
void native_begin(struct buf *block, size_t n_columns, size_t n_rows);
void native_add(struct buf *block, const char *name, const char *type,
                const struct native_column *c, size_t n_rows);

/* Is a column of this type to be filled by native_put_word()? Folded away for a literal. */
static inline bool native_is_words(const char *type) {
    return strncmp(type, "LowCardinality(", sizeof "LowCardinality(" - 1) == 0;
}

#endif

#include "store/native.h"

#include <stdlib.h>

#define SLOTS_MIN ((size_t)16)
#define VARINT_MAX 10
#define KEYS_VERSION ((uint64_t)1) /* SharedDictionariesWithAdditionalKeys */
#define HAS_KEYS                                                                                   \
    ((uint64_t)1 << 9 | (uint64_t)1 << 10) /* HasAdditionalKeys, NeedUpdateDictionary */

struct word_slot {
    uint32_t tag;     /* upper half of the hash */
    uint32_t index;   /* + 1; 0: free */
    uint32_t at, len; /* of the bytes in keys */
};

void native_release(struct native_column *c) {
    buf_release(&c->values);
    buf_release(&c->keys);
    free(c->slots);
    *c = (struct native_column){0};
}

static char *put_varint(char *at, uint64_t n) {
    while (n >= 0x80) {
        *at++ = (char)(n | 0x80);
        n >>= 7;
    }
    *at++ = (char)n;
    return at;
}

static size_t add_string(struct buf *b, struct str s) {
    char *start = native_room(b, VARINT_MAX + s.len), *at = put_varint(start, s.len);
    if (s.len)
        memcpy(at, s.ptr, s.len);
    size_t n = (size_t)(at - start) + s.len;
    b->len += n;
    return n;
}

size_t native_put_string(struct native_column *c, struct str s) {
    return add_string(&c->values, s);
}

/* --- words ------------------------------------------------------------------------------------ */

static struct word_slot *find_slot(const struct native_column *c, uint64_t hash, struct str s) {
    size_t mask = c->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct word_slot *slot = &c->slots[i];
        if (slot->index == 0 || (slot->tag == (uint32_t)(hash >> 32) &&
                                 str_eq(str_of(c->keys.ptr + slot->at, slot->len), s)))
            return slot;
    }
}

static void grow_slots(struct native_column *c) {
    struct word_slot *old = c->slots;
    size_t n = c->cap;
    c->cap = n ? 2 * n : SLOTS_MIN;
    c->slots = xcalloc(c->cap, sizeof *c->slots);
    for (size_t i = 0; i < n; i++) {
        struct str key = str_of(c->keys.ptr + old[i].at, old[i].len);
        if (old[i].index != 0)
            *find_slot(c, str_hash(key), key) = old[i];
    }
    free(old);
}

static uint32_t read_index(const char *at, uint32_t width) {
    uint32_t index = 0;
    memcpy(&index, at, width);
    return index;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values go out as they stand in memory");

/* The next key needs a wider index: make all of them wider. */
static void widen(struct native_column *c) {
    struct buf wide = {0};
    size_t n = c->values.len / c->width;
    for (size_t i = 0; i < n; i++) {
        uint32_t index = read_index(c->values.ptr + i * c->width, c->width);
        memcpy(native_room(&wide, 2 * c->width), &index, 2 * c->width);
        wide.len += 2 * c->width;
    }
    buf_release(&c->values);
    c->values = wide;
    c->width *= 2;
}

static size_t add_key(struct native_column *c, struct str s, uint64_t hash,
                      struct word_slot *slot) {
    if (c->n_keys == 0)
        c->width = 1;
    else if (c->width < 4 && c->n_keys == (uint32_t)1 << (8 * c->width))
        widen(c);
    size_t n = add_string(&c->keys, s);
    *slot = (struct word_slot){(uint32_t)(hash >> 32), ++c->n_keys, (uint32_t)(c->keys.len - s.len),
                               (uint32_t)s.len};
    return n;
}

static bool is_last(const struct native_column *c, struct str s) {
    return c->n_keys > 0 && str_eq(str_of(c->keys.ptr + c->last_at, c->last_len), s);
}

size_t native_put_word(struct native_column *c, struct str s) {
    size_t n = 0;
    if (!is_last(c, s)) {
        if ((size_t)c->n_keys * 2 >= c->cap)
            grow_slots(c);
        uint64_t hash = str_hash(s);
        struct word_slot *slot = find_slot(c, hash, s);
        if (slot->index == 0)
            n = add_key(c, s, hash, slot);
        c->last = slot->index - 1;
        c->last_at = slot->at;
        c->last_len = slot->len;
    }
    char *at = native_room(&c->values, sizeof c->last);
    memcpy(at, &c->last, sizeof c->last); /* what is too wide the next one overwrites */
    c->values.len += c->width;
    return n + c->width;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void add_varint(struct buf *b, uint64_t n) {
    char *start = native_room(b, VARINT_MAX);
    b->len += (size_t)(put_varint(start, n) - start);
}

void native_begin(struct buf *block, size_t n_columns, size_t n_rows) {
    add_varint(block, n_columns);
    add_varint(block, n_rows);
}

void native_add(struct buf *block, const char *name, const char *type,
                const struct native_column *c, size_t n_rows) {
    add_string(block, str_from(name));
    add_string(block, str_from(type));
    if (native_is_words(type)) {
        uint64_t head[] = {KEYS_VERSION, HAS_KEYS | c->width / 2, c->n_keys}, rows = n_rows;
        assert(c->values.len == n_rows * c->width);
        buf_add(block, head, sizeof head);
        buf_add_str(block, buf_str(&c->keys));
        buf_add(block, &rows, sizeof rows);
    }
    buf_add_str(block, buf_str(&c->values));
    assert(!block->overflow);
}

/* struct str borrows bytes (never NUL-terminated, any bytes); struct buf owns them and has a cap.
 */
#ifndef CASK_STR_H
#define CASK_STR_H

#include "base/base.h"
#include "base/err.h"
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *cstr) {
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}
static inline struct str str_of(const char *ptr, size_t len) { return (struct str){ptr, len}; }
static inline bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool str_is(struct str a, const char *cstr) { return str_eq(a, str_from(cstr)); }
static inline bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}
/* Drop the first n bytes (n <= len). */
static inline struct str str_skip(struct str s, size_t n) {
    assert(n <= s.len);
    return (struct str){s.ptr + n, s.len - n};
}
int str_cmp(struct str a, struct str b);             /* memcmp order, shorter first */
bool str_eq_nocase(struct str a, struct str b);      /* ASCII only */
struct str str_trim(struct str s);                   /* blanks and tabs at both ends, CR, LF */
bool str_find(struct str s, char c, size_t *ret_at); /* first c */
/* Next piece up to `sep` (or the end); advances *rest. False when nothing is left. */
bool str_split(struct str *rest, char sep, struct str *ret_piece);
/* All of s as decimal digits without sign; false if empty, not digits or over UINT64_MAX. */
bool str_to_u64(struct str s, uint64_t *ret);
/* Value of a hexadecimal digit in either case, -1 if it is none. */
static inline int hex_digit(char c) {
    char letter = (char)(c | 0x20);
    if (c >= '0' && c <= '9')
        return c - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}
char *str_dup(struct str s); /* NUL-terminated heap copy */

/* 64-bit hash of bytes for tables in memory; not stable over versions: never store it. */
uint64_t str_hash(struct str s);

/* Owned bytes that grow up to `limit` (0: LIMIT_BUF_BYTES). Always room for a NUL behind len. */
struct buf {
    char *ptr;
    size_t len, cap, limit;
    bool overflow; /* an append went over the limit and was dropped: check once at the end */
};

void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
/* Room for n more bytes, NULL (and overflow set) if that is over the limit. Does not change len. */
char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *bytes, size_t n);
static inline void buf_add_str(struct buf *b, struct str s) { buf_add(b, s.ptr, s.len); }
static inline void buf_add_cstr(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *
buf_cstr(struct buf *b); /* NUL-terminated view, "" when empty; valid until the next change */
static inline struct str buf_str(const struct buf *b) { return (struct str){b->ptr, b->len}; }

/* Append s as valid UTF-8: every byte that is not part of a well-formed sequence becomes U+FFFD. */
void buf_add_utf8(struct buf *b, struct str s);
/* Append s as the inside of a JSON string (escaped, valid UTF-8), without the quotes. */
void buf_add_json(struct buf *b, struct str s);

#endif

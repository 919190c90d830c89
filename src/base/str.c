#include "base/str.h"

#include "base/limits.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int str_cmp(struct str a, struct str b) {
    size_t n = min_size(a.len, b.len);
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool str_eq_nocase(struct str a, struct str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s) {
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_find(struct str s, char c, size_t *ret_at) {
    const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
    if (p == NULL)
        return false;
    *ret_at = (size_t)(p - s.ptr);
    return true;
}

bool str_split(struct str *rest, char sep, struct str *ret_piece) {
    if (rest->ptr == NULL)
        return false;
    size_t at;
    if (str_find(*rest, sep, &at)) {
        *ret_piece = str_of(rest->ptr, at);
        *rest = str_skip(*rest, at + 1);
    } else {
        *ret_piece = *rest;
        *rest = (struct str){NULL, 0};
    }
    return true;
}

bool str_to_u64(struct str s, uint64_t *ret) {
    if (s.len == 0 || s.len > 20)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *ret = value;
    return true;
}

char *str_dup(struct str s) {
    char *copy = xmalloc(s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_8(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t load_4(const char *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Multiply-and-fold over 16 bytes a step, in the manner of wyhash (public domain construction). */
uint64_t str_hash(struct str s) {
    const uint64_t k0 = 0xa0761d6478bd642fULL, k1 = 0xe7037ed1a0b428dbULL;
    uint64_t h = k0 ^ s.len;
    const char *p = s.ptr;
    size_t n = s.len;
    while (n >= 16) {
        h = mix(load_8(p) ^ k1, load_8(p + 8) ^ h);
        p += 16;
        n -= 16;
    }
    uint64_t a = 0, b = 0;
    if (n >= 8) { /* the two may overlap: copying an odd number of bytes takes longer */
        a = load_8(p);
        b = load_8(p + n - 8);
    } else if (n >= 4) {
        a = load_4(p) << 32 | load_4(p + n - 4);
    } else if (n > 0) {
        a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
            (unsigned char)p[n - 1];
    }
    return mix(mix(a ^ k1, b ^ h), k0 ^ s.len);
}

void buf_release(struct buf *b) {
    free(b->ptr);
    size_t limit = b->limit;
    *b = (struct buf){.limit = limit};
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->overflow = false;
}

char *buf_reserve(struct buf *b, size_t n) {
    size_t limit = b->limit ? b->limit : LIMIT_BUF_BYTES;
    if (n > limit || b->len > limit - n) {
        b->overflow = true;
        return NULL;
    }
    size_t need = b->len + n + 1;
    if (need > b->cap) {
        size_t cap = max_size(need, b->cap + b->cap / 2);
        b->cap = max_size(cap, 64);
        b->ptr = xrealloc(b->ptr, b->cap);
    }
    return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t n) {
    char *to = buf_reserve(b, n);
    if (to == NULL || n == 0)
        return;
    memcpy(to, bytes, n);
    b->len += n;
}

void buf_add_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *to = buf_reserve(b, (size_t)n);
    if (to != NULL) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

const char *buf_cstr(struct buf *b) {
    if (b->ptr == NULL)
        return "";
    b->ptr[b->len] = '\0';
    return b->ptr;
}

/* Length of the well-formed UTF-8 sequence at the front of s, 0 if there is none (Unicode, table
 * 3-7). */
static size_t utf8_sequence(struct str s) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || s.len < n)
        return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return n;
}

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void buf_add_utf8(struct buf *b, struct str s) {
    while (s.len > 0) {
        size_t n = utf8_sequence(s);
        if (n == 0)
            buf_add_cstr(b, REPLACEMENT);
        else
            buf_add(b, s.ptr, n);
        s = str_skip(s, n ? n : 1);
    }
}

void buf_add_json(struct buf *b, struct str s) {
    while (s.len > 0) {
        size_t n = utf8_sequence(s);
        unsigned char c = (unsigned char)s.ptr[0];
        if (n == 0)
            buf_add_cstr(b, REPLACEMENT);
        else if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_add_cstr(b, "\\n");
        else if (c == '\t')
            buf_add_cstr(b, "\\t");
        else if (c == '\r')
            buf_add_cstr(b, "\\r");
        else if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\u%04x", c);
        else if (c == 0xC2 && (unsigned char)s.ptr[1] < 0xA0) /* C1: terminals may obey these too */
            buf_printf(b, "\\u%04x", (unsigned char)s.ptr[1]);
        else
            buf_add(b, s.ptr, n);
        s = str_skip(s, n ? n : 1);
    }
}

#include "source/lines.h"

#include "base/limits.h"
#include <stdlib.h>

#define BUF_BYTES ((size_t)1 << 20)

void lines_init(struct lines *l, struct input *in) {
    *l = (struct lines){.in = in, .buf = xmalloc(BUF_BYTES + LIMIT_LINE_BYTES + 1)};
    crypto_generichash_init(&l->hash, NULL, 0, CONTENT_HASH_BYTES);
}

void lines_release(struct lines *l) {
    free(l->buf);
    l->buf = NULL;
}

/* Hash what was given out but not hashed yet; large pieces are cheaper than one call a line. */
static void hash_to_cursor(struct lines *l) {
    if (l->at > l->hashed)
        crypto_generichash_update(&l->hash, (const unsigned char *)l->buf + l->hashed,
                                  l->at - l->hashed);
    l->hashed = l->at;
}

static int fill(struct lines *l, struct err *err) {
    hash_to_cursor(l);
    memmove(l->buf, l->buf + l->at, l->len - l->at);
    l->len -= l->at;
    l->at = l->hashed = 0;
    size_t n = 0;
    int rc = input_read(l->in, l->buf + l->len, BUF_BYTES - l->len, &n, err);
    l->len += n;
    l->eof = rc == 0 && n == 0;
    return rc;
}

static void consume(struct lines *l, size_t n) {
    l->at += n;
    l->offset += n;
}

int lines_next(struct lines *l, struct line *ret, struct err *err) {
    *ret = (struct line){0};
    size_t searched = 0;
    for (;;) {
        size_t have = l->len - l->at;
        const char *start = l->buf + l->at;
        const char *end = have > searched ? memchr(start + searched, '\n', have - searched) : NULL;
        if (end != NULL || (l->eof && have > 0)) {
            size_t n = end ? (size_t)(end - start) + 1 : have;
            ret->open = end == NULL;
            ret->text = str_of(start, end ? n - 1 : n);
            if (!ret->open && ret->text.len > 0 && ret->text.ptr[ret->text.len - 1] == '\r')
                ret->text.len--;
            ret->text.len = min_size(ret->text.len, LIMIT_LINE_BYTES + 1);
            ret->length = n;
            consume(l, n);
            return 1;
        }
        if (l->eof)
            return 0;
        if (have > LIMIT_LINE_BYTES + 1) /* over the limit even if the last one is a CR */
            break;
        searched = have;
        int rc = fill(l, err);
        if (rc != 0)
            return rc;
    }
    /* Too long: keep its first bytes at the front of the buffer, pass over the rest. */
    char *kept = xmalloc(LIMIT_LINE_BYTES + 1);
    memcpy(kept, l->buf + l->at, LIMIT_LINE_BYTES + 1);
    int rc = 0;
    ret->open = true;
    while (rc == 0) {
        size_t have = l->len - l->at;
        const char *end = memchr(l->buf + l->at, '\n', have);
        size_t n = end ? (size_t)(end - (l->buf + l->at)) + 1 : have;
        ret->length += n;
        consume(l, n);
        if (end != NULL) {
            ret->open = false;
            break;
        }
        if (l->eof)
            break;
        rc = fill(l,
                  err); /* an error stays: the next call gives it, this one the line's beginning */
    }
    /* The bytes just passed lie hashed or unread in buf; what is before `at` may be overwritten
     * only after hashing, so hash first, then borrow the room before the cursor or the free end. */
    hash_to_cursor(l);
    if (l->at < LIMIT_LINE_BYTES + 1) {
        memmove(l->buf + LIMIT_LINE_BYTES + 1, l->buf + l->at, l->len - l->at);
        l->len = l->len - l->at + LIMIT_LINE_BYTES + 1;
        l->at = l->hashed = LIMIT_LINE_BYTES + 1;
    }
    memcpy(l->buf, kept, LIMIT_LINE_BYTES + 1);
    free(kept);
    ret->text = str_of(l->buf, LIMIT_LINE_BYTES + 1);
    return 1;
}

int lines_skip_to(struct lines *l, uint64_t offset, uint64_t *ret_lines, struct err *err) {
    uint64_t count = 0, before = 0; /* lines; bytes of the current line in earlier reads */
    bool blank = true;              /* nothing but the line end seen of the current line */
    assert(offset >= l->offset);
    while (l->offset < offset) {
        if (l->at == l->len) {
            if (l->eof)
                break;
            int rc = fill(l, err);
            if (rc != 0)
                return rc;
            continue;
        }
        size_t have = (size_t)min_i64((int64_t)(l->len - l->at), (int64_t)(offset - l->offset));
        const char *start = l->buf + l->at;
        const char *end = memchr(start, '\n', have);
        size_t n = end ? (size_t)(end - start) + 1 : have;
        size_t text = end ? n - 1 : n;
        blank = blank && (text == 0 || (before == 0 && text == 1 && start[0] == '\r'));
        consume(l, n);
        before += n;
        if (end != NULL) {
            count += !blank;
            blank = true;
            before = 0;
        }
    }
    count += !blank;
    *ret_lines = count;
    return l->offset == offset;
}

struct content_hash lines_hash(struct lines *l) {
    hash_to_cursor(l);
    crypto_generichash_state copy = l->hash;
    struct content_hash hash;
    crypto_generichash_final(&copy, hash.bytes, sizeof hash.bytes);
    return hash;
}

int lines_peek(struct lines *l, size_t n, struct str *ret, struct err *err) {
    n = min_size(n, BUF_BYTES / 2);
    while (l->len - l->at < n && !l->eof) {
        int rc = fill(l, err);
        if (rc != 0 && l->len == l->at)
            return rc;
        if (rc != 0)
            break; /* it comes again when what is here was read */
    }
    *ret = str_of(l->buf + l->at, min_size(n, l->len - l->at));
    return 0;
}

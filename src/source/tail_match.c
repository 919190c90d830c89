/* Is this file one that is known? Its content decides: the first bytes, and the last ones before
 * the offset. */
#include "source/tail_internal.h"

int tail_candidate_open(const char *path, struct tail_candidate *ret, struct err *err) {
    *ret = (struct tail_candidate){0}; /* it is closed when it cannot be opened */
    int rc = tail_bytes_open(path, &ret->bytes, err);
    if (rc == 0)
        rc = tail_bytes_read(ret->bytes, 0, ret->first, sizeof ret->first, &ret->n, err);
    if (rc != 0)
        tail_candidate_close(ret);
    return rc;
}

void tail_candidate_close(struct tail_candidate *c) {
    tail_bytes_close(c->bytes);
    c->bytes = NULL;
}

/* Up to `len` bytes at `at`; *ret stays as long as `room` and the candidate. */
static int read_piece(const struct tail_candidate *c, uint64_t at, size_t len, char *room,
                      struct str *ret, struct err *err) {
    size_t n = min_size(c->n, len);
    if (at == 0) {
        *ret = str_of(c->first, n);
        return 0;
    }
    int rc = tail_bytes_read(c->bytes, at, room, len, &n, err);
    *ret = str_of(room, n);
    return rc;
}

/* Many files are compared with the same first bytes: their hash is made once. */
static bool is_head(const struct tail_mark *head, struct tail_candidate *c, struct str bytes) {
    if (bytes.ptr != c->first)
        return tail_mark_is(head, bytes);
    if (c->mark.len != bytes.len)
        c->mark = tail_mark_of(bytes);
    return memcmp(&c->mark.hash, &head->hash, sizeof head->hash) == 0;
}

/* Bytes that are fewer than the head: does the file begin with them? What was not open since the
 * start is only known by hashes of a few lengths. */
static bool begins_so(const struct tail_file *f, struct str bytes) {
    size_t i = TAIL_STARTS;
    if (bytes.len <= f->head.len)
        return memcmp(bytes.ptr, f->head.bytes, bytes.len) == 0;
    while (i > 0 && TAIL_START_BYTES(i - 1) > bytes.len)
        i--;
    if (i == 0)
        return false;
    struct tail_mark mark = {f->at.starts[i - 1], (uint32_t)TAIL_START_BYTES(i - 1)};
    return tail_mark_is(&mark, str_of(bytes.ptr, mark.len));
}

/* Of what nothing was taken yet: are its first bytes those of `f`, which is open? */
static int match_unread(const struct tail_file *f, const struct tail_candidate *c,
                        enum tail_match *ret, struct err *err) {
    char other[TAIL_MARK_BYTES];
    size_t n;
    int rc = tail_bytes_read(f->bytes, 0, other, sizeof other, &n, err);
    if (rc == 0 && n > 0 && c->n > 0 && memcmp(c->first, other, min_size(n, c->n)) == 0)
        *ret = n <= c->n ? MATCH_SAME : MATCH_SHORTER;
    return rc;
}

int tail_match(const struct tail_file *f, struct tail_candidate *c, enum tail_match *ret,
               bool *ret_end, struct err *err) {
    const struct tail_position *at = &f->at;
    char room[TAIL_MARK_BYTES];
    struct str bytes;
    *ret = MATCH_NOT;
    *ret_end = false;
    if (at->offset == 0 && f->bytes != NULL)
        return match_unread(f, c, ret, err);
    if (at->head.len == 0)
        return 0;
    int rc = read_piece(c, at->head_at, at->head.len, room, &bytes, err);
    if (rc == 0 && bytes.len > 0 && bytes.len < at->head.len && begins_so(f, bytes))
        *ret = MATCH_SHORTER;
    if (rc != 0 || bytes.len != at->head.len || !is_head(&at->head, c, bytes))
        return rc;
    *ret_end = tail_bytes_ends_at(c->bytes, at->offset);
    *ret = *ret_end ? MATCH_SAME : MATCH_SHORTER;
    if (*ret_end)
        return 0;
    rc = tail_bytes_check(c->bytes, err);
    if (rc == 0)
        rc = read_piece(c, at->offset - at->end.len, at->end.len, room, &bytes, err);
    if (rc == 0 && bytes.len == at->end.len)
        *ret = tail_mark_is(&at->end, bytes) ? MATCH_SAME : MATCH_NOT;
    return rc;
}

bool tail_is_copy(const struct tail *t, const struct tail_follow *source,
                  const struct tail_candidate *c, struct err *err) {
    char other[TAIL_MARK_BYTES];
    size_t n;
    for (size_t i = 0; i < t->files.len; i++) {
        const struct tail_file *f = t->files.items[i];
        if (f->bytes != NULL && !tail_bytes_packed(f->bytes) && tail_is_of(f, source) &&
            tail_bytes_read(f->bytes, 0, other, c->n, &n, err) == 0 && n == c->n &&
            memcmp(c->first, other, n) == 0)
            return true;
    }
    return false;
}

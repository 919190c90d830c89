/* Cuts a stream into lines with bounded memory and keeps what identifies its content: the offset
 * and a running hash (BLAKE2b-128) of every unpacked byte up to the last line given out. */
#ifndef CASK_LINES_H
#define CASK_LINES_H

#include "source/input.h"
#include <sodium.h>

#define CONTENT_HASH_BYTES 16

struct content_hash {
    unsigned char bytes[CONTENT_HASH_BYTES];
};

struct lines {
    struct input *in; /* borrowed */
    char *buf;
    size_t at, len;  /* unread bytes are buf[at..len) */
    size_t hashed;   /* bytes of buf already in `hash` (a prefix up to `at`) */
    uint64_t offset; /* unpacked bytes before buf[at]: behind the last line given out */
    crypto_generichash_state hash;
    bool eof;
};

struct line {
    struct str text; /* without its line end (LF or CRLF); at most LIMIT_LINE_BYTES + 1 bytes of a
                        longer one */
    uint64_t length; /* bytes in the stream, line end included */
    bool open;       /* the last line, without a line end: it may still grow */
};

void lines_init(struct lines *l, struct input *in);
void lines_release(struct lines *l);

/* 1: a line, also an empty one (text valid until the next call); 0: end; ERR_* of input_read: a
 * line that damage cuts is not given out (but for one over the limit, which then is open). */
MUSTCHECK int lines_next(struct lines *l, struct line *ret, struct err *err);

/* Go on to this offset of the stream (forward), hashing on the way. *ret_lines counts the non-empty
 * lines passed. 1: there; 0: the stream is shorter (it then is at its end). */
MUSTCHECK int lines_skip_to(struct lines *l, uint64_t offset, uint64_t *ret_lines, struct err *err);

/* Hash of the bytes before l->offset. */
struct content_hash lines_hash(struct lines *l);

/* Bytes at the cursor without consuming them: up to n (at most 512 KiB), fewer only at the end or
 * before damage, which is an error here only when there is nothing before it. */
MUSTCHECK int lines_peek(struct lines *l, size_t n, struct str *ret, struct err *err);

#endif

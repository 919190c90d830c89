/* Lines of a stream against a splitter that has all of it before it. The first byte of the input
 * seeds where reads end and what is asked when; with its high bit, the rest is repeated until it
 * does not fit the buffer. */
#include "source/lines.h"

#include "base/limits.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)1 << 20) /* more than this is not in memory at once */
#define PACKETS_BYTES ((size_t)32 << 10)
#define PACKETS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    uint32_t random;
    struct str all;
    size_t at;
    struct lines lines;
};

static uint32_t below(struct run *r, size_t n) {
    r->random = r->random * 1664525 + 1013904223;
    return (uint32_t)((r->random >> 8) % n);
}

static int file_of(struct str all) {
    int fd = memfd_create("lines", MFD_CLOEXEC);
    assert(fd >= 0);
    for (size_t done = 0; done < all.len;) {
        ssize_t n = write(fd, all.ptr + done, all.len - done);
        assert(n > 0);
        done += (size_t)n;
    }
    assert(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* A read gives one packet: the stream comes in pieces. */
static int packets_of(struct run *r) {
    int fds[2];
    int rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
    assert(rc == 0);
    struct str rest = r->all;
    for (size_t left = PACKETS; rest.len > 0; left--) {
        size_t n = left == 1 ? rest.len : 1 + below(r, 1 + 2 * rest.len / left);
        n = min_size(n, rest.len);
        assert(send(fds[0], rest.ptr, n, MSG_DONTWAIT) == (ssize_t)n);
        rest = str_skip(rest, n);
    }
    close(fds[0]);
    return fds[1];
}

/* Bytes of the line at the cursor, its end included. */
static size_t line_length(const struct run *r) {
    size_t at;
    return str_find(str_skip(r->all, r->at), '\n', &at) ? at + 1 : r->all.len - r->at;
}

static struct str line_text(const struct run *r, size_t length) {
    struct str text = str_of(r->all.ptr + r->at, length);
    if (text.ptr[length - 1] == '\n') {
        text.len--;
        if (text.len > 0 && text.ptr[text.len - 1] == '\r')
            text.len--;
    }
    return str_of(text.ptr, min_size(text.len, LIMIT_LINE_BYTES + 1));
}

/* False: the end. */
static bool next(struct run *r) {
    struct line line;
    int rc = lines_next(&r->lines, &line, NULL);
    assert(rc == (r->at < r->all.len));
    if (rc == 0)
        return false;
    size_t length = line_length(r);
    assert(line.length == length);
    assert(line.open == (r->all.ptr[r->at + length - 1] != '\n'));
    assert(str_eq(line.text, line_text(r, length)));
    r->at += length;
    return true;
}

static void peek(struct run *r) {
    size_t n = below(r, 5000);
    struct str seen;
    int rc = lines_peek(&r->lines, n, &seen, NULL);
    assert(rc == 0 && str_eq(seen, str_of(r->all.ptr + r->at, min_size(n, r->all.len - r->at))));
}

/* Over a few whole lines. */
static void skip(struct run *r) {
    uint64_t lines = 0, expected = 0;
    for (size_t n = below(r, 5); n > 0 && r->at < r->all.len; n--) {
        size_t length = line_length(r);
        if (r->all.ptr[r->at + length - 1] != '\n')
            break;
        expected += line_text(r, length).len > 0;
        r->at += length;
    }
    int rc = lines_skip_to(&r->lines, r->at, &lines, NULL);
    assert(rc == 1 && lines == expected);
}

static void check_place(struct run *r) {
    assert(r->lines.offset == r->at);
    struct content_hash expected, got = lines_hash(&r->lines);
    crypto_generichash(expected.bytes, sizeof expected.bytes, (const unsigned char *)r->all.ptr,
                       r->at, NULL, 0);
    assert(memcmp(&got, &expected, sizeof got) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    bool large = data[0] & 128;
    struct run run = {.random = data[0]};
    struct buf all = {0};
    buf_add_char(&all, 'x'); /* so that it is no packed stream */
    do
        buf_add(&all, data + 1, size - 1);
    while (large && size > 1 && all.len < BUFFER_BYTES + BUFFER_BYTES / 4);
    run.all = buf_str(&all);
    int fd = large || all.len > PACKETS_BYTES ? file_of(run.all) : packets_of(&run);
    struct input *in;
    int rc = input_from_fd(fd, "lines", NULL, &in, NULL);
    assert(rc == 0);
    lines_init(&run.lines, in);
    bool more = true;
    for (size_t step = 0; more; step++) {
        uint32_t what = below(&run, 8);
        if (what == 0)
            peek(&run);
        else if (what == 1)
            skip(&run);
        else
            more = next(&run);
        if (step % 64 == 0 && run.at < PACKETS_BYTES)
            check_place(&run);
    }
    check_place(&run);
    lines_release(&run.lines);
    input_close(in);
    buf_release(&all);
    return 0;
}

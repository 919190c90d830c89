#include "source/tail_bytes.h"

#include "source/input.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define SKIP_BYTES ((size_t)64 << 10)

struct tail_bytes {
    int fd; /* of `in`, if there is one */
    char *name;
    struct input *in; /* packed; NULL: plain */
    bool gzip, checked;
    uint64_t in_at;    /* of the next byte of `in` */
    struct buf window; /* the bytes before in_at that were given out last */
};

int tail_bytes_open(const char *path, struct tail_bytes **ret, struct err *err) {
    /* a FIFO must not block the thread that follows all files */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_USAGE, "%s is not a regular file", path);
    }
    char magic[4];
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    struct tail_bytes *b = xcalloc(1, sizeof *b);
    b->fd = fd;
    b->name = xstrdup(path);
    if (n > 0 && input_is_packed(str_of(magic, (size_t)n))) {
        b->gzip = magic[0] == '\x1f';
        int rc = input_from_fd(fd, path, NULL, &b->in, err); /* closes fd in any case */
        if (rc != 0) {
            free(b->name);
            free(b);
            return rc;
        }
    }
    *ret = b;
    return 0;
}

void tail_bytes_close(struct tail_bytes *b) {
    if (b == NULL)
        return;
    if (b->in != NULL)
        input_close(b->in);
    else
        close(b->fd);
    buf_release(&b->window);
    free(b->name);
    free(b);
}

int tail_bytes_stat(const struct tail_bytes *b, struct stat *ret, struct err *err) {
    return fstat(b->fd, ret) < 0 ? err_errno(err, ERR_IO, "%s", b->name) : 0;
}

bool tail_bytes_packed(const struct tail_bytes *b) { return b->in != NULL; }

static int begin_again(struct tail_bytes *b, struct err *err) {
    b->in_at = 0;
    buf_clear(&b->window);
    return input_rewind(b->in, err);
}

int tail_bytes_check(struct tail_bytes *b, struct err *err) {
    if (b->in == NULL || b->checked)
        return 0;
    int rc = begin_again(b, err);
    if (rc == 0)
        rc = input_check(b->in, err);
    b->checked = rc == 0;
    return rc;
}

/* More of `in` behind the window. *ret_n 0: the end. */
static int read_on(struct tail_bytes *b, size_t room, size_t *ret_n, struct err *err) {
    *ret_n = 0;
    int rc = input_read(b->in, buf_reserve(&b->window, room), room, ret_n, err);
    b->window.len += *ret_n;
    b->in_at += *ret_n;
    return rc;
}

static void forget_before(struct tail_bytes *b, uint64_t at) {
    uint64_t begin = b->in_at - b->window.len;
    size_t n = at > begin ? min_size((size_t)(at - begin), b->window.len) : 0;
    memmove(b->window.ptr, b->window.ptr + n, b->window.len - n);
    b->window.len -= n;
}

static int read_packed(struct tail_bytes *b, uint64_t at, char *to, size_t len, size_t *ret_len,
                       struct err *err) {
    int rc = 0;
    size_t n = 1;
    struct err why = {0};
    if (at < b->in_at - b->window.len)
        rc = begin_again(b, &why);
    while (rc == 0 && n > 0 && b->in_at < at + len) {
        if (b->window.len > 0)
            forget_before(b, at);
        size_t room = b->in_at < at ? (size_t)min_i64((int64_t)(at - b->in_at), SKIP_BYTES)
                                    : (size_t)(at + len - b->in_at);
        rc = read_on(b, room, &n, &why);
    }
    if (b->window.len > 0)
        forget_before(b, at);
    *ret_len = b->in_at > at ? min_size(b->window.len, len) : 0;
    if (*ret_len > 0)
        memcpy(to, b->window.ptr, *ret_len);
    if (rc == 0 || (rc == ERR_CORRUPT && *ret_len > 0))
        return 0;
    return err_set(err, rc, "%s", why.text);
}

int tail_bytes_read(struct tail_bytes *b, uint64_t at, char *to, size_t len, size_t *ret_len,
                    struct err *err) {
    *ret_len = 0;
    if (b->in != NULL)
        return read_packed(b, at, to, len, ret_len, err);
    while (*ret_len < len) {
        ssize_t n = pread(b->fd, to + *ret_len, len - *ret_len, (off_t)(at + *ret_len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_IO, "%s", b->name);
        if (n == 0)
            break;
        *ret_len += (size_t)n;
    }
    return 0;
}

uint64_t tail_bytes_skip_hole(const struct tail_bytes *b, uint64_t at) {
    off_t data = b->in != NULL ? -1 : lseek(b->fd, (off_t)at, SEEK_DATA);
    return data > 0 && (uint64_t)data > at ? (uint64_t)data : at;
}

bool tail_bytes_ends_at(const struct tail_bytes *b, uint64_t offset) {
    unsigned char last[4];
    struct stat st;
    if (!b->gzip || fstat(b->fd, &st) < 0 || st.st_size < 18 ||
        pread(b->fd, last, sizeof last, st.st_size - 4) != (ssize_t)sizeof last)
        return false;
    uint32_t size = (uint32_t)last[0] | (uint32_t)last[1] << 8 | (uint32_t)last[2] << 16 |
                    (uint32_t)last[3] << 24;
    return size == (uint32_t)offset;
}

#include "source/input.h"

#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_BYTES ((size_t)256 << 10)

/* A packing: unpack() consumes from in->next/avail and writes to out. *ret_end is set when a member
 * (frame, stream) ended cleanly at this point. */
struct packing {
    const char *name;
    struct str magic;
    int (*begin)(struct input *in);
    int (*unpack)(struct input *in, char *out, size_t room, size_t *ret_len, bool *ret_end);
    void (*end)(struct input *in);
};

struct input {
    int fd;
    char *name;
    const struct packing *packing; /* NULL: plain bytes */
    char *raw;
    size_t at, len; /* unread raw bytes are raw[at..len) */
    uint64_t raw_bytes, raw_size;
    bool eof, between; /* between: no member is open */
    union {
        z_stream z;
        bz_stream bz;
        ZSTD_DStream *zstd;
    };
};

static int gzip_begin(struct input *in) {
    in->z = (z_stream){0};
    return inflateInit2(&in->z, 15 + 16) == Z_OK ? 0 : ERR_IO;
}

static int gzip_unpack(struct input *in, char *out, size_t room, size_t *ret_len, bool *ret_end) {
    in->z.next_in = (unsigned char *)in->raw + in->at;
    in->z.avail_in = (unsigned)(in->len - in->at);
    in->z.next_out = (unsigned char *)out;
    in->z.avail_out = (unsigned)room;
    int rc = inflate(&in->z, Z_NO_FLUSH);
    in->at = in->len - in->z.avail_in;
    *ret_len = room - in->z.avail_out;
    *ret_end = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? 0 : ERR_CORRUPT;
}

static void gzip_end(struct input *in) { inflateEnd(&in->z); }

static int bzip2_begin(struct input *in) {
    in->bz = (bz_stream){0};
    return BZ2_bzDecompressInit(&in->bz, 0, 0) == BZ_OK ? 0 : ERR_IO;
}

static int bzip2_unpack(struct input *in, char *out, size_t room, size_t *ret_len, bool *ret_end) {
    in->bz.next_in = in->raw + in->at;
    in->bz.avail_in = (unsigned)(in->len - in->at);
    in->bz.next_out = out;
    in->bz.avail_out = (unsigned)room;
    int rc = BZ2_bzDecompress(&in->bz);
    in->at = in->len - in->bz.avail_in;
    *ret_len = room - in->bz.avail_out;
    *ret_end = rc == BZ_STREAM_END;
    return rc == BZ_OK || rc == BZ_STREAM_END ? 0 : ERR_CORRUPT;
}

static void bzip2_end(struct input *in) { BZ2_bzDecompressEnd(&in->bz); }

static int zstd_begin(struct input *in) {
    in->zstd = ZSTD_createDStream();
    return in->zstd != NULL ? 0 : ERR_IO;
}

static int zstd_unpack(struct input *in, char *out, size_t room, size_t *ret_len, bool *ret_end) {
    ZSTD_inBuffer from = {in->raw + in->at, in->len - in->at, 0};
    ZSTD_outBuffer to = {out, room, 0};
    size_t rc = ZSTD_decompressStream(in->zstd, &to, &from);
    in->at += from.pos;
    *ret_len = to.pos;
    *ret_end = rc == 0;
    return ZSTD_isError(rc) ? ERR_CORRUPT : 0;
}

static void zstd_end(struct input *in) { ZSTD_freeDStream(in->zstd); }

static const struct packing packings[] = {
    {"gzip", {"\x1f\x8b\x08", 3}, gzip_begin, gzip_unpack, gzip_end},
    {"bzip2", {"BZh", 3}, bzip2_begin, bzip2_unpack, bzip2_end},
    {"zstd", {"\x28\xb5\x2f\xfd", 4}, zstd_begin, zstd_unpack, zstd_end},
};

/* Read more raw bytes behind the unread ones. */
static int fill(struct input *in, struct err *err) {
    if (in->at > 0) {
        memmove(in->raw, in->raw + in->at, in->len - in->at);
        in->len -= in->at;
        in->at = 0;
    }
    while (!in->eof && in->len < RAW_BYTES) {
        ssize_t n = read(in->fd, in->raw + in->len, RAW_BYTES - in->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_IO, "%s", in->name);
        in->eof = n == 0;
        in->len += (size_t)n;
        in->raw_bytes += (uint64_t)n;
        if (n > 0)
            break;
    }
    return 0;
}

int input_from_fd(int fd, const char *name, struct input **ret, struct err *err) {
    struct input *in = xcalloc(1, sizeof *in);
    in->fd = fd;
    in->name = xstrdup(name);
    in->raw = xmalloc(RAW_BYTES);
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) < 0)
        rc = err_errno(err, ERR_IO, "%s", name);
    else if (S_ISDIR(st.st_mode))
        rc = err_set(err, ERR_USAGE, "%s is a directory, not a log file", name);
    else if (S_ISREG(st.st_mode))
        in->raw_size = (uint64_t)st.st_size;
    while (rc == 0 && !in->eof && in->len < 4) /* enough for every magic */
        rc = fill(in, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(packings); i++)
        if (str_starts(str_of(in->raw, in->len), packings[i].magic))
            in->packing = &packings[i];
    in->between = true;
    if (rc != 0) {
        input_close(in);
        return rc;
    }
    *ret = in;
    return 0;
}

int input_open(const char *path, struct input **ret, struct err *err) {
    if (strcmp(path, "-") == 0)
        return input_from_fd(dup(STDIN_FILENO), "standard input", ret, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", path);
    return input_from_fd(fd, path, ret, err);
}

void input_close(struct input *in) {
    if (in == NULL)
        return;
    if (in->packing != NULL && !in->between)
        in->packing->end(in);
    close(in->fd);
    free(in->name);
    free(in->raw);
    free(in);
}

static int read_plain(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err) {
    if (in->at == in->len) {
        int rc = fill(in, err);
        if (rc != 0)
            return rc;
    }
    *ret_len = min_size(room, in->len - in->at);
    memcpy(to, in->raw + in->at, *ret_len);
    in->at += *ret_len;
    return 0;
}

int input_read(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err) {
    *ret_len = 0;
    if (in->packing == NULL)
        return read_plain(in, to, room, ret_len, err);
    while (*ret_len == 0) {
        int rc = in->len - in->at < 4 ? fill(in, err) : 0;
        if (rc != 0)
            return rc;
        bool empty = in->at == in->len;
        if (in->between) {
            if (empty && in->eof)
                return 0;
            if (!str_starts(str_of(in->raw + in->at, in->len - in->at), in->packing->magic))
                return err_set(err, ERR_CORRUPT, "%s: rubbish behind the %s data", in->name,
                               in->packing->name);
            if (in->packing->begin(in) != 0)
                return err_set(err, ERR_IO, "%s: cannot start %s", in->name, in->packing->name);
            in->between = false;
        }
        if (empty && in->eof)
            return err_set(err, ERR_CORRUPT, "%s: the %s data is cut short", in->name,
                           in->packing->name);
        size_t before = in->len - in->at;
        bool end = false;
        if (in->packing->unpack(in, to, room, ret_len, &end) != 0)
            return err_set(err, ERR_CORRUPT, "%s: damaged %s data", in->name, in->packing->name);
        if (end) {
            in->packing->end(in);
            in->between = true;
        } else if (*ret_len == 0 && before == in->len - in->at && !in->eof && before < RAW_BYTES) {
            rc = fill(in, err); /* the packing wants more bytes than are here */
            if (rc != 0)
                return rc;
        } else if (*ret_len == 0 && before == in->len - in->at && in->eof) {
            return err_set(err, ERR_CORRUPT, "%s: the %s data is cut short", in->name,
                           in->packing->name);
        }
    }
    return 0;
}

uint64_t input_raw_bytes(const struct input *in) { return in->raw_bytes - (in->len - in->at); }

uint64_t input_raw_size(const struct input *in) { return in->raw_size; }

#include "source/input.h"

#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_BYTES ((size_t)256 << 10)
#define OUT_BYTES ((size_t)128 << 10)
#define STOP_POLL_MS 200

/* A packing: unpack() consumes from in->raw and writes to out. *ret_end is set when a member
 * (frame, stream) ended cleanly at this point. */
struct packing {
    const char *name;
    struct str magic, other_magic; /* how a member begins */
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
    bool seekable;
    const struct input_stop *stop;
    bool eof, between; /* between: no member is open */
    /* Unpacked bytes not delivered yet. Unpackers always get the whole of `out`: how much they
     * deliver before damage depends on the room they are given, and an import must see the same
     * each time. */
    char *out;
    size_t out_at, out_len;
    struct err failed; /* code 0: fine */
    uint64_t unpacked; /* bytes so far */
    uint64_t good;     /* of them up to the end of the last whole member: its checksum was right */
    uint64_t given;    /* bytes given out */
    uint64_t limit;    /* where to stop with limit_error, found by input_check() */
    struct err limit_error; /* code 0: no limit */
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
    {"gzip", {"\x1f\x8b\x08", 3}, {"\x1f\x8b\x08", 3}, gzip_begin, gzip_unpack, gzip_end},
    {"bzip2", {"BZh", 3}, {"BZh", 3}, bzip2_begin, bzip2_unpack, bzip2_end},
    /* the other one: a skippable frame, with which pzstd begins */
    {"zstd", {"\x28\xb5\x2f\xfd", 4}, {"\x50\x2a\x4d\x18", 4}, zstd_begin, zstd_unpack, zstd_end},
};

static bool begins(const struct packing *packing, struct str raw) {
    return str_starts(raw, packing->magic) || str_starts(raw, packing->other_magic);
}

bool input_is_packed(struct str first) {
    for (size_t i = 0; i < ARRAY_LEN(packings); i++)
        if (begins(&packings[i], first))
            return true;
    return false;
}

int input_wait(int fd, const struct input_stop *stop, struct err *err) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready = 0;
    while (stop != NULL && ready <= 0) {
        if (stop->asked(stop->arg))
            return err_set(err, ERR_STOPPED, "stopped");
        ready = poll(&p, 1, STOP_POLL_MS); /* a regular file is always ready */
    }
    return 0;
}

/* Read more raw bytes behind the unread ones. */
static int fill(struct input *in, struct err *err) {
    if (in->at > 0) {
        memmove(in->raw, in->raw + in->at, in->len - in->at);
        in->len -= in->at;
        in->at = 0;
    }
    while (!in->eof && in->len < RAW_BYTES) {
        int rc = input_wait(in->fd, in->stop, err);
        if (rc != 0)
            return rc;
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

/* Look at the first bytes: which packing is it? */
static int recognise(struct input *in, struct err *err) {
    int rc = 0;
    while (rc == 0 && !in->eof && in->len < 4) /* enough for every magic */
        rc = fill(in, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(packings); i++)
        if (begins(&packings[i], str_of(in->raw, in->len)))
            in->packing = &packings[i];
    if (rc == 0 && in->packing != NULL && in->out == NULL)
        in->out = xmalloc(OUT_BYTES);
    in->between = true;
    return rc;
}

int input_from_fd(int fd, const char *name, const struct input_stop *stop, struct input **ret,
                  struct err *err) {
    struct input *in = xcalloc(1, sizeof *in);
    in->fd = fd;
    in->stop = stop;
    in->name = xstrdup(name);
    in->raw = xmalloc(RAW_BYTES);
    in->between = true;
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) < 0)
        rc = err_errno(err, ERR_IO, "%s", name);
    else if (S_ISDIR(st.st_mode))
        rc = err_set(err, ERR_USAGE, "%s is a directory, not a log file", name);
    else if (S_ISREG(st.st_mode)) {
        in->raw_size = (uint64_t)st.st_size;
        in->seekable = true;
    }
    if (rc == 0)
        rc = recognise(in, err);
    if (rc != 0) {
        input_close(in);
        return rc;
    }
    *ret = in;
    return 0;
}

int input_open(const char *path, const struct input_stop *stop, struct input **ret,
               struct err *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    const char *name = is_stdin ? "standard input" : path;
    if (fd < 0)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", name);
    return input_from_fd(fd, name, stop, ret, err);
}

static void end_member(struct input *in) {
    if (in->packing != NULL && !in->between)
        in->packing->end(in);
    in->between = true;
}

void input_close(struct input *in) {
    if (in == NULL)
        return;
    end_member(in);
    close(in->fd);
    free(in->name);
    free(in->raw);
    free(in->out);
    free(in);
}

bool input_seekable(const struct input *in) { return in->seekable; }

int input_rewind(struct input *in, struct err *err) {
    end_member(in);
    in->packing = NULL;
    in->at = in->len = in->out_at = in->out_len = 0;
    in->raw_bytes = in->unpacked = in->good = in->given = 0;
    in->eof = false;
    in->failed = (struct err){0};
    if (lseek(in->fd, 0, SEEK_SET) < 0)
        return err_errno(err, ERR_IO, "%s", in->name);
    return recognise(in, err);
}

/* At a member's border: 1 when another one begins, 0 at the end. */
static int begin_member(struct input *in, struct err *err) {
    if (in->at == in->len)
        return 0; /* eof: fill() found nothing more */
    if (!begins(in->packing, str_of(in->raw + in->at, in->len - in->at)))
        return err_set(err, ERR_CORRUPT, "%s: rubbish behind the %s data", in->name,
                       in->packing->name);
    if (in->packing->begin(in) != 0)
        return err_set(err, ERR_IO, "%s: cannot start %s", in->name, in->packing->name);
    in->between = false;
    return 1;
}

/* Unpack into in->out; out_len 0 means the end. Damage is told only when nothing came before it. */
static int unpack(struct input *in, struct err *err) {
    in->out_at = in->out_len = 0;
    bool hungry = false; /* it wants more bytes than are here */
    while (in->out_len == 0) {
        int rc = hungry || in->len - in->at < 4 ? fill(in, err) : 0;
        if (rc == 0 && in->between) {
            rc = begin_member(in, err);
            if (rc == 0)
                return 0;
        }
        if (rc < 0)
            return rc;
        size_t before = in->len - in->at;
        bool end = false;
        bool damaged = in->packing->unpack(in, in->out, OUT_BYTES, &in->out_len, &end) != 0;
        hungry = !end && in->out_len == 0 && before == in->len - in->at;
        in->unpacked += in->out_len;
        if (end && !damaged)
            in->good = in->unpacked;
        if (damaged)
            err_set(&in->failed, ERR_CORRUPT, "%s: damaged %s data", in->name, in->packing->name);
        else if (hungry && (in->eof || before == RAW_BYTES))
            err_set(&in->failed, ERR_CORRUPT, "%s: the %s data is cut short", in->name,
                    in->packing->name);
        if (end || damaged)
            end_member(in);
        if (in->failed.code != 0 && in->out_len == 0) {
            *err = in->failed;
            return err->code;
        }
    }
    return 0;
}

static int read_packed(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err) {
    if (in->limit_error.code != 0) {
        if (in->given == in->limit) {
            *err = in->limit_error;
            return err->code;
        }
        room = (size_t)min_i64((int64_t)room, (int64_t)(in->limit - in->given));
    }
    if (in->out_at == in->out_len) {
        int rc = unpack(in, err);
        if (rc != 0)
            return rc;
    }
    *ret_len = min_size(room, in->out_len - in->out_at);
    memcpy(to, in->out + in->out_at, *ret_len);
    in->out_at += *ret_len;
    in->given += *ret_len;
    return 0;
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
    int rc = in->failed.code;
    struct err why = in->failed;
    if (rc == 0 || in->out_at < in->out_len)
        rc = in->packing != NULL ? read_packed(in, to, room, ret_len, &why)
                                 : read_plain(in, to, room, ret_len, &why);
    if (rc != 0) {
        why.code = rc;
        in->failed = why;
        if (err != NULL)
            *err = why;
    }
    return rc;
}

int input_check(struct input *in, struct err *err) {
    if (in->packing == NULL)
        return 0;
    char *bytes = xmalloc(OUT_BYTES);
    struct err why = {0};
    int rc = 0;
    for (size_t n = 1; rc == 0 && n > 0;)
        rc = input_read(in, bytes, OUT_BYTES, &n, &why);
    free(bytes);
    if (rc != 0 && (rc != ERR_CORRUPT || in->good == 0))
        return err_set(err, rc, "%s", why.text);
    if (rc != 0) {
        in->limit = in->good;
        in->limit_error = why;
        in->limit_error.code = rc;
    }
    return input_rewind(in, err);
}

uint64_t input_raw_bytes(const struct input *in) { return in->raw_bytes - (in->len - in->at); }

uint64_t input_raw_size(const struct input *in) { return in->raw_size; }

#include "pack.h"

#include "support/unit.h"
#include <bzlib.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static void pack_none(struct str bytes, struct buf *ret) { buf_add_str(ret, bytes); }

static void pack_gzip(struct str bytes, struct buf *ret) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, bytes.len);
    z.next_in = (unsigned char *)(uintptr_t)bytes.ptr;
    z.avail_in = (unsigned)bytes.len;
    z.next_out = (unsigned char *)buf_reserve(ret, room);
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    ret->len += room - z.avail_out;
    deflateEnd(&z);
}

static void pack_bzip2(struct str bytes, struct buf *ret) {
    unsigned room = (unsigned)(bytes.len + bytes.len / 100 + 1000);
    char *to = buf_reserve(ret, room);
    static char nothing[1];
    char *from = bytes.len ? (char *)(uintptr_t)bytes.ptr : nothing;
    assert_int_equal(BZ2_bzBuffToBuffCompress(to, &room, from, (unsigned)bytes.len, 1, 0, 0),
                     BZ_OK);
    ret->len += room;
}

static void pack_zstd(struct str bytes, struct buf *ret) {
    size_t room = ZSTD_compressBound(bytes.len);
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(c, buf_reserve(ret, room), room, bytes.ptr, bytes.len);
    assert_false(ZSTD_isError(n));
    ret->len += n;
    ZSTD_freeCCtx(c);
}

void pack(enum packing_kind kind, struct str bytes, struct buf *ret) {
    static void (*const packers[])(struct str, struct buf *) = {pack_none, pack_gzip, pack_bzip2,
                                                                pack_zstd};
    packers[kind](bytes, ret);
}

static char paths[4096][40];
static size_t n_paths;

static void remove_all(void) {
    for (size_t i = 0; i < n_paths; i++)
        unlink(paths[i]);
}

const char *temp_path(void) {
    if (n_paths == 0)
        atexit(remove_all);
    assert_true(n_paths < ARRAY_LEN(paths));
    char *path = paths[n_paths++];
    strcpy(path, "/tmp/cask-source-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return path;
}

void write_file(const char *path, struct str bytes) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_true(fd >= 0);
    for (size_t at = 0; at < bytes.len;) {
        ssize_t n = write(fd, bytes.ptr + at, bytes.len - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    close(fd);
}

uint64_t random_next(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

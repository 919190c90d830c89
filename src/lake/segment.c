#include "lake/segment.h"

#include "base/fs.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- opening ------------------------------------------------------------------------------- */

/* Read up to n bytes at offset, fewer at the end of the file. */
static int read_at(const struct segment_file *f, uint64_t offset, void *to, size_t n, size_t *ret,
                   struct err *err) {
    size_t have = 0;
    while (have < n) {
        ssize_t got = pread(f->fd, (char *)to + have, n - have, (off_t)(offset + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ERR_IO, "%s: read at %llu", f->path, (unsigned long long)offset);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *ret = have;
    return 0;
}

static int look_at_size(struct segment_file *f, struct err *err) {
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return err_errno(err, ERR_IO, "%s", f->path);
    f->size = (uint64_t)st.st_size;
    return 0;
}

static size_t header_size(enum dataset dataset, uint64_t segment) {
    struct avro_header h = {.dataset = dataset, .segment = segment};
    struct buf b = {0};
    avro_header_encode(&h, &b);
    size_t size = b.len;
    buf_release(&b);
    return size;
}

/* Blocks are written only behind a synced header, so a file no longer than a header holds none. */
static int read_header(struct segment_file *f, struct err *err) {
    struct avro_header h;
    struct err problem = {0};
    size_t have;
    char *to = buf_reserve(&f->chunk, AVRO_HEADER_MAX);
    int rc = read_at(f, 0, to, AVRO_HEADER_MAX, &have, err);
    if (rc < 0)
        return rc;
    rc = avro_header_decode(str_of(to, have), &h, &problem);
    if (rc == 0 && (h.dataset != f->dataset || h.segment != f->segment))
        rc = err_set(&problem, ERR_CORRUPT, "it says %s segment %llu", dataset_name(h.dataset),
                     (unsigned long long)h.segment);
    if (rc == 0) {
        memcpy(f->marker, h.marker, AVRO_MARKER_BYTES);
        f->offset = h.size;
        return 0;
    }
    if (f->size <= header_size(f->dataset, f->segment))
        return err_set(err, ERR_NOTFOUND, "%s: header not whole: %s", f->path, problem.text);
    snprintf(f->header_problem, sizeof f->header_problem, "%.*s", (int)sizeof f->header_problem - 1,
             problem.text);
    return read_at(f, f->size - AVRO_MARKER_BYTES, f->marker, AVRO_MARKER_BYTES, &have, err);
}

int segment_open(const char *root, enum dataset dataset, const struct segment_name *name,
                 struct segment_file *ret, struct err *err) {
    struct segment_file f = {.fd = -1, .dataset = dataset, .segment = name->segment};
    f.unpacked.limit = LIMIT_BLOCK_BYTES;
    struct buf path = {0};
    int rc = 0;
    snprintf(f.path, sizeof f.path, "%s", name->path);
    if (avro_schema(dataset) == NULL) {
        rc = err_set(err, ERR_USAGE, "dataset %s has no record schema yet", dataset_name(dataset));
        goto out;
    }
    buf_printf(&path, "%s/%s", root, name->path);
    f.fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
    if (f.fd < 0) {
        rc = err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", f.path);
        goto out;
    }
    rc = look_at_size(&f, err);
    if (rc == 0)
        rc = read_header(&f, err);
out:
    buf_release(&path);
    if (rc < 0)
        segment_close(&f);
    else
        *ret = f;
    return rc;
}

void segment_close(struct segment_file *f) {
    if (f->path[0] == '\0')
        return;
    if (f->fd >= 0)
        close(f->fd);
    buf_release(&f->packed);
    buf_release(&f->unpacked);
    buf_release(&f->chunk);
    records_release(&f->records);
    *f = (struct segment_file){.fd = -1};
}

/* --- one block ----------------------------------------------------------------------------- */

int segment_peek(struct segment_file *f, uint64_t offset, struct avro_frame *ret, struct err *err) {
    char front[AVRO_FRAME_MAX], marker[AVRO_MARKER_BYTES];
    size_t have;
    int rc = read_at(f, offset, front, sizeof front, &have, err);
    if (rc < 0)
        return rc;
    enum avro_frame_state state = avro_frame_decode(str_of(front, have), ret);
    if (state == AVRO_FRAME_BAD)
        return SEGMENT_BAD;
    /* The file may grow all the time: what is missing must be missing from the size that a search
     * behind it will take as the end. */
    uint64_t need = state == AVRO_FRAME_OK ? avro_frame_bytes(ret) : 1;
    if (offset + need > f->size || state == AVRO_FRAME_SHORT) {
        rc = look_at_size(f, err);
        if (rc < 0)
            return rc;
    }
    if (offset >= f->size)
        return SEGMENT_END;
    if (state == AVRO_FRAME_SHORT || offset + need > f->size)
        return SEGMENT_SHORT;
    rc = read_at(f, offset + need - sizeof marker, marker, sizeof marker, &have, err);
    if (rc < 0)
        return rc;
    if (have < sizeof marker)
        return SEGMENT_SHORT;
    return memcmp(marker, f->marker, sizeof marker) == 0 ? SEGMENT_BLOCK : SEGMENT_BAD;
}

int segment_load(struct segment_file *f, uint64_t offset, const struct avro_frame *frame,
                 struct err *err) {
    size_t have;
    buf_clear(&f->packed);
    char *to = buf_reserve(&f->packed, frame->size);
    int rc = read_at(f, offset + frame->head, to, frame->size, &have, err);
    if (rc < 0)
        return rc;
    rc = avro_payload_unpack(str_of(to, have), &f->unpacked, err);
    if (rc < 0)
        return rc;
    return records_decode(buf_str(&f->unpacked), frame->count, &f->records, err);
}

/* --- behind damage ------------------------------------------------------------------------- */

/* Is there a whole block at `offset` that can follow the damage? *ret_number: by its own id. */
static int try_block(struct segment_file *f, uint64_t offset, uint64_t *ret_number, bool *ret_whole,
                     struct err *err) {
    struct avro_frame frame;
    *ret_whole = false;
    int rc = segment_peek(f, offset, &frame, err);
    if (rc < 0)
        return rc;
    if (rc != SEGMENT_BLOCK)
        return 0;
    struct err why = {0};
    rc = segment_load(f, offset, &frame, &why);
    if (rc == ERR_CORRUPT)
        return 0;
    if (rc < 0)
        return err_set(err, rc, "%s", why.text);
    uint64_t bid = f->records.bid;
    if (bid != 0) {
        if (bid >> 24 != bid_make(f->dataset, f->segment, 0) >> 24 || bid_block(bid) < f->number)
            return 0;
        *ret_number = bid_block(bid);
    }
    *ret_whole = true;
    return 0;
}

#define CHUNK_BYTES ((size_t)1 << 20)

int segment_resync(struct segment_file *f, struct segment_found *ret, struct err *err) {
    const uint64_t end = f->size;
    uint64_t at = f->offset + (f->offset > 0);
    *ret = (struct segment_found){false, f->offset, f->number};
    while (at + AVRO_MARKER_BYTES <= end) {
        size_t have, want = (size_t)(end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES);
        buf_clear(&f->chunk);
        char *chunk = buf_reserve(&f->chunk, CHUNK_BYTES);
        int rc = read_at(f, at, chunk, want, &have, err);
        if (rc < 0)
            return rc;
        const char *hit = memmem(chunk, have, f->marker, AVRO_MARKER_BYTES);
        if (hit == NULL) {
            if (have < want || at + have >= end)
                break;
            at += have - (AVRO_MARKER_BYTES - 1); /* a marker may lie across two chunks */
            continue;
        }
        at += (uint64_t)(hit - chunk) + AVRO_MARKER_BYTES;
        /* The first marker behind offset 0 is the header's: no block ends there. */
        ret->number += f->offset > 0 || ret->offset > 0;
        ret->offset = at;
        if (ret->number >= SEGMENT_BLOCKS_MAX)
            break;
        rc = try_block(f, at, &ret->number, &ret->block, err);
        if (rc < 0 || ret->block)
            return rc;
    }
    return 0;
}

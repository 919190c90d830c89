#include "lake/segment.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read up to n bytes at offset, fewer at the end of the file. */
int segment_read_at(const struct segment_file *f, uint64_t offset, void *to, size_t n, size_t *ret,
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

int segment_look_at_size(struct segment_file *f, struct err *err) {
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return err_errno(err, ERR_IO, "%s", f->path);
    f->size = (uint64_t)st.st_size;
    return 0;
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

int segment_peek(struct segment_file *f, uint64_t offset, struct avro_frame *ret, struct err *err) {
    char front[AVRO_FRAME_MAX], marker[AVRO_MARKER_BYTES];
    size_t have;
    int rc = segment_read_at(f, offset, front, sizeof front, &have, err);
    if (rc < 0)
        return rc;
    enum avro_frame_state state = avro_frame_decode(str_of(front, have), ret);
    if (state == AVRO_FRAME_BAD)
        return SEGMENT_BAD;
    /* The file may grow all the time: what is missing must be missing from the size that a search
     * behind it will take as the end. */
    uint64_t need = state == AVRO_FRAME_OK ? avro_frame_bytes(ret) : 1;
    if (offset + need > f->size || state == AVRO_FRAME_SHORT) {
        rc = segment_look_at_size(f, err);
        if (rc < 0)
            return rc;
    }
    if (offset >= f->size)
        return SEGMENT_END;
    if (state == AVRO_FRAME_SHORT || offset + need > f->size)
        return SEGMENT_SHORT;
    rc = segment_read_at(f, offset + need - sizeof marker, marker, sizeof marker, &have, err);
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
    int rc = segment_read_at(f, offset + frame->head, to, frame->size, &have, err);
    if (rc < 0)
        return rc;
    rc = avro_payload_unpack(str_of(to, have), &f->unpacked, err);
    if (rc < 0)
        return rc;
    return records_decode(buf_str(&f->unpacked), frame->count, &f->records, err);
}

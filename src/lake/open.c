/* Opening a segment whose header may be damaged. */
#include "base/limits.h"
#include "lake/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int read_last_marker(struct segment_file *f, struct err *err) {
    size_t have;
    return segment_read_at(f, f->size - AVRO_MARKER_BYTES, f->marker, AVRO_MARKER_BYTES, &have,
                           err);
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
    int rc = segment_read_at(f, 0, to, AVRO_HEADER_MAX, &have, err);
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
    return read_last_marker(f, err);
}

/* With a damaged marker in the header every block would look bad. So when no block follows it, but
 * one does follow the last marker of the file, that one is right. */
static int check_marker(struct segment_file *f, struct err *err) {
    const struct segment_file kept = *f;
    struct avro_frame frame;
    struct segment_found found;
    int rc = segment_peek(f, f->offset, &frame, err);
    if (rc < 0 || rc == SEGMENT_BLOCK || rc == SEGMENT_END)
        return rc < 0 ? rc : 0;
    rc = segment_resync(f, &found, err);
    if (rc < 0 || found.block)
        return rc;
    rc = read_last_marker(f, err);
    f->offset = 0;
    if (rc == 0)
        rc = segment_resync(f, &found, err);
    if (rc < 0 || found.block) {
        snprintf(f->header_problem, sizeof f->header_problem, "the marker in it is damaged");
        return rc;
    }
    memcpy(f->marker, kept.marker, AVRO_MARKER_BYTES);
    f->offset = kept.offset;
    return 0;
}

int segment_open(const char *root, enum dataset dataset, const struct segment_name *name,
                 struct segment_file *ret, struct err *err) {
    struct segment_file f = {.fd = -1,
                             .dataset = dataset,
                             .segment = name->segment,
                             .records = {.kind = dataset_kind(dataset)}};
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
    rc = segment_look_at_size(&f, err);
    if (rc == 0)
        rc = read_header(&f, err);
    if (rc == 0 && f.header_problem[0] == '\0')
        rc = check_marker(&f, err);
out:
    buf_release(&path);
    if (rc < 0)
        segment_close(&f);
    else
        *ret = f;
    return rc;
}

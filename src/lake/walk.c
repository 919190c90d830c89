#include "lake/lake.h"

#include "lake/segment.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void note_problem(struct lake_segment *s, const char *text) {
    if (!s->corrupt)
        snprintf(s->problem, sizeof s->problem, "%.*s", (int)sizeof s->problem - 1, text);
    s->corrupt = true;
}

static void add_block(struct lake_segment *s, const struct segment_block *block,
                      const struct records *records) {
    for (size_t i = 0; i < records->len; i++) {
        int64_t ts = records->items[i].ts_ms;
        bool first = s->records == 0 && i == 0;
        s->first_ms = first ? ts : min_i64(s->first_ms, ts);
        s->last_ms = first ? ts : max_i64(s->last_ms, ts);
    }
    s->blocks++;
    s->records += records->len;
    s->unpacked_bytes += block->unpacked_bytes;
}

static int read_all(struct segment_file *f, bool newest, struct lake_segment *s, struct err *err) {
    const struct segment_range range = {.closed = !newest};
    struct segment_block block;
    struct err why = {0};
    for (;;) {
        int rc = segment_next(f, &range, &block, &why);
        if (rc == 1) {
            add_block(s, &block, &f->records);
        } else if (rc == ERR_CORRUPT) {
            note_problem(s, why.text);
        } else if (rc == ERR_IO) {
            note_problem(s, why.text); /* a bad sector: the other segments can still be read */
            return 0;
        } else if (rc < 0) {
            return err_set(err, rc, "%s", why.text);
        } else {
            s->torn_bytes = f->size > f->offset ? f->size - f->offset : 0;
            return 0;
        }
    }
}

static uint64_t file_bytes(const char *root, const struct segment_name *name) {
    struct stat st;
    struct buf path = {0};
    buf_printf(&path, "%s/%s", root, name->path);
    uint64_t bytes = stat(buf_cstr(&path), &st) == 0 ? (uint64_t)st.st_size : 0;
    buf_release(&path);
    return bytes;
}

static int walk_segment(const char *root, enum dataset dataset, const struct segment_name *name,
                        bool newest, struct lake_segment *s, struct err *err) {
    struct segment_file f = {0};
    struct err why = {0};
    *s = (struct lake_segment){.dataset = dataset, .segment = name->segment};
    snprintf(s->path, sizeof s->path, "%s", name->path);
    s->bytes = file_bytes(root, name);
    int rc = segment_open(root, dataset, name, &f, &why);
    if (rc == ERR_NOTFOUND && newest) {
        s->torn_bytes = s->bytes;
        return 0;
    }
    if (rc == ERR_NOTFOUND || rc == ERR_IO) {
        note_problem(s, why.text);
        return 0;
    }
    if (rc < 0)
        return err_set(err, rc, "%s", why.text);
    rc = read_all(&f, newest, s, err);
    s->bytes = f.size;
    segment_close(&f);
    return rc;
}

static int walk_dataset(const char *root, enum dataset dataset, lake_see_fn *see, void *arg,
                        struct err *err) {
    struct segment_names names;
    int rc = segment_list(root, dataset, 1, &names, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < names.len; i++) {
        struct lake_segment s;
        rc = walk_segment(root, dataset, &names.items[i], i + 1 == names.len, &s, err);
        if (rc == 0)
            rc = see(arg, &s, err);
    }
    segment_names_release(&names);
    return rc;
}

int lake_walk(const char *root, int dataset, lake_see_fn *see, void *arg, struct err *err) {
    int rc = 0;
    for (int d = 1; rc == 0 && d <= DATASET_MAX; d++)
        if ((dataset == 0 || dataset == d) && avro_schema((enum dataset)d) != NULL)
            rc = walk_dataset(root, (enum dataset)d, see, arg, err);
    return rc;
}

#define CHUNK_BYTES ((size_t)64 << 10)

/* Up to `upto`, the blocks that lie whole in what one read gives: a busy hour has hundreds of
 * thousands, and two reads for each would take a second. */
static int skip_chunk(struct segment_file *f, uint64_t upto, struct err *err) {
    size_t have = 0;
    struct avro_frame frame;
    buf_clear(&f->chunk);
    char *bytes = buf_reserve(&f->chunk, CHUNK_BYTES);
    int rc = segment_read_at(f, f->offset, bytes, CHUNK_BYTES, &have, err);
    struct str rest = str_of(bytes, rc < 0 ? 0 : have);
    while (f->number <= upto && avro_frame_decode(rest, &frame) == AVRO_FRAME_OK &&
           avro_frame_bytes(&frame) <= rest.len) {
        rest = str_skip(rest, avro_frame_bytes(&frame));
        if (memcmp(rest.ptr - sizeof f->marker, f->marker, sizeof f->marker) != 0)
            break;
        segment_skip(f, &frame);
    }
    return rc;
}

/* Bytes of the segment behind the block `after`. */
static int bytes_behind(const char *root, enum dataset dataset, const struct segment_name *name,
                        uint64_t after, uint64_t *ret, struct err *err) {
    struct segment_file f = {0};
    struct avro_frame frame;
    int rc = segment_open(root, dataset, name, &f, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? 0 : rc;
    while (rc >= 0 && f.number <= bid_block(after)) {
        rc = segment_peek(&f, f.offset, &frame, err);
        if (rc != SEGMENT_BLOCK)
            break; /* damage: an estimate is enough */
        segment_skip(&f, &frame);
        rc = skip_chunk(&f, bid_block(after), err);
    }
    if (rc >= 0)
        *ret += f.size > f.offset ? f.size - f.offset : 0;
    segment_close(&f);
    return rc < 0 ? rc : 0;
}

int lake_size_after(const char *root, enum dataset dataset, uint64_t after,
                    uint64_t *ret_stored_bytes, struct err *err) {
    struct segment_names names;
    uint64_t from = after ? bid_segment(after) : 1, bytes = 0;
    int rc = segment_list(root, dataset, from, &names, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < names.len; i++) {
        if (after != 0 && names.items[i].segment == from)
            rc = bytes_behind(root, dataset, &names.items[i], after, &bytes, err);
        else
            bytes += file_bytes(root, &names.items[i]);
    }
    segment_names_release(&names);
    if (rc == 0)
        *ret_stored_bytes = bytes;
    return rc;
}

/* Writer of one dataset. The format byte by byte: docs/formats/lake.md. In short:
 *
 *     segment  header | block | block | ...             HH-SEQ.avro, blocks numbered from 0
 *     block    count, size | snappy(records) | CRC-32 of the records | marker
 *
 * Why recovery is right:
 *
 * 1. A segment's header, its entry and its folders are synced before any block goes in. So a file
 * not longer than a header never held a block: it is removed, and its number was never seen.
 * 2. At most one block is in flight: before the next is written, the one before it is synced; and a
 *    segment is synced before the next one is made. So only the last block of the newest segment
 * can be torn. A bad block with whole ones behind it is damage: it stays, readers name it.
 * 3. Whole blocks that were never synced are kept when the process died, and synced on open, before
 *    anybody is told of them. When a write or sync fails, the file is cut back to what was durable.
 * 4. A number that a cut block may have had is never given again: after any cut or damage the next
 *    block goes to a new segment. So an id means the same bytes for ever, or nothing. */
#include "lake/lake.h"

#include "base/fs.h"
#include "base/limits.h"
#include "lake/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS_PER_HOUR ((int64_t)3600 * 1000)

struct lake_writer {
    char *root;
    enum dataset dataset;
    const struct clock *clock;
    char *raw, *room;         /* records, and the packed block; touched only as far as needed */
    uint64_t last, durable;   /* ids; 0: none */
    uint64_t written_bytes;   /* by this writer */
    uint64_t newest;          /* number of the newest segment, 0: none */
    struct segment_name name; /* of the open segment */
    int fd;                   /* the open segment, -1: the next block makes a new one */
    uint64_t size, durable_size, blocks;
    uint8_t marker[AVRO_MARKER_BYTES];
    bool lost_block; /* recovery cut the newest segment */
    bool failed;
};

static int open_file(struct lake_writer *w, int flags, struct err *err) {
    struct buf path = {0};
    int rc = 0;
    buf_printf(&path, "%s/%s", w->root, w->name.path);
    w->fd = open(buf_cstr(&path), O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0600);
    if (w->fd < 0)
        rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
    buf_release(&path);
    return rc;
}

static void close_file(struct lake_writer *w) {
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

static int sync_entry(struct lake_writer *w, struct err *err) {
    struct buf path = {0};
    buf_printf(&path, "%s/%s", w->root, w->name.path);
    int rc = fs_sync_parent(buf_cstr(&path), err);
    buf_release(&path);
    return rc;
}

/* --- recovery ------------------------------------------------------------------------------ */

struct recovered {
    uint64_t end;    /* behind the last whole block */
    uint64_t blocks; /* number behind the last whole block */
    bool damaged;    /* nothing may be added to it */
    bool whole_tail; /* what lies behind the end is as long as a block: perhaps no torn write, but
                        rot */
};

/* Find the end of the last whole block. Blocks are not unpacked on the way (rule 2), only the last.
 */
static int find_end(struct segment_file *f, struct recovered *ret, struct err *err) {
    struct recovered found = {.damaged = f->header_problem[0] != '\0'};
    uint64_t last_offset = 0;
    struct avro_frame frame, last = {0};
    int rc;
    for (;;) {
        rc = segment_peek(f, f->offset, &frame, err);
        if (rc < 0)
            return rc;
        if (rc == SEGMENT_END)
            break;
        if (rc == SEGMENT_BLOCK) {
            last = frame;
            last_offset = f->offset;
            segment_skip(f, &frame);
            continue;
        }
        struct segment_found next;
        rc = segment_resync(f, &next, err);
        if (rc < 0)
            return rc;
        if (!next.block && f->size - f->offset <= avro_block_room(LIMIT_BLOCK_BYTES))
            break;
        found.damaged = true;
        if (!next.block) { /* more than one block could have left */
            next.offset = f->size;
            next.number = f->number + 1;
        }
        f->offset = next.offset;
        f->number = next.number;
        last = (struct avro_frame){0}; /* what was before it is not the last block any more */
    }
    found.end = f->offset;
    found.blocks = f->number;
    if (rc == SEGMENT_END && last.size != 0) {
        struct err why = {0};
        rc = segment_load(f, last_offset, &last, &why);
        if (rc < 0 && rc != ERR_CORRUPT)
            return err_set(err, rc, "%s", why.text);
        if (rc == ERR_CORRUPT) {
            found.end = last_offset;
            found.blocks--;
            found.whole_tail = true;
        }
    }
    *ret = found;
    return 0;
}

/* Keep the bytes that are cut as PATH.torn: a block that was acknowledged may have rotted. */
static int keep_tail(const struct lake_writer *w, const struct segment_file *f, uint64_t end,
                     struct err *err) {
    struct buf path = {0}, tail = {0};
    int rc = 0;
    buf_printf(&path, "%s/%s", w->root, w->name.path);
    int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
    char *to = buf_reserve(&tail, f->size - end);
    ssize_t n = fd >= 0 && to != NULL ? pread(fd, to, f->size - end, (off_t)end) : -1;
    if (n < 0)
        rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
    else
        tail.len = (size_t)n;
    buf_add_cstr(&path, ".torn");
    if (rc == 0)
        rc = fs_replace_file(buf_cstr(&path), buf_str(&tail), 0600, err);
    if (fd >= 0)
        close(fd);
    buf_release(&path);
    buf_release(&tail);
    return rc;
}

/* Cut and sync the newest segment, and stay in it if blocks may be added. */
static int recover_newest(struct lake_writer *w, struct segment_file *f, uint64_t *ret_cut,
                          struct err *err) {
    struct recovered found;
    int rc = find_end(f, &found, err);
    if (rc < 0)
        return rc;
    w->newest = f->segment;
    rc = open_file(w, 0, err);
    if (rc < 0)
        return rc;
    bool cut = f->size > found.end && found.end > 0;
    if (cut) {
        *ret_cut += f->size - found.end;
        w->lost_block = true;
        if (found.whole_tail)
            rc = keep_tail(w, f, found.end, err);
        if (rc == 0 && ftruncate(w->fd, (off_t)found.end) < 0)
            rc = err_errno(err, ERR_IO, "%s: cut", w->name.path);
    }
    if (rc == 0 && fsync(w->fd) < 0)
        rc = err_errno(err, ERR_IO, "%s: fsync", w->name.path);
    if (rc == 0)
        rc = sync_entry(w, err);
    if (rc < 0 || cut || found.damaged)
        close_file(w);
    w->size = w->durable_size = found.end;
    w->blocks = found.blocks;
    memcpy(w->marker, f->marker, AVRO_MARKER_BYTES);
    if (found.blocks > 0)
        w->last = bid_make(w->dataset, f->segment, found.blocks - 1);
    return rc;
}

/* A header that was never whole (rule 1). */
static int remove_torn(struct lake_writer *w, uint64_t *ret_cut, struct err *err) {
    struct stat st;
    struct buf path = {0};
    int rc = 0;
    buf_printf(&path, "%s/%s", w->root, w->name.path);
    if (stat(buf_cstr(&path), &st) == 0)
        *ret_cut += (uint64_t)st.st_size;
    if (unlink(buf_cstr(&path)) < 0)
        rc = err_errno(err, ERR_IO, "%s: remove", buf_cstr(&path));
    if (rc == 0)
        rc = fs_sync_parent(buf_cstr(&path), err);
    buf_release(&path);
    return rc;
}

/* Backwards from the newest segment to the first that has a block. */
static int recover(struct lake_writer *w, uint64_t *ret_cut, struct err *err) {
    struct segment_names names;
    int rc = segment_list(w->root, w->dataset, 1, &names, err);
    if (rc < 0)
        return rc;
    bool newest = true;
    for (size_t i = names.len; rc == 0 && w->last == 0 && i-- > 0;) {
        struct segment_file f = {0};
        struct recovered found;
        if (newest)
            w->name = names.items[i];
        rc = segment_open(w->root, w->dataset, &names.items[i], &f, err);
        if (rc == ERR_NOTFOUND) {
            rc = newest ? remove_torn(w, ret_cut, err) : 0;
            continue; /* the one before it is the newest now */
        }
        if (rc == 0 && newest) {
            rc = recover_newest(w, &f, ret_cut, err);
            newest = false;
        } else if (rc == 0) {
            rc = find_end(&f, &found, err);
            if (rc == 0 && found.blocks > 0)
                w->last = bid_make(w->dataset, f.segment, found.blocks - 1);
        }
        segment_close(&f);
    }
    w->durable = w->last;
    segment_names_release(&names);
    return rc;
}

/* Hour of arrival, counted since the epoch. */
static int64_t hour_now(const struct lake_writer *w) {
    int64_t now = clock_now_ms(w->clock);
    return now >= 0 ? now / MS_PER_HOUR : 0;
}

/* Make the segment file and write its header, durably. */
static int make_segment(struct lake_writer *w, int64_t hour, struct err *err) {
    struct avro_header header = {.dataset = w->dataset, .segment = w->newest + 1};
    struct buf bytes = {0}, path = {0};
    int rc = 0;
    if (w->newest + 1 >= (uint64_t)1 << 32)
        return err_set(err, ERR_TOOBIG, "the lake has no more segment numbers");
    segment_name_make(w->dataset, w->newest + 1, hour, &w->name);
    buf_printf(&path, "%s/%s", w->root, w->name.path);
    path.len -= strlen(strrchr(w->name.path, '/'));
    rc = fs_make_dirs(buf_cstr(&path), err);
    if (rc == 0)
        rc = open_file(w, O_CREAT | O_EXCL, err);
    if (rc < 0)
        goto out;
    w->newest++;
    w->size = w->durable_size = w->blocks = 0;
    randombytes_buf(w->marker, sizeof w->marker);
    memcpy(header.marker, w->marker, sizeof w->marker);
    avro_header_encode(&header, &bytes);
    rc = fs_write_all(w->fd, bytes.ptr, bytes.len, w->name.path, err);
    if (rc == 0)
        rc = fs_sync_data(w->fd, w->name.path, err);
    if (rc == 0)
        rc = sync_entry(w, err);
    if (rc == 0) {
        w->size = w->durable_size = bytes.len;
        w->written_bytes += bytes.len;
    }
out:
    buf_release(&bytes);
    buf_release(&path);
    return rc;
}

int lake_writer_open(const char *root, enum dataset dataset, const struct clock *clock,
                     struct lake_writer **ret, uint64_t *ret_cut_bytes, struct err *err) {
    if (avro_schema(dataset) == NULL)
        return err_set(err, ERR_USAGE, "dataset %s has no record schema yet",
                       dataset_name(dataset));
    if (sodium_init() < 0)
        return err_set(err, ERR_IO, "no source of randomness");
    struct lake_writer *w = xcalloc(1, sizeof *w);
    uint64_t cut = 0;
    w->root = xstrdup(root);
    w->dataset = dataset;
    w->clock = clock;
    w->fd = -1;
    w->raw = xmalloc(LIMIT_BLOCK_BYTES);
    w->room = xmalloc(avro_block_room(LIMIT_BLOCK_BYTES));
    int rc = recover(w, &cut, err);
    if (rc == 0 && w->lost_block) /* at once: the next open would not know of it (rule 4) */
        rc = make_segment(w, hour_now(w), err);
    if (rc < 0) {
        lake_writer_close(w);
        return rc;
    }
    if (ret_cut_bytes != NULL)
        *ret_cut_bytes = cut;
    *ret = w;
    return 0;
}

void lake_writer_close(struct lake_writer *w) {
    if (w == NULL)
        return;
    close_file(w);
    free(w->raw);
    free(w->room);
    free(w->root);
    free(w);
}

/* --- appending ----------------------------------------------------------------------------- */

/* The disk refused: nothing that was not declared durable may be seen again (rule 3). */
static int fail(struct lake_writer *w, int rc) {
    w->failed = true;
    w->last = w->durable;
    if (w->fd >= 0 && ftruncate(w->fd, (off_t)w->durable_size) == 0)
        w->size = w->durable_size;
    close_file(w);
    return rc;
}

static int refuse_failed(struct err *err) {
    return err_set(err, ERR_IO, "the lake's writer was closed by an earlier failure");
}

static int sync_file(struct lake_writer *w, struct err *err) {
    if (w->fd < 0 || w->durable_size == w->size)
        return 0;
    int rc = fs_sync_data(w->fd, w->name.path, err);
    if (rc == 0) {
        w->durable = w->last;
        w->durable_size = w->size;
    }
    return rc;
}

/* An open segment that takes the next block, everything before it durable (rule 2). */
static int prepare(struct lake_writer *w, struct err *err) {
    int64_t hour = hour_now(w);
    int rc = sync_file(w, err);
    if (rc < 0)
        return rc;
    if (w->fd >= 0 && w->name.hour == hour && w->size <= LIMIT_SEGMENT_BYTES &&
        w->blocks < SEGMENT_BLOCKS_MAX)
        return 0;
    close_file(w);
    return make_segment(w, hour, err);
}

int lake_writer_append(struct lake_writer *w, struct record_batch records, uint64_t *ret_bid,
                       struct err *err) {
    if (w->failed)
        return refuse_failed(err);
    /* Measured before anything is touched: a batch over the limit leaves no trace. */
    size_t bytes, count;
    int rc = records_check(records, err);
    if (rc < 0)
        return rc;
    rc = prepare(w, err);
    if (rc < 0)
        return fail(w, rc);
    uint64_t bid = bid_make(w->dataset, w->newest, w->blocks);
    records_encode(dataset_kind(w->dataset), records, bid, w->raw, &bytes, &count);
    struct str block = avro_block_pack(str_of(w->raw, bytes), count, w->marker, w->room);
    rc = fs_write_all(w->fd, block.ptr, block.len, w->name.path, err);
    if (rc < 0)
        return fail(w, rc);
    w->size += block.len;
    w->written_bytes += block.len;
    w->blocks++;
    w->last = bid;
    *ret_bid = bid;
    return 0;
}

int lake_writer_sync(struct lake_writer *w, struct err *err) {
    if (w->failed)
        return refuse_failed(err);
    int rc = sync_file(w, err);
    return rc < 0 ? fail(w, rc) : 0;
}

uint64_t lake_writer_last(const struct lake_writer *w) { return w->last; }
uint64_t lake_writer_durable(const struct lake_writer *w) { return w->durable; }
uint64_t lake_writer_bytes(const struct lake_writer *w) { return w->written_bytes; }

/* Finding the next whole block behind damage: by the frame that is still there, by a frame that
 * leads to a later marker, or behind that marker. What is found must have the right CRC-32 and an
 * id that can follow. */
#include "base/limits.h"
#include "lake/segment.h"
#include <stdlib.h>

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

/* Only the marker is wrong, or the payload was taken for another block: what the frame says still
 * leads to the next one. */
static int try_behind_frame(struct segment_file *f, struct segment_found *ret, struct err *err) {
    char front[AVRO_FRAME_MAX];
    struct avro_frame frame;
    size_t have;
    int rc = segment_read_at(f, f->offset, front, sizeof front, &have, err);
    if (rc < 0 || avro_frame_decode(str_of(front, have), &frame) != AVRO_FRAME_OK)
        return rc;
    struct segment_found found = {false, f->offset + avro_frame_bytes(&frame), f->number + 1};
    rc = try_block(f, found.offset, &found.number, &found.block, err);
    if (rc == 0 && found.block)
        *ret = found;
    return rc;
}

/* A candidate costs reading a block; bytes made to look like many are not worth more. */
#define TRIES_MAX 64

/* The marker that ends at `end` may close a whole block that begins behind the damage: any place
 * from `from` on whose frame leads exactly there. */
static int try_ending_at(struct segment_file *f, uint64_t from, uint64_t end,
                         struct segment_found *ret, struct err *err) {
    const uint64_t longest = avro_block_room(LIMIT_BLOCK_BYTES);
    uint64_t at = end - from > longest ? end - longest : from;
    struct buf bytes = {0};
    size_t have = 0;
    int rc = 0;
    char *front = buf_reserve(&bytes, (size_t)(end - at));
    rc = segment_read_at(f, at, front, (size_t)(end - at), &have, err);
    for (size_t i = 0, tries = 0; rc == 0 && i < have && tries < TRIES_MAX; i++) {
        struct avro_frame frame;
        struct segment_found found = {false, at + i, ret->number + 1};
        /* Count and size of our blocks are positive, so even when zig-zag coded, and above 0. */
        if ((front[i] & 1) != 0 || front[i] == 0 ||
            avro_frame_decode(str_of(front + i, min_size(have - i, AVRO_FRAME_MAX)), &frame) !=
                AVRO_FRAME_OK ||
            at + i + avro_frame_bytes(&frame) != end)
            continue;
        tries++;
        rc = try_block(f, found.offset, &found.number, &found.block, err);
        if (rc < 0 || found.block) {
            *ret = found;
            break;
        }
    }
    buf_release(&bytes);
    return rc;
}

#define CHUNK_BYTES ((size_t)1 << 20)

/* End of the first marker in [from, end), 0 if there is none. */
static int find_marker(struct segment_file *f, uint64_t from, uint64_t end, uint64_t *ret,
                       struct err *err) {
    *ret = 0;
    for (uint64_t at = from; at + AVRO_MARKER_BYTES <= end;) {
        size_t have, want = (size_t)(end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES);
        buf_clear(&f->chunk);
        char *chunk = buf_reserve(&f->chunk, CHUNK_BYTES);
        int rc = segment_read_at(f, at, chunk, want, &have, err);
        if (rc < 0)
            return rc;
        const char *hit = memmem(chunk, have, f->marker, AVRO_MARKER_BYTES);
        if (hit != NULL) {
            *ret = at + (uint64_t)(hit - chunk) + AVRO_MARKER_BYTES;
            return 0;
        }
        if (have < want || have < CHUNK_BYTES)
            return 0;
        at += have - (AVRO_MARKER_BYTES - 1); /* a marker may lie across two chunks */
    }
    return 0;
}

int segment_resync(struct segment_file *f, struct segment_found *ret, struct err *err) {
    const uint64_t end = f->size;
    *ret = (struct segment_found){false, f->offset, f->number};
    int rc = try_behind_frame(f, ret, err);
    while (rc == 0 && !ret->block && ret->number + 1 < SEGMENT_BLOCKS_MAX) {
        uint64_t from = ret->offset + (ret->offset == f->offset), marker;
        rc = find_marker(f, from, end, &marker, err);
        if (rc < 0 || marker == 0)
            return rc;
        rc = try_ending_at(f, from, marker, ret, err);
        if (rc < 0 || ret->block)
            return rc;
        /* The first marker behind offset 0 is the header's: no block ends there. */
        ret->number += ret->offset > 0;
        ret->offset = marker;
        rc = try_block(f, marker, &ret->number, &ret->block, err);
    }
    return rc;
}

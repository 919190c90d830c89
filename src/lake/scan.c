/* Going through the blocks of one segment, whole or damaged.
 *
 * Numbers stay right behind damage, because each block's first record carries its id: the next
 * whole block says how many were lost. Where none follows, each marker that is still there stands
 * for one block. */
#include "lake/segment.h"

static uint64_t place(const struct segment_file *f) {
    return bid_make(f->dataset, f->segment, f->number);
}

/* "file: block 7 (bytes 100 to 200): why" for blocks first to before `end`. */
static int damage(const struct segment_file *f, uint64_t first, uint64_t end, uint64_t from,
                  uint64_t to, const char *why, struct err *err) {
    unsigned long long a = first, b = end, x = from, y = to;
    if (end <= first)
        return err_set(err, ERR_CORRUPT, "%s: before block %llu (bytes %llu to %llu): %s", f->path,
                       a, x, y, why);
    if (end == first + 1)
        return err_set(err, ERR_CORRUPT, "%s: block %llu (bytes %llu to %llu): %s", f->path, a, x,
                       y, why);
    return err_set(err, ERR_CORRUPT, "%s: blocks %llu to %llu (bytes %llu to %llu): %s", f->path, a,
                   b - 1, x, y, why);
}

/* No block begins at f->offset: go behind the damage and report it, or see that this is only the
 * end of what is written. 1: nothing to report, look again. */
static int pass_damage(struct segment_file *f, const struct segment_range *range, bool is_short,
                       struct err *err) {
    struct segment_found found;
    const uint64_t from = f->offset, first = f->number;
    const char *why = f->offset == 0 ? f->header_problem
                      : is_short     ? "the file ends inside it"
                                     : "damaged";
    int rc = segment_resync(f, &found, err);
    if (rc < 0)
        return rc;
    if (!found.block && found.offset == from) {
        if (range->closed)
            found.offset = f->size; /* the rest is rubbish */
        else if (f->end_reported || range->upto == 0 || place(f) > range->upto)
            return 0;
        else
            f->end_reported = true;
        found.number = first + (found.offset > from);
        rc = damage(f, first, first + 1, from, f->size, why, err);
    } else {
        rc = damage(f, first, found.number, from, found.offset, is_short ? "damaged" : why, err);
        if (found.number > first && found.number < SEGMENT_BLOCKS_MAX &&
            bid_make(f->dataset, f->segment, found.number - 1) <= range->after)
            rc = 1; /* all of it lies before the range */
    }
    f->offset = found.offset;
    f->number = found.number;
    return rc;
}

/* The block says another number than its place. */
static int wrong_number(struct segment_file *f, const struct avro_frame *frame, struct err *err) {
    const uint64_t bid = f->records.bid, first = f->number;
    const uint64_t to = f->offset + avro_frame_bytes(frame);
    if (bid >> 24 == place(f) >> 24 && bid_block(bid) > first) {
        f->number = bid_block(bid);
        return damage(f, first, f->number, f->offset, f->offset, "missing", err);
    }
    int rc = damage(f, first, first + 1, f->offset, to, "it carries the id of another block", err);
    f->offset = to;
    return rc;
}

int segment_next(struct segment_file *f, const struct segment_range *range,
                 struct segment_block *ret, struct err *err) {
    for (;;) {
        if (f->number >= SEGMENT_BLOCKS_MAX || (range->upto != 0 && place(f) > range->upto))
            return 0;
        struct avro_frame frame;
        int rc = segment_peek(f, f->offset, &frame, err);
        if (rc < 0)
            return rc;
        if (rc == SEGMENT_END && (range->upto == 0 || range->closed || f->end_reported))
            return 0;
        if (rc != SEGMENT_BLOCK) {
            rc = pass_damage(f, range, rc != SEGMENT_BAD, err);
            if (rc <= 0)
                return rc;
            continue;
        }
        f->end_reported = false;
        if (place(f) <= range->after) {
            segment_skip(f, &frame);
            continue;
        }
        struct err why = {0};
        rc = segment_load(f, f->offset, &frame, &why);
        if (rc == ERR_CORRUPT) {
            rc = damage(f, f->number, f->number + 1, f->offset,
                        f->offset + avro_frame_bytes(&frame), why.text, err);
            segment_skip(f, &frame);
            return rc;
        }
        if (rc < 0)
            return err_set(err, rc, "%s", why.text);
        if (f->records.bid != 0 && f->records.bid != place(f))
            return wrong_number(f, &frame, err);
        *ret = (struct segment_block){place(f), avro_frame_bytes(&frame), f->unpacked.len};
        segment_skip(f, &frame);
        return 1;
    }
}

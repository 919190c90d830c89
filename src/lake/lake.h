/* The lake: every raw record, append-only, in Avro object container files (format and recovery:
 * docs/formats/lake.md). The only truth: everything to its right is rebuilt from it.
 *
 *     DATA/lake/DATASET/YYYY/MM/DD/HH-SEQ.avro      hour of arrival, UTC; SEQ counts segments from
 * 1
 *
 * One Avro block is the unit of work; its id is (dataset, segment, block): event/record.h. */
#ifndef CASK_LAKE_H
#define CASK_LAKE_H

#include "base/clock.h"
#include "base/err.h"
#include "event/record.h"

/* --- writing ------------------------------------------------------------------------------- */

/* Append-only writer of one dataset. Owner: one thread. Opening it cuts the torn tail of the newest
 * segment (all others were closed whole). */
struct lake_writer;

/* `root` is DATA/lake. ERR_IO, ERR_NOSPACE, ERR_CORRUPT (a damaged file that is not a torn tail).
 * *ret_cut_bytes (may be NULL): what recovery cut. */
MUSTCHECK int lake_writer_open(const char *root, enum dataset dataset, const struct clock *clock,
                               struct lake_writer **ret, uint64_t *ret_cut_bytes, struct err *err);

/* Room a record takes in a block at most: a batch whose records add up to LIMIT_BLOCK_BYTES or less
 * is taken. */
#define LAKE_RECORD_OVERHEAD 64
#define LAKE_COUNTERS_OVERHEAD 56 /* numbers, and the length of the repository's name */
static inline size_t lake_record_bound(const struct record *r) {
    return LAKE_RECORD_OVERHEAD + r->body.len + r->type.len + r->site.len + r->source.len +
           r->position.len +
           (r->counters != NULL ? LAKE_COUNTERS_OVERHEAD + r->counters->repo.len : 0);
}

/* Append one block. Durable only after lake_writer_sync(). Rolls to a new segment when the hour of
 * arrival changed or the segment is over LIMIT_SEGMENT_BYTES. Borrows `records` for the call.
 * ERR_TOOBIG (over LIMIT_BLOCK_*; nothing written), ERR_IO, ERR_NOSPACE (the writer is then closed
 * for good: close it and open anew). On error no reader will ever see any of it. */
MUSTCHECK int lake_writer_append(struct lake_writer *w, struct record_batch records,
                                 uint64_t *ret_bid, struct err *err);

/* Make everything appended so far durable. ERR_IO, ERR_NOSPACE: never retried. */
MUSTCHECK int lake_writer_sync(struct lake_writer *w, struct err *err);

/* Id of the newest appended block (0: the dataset is empty), of the newest durable one, and the
 * bytes written to files by this writer. */
uint64_t lake_writer_last(const struct lake_writer *w);
uint64_t lake_writer_durable(const struct lake_writer *w);
uint64_t lake_writer_bytes(const struct lake_writer *w);
void lake_writer_close(struct lake_writer *w); /* takes NULL; syncs nothing */

/* --- reading ------------------------------------------------------------------------------- */

/* Reads blocks in order of their ids, over segment borders; may run beside the writer. */
struct lake_reader;

struct lake_block {
    uint64_t bid;
    const struct record *records; /* valid until the next call */
    size_t len;                   /* may be 0: an emptied block keeps its place */
    uint64_t stored_bytes;        /* size of the block in the file */
    const char *path;             /* the segment */
};

/* Blocks with after < bid <= upto (upto 0: all that are there). */
MUSTCHECK int lake_reader_open(const char *root, enum dataset dataset, uint64_t after,
                               uint64_t upto, struct lake_reader **ret, struct err *err);
/* 1: a block; 0: no more (a later call may find more); ERR_CORRUPT names file and block, and the
 * next call goes on behind it (next block by sync marker, else next segment); ERR_IO. */
MUSTCHECK int lake_reader_next(struct lake_reader *r, struct lake_block *ret, struct err *err);
void lake_reader_set_upto(struct lake_reader *r, uint64_t upto);
void lake_reader_close(struct lake_reader *r);

/* --- looking ------------------------------------------------------------------------------- */

struct lake_segment {
    enum dataset dataset;
    uint64_t segment, blocks, records, bytes, unpacked_bytes, torn_bytes;
    int64_t first_ms, last_ms; /* of records' arrival */
    bool corrupt;              /* damaged before its end; problem says where */
    char path[160];            /* below the root */
    char problem[160];
};

/* Call `see` for each segment of all datasets (or of one, if dataset != 0) in order; reads every
 * block and checks its CRC-32, its marker, its ids. Used by `lake ls` and `lake verify`. */
typedef int lake_see_fn(void *arg, const struct lake_segment *segment, struct err *err);
MUSTCHECK int lake_walk(const char *root, int dataset, lake_see_fn *see, void *arg,
                        struct err *err);

/* Unpacked and stored bytes of blocks with id > after, for progress; cheap (file sizes). */
MUSTCHECK int lake_size_after(const char *root, enum dataset dataset, uint64_t after,
                              uint64_t *ret_stored_bytes, struct err *err);

#endif

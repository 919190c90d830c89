/* Segments of the lake on disk: names, listing, and reading the blocks of one, whatever state it is
 * in. Shared by reader, walk and the writer's recovery. Not thread-safe; one owner each. */
#ifndef CASK_LAKE_SEGMENT_H
#define CASK_LAKE_SEGMENT_H

#include "lake/avro.h"
#include "lake/records.h"

#define SEGMENT_PATH_MAX 64
#define SEGMENT_BLOCKS_MAX ((uint64_t)1 << 24) /* bits of a block id */

struct segment_name {
    uint64_t segment;
    int64_t hour;                /* of arrival, hours since the epoch, UTC */
    char path[SEGMENT_PATH_MAX]; /* below the root: DATASET/YYYY/MM/DD/HH-SEQ.avro */
};

/* The name of a segment of this hour. */
void segment_name_make(enum dataset dataset, uint64_t segment, int64_t hour,
                       struct segment_name *ret);

struct segment_names {
    struct segment_name *items; /* by segment number */
    size_t len, cap;
};

/* Segments of the dataset with a number >= from. A root or dataset that is not there has none.
 * ERR_IO; ERR_CORRUPT when two files have the same number. */
MUSTCHECK int segment_list(const char *root, enum dataset dataset, uint64_t from,
                           struct segment_names *ret, struct err *err);
void segment_names_release(struct segment_names *names);

/* An open segment and the place in it. */
struct segment_file {
    int fd;
    enum dataset dataset;
    uint64_t segment;
    char path[SEGMENT_PATH_MAX];
    uint8_t marker[AVRO_MARKER_BYTES];
    char header_problem[128]; /* "" when the header is sound */
    uint64_t size;            /* of the file, as last looked at */
    uint64_t offset;          /* where the next block starts */
    uint64_t number;          /* its number */
    bool end_reported;        /* that a promised block is missing at `offset` */
    struct buf packed, unpacked, chunk;
    struct records records; /* of the block last loaded */
};

/* Open below root. A damaged header is no error: header_problem says what, the marker is taken from
 * the end of the file, and the first block is found by it. ERR_NOTFOUND: there is no such file, or
 * its header is not written yet (or was torn): nothing but a part of a header was ever in it.
 * ERR_IO. */
MUSTCHECK int segment_open(const char *root, enum dataset dataset, const struct segment_name *name,
                           struct segment_file *ret, struct err *err);
void segment_close(struct segment_file *f); /* takes a zeroed one */

/* Read up to n bytes at offset, fewer at the end of the file. ERR_IO. */
MUSTCHECK int segment_read_at(const struct segment_file *f, uint64_t offset, void *to, size_t n,
                              size_t *ret, struct err *err);
/* Set f->size. ERR_IO. */
MUSTCHECK int segment_look_at_size(struct segment_file *f, struct err *err);

enum segment_peek {
    SEGMENT_BLOCK, /* a frame, and the marker where it must be */
    SEGMENT_END,   /* the file ends here */
    SEGMENT_SHORT, /* the file ends inside the block */
    SEGMENT_BAD,   /* no block begins here */
};
/* What is at `offset`; negative: ERR_IO. */
MUSTCHECK int segment_peek(struct segment_file *f, uint64_t offset, struct avro_frame *ret,
                           struct err *err);
/* Read and unpack the block at `offset` into f->records. ERR_CORRUPT, ERR_IO. */
MUSTCHECK int segment_load(struct segment_file *f, uint64_t offset, const struct avro_frame *frame,
                           struct err *err);

struct segment_found {
    bool block;      /* a whole block starts at `offset`; else only markers were seen */
    uint64_t offset; /* behind the last marker looked at; where it began when there was none */
    uint64_t number; /* of the block there: by its own id, else by counting markers */
};
/* Search forward from the damaged f->offset, not beyond f->size, for the next whole block. ERR_IO.
 */
MUSTCHECK int segment_resync(struct segment_file *f, struct segment_found *ret, struct err *err);

/* Go on to the next block. */
static inline void segment_skip(struct segment_file *f, const struct avro_frame *frame) {
    f->offset += avro_frame_bytes(frame);
    f->number++;
}

struct segment_range {
    uint64_t after, upto; /* block ids: after < id <= upto; upto 0: all */
    bool closed;          /* the segment does not grow any more */
};
struct segment_block {
    uint64_t bid, stored_bytes, unpacked_bytes;
};
/* Next block of the range into f->records. 1: a block; 0: the end, as far as it is written;
 * ERR_CORRUPT: says which file, blocks and bytes; f is already behind them. ERR_IO. */
MUSTCHECK int segment_next(struct segment_file *f, const struct segment_range *range,
                           struct segment_block *ret, struct err *err);

#endif

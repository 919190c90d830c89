/* The records inside a block, by schema/logs.avsc or, of counters, schema/github.avsc. In memory
 * only.
 *
 * An emptied block keeps one placeholder record (everything empty but the block id), because
 * readers built on libavro (avrocat) mistake a block of no records for one; ours gives 0 records
 * for it. */
#ifndef CASK_LAKE_RECORDS_H
#define CASK_LAKE_RECORDS_H

#include "event/record.h"

/* Does the batch fit into a block? ERR_TOOBIG: over LIMIT_BLOCK_RECORDS or LIMIT_BLOCK_BYTES. */
MUSTCHECK int records_check(struct record_batch records, struct err *err);

/* Encode a batch (of records of this kind) that fits into `room` of LIMIT_BLOCK_BYTES; the first
 * record carries the block id. *ret_count is what the block's frame says. */
void records_encode(enum record_kind kind, struct record_batch records, uint64_t bid, char *room,
                    size_t *ret_bytes, size_t *ret_count);

/* Zeroed, with the kind that is to be decoded. */
struct records {
    enum record_kind kind;
    struct record *items;      /* strings point into the bytes decoded */
    struct counters *counters; /* of items, one each; NULL if they are lines */
    size_t len, cap;
    uint64_t bid; /* 0: the block carries none */
};

/* Decode exactly `count` records from all of `raw`. ERR_CORRUPT. */
MUSTCHECK int records_decode(struct str raw, uint64_t count, struct records *ret, struct err *err);
void records_release(struct records *r);

#endif

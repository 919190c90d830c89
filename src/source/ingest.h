/* Bodies of POST /ingest/SOURCE (docs/ingest.md) -> records of one block of the lake: all of a body
 * or nothing of it.
 *
 * A body is lines (LF or CRLF, the last one with or without), or JSON objects one behind the other,
 * or one JSON array of objects and texts; plain, or packed by gzip or zstd. */
#ifndef CASK_INGEST_H
#define CASK_INGEST_H

#include "base/arena.h"
#include "base/err.h"
#include "event/record.h"
#include "format/format.h"
#include "source/recent_ids.h"

#define INGEST_BODY_BYTES ((size_t)16 << 20)     /* as received */
#define INGEST_UNPACKED_BYTES ((size_t)16 << 20) /* what it unpacks to */
#define INGEST_RECORDS ((size_t)1 << 18)         /* of one body: no more fit into a block */

/* --- unpacking --- */

/* `encoding` is the Content-Encoding: gzip, zstd, identity or "". Appends to *out. ERR_USAGE:
 * another encoding; ERR_CORRUPT: damaged or cut; ERR_TOOBIG: more than INGEST_UNPACKED_BYTES, of
 * which no more than that was unpacked. */
MUSTCHECK int ingest_unpack(struct str body, struct str encoding, struct buf *out, struct err *err);

/* --- cutting --- */

#define INGEST_OBJECT_BYTES ((size_t)256 << 10) /* a longer one is a line that is too long */

struct ingest_record {
    struct str body;       /* of the record: at most LIMIT_LINE_BYTES + 1 bytes of a longer one */
    struct recent_key key; /* of its id */
    bool has_key;
};

struct ingest_records {
    VEC(struct ingest_record) items;
};

struct ingest_fields {
    struct str id;   /* top-level field of each JSON object that holds its id; "" none */
    struct str line; /* and the one that holds the log line; "" the object itself is the line */
};

/* Borrows from `text` and `arena`. `scope` is that of the ids. ERR_USAGE: an array that is no JSON;
 * ERR_TOOBIG: more than INGEST_RECORDS, of which no more than that were cut. Of JSON no more than
 * one object of INGEST_OBJECT_BYTES is taken apart at a time. */
MUSTCHECK int ingest_cut(struct str text, const struct ingest_fields *fields, struct str scope,
                         struct arena *arena, struct ingest_records *ret, struct err *err);

/* --- positions --- */

/* Of the last record of a body: what is known by it, as {"ids":["hex",...]}. */
void ingest_position(const struct recent_key *keys, size_t n, struct buf *out);
/* The next key of such a position; start with *at = 0. False: no more, or it is of another kind. */
bool ingest_position_key(struct str position, size_t *at, struct recent_key *ret);

#endif

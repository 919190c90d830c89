/* Avro object container files (Avro 1.11 specification, "Object Container Files"): header and block
 * frame, in memory. The records inside a block: records.h. Nothing here touches a file.
 *
 *     header   "Obj" 1, metadata map (avro.schema, avro.codec, caskalytics.dataset,
 *              caskalytics.segment), 16 bytes of marker
 *     block    count (long), size (long), payload of `size` bytes, the marker again
 *     payload  codec snappy: raw snappy data, then the CRC-32 of the unpacked bytes, big-endian */
#ifndef CASK_LAKE_AVRO_H
#define CASK_LAKE_AVRO_H

#include "event/record.h"

#define AVRO_MARKER_BYTES 16
#define AVRO_VARINT_MAX 10                   /* bytes of the longest long */
#define AVRO_FRAME_MAX (2 * AVRO_VARINT_MAX) /* count and size in front of a payload */
#define AVRO_HEADER_MAX ((size_t)64 << 10)   /* ours take about 2 KiB */

/* A long, zig-zag coded, least significant group first. */
static inline char *avro_put_long(char *to, int64_t value) {
    uint64_t z = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    while (z >= 0x80) {
        *to++ = (char)(z | 0x80);
        z >>= 7;
    }
    *to++ = (char)z;
    return to;
}

/* Read a long from the front of *s and step over it; false when it does not end or does not fit. */
bool avro_get_long(struct str *s, int64_t *ret);
/* The same for a length and that many bytes. */
bool avro_get_bytes(struct str *s, struct str *ret);

struct avro_header {
    enum dataset dataset;
    uint64_t segment;
    uint8_t marker[AVRO_MARKER_BYTES];
    size_t size; /* of the header itself: the first block starts here */
};

/* The record schema (JSON) of a dataset, NULL if it has none yet. */
const char *avro_schema(enum dataset dataset);

/* Append the header (h->size is not looked at). The dataset must have a schema. */
void avro_header_encode(const struct avro_header *h, struct buf *out);
/* ERR_CORRUPT: not a header of ours; says why. `bytes` is the front of the file. */
MUSTCHECK int avro_header_decode(struct str bytes, struct avro_header *ret, struct err *err);

/* A block's frame. */
struct avro_frame {
    uint64_t count; /* records */
    uint64_t size;  /* bytes of payload */
    size_t head;    /* bytes of count and size */
};
static inline uint64_t avro_frame_bytes(const struct avro_frame *f) {
    return f->head + f->size + AVRO_MARKER_BYTES;
}

enum avro_frame_state {
    AVRO_FRAME_OK,
    AVRO_FRAME_SHORT, /* `bytes` ends inside the two numbers */
    AVRO_FRAME_BAD,   /* no block of ours begins like this */
};
enum avro_frame_state avro_frame_decode(struct str bytes, struct avro_frame *ret);

/* Pack `raw` (the encoded records) into a whole block, frame to marker. Returns it inside `room`,
 * which has avro_block_room(raw.len) bytes. */
size_t avro_block_room(size_t raw_bytes);
struct str avro_block_pack(struct str raw, size_t count, const uint8_t *marker, char *room);

/* Unpack a payload into *ret (replaced; at most LIMIT_BLOCK_BYTES) and check its CRC-32.
 * ERR_CORRUPT says what is wrong. */
MUSTCHECK int avro_payload_unpack(struct str payload, struct buf *ret, struct err *err);

#endif

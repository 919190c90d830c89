/* struct record: what a source hands to the lake, raw. struct event: what refine makes of it.
 * These are the words that every stage speaks. All strings borrow. */
#ifndef CASK_RECORD_H
#define CASK_RECORD_H

#include "event/counters.h"

/* The lake's datasets: schema/datasets.def. */
enum dataset {
#define DATASET(number, NAME, name, kind, use) DATASET_##NAME = number,
#include "datasets.def"
#undef DATASET
};
#define DATASET_MAX 5
const char *dataset_name(enum dataset dataset); /* "logs", ... */
bool dataset_parse(struct str name, enum dataset *ret);

/* What its records are: this decides how they are written in the lake and which table they fill. */
enum record_kind { RECORDS_LINES, RECORDS_COUNTERS, RECORDS_NONE };
enum record_kind dataset_kind(enum dataset dataset);

/* Block id: dataset (8 bits), segment (32 bits), block within the segment (24 bits). It grows with
 * every block of a dataset, so "applied up to" is one number. Segments count from 1, so 0 is
 * "none". */
static inline uint64_t bid_make(enum dataset d, uint64_t segment, uint64_t block) {
    assert(segment < (1ULL << 32) && block < (1ULL << 24));
    return (uint64_t)d << 56 | segment << 24 | block;
}
static inline enum dataset bid_dataset(uint64_t bid) { return (enum dataset)(bid >> 56); }
static inline uint64_t bid_segment(uint64_t bid) { return bid >> 24 & 0xffffffffULL; }
static inline uint64_t bid_block(uint64_t bid) { return bid & 0xffffffULL; }

struct record {
    int64_t ts_ms;       /* arrival, milliseconds since the epoch, UTC */
    struct str body;     /* the bytes as they came: a log line without its line end */
    struct str type;     /* how to read body: the spec of a format (format/format.h); `#` and the
                            spec: a header line of it */
    struct str site;     /* "" for formats that name it themselves (vhost) */
    struct str source;   /* id of the source: the dimension `source` */
    struct str position; /* the source's own position after this record; usually only on the last of
                            a block */
    uint64_t visitor;    /* only when has_visitor: keys rotate or addresses are shortened */
    bool has_visitor;
    const struct counters *counters; /* of RECORDS_COUNTERS, which have no body, type and visitor;
                                        for these ts_ms is when the counters were read. Else NULL */
};

/* A header line (format/format.h): no line, so neither hit nor rejected. */
static inline bool record_is_header(const struct record *r) {
    return r->type.len > 0 && r->type.ptr[0] == '#';
}

struct record_batch {
    const struct record *items;
    size_t len;
};

/* May a site be called so? Not "", `all`, `*`, nor with a comma, control bytes or over 255 bytes.
 */
bool site_name_ok(struct str name);

#endif

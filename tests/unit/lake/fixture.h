/* What the tests of the lake share: a directory, a clock to turn, made-up records. */
#ifndef CASK_TEST_LAKE_FIXTURE_H
#define CASK_TEST_LAKE_FIXTURE_H

#include "lake/lake.h"
#include "support/unit.h"

struct lab {
    char root[64]; /* of a lake */
    struct clock clock;
    int64_t now_ms;
    struct err err;
    struct lake_writer *writer;
    uint64_t cut; /* by the last lab_open */
};

#define NOON ((int64_t)1431864000000) /* 2015-05-17T12:00Z */
#define HOUR_MS ((int64_t)3600000)

struct lab *lab_new(void);
void lab_free(struct lab *lab);
/* Open (or close and open) the writer of dataset logs. */
void lab_open(struct lab *lab);
/* A block of n records whose bodies are "TAG 0", "TAG 1", ... Returns its id. */
uint64_t lab_append(struct lab *lab, const char *tag, size_t n);
uint64_t lab_append_synced(struct lab *lab, const char *tag, size_t n);

/* Path of the segment with this number. */
void lab_path(struct lab *lab, uint64_t segment, struct buf *ret);
size_t lab_count_segments(struct lab *lab);
void load_file(const char *path, struct buf *ret);
void store_file(const char *path, struct str bytes);

/* Read everything: "1.0:a*3 1.1:b*1 !" for block 0 of segment 1 with three records tagged a, one
 * tagged b, and damage. Checks each body. `upto` as in lake_reader_open. */
void lab_read(struct lab *lab, uint64_t after, uint64_t upto, struct buf *ret);
#define assert_lake(lab, expected)                                                                 \
    do {                                                                                           \
        struct buf seen_ = {0};                                                                    \
        lab_read((lab), 0, 0, &seen_);                                                             \
        assert_string_equal(buf_cstr(&seen_), (expected));                                         \
        buf_release(&seen_);                                                                       \
    } while (0)

/* Describe what a reader gives until it says "no more". */
void drain(struct lake_reader *r, struct buf *ret, struct err *err);

uint64_t random_next(uint64_t *state);
static inline uint64_t random_below(uint64_t *state, uint64_t n) { return random_next(state) % n; }

#endif

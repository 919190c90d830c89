/* What is known of the files that were followed: the positions of lake blocks, by file.
 *
 * Every block that a tail source writes carries, as the position of its last record, the whole
 * state of its file. The newest position of each file is the state to go on with; the document in
 * control data is only an index of them, so that not the whole lake is read at start. */
#ifndef CASK_TAIL_INDEX_H
#define CASK_TAIL_INDEX_H

#include "event/record.h"
#include "source/lines.h"

#define TAIL_MARK_BYTES ((size_t)1024)
#define TAIL_STARTS                                                                                \
    4u /* hashes of the first 64, 128, 256, 512 bytes, for copies that are shorter */
#define TAIL_START_BYTES(i) ((size_t)64 << (i))

/* A file is known by its content: the first bytes (behind leading NUL bytes), and the last ones
 * before the offset. Device and inode only say where to look first: inodes are used again. */
struct tail_mark {
    struct content_hash hash;
    uint32_t len; /* at most TAIL_MARK_BYTES */
};

struct tail_position {
    uint64_t id; /* of the file, unique in the index */
    char *source, *pattern;
    int64_t since_ms; /* when this source began to follow the pattern that found the file first */
    char *path;       /* the log's name, whatever the file is called by now */
    uint64_t device, inode;
    uint64_t head_at; /* leading NUL bytes */
    struct tail_mark head, end;
    struct content_hash starts[TAIL_STARTS]; /* those that `head` is long enough for */
    uint64_t offset;                         /* unpacked bytes taken */
    uint64_t lines; /* lines in them: without empty ones and header lines */
    bool open;      /* the line behind the offset was taken without its end: pass over its rest */
    bool names_site;
    char *format;      /* "" not decided */
    char *header;      /* in force; "" none */
    uint64_t bid;      /* the block that says so; 0: none */
    int64_t missed_ms; /* when a look first did not find it; 0: it is there */
};

struct tail_origin {
    char *source, *pattern;
    int64_t since_ms;
};

struct tail_index {
    VEC(struct tail_position) files;
    VEC(struct tail_origin) origins;
    uint64_t bid; /* lake blocks up to here are in the index */
};

void tail_position_release(struct tail_position *p);
void tail_index_release(struct tail_index *index);

/* The position of a block, and its way back. Positions of other sources are passed over. */
void tail_position_to_json(const struct tail_position *p, struct buf *out);
MUSTCHECK int tail_index_take(struct tail_index *index, uint64_t bid, struct str position,
                              struct err *err);
/* The document of the index. ERR_CORRUPT. */
void tail_index_to_json(const struct tail_index *index, struct buf *out);
MUSTCHECK int tail_index_from_json(struct tail_index *index, struct str json, struct err *err);

/* When `source` began to follow `pattern`; `now_ms` if it does so now. */
int64_t tail_index_since(struct tail_index *index, const char *source, const char *pattern,
                         int64_t now_ms);

/* The head and the starts of it. */
void tail_position_set_head(struct tail_position *p, struct str head);
struct tail_mark tail_mark_of(struct str bytes);
bool tail_mark_is(const struct tail_mark *mark, struct str bytes);

#endif

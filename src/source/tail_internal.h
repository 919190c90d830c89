/* Shared by the parts of tail only: tail.c (steps, blocks), tail_see.c (which files there
 * are), tail_names.c (what rotated files are called), tail_find.c (which file is which),
 * tail_match.c (is it by its content?), tail_block.c (lines), tail_status.c. */
#ifndef CASK_TAIL_INTERNAL_H
#define CASK_TAIL_INTERNAL_H

#include "base/arena.h"
#include "base/limits.h"
#include "format/format.h"
#include "source/tail.h"
#include "source/tail_bytes.h"

#include <pthread.h>

#define TAIL_BLOCKS 4u                     /* that are filled or in flight at once */
#define TAIL_BLOCK_BYTES ((size_t)1 << 20) /* a block is closed behind so many bytes */
#define TAIL_READ_BYTES (TAIL_MARK_BYTES + TAIL_BLOCK_BYTES + LIMIT_LINE_BYTES + 2)
#define TAIL_LOOK_SECONDS 1.0
#define TAIL_PAUSE_SECONDS 1.0         /* after an error of the lake or of a file */
#define TAIL_KEPT_MS (30 * 86400000LL) /* a file that is missed is known for so long */

/* The end (or beginning) of what was read, in the bytes themselves. */
struct tail_piece {
    char bytes[TAIL_MARK_BYTES];
    size_t len;
};

/* Where a file is, after the last look. */
enum tail_state {
    TAIL_LOST,    /* nowhere; while it is open, its writer may still add to it */
    TAIL_LOG,     /* open, where the log's name says */
    TAIL_ROTATED, /* open, under another name */
    TAIL_READ,    /* read to its end and closed: until `size` or `mtime` are others */
};

/* One file that is, or was, followed. */
struct tail_file {
    struct tail_position at;     /* durable */
    struct tail_bytes *bytes;    /* NULL: it is not open */
    struct tail_piece head, end; /* len 0: not known, it was not open yet */
    struct format *format;       /* NULL: not decided */
    enum tail_state state;
    bool copied;    /* the last look found a copy of it, or an earlier state */
    char *location; /* NULL: lost */
    uint64_t size;
    int64_t mtime;
    double changed;         /* when it was last seen to grow, was opened, or lost its name */
    bool idle;              /* nothing to do until it changes */
    double retry;           /* not before */
    struct tail_slot *slot; /* its block: being written, or to be tried again */
    struct err error;
};

/* Files that are not followed, as they were then. */
struct tail_seen {
    uint64_t device, inode, size;
    int64_t mtime;
    uint64_t copy_of;   /* id of a known file; 0: none */
    struct err problem; /* code 0: none */
};

struct tail_follow {
    char *id, *path, *site, *format;
    bool site_by_lines;
    int64_t since_ms;
    VEC(struct tail_seen *) seen;
    struct err error;
    uint64_t lines;
};

/* Room for a block. */
struct tail_slot {
    struct tail_block block; /* first: it is cast back */
    struct tail *tail;
    struct tail_file *file; /* NULL: free */
    struct tail_follow *source;
    bool flying, done;
    int rc;
    uint64_t bid;
    char *bytes; /* TAIL_READ_BYTES */
    VEC(struct record) records;
    struct arena names; /* strings of the records other than bodies */
    struct buf position;
    struct tail_position next; /* of the file once the block is durable; strings borrowed */
    struct buf header;         /* in force behind the block */
    struct tail_piece head, end;
};

struct tail {
    struct tail_options options;
    VEC(struct tail_file *) files;
    VEC(struct tail_follow *) sources;
    VEC(struct tail_origin) origins;
    uint64_t next_id, version;
    double look_at; /* when to look for files */
    size_t turn;    /* the file that goes first, so that all get their turn */
    struct tail_slot slots[TAIL_BLOCKS];
    double published;
    pthread_mutex_t mutex; /* guards flying, done, rc, bid of the slots, and status */
    struct tail_status status;
};

/* --- tail_block.c --- */

/* How a run of bytes at the position `next` becomes records. `final`: nothing will follow. Moves
 * next->offset, lines, open, head_at and the pieces. *ret_full: there is more in these bytes. */
void tail_cut(struct tail_slot *slot, struct str bytes, bool final, bool *ret_full);
/* The next n bytes are a hole. */
void tail_cut_hole(struct tail_slot *slot, uint64_t n);
/* Decide on the format by the first lines. `before`: the format of the file that had this name
 * before, "" for none. 1: done; 0: there are not enough lines yet. */
MUSTCHECK int tail_decide_format(struct tail_follow *source, struct tail_file *f, struct str bytes,
                                 bool final, const char *before, struct err *err);
/* Of a file that is known: open its format with the header in force. */
MUSTCHECK int tail_reopen_format(struct tail_follow *source, struct tail_file *f, struct err *err);

/* --- tail_names.c --- */

enum tail_kin {
    KIN_NONE,
    KIN_MAYBE,   /* begins like the log's name: taken only for a file that is known */
    KIN_ROTATED, /* a name that rotation gives: access.log.1, access.log-20240131.gz */
};
enum tail_kin tail_kin(struct str log, struct str name);

/* --- tail_see.c --- */

/* A file that a look found. */
struct tail_sight {
    char *path, *log;  /* log: the name it belongs to */
    bool wanted;       /* the pattern matches it */
    enum tail_kin kin; /* KIN_NONE: it is the log itself */
    bool taken;        /* it is one that is known */
    uint64_t device, inode, size;
    int64_t mtime; /* nanoseconds */
};

/* One look at a source. */
struct tail_view {
    struct tail *t;
    struct tail_follow *source;
    double now;
    /* Rotated files in the order in which they were written, then the logs themselves. */
    VEC(struct tail_sight) sights;
    VEC(char *) logs; /* names whose kin is looked for */
};

/* Fills sights; what cannot be seen is the error of the source. */
void tail_see(struct tail_view *l);
void tail_unsee(struct tail_view *l);

/* --- tail_find.c --- */

/* Look for the files of a source: bind what is known, begin what is new, forget what was missed for
 * long. */
void tail_find(struct tail *t, struct tail_follow *source, double now);
/* The file under its name is another one now, or was cut. */
void tail_lose(struct tail *t, struct tail_follow *source, struct tail_file *f, double now);
/* A file found or lost its place: those that are not followed may be others than they seemed. */
void tail_forget_seen(struct tail_follow *source);
bool tail_is_of(const struct tail_file *f, const struct tail_follow *source);
void tail_close_file(struct tail_file *f);
void tail_free_file(struct tail_file *f);

/* --- tail_match.c --- */

/* A file that nobody has open, with its first bytes at hand. */
struct tail_candidate {
    struct tail_bytes *bytes;
    char first[TAIL_MARK_BYTES];
    size_t n;
    struct tail_mark mark; /* of the first bytes, as many as were asked for last */
};
enum tail_match {
    MATCH_NOT,
    MATCH_SHORTER, /* it has the first bytes, but ends before what was taken */
    MATCH_SAME,    /* it begins with all that was taken */
};

MUSTCHECK int tail_candidate_open(const char *path, struct tail_candidate *ret, struct err *err);
void tail_candidate_close(struct tail_candidate *c);
/* *ret_end: there is nothing more in it. */
MUSTCHECK int tail_match(const struct tail_file *f, struct tail_candidate *c, enum tail_match *ret,
                         bool *ret_end, struct err *err);
/* Do all its first bytes stand in a file that is open? Then it is a copy of it in the making. */
bool tail_is_copy(const struct tail *t, const struct tail_follow *source,
                  const struct tail_candidate *c, struct err *err);

/* --- tail_status.c --- */

void tail_publish(struct tail *t);

#endif

/* Tail: log files that grow, are rotated, cut, deleted -> records, each line once (docs/tail.md).
 *
 * A file is known by its content (tail_index.h), not by its name, so it is found again whatever
 * became of it: renamed, copied and cut (copytruncate), packed. Each block carries the position of
 * its file; a file's offset moves only when its block is durable.
 *
 * One thread owns a `struct tail` and calls tail_step() again and again; it reads, never waits, and
 * has at most one block of each file in flight. Of other threads: tail_done(), tail_status(). */
#ifndef CASK_TAIL_H
#define CASK_TAIL_H

#include "base/clock.h"
#include "source/tail_index.h"

struct tail;

/* A block on its way to the lake: to be written as a block of its own. */
struct tail_block {
    const struct record *records; /* valid until tail_done() */
    size_t n;
};

struct tail_options {
    const struct clock *clock;
    /* A file that was rotated away is finished when nothing came for so long: a last line without
     * line end is then taken as it is. */
    double finish_seconds;
    /* Take the block; tail_done() is called later, or from within. */
    void (*submit)(void *arg, struct tail_block *block);
    void *arg;
};

/* What the configuration says. */
struct tail_source {
    const char *id, *path; /* a file or a glob(7) pattern, with {a,b} */
    const char *site;      /* where the lines do not name it */
    bool site_by_lines;    /* "" when the format names the site */
    const char *format;    /* "" detects */
};

/* Takes over the index. */
struct tail *tail_new(const struct tail_options *options, struct tail_index *index);
/* Blocks in flight must be done. Takes NULL. */
void tail_free(struct tail *t);
/* From now on these sources are followed. What is known of others is kept. */
void tail_set_sources(struct tail *t, const struct tail_source *sources, size_t n);

/* Look at files, hand out blocks, take what was done. `now`: monotonic seconds. Returns how many
 * seconds there is nothing to do; a block that is done or a file that changes ends that earlier. */
double tail_step(struct tail *t, double now);
/* Only take what was done: nothing new is handed out. */
void tail_collect(struct tail *t, double now);
/* Names may have changed: the next step looks for files. */
void tail_look(struct tail *t);
/* Any thread; as struct intake_ticket. */
void tail_done(struct tail_block *block, int rc, uint64_t bid);
/* Blocks that wait for tail_done(). */
size_t tail_in_flight(struct tail *t);
/* Directories to watch: `see` for each, again and again the same ones. */
void tail_directories(struct tail *t, void (*see)(void *arg, const char *path), void *arg);

/* The index as it is now, for the document in control data: all positions up to the block `bid`
 * must be in it, so nothing may be in flight. */
void tail_index_document(const struct tail *t, uint64_t bid, struct buf *out);
/* Grows with every change of the index. */
uint64_t tail_index_version(const struct tail *t);

/* --- status --- */

struct tail_file_status {
    char *path;                 /* where it is now; "" gone */
    uint64_t size, offset, lag; /* bytes; size and lag are 0 for packed files */
    uint64_t lines;             /* from its beginning */
    bool rotated, packed;
    char *error; /* "" none */
};

struct tail_source_status {
    char *id, *path;
    char *error;                        /* "" none: why nothing, or not everything, is read */
    uint64_t lag;                       /* bytes of its files that are not in the lake yet */
    uint64_t lines;                     /* since the start of the server */
    VEC(struct tail_file_status) files; /* that are followed; not those read to their end */
    size_t finished;                    /* rotated files that were read to their end */
};

struct tail_status {
    VEC(struct tail_source_status) sources;
};

/* Any thread. To be released. */
void tail_status(struct tail *t, struct tail_status *ret);
void tail_status_release(struct tail_status *status);

#endif

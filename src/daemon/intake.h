/* Intake: records of many clients -> durable blocks of one dataset of the lake (group commit).
 *
 * A client hands in a ticket and is told when its records are on disk. One thread collects all
 * tickets that came while it was busy, appends them as one block, syncs, and answers each. So an
 * acknowledgement always comes after fdatasync, and many clients share one.
 *
 * A full disk answers ERR_NOSPACE until there is room again, which is looked for every second; a
 * failed write or sync (ERR_IO) is never retried: every ticket from then on gets it, and `failed`
 * is called once, which ends the server. */
#ifndef CASK_INTAKE_H
#define CASK_INTAKE_H

#include "lake/lake.h"

struct intake;

struct intake_ticket {
    const struct record *records; /* borrowed until done(); ts_ms is set by the intake */
    size_t n;                     /* at most LIMIT_BLOCK_RECORDS, LIMIT_BLOCK_BYTES together */
    bool alone; /* a block of its own: its last record is the last of the block, with a position */
    /* On the intake's thread; must not block. rc 0: durable, in block `bid`. ERR_NOSPACE, ERR_IO,
     * ERR_TOOBIG, ERR_STOPPED: nothing of the ticket is in the lake. */
    void (*done)(struct intake_ticket *ticket, int rc, uint64_t bid);
    struct intake_ticket *next; /* of the intake */
};

struct intake_options {
    const char *lake_root;
    enum dataset dataset;
    const struct clock *clock;
    /* Blocks up to `bid` are durable (called before the tickets are answered). */
    void (*durable)(void *arg, enum dataset dataset, uint64_t bid);
    void (*failed)(void *arg, const struct err *err);
    void *arg;
};

struct intake_counts {
    uint64_t records, blocks, bytes, refused; /* refused: tickets that were not taken */
    uint64_t tickets;                         /* that were written: blocks share them */
    double busy_seconds; /* since what is being written was taken; 0: nothing is */
    bool full;           /* the disk is full */
    bool failed;         /* the lake cannot be written any more */
};

/* Recovers the dataset's tail. Errors of lake_writer_open(). */
MUSTCHECK int intake_open(const struct intake_options *options, struct intake **ret,
                          struct err *err);
/* Any thread. done() is called exactly once, also after an error; from within this call only after
 * intake_stop(), with ERR_STOPPED. */
void intake_submit(struct intake *in, struct intake_ticket *ticket);
/* Submit and wait; the batch becomes a block of its own. */
MUSTCHECK int intake_write(struct intake *in, struct record_batch records, uint64_t *ret_bid,
                           struct err *err);
uint64_t intake_durable(struct intake *in);
struct intake_counts intake_counts(struct intake *in);
/* Writes what was submitted, then ends; who submits later is refused. Takes NULL. */
void intake_stop(struct intake *in);
/* After intake_stop(). Takes NULL. */
void intake_free(struct intake *in);

#endif

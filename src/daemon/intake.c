#include "daemon/intake.h"

#include "base/limits.h"
#include "base/log.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

/* Of one block; the rest of the tickets makes the next one. */
#define BLOCK_BYTES ((size_t)4 << 20)
#define FULL_PAUSE_SECONDS 1           /* a full disk is not tried more often */
#define ROOM_BYTES ((uint64_t)1 << 20) /* so much must be free before it counts as not full */

struct intake {
    struct intake_options options;
    struct lake_writer *writer; /* of the thread; NULL after an error of the lake */
    VEC(struct record) records;
    bool full; /* the disk, when it was last tried */
    double looked_at;
    struct err fatal; /* code 0: fine */

    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t submitted;
    struct intake_ticket *first, **end;
    bool stop;
    uint64_t durable;
    struct intake_counts counts;
    double busy_since; /* 0: nothing is being written */
};

/* The longest beginning of the queue that one block takes. */
static struct intake_ticket *take(struct intake *in, struct intake_ticket **queue) {
    struct intake_ticket *taken = *queue, **end = &taken;
    size_t bytes = 0;
    in->records.len = 0;
    int64_t now = clock_now_ms(in->options.clock);
    while (*end != NULL) {
        struct intake_ticket *t = *end;
        size_t more = 0;
        for (size_t i = 0; i < t->n; i++)
            more += lake_record_bound(&t->records[i]);
        if (end != &taken && (t->alone || bytes + more > BLOCK_BYTES ||
                              in->records.len + t->n > LIMIT_BLOCK_RECORDS))
            break;
        for (size_t i = 0; i < t->n; i++) {
            vec_push(&in->records, t->records[i]);
            in->records.items[in->records.len - 1].ts_ms = now;
        }
        bytes += more;
        end = &t->next;
        if (t->alone)
            break;
    }
    *queue = *end;
    *end = NULL;
    return taken;
}

/* Nobody may come and try while the server says that it is not ready: so it looks by itself. */
static void look_for_room(struct intake *in) {
    struct statvfs fs;
    in->looked_at = clock_monotonic_seconds();
    if (statvfs(in->options.lake_root, &fs) != 0 ||
        (uint64_t)fs.f_bavail * fs.f_frsize < ROOM_BYTES)
        return;
    in->full = false;
    log_line(LOG_INFO, "disk_has_room", "dataset=%s", dataset_name(in->options.dataset));
    pthread_mutex_lock(&in->mutex);
    in->counts.full = false;
    pthread_mutex_unlock(&in->mutex);
}

/* A writer is closed for good after an error: with room on the disk again, a new one begins behind
 * what is durable. */
static int open_writer(struct intake *in, struct err *err) {
    if (in->fatal.code != 0) {
        *err = in->fatal;
        return in->fatal.code;
    }
    if (in->writer != NULL)
        return 0;
    return lake_writer_open(in->options.lake_root, in->options.dataset, in->options.clock,
                            &in->writer, NULL, err);
}

static int commit(struct intake *in, uint64_t *ret_bid, struct err *err) {
    struct record_batch batch = {in->records.items, in->records.len};
    if (in->full && clock_monotonic_seconds() - in->looked_at >= FULL_PAUSE_SECONDS)
        look_for_room(in);
    if (in->full)
        return err_set(err, ERR_NOSPACE, "no space left for the lake");
    int rc = open_writer(in, err);
    if (rc == 0)
        rc = lake_writer_append(in->writer, batch, ret_bid, err);
    if (rc == 0)
        rc = lake_writer_sync(in->writer, err);
    if (rc == 0 || rc == ERR_TOOBIG)
        return rc;
    lake_writer_close(in->writer);
    in->writer = NULL;
    if (rc == ERR_NOSPACE) {
        if (!in->full)
            log_line(LOG_ERROR, "disk_full", "dataset=%s", dataset_name(in->options.dataset));
        in->full = true;
        in->looked_at = clock_monotonic_seconds();
    } else if (in->fatal.code == 0) {
        in->fatal = *err;
        in->fatal.code = rc;
        in->options.failed(in->options.arg, err);
    }
    return rc;
}

static void count(struct intake *in, int rc, uint64_t bid, size_t tickets) {
    pthread_mutex_lock(&in->mutex);
    if (rc == 0) {
        in->durable = bid;
        in->counts.blocks++;
        in->counts.tickets += tickets;
        in->counts.records += in->records.len;
        for (size_t i = 0; i < in->records.len; i++)
            in->counts.bytes += in->records.items[i].body.len;
    } else {
        in->counts.refused += tickets;
    }
    in->counts.full = in->full;
    in->counts.failed = in->fatal.code != 0;
    pthread_mutex_unlock(&in->mutex);
}

static void write_tickets(struct intake *in, struct intake_ticket *queue) {
    while (queue != NULL) {
        struct intake_ticket *tickets = take(in, &queue);
        struct err err = {0};
        uint64_t bid = 0;
        size_t n = 0;
        int rc = commit(in, &bid, &err);
        for (struct intake_ticket *t = tickets; t != NULL; t = t->next)
            n++;
        count(in, rc, bid, n);
        if (rc == 0)
            in->options.durable(in->options.arg, in->options.dataset, bid);
        while (tickets != NULL) {
            struct intake_ticket *next = tickets->next; /* done() may free it */
            tickets->done(tickets, rc, bid);
            tickets = next;
        }
    }
}

/* With the mutex. */
static void wait_for_tickets(struct intake *in) {
    while (in->first == NULL && !in->stop) {
        struct timespec end;
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += FULL_PAUSE_SECONDS;
        if (!in->full) {
            pthread_cond_wait(&in->submitted, &in->mutex);
        } else if (pthread_cond_timedwait(&in->submitted, &in->mutex, &end) == ETIMEDOUT) {
            pthread_mutex_unlock(&in->mutex);
            look_for_room(in);
            pthread_mutex_lock(&in->mutex);
        }
    }
}

static void *intake_main(void *arg) {
    struct intake *in = arg;
    pthread_mutex_lock(&in->mutex);
    for (;;) {
        wait_for_tickets(in);
        struct intake_ticket *queue = in->first;
        if (queue == NULL)
            break;
        in->first = NULL;
        in->end = &in->first;
        in->busy_since = clock_monotonic_seconds();
        pthread_mutex_unlock(&in->mutex);
        write_tickets(in, queue);
        pthread_mutex_lock(&in->mutex);
        in->busy_since = 0;
    }
    pthread_mutex_unlock(&in->mutex);
    return NULL;
}

int intake_open(const struct intake_options *options, struct intake **ret, struct err *err) {
    struct intake *in = xcalloc(1, sizeof *in);
    uint64_t cut = 0;
    in->options = *options;
    in->end = &in->first;
    int rc = lake_writer_open(options->lake_root, options->dataset, options->clock, &in->writer,
                              &cut, err);
    if (rc != 0) {
        free(in);
        return rc;
    }
    if (cut > 0)
        log_line(LOG_INFO, "lake_tail_cut", "dataset=%s bytes=%llu", dataset_name(options->dataset),
                 (unsigned long long)cut);
    in->durable = lake_writer_last(in->writer);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&in->mutex, NULL);
    pthread_cond_init(&in->submitted, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&in->thread, NULL, intake_main, in) != 0) {
        lake_writer_close(in->writer);
        free(in);
        return err_set(err, ERR_FAILED, "cannot start a thread");
    }
    *ret = in;
    return 0;
}

void intake_submit(struct intake *in, struct intake_ticket *ticket) {
    ticket->next = NULL;
    pthread_mutex_lock(&in->mutex);
    bool taken = !in->stop;
    if (taken) {
        if (in->first == NULL)
            pthread_cond_signal(&in->submitted);
        *in->end = ticket;
        in->end = &ticket->next;
    }
    pthread_mutex_unlock(&in->mutex);
    if (!taken)
        ticket->done(ticket, ERR_STOPPED, 0);
}

/* --- submit and wait --- */

struct waiting_ticket {
    struct intake_ticket ticket; /* first: it is cast back */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool done;
    int rc;
    uint64_t bid;
};

static void wake(struct intake_ticket *ticket, int rc, uint64_t bid) {
    struct waiting_ticket *w = (struct waiting_ticket *)ticket;
    pthread_mutex_lock(&w->mutex);
    w->done = true;
    w->rc = rc;
    w->bid = bid;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

int intake_write(struct intake *in, struct record_batch records, uint64_t *ret_bid,
                 struct err *err) {
    struct waiting_ticket w = {
        .ticket = {.records = records.items, .n = records.len, .alone = true, .done = wake}};
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.cond, NULL);
    intake_submit(in, &w.ticket);
    pthread_mutex_lock(&w.mutex);
    while (!w.done)
        pthread_cond_wait(&w.cond, &w.mutex);
    pthread_mutex_unlock(&w.mutex);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.mutex);
    *ret_bid = w.bid;
    return w.rc == 0 ? 0 : err_set(err, w.rc, "the lake did not take %zu records", records.len);
}

uint64_t intake_durable(struct intake *in) {
    pthread_mutex_lock(&in->mutex);
    uint64_t durable = in->durable;
    pthread_mutex_unlock(&in->mutex);
    return durable;
}

struct intake_counts intake_counts(struct intake *in) {
    pthread_mutex_lock(&in->mutex);
    struct intake_counts counts = in->counts;
    if (in->busy_since > 0)
        counts.busy_seconds = clock_monotonic_seconds() - in->busy_since;
    pthread_mutex_unlock(&in->mutex);
    return counts;
}

void intake_stop(struct intake *in) {
    if (in == NULL)
        return;
    pthread_mutex_lock(&in->mutex);
    bool stopped = in->stop;
    in->stop = true;
    pthread_cond_signal(&in->submitted);
    pthread_mutex_unlock(&in->mutex);
    if (!stopped)
        pthread_join(in->thread, NULL);
}

void intake_free(struct intake *in) {
    if (in == NULL)
        return;
    lake_writer_close(in->writer);
    vec_free(&in->records);
    pthread_cond_destroy(&in->submitted);
    pthread_mutex_destroy(&in->mutex);
    free(in);
}

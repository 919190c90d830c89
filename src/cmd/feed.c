#include "cmd/feed.h"

#include "daemon/applier.h"
#include <pthread.h>
#include <stdlib.h>

struct feed {
    struct lake_writer *writer;
    struct applier *applier; /* of the thread until it was joined */

    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    uint64_t durable;
    bool end;
    struct err error; /* of applying; code 0: fine */
};

static int apply_next(struct feed *f, uint64_t upto, bool end) {
    struct err err = {0};
    int rc = applier_run(f->applier, upto, end, &err);
    if (rc != 0) {
        pthread_mutex_lock(&f->mutex);
        f->error = err;
        f->error.code = rc;
        pthread_mutex_unlock(&f->mutex);
    }
    return rc;
}

static void *apply_main(void *arg) {
    struct feed *f = arg;
    uint64_t done = 0;
    for (;;) {
        pthread_mutex_lock(&f->mutex);
        while (f->durable == done && !f->end)
            pthread_cond_wait(&f->changed, &f->mutex);
        uint64_t upto = f->durable;
        bool end = f->end;
        pthread_mutex_unlock(&f->mutex);
        if (apply_next(f, upto, end) != 0 || end)
            return NULL;
        done = upto;
    }
}

int feed_open(struct instance *in, struct feed **ret, struct err *err) {
    struct feed *f = xcalloc(1, sizeof *f);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    int rc = lake_writer_open(in->lake_root, DATASET_LOGS, &clock_system, &f->writer, NULL, err);
    if (rc == 0) {
        f->durable = lake_writer_durable(f->writer);
        rc = applier_open(in, DATASET_LOGS, &f->applier, err);
    }
    if (rc == 0) {
        f->started = pthread_create(&f->thread, NULL, apply_main, f) == 0;
        if (!f->started)
            rc = err_set(err, ERR_FAILED, "cannot start a thread");
    }
    if (rc != 0) {
        feed_close(f);
        return rc;
    }
    *ret = f;
    return 0;
}

static void tell(struct feed *f, bool end) {
    uint64_t durable = lake_writer_durable(f->writer);
    pthread_mutex_lock(&f->mutex);
    if (durable != f->durable || end) {
        f->durable = durable;
        f->end = end;
        pthread_cond_signal(&f->changed);
    }
    pthread_mutex_unlock(&f->mutex);
}

int feed_append(void *feed, struct record_batch records, uint64_t *ret_bid, struct err *err) {
    struct feed *f = feed;
    int rc = lake_writer_append(f->writer, records, ret_bid, err);
    tell(f, false); /* the block before it is durable now */
    return rc;
}

int feed_sync(void *feed, struct err *err) {
    struct feed *f = feed;
    int rc = lake_writer_sync(f->writer, err);
    tell(f, false);
    return rc;
}

uint64_t feed_durable(const struct feed *f) { return lake_writer_durable(f->writer); }

int feed_finish(struct feed *f, struct err *err) {
    tell(f, true);
    if (f->started)
        pthread_join(f->thread, NULL);
    f->started = false;
    if (f->error.code != 0 && err != NULL)
        *err = f->error;
    return f->error.code;
}

struct apply_counts feed_counts(const struct feed *f, uint64_t first, uint64_t last) {
    return apply_counts(applier_apply(f->applier), first, last);
}

void feed_close(struct feed *f) {
    if (f == NULL)
        return;
    if (f->started && feed_finish(f, NULL) != 0)
        f->started = false; /* said by whoever finished first */
    applier_close(f->applier);
    lake_writer_close(f->writer);
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    free(f);
}

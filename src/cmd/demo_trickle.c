/* The present of a demo: what happens, when it happens. */
#include "base/log.h"
#include "cmd/demo.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define RETRY_SECONDS 5 /* after an error: the disk may be full for a while */

struct trickle {
    struct live *live;
    struct pour *pour;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards stop */
    pthread_cond_t changed;
    bool stop;
};

static int write_block(void *arg, enum dataset dataset, struct record_batch records,
                       struct err *err) {
    struct trickle *t = arg;
    uint64_t bid;
    return intake_write(live_intake(t->live, dataset), records, &bid, err);
}

/* False: stop. */
static bool rest(struct trickle *t, time_t seconds) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += seconds;
    pthread_mutex_lock(&t->mutex);
    while (!t->stop && pthread_cond_timedwait(&t->changed, &t->mutex, &end) != ETIMEDOUT) {
    }
    bool stop = t->stop;
    pthread_mutex_unlock(&t->mutex);
    return !stop;
}

static void *trickle_main(void *arg) {
    struct trickle *t = arg;
    time_t seconds = 1;
    bool said = false;
    while (rest(t, seconds)) {
        struct err err = {0};
        int rc = pour_run(t->pour, clock_now_ms(&clock_system) / 1000, &err);
        if (rc != 0 && !said)
            log_line(LOG_WARN, "demo_failed", "error=\"%s\"", err.text);
        said = rc != 0;
        if (rc != 0 && rc != ERR_NOSPACE)
            break;
        seconds = rc == 0 ? 1 : RETRY_SECONDS;
    }
    return NULL;
}

int trickle_start(struct live *live, struct demo *demo, int64_t from, struct trickle **ret,
                  struct err *err) {
    struct trickle *t = xcalloc(1, sizeof *t);
    t->live = live;
    t->pour = pour_new(demo, write_block, t);
    for (size_t i = 0; i < POUR_DATASETS; i++)
        pour_set_until(t->pour, pour_datasets[i], from);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
    if (pthread_create(&t->thread, NULL, trickle_main, t) == 0) {
        *ret = t;
        return 0;
    }
    pour_free(t->pour);
    free(t);
    return err_set(err, ERR_FAILED, "cannot start a thread");
}

void trickle_stop(struct trickle *t) {
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->mutex);
    t->stop = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    pour_free(t->pour);
    free(t);
}

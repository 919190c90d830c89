#include "daemon/live_internal.h"

#include <errno.h>

#define STUCK_SECONDS 60.0 /* a store that could not get on for so long is not waited for */
#define BEING_REBUILT "the store is being rebuilt"
#define LAG_SECONDS 10.0 /* a store that is further behind is not ready */

void live_deadline(double seconds, struct timespec *ret) {
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += (time_t)seconds;
    ret->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
}

bool live_wait_until(struct live *l, const struct timespec *end) {
    return pthread_cond_timedwait(&l->changed, &l->mutex, end) != ETIMEDOUT;
}

void live_rest(struct live *l, double seconds) {
    struct timespec end;
    live_deadline(seconds, &end);
    pthread_mutex_lock(&l->mutex);
    while (!l->stop && live_wait_until(l, &end)) {
    }
    pthread_mutex_unlock(&l->mutex);
}

bool live_is_applied(const struct live_state *s, const uint64_t durable[DATASET_MAX + 1]) {
    for (size_t i = 0; i < instance_n_datasets; i++)
        if (s->applied[instance_datasets[i]] < durable[instance_datasets[i]])
            return false;
    return true;
}

bool live_is_current(const struct live *l, const uint64_t durable[DATASET_MAX + 1]) {
    return l->generation == engine_process_generation(l->in->engine) &&
           engine_process_alive(l->in->engine) && live_is_applied(&l->state, durable);
}

/* --- looking --- */

/* With the mutex. What keeps the store from being complete; code 0: nothing, or not known yet. */
static struct err trouble(const struct live *l) {
    struct err why = engine_process_error(l->in->engine);
    if (why.code == 0)
        why = l->error;
    if (why.code == 0 && !engine_process_alive(l->in->engine))
        why.code = err_set(&why, ERR_AWAY, "the engine is away");
    return why;
}

/* With the mutex. */
static const char *reason(const struct live *l) {
    return l->state.rebuilding ? BEING_REBUILT
           : !engine_process_alive(l->in->engine) || l->error.code == ERR_AWAY
               ? "the engine is away"
           : l->error.code != 0 ? "the store cannot take what is new"
                                : "the store is still catching up";
}

/* With the mutex. */
static struct live_state state_of(const struct live *l) {
    struct live_state state = l->state;
    live_sum_sources(l, &state);
    state.asked = l->generation;
    if (!live_is_applied(&state, state.durable))
        state.lag_seconds = clock_monotonic_seconds() - l->complete_at;
    state.ready = state.ready && state.lag_seconds < LAG_SECONDS &&
                  l->generation == engine_process_generation(l->in->engine) &&
                  engine_process_alive(l->in->engine);
    if (!state.ready)
        state.reason = reason(l);
    state.engine_starts = engine_process_generation(l->in->engine);
    state.engine_damaged = engine_process_damaged(l->in->engine);
    return state;
}

struct live_state live_state(struct live *l) {
    pthread_mutex_lock(&l->mutex);
    struct live_state state = state_of(l);
    pthread_mutex_unlock(&l->mutex);
    return state;
}

/* With the mutex. */
static int behind(const struct live *l, struct err *err) {
    struct err why = trouble(l);
    return why.code != 0 ? err_set(err, ERR_AWAY, "the store is behind: %s", why.text)
                         : err_set(err, ERR_AWAY, "the store is still catching up");
}

int live_wait_applied(struct live *l, double seconds, struct live_state *ret_state,
                      struct err *err) {
    struct timespec end;
    bool in_time = true;
    live_deadline(seconds, &end);
    pthread_mutex_lock(&l->mutex);
    uint64_t durable[DATASET_MAX + 1];
    memcpy(durable, l->state.durable, sizeof durable);
    while (!live_is_current(l, durable) && !l->stop && !l->state.rebuilding && in_time)
        in_time = live_wait_until(l, &end);
    int rc = l->state.rebuilding || !live_is_current(l, durable)
                 ? err_set(err, ERR_AWAY, "%s", reason(l))
                 : 0;
    if (ret_state != NULL)
        *ret_state = state_of(l);
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

/* With the mutex. How far the store has come, as a number that grows. */
static uint64_t progress_of(const struct live *l) {
    uint64_t sum = 0;
    for (size_t i = 0; i < instance_n_datasets; i++)
        sum += l->state.applied[instance_datasets[i]];
    return sum;
}

int live_wait_for(struct live *l, const uint64_t *durable, const atomic_bool *stop,
                  struct err *err) {
    double moved = clock_monotonic_seconds();
    uint64_t progress = progress_of(l);
    for (;;) {
        struct timespec end;
        if (durable != NULL && l->state.rebuilding)
            return err_set(err, ERR_AWAY, BEING_REBUILT);
        if (durable != NULL ? live_is_current(l, durable) : !l->state.rebuilding)
            return 0;
        if (l->stop || *stop)
            return err_set(err, ERR_STOPPED, "stopped");
        double now = clock_monotonic_seconds();
        if (progress_of(l) != progress || trouble(l).code == 0)
            moved = now;
        progress = progress_of(l);
        if (now - moved > STUCK_SECONDS)
            return behind(l, err);
        live_deadline(LIVE_LOOK_SECONDS, &end);
        (void)live_wait_until(l, &end);
    }
}

int live_wait_all(struct live *l, const atomic_bool *stop, struct err *err) {
    pthread_mutex_lock(&l->mutex);
    uint64_t durable[DATASET_MAX + 1];
    memcpy(durable, l->state.durable, sizeof durable);
    int rc = live_wait_for(l, durable, stop, err);
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

bool live_wait_ready(struct live *l, double seconds, const atomic_bool *stop) {
    double end = clock_monotonic_seconds() + seconds;
    do {
        live_rest(l, LIVE_LOOK_SECONDS); /* a death is noticed a little later than it hurts */
        if (live_state(l).ready)
            return true;
    } while (!l->stop && !*stop && clock_monotonic_seconds() < end);
    return false;
}

int live_pause(struct live *l, const atomic_bool *stop, struct err *err) {
    pthread_mutex_lock(&l->mutex);
    l->paused++;
    pthread_cond_broadcast(&l->changed);
    while (l->busy > 0 && !l->stop && !*stop) {
        struct timespec end;
        live_deadline(LIVE_LOOK_SECONDS, &end);
        (void)live_wait_until(l, &end);
    }
    bool rests = !l->stop && !*stop;
    if (!rests) {
        l->paused--;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->mutex);
    return rests ? 0 : err_set(err, ERR_STOPPED, "stopped");
}

void live_resume(struct live *l) {
    pthread_mutex_lock(&l->mutex);
    l->paused--;
    l->epoch++;
    l->state.version++;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

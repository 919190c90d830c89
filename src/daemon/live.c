#include "daemon/live.h"

#include "base/log.h"
#include "daemon/applier.h"
#include "refine/refine.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define GATHER_SECONDS 0.25    /* records wait so long for others to share an INSERT */
#define STEP_BLOCKS 256        /* of one dataset before others, new rules and commands get a turn */
#define SEAL_SECONDS 60.0      /* between two looks for time to seal */
#define RETRY_SECONDS_MAX 30.0 /* after errors, growing from 1 s */
#define STUCK_SECONDS 60.0     /* a store that could not get on for so long is not waited for */
#define LOOK_SECONDS 0.2       /* between two looks at what a waiting caller wants */
#define END_SECONDS 3.0        /* for what works on the store when all stops */
#define LAG_SECONDS 10.0       /* a store that is further behind is not ready */
#define DROP_TRIES 30          /* while the engine is away, a second each */

struct live {
    struct instance *in;
    struct intake *intakes[DATASET_MAX + 1];
    pthread_t applier, sealer;
    bool applying, sealing; /* the threads were started */
    void (*failed)(void *arg, const struct err *err);
    void *failed_arg;
    atomic_bool stop;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct live_state state;
    double complete_at; /* what was durable then is in the store; clock_monotonic_seconds() */
    struct refiner *next_rules; /* NULL: none were read again */
    unsigned paused;
    unsigned busy;                     /* threads that work on the store */
    unsigned epoch;                    /* grows when the store may have become another one */
    unsigned generation;               /* the start of the engine that it was compared for */
    unsigned damaged;                  /* directories that were moved aside until then */
    uint64_t rebuilt[DATASET_MAX + 1]; /* a rebuild is over when all up to here is applied */
};

/* --- waiting --- */

static void deadline(double seconds, struct timespec *ret) {
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += (time_t)seconds;
    ret->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
}

/* With the mutex; returns early when something changes. False: the time is over. */
static bool wait_until(struct live *l, const struct timespec *end) {
    return pthread_cond_timedwait(&l->changed, &l->mutex, end) != ETIMEDOUT;
}

static void rest(struct live *l, double seconds) {
    struct timespec end;
    deadline(seconds, &end);
    pthread_mutex_lock(&l->mutex);
    while (!l->stop && wait_until(l, &end)) {
    }
    pthread_mutex_unlock(&l->mutex);
}

static bool is_applied(const struct live_state *s, const uint64_t durable[DATASET_MAX + 1]) {
    for (size_t i = 0; i < instance_n_datasets; i++)
        if (s->applied[instance_datasets[i]] < durable[instance_datasets[i]])
            return false;
    return true;
}

/* With the mutex. Is it in the store of the engine that runs now? */
static bool is_current(const struct live *l, const uint64_t durable[DATASET_MAX + 1]) {
    return l->generation == engine_process_generation(l->in->engine) &&
           engine_process_alive(l->in->engine) && is_applied(&l->state, durable);
}

/* Leave to work on the store; with the mutex. False: stop. */
static bool enter(struct live *l) {
    while (l->paused > 0 && !l->stop)
        pthread_cond_wait(&l->changed, &l->mutex);
    if (l->stop)
        return false;
    l->busy++;
    return true;
}

static void leave(struct live *l) {
    l->busy--;
    pthread_cond_broadcast(&l->changed);
}

/* --- applying --- */

/* One step of one dataset on the way to `goal`; *ret_more: it is not reached. */
static int apply_step(struct live *l, struct applier *a, enum dataset dataset, uint64_t goal,
                      bool *ret_more, struct err *err) {
    uint64_t upto = applier_step(a, goal, STEP_BLOCKS);
    int rc = apply_refined(applier_apply(a)) < upto ? applier_try(a, upto, true, err) : 0;
    if (rc != 0)
        return rc;
    struct apply_counts counts = apply_counts(applier_apply(a), 0, UINT64_MAX);
    apply_forget_counts(applier_apply(a));
    pthread_mutex_lock(&l->mutex);
    if (counts.records > 0)
        l->state.version++;
    l->state.applied[dataset] = upto;
    if (is_applied(&l->state, l->rebuilt))
        l->state.rebuilding = false;
    l->state.accepted += counts.accepted;
    for (size_t i = 0; i < REASON_COUNT; i++)
        *(reason_is_exclusion((enum reason)i) ? &l->state.excluded : &l->state.rejected) +=
            counts.rejected[i];
    *ret_more = *ret_more || (upto < goal && l->paused == 0);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    return 0;
}

static void close_appliers(struct applier *appliers[]) {
    for (size_t i = 0; i < instance_n_datasets; i++) {
        applier_close(appliers[i]);
        appliers[i] = NULL;
    }
}

/* What is in the store may be less than it was; with the mutex. */
static void take_positions(struct live *l, struct applier *appliers[]) {
    for (size_t i = 0; i < instance_n_datasets; i++) {
        uint64_t has = apply_refined(applier_apply(appliers[i]));
        uint64_t *applied = &l->state.applied[instance_datasets[i]];
        if (has >= *applied)
            continue;
        *applied = has;
        l->state.ready = false; /* until what was in is in again */
    }
}

/* Another engine than before was asked what it has; with the mutex. */
static void take_engine(struct live *l, unsigned generation) {
    unsigned damaged = engine_process_damaged(l->in->engine);
    l->generation = generation;
    if (damaged != l->damaged) {
        l->damaged = damaged;
        memcpy(l->rebuilt, l->state.durable, sizeof l->rebuilt);
        l->state.rebuilding = true;
        l->state.rebuilds++;
        (void)!err_set(
            &l->state.error, ERR_AWAY,
            "the engine's directory was damaged (it is DATA/engine.damaged now): the store "
            "is made again from the lake");
    }
    pthread_cond_broadcast(&l->changed);
}

static int get_ready(struct live *l, struct applier *appliers[], struct err *err) {
    unsigned generation = engine_process_generation(l->in->engine), drops;
    int rc = 0;
    do { /* one that drops rows takes those of others along */
        drops = cube_drops(l->in->cube);
        for (size_t i = 0; rc == 0 && i < instance_n_datasets; i++) {
            if (appliers[i] == NULL)
                rc = applier_new(l->in, instance_datasets[i], &l->stop, &appliers[i], err);
            if (rc == 0)
                rc = applier_ready(appliers[i], err);
        }
    } while (rc == 0 && drops != cube_drops(l->in->cube));
    pthread_mutex_lock(&l->mutex);
    if (rc == 0)
        take_positions(l, appliers);
    if (rc == 0 && generation != l->generation)
        take_engine(l, generation);
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

/* Rules that were read again take the place of those in use, between two batches. */
static void change_rules(struct live *l) {
    pthread_mutex_lock(&l->mutex);
    struct refiner *next = l->next_rules, *before = l->in->refiner;
    l->next_rules = NULL;
    if (next != NULL)
        l->in->refiner = next;
    pthread_mutex_unlock(&l->mutex);
    if (next != NULL)
        refiner_free(before);
}

/* What is durable now; what comes meanwhile waits for the next time and shares INSERTs. A pause or
 * the end may cut it short: *ret_complete says whether all of it is in. */
static int apply_all(struct live *l, struct applier *appliers[], bool *ret_complete,
                     struct err *err) {
    uint64_t goals[DATASET_MAX + 1];
    bool more = true;
    pthread_mutex_lock(&l->mutex);
    memcpy(goals, l->state.durable, sizeof goals);
    double began = clock_monotonic_seconds();
    pthread_mutex_unlock(&l->mutex);
    int rc = get_ready(l, appliers, err);
    while (rc == 0 && more && !l->stop) {
        more = false;
        change_rules(l); /* behind the goals: what came later is not read by old ones */
        for (size_t i = 0; rc == 0 && i < instance_n_datasets; i++) {
            enum dataset dataset = instance_datasets[i];
            rc = apply_step(l, appliers[i], dataset, goals[dataset], &more, err);
        }
    }
    pthread_mutex_lock(&l->mutex);
    *ret_complete = rc == 0 && is_applied(&l->state, goals);
    if (*ret_complete)
        l->complete_at = began;
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

static void say(struct live *l, int rc, bool complete, const struct err *err) {
    pthread_mutex_lock(&l->mutex);
    bool was = l->state.ready;
    l->state.ready = complete;
    l->state.error = rc == 0 ? (struct err){0} : *err;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    if (rc == ERR_AWAY)
        log_line(LOG_INFO, "engine_away", "error=\"%s\"", err->text);
    else if (rc != 0 && rc != ERR_STOPPED)
        log_line(LOG_ERROR, "apply_failed", "error=\"%s\"", err->text);
    else if (!was && complete)
        log_line(LOG_INFO, "ready", "version=%llu", (unsigned long long)l->state.version);
}

/* A merge that a full disk cut short can leave a part that cannot be read. The engine takes such
 * parts out when it starts; then their months are made again from the lake. */
static void restart_engine_if_broken(struct live *l, const struct err *err) {
    if (strstr(err->text, "(CORRUPTED_DATA)") == NULL)
        return;
    int pid = engine_process_pid(l->in->engine);
    log_line(LOG_WARN, "engine_restarted", "reason=\"a part is broken\"");
    if (pid > 0)
        kill(pid, SIGKILL);
}

/* With the mutex. Nothing to do, or nobody to do it with? A look, now and then, tells of engines.
 */
static bool is_idle(const struct live *l, bool again) {
    if (!engine_process_alive(l->in->engine))
        return true;
    return !again && !l->state.rebuilding && is_current(l, l->state.durable);
}

static void *applier_main(void *arg) {
    struct live *l = arg;
    struct applier *appliers[DATASET_MAX + 1] = {0};
    double pause = 0;
    bool again = true;
    unsigned epoch = 0;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (!l->stop && is_idle(l, again)) {
            struct timespec end;
            deadline(LOOK_SECONDS, &end);
            (void)wait_until(l, &end);
        }
        if (!enter(l))
            break;
        bool other = l->epoch != epoch;
        epoch = l->epoch;
        pthread_mutex_unlock(&l->mutex);
        struct err err = {0};
        if (other)
            close_appliers(appliers);
        bool complete;
        int rc = apply_all(l, appliers, &complete, &err);
        if (rc != 0 && rc != ERR_AWAY)
            close_appliers(appliers); /* they begin by asking the store what it has */
        say(l, rc, complete, &err);
        if (rc == ERR_ENGINE)
            restart_engine_if_broken(l, &err);
        again = rc != 0;
        pthread_mutex_lock(&l->mutex);
        leave(l);
        pthread_mutex_unlock(&l->mutex);
        pause = rc == 0 || rc == ERR_AWAY       ? 0
                : pause == 0                    ? 1
                : pause * 2 < RETRY_SECONDS_MAX ? pause * 2
                                                : RETRY_SECONDS_MAX;
        rest(l, pause == 0 ? GATHER_SECONDS : pause);
        pthread_mutex_lock(&l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    close_appliers(appliers);
    return NULL;
}

/* --- sealing --- */

static int stop_sealing(void *arg, uint64_t done, uint64_t all) {
    struct live *l = arg;
    UNUSED(done), UNUSED(all);
    return l->stop || l->paused > 0 || l->in->opened != engine_process_generation(l->in->engine);
}

/* While nobody opens or drops the store, nor seals one that is not opened. */
static int seal(struct live *l, struct err *err) {
    pthread_mutex_lock(&l->in->whole);
    int rc = stop_sealing(l, 0, 0)
                 ? 0
                 : cube_seal(l->in->cube, clock_now_ms(&clock_system) / 1000, stop_sealing, l, err);
    pthread_mutex_unlock(&l->in->whole);
    return rc;
}

static void *sealer_main(void *arg) {
    struct live *l = arg;
    for (;;) {
        struct err err = {0};
        rest(l, SEAL_SECONDS);
        pthread_mutex_lock(&l->mutex);
        bool go = enter(l), ready = l->state.ready;
        pthread_mutex_unlock(&l->mutex);
        if (!go)
            return NULL;
        int rc = ready ? seal(l, &err) : 0;
        if (rc != 0 && rc != ERR_STOPPED && rc != ERR_AWAY)
            log_line(LOG_WARN, "seal_failed", "error=\"%s\"", err.text);
        pthread_mutex_lock(&l->mutex);
        leave(l);
        pthread_mutex_unlock(&l->mutex);
    }
}

/* --- start and stop --- */

static void on_durable(void *arg, enum dataset dataset, uint64_t bid) {
    struct live *l = arg;
    pthread_mutex_lock(&l->mutex);
    if (is_applied(&l->state, l->state.durable))
        l->complete_at = clock_monotonic_seconds();
    l->state.durable[dataset] = bid;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

static void on_failed(void *arg, const struct err *err) {
    struct live *l = arg;
    l->failed(l->failed_arg, err);
}

static int open_intake(struct live *l, enum dataset dataset, struct err *err) {
    const struct intake_options options = {.lake_root = l->in->lake_root,
                                           .dataset = dataset,
                                           .clock = &clock_system,
                                           .durable = on_durable,
                                           .failed = on_failed,
                                           .arg = l};
    int rc = intake_open(&options, &l->intakes[dataset], err);
    if (rc != 0)
        return rc;
    uint64_t durable = intake_durable(l->intakes[dataset]);
    on_durable(l, dataset, durable);
    return instance_check_end(l->in, dataset, durable, err);
}

int live_load_rules(struct live *l, const struct config *config, struct refiner **ret,
                    struct err *err) {
    return refiner_new(config, l->in->data_dir, ret, err);
}

void live_use_rules(struct live *l, struct refiner *rules) {
    pthread_mutex_lock(&l->mutex);
    struct refiner *waiting = l->next_rules; /* of a reload just before */
    l->next_rules = rules;
    l->state.rules = refiner_rules(rules);
    pthread_mutex_unlock(&l->mutex);
    refiner_free(waiting);
}

int live_start(struct instance *in, void (*failed)(void *arg, const struct err *err), void *arg,
               struct live **ret, struct err *err) {
    struct live *l = xcalloc(1, sizeof *l);
    l->complete_at = clock_monotonic_seconds();
    pthread_condattr_t attr;
    l->in = in;
    l->failed = failed;
    l->failed_arg = arg;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attr);
    pthread_condattr_destroy(&attr);
    int rc = instance_load_refiner(in, err);
    if (rc == 0)
        l->state.rules = refiner_rules(in->refiner);
    for (size_t i = 0; rc == 0 && i < instance_n_datasets; i++)
        rc = open_intake(l, instance_datasets[i], err);
    if (rc == 0) {
        l->applying = pthread_create(&l->applier, NULL, applier_main, l) == 0;
        l->sealing = pthread_create(&l->sealer, NULL, sealer_main, l) == 0;
        if (!l->applying || !l->sealing)
            rc = err_set(err, ERR_FAILED, "cannot start a thread");
    }
    if (rc != 0) {
        live_stop(l);
        live_free(l);
        return rc;
    }
    *ret = l;
    return 0;
}

/* Who works on the store may wait for a statement of an engine that hangs. Its sudden end is
 * harmless, and those who wait for it are told. */
static void free_the_store(struct live *l) {
    struct timespec end;
    bool in_time = true;
    deadline(END_SECONDS, &end);
    pthread_mutex_lock(&l->mutex);
    while ((l->busy > 0 || l->paused > 0) && in_time)
        in_time = wait_until(l, &end);
    pthread_mutex_unlock(&l->mutex);
    if (in_time)
        return;
    engine_process_set_restart(l->in->engine, false);
    int pid = engine_process_pid(l->in->engine);
    if (pid > 0) {
        log_line(LOG_WARN, "engine_killed", "pid=%d reason=\"it hangs while the server stops\"",
                 pid);
        kill(pid, SIGKILL);
    }
}

void live_stop(struct live *l) {
    if (l == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(l->intakes); i++)
        intake_stop(l->intakes[i]);
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    free_the_store(l);
    if (l->applying)
        pthread_join(l->applier, NULL);
    if (l->sealing)
        pthread_join(l->sealer, NULL);
    l->applying = l->sealing = false;
}

void live_free(struct live *l) {
    if (l == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(l->intakes); i++)
        intake_free(l->intakes[i]);
    refiner_free(l->next_rules);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

struct instance *live_instance(struct live *l) {
    return l->in;
}

struct intake *live_intake(struct live *l, enum dataset dataset) {
    return l->intakes[dataset];
}

/* --- looking --- */

/* With the mutex. What keeps the store from being complete; code 0: nothing, or not known yet. */
static struct err trouble(const struct live *l) {
    struct err why = engine_process_error(l->in->engine);
    if (why.code == 0)
        why = l->state.error;
    if (why.code == 0 && !engine_process_alive(l->in->engine))
        why.code = err_set(&why, ERR_AWAY, "the engine is away");
    return why;
}

struct live_state live_state(struct live *l) {
    pthread_mutex_lock(&l->mutex);
    struct live_state state = l->state;
    if (!is_applied(&state, state.durable))
        state.lag_seconds = clock_monotonic_seconds() - l->complete_at;
    state.ready = state.ready && state.lag_seconds < LAG_SECONDS &&
                  l->generation == engine_process_generation(l->in->engine) &&
                  engine_process_alive(l->in->engine);
    if (!state.ready)
        state.error = trouble(l);
    pthread_mutex_unlock(&l->mutex);
    state.engine_starts = engine_process_generation(l->in->engine);
    state.engine_damaged = engine_process_damaged(l->in->engine);
    return state;
}

static int being_rebuilt(struct err *err) {
    return err_set(err, ERR_AWAY, "the store is being rebuilt");
}

/* With the mutex. */
static int behind(const struct live *l, struct err *err) {
    struct err why = trouble(l);
    return why.code != 0 ? err_set(err, ERR_AWAY, "the store is behind: %s", why.text)
                         : err_set(err, ERR_AWAY, "the store is still catching up");
}

int live_wait_applied(struct live *l, double seconds, struct err *err) {
    struct timespec end;
    bool in_time = true;
    deadline(seconds, &end);
    pthread_mutex_lock(&l->mutex);
    uint64_t durable[DATASET_MAX + 1];
    memcpy(durable, l->state.durable, sizeof durable);
    while (!is_current(l, durable) && !l->stop && !l->state.rebuilding && in_time)
        in_time = wait_until(l, &end);
    int rc = l->state.rebuilding ? being_rebuilt(err) : is_current(l, durable) ? 0 : behind(l, err);
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

/* With the mutex. Until `durable` is in the store; NULL: until it is rebuilt. */
static int wait_all(struct live *l, const uint64_t *durable, const atomic_bool *stop,
                    struct err *err) {
    double moved = clock_monotonic_seconds();
    uint64_t progress = progress_of(l);
    for (;;) {
        struct timespec end;
        if (durable != NULL && l->state.rebuilding)
            return being_rebuilt(err);
        if (durable != NULL ? is_current(l, durable) : !l->state.rebuilding)
            return 0;
        if (l->stop || *stop)
            return err_set(err, ERR_STOPPED, "stopped");
        double now = clock_monotonic_seconds();
        if (progress_of(l) != progress || trouble(l).code == 0)
            moved = now;
        progress = progress_of(l);
        if (now - moved > STUCK_SECONDS)
            return behind(l, err);
        deadline(LOOK_SECONDS, &end);
        (void)wait_until(l, &end);
    }
}

int live_wait_all(struct live *l, const atomic_bool *stop, struct err *err) {
    pthread_mutex_lock(&l->mutex);
    uint64_t durable[DATASET_MAX + 1];
    memcpy(durable, l->state.durable, sizeof durable);
    int rc = wait_all(l, durable, stop, err);
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

bool live_wait_ready(struct live *l, double seconds, const atomic_bool *stop) {
    double end = clock_monotonic_seconds() + seconds;
    do {
        rest(l, LOOK_SECONDS); /* a death is noticed a little later than it hurts */
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
        deadline(LOOK_SECONDS, &end);
        (void)wait_until(l, &end);
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

/* --- rebuilding --- */

/* The applier and the sealer rest. instance_drop_store() can be run again wherever it ended. */
static int drop_store(struct live *l, const atomic_bool *stop, struct err *err) {
    int rc = instance_drop_store(l->in, err);
    for (unsigned i = 0; rc == ERR_AWAY && i < DROP_TRIES && !l->stop && !*stop; i++) {
        rest(l, 1.0);
        rc = instance_drop_store(l->in, err);
    }
    return rc;
}

int live_rebuild(struct live *l, const atomic_bool *stop, struct err *err) {
    int rc = live_pause(l, stop, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&l->mutex);
    memset(l->state.applied, 0, sizeof l->state.applied);
    memcpy(l->rebuilt, l->state.durable, sizeof l->rebuilt);
    l->state.rebuilding = true;
    l->state.rebuilds++;
    l->state.ready = false;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    rc = drop_store(l, stop, err);
    live_resume(l);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&l->mutex);
    rc = wait_all(l, NULL, stop, err);
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

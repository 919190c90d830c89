#include "daemon/live_internal.h"

#include "base/log.h"
#include "daemon/applier.h"
#include "refine/refine.h"

#define GATHER_SECONDS 0.25    /* records wait so long for others to share an INSERT */
#define STEP_BLOCKS 256        /* of one dataset before others, new rules and commands get a turn */
#define SEAL_SECONDS 60.0      /* between two looks for time to seal */
#define RETRY_SECONDS_MAX 30.0 /* after errors, growing from 1 s */

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
    struct apply_counts counts = apply_counts(applier_apply(a), 0, UINT64_MAX);
    pthread_mutex_lock(&l->mutex);
    live_count(l, applier_apply(a), dataset);
    if (counts.records > 0) /* after an error some may be in */
        l->state.version++;
    if (rc == 0) {
        l->state.applied[dataset] = upto;
        if (live_is_applied(&l->state, l->rebuilt))
            l->state.rebuilding = false;
        *ret_more = *ret_more || (upto < goal && l->paused == 0);
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    return rc;
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
            &l->error, ERR_AWAY,
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
    *ret_complete = rc == 0 && live_is_applied(&l->state, goals);
    if (*ret_complete)
        l->complete_at = began;
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

/* That the engine is away is tried again and again, and said once. */
static void say(struct live *l, int rc, bool complete, const struct err *err) {
    pthread_mutex_lock(&l->mutex);
    bool was = l->state.ready, was_away = l->away;
    l->away = rc == ERR_AWAY || (l->away && rc != 0);
    l->state.ready = complete;
    l->error = rc == 0 ? (struct err){0} : *err;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    if (rc == ERR_AWAY && !was_away)
        log_line(LOG_INFO, "engine_away", "error=\"%s\"", err->text);
    else if (rc == 0 && was_away)
        log_line(LOG_INFO, "engine_back", "start=%u", engine_process_generation(l->in->engine));
    if (rc != 0 && rc != ERR_AWAY && rc != ERR_STOPPED)
        log_line(LOG_ERROR, "apply_failed", "error=\"%s\"", err->text);
    else if (rc == 0 && !was && complete)
        log_line(LOG_INFO, "ready", "version=%llu", (unsigned long long)l->state.version);
}

/* The engine takes such parts out when it starts; then their months are made again from the lake.
 */
void live_part_is_broken(struct live *l) {
    pthread_mutex_lock(&l->mutex);
    bool known = engine_process_generation(l->in->engine) != l->generation;
    pthread_mutex_unlock(&l->mutex);
    if (known) /* it was started again since, or another one is about to be asked what it has */
        return;
    log_line(LOG_WARN, "engine_restarted", "reason=\"a part is broken\"");
    engine_process_kill(l->in->engine);
}

/* With the mutex. Nothing to do, or nobody to do it with? A look, now and then, tells of engines.
 */
static bool is_idle(const struct live *l, bool again) {
    if (!engine_process_alive(l->in->engine))
        return true;
    return !again && !l->state.rebuilding && live_is_current(l, l->state.durable);
}

void *live_applier_main(void *arg) {
    struct live *l = arg;
    struct applier *appliers[DATASET_MAX + 1] = {0};
    double pause = 0;
    bool again = true;
    unsigned epoch = 0;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (!l->stop && is_idle(l, again)) {
            struct timespec end;
            live_deadline(LIVE_LOOK_SECONDS, &end);
            (void)live_wait_until(l, &end);
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
        if (rc == ERR_ENGINE && strstr(err.text, "(CORRUPTED_DATA)") != NULL)
            live_part_is_broken(l);
        again = rc != 0;
        pthread_mutex_lock(&l->mutex);
        leave(l);
        pthread_mutex_unlock(&l->mutex);
        pause = rc == 0 || rc == ERR_AWAY       ? 0
                : pause == 0                    ? 1
                : pause * 2 < RETRY_SECONDS_MAX ? pause * 2
                                                : RETRY_SECONDS_MAX;
        live_rest(l, pause == 0 ? GATHER_SECONDS : pause);
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

void *live_sealer_main(void *arg) {
    struct live *l = arg;
    for (;;) {
        struct err err = {0};
        live_rest(l, SEAL_SECONDS);
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

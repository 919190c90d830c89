#include "daemon/live_internal.h"

#include "base/log.h"
#include "refine/refine.h"
#include <stdlib.h>

#define END_SECONDS 3.0 /* when all stops, for the engine and those who wait for it */
#define DROP_TRIES 30   /* while the engine is away, a second each */

/* --- start and stop --- */

static void on_durable(void *arg, enum dataset dataset, uint64_t bid) {
    struct live *l = arg;
    pthread_mutex_lock(&l->mutex);
    if (live_is_applied(&l->state, l->state.durable))
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
    rc = instance_check_end(l->in, dataset, durable, err);
    if (rc == 0) /* as far as is known, until the store is asked */
        rc = apply_position(l->in->control, dataset, &l->state.applied[dataset], err);
    if (rc != 0)
        return rc;
    on_durable(l, dataset, durable);
    l->counted[dataset] = durable;
    return 0;
}

int live_load_rules(struct live *l, const struct config *config, struct refiner **ret,
                    struct err *err) {
    int rc = refiner_new(config, NULL, ret, err);
    if (rc != 0)
        return rc;
    /* not that of DATA/keys: whatever became of the file, the store has numbers of this one */
    pthread_mutex_lock(&l->mutex); /* change_rules() lets go of the refiner behind it */
    refiner_take_key(*ret, l->in->refiner);
    pthread_mutex_unlock(&l->mutex);
    return 0;
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
        l->applying = pthread_create(&l->applier, NULL, live_applier_main, l) == 0;
        l->sealing = pthread_create(&l->sealer, NULL, live_sealer_main, l) == 0;
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

/* Who works on the store may wait for a statement of an engine that hangs: its sudden end is
 * harmless, and those who wait for it are told. */
void live_stop(struct live *l) {
    if (l == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(l->intakes); i++)
        intake_stop(l->intakes[i]);
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    engine_process_end_within(l->in->engine, END_SECONDS);
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
    live_free_sources(l);
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

/* --- rebuilding --- */

/* The applier and the sealer rest. instance_drop_store() can be run again wherever it ended. */
static int drop_store(struct live *l, const atomic_bool *stop, struct err *err) {
    int rc = instance_drop_store(l->in, err);
    for (unsigned i = 0; rc == ERR_AWAY && i < DROP_TRIES && !l->stop && !*stop; i++) {
        live_rest(l, 1.0);
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
    rc = live_wait_for(l, NULL, stop, err);
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

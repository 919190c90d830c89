#include "daemon/applier.h"

#include "base/log.h"
#include <stdlib.h>
#include <unistd.h>

#define TRIES 5 /* that got nothing done, in a row */
#define WAIT_SECONDS 120.0
#define POLL_US 50000

struct applier {
    struct instance *in;
    struct client *client; /* to ask whether the engine is back */
    struct apply *apply;
    enum dataset dataset;
    const atomic_bool *stop; /* may be NULL */
    bool lost;               /* what the engine has is unknown: reopen before going on */
    unsigned generation;     /* of the engine that `apply` is open for */
    unsigned drops;          /* cube_drops() then: a drop takes rows of other datasets along */
    unsigned tries;
    uint64_t applied;            /* as it was at the last failure */
    uint64_t told;               /* damaged blocks that the log knows of */
    uint64_t step_from, step_to; /* the last step: where it began, and was to lead */
};

/* An INSERT whose answer was lost may still be running; until it is over nobody can say what is in.
 */
static int count_inserts(struct client *client, uint64_t *ret, struct err *err) {
    struct buf sql = {0}, out = {0};
    buf_add_cstr(&sql, "SELECT count() FROM system.processes WHERE 0");
    for (size_t i = 0; i < SCHEMA_TABLES; i++)
        buf_printf(&sql, " OR query LIKE 'INSERT INTO %s %%'", schema_defs[i].name);
    int rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    if (rc == 0 && !str_to_u64(str_trim(buf_str(&out)), ret))
        rc = err_set(err, ERR_ENGINE, "the engine counts its statements as \"%s\"", buf_cstr(&out));
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

/* Until the engine answers and runs no INSERT of before. */
static int wait_for_engine(struct applier *a, struct err *err) {
    double end = clock_monotonic_seconds() + WAIT_SECONDS;
    for (;;) {
        uint64_t running = 1;
        if (a->stop != NULL && *a->stop)
            return err_set(err, ERR_STOPPED, "stopped");
        int rc = engine_process_alive(a->in->engine) ? count_inserts(a->client, &running, err)
                                                     : ERR_AWAY;
        if (rc == 0 && running == 0)
            return 0;
        if (rc != 0 && rc != ERR_AWAY)
            return rc;
        if (clock_monotonic_seconds() > end)
            return err_set(err, ERR_AWAY, "the engine has not come back for %d seconds",
                           (int)WAIT_SECONDS);
        usleep(POLL_US);
    }
}

static int open_apply(struct applier *a, struct err *err) {
    const struct instance *in = a->in;
    const struct apply_env env = {.socket_path = engine_process_socket(in->engine),
                                  .control = in->control,
                                  .lake_root = in->lake_root,
                                  .refiner = in->refiner,
                                  .dataset = a->dataset,
                                  .before_insert = cube_before_insert,
                                  .after_insert = cube_after_insert,
                                  .before_drop = cube_before_drop,
                                  .arg = in->cube};
    return apply_open(&env, &a->apply, err);
}

int applier_new(struct instance *in, enum dataset dataset, const atomic_bool *stop,
                struct applier **ret, struct err *err) {
    struct applier *a = xcalloc(1, sizeof *a);
    a->stop = stop;
    a->in = in;
    a->dataset = dataset;
    a->step_from = UINT64_MAX;
    int rc = client_new(engine_process_socket(in->engine), NULL, &a->client, err);
    if (rc != 0)
        applier_close(a);
    else
        *ret = a;
    return rc;
}

static void tell_damage(struct applier *a) {
    struct err first = {0};
    uint64_t damaged = a->apply != NULL ? apply_damaged(a->apply, &first) : 0;
    if (damaged > a->told)
        log_line(LOG_WARN, "lake_damaged", "blocks=%llu first=\"%s\"", (unsigned long long)damaged,
                 first.text);
    a->told = damaged;
}

int applier_ready(struct applier *a, struct err *err) {
    unsigned generation = engine_process_generation(a->in->engine);
    if (a->apply != NULL && !a->lost && a->generation == generation &&
        a->drops == cube_drops(a->in->cube))
        return 0;
    int rc = wait_for_engine(a, err);
    generation = engine_process_generation(a->in->engine);
    if (rc == 0)
        rc = instance_open_store(a->in, err);
    if (rc == 0)
        rc = a->apply == NULL ? open_apply(a, err) : apply_reopen(a->apply, err);
    a->lost = rc != 0;
    a->generation = generation;
    if (rc == 0)
        a->drops = cube_drops(a->in->cube);
    return rc;
}

int applier_try(struct applier *a, uint64_t upto, bool flush, struct err *err) {
    int rc = 0;
    if (dataset_kind(a->dataset) == RECORDS_LINES && a->in->refiner == NULL &&
        upto > apply_refined(a->apply))
        rc = instance_load_refiner(a->in, err);
    if (rc != 0)
        return rc;
    apply_set_refiner(a->apply, a->in->refiner);
    rc = apply_run(a->apply, upto, flush, err);
    a->lost = rc == ERR_AWAY;
    if (flush) /* not for every step of a long way */
        tell_damage(a);
    return rc;
}

/* --- with patience --------------------------------------------------------------------------- */

/* Count a failure; true when it is worth another try. */
static bool again(struct applier *a, int rc) {
    if (rc != ERR_AWAY)
        return false;
    uint64_t applied = a->apply != NULL ? apply_applied(a->apply) : 0;
    a->tries = applied > a->applied ? 1 : a->tries + 1;
    a->applied = applied;
    log_line(LOG_INFO, "engine_away", "try=%u applied=%llu", a->tries, (unsigned long long)applied);
    return a->tries <= TRIES;
}

int applier_open(struct instance *in, enum dataset dataset, struct applier **ret, struct err *err) {
    struct applier *a = NULL;
    int rc = applier_new(in, dataset, NULL, &a, err);
    if (rc != 0)
        return rc;
    do {
        rc = applier_ready(a, err);
    } while (again(a, rc));
    if (rc != 0)
        applier_close(a);
    else
        *ret = a;
    return rc;
}

int applier_run(struct applier *a, uint64_t upto, bool flush, struct err *err) {
    int rc;
    do {
        rc = applier_ready(a, err);
        if (rc == 0)
            rc = applier_try(a, upto, flush, err);
    } while (again(a, rc));
    return rc;
}

/* Numbers of blocks and segments may be missing: when the last step found nothing, the next segment
 * is tried. */
uint64_t applier_step(struct applier *a, uint64_t goal, unsigned blocks) {
    uint64_t at = apply_refined(a->apply);
    if (at == a->step_from)
        a->step_to = bid_make(a->dataset, bid_segment(a->step_to) + 1, blocks);
    else
        a->step_to = bid_make(a->dataset, bid_segment(at),
                              (uint64_t)min_i64((int64_t)bid_block(at) + blocks, 0xffffff));
    if (a->step_to >= goal) {
        a->step_from = UINT64_MAX; /* what it leads to is there */
        return goal;
    }
    a->step_from = at;
    return a->step_to;
}

struct apply *applier_apply(const struct applier *a) {
    return a->apply;
}

void applier_close(struct applier *a) {
    if (a == NULL)
        return;
    tell_damage(a);
    apply_close(a->apply);
    client_free(a->client);
    free(a);
}

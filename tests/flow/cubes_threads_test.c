/* Rows arrive and questions are asked while time is sealed, in threads of one process (dev/check
 * runs this under TSan). CASK_SEED repeats a run, CASK_ROUNDS makes it longer. */
#include "flow/world.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static struct client *own_client(struct world *w) {
    struct client *c = NULL;
    struct err err = {0};
    assert_ok(client_new(engine_process_socket(w->in->engine), NULL, &c, &err), err);
    return c;
}

/* --- rows that arrive while their time is being sealed --- */

struct beside {
    struct world *world;
    struct client *client;
    atomic_bool stop;
    struct asked asked;
    struct result expected;
};

static void *insert_beside(void *arg) {
    struct beside *b = arg;
    while (b->world->inserted < b->world->traffic.len) {
        world_insert(b->world, b->client, 1 + b->world->traffic.len / 60);
        usleep(3000);
    }
    return NULL;
}

static void sealing__rows_that_arrive_meanwhile_are_counted(void **state) {
    UNUSED(state);
    uint64_t seed = unit_seed();
    for (unsigned round = 0, rounds = unit_rounds(1); round < rounds; round++, seed++) {
        struct world w;
        pthread_t thread;
        print_message("seed %" PRIu64 "\n", seed);
        world_start(&w, seed, 20);
        w.now = w.traffic.to + 86400 * 2;
        world_insert(&w, w.in->client, w.traffic.len / 2);
        struct beside b = {.world = &w, .client = own_client(&w)};
        assert_int_equal(pthread_create(&thread, NULL, insert_beside, &b), 0);
        for (int i = 0; i < 3; i++)
            world_seal(&w);
        pthread_join(thread, NULL);
        client_free(b.client);
        world_verify(&w, w.in->client);
        world_ask_some(&w, 3);
        world_seal(&w);
        world_verify(&w, w.in->client);
        world_ask_some(&w, 3);
        world_end(&w);
    }
}

/* --- zones that change while time is sealed --- */

static void *change_zones_beside(void *arg) {
    static const char *const zones[] = {"Asia/Kathmandu", "America/St_Johns", "UTC"};
    struct beside *b = arg;
    struct rng rng = {b->world->seed};
    while (!atomic_load(&b->stop)) {
        struct config *other = config_copy(&b->world->config);
        struct config_site *site = &other->sites[rng_below(&rng, other->n_sites)];
        char **place = rng_below(&rng, 4) == 0 ? &other->timezone : &site->timezone;
        free(*place);
        *place = xstrdup(zones[rng_below(&rng, ARRAY_LEN(zones))]);
        cube_set_config(b->world->in->cube, other);
        config_free(other); /* the cube holds it */
        usleep(20000);
        cube_set_config(b->world->in->cube, &b->world->config);
        usleep((useconds_t)rng_below(&rng, 300000));
    }
    return NULL;
}

static void sealing__zones_that_change_meanwhile_change_no_answer(void **state) {
    UNUSED(state);
    struct world w;
    pthread_t thread;
    uint64_t seed = unit_seed();
    world_start(&w, seed, 20);
    world_insert(&w, w.in->client, w.traffic.len);
    w.now = w.traffic.to + 86400 * 2;
    struct beside b = {.world = &w};
    assert_int_equal(pthread_create(&thread, NULL, change_zones_beside, &b), 0);
    for (unsigned i = 0; i < 4 * unit_rounds(1); i++) {
        world_seal(&w);
        world_verify(&w, w.in->client);
        world_ask_some(&w, 2);
    }
    atomic_store(&b.stop, true);
    pthread_join(thread, NULL);
    world_seal(&w);
    world_verify(&w, w.in->client);
    world_ask_some(&w, 3);
    world_end(&w);
}

/* --- questions asked while time is sealed again and dead cells are deleted --- */

/* An hour of a site that has rows about it, so that the extent of the data stays what it is. */
static void dirty_one_hour(struct world *w, struct rng *rng) {
    struct cube_snapshot s;
    struct err err = {0};
    cube_snapshot(w->in->cube, &s);
    const struct cube_site *site = &s.state.sites.items[rng_below(rng, s.state.sites.len)];
    if (strcmp(site->name, ALL_SITES) != 0) {
        uint32_t first = (uint32_t)(site->first / 3600), n = (uint32_t)(site->last / 3600) - first;
        uint32_t hour = first + (uint32_t)rng_below(rng, n < 48 ? n : 48);
        struct touched_site touched = {.site = site->name};
        struct hour_range range = {hour, hour + 1};
        vec_push(&touched.ranges, range);
        assert_ok(cube_before_insert(w->in->cube, &touched, 1, &err), err);
        cube_after_insert(w->in->cube);
        vec_free(&touched.ranges);
    }
    cube_snapshot_release(&s);
}

static void *seal_beside(void *arg) {
    struct beside *b = arg;
    struct rng rng = {b->world->seed};
    while (!atomic_load(&b->stop)) {
        struct err err = {0};
        dirty_one_hour(b->world, &rng);
        /* recent hours age, and come back where time was dirty */
        int64_t now = b->world->now + (int64_t)rng_below(&rng, 3) * 30 * 86400;
        assert_ok(cube_seal(b->world->in->cube, now, NULL, NULL, &err), err);
    }
    return NULL;
}

static void sealing__answers_stay_the_same_meanwhile(void **state) {
    UNUSED(state);
    struct world w;
    pthread_t thread;
    struct asked asked[6];
    struct result expected[ARRAY_LEN(asked)];
    uint64_t seed = unit_seed();
    world_start(&w, seed, 15);
    world_insert(&w, w.in->client, w.traffic.len);
    w.now = w.traffic.to + 86400 * 2;
    world_seal(&w);
    struct client *client = own_client(&w);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        if (i % 2 == 0)
            asked_random(&asked[i], &w);
        else
            asked_hourly(&asked[i], &w);
        struct err err = {0};
        struct query_env env = {&w.config, client, w.in->cube, w.now, true};
        if (query_run(&env, &asked[i].question, &expected[i], NULL, &err) != 0) {
            asked_release(&asked[i--]); /* words that do not go together: another one */
            continue;
        }
    }
    struct beside b = {.world = &w};
    assert_int_equal(pthread_create(&thread, NULL, seal_beside, &b), 0);
    for (unsigned round = 0, rounds = unit_rounds(1) * 4; round < rounds; round++) {
        for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
            struct result got;
            world_ask(&w, client, &asked[i], false, &got);
            const char *what = result_differs(&got, &expected[i]);
            if (what != NULL)
                fail_msg("seed %" PRIu64 ":%s: %s", seed, buf_cstr(&asked[i].words), what);
            query_free_result(&got);
        }
        world_verify(&w, client);
    }
    atomic_store(&b.stop, true);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        asked_release(&asked[i]);
        query_free_result(&expected[i]);
    }
    client_free(client);
    world_end(&w);
}

UNIT_MAIN(unit_test(sealing__rows_that_arrive_meanwhile_are_counted),
          unit_test(sealing__zones_that_change_meanwhile_change_no_answer),
          unit_test(sealing__answers_stay_the_same_meanwhile))

/* Cubes change no answer: random traffic arrives in random pieces, time is half sealed, cubes are
 * dropped, the data directory is opened again, and each question gets the answer that raw rows give
 * and that a count in C gives. CASK_SEED repeats a run, CASK_ROUNDS makes it longer. */
#include "flow/world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static struct client *own_client(struct world *w) {
    struct client *c = NULL;
    struct err err = {0};
    assert_ok(client_new(engine_process_socket(w->in->engine), NULL, &c, &err), err);
    return c;
}

static void ask_some(struct world *w, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        struct asked a;
        if (rng_chance(&w->rng, 70))
            asked_random(&a, w);
        else
            asked_hourly(&a, w);
        world_compare(w, &a);
        asked_release(&a);
    }
    for (unsigned i = 0; i < n / 6 + 1; i++)
        world_compare_count(w);
}

static int count_difference(void *arg, const char *site, int64_t hour, const char *measure,
                            uint64_t in_cells, uint64_t in_events) {
    const struct world *w = arg;
    fail_msg("seed %" PRIu64 ": %s at %" PRId64 ": %s is %" PRIu64 " in cells and %" PRIu64
             " in events",
             w->seed, site, hour, measure, in_cells, in_events);
    return 0;
}

static void verify(struct world *w) {
    uint64_t hours;
    struct err err = {0};
    assert_ok(cube_verify(w->in->cube, count_difference, w, &hours, &err), err);
}

static void insert_some(struct world *w) {
    size_t left = w->traffic.len - w->inserted;
    world_insert(w, w->in->client,
                 rng_chance(&w->rng, 50) ? 1 + rng_below(&w->rng, left) : 1 + left / 3);
}

static void answers__are_those_of_raw_rows_and_of_a_count(void **state) {
    UNUSED(state);
    uint64_t seed = world_seed();
    unsigned rounds = world_rounds(2);
    for (unsigned round = 0; round < rounds; round++, seed++) {
        struct world w;
        print_message("seed %" PRIu64 "\n", seed);
        world_start(&w, seed, 8 + seed % 24);
        while (w.inserted < w.traffic.len) {
            insert_some(&w);
            int64_t span = w.traffic.to - w.traffic.from;
            w.now = w.traffic.from + (int64_t)rng_below(&w.rng, (uint64_t)span * 5 / 4);
            if (rng_chance(&w.rng, 75))
                world_seal(&w);
            if (rng_chance(&w.rng, 10)) {
                struct err err = {0};
                assert_ok(cube_drop(w.in->cube, &err), err);
            }
            if (rng_chance(&w.rng, 25)) {
                world_close(&w);
                world_open(&w);
            }
            ask_some(&w, 3);
        }
        w.now = w.traffic.to + (int64_t)rng_below(&w.rng, 60) * 86400; /* hours age, or not yet */
        world_seal(&w);
        ask_some(&w, 4);
        w.now = w.traffic.to + 400 * 86400; /* everything is sealed */
        world_seal(&w);
        verify(&w);
        uint64_t rows;
        struct err err = {0};
        assert_ok(cube_unsealed_rows(w.in->cube, w.now, &rows, &err), err);
        assert_int_equal(rows, 0);
        ask_some(&w, 8);
        world_end(&w);
    }
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
    uint64_t seed = world_seed();
    for (unsigned round = 0, rounds = world_rounds(1); round < rounds; round++, seed++) {
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
        verify(&w);
        ask_some(&w, 3);
        world_seal(&w);
        verify(&w);
        ask_some(&w, 3);
        world_end(&w);
    }
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
    uint64_t seed = world_seed();
    print_message("seed %" PRIu64 "\n", seed);
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
    for (unsigned round = 0, rounds = world_rounds(1) * 4; round < rounds; round++) {
        for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
            struct result got;
            world_ask(&w, client, &asked[i], false, &got);
            const char *what = result_differs(&got, &expected[i]);
            if (what != NULL)
                fail_msg("seed %" PRIu64 ":%s: %s", seed, buf_cstr(&asked[i].words), what);
            query_free_result(&got);
        }
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

/* --- ends at any moment --- */

static void seal_in_a_child(struct world *w, unsigned after_ms) {
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err err = {0};
        if (instance_open(&w->config, w->dir, "test", &w->in, &err) == 0)
            (void)!cube_seal(w->in->cube, w->now, NULL, NULL, &err);
        _exit(0);
    }
    usleep(after_ms * 1000);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The engine of a killed process goes by itself; until then the directory is in use. */
static void open_patiently(struct world *w) {
    struct err err = {0};
    int rc = ERR_BUSY;
    for (int i = 0; i < 600 && rc == ERR_BUSY; i++) {
        rc = instance_open(&w->config, w->dir, "test", &w->in, &err);
        if (rc == ERR_BUSY)
            usleep(50000);
    }
    assert_ok(rc, err);
}

static void killed__in_the_middle_of_a_seal_changes_no_answer(void **state) {
    UNUSED(state);
    uint64_t seed = world_seed();
    struct world w;
    print_message("seed %" PRIu64 "\n", seed);
    world_start(&w, seed, 15);
    for (unsigned round = 0, rounds = world_rounds(1) * 3; round < rounds; round++) {
        if (w.inserted < w.traffic.len)
            world_insert(&w, w.in->client, 1 + w.traffic.len / 8);
        w.now = w.traffic.from +
                (int64_t)rng_below(&w.rng, (uint64_t)(w.traffic.to - w.traffic.from) * 2);
        world_close(&w);
        seal_in_a_child(&w, 150 + (unsigned)rng_below(&w.rng, 600));
        open_patiently(&w);
        verify(&w);
        ask_some(&w, 2);
        if (rng_chance(&w.rng, 50))
            world_seal(&w);
    }
    world_end(&w);
}

/* --- recent hours --- */

static uint64_t count_recent_hours(struct world *w, int64_t before) {
    struct buf sql = {0}, out = {0};
    struct err err = {0};
    uint64_t n = 0;
    buf_printf(&sql, "SELECT count() FROM cube_audience WHERE grain = %d AND time < %lld",
               GRAIN_HOUR, (long long)before);
    assert_ok(client_query(w->in->client, buf_str(&sql), "TSV", NULL, 0, &out, &err), err);
    assert_true(str_to_u64(str_trim(buf_str(&out)), &n));
    buf_release(&sql);
    buf_release(&out);
    return n;
}

static void ask_hourly(struct world *w, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        struct asked a;
        asked_hourly(&a, w);
        world_compare(w, &a);
        asked_release(&a);
    }
    world_compare_count(w);
}

/* Does the cell of an hour answer for every event that young, and for none that old? */
static void check_covered(struct world *w, int64_t now) {
    const struct cube_def *audience = NULL;
    struct cube_snapshot s;
    for (size_t i = 0; i < cube_defs_count; i++)
        if (cube_has_recent_hours(&cube_defs[i]))
            audience = &cube_defs[i];
    assert_non_null(audience);
    cube_snapshot(w->in->cube, &s);
    for (size_t i = 0; i < w->inserted; i++) {
        const struct event *e = &w->traffic.items[i];
        const struct cube_site *site = cube_state_find(&s.state, e->site);
        struct zone *zone = NULL;
        struct err err = {0};
        assert_ok(zone_open(site->zone, &zone, &err), err);
        int64_t hour = zone_floor(zone, GRAIN_HOUR, e->ts);
        bool covered =
            cube_site_covers(site, audience, GRAIN_HOUR, hour, zone_next(zone, GRAIN_HOUR, e->ts));
        zone_free(zone);
        if (covered ? e->ts < now - 44 * 86400 : e->ts >= now - 34 * 86400)
            fail_msg("seed %" PRIu64 ": the hour %" PRId64 " of %s at %" PRId64, w->seed, hour,
                     site->name, now);
    }
    cube_snapshot_release(&s);
}

static void recent_hours__age_and_no_kill_then_changes_an_answer(void **state) {
    UNUSED(state);
    uint64_t seed = world_seed();
    for (unsigned round = 0, rounds = world_rounds(1); round < rounds; round++, seed++) {
        struct world w;
        print_message("seed %" PRIu64 "\n", seed);
        world_start(&w, seed, 15);
        world_insert(&w, w.in->client, w.traffic.len);
        w.now = w.traffic.to + 2 * 86400;
        world_seal(&w);
        check_covered(&w, w.now);
        assert_true(count_recent_hours(&w, INT64_C(1) << 32) > 0);
        for (int kills = 0; kills < 5; kills++) {
            w.now += (int64_t)rng_below(&w.rng, 20) * 86400;
            world_close(&w);
            seal_in_a_child(&w, 150 + (unsigned)rng_below(&w.rng, 600));
            open_patiently(&w);
            ask_hourly(&w, 3);
            if (rng_chance(&w.rng, 50)) {
                world_seal(&w);
                check_covered(&w, w.now);
                assert_int_equal(count_recent_hours(&w, w.now - 44 * 86400), 0);
                ask_hourly(&w, 3);
            }
        }
        w.now += 100 * 86400;
        world_seal(&w);
        check_covered(&w, w.now);
        assert_int_equal(count_recent_hours(&w, INT64_C(1) << 32), 0);
        ask_hourly(&w, 3);
        world_end(&w);
    }
}

/* --- control data of another time --- */

static void copy_control(struct world *w, const char *from, const char *to) {
    char command[300];
    snprintf(command, sizeof command,
             "cd '%s' && rm -f %s* && for f in %s*; do cp \"$f\" %s\"${f#%s}\"; done", w->dir, to,
             from, to, from);
    assert_int_equal(system(command), 0);
}

static uint64_t count_live(struct world *w) {
    uint64_t n = 0;
    struct cube_snapshot s;
    cube_snapshot(w->in->cube, &s);
    for (size_t i = 0; i < s.state.sites.len; i++)
        n += s.state.sites.items[i].units.len + s.state.sites.items[i].clean.len;
    cube_snapshot_release(&s);
    return n;
}

static void control_data__older_than_the_cubes_drop_them(void **state) {
    UNUSED(state);
    uint64_t seed = world_seed();
    struct world w;
    print_message("seed %" PRIu64 "\n", seed);
    world_start(&w, seed, 15);
    world_insert(&w, w.in->client, w.traffic.len);
    w.now = (w.traffic.from + w.traffic.to) / 2;
    world_seal(&w);
    world_close(&w);
    copy_control(&w, "control.db", "aside.db");
    world_open(&w);
    assert_true(count_live(&w) > 0); /* opening alone drops nothing */
    w.now = w.traffic.to + 86400 * 2;
    world_seal(&w);
    world_close(&w);
    copy_control(&w, "aside.db", "control.db");
    world_open(&w);
    assert_int_equal(count_live(&w), 0);
    ask_some(&w, 3);
    world_seal(&w);
    verify(&w);
    ask_some(&w, 3);
    world_end(&w);
}

UNIT_MAIN(unit_test(answers__are_those_of_raw_rows_and_of_a_count),
          unit_test(sealing__rows_that_arrive_meanwhile_are_counted),
          unit_test(sealing__answers_stay_the_same_meanwhile),
          unit_test(killed__in_the_middle_of_a_seal_changes_no_answer),
          unit_test(recent_hours__age_and_no_kill_then_changes_an_answer),
          unit_test(control_data__older_than_the_cubes_drop_them))

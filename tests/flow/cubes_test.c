/* Cubes change no answer: random traffic arrives in random pieces, time is half sealed, cubes are
 * dropped, the data directory is opened again, and each question gets the answer that raw rows give
 * and that a count in C gives. CASK_SEED repeats a run, CASK_ROUNDS makes it longer. */
#include "flow/world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void insert_some(struct world *w) {
    size_t left = w->traffic.len - w->inserted;
    world_insert(w, w->in->client,
                 rng_chance(&w->rng, 50) ? 1 + rng_below(&w->rng, left) : 1 + left / 3);
}

static void answers__are_those_of_raw_rows_and_of_a_count(void **state) {
    UNUSED(state);
    uint64_t seed = unit_seed();
    unsigned rounds = unit_rounds(2);
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
            world_ask_some(&w, 3);
        }
        w.now = w.traffic.to + (int64_t)rng_below(&w.rng, 60) * 86400; /* hours age, or not yet */
        world_seal(&w);
        world_ask_some(&w, 4);
        w.now = w.traffic.to + 400 * 86400; /* everything is sealed */
        world_seal(&w);
        world_verify(&w, w.in->client);
        uint64_t rows;
        struct err err = {0};
        assert_ok(cube_unsealed_rows(w.in->cube, w.now, &rows, &err), err);
        assert_int_equal(rows, 0);
        world_ask_some(&w, 8);
        for (unsigned i = 0; i < 8; i++) {
            struct asked a;
            asked_cube(&a, &w);
            world_compare(&w, &a);
            asked_release(&a);
        }
        world_end(&w);
    }
}

/* --- rows are dropped beside it --- */

static int drop_rows(void *arg, uint64_t done, uint64_t all) {
    struct world *w = arg;
    struct err err = {0};
    UNUSED(done), UNUSED(all);
    if (cube_drops(w->in->cube) == 0) {
        assert_ok(cube_before_drop(w->in->cube, &err), err);
        cube_after_insert(w->in->cube);
    }
    return 0;
}

static size_t count_dirty_sites(struct world *w) {
    struct cube_snapshot s;
    size_t n = 0;
    cube_snapshot(w->in->cube, &s);
    for (size_t i = 0; i < s.state.sites.len; i++)
        n += strcmp(s.state.sites.items[i].name, ALL_SITES) != 0 &&
             s.state.sites.items[i].clean.len == 0;
    cube_snapshot_release(&s);
    return n;
}

/* What was counted may not come back: nothing that was looked at before is good. */
static void dropped_rows__leave_nothing_clean_that_was_looked_at_before(void **state) {
    UNUSED(state);
    struct world w;
    struct err err = {0};
    world_start(&w, unit_seed(), 15);
    world_insert(&w, w.in->client, w.traffic.len);
    cube_set_window(w.in->cube, 100);
    w.now = w.traffic.to + 400 * 86400;
    assert_ok(cube_seal(w.in->cube, w.now, drop_rows, &w, &err), err);
    /* the one that was being sealed: others are looked at later */
    assert_int_equal(count_dirty_sites(&w), 1);
    cube_set_window(w.in->cube, 2000000);
    assert_ok(cube_seal(w.in->cube, w.now, NULL, NULL, &err), err);
    world_verify(&w, w.in->client);
    world_end(&w);
}

/* Between the word of it and the drop a seal may begin, and count what goes. */
static void dropped_rows__leave_nothing_clean_before_they_are_gone(void **state) {
    UNUSED(state);
    struct world w;
    struct err err = {0};
    world_start(&w, unit_seed(), 5);
    world_insert(&w, w.in->client, w.traffic.len);
    w.now = w.traffic.to + 400 * 86400;
    assert_ok(cube_before_drop(w.in->cube, &err), err);
    size_t all = count_dirty_sites(&w);
    assert_true(all > 0);
    assert_ok(cube_seal(w.in->cube, w.now, NULL, NULL, &err), err);
    assert_int_equal(count_dirty_sites(&w), all);
    cube_after_insert(w.in->cube);
    assert_ok(cube_seal(w.in->cube, w.now, NULL, NULL, &err), err);
    assert_int_equal(count_dirty_sites(&w), 0);
    world_verify(&w, w.in->client);
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
    for (int i = 0; i < 2400 && rc == ERR_BUSY; i++) {
        rc = instance_open(&w->config, w->dir, "test", &w->in, &err);
        if (rc == ERR_BUSY)
            usleep(50000);
    }
    assert_ok(rc, err);
}

static void killed__in_the_middle_of_a_seal_changes_no_answer(void **state) {
    UNUSED(state);
    uint64_t seed = unit_seed();
    struct world w;
    world_start(&w, seed, 15);
    for (unsigned round = 0, rounds = unit_rounds(1) * 3; round < rounds; round++) {
        if (w.inserted < w.traffic.len)
            world_insert(&w, w.in->client, 1 + w.traffic.len / 8);
        w.now = w.traffic.from +
                (int64_t)rng_below(&w.rng, (uint64_t)(w.traffic.to - w.traffic.from) * 2);
        world_close(&w);
        seal_in_a_child(&w, 150 + (unsigned)rng_below(&w.rng, 600));
        open_patiently(&w);
        world_verify(&w, w.in->client);
        world_ask_some(&w, 2);
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
    uint64_t seed = unit_seed();
    for (unsigned round = 0, rounds = unit_rounds(1); round < rounds; round++, seed++) {
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
    uint64_t seed = unit_seed();
    struct world w;
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
    world_ask_some(&w, 3);
    world_seal(&w);
    world_verify(&w, w.in->client);
    world_ask_some(&w, 3);
    world_end(&w);
}

/* --- rows that arrive while an answer is made --- */

static void whole_time(struct asked *a, const struct world *w) {
    const int64_t ends[] = {w->traffic.from - 86400, w->traffic.to + 86400};
    const char *const keys[] = {"from", "to"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char text[32];
        time_t at = (time_t)ends[i];
        struct tm tm;
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M", gmtime_r(&at, &tm));
        asked_set(a, keys[i], str_from(text));
    }
}

/* An answer is several statements; rows of later blocks make time dirty, but none of them counts.
 */
static void fence__leaves_out_what_came_later(void **state) {
    UNUSED(state);
    uint64_t applied[DATASET_MAX + 1] = {0}, seed = unit_seed();
    struct world w;
    struct asked asked[12];
    struct result before[ARRAY_LEN(asked)], after;
    struct err err = {0};
    world_start(&w, seed, 20);
    w.bid = bid_make(DATASET_WEB, 1, 0);
    world_insert(&w, w.in->client, w.traffic.len / 2);
    w.now = w.traffic.to + 86400 * 2;
    world_seal(&w);
    applied[DATASET_WEB] = w.bid;
    struct query_env env = {&w.config, w.in->client, w.in->cube, w.now, .applied = applied};
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        asked_random(&asked[i], &w);
        whole_time(&asked[i], &w);
        if (query_run(&env, &asked[i].question, &before[i], NULL, &err) != 0)
            asked_release(&asked[i--]); /* words that do not go together: another one */
    }
    world_insert(&w, w.in->client, w.traffic.len);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        assert_ok(query_run(&env, &asked[i].question, &after, NULL, &err), err);
        const char *what = result_differs(&after, &before[i]);
        if (what != NULL)
            fail_msg("seed %" PRIu64 ":%s: %s", seed, buf_cstr(&asked[i].words), what);
        query_free_result(&after);
        query_free_result(&before[i]);
        asked_release(&asked[i]);
    }
    world_end(&w);
}

UNIT_MAIN(unit_test(answers__are_those_of_raw_rows_and_of_a_count),
          unit_test(dropped_rows__leave_nothing_clean_that_was_looked_at_before),
          unit_test(dropped_rows__leave_nothing_clean_before_they_are_gone),
          unit_test(killed__in_the_middle_of_a_seal_changes_no_answer),
          unit_test(recent_hours__age_and_no_kill_then_changes_an_answer),
          unit_test(control_data__older_than_the_cubes_drop_them),
          unit_test(fence__leaves_out_what_came_later))

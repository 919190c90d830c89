/* How fast time is sealed, and how long the engine takes for a year of sealed days: printed, never
 * asserted. `meson test --benchmark`; CASK_ROWS page views (2,000,000), CASK_VISITORS (200,000). */
#include "flow/world.h"

#include "base/clock.h"

#define YEAR 365

static uint64_t number_of(const char *name, uint64_t usual) {
    const char *given = getenv(name);
    return given != NULL ? strtoull(given, NULL, 10) : usual;
}

static void execute(struct world *w, struct buf *sql) {
    struct err err = {0};
    assert_ok(client_query(w->in->client, buf_str(sql), NULL, NULL, 0, NULL, &err), err);
    buf_clear(sql);
}

/* Page views of a year of one site, a month an INSERT. */
static void insert_year(struct world *w, int64_t from, uint64_t rows, uint64_t visitors) {
    struct buf sql = {0};
    struct touched_site touched = {.site = (char *)(uintptr_t)traffic_sites[0]};
    struct hour_range hours = {(uint32_t)(from / 3600), (uint32_t)(from / 3600 + YEAR * 24)};
    struct err err = {0};
    vec_push(&touched.ranges, hours);
    assert_ok(cube_before_insert(w->in->cube, &touched, 1, &err), err);
    buf_printf(
        &sql,
        "INSERT INTO events (bid, ts, kind, site, source, visitor, method, path, status, bytes, "
        "channel,"
        " country, browser, os, device, bot)"
        " SELECT 1, toDateTime(%lld + cityHash64(number) %% %d, 'UTC'), 'pageview', '%s', 'log',"
        " cityHash64(number, 1) %% %llu AS v, 'GET', concat('/p', toString(cityHash64(number, 2) "
        "%% 3000)),"
        " 200, 1000, 'direct', toString(v %% 60), toString(v %% 9), toString(v %% 7), toString(v "
        "%% 3),"
        " v %% 11 = 0 FROM numbers(%llu)",
        (long long)from, YEAR * 86400, traffic_sites[0], (unsigned long long)visitors,
        (unsigned long long)rows);
    execute(w, &sql);
    cube_after_insert(w->in->cube);
    vec_free(&touched.ranges);
    buf_release(&sql);
}

static void ask(struct world *w, const char *metrics, const char *by, const char *group, bool raw) {
    struct asked a = {0};
    double best = 1e9;
    asked_set(&a, "metrics", str_from(metrics));
    if (by != NULL)
        asked_set(&a, "by", str_from(by));
    if (group != NULL)
        asked_set(&a, "group", str_from(group));
    for (int i = 0; i < 5; i++) {
        struct query_env env = {&w->config, w->in->client, w->in->cube, w->now, .raw = raw};
        struct result result;
        struct err err = {0};
        double seconds = 0;
        assert_ok(query_run(&env, &a.question, &result, &seconds, &err), err);
        query_free_result(&result);
        best = seconds < best ? seconds : best;
    }
    print_message("%7.1f ms of engine time, best of 5%s:%s\n", best * 1e3, raw ? ", raw rows" : "",
                  buf_cstr(&a.words));
    asked_release(&a);
}

static void print__speed(void **state) {
    UNUSED(state);
    struct world w;
    uint64_t rows = number_of("CASK_ROWS", 2000000);
    world_start(&w, 1, 1);
    w.config.timezone = w.sites[0].timezone;
    int64_t from = 1609459200; /* 2021 */
    double t = clock_monotonic_seconds();
    insert_year(&w, from, rows, number_of("CASK_VISITORS", 200000));
    double inserted = clock_monotonic_seconds();
    w.now = from + (YEAR + 400) * 86400LL;
    world_seal(&w);
    double sealed = clock_monotonic_seconds();
    print_message("%llu page views: inserted in %.1f s, sealed in %.1f s: %.0f page views/s\n",
                  (unsigned long long)rows, inserted - t, sealed - inserted,
                  (double)rows / (sealed - inserted));
    ask(&w, "pageviews,sessions,visitors", "day", NULL, false);
    ask(&w, "pageviews,sessions,visitors", "month", NULL, false);
    ask(&w, "pageviews", "hour", NULL, false);
    ask(&w, "pageviews,visitors", "day", "country", false);
    ask(&w, "pageviews,visitors", "month", "path", false);
    ask(&w, "pageviews,sessions,visitors", "day", NULL, true);
    world_end(&w);
}

UNIT_MAIN(unit_test(print__speed))

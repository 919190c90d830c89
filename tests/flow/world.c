#include "flow/world.h"

#include "store/schema.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

/* --- the data directory --- */

void world_start(struct world *w, uint64_t seed, size_t n_visitors) {
    static char *const zones[] = {"UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu"};
    *w = (struct world){.dir = "/tmp/cask-world-XXXXXX", .seed = seed, .rng = {seed}};
    assert_non_null(mkdtemp(w->dir));
    traffic_make(&w->traffic, &w->rng, n_visitors);
    for (size_t i = 0; i < TRAFFIC_SITES; i++)
        w->sites[i] = (struct config_site){(char *)(uintptr_t)traffic_sites[i],
                                           (char *)(uintptr_t)traffic_zones[i]};
    w->config = (struct config){.timezone = zones[rng_below(&w->rng, ARRAY_LEN(zones))],
                                .sites = w->sites,
                                .n_sites = TRAFFIC_SITES,
                                .seal = true};
    w->now = w->traffic.to;
    world_open(w);
}

void world_open(struct world *w) {
    struct err err = {0};
    assert_ok(instance_open(&w->config, w->dir, "test", &w->in, &err), err);
}

void world_close(struct world *w) {
    instance_close(w->in);
    w->in = NULL;
}

void world_end(struct world *w) {
    char command[128];
    world_close(w);
    traffic_release(&w->traffic);
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
}

void world_insert(struct world *w, struct client *client, size_t n) {
    struct batch batch = {0};
    struct buf structure = {0}, block = {0};
    struct err err = {0};
    schema_structure(SCHEMA_EVENTS, &structure);
    w->bid++;
    for (size_t i = 0; i < n && w->inserted < w->traffic.len; i++) {
        struct event e = w->traffic.items[w->inserted++];
        e.bid = w->bid;
        batch_add_event(&batch, &e);
    }
    assert_ok(cube_before_insert(w->in->cube, batch.touched.items, batch.touched.len, &err), err);
    for (size_t i = 0; i < batch.months.len; i++) {
        buf_clear(&block);
        batch_encode(&batch.months.items[i], &block);
        assert_ok(client_insert(client, STR("INSERT INTO events FORMAT Native"),
                                buf_str(&structure), buf_str(&block), schema_insert_settings,
                                schema_n_insert_settings, &err),
                  err);
    }
    cube_after_insert(w->in->cube);
    batch_release(&batch);
    buf_release(&structure);
    buf_release(&block);
}

void world_seal(struct world *w) {
    struct err err = {0};
    /* one seal, or many small ones with visitors in parts: the same cells */
    cube_set_window(w->in->cube, rng_chance(&w->rng, 50) ? 20 + rng_below(&w->rng, 300) : 2000000);
    assert_ok(cube_seal(w->in->cube, w->now, NULL, NULL, &err), err);
}

/* --- questions --- */

void asked_set(struct asked *a, const char *key, struct str value) {
    struct err err = {0};
    buf_printf(&a->words, " --%s '" STR_FMT "'", key, STR_ARG(value));
    assert_ok(question_set(&a->question, str_from(key), arena_dup(&a->arena, value), &err), err);
}

void asked_release(struct asked *a) {
    arena_release(&a->arena);
    buf_release(&a->words);
}

static void set_list(struct asked *a, const char *key, size_t n, size_t (*pick)(struct rng *r),
                     const char *(*name)(size_t), struct rng *r) {
    struct buf list = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&list, "%s%s", i ? "," : "", name(pick(r)));
    asked_set(a, key, buf_str(&list));
    buf_release(&list);
}

static size_t pick_metric(struct rng *r) { return rng_below(r, METRIC_COUNT); }
static size_t pick_dimension(struct rng *r) { return rng_below(r, DIM_COUNT); }
static const char *metric_name(size_t m) { return metric_defs[m].name; }
static const char *dimension_name(size_t d) { return dimension_defs[d].name; }

static void set_time(struct asked *a, struct world *w, const char *key) {
    static const char *const forms[] = {"%Y",
                                        "%Y-%m",
                                        "%Y-%m-%d",
                                        "%Y-%m-%d",
                                        "%Y-%m-%dT%H:00",
                                        "%Y-%m-%dT%H:%M:%S",
                                        "%Y-%m-%dT%H:%M:%SZ"};
    int64_t span = w->traffic.to - w->traffic.from + 2 * 86400;
    time_t t = w->traffic.from - 86400 + (int64_t)rng_below(&w->rng, (uint64_t)span);
    char text[64];
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, forms[rng_below(&w->rng, ARRAY_LEN(forms))], &tm);
    asked_set(a, key, str_from(text));
}

static void set_filter(struct asked *a, struct world *w, enum dimension d) {
    struct buf text = {0};
    static const char *const ops[] = {"=", "=", "!="};
    static const char *const patterns[] = {"^/a", "e", "^$", "[1-5]$", "^(/|US|Linux)$"};
    buf_add_cstr(&text, dimension_defs[d].name);
    if (rng_chance(&w->rng, 25)) {
        buf_printf(&text, "~%s", patterns[rng_below(&w->rng, ARRAY_LEN(patterns))]);
    } else {
        buf_add_cstr(&text, ops[rng_below(&w->rng, ARRAY_LEN(ops))]);
        buf_add_str(&text, traffic_value(&w->traffic, &w->rng, d));
    }
    asked_set(a, "filter", buf_str(&text));
    buf_release(&text);
}

static void set_sites(struct asked *a, struct world *w) {
    struct buf list = {0};
    size_t start = rng_below(&w->rng, TRAFFIC_SITES), n = 1 + rng_below(&w->rng, 3);
    for (size_t i = 0; i < n; i++)
        buf_printf(&list, "%s%s", i ? "," : "", traffic_sites[(start + i) % TRAFFIC_SITES]);
    asked_set(a, "site", buf_str(&list));
    buf_release(&list);
}

void asked_random(struct asked *a, struct world *w) {
    static const char *const grains[] = {"hour", "day", "day", "week", "month", "quarter", "year"};
    static const char *const compares[] = {"week", "month", "quarter", "year", "previous"};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/Los_Angeles",
                                        "Asia/Kolkata", "Australia/Lord_Howe"};
    static const char *const bots[] = {"exclude", "include", "only"};
    struct rng *r = &w->rng;
    *a = (struct asked){0};
    set_list(a, "metrics", 1 + rng_below(r, 4), pick_metric, metric_name, r);
    if (rng_chance(r, 50))
        set_list(a, "metrics", 1, (size_t(*)(struct rng *))pick_metric, metric_name, r);
    if (rng_chance(r, 60))
        set_sites(a, w);
    if (rng_chance(r, 70))
        asked_set(a, "by", str_from(grains[rng_below(r, ARRAY_LEN(grains))]));
    if (rng_chance(r, 25))
        asked_set(a, "tz", str_from(zones[rng_below(r, ARRAY_LEN(zones))]));
    if (rng_chance(r, 50))
        set_list(a, "group", 1 + rng_below(r, 2), pick_dimension, dimension_name, r);
    for (size_t n = rng_below(r, 3); rng_chance(r, 60) && n > 0; n--)
        set_filter(a, w, (enum dimension)rng_below(r, DIM_COUNT));
    if (rng_chance(r, 30))
        set_time(a, w, "from");
    if (rng_chance(r, 30))
        set_time(a, w, "to");
    if (rng_chance(r, 30))
        asked_set(a, "compare", str_from(compares[rng_below(r, ARRAY_LEN(compares))]));
    if (rng_chance(r, 60))
        asked_set(a, "bots", str_from(bots[rng_below(r, ARRAY_LEN(bots))]));
    if (rng_chance(r, 20))
        asked_set(a, "limit", STR("2"));
    if (rng_chance(r, 20))
        asked_set(a, "order", str_from(metric_defs[rng_below(r, METRIC_COUNT)].name));
    if (rng_chance(r, 20))
        asked_set(a, "fill", STR("1"));
}

static const enum dimension of_visitor[] = {DIM_country, DIM_browser, DIM_os, DIM_device};

static size_t pick_of_visitor(struct rng *r) {
    return of_visitor[rng_below(r, ARRAY_LEN(of_visitor))];
}

void asked_hourly(struct asked *a, struct world *w) {
    static const char *const bots[] = {"exclude", "include", "only"};
    struct rng *r = &w->rng;
    *a = (struct asked){0};
    set_list(a, "metrics", 2 + rng_below(r, 4), pick_metric, metric_name, r);
    asked_set(a, "by", STR("hour"));
    if (rng_chance(r, 80))
        asked_set(a, "site", str_from(traffic_sites[rng_below(r, w->traffic.n_sites)]));
    if (rng_chance(r, 70))
        set_list(a, "group", 1 + rng_below(r, 2), pick_of_visitor, dimension_name, r);
    for (size_t n = rng_below(r, 3); n > 0; n--)
        set_filter(a, w, (enum dimension)pick_of_visitor(r));
    if (rng_chance(r, 30))
        set_time(a, w, "from");
    asked_set(a, "bots", str_from(bots[rng_below(r, ARRAY_LEN(bots))]));
}

static void set_day(struct asked *a, struct world *w, const char *key, int64_t at) {
    char text[16];
    struct tm tm;
    time_t t = at;
    strftime(text, sizeof text, rng_chance(&w->rng, 50) ? "%Y-%m-%d" : "%Y-%m", gmtime_r(&t, &tm));
    asked_set(a, key, str_from(text));
}

void asked_cube(struct asked *a, struct world *w) {
    static const char *const grains[] = {"hour", "day", "week", "month", "quarter", "year"};
    static const char *const bots[] = {"exclude", "include", "only"};
    enum dimension dims[CUBE_MAX_DIMENSIONS];
    struct rng *r = &w->rng;
    const struct cube_def *cube = &cube_defs[rng_below(r, cube_defs_count)];
    size_t n = cube_dimensions(cube, dims);
    struct buf group = {0};
    *a = (struct asked){0};
    set_list(a, "metrics", 1 + rng_below(r, 3), pick_metric, metric_name, r);
    if (rng_chance(r, 70))
        asked_set(a, "metrics", STR("visitors,pageviews,downloads"));
    if (rng_chance(r, 60))
        asked_set(a, "by", str_from(grains[rng_below(r, ARRAY_LEN(grains))]));
    if (rng_chance(r, 40))
        set_sites(a, w);
    for (size_t i = 0; i < n; i++) {
        if (rng_chance(r, 40))
            buf_printf(&group, "%s%s", group.len ? "," : "", dimension_defs[dims[i]].name);
        if (rng_chance(r, 20))
            set_filter(a, w, dims[i]);
    }
    if (group.len > 0)
        asked_set(a, "group", buf_str(&group));
    if (rng_chance(r, 40)) {
        set_day(a, w, "from", w->traffic.from + (int64_t)rng_below(r, 40) * 86400);
        set_day(a, w, "to", w->traffic.to + (int64_t)rng_below(r, 40) * 86400);
    }
    asked_set(a, "bots", str_from(bots[rng_below(r, ARRAY_LEN(bots))]));
    buf_release(&group);
}

static int ask(struct world *w, struct client *client, const struct asked *a, bool raw,
               struct result *ret, struct err *err) {
    struct query_env env = {&w->config, client, w->in->cube, w->now, raw, w->piece_rows};
    return query_run(&env, &a->question, ret, NULL, err);
}

void world_ask(struct world *w, struct client *client, const struct asked *a, bool raw,
               struct result *ret) {
    struct err err = {0};
    int rc = ask(w, client, a, raw, ret, &err);
    if (rc != 0)
        fail_msg("seed %" PRIu64 ":" STR_FMT ": %d: %s", w->seed, STR_ARG(buf_str(&a->words)), rc,
                 err.text);
}

static bool same_value(const struct value *x, const struct value *y) {
    if (x->type != y->type)
        return false;
    switch (x->type) {
    case VALUE_NULL:
        return true;
    case VALUE_REAL:
        return x->real == y->real;
    case VALUE_TEXT:
        return str_eq(x->text, y->text);
    default:
        return x->integer == y->integer;
    }
}

static void show(const struct value *v, struct buf *out) {
    switch (v->type) {
    case VALUE_NULL:
        buf_add_cstr(out, "null");
        break;
    case VALUE_REAL:
        buf_printf(out, "%g", v->real);
        break;
    case VALUE_TEXT:
        buf_printf(out, "\"" STR_FMT "\"", STR_ARG(v->text));
        break;
    default:
        buf_printf(out, "%lld", (long long)v->integer);
        break;
    }
}

static const char *difference(const struct result *x, const struct result *y, const struct value *a,
                              const struct value *b, const char *where) {
    static char text[2048];
    for (size_t i = 0; i < x->n_columns; i++) {
        if (same_value(&a[i], &b[i]))
            continue;
        struct buf out = {0};
        buf_printf(&out, "%s %s: ", where, x->columns[i].name);
        show(&a[i], &out);
        buf_add_cstr(&out, " and ");
        show(&b[i], &out);
        buf_add_cstr(&out, " in the row");
        for (size_t j = 0; j < x->n_columns; j++) {
            buf_add_char(&out, ' ');
            show(&a[j], &out);
        }
        snprintf(text, sizeof text, "%s", buf_cstr(&out));
        buf_release(&out);
        return text;
    }
    UNUSED(y);
    return NULL;
}

/* States of so few visitors are exact, so merged ones are compared exactly as well. */
const char *result_differs(const struct result *x, const struct result *y) {
    static char text[128];
    const char *what = difference(x, y, x->total, y->total, "total");
    size_t n = min_size(x->n_rows, y->n_rows);
    for (size_t i = 0; i < n && what == NULL; i++)
        what = difference(x, y, &x->values[i * x->n_columns], &y->values[i * x->n_columns], "row");
    if (what == NULL && x->n_rows != y->n_rows) {
        snprintf(text, sizeof text, "%zu and %zu rows", x->n_rows, y->n_rows);
        what = text;
    }
    if (what == NULL &&
        (x->from != y->from || x->to != y->to || x->complete_until != y->complete_until))
        what = "the range differs";
    return what;
}

/* Some words do not go together (--from behind --to): then both must say the same. */
void world_compare(struct world *w, const struct asked *a) {
    struct result cubes, rows;
    struct err err = {0}, raw_err = {0};
    int rc = ask(w, w->in->client, a, false, &cubes, &err);
    uint64_t usual = w->piece_rows; /* pieces change no answer either */
    w->piece_rows = rng_chance(&w->rng, 50) ? 1 + rng_below(&w->rng, 300) : 0;
    int raw_rc = ask(w, w->in->client, a, true, &rows, &raw_err);
    w->piece_rows = usual;
    if (rc != raw_rc || (rc != 0 && rc != ERR_USAGE))
        fail_msg("seed %" PRIu64 ":" STR_FMT ": %d %s; raw: %d %s", w->seed,
                 STR_ARG(buf_str(&a->words)), rc, err.text, raw_rc, raw_err.text);
    if (rc != 0)
        return;
    const char *what = result_differs(&cubes, &rows);
    if (what != NULL)
        fail_msg("seed %" PRIu64 ":" STR_FMT ": cubes and raw rows: %s", w->seed,
                 STR_ARG(buf_str(&a->words)), what);
    query_free_result(&cubes);
    query_free_result(&rows);
}

/* --- against the count --- */

#define COUNTED                                                                                    \
    "hits,pageviews,sessions,visitors,bounces,exits,engaged_seconds,downloads,download_requests,"  \
    "errors,bytes,events"

static bool same_tally(const struct tally *t, const struct value *v) {
    const uint64_t want[] = {
        t->hits,  t->pageviews,       t->sessions,  t->visitors,          t->bounces,
        t->exits, t->engaged_seconds, t->downloads, t->download_requests, t->errors,
        t->bytes, t->events};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        if (v[i].type != VALUE_INT || (uint64_t)v[i].integer != want[i])
            return false;
    return true;
}

static void fail_tally(struct world *w, const struct asked *a, const struct tally *t,
                       const struct value *v) {
    struct buf out = {0};
    for (size_t i = 0; i < 12; i++) {
        buf_add_char(&out, ' ');
        show(&v[i], &out);
    }
    fail_msg("seed %" PRIu64 ":" STR_FMT ": at %lld answered%s, counted %" PRIu64 " %" PRIu64
             " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
             " %" PRIu64 " %" PRIu64 " %" PRIu64,
             w->seed, STR_ARG(buf_str(&a->words)), (long long)t->start, buf_cstr(&out), t->hits,
             t->pageviews, t->sessions, t->visitors, t->bounces, t->exits, t->engaged_seconds,
             t->downloads, t->download_requests, t->errors, t->bytes, t->events);
}

static void compare_tallies(struct world *w, const struct asked *a, unsigned sites,
                            struct event *events, size_t n) {
    struct result result;
    struct tallies buckets = {0}, whole = {0};
    static const struct tally none;
    const struct question *q = &a->question;
    world_ask(w, w->in->client, a, false, &result);
    traffic_count(events, n, sites, result.zone, q->by, result.from, result.to, q->bots, &buckets);
    traffic_count(events, n, sites, result.zone, GRAIN_NONE, result.from, result.to, q->bots,
                  &whole);
    if (!same_tally(whole.len ? whole.items : &none, result.total + 1))
        fail_tally(w, a, whole.len ? whole.items : &none, result.total + 1);
    for (size_t i = 0; i < result.n_rows || i < buckets.len; i++) {
        const struct value *row = &result.values[i * result.n_columns];
        if (i == result.n_rows || i == buckets.len)
            fail_msg("seed %" PRIu64 ":" STR_FMT ": %zu buckets answered, %zu counted", w->seed,
                     STR_ARG(buf_str(&a->words)), result.n_rows, buckets.len);
        if (row->integer != buckets.items[i].start || !same_tally(&buckets.items[i], row + 1))
            fail_tally(w, a, &buckets.items[i], row + 1);
    }
    vec_free(&buckets);
    vec_free(&whole);
    query_free_result(&result);
}

static struct str value_of_visitor(const struct event *e, enum dimension d) {
    return d == DIM_country   ? e->country
           : d == DIM_browser ? e->browser
           : d == DIM_os      ? e->os
                              : e->device;
}

/* Whole visitors stay or go, so what is left keeps its sessions. */
static size_t filter_visitors(struct world *w, struct asked *a, struct event *events) {
    enum dimension d = (enum dimension)pick_of_visitor(&w->rng);
    struct str value = traffic_value(&w->traffic, &w->rng, d);
    struct buf text = {0};
    buf_printf(&text, "%s=" STR_FMT, dimension_defs[d].name, STR_ARG(value));
    asked_set(a, "filter", buf_str(&text));
    buf_release(&text);
    size_t kept = 0;
    for (size_t i = 0; i < w->inserted; i++)
        if (str_eq(value_of_visitor(&events[i], d), value))
            events[kept++] = events[i];
    return kept;
}

void world_compare_count(struct world *w) {
    static const char *const grains[] = {"hour", "hour", "day", "week", "month", "quarter", "year"};
    static const char *const zones[] = {"Asia/Kathmandu", "America/Los_Angeles",
                                        "Australia/Lord_Howe"};
    static const char *const bots[] = {"exclude", "include", "only"};
    struct rng *r = &w->rng;
    struct asked a = {0};
    unsigned sites = (1u << TRAFFIC_SITES) - 1;
    size_t site = rng_below(r, TRAFFIC_SITES + 2);
    asked_set(&a, "metrics", STR(COUNTED));
    asked_set(&a, "by", str_from(grains[rng_below(r, ARRAY_LEN(grains))]));
    asked_set(&a, "bots", str_from(bots[rng_below(r, ARRAY_LEN(bots))]));
    if (site < TRAFFIC_SITES) {
        sites = 1u << site;
        asked_set(&a, "site", str_from(traffic_sites[site]));
    }
    if (rng_chance(r, 25))
        asked_set(&a, "tz", str_from(zones[rng_below(r, ARRAY_LEN(zones))]));
    struct event *events = xcalloc(w->inserted + 1, sizeof *events);
    memcpy(events, w->traffic.items, w->inserted * sizeof *events);
    size_t n = rng_chance(r, 50) ? filter_visitors(w, &a, events) : w->inserted;
    compare_tallies(w, &a, sites, events, n);
    free(events);
    asked_release(&a);
}

void world_ask_some(struct world *w, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        struct asked a;
        void (*const kinds[])(struct asked *, struct world *) = {asked_random, asked_random,
                                                                 asked_cube, asked_hourly};
        kinds[rng_below(&w->rng, ARRAY_LEN(kinds))](&a, w);
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

void world_verify(struct world *w, struct client *client) {
    uint64_t hours;
    struct err err = {0};
    assert_ok(cube_verify(w->in->cube, client, count_difference, w, &hours, &err), err);
}

/* Counters of repositories from the lake to answers: random records come in random pieces, the
 * engine is killed while they are applied, the store is made anew, and each question gets the
 * answer of a count in C. CASK_SEED repeats a run, CASK_ROUNDS makes it longer. */
#include "flow/world.h"

#include "query/span.h"
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define REPOS 5
#define RECORDS 400
#define DAYS 120
#define START ((int64_t)1425168000) /* 2015-03-01: a summer time begins within */
#define COUNTERS 7

struct reading {
    int64_t ts, value[COUNTERS];
    uint64_t bid;
    size_t repo;
    const char *site, *source;
};

struct lab {
    struct world w;
    struct reading readings[RECORDS];
    size_t n; /* that are in the lake */
    int64_t last[REPOS][COUNTERS];
};

static const char *const repos[REPOS] = {"a/one", "a/two", "b/'three'", "b/four", "c/five"};
static const char *const sites[] = {"a.example", "b.example", ""};
static const char *const sources[] = {"x", "y"};

static const bool optional[COUNTERS] = {
#define REQUIRED false
#define OPTIONAL true
#define COUNTER(name, presence, doc) presence,
#include "counters.def"
#undef COUNTER
#undef OPTIONAL
#undef REQUIRED
};

/* --- records ------------------------------------------------------------------------------------
 */

/* Repositories have their site mostly; some are read twice in a second. */
static void make_readings(struct lab *lab) {
    struct rng *r = &lab->w.rng;
    for (size_t i = 0; i < RECORDS; i++) {
        struct reading *reading = &lab->readings[i];
        int64_t day = (int64_t)rng_below(r, DAYS);
        reading->repo = rng_below(r, REPOS);
        reading->ts = START + day * 86400 + (int64_t)rng_below(r, 48) * 1800;
        reading->site = sites[rng_chance(r, 90) ? reading->repo % 3 : rng_below(r, 3)];
        reading->source = sources[rng_chance(r, 70) ? 0 : 1];
        if (i > 0 && rng_chance(r, 25))
            *reading = lab->readings[rng_below(r, i)];
        for (size_t c = 0; c < COUNTERS; c++) {
            int64_t *last = &lab->last[reading->repo][c];
            *last = max_i64(0, *last + (int64_t)rng_below(r, 41) - 18); /* some are taken away */
            reading->value[c] = optional[c] && rng_chance(r, 40) ? COUNTER_UNKNOWN : *last;
        }
    }
}

static void write_some(struct lab *lab, size_t n) {
    struct err err = {0};
    struct lake_writer *writer;
    struct record records[RECORDS];
    struct counters counters[RECORDS];
    uint64_t bid;
    n = min_size(n, RECORDS - lab->n);
    for (size_t i = 0; i < n; i++) {
        const struct reading *reading = &lab->readings[lab->n + i];
        size_t c = 0;
        counters[i] = (struct counters){.repo = str_from(repos[reading->repo])};
#define COUNTER(name, presence, doc) counters[i].name = reading->value[c++];
#include "counters.def"
#undef COUNTER
        records[i] = (struct record){.ts_ms = reading->ts * 1000 + 999,
                                     .site = str_from(reading->site),
                                     .source = str_from(reading->source),
                                     .counters = &counters[i]};
    }
    assert_ok(
        lake_writer_open(lab->w.in->lake_root, DATASET_GITHUB, &clock_system, &writer, NULL, &err),
        err);
    assert_ok(lake_writer_append(writer, (struct record_batch){records, n}, &bid, &err), err);
    assert_ok(lake_writer_sync(writer, &err), err);
    lake_writer_close(writer);
    for (size_t i = 0; i < n; i++)
        lab->readings[lab->n++].bid = bid;
}

struct killing {
    struct engine_process *engine;
    unsigned after_ms;
};

static void *kill_engine(void *arg) {
    const struct killing *k = arg;
    usleep(k->after_ms * 1000);
    int pid = engine_process_pid(k->engine);
    if (pid > 0)
        kill(pid, SIGKILL);
    return NULL;
}

static void catch_up(struct lab *lab, bool killed) {
    struct err err = {0};
    struct killing killing = {lab->w.in->engine, (unsigned)rng_below(&lab->w.rng, 40)};
    pthread_t thread;
    if (killed)
        assert_int_equal(pthread_create(&thread, NULL, kill_engine, &killing), 0);
    assert_ok(instance_catch_up(lab->w.in, NULL, NULL, &err), err);
    if (!killed)
        return;
    pthread_join(thread, NULL);
    world_close(&lab->w); /* it may have died behind all that: then it is away for a moment */
    world_open(&lab->w);
    assert_ok(instance_catch_up(lab->w.in, NULL, NULL, &err), err);
}

/* --- the count ----------------------------------------------------------------------------------
 */

struct counted_row {
    int64_t value[COUNTERS], change[COUNTERS];
};

static bool is_later(const struct reading *a, const struct reading *b, size_t c) {
    if (a->ts != b->ts)
        return a->ts > b->ts;
    return a->bid != b->bid ? a->bid > b->bid : a->value[c] > b->value[c];
}

static const char *dimension_of(const struct reading *r, enum dimension d) {
    return d == DIM_repo     ? repos[r->repo]
           : d == DIM_site   ? r->site
           : d == DIM_source ? r->source
                             : "";
}

static bool matches(const struct question *q, const struct reading *r) {
    bool asked = q->n_sites == 0;
    for (size_t i = 0; i < q->n_sites; i++)
        asked = asked || str_is(q->sites[i], r->site);
    for (size_t i = 0; i < q->n_filters; i++) {
        bool same = str_is(q->filters[i].value, dimension_of(r, q->filters[i].dimension));
        asked = asked && same == (q->filters[i].op == FILTER_IS);
    }
    return asked;
}

static bool in_group(const struct question *q, size_t n_group, const struct reading *r,
                     const char *const *dims) {
    for (size_t i = 0; i < n_group; i++)
        if (strcmp(dimension_of(r, q->group[i]), dims[i]) != 0)
            return false;
    return matches(q, r);
}

/* Of one repository in one group: its value in the span and its change, of one counter. */
static void count_one(const struct lab *lab, const struct question *q, size_t n_group,
                      const char *const *dims, size_t repo, size_t c, const struct span *span,
                      int64_t *value, int64_t *change) {
    const struct reading *first = NULL, *last = NULL, *before = NULL;
    for (size_t i = 0; i < lab->n; i++) {
        const struct reading *r = &lab->readings[i];
        if (r->repo != repo || r->value[c] < 0 || r->ts >= span->to ||
            !in_group(q, n_group, r, dims))
            continue;
        if (r->ts < span->from) {
            before = before == NULL || is_later(r, before, c) ? r : before;
            continue;
        }
        last = last == NULL || is_later(r, last, c) ? r : last;
        first = first == NULL || is_later(first, r, c) ? r : first;
    }
    if (last == NULL)
        return;
    *value += last->value[c];
    *change += last->value[c] - (before != NULL ? before : first)->value[c];
}

static struct counted_row count_row(const struct lab *lab, const struct question *q, size_t n_group,
                                    const char *const *dims, const struct span *span) {
    struct counted_row row = {0};
    for (size_t repo = 0; repo < REPOS; repo++)
        for (size_t c = 0; c < COUNTERS; c++)
            count_one(lab, q, n_group, dims, repo, c, span, &row.value[c], &row.change[c]);
    return row;
}

static int64_t expected_of(const struct counted_row *row, enum metric m) {
    for (size_t c = 0; c < COUNTERS; c++) {
        if (m == counter_defs[c].value)
            return row->value[c];
        if (m == counter_defs[c].change)
            return row->change[c];
    }
    fail_msg("%s is no counter", metric_defs[m].name);
    return 0;
}

/* --- questions ----------------------------------------------------------------------------------
 */

struct answer {
    struct lab *lab;
    const struct asked *asked;
    struct result result;
    struct spans spans, shifted;
};

static void compare_values(const struct answer *a, const struct value *values, size_t n_group,
                           const char *const *dims, const struct span *span,
                           const struct span *shifted) {
    const struct question *q = &a->asked->question;
    bool compared = q->compare != COMPARE_NONE;
    struct counted_row now = count_row(a->lab, q, n_group, dims, span), then = {0};
    if (shifted != NULL && shifted->from < shifted->to)
        then = count_row(a->lab, q, n_group, dims, shifted);
    for (size_t i = 0; i < q->n_metrics; i++) {
        const struct value *v = &values[i * (compared ? 2 : 1)];
        int64_t expected = expected_of(&now, q->metrics[i]);
        if (v->type != VALUE_INT || v->integer != expected)
            fail_msg("seed %" PRIu64 ":" STR_FMT ": %s at %" PRId64 " (%s, %s): %" PRId64
                     ", counted %" PRId64,
                     a->lab->w.seed, STR_ARG(buf_str(&a->asked->words)),
                     metric_defs[q->metrics[i]].name, span->from, n_group > 0 ? dims[0] : "",
                     n_group > 1 ? dims[1] : "", v->integer, expected);
        if (!compared || shifted == NULL || shifted->from >= shifted->to)
            continue;
        expected = expected_of(&then, q->metrics[i]);
        if (v[1].type != VALUE_INT || v[1].integer != expected)
            fail_msg("seed %" PRIu64 ":" STR_FMT ": %s before %" PRId64 ": %" PRId64
                     ", counted %" PRId64,
                     a->lab->w.seed, STR_ARG(buf_str(&a->asked->words)),
                     metric_defs[q->metrics[i]].name, span->from, v[1].integer, expected);
    }
}

static size_t find_span(const struct spans *spans, int64_t label) {
    for (size_t i = 0; i < spans->len; i++)
        if (spans->items[i].label == label)
            return i;
    fail_msg("no bucket begins at %" PRId64, label);
    return 0;
}

/* Every row is right, */
static void compare_rows(const struct answer *a) {
    const struct question *q = &a->asked->question;
    const struct result *r = &a->result;
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct value *row = &r->values[i * r->n_columns];
        char text[2][32];
        const char *dims[2] = {text[0], text[1]};
        for (size_t d = 0; d < q->n_group; d++)
            snprintf(text[d], sizeof text[d], STR_FMT, STR_ARG(row[1 + d].text));
        size_t span = find_span(&a->spans, row[0].integer);
        compare_values(a, row + 1 + q->n_group, q->n_group, dims, &a->spans.items[span],
                       a->shifted.len > 0 ? &a->shifted.items[span] : NULL);
    }
}

static bool has_row(const struct answer *a, int64_t label, const char *const *dims) {
    const struct question *q = &a->asked->question;
    const struct result *r = &a->result;
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct value *row = &r->values[i * r->n_columns];
        bool same = row[0].integer == label;
        for (size_t d = 0; same && d < q->n_group; d++)
            same = str_is(row[1 + d].text, dims[d]);
        if (same)
            return true;
    }
    return false;
}

/* and none is missing. */
static void find_rows(const struct answer *a) {
    const struct question *q = &a->asked->question;
    for (size_t i = 0; i < a->lab->n; i++) {
        const struct reading *r = &a->lab->readings[i];
        const char *dims[2] = {"", ""};
        if (r->ts < a->result.from || r->ts >= a->result.to || !matches(q, r))
            continue;
        for (size_t d = 0; d < q->n_group; d++)
            dims[d] = dimension_of(r, q->group[d]);
        int64_t label = zone_floor(a->result.zone, q->by, r->ts);
        struct counted_row row =
            count_row(a->lab, q, q->n_group, dims, &a->spans.items[find_span(&a->spans, label)]);
        bool any = false;
        for (size_t m = 0; m < q->n_metrics; m++)
            any = any || expected_of(&row, q->metrics[m]) != 0;
        if (any && !has_row(a, label, dims))
            fail_msg("seed %" PRIu64 ":" STR_FMT ": no row at %" PRId64 " (%s, %s)", a->lab->w.seed,
                     STR_ARG(buf_str(&a->asked->words)), label, dims[0], dims[1]);
    }
}

static void set_random(struct lab *lab, struct asked *a) {
    static const char *const grains[] = {"hour", "day", "week", "month", "quarter", "year"};
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
                                        "Asia/Kathmandu"};
    static const char *const compares[] = {"week", "month", "quarter", "year", "previous"};
    static const char *const groups[] = {"repo", "site", "source", "repo,site", "source,country"};
    static const char *const froms[] = {"2015-03-28", "2015-03-31", "2015-04-01T12:00",
                                        "2014-01-01"};
    static const char *const tos[] = {"2015-04-06", "2015-06-01T00:15", "2015-12-01"};
    static const char *const filters[] = {"repo=a/one", "repo!=a/two", "site=-", "source=y",
                                          "repo=b/'three'"};
    struct rng *r = &lab->w.rng;
    for (size_t i = 1 + rng_below(r, 4); i > 0; i--) {
        const struct counter_def *c = &counter_defs[rng_below(r, COUNTERS)];
        asked_set(a, "metrics",
                  str_from(metric_defs[rng_chance(r, 50) ? c->value : c->change].name));
    }
    const char *by = grains[rng_below(r, ARRAY_LEN(grains))];
    bool hourly = strcmp(by, "hour") == 0;
    asked_set(a, "by", str_from(by));
    if (rng_chance(r, 50))
        asked_set(a, "fill", STR("1"));
    asked_set(a, "tz", str_from(zones[rng_below(r, ARRAY_LEN(zones))]));
    if (rng_chance(r, 60))
        asked_set(a, "group", str_from(groups[rng_below(r, ARRAY_LEN(groups))]));
    if (rng_chance(r, 40))
        asked_set(a, "site", str_from(sites[rng_below(r, 2)]));
    if (rng_chance(r, 40))
        asked_set(a, "filter", str_from(filters[rng_below(r, ARRAY_LEN(filters))]));
    if (hourly || rng_chance(r, 60))
        asked_set(a, "from", str_from(froms[rng_below(r, hourly ? 2 : ARRAY_LEN(froms))]));
    if (hourly || rng_chance(r, 60))
        asked_set(a, "to", str_from(tos[rng_below(r, hourly ? 1 : ARRAY_LEN(tos))]));
    if (rng_chance(r, 50))
        asked_set(a, "compare", str_from(compares[rng_below(r, ARRAY_LEN(compares))]));
}

static void ask_one(struct lab *lab) {
    struct asked asked = {0};
    struct answer a = {.lab = lab, .asked = &asked};
    const struct question *q = &asked.question;
    struct err err = {0};
    set_random(lab, &asked);
    world_ask(&lab->w, lab->w.in->client, &asked, false, &a.result);
    assert_ok(spans_make(a.result.zone, q->by, a.result.from, a.result.to, &a.spans, &err), err);
    if (q->compare != COMPARE_NONE)
        spans_shift(a.result.zone, q->by, (struct comparison){q->compare, q->align}, lab->w.now,
                    &a.spans, &a.shifted);
    compare_rows(&a);
    find_rows(&a);
    const struct span whole = {a.result.from, a.result.from, a.result.to};
    compare_values(&a, a.result.total + 1 + q->n_group, 0, NULL, &whole, NULL);
    spans_release(&a.spans);
    spans_release(&a.shifted);
    query_free_result(&a.result);
    asked_release(&asked);
}

static void assert_rows(struct lab *lab) {
    struct buf out = {0};
    struct err err = {0};
    char expected[64];
    snprintf(expected, sizeof expected, "%zu\n", lab->n);
    assert_ok(client_query(lab->w.in->client, STR("SELECT count() FROM github"), "TSV", NULL, 0,
                           &out, &err),
              err);
    assert_string_equal(buf_cstr(&out), expected);
    buf_release(&out);
}

/* There is nothing but counters: no site has a single event. */
static void answers__are_those_of_a_count(void **state) {
    UNUSED(state);
    uint64_t seed = unit_seed();
    for (unsigned round = 0; round < unit_rounds(2); round++, seed++) {
        struct lab *lab = xcalloc(1, sizeof *lab);
        struct err err = {0};
        print_message("seed %" PRIu64 "\n", seed);
        world_start(&lab->w, seed, 1);
        lab->w.now = START + DAYS * 86400;
        make_readings(lab);
        while (lab->n < RECORDS) {
            write_some(lab, 1 + rng_below(&lab->w.rng, RECORDS / 3));
            catch_up(lab, rng_chance(&lab->w.rng, 50));
            assert_rows(lab);
            for (int i = 0; i < 8; i++)
                ask_one(lab);
        }
        assert_ok(instance_drop_store(lab->w.in, &err), err);
        catch_up(lab, true);
        assert_rows(lab);
        for (int i = 0; i < 20; i++)
            ask_one(lab);
        world_end(&lab->w);
        free(lab);
    }
}

UNIT_MAIN(unit_test(answers__are_those_of_a_count))

/* Which tables a plan reads: that the numbers are right is shown by tests/flow/cubes_test.c. */
#include "query/plan.h"
#include "support/unit.h"

#define DAY ((int64_t)86400)
#define START ((int64_t)18628 * DAY) /* 2021-01-01 */

struct lab {
    struct cube_snapshot snapshot;
    struct zone *zone;
    const struct cube_site *sites[2];
    struct question question;
    struct spans spans;
    struct plan plan;
    struct buf sql;
};

static void add_unit(struct cube_site *site, enum grain grain, const struct zone *zone,
                     int64_t from) {
    struct seal_unit unit = {.seal = 1,
                             .grain = grain,
                             .state = UNIT_LIVE,
                             .from = from,
                             .to = zone_next(zone, grain, from)};
    vec_push(&site->units, unit);
}

/* Two sites with rows in all of 2021, clean up to 1 December; January is sealed, of all sites too.
 */
static int setup(void **state) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    static const char *const names[] = {"a", "b", ALL_SITES};
    struct err err = {0};
    assert_ok(zone_open("UTC", &lab->zone, &err), err);
    for (size_t i = 0; i < 3; i++)
        cube_state_add(&lab->snapshot.state, str_from(names[i]), "UTC");
    for (size_t i = 0; i < 3; i++) {
        struct cube_site *site = &lab->snapshot.state.sites.items[i];
        add_unit(site, GRAIN_MONTH, lab->zone, START);
        if (i == 2)
            break;
        ranges_add(&site->clean, 0, START + 334 * DAY);
        site->first = START;
        site->last = START + 365 * DAY;
        lab->sites[i] = site;
    }
    buf_add_cstr(&lab->snapshot.seals, "seal < 99");
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    struct lab *lab = *state;
    cube_snapshot_release(&lab->snapshot);
    zone_free(lab->zone);
    spans_release(&lab->spans);
    buf_release(&lab->sql);
    free(lab);
    return 0;
}

static void set(struct lab *lab, const char *key, const char *value) {
    struct err err = {0};
    assert_ok(question_set(&lab->question, str_from(key), str_from(value), &err), err);
}

/* All in one statement. */
static bool statement(const struct plan *p, struct buf *sql) {
    struct prepared *prepared = plan_prepare(p);
    struct pieces pieces = {0};
    static const enum fact facts[] = {FACT_V, FACT_D, FACT_U};
    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        pieces_cut(facts[i], plan_flags_to_make(prepared, facts[i]), NULL, 0, PIECE_ROWS, &pieces);
    bool any = plan_sql(prepared, true, pieces.items, pieces.len, sql);
    pieces_release(&pieces);
    plan_free(prepared);
    return any;
}

static const char *plan(struct lab *lab, size_t n_sites, int64_t from, int64_t to) {
    struct err err = {0};
    spans_release(&lab->spans);
    assert_ok(spans_make(lab->zone, lab->question.by, from, to, &lab->spans, &err), err);
    struct plan p = {.question = &lab->question,
                     .snapshot = &lab->snapshot,
                     .zone = lab->zone,
                     .spans = &lab->spans,
                     .sites = lab->sites,
                     .n_sites = n_sites,
                     .all_sites = n_sites == 2,
                     .group = lab->question.group,
                     .n_group = lab->question.n_group,
                     .base = lab->question.metrics,
                     .n_base = lab->question.n_metrics};
    buf_clear(&lab->sql);
    return statement(&p, &lab->sql) ? buf_cstr(&lab->sql) : NULL;
}

#define has(sql, text) (strstr((sql), (text)) != NULL)

static void sums__clean_time_comes_from_the_smallest_cube(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "pageviews,hits");
    const char *sql = plan(lab, 2, START, START + 59 * DAY);
    assert_true(has(sql, "cube_totals") && has(sql, "grain = 4") && has(sql, "grain = 2"));
    assert_true(has(sql, "seal < 99"));
    assert_false(has(sql, "events") || has(sql, "views WHERE") || has(sql, "cube_audience"));
    set(lab, "group", "country");
    sql = plan(lab, 2, START, START + 59 * DAY);
    assert_true(has(sql, "cube_audience") && !has(sql, "events"));
}

static void sums__dirty_time_comes_from_rows(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "pageviews");
    const char *sql = plan(lab, 1, START + 330 * DAY, START + 340 * DAY);
    assert_true(has(sql, "cube_totals") && has(sql, "FROM events"));
    assert_false(has(sql, "site = 'b'"));
}

static void sums__hours_at_the_ends_come_from_hour_cells(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "pageviews");
    const char *sql = plan(lab, 1, START + 3 * 3600, START + 2 * DAY + 5 * 3600);
    assert_true(has(sql, "grain = 1") && has(sql, "grain = 2") && !has(sql, "views WHERE"));
    sql = plan(lab, 1, START + 3 * 3600 + 17, START + 2 * DAY);
    assert_true(has(sql, "views WHERE"));
}

static void sums__recent_hours_come_from_cells_and_older_ones_from_views(void **state) {
    struct lab *lab = *state;
    struct cube_site *site = &lab->snapshot.state.sites.items[0];
    set(lab, "metrics", "pageviews");
    set(lab, "group", "country");
    set(lab, "by", "hour");
    add_unit(site, GRAIN_DAY, lab->zone, START + 40 * DAY);
    add_unit(site, GRAIN_DAY, lab->zone, START + 41 * DAY);
    const char *sql = plan(lab, 1, START + 40 * DAY, START + 41 * DAY);
    assert_true(has(sql, "FROM views WHERE") && !has(sql, "cube_"));
    add_unit(site, GRAIN_DAY, lab->zone, START + 41 * DAY);
    struct seal_unit *hours = &site->units.items[site->units.len - 1];
    hours->grain = GRAIN_HOUR; /* of that day */
    sql = plan(lab, 1, START + 41 * DAY, START + 42 * DAY);
    assert_true(has(sql, "cube_audience") && has(sql, "grain = 1") && !has(sql, "views WHERE"));
    sql = plan(lab, 1, START + 40 * DAY, START + 42 * DAY);
    assert_true(has(sql, "cube_audience") && has(sql, "FROM views WHERE"));
    ranges_remove(&site->clean, START + 41 * DAY, START + 42 * DAY); /* new rows */
    assert_false(has(plan(lab, 1, START + 41 * DAY, START + 42 * DAY), "cube_"));
    ranges_add(&site->clean, START + 41 * DAY, START + 42 * DAY);
    hours = &site->units.items[site->units.len - 1];
    hours->state = UNIT_DEAD; /* aged */
    assert_false(has(plan(lab, 1, START + 41 * DAY, START + 42 * DAY), "cube_"));
}

static void sums__what_no_cube_has_comes_from_sealed_views(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "pageviews");
    set(lab, "group", "country,path");
    const char *sql = plan(lab, 1, START, START + 31 * DAY);
    assert_true(has(sql, "FROM views WHERE") && !has(sql, "events") && !has(sql, "cube_"));
}

static void sums__other_zones_come_from_rows(void **state) {
    struct lab *lab = *state;
    struct err err = {0};
    zone_free(lab->zone);
    assert_ok(zone_open("Asia/Tokyo", &lab->zone, &err), err);
    set(lab, "metrics", "pageviews,hits");
    const char *sql = plan(lab, 1, START, START + 31 * DAY);
    assert_true(has(sql, "FROM views WHERE") && has(sql, "FROM events") && !has(sql, "cube_"));
}

static void visitors__calendar_buckets_are_exact_cells(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "visitors");
    const char *sql = plan(lab, 1, START, START + 31 * DAY);
    assert_true(has(sql, "sum(visitors)") && !has(sql, "Merge") && !has(sql, "events"));
    sql = plan(lab, 2, START, START + 31 * DAY);
    assert_true(has(sql, "sum(visitors)") && has(sql, "'\\x01*'") && !has(sql, "Merge"));
}

static void visitors__odd_ranges_and_subsets_merge_states(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "visitors");
    const char *sql = plan(lab, 1, START, START + 45 * DAY);
    assert_true(has(sql, "uniqCombinedMerge") && !has(sql, "sum(visitors)"));
    set(lab, "filter", "country=US"); /* totals have no such cells: counted exactly */
    sql = plan(lab, 1, START, START + 45 * DAY);
    assert_true(has(sql, "uniqExact") && !has(sql, "uniqCombinedMerge"));
}

static void visitors__of_paths_do_not_add(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "visitors");
    set(lab, "filter", "path=/a");
    assert_true(has(plan(lab, 1, START, START + 31 * DAY), "cube_pages"));
    set(lab, "filter", "path=/b"); /* either of two: a visitor may have seen both */
    const char *sql = plan(lab, 1, START, START + 31 * DAY);
    assert_true(has(sql, "uniqExact") && !has(sql, "cube_pages"));
}

static void nothing__is_asked_where_there_are_no_rows(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "visitors,hits,pageviews,downloads");
    assert_null(plan(lab, 2, START - 40 * DAY, START - 10 * DAY));
    assert_null(plan(lab, 0, START, START + DAY));
}

#define in_lab(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* They have no cubes, no bots and no sites but those that the question names. */
static void counters__come_from_their_table(void **state) {
    struct lab *lab = *state;
    set(lab, "metrics", "stars,pageviews");
    const char *sql = plan(lab, 2, START, START + 31 * DAY);
    assert_true(has(sql, "cube_totals") && has(sql, "FROM github"));
    assert_true(has(sql, "ts >= 1609459200 AND ts < 1612137600)")); /* no older ones are needed */
    assert_false(has(sql, "forks") || has(sql, "('stars', min((stars < 0, time, bid, stars)), ("));
    lab->question.n_metrics = 0;
    set(lab, "metrics", "stars_change");
    set(lab, "site", "a,it's");
    set(lab, "group", "repo,country");
    set(lab, "filter", "source=x");
    sql = plan(lab, 0, START, START + 31 * DAY);
    assert_true(has(sql, "FROM github WHERE ts >= 0 AND ts < 1612137600"));
    assert_true(has(sql, "(site = 'a' OR site = 'it\\'s')) WHERE 1 AND (source = 'x')"));
    assert_true(has(sql, "CAST(repo AS String) AS d0, CAST('' AS String) AS d1"));
    assert_false(has(sql, "bot") || has(sql, "events") || has(sql, "cube_"));
}

UNIT_MAIN(in_lab(counters__come_from_their_table),
          in_lab(sums__clean_time_comes_from_the_smallest_cube),
          in_lab(sums__dirty_time_comes_from_rows),
          in_lab(sums__hours_at_the_ends_come_from_hour_cells),
          in_lab(sums__recent_hours_come_from_cells_and_older_ones_from_views),
          in_lab(sums__what_no_cube_has_comes_from_sealed_views),
          in_lab(sums__other_zones_come_from_rows),
          in_lab(visitors__calendar_buckets_are_exact_cells),
          in_lab(visitors__odd_ranges_and_subsets_merge_states),
          in_lab(visitors__of_paths_do_not_add), in_lab(nothing__is_asked_where_there_are_no_rows))

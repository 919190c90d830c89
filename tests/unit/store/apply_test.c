/* Apply against the real engine: each block once, whatever was there before. */
#include "store/apply.h"

#include "config/config.h"
#include "store/applied.h"
#include "store/schema.h"
#include "support/live_engine.h"
#include <signal.h>

#define NOON ((int64_t)1431864000000) /* 2015-05-17T12:00Z */

struct lab {
    struct live live;
    struct config *config;
    struct control *control;
    struct refiner *refiner;
    struct lake_writer *writer;
    struct clock clock;
    char lake[80], db[80];
    enum dataset dataset;
    uint64_t last; /* block */
    size_t before, after;
    struct err err;
};

static int64_t now(void *arg) {
    UNUSED(arg);
    return NOON;
}

static struct lab *lab_of(enum dataset dataset) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    lab->dataset = dataset;
    struct buf report = {0};
    live_start(&lab->live);
    lab->clock.now_ms = now;
    snprintf(lab->lake, sizeof lab->lake, "%s/lake", lab->live.dir);
    snprintf(lab->db, sizeof lab->db, "%s/control.db", lab->live.dir);
    char file[90];
    snprintf(file, sizeof file, "%s/c.yaml", lab->live.dir);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs("timezone: UTC\n", f);
    fclose(f);
    assert_ok(config_load(file, &lab->config, &report, &lab->err), lab->err);
    assert_ok(control_open(lab->db, &lab->control, &lab->err), lab->err);
    if (dataset_kind(dataset) == RECORDS_LINES)
        assert_ok(refiner_new(lab->config, lab->live.dir, &lab->refiner, &lab->err), lab->err);
    assert_ok(lake_writer_open(lab->lake, dataset, &lab->clock, &lab->writer, NULL, &lab->err),
              lab->err);
    buf_release(&report);
    return lab;
}

static struct lab *lab_new(void) { return lab_of(DATASET_LOGS); }

static void lab_free(struct lab *lab) {
    lake_writer_close(lab->writer);
    refiner_free(lab->refiner);
    control_close(lab->control);
    config_free(lab->config);
    live_end(&lab->live);
    free(lab);
}

/* A block of n lines of May 2015 and n of June, and one that is none. */
static uint64_t add_block(struct lab *lab, size_t n) {
    struct buf lines = {0};
    VEC(struct record) records = {0};
    VEC(size_t) ends = {0};
    for (size_t i = 0; i < n; i++) {
        static const char *const months[] = {"May", "Jun"};
        for (size_t m = 0; m < 2; m++) {
            buf_printf(&lines,
                       "192.0.2.%zu - - [17/%s/2015:10:%02zu:03 +0000] \"GET /%zu HTTP/1.1\" 200 5 "
                       "\"-\" \"x\"",
                       i % 250, months[m], i % 60, i);
            vec_push(&ends, lines.len);
        }
    }
    buf_add_cstr(&lines, "nonsense");
    vec_push(&ends, lines.len);
    size_t at = 0;
    for (size_t i = 0; i < ends.len; i++) {
        struct record r = {
            .ts_ms = NOON, .type = STR("combined"), .site = STR("a"), .source = STR("s")};
        r.body = str_of(lines.ptr + at, ends.items[i] - at);
        at = ends.items[i];
        vec_push(&records, r);
    }
    assert_ok(lake_writer_append(lab->writer, (struct record_batch){records.items, records.len},
                                 &lab->last, &lab->err),
              lab->err);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    buf_release(&lines);
    vec_free(&records);
    vec_free(&ends);
    return lab->last;
}

static int before_insert(void *arg, const struct touched_site *touched, size_t n, struct err *err) {
    struct lab *lab = arg;
    UNUSED(err);
    /* on the sender's thread, where assertions cannot fail: told by the return value */
    if (n > 1 || (n == 1 && strcmp(touched[0].site, "a") != 0))
        return ERR_FAILED;
    lab->before++;
    return 0;
}

static void after_insert(void *arg) { ((struct lab *)arg)->after++; }

static int try_apply(struct lab *lab, struct apply **ret) {
    const struct apply_env env = {.socket_path = engine_process_socket(lab->live.process),
                                  .control = lab->control,
                                  .lake_root = lab->lake,
                                  .refiner = lab->refiner,
                                  .dataset = lab->dataset,
                                  .before_insert = before_insert,
                                  .after_insert = after_insert,
                                  .arg = lab};
    return apply_open(&env, ret, &lab->err);
}

static struct apply *open_apply(struct lab *lab) {
    struct apply *a = NULL;
    assert_ok(schema_make_tables(lab->live.client, &lab->err), lab->err);
    assert_ok(try_apply(lab, &a), lab->err);
    return a;
}

static void apply_everything(struct lab *lab) {
    struct apply *a = open_apply(lab);
    assert_ok(apply_run(a, lab->last, true, &lab->err), lab->err);
    assert_int_equal(apply_applied(a), lab->last);
    apply_close(a);
    assert_true(lab->after >= lab->before); /* once more when apply has looked what is in */
}

/* "blocks rows distinct" of events, and rows of rejected. */
#define assert_store(lab, events, rejected)                                                        \
    do {                                                                                           \
        assert_string_equal(                                                                       \
            live_query(&(lab)->live,                                                               \
                       "SELECT count(), uniqExact(bid, ts, path, visitor) FROM events"),           \
            events "\n");                                                                          \
        assert_string_equal(live_query(&(lab)->live, "SELECT count() FROM rejected"),              \
                            rejected "\n");                                                        \
    } while (0)

static void put_applied(struct lab *lab, uint64_t bid, uint64_t may, uint64_t june,
                        uint64_t rejected) {
    struct applied applied = {.bid = bid};
    applied_add(&applied, 201505, (int64_t)may);
    applied_add(&applied, 201506, (int64_t)june);
    applied_add(&applied, 0, (int64_t)rejected);
    assert_ok(applied_save(lab->control, DATASET_LOGS, &applied, &lab->err), lab->err);
    applied_release(&applied);
}

static void blocks__are_applied_once(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    apply_everything(lab); /* an empty lake */
    assert_store(lab, "0\t0", "0");
    add_block(lab, 50);
    uint64_t second = add_block(lab, 30);
    struct apply *a = open_apply(lab);
    assert_ok(apply_run(a, lab->last, true, &lab->err), lab->err);
    struct apply_counts counts = apply_counts(a, second, second);
    assert_int_equal(counts.records, 61);
    assert_int_equal(counts.accepted, 60);
    uint64_t rejected = 0;
    for (size_t r = 0; r < REASON_COUNT; r++)
        rejected += counts.rejected[r];
    assert_int_equal(rejected, 1);
    assert_ok(apply_run(a, lab->last, true, &lab->err), lab->err);
    apply_close(a);
    for (int i = 0; i < 3; i++) {
        apply_everything(lab);
        assert_store(lab, "160\t160", "2");
    }
    assert_int_equal(lab->before, 1);
    assert_string_equal(
        live_query(&lab->live,
                   "SELECT count() FROM system.parts WHERE active AND table = 'events'"),
        "2\n"); /* one a month */
    lab_free(lab);
}

static void applied__that_is_old_is_caught_up_by_looking(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    uint64_t first = add_block(lab, 50);
    add_block(lab, 30);
    add_block(lab, 20);
    apply_everything(lab);
    put_applied(lab, first, 50, 50, 1); /* a crash before `applied` was written */
    apply_everything(lab);
    assert_store(lab, "200\t200", "3");
    assert_ok(apply_reset(lab->control, &lab->err), lab->err); /* or control data lost */
    apply_everything(lab);
    assert_store(lab, "200\t200", "3");
    apply_everything(lab);
    assert_store(lab, "200\t200", "3");
    lab_free(lab);
}

static void month__of_a_batch_that_is_missing_is_replayed(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    uint64_t first = add_block(lab, 50);
    apply_everything(lab);
    add_block(lab, 30);
    apply_everything(lab);
    /* a crash between the INSERTs of the second batch: June of it is not in */
    char sql[120];
    snprintf(sql, sizeof sql, "DELETE FROM events WHERE bid > %llu AND toYYYYMM(ts) = 201506",
             (unsigned long long)first);
    live_query(&lab->live, sql);
    put_applied(lab, first, 50, 50, 1);
    assert_store(lab, "130\t130", "2");
    apply_everything(lab);
    assert_store(lab, "160\t160", "2");
    lab_free(lab);
}

static void month__with_a_wrong_count_is_made_again(void **state) {
    UNUSED(state);
    static const char *const harms[] = {
        "ALTER TABLE events DROP PARTITION 201505",
        "DELETE FROM events WHERE path = '/7'",
        "INSERT INTO events SELECT * FROM events WHERE toYYYYMM(ts) = 201505 LIMIT 3",
        "TRUNCATE TABLE rejected",
        "DROP TABLE events",
        "DROP TABLE rejected",
    };
    struct lab *lab = lab_new();
    add_block(lab, 50);
    add_block(lab, 30);
    apply_everything(lab);
    for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
        live_query(&lab->live, harms[i]);
        /* a crash in the middle of mending is mended as well */
        struct apply *a = open_apply(lab);
        assert_ok(apply_run(a, bid_make(DATASET_LOGS, 1, 0), i % 2, &lab->err), lab->err);
        apply_close(a);
        apply_everything(lab);
        assert_store(lab, "160\t160", "2");
        size_t before = lab->before;
        apply_everything(lab); /* and stays so */
        assert_int_equal(lab->before, before);
    }
    lab_free(lab);
}

static void engine__that_dies_is_reopened_and_counts_stay(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    engine_process_set_restart(lab->live.process, true);
    uint64_t first = add_block(lab, 50);
    struct apply *a = open_apply(lab);
    assert_ok(apply_run(a, lab->last, true, &lab->err), lab->err);
    uint64_t second = add_block(lab, 30);
    unsigned generation = engine_process_generation(lab->live.process);
    assert_int_equal(kill(engine_process_pid(lab->live.process), SIGKILL), 0);
    int rc = apply_run(a, lab->last, true, &lab->err);
    assert_true(rc == ERR_AWAY || rc == 0); /* it may have come back in time */
    while (engine_process_generation(lab->live.process) == generation ||
           !engine_process_alive(lab->live.process))
        usleep(10000);
    for (int i = 0; i < 2; i++) {
        assert_ok(apply_reopen(a, &lab->err), lab->err);
        assert_ok(apply_run(a, lab->last, true, &lab->err), lab->err);
    }
    assert_int_equal(apply_counts(a, first, first).accepted, 100);
    assert_int_equal(apply_counts(a, second, second).accepted, 60);
    assert_int_equal(apply_counts(a, first, second).records, 162);
    apply_close(a);
    assert_store(lab, "160\t160", "2");
    lab_free(lab);
}

/* --- by source ------------------------------------------------------------------------------- */

/* A block of lines of two sources in turn, "t" first, and of a header: `pattern` has G for a good
 * line, B for a bad one. */
static uint64_t add_mixed(struct lab *lab, const char *pattern) {
    static const char good[] =
        "192.0.2.7 - - [17/May/2015:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"";
    VEC(struct record) records = {0};
    struct record header = {
        .body = STR("#"), .type = STR("#w3c"), .site = STR("a"), .source = STR("headers")};
    vec_push(&records, header);
    for (size_t i = 0; pattern[i] != '\0'; i++) {
        struct record r = {.ts_ms = NOON + (int64_t)i, .type = STR("combined"), .site = STR("a")};
        r.source = i % 2 ? STR("s") : STR("t");
        r.body = pattern[i] == 'G' ? str_from(good) : STR("12345678");
        vec_push(&records, r);
    }
    assert_ok(lake_writer_append(lab->writer, (struct record_batch){records.items, records.len},
                                 &lab->last, &lab->err),
              lab->err);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    vec_free(&records);
    return lab->last;
}

static void list_counts(void *arg, uint64_t bid, const char *source,
                        const struct apply_counts *counts) {
    const struct apply_rejection *bad = &counts->last_rejection;
    buf_printf(arg, "%u %s %u+%u of %u, %u bytes, last %d", (unsigned)bid_block(bid), source,
               (unsigned)counts->accepted, (unsigned)counts->rejected[REASON_fields],
               (unsigned)counts->records, (unsigned)counts->bytes, (int)(counts->last_ms - NOON));
    if (bad->bid != 0)
        buf_printf(arg, ", %s %u/%u at %d", reason_name(bad->reason), (unsigned)bid_block(bad->bid),
                   bad->place, (int)(bad->ts_ms - NOON));
    buf_add_char(arg, '\n');
}

static void counts__are_kept_by_source(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct buf list = {0};
    add_mixed(lab, "GGBGGB");
    add_mixed(lab, "G");
    struct apply *a = open_apply(lab);
    assert_ok(apply_run(a, lab->last, true, &lab->err), lab->err);
    apply_each_source(a, list_counts, &list);
    assert_string_equal(buf_cstr(&list), "0 t 2+1 of 3, 154 bytes, last 4, fields 0/3 at 2\n"
                                         "0 s 2+1 of 3, 154 bytes, last 5, fields 0/6 at 5\n"
                                         "1 t 1+0 of 1, 73 bytes, last 0\n");
    struct apply_counts sum = apply_counts(a, 0, UINT64_MAX);
    assert_int_equal(sum.accepted + sum.rejected[REASON_fields], sum.records);
    assert_int_equal(sum.records, 7);
    assert_int_equal(sum.last_ms, NOON + 5);
    assert_int_equal(sum.last_rejection.place, 6);
    assert_ok(apply_reopen(a, &lab->err), lab->err);
    assert_int_equal(apply_counts(a, 0, UINT64_MAX).records, 7);
    apply_forget_counts(a);
    assert_int_equal(apply_counts(a, 0, UINT64_MAX).records, 0);
    apply_close(a);
    buf_release(&list);
    lab_free(lab);
}

static int refuse(void *arg, const struct touched_site *touched, size_t n, struct err *err) {
    UNUSED(arg);
    UNUSED(touched);
    UNUSED(n);
    return err_set(err, ERR_NOSPACE, "no room for dirty hours");
}

/* Whoever opens the store makes them, once for all datasets. */
static void tables__are_not_made_by_apply(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct apply *a = NULL;
    assert_int_equal(try_apply(lab, &a), ERR_ENGINE);
    assert_string_equal(live_query(&lab->live, "SELECT count() FROM system.tables"
                                               " WHERE database = currentDatabase()"),
                        "0\n");
    add_block(lab, 1);
    apply_everything(lab);
    assert_store(lab, "2\t2", "1");
    lab_free(lab);
}

static void hook__that_fails_keeps_rows_out(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    add_block(lab, 5);
    struct apply *a = NULL;
    const struct apply_env env = {.socket_path = engine_process_socket(lab->live.process),
                                  .control = lab->control,
                                  .lake_root = lab->lake,
                                  .refiner = lab->refiner,
                                  .dataset = DATASET_LOGS,
                                  .before_insert = refuse};
    assert_ok(schema_make_tables(lab->live.client, &lab->err), lab->err);
    assert_ok(apply_open(&env, &a, &lab->err), lab->err);
    assert_int_equal(apply_run(a, lab->last, true, &lab->err), ERR_NOSPACE);
    assert_int_equal(apply_run(a, lab->last, true, &lab->err), ERR_NOSPACE); /* it stays */
    assert_int_equal(apply_applied(a), 0);
    apply_close(a);
    assert_store(lab, "0\t0", "0");
    apply_everything(lab);
    assert_store(lab, "10\t10", "1");
    lab_free(lab);
}

/* --- counters -------------------------------------------------------------------------------- */

/* A block of n repositories, each once in May and once in June 2015; every other one does not say
 * how many issues it has. */
static uint64_t add_counters(struct lab *lab, size_t n) {
    struct record *records = xcalloc(2 * n, sizeof *records);
    struct counters *counters = xcalloc(2 * n, sizeof *counters);
    char(*repos)[16] = xcalloc(n, sizeof *repos);
    for (size_t i = 0; i < n; i++) {
        snprintf(repos[i], sizeof repos[i], "a/%zu", i);
        for (size_t m = 0; m < 2; m++) {
            struct counters *c = &counters[2 * i + m];
            *c = (struct counters){.repo = str_from(repos[i]),
                                   .stars = (int64_t)(10 * i + m),
                                   .issues = i % 2 ? (int64_t)i : COUNTER_UNKNOWN,
                                   .commits = COUNTER_UNKNOWN,
                                   .release_downloads = INT64_MAX};
            records[2 * i + m] = (struct record){.ts_ms = NOON + (int64_t)m * 30 * 86400000,
                                                 .site = STR("a"),
                                                 .source = STR("s"),
                                                 .counters = c};
        }
    }
    assert_ok(lake_writer_append(lab->writer, (struct record_batch){records, 2 * n}, &lab->last,
                                 &lab->err),
              lab->err);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    free(records);
    free(counters);
    free(repos);
    return lab->last;
}

#define assert_counters(lab, rows)                                                                 \
    assert_string_equal(                                                                           \
        live_query(&(lab)->live, "SELECT count(), uniqExact(bid, ts, repo) FROM github"),          \
        rows "\n")

static void counters__become_rows_as_they_are(void **state) {
    UNUSED(state);
    struct lab *lab = lab_of(DATASET_GITHUB);
    uint64_t bid = add_counters(lab, 2);
    apply_everything(lab);
    char expected[400];
    snprintf(expected, sizeof expected,
             "%llu\t2015-05-17 12:00:00\ta/0\ta\ts\t0\t0\t0\t0\t-1\t-1\t9223372036854775807\n"
             "%llu\t2015-06-16 12:00:00\ta/1\ta\ts\t11\t0\t0\t0\t1\t-1\t9223372036854775807\n",
             (unsigned long long)bid, (unsigned long long)bid);
    assert_string_equal(
        live_query(&lab->live, "SELECT * FROM github WHERE stars IN (0, 11) ORDER BY repo"),
        expected);
    assert_string_equal(live_query(&lab->live, "SELECT count() FROM system.parts WHERE active"
                                               " AND table = 'github'"),
                        "2\n"); /* one a month */
    lab_free(lab);
}

static void counters__are_applied_once(void **state) {
    UNUSED(state);
    struct lab *lab = lab_of(DATASET_GITHUB);
    uint64_t first = add_counters(lab, 30);
    add_counters(lab, 20);
    apply_everything(lab);
    for (int i = 0; i < 3; i++) {
        assert_counters(lab, "100\t100");
        if (i == 0) { /* a crash before `applied` was written, and between two months */
            live_query(&lab->live, "DELETE FROM github WHERE toYYYYMM(ts) = 201506 AND bid IN"
                                   " (SELECT max(bid) FROM github)");
            struct applied applied = {.bid = first};
            applied_add(&applied, 201505, 30);
            applied_add(&applied, 201506, 30);
            assert_ok(applied_save(lab->control, DATASET_GITHUB, &applied, &lab->err), lab->err);
            applied_release(&applied);
            assert_counters(lab, "80\t80");
        } else if (i == 1) { /* control data lost */
            assert_ok(apply_reset(lab->control, &lab->err), lab->err);
        }
        apply_everything(lab);
    }
    lab_free(lab);
}

static void counters__of_a_month_with_a_wrong_count_are_made_again(void **state) {
    UNUSED(state);
    static const char *const harms[] = {
        "ALTER TABLE github DROP PARTITION 201505",
        "INSERT INTO github SELECT * FROM github WHERE toYYYYMM(ts) = 201505 LIMIT 3",
        "DROP TABLE github",
    };
    struct lab *lab = lab_of(DATASET_GITHUB);
    add_counters(lab, 30);
    add_counters(lab, 20);
    apply_everything(lab);
    live_query(&lab->live, "INSERT INTO events (bid, ts) VALUES (1, '2015-05-01 00:00:00')");
    for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
        live_query(&lab->live, harms[i]);
        apply_everything(lab);
        assert_counters(lab, "100\t100");
    }
    assert_string_equal(live_query(&lab->live, "SELECT count() FROM events"), "1\n");
    lab_free(lab);
}

/* The store has no time before 1970 and none behind 2106. */
static void counters__of_any_time_are_rows(void **state) {
    UNUSED(state);
    struct lab *lab = lab_of(DATASET_GITHUB);
    static const int64_t times[] = {INT64_MIN, -1, INT64_MAX};
    const struct counters c = {.repo = STR("a/b"), .stars = -5};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        const struct record r = {.ts_ms = times[i], .counters = &c};
        assert_ok(
            lake_writer_append(lab->writer, (struct record_batch){&r, 1}, &lab->last, &lab->err),
            lab->err);
    }
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    apply_everything(lab);
    apply_everything(lab);
    assert_string_equal(live_query(&lab->live, "SELECT count(), min(toUnixTimestamp(ts)),"
                                               " max(toUnixTimestamp(ts)), max(stars) FROM github"),
                        "3\t0\t4294967295\t-1\n");
    lab_free(lab);
}

UNIT_MAIN(unit_test(blocks__are_applied_once),
          unit_test(applied__that_is_old_is_caught_up_by_looking),
          unit_test(month__of_a_batch_that_is_missing_is_replayed),
          unit_test(month__with_a_wrong_count_is_made_again),
          unit_test(engine__that_dies_is_reopened_and_counts_stay),
          unit_test(counts__are_kept_by_source), unit_test(tables__are_not_made_by_apply),
          unit_test(hook__that_fails_keeps_rows_out), unit_test(counters__become_rows_as_they_are),
          unit_test(counters__are_applied_once),
          unit_test(counters__of_a_month_with_a_wrong_count_are_made_again),
          unit_test(counters__of_any_time_are_rows))

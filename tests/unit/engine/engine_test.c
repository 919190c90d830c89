/* The engine program with the real library, through its sandbox and our client. */
#include "support/live_engine.h"

#include "base/limits.h"
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

static struct live live;

static void select__every_format_comes_whole(void **state) {
    UNUSED(state);
    static const struct {
        const char *format, *out;
        size_t len;
    } formats[] = {
        {"TSV", "1\tx\\0y\n", 7},
        {"RowBinary", "\1\3x\0y", 5},
        {"CSV", "1,\"x\0y\"\n", 8},
        {"JSONEachRow", "{\"a\":1,\"b\":\"x\\u0000y\"}\n", 23},
        {"Native", "\2\1\1a\5UInt8\1\1b\6String\3x\0y", 24},
    };
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        buf_clear(&live.out);
        assert_ok(client_query(live.client, STR("SELECT 1 AS a, 'x\\0y' AS b"), formats[i].format,
                               NULL, 0, &live.out, &live.err),
                  live.err);
        if (!str_eq(buf_str(&live.out), str_of(formats[i].out, formats[i].len)))
            fail_msg("%s: %zu bytes: " STR_FMT, formats[i].format, live.out.len,
                     STR_ARG(buf_str(&live.out)));
    }
    assert_true(client_elapsed_seconds(live.client) > 0);
    assert_string_equal(live_query(&live, "SELECT 7 AS x FORMAT CSVWithNames"), "\"x\"\n7\n");
}

static void settings__end_with_their_statement(void **state) {
    UNUSED(state);
    const struct setting settings[] = {{"max_threads", "7"}, {"log_comment", "it's"}};
    for (int i = 0; i < 10; i++) {
        buf_clear(&live.out);
        assert_ok(client_query(live.client,
                               STR("SELECT getSetting('max_threads'), getSetting('log_comment')"),
                               "TSV", settings, 2, &live.out, &live.err),
                  live.err);
        assert_str(buf_str(&live.out), "7\tit\\'s\n");
        live_query(&live, "SET max_threads = 6");
        live_query(&live, "USE system");
        assert_string_not_equal(live_query(&live, "SELECT getSetting('max_threads')"), "7\n");
        assert_string_not_equal(live_query(&live, "SELECT getSetting('max_threads')"), "6\n");
        assert_string_equal(live_query(&live, "SELECT currentDatabase()"), "default\n");
    }
    assert_int_equal(client_query(live.client, STR("SELECT 1"), "TSV",
                                  &(struct setting){"no_such_setting", "1"}, 1, NULL, &live.err),
                     ERR_ENGINE);
    assert_int_equal(client_exception_code(live.client), 115);
    assert_int_equal(client_query(live.client, STR("SELECT 1"), "TSV",
                                  &(struct setting){"a, b", "1"}, 1, NULL, &live.err),
                     ERR_ENGINE);
}

static void settings__readonly_refuses_writes_and_changes(void **state) {
    UNUSED(state);
    const struct setting readonly[] = {{"readonly", "1"}, {"max_threads", "1"}};
    static const char *const refused[] = {"CREATE TABLE r (a UInt8) ENGINE = Memory",
                                          "SELECT 1 SETTINGS max_threads = 2", "SET readonly = 0",
                                          "INSERT INTO FUNCTION null('a Int8') SELECT 1"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_int_equal(
            client_query(live.client, str_from(refused[i]), "TSV", readonly, 2, NULL, &live.err),
            ERR_ENGINE);
        assert_int_equal(client_exception_code(live.client), 164);
    }
    assert_ok(client_query(live.client, STR("SELECT 1"), "TSV", readonly, 2, NULL, &live.err),
              live.err);
}

static void parameters__are_values_not_text(void **state) {
    UNUSED(state);
    const struct setting params[] = {{"param_a", "it's \\\\ {b:String}"}, {"param_n", "5"}};
    buf_clear(&live.out);
    assert_ok(client_query(live.client, STR("SELECT {a:String}, {n:UInt8} + 1"), "TSVRaw", params,
                           2, &live.out, &live.err),
              live.err);
    assert_str(buf_str(&live.out), "it's \\ {b:String}\t6\n");
    assert_int_equal(live_fails(&live, "SELECT {a:String}"), 456);
}

static void insert__row_binary_with_every_byte_is_exact(void **state) {
    UNUSED(state);
    live_query(
        &live,
        "CREATE TABLE bytes (n UInt32, s LowCardinality(String), k Enum8('a' = 1, 'it''s' = 2)) "
        "ENGINE = MergeTree ORDER BY n");
    struct buf rows = {0};
    for (uint32_t i = 0; i < 256; i++) {
        const char text[6] = {3, (char)i, ';', '\0', 2, 0};
        buf_add(&rows, &i, 4);
        buf_add(&rows, text, 5);
    }
    /* with the structure given, and asked from the table */
    static const char *const structures[] = {
        "n UInt32, s LowCardinality(String), k Enum8('a' = 1, 'it\\'s' = 2)", ""};
    for (size_t i = 0; i < 2; i++)
        assert_ok(client_insert(live.client, STR("INSERT INTO bytes (n, s, k) FORMAT RowBinary"),
                                str_from(structures[i]), buf_str(&rows), NULL, 0, &live.err),
                  live.err);
    assert_string_equal(
        live_query(&live, "SELECT count(), sum(s = concat(char(n), ';\\0')), countIf(k = 'it\\'s') "
                          "FROM bytes"),
        "512\t512\t512\n");
    buf_release(&rows);
}

static void insert__columns_may_be_fewer_and_in_another_order(void **state) {
    UNUSED(state);
    live_query(&live,
               "CREATE TABLE cols (a UInt8 DEFAULT 9, `b c` String, d UInt8 MATERIALIZED a + 1) "
               "ENGINE = MergeTree ORDER BY a");
    assert_ok(client_insert(live.client, STR("INSERT INTO cols (`b c`) FORMAT TSV"),
                            (struct str){0}, STR("x\n"), NULL, 0, &live.err),
              live.err);
    assert_ok(client_insert(live.client, STR("INSERT INTO TABLE default.cols FORMAT JSONEachRow"),
                            (struct str){0}, STR("{\"b c\":\"y\",\"a\":1}\n"), NULL, 0, &live.err),
              live.err);
    live_query(&live, "INSERT INTO cols (`b c`, a) FORMAT CSV\n\"z;\",2\n");
    live_query(&live, "INSERT INTO cols VALUES (3, ';v')");
    assert_string_equal(live_query(&live, "SELECT a, `b c`, d FROM cols ORDER BY a"),
                        "1\ty\t2\n2\tz;\t3\n3\t;v\t4\n9\tx\t10\n");
    assert_ok(client_insert(live.client, STR("INSERT INTO cols (a) FORMAT RowBinary"),
                            (struct str){0}, (struct str){0}, NULL, 0, &live.err),
              live.err);
    assert_int_equal(client_insert(live.client, STR("INSERT INTO cols (nope) FORMAT TSV"),
                                   (struct str){0}, STR("1\n"), NULL, 0, &live.err),
                     ERR_ENGINE);
    assert_int_equal(client_exception_code(live.client), 16);
    assert_int_equal(client_insert(live.client, STR("INSERT INTO no_table FORMAT TSV"),
                                   (struct str){0}, STR("1\n"), NULL, 0, &live.err),
                     ERR_ENGINE);
    assert_int_equal(client_exception_code(live.client), 60);
    assert_int_equal(client_insert(live.client, STR("INSERT INTO cols (a) FORMAT RowBinary"),
                                   STR("a UInt64"), STR("123"), NULL, 0, &live.err),
                     ERR_ENGINE); /* cut in the middle of a row */
    assert_string_equal(live_query(&live, "SELECT count() FROM cols"), "4\n");
}

/* Rows of `fat` random bytes: the default of 256 MiB a block must not cut them, nor may threads. */
static void insert__is_one_part(void **state) {
    UNUSED(state);
    static const struct {
        uint32_t rows;
        size_t fat;
    } cases[] = {{100000, 20}, {1, 1}, {30000, 5000}, {500000, 1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        live_query(&live, "DROP TABLE IF EXISTS parts SYNC");
        live_query(&live, "CREATE TABLE parts (n UInt32, s String) ENGINE = MergeTree ORDER BY n");
        live_query(&live, "SYSTEM STOP MERGES parts");
        struct buf rows = {0};
        uint64_t seed = 7;
        for (uint32_t r = 0; r < cases[i].rows; r++) {
            buf_add(&rows, &r, 4);
            for (size_t n = cases[i].fat; n > 0; n >>= 7)
                buf_add_char(&rows, (char)((n & 127) | (n > 127 ? 128 : 0)));
            for (size_t n = 0; n < cases[i].fat; n++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                buf_add_char(&rows, (char)(seed >> 56));
            }
        }
        assert_ok(client_insert(live.client, STR("INSERT INTO parts (n, s) FORMAT RowBinary"),
                                STR("n UInt32, s String"), buf_str(&rows), NULL, 0, &live.err),
                  live.err);
        char expected[64];
        snprintf(expected, sizeof expected, "1\t%u\n", cases[i].rows);
        assert_string_equal(live_query(&live,
                                       "SELECT count(), sum(rows) FROM system.parts WHERE table = "
                                       "'parts' AND database = 'default'"),
                            expected);
        buf_release(&rows);
    }
    live_query(&live, "DROP TABLE parts SYNC");
}

/* 36 MB of rows that are 320 MB in the engine's memory: over the default size of a block. */
static void insert__of_rows_that_grow_in_memory_is_one_part(void **state) {
    UNUSED(state);
    enum { COLUMNS = 40, ROWS = 900000 };
    struct buf ddl = {0};
    buf_add_cstr(&ddl, "CREATE TABLE wide (");
    for (int i = 0; i < COLUMNS; i++)
        buf_printf(&ddl, "%sc%d String", i == 0 ? "" : ", ", i);
    buf_add_cstr(&ddl, ") ENGINE = MergeTree ORDER BY tuple()");
    live_query(&live, buf_cstr(&ddl));
    live_query(&live, "SYSTEM STOP MERGES wide");
    char *zeros = calloc(COLUMNS, ROWS);
    assert_ok(client_insert(live.client, STR("INSERT INTO wide FORMAT RowBinary"), (struct str){0},
                            str_of(zeros, (size_t)COLUMNS * ROWS), NULL, 0, &live.err),
              live.err);
    assert_string_equal(live_query(&live, "SELECT count(), sum(rows) FROM system.parts WHERE "
                                          "table = 'wide' AND database = 'default'"),
                        "1\t900000\n");
    live_query(&live, "DROP TABLE wide SYNC");
    free(zeros);
    buf_release(&ddl);
}

static void error__has_its_code_and_the_engine_lives_on(void **state) {
    UNUSED(state);
    static const struct {
        const char *sql;
        int code;
    } cases[] = {
        {"SELECT nope", 47},
        {"SELECT throwIf(1)", 395},
        {"SELECT * FROM nowhere", 60},
        {"SELECT (", 62},
        {"SELECT 1 FORMAT Nope", 73},
        {"SELECT sum(number) FROM numbers(1000000) GROUP BY number SETTINGS max_memory_usage = "
         "1000000",
         241},
        {"SELECT toUInt8('x')", 6},
        {"SELECT number FROM numbers(100) SETTINGS max_result_rows = 10", 396},
        {"SELECT sleep(3) SETTINGS max_execution_time = 0.1", 159},
        /* several statements, and the end of the process */
        {"SELECT 1; SELECT 2", 62},
        {"SELECT 1; DROP TABLE bytes", 62},
        {"SYSTEM SHUTDOWN", 497},
        {"/* x */ system\nkill", 497},
    };
    int pid = engine_process_pid(live.process);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int code = live_fails(&live, cases[i].sql);
        if (code != cases[i].code)
            fail_msg("%s: exception %d (%s)", cases[i].sql, code, live.err.text);
    }
    assert_non_null(strstr(live.err.text, "Code: 497. DB::Exception: "));
    assert_string_equal(live_query(&live, "SELECT 1; -- the end"), "1\n");
    assert_int_equal(engine_process_pid(live.process), pid);
    assert_int_equal(engine_process_generation(live.process), 1);
}

static void result__over_the_limit_is_refused(void **state) {
    UNUSED(state);
    assert_int_equal(
        live_fails(&live,
                   "SELECT repeat('x', 1000000) FROM numbers(1000) SETTINGS max_block_size = 10"),
        396);
    struct buf out = {0};
    assert_ok(client_query(live.client, STR("SELECT repeat('x', 1000000) FROM numbers(100)"), "TSV",
                           NULL, 0, &out, &live.err),
              live.err);
    assert_int_equal(out.len, 100000100);
    buf_release(&out);
}

static void sandbox__files_of_others_and_the_network_are_out_of_reach(void **state) {
    UNUSED(state);
    if (!engine_process_sandboxed(live.process))
        skip(); /* no Landlock here */
    char environ_of_parent[128], outside[96], memory[128];
    snprintf(outside, sizeof outside, "SELECT 1 INTO OUTFILE '/tmp/cask-out-%d'", (int)getpid());
    snprintf(environ_of_parent, sizeof environ_of_parent,
             "SELECT * FROM file('/proc/%d/environ', 'TSVRaw', 'a String')", (int)getpid());
    snprintf(memory, sizeof memory, "SELECT file('/proc/%d/maps')", (int)getpid());
    const char *const refused[] = {
        "SELECT * FROM file('/etc/passwd', 'TSVRaw', 'a String')",
        "SELECT file('/etc/passwd')",
        "SELECT file('/etc/hostname')",
        "SELECT * FROM file('/dev/shm/x', 'TSVRaw', 'a String')",
        "SELECT * FROM file('/tmp/*', 'TSVRaw', 'a String')",
        "DESCRIBE TABLE file('/etc/passwd', 'TSV')",
        "INSERT INTO FUNCTION file('/tmp/cask-out', 'TSV', 'a UInt8') SELECT 1",
        outside,
        environ_of_parent,
        memory,
        "SELECT * FROM url('http://127.0.0.1:9/', 'TSV', 'a String')",
        "SELECT * FROM remote('192.0.2.1:9000', 'system', 'one')",
        "SELECT * FROM s3('http://127.0.0.1:9/bucket/k', 'TSV', 'a String')",
        "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
        "SELECT * FROM executable('sh', 'TSV', 'a String')",
        "SELECT * FROM sqlite('/tmp/x.db', 't')",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        buf_clear(&live.out);
        int rc =
            client_query(live.client, str_from(refused[i]), "TSV", NULL, 0, &live.out, &live.err);
        /* a pattern that matches nothing it may see is an empty answer */
        if (rc != ERR_ENGINE && !(rc == 0 && live.out.len == 0 && strchr(refused[i], '*') != NULL))
            fail_msg("%s: %d " STR_FMT " %s", refused[i], rc, STR_ARG(buf_str(&live.out)),
                     rc != 0 ? live.err.text : "");
    }
    assert_int_not_equal(access(strchr(outside, '/'), F_OK), 0);
    assert_string_equal(live_query(&live, "SELECT 1"), "1\n");
    assert_string_equal(live_query(&live, "SELECT timezone()"), "UTC\n");
}

/* --- several at once ---------------------------------------------------------------------------
 */

struct worker {
    pthread_t thread;
    int id, failed;
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct client *c;
    struct err err;
    if (client_new(engine_process_socket(live.process), NULL, &c, &err) != 0)
        return w->failed = 1, NULL;
    for (int i = 0; i < 40; i++) {
        char sql[128], expected[64], number[16];
        struct buf out = {0};
        int n = w->id * 1000 + i;
        snprintf(number, sizeof number, "%d", n);
        snprintf(sql, sizeof sql,
                 "SELECT sum(number) + getSetting('max_block_size') FROM numbers(%d)", n);
        snprintf(expected, sizeof expected, "%lld\n", (long long)n * (n - 1) / 2 + n);
        if (client_query(c, str_from(sql), "TSV", &(struct setting){"max_block_size", number}, 1,
                         &out, &err) != 0 ||
            !str_is(buf_str(&out), expected))
            w->failed++;
        buf_release(&out);
    }
    client_free(c);
    return NULL;
}

static void many_clients__each_gets_its_own_answer(void **state) {
    UNUSED(state);
    struct worker workers[12]; /* more than the pool has */
    for (int i = 0; i < (int)ARRAY_LEN(workers); i++) {
        workers[i] = (struct worker){.id = i + 1};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].failed, 0);
    }
}

struct sleeper {
    int rc;
    struct client *client;
    pthread_t thread;
};

static void *sleep_long(void *arg) {
    struct sleeper *s = arg;
    struct err err;
    s->rc = client_query(s->client, STR("SELECT sleepEachRow(1) FROM numbers(1000)"), "TSV",
                         &(struct setting){"max_block_size", "1"}, 1, NULL, &err);
    return NULL;
}

/* The pool is full of sleepers: client_stop() must get through, and end them in the engine too. */
static void kill__ends_a_statement_by_its_query_id(void **state) {
    UNUSED(state);
    struct sleeper sleepers[4];
    for (int i = 0; i < 4; i++) {
        sleepers[i] = (struct sleeper){.rc = 1, .client = live_client(&live)};
        assert_int_equal(pthread_create(&sleepers[i].thread, NULL, sleep_long, &sleepers[i]), 0);
    }
    usleep(300000);
    for (int i = 0; i < 4; i++) {
        client_stop(sleepers[i].client);
        pthread_join(sleepers[i].thread, NULL);
        assert_int_equal(sleepers[i].rc, ERR_STOPPED);
        client_free(sleepers[i].client);
    }
    /* a killed one ends at its next block; alone they would sleep for a quarter of an hour */
    const char *left = "";
    for (int i = 0; i < 2400 && strcmp(left, "0\n") != 0; i++) {
        usleep(50000);
        left = live_query(&live, "SELECT count() FROM system.processes WHERE query LIKE "
                                 "'SELECT sleepEachRow%'");
    }
    assert_string_equal(left, "0\n");
}

static int start(void **state) {
    UNUSED(state);
    live_start(&live);
    return 0;
}

static int stop(void **state) {
    UNUSED(state);
    live_end(&live);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(select__every_format_comes_whole),
        unit_test(settings__end_with_their_statement),
        unit_test(settings__readonly_refuses_writes_and_changes),
        unit_test(parameters__are_values_not_text),
        unit_test(insert__row_binary_with_every_byte_is_exact),
        unit_test(insert__columns_may_be_fewer_and_in_another_order),
        unit_test(insert__is_one_part),
        unit_test(insert__of_rows_that_grow_in_memory_is_one_part),
        unit_test(error__has_its_code_and_the_engine_lives_on),
        unit_test(result__over_the_limit_is_refused),
        unit_test(sandbox__files_of_others_and_the_network_are_out_of_reach),
        unit_test(many_clients__each_gets_its_own_answer),
        unit_test(kill__ends_a_statement_by_its_query_id),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

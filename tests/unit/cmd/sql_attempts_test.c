/* Attempts at the real engine (docs/internals/engine.md; what readonly=1 does not stop). */
#include "cmd/sql_check.h"

#include "support/live_engine.h"

static struct live live;

static void allowed__queries_pass(void **state) {
    UNUSED(state);
    static const char *const queries[] = {
        "SELECT count() FROM events",
        "select Status, COUNT(*) from events group by all order by 2 desc limit 5 -- comment",
        "WITH t AS (SELECT visitor, count() AS n FROM events GROUP BY visitor) SELECT sumIf(n, n > "
        "2) FROM t",
        "SELECT 1 UNION ALL SELECT 2",
        "(SELECT 1 INTERSECT SELECT 1)",
        "SELECT * FROM events AS e FINAL LEFT JOIN rejected AS r ON e.bid = r.bid WHERE e.path "
        "LIKE '%a;b%'",
        "SELECT x -> x + 1, arrayMap(x -> x * 2, [1, 2]), (1, 'a').1, CASE WHEN 1 THEN 2 ELSE 3 "
        "END",
        "SELECT CAST(1 AS UInt8), '2020-01-01'::Date, INTERVAL 1 DAY, date '2020-01-01', x IS NULL "
        "FROM (SELECT 1 AS x)",
        "SELECT row_number() OVER (PARTITION BY site ORDER BY ts ROWS BETWEEN 1 PRECEDING AND "
        "CURRENT ROW) FROM events",
        "SELECT toStartOfHour(ts) AS h, uniqCombined(visitor), quantiles(0.5, 0.9)(bytes) FROM "
        "default.events"
        " GROUP BY h WITH TOTALS HAVING count() > 1 ORDER BY h WITH FILL",
        "SELECT * EXCEPT (path), * REPLACE (1 AS bid) FROM events LIMIT 1 BY site LIMIT 5 OFFSET 2",
        "SELECT COLUMNS('a') FROM events WHERE bid IN (SELECT bid FROM rejected) AND EXISTS "
        "(SELECT 1)",
        "SELECT number FROM numbers(10) WHERE number BETWEEN 2 AND 4",
        "SELECT trim(BOTH ' ' FROM path), substring(path FROM 2), EXTRACT(DAY FROM ts), "
        "position('a' IN path) FROM events",
        "SELECT t FROM (SELECT [1, 2] AS a) ARRAY JOIN a AS t WINDOW w AS (ORDER BY t)",
        "FROM events SELECT path WHERE path = 'file(\\'/etc/passwd\\')'",
    };
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct err err = {0};
        if (sql_check(live.client, str_from(queries[i]), &err) != 0)
            fail_msg("%s: %s", queries[i], err.text);
    }
}

static void attempts__are_refused(void **state) {
    UNUSED(state);
    static const char *const queries[] = {
        "",
        "nonsense",
        "SELECT",
        "INSERT INTO events (bid) VALUES (1)",
        "INSERT INTO FUNCTION file('/tmp/x', 'TSV', 'x String') SELECT 'a'",
        "CREATE TABLE t (x UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE t (x UInt8)",
        "CREATE FUNCTION f AS (x) -> file(x)",
        "DROP TABLE events",
        "TRUNCATE TABLE events",
        "ALTER TABLE events DELETE WHERE 1",
        "OPTIMIZE TABLE events FINAL",
        "RENAME TABLE events TO x",
        "ATTACH TABLE x",
        "DETACH TABLE events",
        "BACKUP TABLE events TO File('/tmp/x')",
        "SET max_threads = 1",
        "SET readonly = 0",
        "USE system",
        "SYSTEM SHUTDOWN",
        "SYSTEM RELOAD CONFIG",
        "KILL QUERY WHERE 1",
        "SHOW TABLES",
        "SHOW CREATE TABLE events",
        "DESCRIBE TABLE file('/etc/passwd')",
        "DESCRIBE events",
        "EXISTS TABLE events",
        "EXPLAIN SELECT 1",
        "EXPLAIN AST SELECT 1",
        "SELECT * FROM (EXPLAIN SELECT 1)",
        "graph = 1 SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE events",
        "SELECT 1 ;; SELECT 2",
        "SELECT 1) UNION ALL (SELECT 2",
        "SELECT 1) FORMAT TSV --",
        "SELECT 1 FORMAT TSV",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 INTO OUTFILE '/tmp/x' TRUNCATE COMPRESSION 'gzip' FORMAT TSV",
        "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '/tmp/x'",
        "SELECT 1 SETTINGS max_threads = 1",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
        "SELECT 1 FORMAT TSV SETTINGS max_threads = 1",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
        "SELECT 1 ORDER BY file('/etc/passwd')",
        "SELECT 1 LIMIT length(file('/etc/passwd'))",
        "WITH file('/etc/passwd') AS x SELECT x",
        "SELECT * APPLY(file) FROM events",
        "SELECT * APPLY(x -> file(x)) FROM events",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'x String')",
        "SELECT * FROM s3('http://127.0.0.1:1/x', 'TSV')",
        "SELECT * FROM remote('127.0.0.1', 'system.one')",
        "SELECT * FROM mysql('127.0.0.1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM sqlite('/tmp/x', 'y')",
        "SELECT * FROM executable('x', 'TSV', 'x String')",
        "SELECT * FROM dictionary('x')",
        "SELECT * FROM merge('system', '.*')",
        "SELECT * FROM view(SELECT * FROM system.tables)",
        "SELECT * FROM cluster('default', system.one)",
        "SELECT * FROM input('x String')",
        "SELECT * FROM Python('x')",
        "SELECT * FROM system.tables",
        "SELECT * FROM `system`.`tables`",
        "SELECT * FROM \"system\".tables",
        "SELECT * FROM System.tables",
        "FROM system.processes SELECT query",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM INFORMATION_SCHEMA.TABLES",
        "SELECT * FROM events WHERE path IN system.tables",
        "SELECT * FROM events WHERE path GLOBAL NOT IN system.tables",
        "SELECT * FROM events WHERE in(path, system.tables)",
        "SELECT * FROM events WHERE path IN (SELECT name FROM system.tables)",
        "SELECT (SELECT count() FROM system.tables)",
        "SELECT * FROM events JOIN system.one ON 1",
        "SELECT * FROM events, system.one",
        "WITH x AS (SELECT * FROM system.tables) SELECT 1",
        "SELECT 1 UNION ALL SELECT count() FROM system.tables",
        "SELECT 1 AS `x)\n   TableIdentifier events` FROM system.one",
        "SELECT dictGet('a', 'b', 1)",
        "SELECT joinGet('a', 'b', 1)",
        "SELECT getSetting('max_threads')",
        "SELECT getServerSetting('path')",
        "SELECT getMacro('x')",
        "SELECT hostName(), currentUser(), getOSKernelVersion(), serverUUID()",
        "SELECT hasColumnInTable('127.0.0.1', 'u', 'p', 'system', 'one', 'dummy')",
        "SELECT catboostEvaluate('/tmp/x', 1)",
        "SELECT filesystemAvailable()",
        "SELECT sleep(3)",
        "SELECT sleepEachRow(3) FROM numbers(100)",
        "SELECT logTrace('x')",
        "SELECT {x:String}",
        "SELECT * FROM {t:Identifier}",
        "SELECT 1 /*",
        "SELECT 'a",
    };
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct err err = {0};
        int rc = sql_check(live.client, str_from(queries[i]), &err);
        if (rc != ERR_USAGE || err.text[0] == '\0')
            fail_msg("%s: %d: %s", queries[i], rc, err.text);
    }
    struct err err = {0};
    assert_int_equal(sql_check(live.client, STR("SELECT 1\0; DROP TABLE events"), &err), ERR_USAGE);
}

/* The list against the engine at hand: no function of these kinds, none that it calls impure in
 * name. */
static void functions__that_the_engine_has_and_that_reach_outside_are_refused(void **state) {
    UNUSED(state);
    struct str rest = str_from(live_query(
        &live,
        "SELECT name FROM system.functions WHERE NOT is_aggregate AND (categories IN "
        "('Dictionary', 'Embedded "
        "Dictionary', "
        "'Introspection', 'Machine Learning', 'AI') OR match(name, "
        "'(?i)^(get(Setting|Server|Macro|OS|Client|Merge)|host|fqdn|file|filesystem|sleep|dict|"
        "join|"
        "current(User|Query|Roles|Profiles)|server|tcp|show|connection|log|ai|zoo|transaction)')"
        ")"));
    struct str name;
    size_t n = 0;
    for (; str_split(&rest, '\n', &name); n++)
        if (sql_function_allowed(name) && !str_is(name, "logTrace") &&
            !str_starts(name, STR("log")) && !str_starts(name, STR("air")))
            fail_msg(STR_FMT " is allowed", STR_ARG(name));
    assert_true(n > 60);
}

static int start(void **state) {
    UNUSED(state);
    live_start(&live);
    live_query(&live, "CREATE TABLE events (bid UInt64, ts DateTime('UTC'), site String, path "
                      "String, status UInt16,"
                      " bytes UInt64, visitor UInt64) ENGINE = MergeTree ORDER BY bid");
    live_query(&live,
               "CREATE TABLE rejected (bid UInt64, reason String) ENGINE = MergeTree ORDER BY bid");
    return 0;
}

static int end(void **state) {
    UNUSED(state);
    live_end(&live);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(allowed__queries_pass), unit_test(attempts__are_refused),
        unit_test(functions__that_the_engine_has_and_that_reach_outside_are_refused)};
    return cmocka_run_group_tests(tests, start, end);
}

#include "control/control.h"
#include "support/unit.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct lab {
    char dir[64];
    char path[96];
    struct control *c;
    struct buf body;
    uint64_t version;
    struct err err;
};

static int setup(void **state) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    snprintf(lab->dir, sizeof lab->dir, "/tmp/cask-control-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    snprintf(lab->path, sizeof lab->path, "%s/control.db", lab->dir);
    assert_ok(control_open(lab->path, &lab->c, &lab->err), lab->err);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    struct lab *lab = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    control_close(lab->c);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", lab->path, ends[i]);
        unlink(path);
    }
    rmdir(lab->dir);
    buf_release(&lab->body);
    free(lab);
    return 0;
}

static void reopen(struct lab *lab) {
    control_close(lab->c);
    lab->c = NULL;
    assert_ok(control_open(lab->path, &lab->c, &lab->err), lab->err);
}

static int put(struct lab *lab, const char *key, const char *body, uint64_t version) {
    struct control_put p = {key, str_from(body), version};
    return control_commit(lab->c, &p, 1, &lab->err);
}

#define assert_doc(lab, key, expected_body, expected_version)                                      \
    do {                                                                                           \
        assert_ok(control_get((lab)->c, key, &(lab)->body, &(lab)->version, &(lab)->err),          \
                  (lab)->err);                                                                     \
        assert_str(buf_str(&(lab)->body), expected_body);                                          \
        assert_int_equal((lab)->version, expected_version);                                        \
    } while (0)

static void get__of_nothing_is_version_0_and_empty(void **state) {
    struct lab *lab = *state;
    buf_add_cstr(&lab->body, "left over");
    assert_doc(lab, "a", "", 0);
}

static void commit__versions_count_up_and_outlive_reopening(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "a", "one", 0), lab->err);
    assert_ok(put(lab, "a", "two", 1), lab->err);
    assert_ok(put(lab, "a", "three", CONTROL_ANY), lab->err);
    reopen(lab);
    assert_doc(lab, "a", "three", 3);
}

static void commit__of_an_old_version_is_refused(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "a", "one", 0), lab->err);
    assert_ok(put(lab, "a", "two", 1), lab->err);
    assert_int_equal(put(lab, "a", "lost", 1), ERR_BUSY);
    assert_int_equal(put(lab, "a", "lost", 0), ERR_BUSY);
    assert_int_equal(put(lab, "b", "lost", 1), ERR_BUSY); /* it does not exist */
    assert_doc(lab, "a", "two", 2);
    assert_doc(lab, "b", "", 0);
}

static void commit__is_all_or_nothing(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "c", "kept", 0), lab->err);
    const struct control_put puts[] = {{"a", STR("x"), 0},
                                       {"c", {NULL, 0}, 1},
                                       {"b", STR("y"), 7}, /* is not at 7 */
                                       {"d", STR("z"), 0}};
    assert_int_equal(control_commit(lab->c, puts, 4, &lab->err), ERR_BUSY);
    assert_doc(lab, "a", "", 0);
    assert_doc(lab, "c", "kept", 1);
    assert_doc(lab, "d", "", 0);
    assert_ok(control_commit(lab->c, puts, 2, &lab->err), lab->err);
    assert_doc(lab, "a", "x", 1);
    assert_doc(lab, "c", "", 0);
}

static void commit__of_nothing_is_fine(void **state) {
    struct lab *lab = *state;
    assert_ok(control_commit(lab->c, NULL, 0, &lab->err), lab->err);
}

static void commit__an_empty_body_is_a_document(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "a", "", 0), lab->err);
    assert_doc(lab, "a", "", 1);
    assert_int_equal(put(lab, "a", "", 0), ERR_BUSY);
}

static void commit__bodies_are_any_bytes(void **state) {
    struct lab *lab = *state;
    struct control_put p = {"a", str_of("\0'\xff;--\n\0", 7), 0};
    assert_ok(control_commit(lab->c, &p, 1, &lab->err), lab->err);
    assert_ok(control_get(lab->c, "a", &lab->body, &lab->version, &lab->err), lab->err);
    assert_true(str_eq(buf_str(&lab->body), p.body));
}

static int collect(void *arg, const char *key, struct str body, uint64_t version, struct err *err) {
    UNUSED(err);
    buf_printf(arg, "%s=" STR_FMT "@%d ", key, STR_ARG(body), (int)version);
    return 0;
}

static void each__gives_the_keys_of_a_prefix_in_order(void **state) {
    struct lab *lab = *state;
    static const char *const keys[] = {"b/2", "a", "b/1", "b", "b/10", "B/1", "b0", "b/%", "c"};
    struct buf seen = {0};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_ok(put(lab, keys[i], "x", 0), lab->err);
    assert_ok(control_each(lab->c, "b/", collect, &seen, &lab->err), lab->err);
    assert_string_equal(buf_cstr(&seen), "b/%=x@1 b/1=x@1 b/10=x@1 b/2=x@1 ");
    buf_clear(&seen);
    assert_ok(control_each(lab->c, "", collect, &seen, &lab->err), lab->err);
    assert_string_equal(buf_cstr(&seen),
                        "B/1=x@1 a=x@1 b=x@1 b/%=x@1 b/1=x@1 b/10=x@1 b/2=x@1 b0=x@1 c=x@1 ");
    buf_release(&seen);
}

static int remove_it(void *arg, const char *key, struct str body, uint64_t version,
                     struct err *err) {
    UNUSED(body);
    struct control_put p = {key, {NULL, 0}, version};
    return control_commit(arg, &p, 1, err);
}

static void each__may_change_documents_while_it_goes(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "a/1", "x", 0), lab->err);
    assert_ok(put(lab, "a/2", "x", 0), lab->err);
    assert_ok(control_each(lab->c, "a/", remove_it, lab->c, &lab->err), lab->err);
    assert_doc(lab, "a/1", "", 0);
    assert_doc(lab, "a/2", "", 0);
}

static int fail_at_once(void *arg, const char *key, struct str body, uint64_t version,
                        struct err *err) {
    UNUSED(key), UNUSED(body), UNUSED(version);
    ++*(int *)arg;
    return err_set(err, ERR_STOPPED, "enough");
}

static void each__ends_with_the_error_of_see(void **state) {
    struct lab *lab = *state;
    int calls = 0;
    assert_ok(put(lab, "a", "x", 0), lab->err);
    assert_ok(put(lab, "b", "x", 0), lab->err);
    assert_int_equal(control_each(lab->c, "", fail_at_once, &calls, &lab->err), ERR_STOPPED);
    assert_int_equal(calls, 1);
}

#define COUNTS 50
static void *count_up(void *arg) {
    struct lab *lab = arg;
    for (int done = 0; done < COUNTS;) {
        struct buf body = {0};
        struct err err;
        uint64_t version, n = 0;
        char text[24];
        assert_int_equal(control_get(lab->c, "n", &body, &version, &err), 0);
        str_to_u64(buf_str(&body), &n);
        snprintf(text, sizeof text, "%d", (int)n + 1);
        struct control_put p = {"n", str_from(text), version};
        int rc = control_commit(lab->c, &p, 1, &err);
        assert_true(rc == 0 || rc == ERR_BUSY);
        done += rc == 0;
        buf_release(&body);
    }
    return NULL;
}

static void commit__loses_no_update_of_two_threads(void **state) {
    struct lab *lab = *state;
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, count_up, lab);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_doc(lab, "n", "100", 100);
}

static void open__new_file_is_for_its_owner_only(void **state) {
    struct lab *lab = *state;
    struct stat st;
    assert_int_equal(stat(lab->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void open__of_what_is_no_database_says_so(void **state) {
    struct lab *lab = *state;
    struct control *other;
    char path[128], text[2000];
    snprintf(path, sizeof path, "%s/other", lab->dir);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_text(path, text);
    assert_int_equal(control_open(path, &other, &lab->err), ERR_CORRUPT);
    assert_non_null(strstr(lab->err.text, "no control database"));
    assert_non_null(strstr(lab->err.text, path));
    unlink(path);
}

static void open__of_somebody_elses_database_says_so(void **state) {
    struct lab *lab = *state;
    sqlite3 *db;
    control_close(lab->c);
    lab->c = NULL;
    unlink(lab->path);
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE other(x)", 0, 0, 0), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(control_open(lab->path, &lab->c, &lab->err), ERR_CORRUPT);
    assert_non_null(strstr(lab->err.text, "no control database"));
}

static void open__of_a_newer_schema_is_refused(void **state) {
    struct lab *lab = *state;
    sqlite3 *db;
    control_close(lab->c);
    lab->c = NULL;
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", 0, 0, 0), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(control_open(lab->path, &lab->c, &lab->err), ERR_USAGE);
    assert_non_null(strstr(lab->err.text, "newer version"));
}

/* The schema of today, and two versions that may come. */
static const char *const later[] = {
    "CREATE TABLE docs(key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL,"
    " body BLOB NOT NULL) WITHOUT ROWID",
    "ALTER TABLE docs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE more(x)",
};
static const char *const broken[] = {
    "SELECT 1", "ALTER TABLE docs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE docs(already INTEGER)"};

static int number(const struct lab *lab, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int n = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

static int open_steps(struct lab *lab, const char *const *steps, int n) {
    control_close(lab->c);
    lab->c = NULL;
    return control_open_steps(lab->path, steps, n, &lab->c, &lab->err);
}

static void open__an_older_schema_is_brought_up_to_date(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "a", "kept", 0), lab->err); /* by version 1 */
    assert_ok(open_steps(lab, later, 3), lab->err);
    assert_doc(lab, "a", "kept", 1);
    assert_ok(put(lab, "a", "changed", 1), lab->err);
    assert_int_equal(number(lab, "PRAGMA user_version"), 3);
    assert_int_equal(number(lab, "SELECT count(*) FROM more"), 0);
    assert_ok(open_steps(lab, later, 3), lab->err); /* nothing is done twice */
    assert_int_equal(open_steps(lab, later, 1), ERR_USAGE);
    assert_non_null(strstr(lab->err.text, "schema 3, known: 1"));
}

static void open__a_step_that_fails_changes_nothing(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "a", "kept", 0), lab->err);
    assert_int_not_equal(open_steps(lab, broken, 3), 0);
    assert_int_equal(number(lab, "PRAGMA user_version"), 1);
    assert_int_equal(number(lab, "SELECT count(*) FROM pragma_table_info('docs')"), 3);
    reopen(lab);
    assert_doc(lab, "a", "kept", 1);
}

static void open__a_new_file_gets_all_steps(void **state) {
    struct lab *lab = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    control_close(lab->c);
    lab->c = NULL;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", lab->path, ends[i]);
        unlink(path);
    }
    assert_ok(open_steps(lab, later, 3), lab->err);
    assert_ok(put(lab, "a", "new", 0), lab->err);
    assert_int_equal(number(lab, "PRAGMA user_version"), 3);
}

#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
UNIT_MAIN(
    lab_test(get__of_nothing_is_version_0_and_empty),
    lab_test(commit__versions_count_up_and_outlive_reopening),
    lab_test(commit__of_an_old_version_is_refused), lab_test(commit__is_all_or_nothing),
    lab_test(commit__of_nothing_is_fine), lab_test(commit__an_empty_body_is_a_document),
    lab_test(commit__bodies_are_any_bytes), lab_test(each__gives_the_keys_of_a_prefix_in_order),
    lab_test(each__may_change_documents_while_it_goes), lab_test(each__ends_with_the_error_of_see),
    lab_test(commit__loses_no_update_of_two_threads),
    lab_test(open__new_file_is_for_its_owner_only), lab_test(open__of_what_is_no_database_says_so),
    lab_test(open__of_somebody_elses_database_says_so),
    lab_test(open__of_a_newer_schema_is_refused),
    lab_test(open__an_older_schema_is_brought_up_to_date),
    lab_test(open__a_step_that_fails_changes_nothing), lab_test(open__a_new_file_gets_all_steps))

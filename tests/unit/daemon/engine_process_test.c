/* The engine as a child, with the real library: death, restart, orphans. */
#include "support/live_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATIENCE 2400 /* times 50 ms */

static bool eventually(bool (*is)(void *), void *arg) {
    for (int i = 0; i < PATIENCE; i++) {
        if (is(arg))
            return true;
        usleep(50000);
    }
    return false;
}

static bool is_alive(void *p) { return engine_process_alive(p); }
static bool is_dead(void *p) { return !engine_process_alive(p); }
static bool is_second(void *p) { return engine_process_generation(p) == 2; }
static bool pid_is_gone(void *pid) { return kill(*(int *)pid, 0) != 0; }

static void start__serves_behind_a_socket_of_mode_0600(void **state) {
    UNUSED(state);
    struct live l;
    live_start(&l);
    assert_true(engine_process_alive(l.process));
    assert_int_equal(engine_process_generation(l.process), 1);
    struct stat st;
    char path[96];
    snprintf(path, sizeof path, "%s/engine.sock", l.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_string_equal(live_query(&l, "SELECT 1"), "1\n");
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    int pid = engine_process_pid(l.process);
    live_end(&l);
    assert_true(pid_is_gone(&pid));
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
    assert_int_not_equal(stat(path, &st), 0);
}

static void start__works_in_a_directory_with_a_long_name(void **state) {
    UNUSED(state);
    struct live l = {.dir = "/tmp/cask-engine-XXXXXX"};
    assert_non_null(mkdtemp(l.dir));
    char deep[512];
    snprintf(deep, sizeof deep, "%s/%0200d", l.dir, 7);
    const struct engine_options options = {.data_dir = deep};
    assert_ok(engine_process_start(&options, &l.process, &l.err), l.err);
    l.client = live_client(&l);
    assert_string_equal(live_query(&l, "SELECT 2"), "2\n");
    live_end(&l);
}

/* Who waits for a statement does so no longer, and no other engine comes. */
static void end__within_some_time_is_for_one_that_hangs_too(void **state) {
    UNUSED(state);
    struct live l;
    live_start(&l);
    engine_process_set_restart(l.process, true);
    assert_int_equal(kill(engine_process_pid(l.process), SIGSTOP), 0);
    engine_process_end_within(l.process, 0.5);
    assert_int_equal(client_query(l.client, STR("SELECT 1"), "TSV", NULL, 0, NULL, &l.err),
                     ERR_AWAY);
    assert_true(eventually(is_dead, l.process));
    usleep(300000); /* it would be back by now */
    assert_int_equal(engine_process_generation(l.process), 1);
    live_end(&l);
}

static void killed__statement_is_away_and_a_restarted_engine_has_the_rows(void **state) {
    UNUSED(state);
    struct live l;
    live_start(&l);
    live_query(&l, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS "
                   "fsync_after_insert = 1, fsync_part_directory = 1");
    live_query(&l, "INSERT INTO t SELECT number FROM numbers(1000)");
    engine_process_kill(l.process);
    assert_true(eventually(is_dead, l.process));
    assert_int_equal(client_query(l.client, STR("SELECT 1"), "TSV", NULL, 0, NULL, &l.err),
                     ERR_AWAY);
    engine_process_set_restart(l.process, true);
    assert_true(eventually(is_second, l.process));
    assert_true(eventually(is_alive, l.process));
    assert_string_equal(live_query(&l, "SELECT count(), sum(a) FROM t"), "1000\t499500\n");
    live_end(&l);
}

static void *kill_soon(void *arg) {
    struct live *l = arg;
    usleep(200000);
    kill(engine_process_pid(l->process), SIGKILL);
    return NULL;
}

static void killed_while_a_statement_runs__is_away_not_an_error(void **state) {
    UNUSED(state);
    struct live l;
    pthread_t thread;
    live_start(&l);
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, &l), 0);
    int rc = client_query(l.client, STR("SELECT sleepEachRow(1) FROM numbers(100)"), "TSV",
                          &(struct setting){"max_block_size", "1"}, 1, &l.out, &l.err);
    pthread_join(thread, NULL);
    if (rc != ERR_AWAY)
        fail_msg("%d: %s", rc, l.err.text);
    assert_int_equal(l.out.len, 0);
    live_end(&l);
}

static void signals_of_the_terminal__leave_the_engine_alone(void **state) {
    UNUSED(state);
    struct live l;
    live_start(&l);
    static const int sent[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < ARRAY_LEN(sent); i++)
        assert_int_equal(kill(engine_process_pid(l.process), sent[i]), 0);
    assert_string_equal(live_query(&l, "SELECT 1"), "1\n");
    live_end(&l);
}

/* A parent of its own: starts an engine in `dir`, writes its pid and waits to be killed. */
static void be_a_parent(const char *dir, int fd) {
    struct engine_process *p;
    struct err err;
    const struct engine_options options = {.data_dir = dir};
    int pid = engine_process_start(&options, &p, &err) == 0 ? engine_process_pid(p) : -1;
    if (write(fd, &pid, sizeof pid) == sizeof pid)
        pause();
    _exit(1);
}

static void parent_killed__engine_ends_and_the_next_one_starts(void **state) {
    UNUSED(state);
    struct live l = {.dir = "/tmp/cask-engine-XXXXXX"};
    assert_non_null(mkdtemp(l.dir));
    int fds[2], engine = -1;
    assert_int_equal(pipe(fds), 0);
    pid_t parent = fork(); /* no engine and no thread here yet */
    if (parent == 0)
        be_a_parent(l.dir, fds[1]);
    assert_int_equal(read(fds[0], &engine, sizeof engine), sizeof engine);
    assert_true(engine > 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    waitpid(parent, NULL, 0);
    /* at once: it has to wait for the orphan's lock */
    const struct engine_options options = {.data_dir = l.dir};
    assert_ok(engine_process_start(&options, &l.process, &l.err), l.err);
    assert_true(eventually(pid_is_gone, &engine));
    l.client = live_client(&l);
    assert_string_equal(live_query(&l, "SELECT 3"), "3\n");
    live_end(&l);
    close(fds[0]);
    close(fds[1]);
}

/* --- a directory that cannot be opened ------------------------------------------------------- */

/* An engine that has rows, ended. */
static void make_rows(struct live *l) {
    live_start(l);
    live_query(l, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    live_query(l, "INSERT INTO t SELECT number FROM numbers(7)");
    client_free(l->client);
    l->client = NULL;
    engine_process_stop(l->process);
    l->process = NULL;
}

static struct engine_options options_of(const struct live *l) {
    return (struct engine_options){.data_dir = l->dir, .restart = true};
}

/* As it is, and with all its rows. */
static void assert_untouched(struct live *l) {
    const struct engine_options options = options_of(l);
    char path[96];
    if (l->process == NULL)
        assert_ok(engine_process_start(&options, &l->process, &l->err), l->err);
    l->client = live_client(l);
    assert_string_equal(live_query(l, "SELECT count() FROM t"), "7\n");
    assert_int_equal(engine_process_damaged(l->process), 0);
    snprintf(path, sizeof path, "%s/engine.damaged", l->dir);
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/engine.fresh", l->dir);
    assert_int_not_equal(access(path, F_OK), 0);
}

static int empty_sql(const char *path, const struct stat *st, int type, struct FTW *where) {
    UNUSED(st), UNUSED(where);
    const char *end = strrchr(path, '.');
    return type == FTW_F && end != NULL && strcmp(end, ".sql") == 0 ? truncate(path, 0) : 0;
}

static void damage(const struct live *l) {
    char path[96];
    snprintf(path, sizeof path, "%s/engine", l->dir);
    assert_int_equal(nftw(path, empty_sql, 16, FTW_PHYS), 0);
}

static bool has_failed(void *p) { return engine_process_error(p).code == ERR_CORRUPT; }

static void damaged__directory_is_moved_aside_once(void **state) {
    UNUSED(state);
    struct live l;
    char path[96], old[128];
    make_rows(&l);
    damage(&l);
    snprintf(path, sizeof path, "%s/engine.damaged", l.dir);
    snprintf(old, sizeof old, "%s/old", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mkdir(old, 0700), 0);
    const struct engine_options options = options_of(&l);
    assert_ok(engine_process_start(&options, &l.process, &l.err), l.err);
    l.client = live_client(&l);
    assert_int_equal(engine_process_damaged(l.process), 1);
    assert_int_equal(engine_process_error(l.process).code, 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(old, F_OK), 0); /* of an older one */
    assert_string_equal(live_query(&l, "SELECT count() FROM system.tables WHERE name = 't'"),
                        "0\n");
    /* soon after that it is not the directory's fault */
    live_query(&l, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    damage(&l);
    assert_int_equal(kill(engine_process_pid(l.process), SIGKILL), 0);
    assert_true(eventually(has_failed, l.process));
    assert_int_equal(engine_process_damaged(l.process), 1);
    assert_false(engine_process_alive(l.process));
    live_end(&l);
}

/* Pid of a child of this process; 0: there is none. */
static int any_child(void) {
    int found = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry; found == 0 && (entry = readdir(proc)) != NULL;) {
        char path[300], line[512] = "";
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *f = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
        if (f == NULL)
            continue;
        const char *name = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
        if (name != NULL && sscanf(name + 1, " %*c %d", &parent) == 1 && parent == getpid())
            found = atoi(entry->d_name);
        fclose(f);
    }
    closedir(proc);
    return found;
}

static void killed_while_it_starts__directory_stays(void **state) {
    UNUSED(state);
    struct live l;
    make_rows(&l);
    const struct engine_options options = options_of(&l);
    assert_ok(engine_process_open(&options, &l.process, &l.err), l.err);
    for (unsigned killed = 0; killed < 6;) {
        int pid = any_child();
        usleep(20000 * (useconds_t)killed);
        if (pid > 0 && kill(pid, SIGKILL) == 0)
            killed++;
        while (pid > 0 && kill(pid, 0) == 0)
            usleep(1000);
    }
    assert_true(eventually(is_alive, l.process));
    assert_untouched(&l);
    live_end(&l);
}

static void without_memory__directory_stays(void **state) {
    UNUSED(state);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* sanitizers need all the addresses there are */
#endif
    struct live l;
    struct rlimit usual;
    unsigned failed = 0;
    make_rows(&l);
    assert_int_equal(getrlimit(RLIMIT_AS, &usual), 0);
    struct engine_options options = options_of(&l);
    options.restart = false;
    for (unsigned i = 0; i < 5; i++) { /* the library alone has 560 MB */
        struct rlimit few = {((rlim_t)500 + 100 * i) << 20, usual.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_AS, &few), 0);
        int rc = engine_process_start(&options, &l.process, &l.err);
        assert_int_equal(setrlimit(RLIMIT_AS, &usual), 0);
        failed += rc != 0;
        if (rc != 0)
            print_message("%u MB: %d %s\n", 500 + 100 * i, rc, l.err.text);
        else
            assert_int_equal(engine_process_damaged(l.process), 0);
        engine_process_stop(l.process);
        l.process = NULL;
    }
    options.memory_bytes = 1; /* its own limit */
    failed += engine_process_start(&options, &l.process, &l.err) != 0;
    engine_process_stop(l.process);
    l.process = NULL;
    assert_true(failed > 0);
    assert_untouched(&l);
    live_end(&l);
}

static void stop__takes_null(void **state) {
    UNUSED(state);
    engine_process_stop(NULL);
}

UNIT_MAIN(unit_test(start__serves_behind_a_socket_of_mode_0600),
          unit_test(start__works_in_a_directory_with_a_long_name),
          unit_test(end__within_some_time_is_for_one_that_hangs_too),
          unit_test(killed__statement_is_away_and_a_restarted_engine_has_the_rows),
          unit_test(killed_while_a_statement_runs__is_away_not_an_error),
          unit_test(signals_of_the_terminal__leave_the_engine_alone),
          unit_test(parent_killed__engine_ends_and_the_next_one_starts),
          unit_test(damaged__directory_is_moved_aside_once),
          unit_test(killed_while_it_starts__directory_stays),
          unit_test(without_memory__directory_stays), unit_test(stop__takes_null))

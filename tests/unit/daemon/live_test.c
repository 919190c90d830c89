/* A live store on the real engine: rows come in while all around it changes. Each line has a path
 * of its own, so what came twice, or never, is seen in the rows. CASK_SEED repeats a run,
 * CASK_ROUNDS makes it longer. */
#include "support/unit.h"

#include "base/log.h"
#include "daemon/live_internal.h"
#include "refine/refine.h"
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GENEROUS 120.0 /* seconds for what should take few */
#define LINES 20       /* of a block */
#define PLAIN "timezone: UTC\n"
#define EXCLUDING "timezone: UTC\nexclude: [{paths: [/x*]}]\n"

struct world {
    char dir[32], data[48];
    struct config *config;
    struct instance *in;
    struct live *live;
    atomic_uint next;     /* number of a line */
    atomic_uint failures; /* that the lake cannot be written any more */
    atomic_bool stop;     /* of who waits */
    struct buf out;
    struct err err;
};

/* --- the data directory ---------------------------------------------------------------------- */

static struct config *config_of(struct world *w, const char *text) {
    struct config *config = NULL;
    struct buf report = {0};
    char path[64];
    snprintf(path, sizeof path, "%s/c.yaml", w->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_ok(config_load(path, &config, &report, &w->err), w->err);
    buf_release(&report);
    return config;
}

static void on_failed(void *arg, const struct err *err) {
    struct world *w = arg;
    UNUSED(err);
    w->failures++;
}

static void open_live(struct world *w) {
    assert_ok(instance_open(w->config, w->data, "test", &w->in, &w->err), w->err);
    assert_ok(live_start(w->in, on_failed, w, &w->live, &w->err), w->err);
}

static void close_live(struct world *w) {
    live_stop(w->live);
    live_free(w->live);
    instance_close(w->in);
    w->live = NULL;
    w->in = NULL;
    assert_int_equal(w->failures, 0);
}

static void start(struct world *w) {
    *w = (struct world){.dir = "/tmp/cask-live-XXXXXX"};
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->data, sizeof w->data, "%s/data", w->dir);
    w->config = config_of(w, PLAIN);
    open_live(w);
}

static void end(struct world *w) {
    char command[64];
    if (w->live != NULL)
        close_live(w);
    config_free(w->config);
    buf_release(&w->out);
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
}

/* --- lines ----------------------------------------------------------------------------------- */

struct block {
    struct record records[LINES + 1];
    char text[LINES][128];
    size_t n;
};

/* Every other path begins with /x. */
static void make_block(struct world *w, struct block *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned number = w->next++;
        snprintf(b->text[i], sizeof b->text[i],
                 "192.0.2.%u - - [17/May/2015:10:%02u:03 +0000] \"GET /%s%u HTTP/1.1\" 200 5 \"-\" "
                 "\"agent\"",
                 number % 250, number % 60, number % 2 ? "x" : "", number);
        b->records[i] = (struct record){.body = str_from(b->text[i]),
                                        .type = STR("combined"),
                                        .site = STR("a"),
                                        .source = STR("s")};
    }
    b->n = n;
}

/* A block of its own; any thread. */
static int write_block(struct world *w, enum dataset dataset, size_t n, struct err *err) {
    struct block b;
    uint64_t bid;
    make_block(w, &b, n);
    return intake_write(live_intake(w->live, dataset), (struct record_batch){b.records, n}, &bid,
                        err);
}

static void write_lines(struct world *w, enum dataset dataset, size_t n) {
    assert_ok(write_block(w, dataset, n, &w->err), w->err);
}

/* --- what is in the store -------------------------------------------------------------------- */

/* While the engine is away it is asked again. */
static const char *ask(struct world *w, const char *sql) {
    int rc;
    do {
        buf_clear(&w->out);
        rc = client_query(w->in->client, str_from(sql), "TSV", NULL, 0, &w->out, &w->err);
    } while (rc == ERR_AWAY && live_wait_ready(w->live, GENEROUS, &w->stop));
    assert_ok(rc, w->err);
    return buf_cstr(&w->out);
}

static void assert_rows(struct world *w, unsigned events, unsigned rejected) {
    char expected[64];
    snprintf(expected, sizeof expected, "%u\t%u\t%u\n", events, events, rejected);
    assert_string_equal(ask(w, "SELECT count(), uniqExact(path), (SELECT count() FROM rejected) "
                               "FROM events"),
                        expected);
}

static void wait_applied(struct world *w) {
    assert_ok(live_wait_applied(w->live, GENEROUS, NULL, &w->err), w->err);
}

/* Also over an engine that is away. */
static void wait_all(struct world *w) {
    assert_ok(live_wait_all(w->live, &w->stop, &w->err), w->err);
}

/* --- threads that write ---------------------------------------------------------------------- */

struct writer {
    struct world *world;
    enum dataset dataset;
    pthread_t thread;
    atomic_bool stop;
    struct err err; /* code 0: all was written */
};

static void *writer_main(void *arg) {
    struct writer *wr = arg;
    while (!wr->stop && wr->err.code == 0) {
        if (write_block(wr->world, wr->dataset, LINES, &wr->err) != 0)
            break;
        usleep(2000);
    }
    return NULL;
}

static void start_writers(struct world *w, struct writer writers[2]) {
    static const enum dataset datasets[] = {DATASET_LOGS, DATASET_WEB};
    for (size_t i = 0; i < 2; i++) {
        writers[i] = (struct writer){.world = w, .dataset = datasets[i]};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]), 0);
    }
}

static void end_writers(struct writer writers[2]) {
    for (size_t i = 0; i < 2; i++) {
        writers[i].stop = true;
        pthread_join(writers[i].thread, NULL);
        if (writers[i].err.code != 0)
            fail_msg("cannot write: %s", writers[i].err.text);
    }
}

/* --- tests ----------------------------------------------------------------------------------- */

static void blocks__become_answers_and_raise_the_version(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    wait_applied(&w); /* nothing */
    uint64_t version = live_state(w.live).version;
    static const enum dataset datasets[] = {DATASET_LOGS, DATASET_WEB, DATASET_LOGS};
    for (unsigned i = 0; i < ARRAY_LEN(datasets); i++) {
        write_lines(&w, datasets[i], LINES);
        wait_applied(&w);
        struct live_state s = live_state(w.live);
        assert_true(s.version > version);
        assert_true(s.ready);
        assert_null(s.reason);
        assert_int_equal(s.applied[datasets[i]], s.durable[datasets[i]]);
        assert_int_equal(s.accepted, LINES * (i + 1));
        version = s.version;
        assert_rows(&w, LINES * (i + 1), 0);
    }
    wait_applied(&w);
    assert_ok(live_pause(w.live, &w.stop, &w.err), w.err); /* whatever it does is done */
    assert_int_equal(live_state(w.live).version, version);
    live_resume(w.live);
    end(&w);
}

/* What was answered of counters is old when new ones are in. */
static void counters__become_answers_and_raise_the_version(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    wait_applied(&w);
    uint64_t version = live_state(w.live).version, bid;
    for (int64_t stars = 1; stars <= 2; stars++) {
        const struct counters counters = {.repo = STR("a/b"), .stars = stars};
        const struct record record = {.source = STR("s"), .counters = &counters};
        char expected[32];
        assert_ok(intake_write(live_intake(w.live, DATASET_GITHUB),
                               (struct record_batch){&record, 1}, &bid, &w.err),
                  w.err);
        wait_applied(&w);
        assert_true(live_state(w.live).version > version);
        version = live_state(w.live).version;
        snprintf(expected, sizeof expected, "%d\t%d\n", (int)stars, (int)stars);
        assert_string_equal(ask(&w, "SELECT count(), max(stars) FROM github"), expected);
    }
    assert_int_equal(live_state(w.live).accepted, 0); /* that is of lines */
    end(&w);
}

static void lines__that_cannot_be_read_are_counted(void **state) {
    UNUSED(state);
    struct world w;
    struct record bad = {
        .body = STR("nonsense"), .type = STR("combined"), .site = STR("a"), .source = STR("s")};
    uint64_t bid;
    start(&w);
    assert_ok(intake_write(live_intake(w.live, DATASET_LOGS), (struct record_batch){&bad, 1}, &bid,
                           &w.err),
              w.err);
    wait_applied(&w);
    assert_int_equal(live_state(w.live).rejected, 1);
    assert_int_equal(live_state(w.live).accepted, 0);
    assert_rows(&w, 0, 1);
    end(&w);
}

static void write_record(struct world *w, enum dataset dataset, const char *source,
                         const char *line) {
    const struct record record = {.body = str_from(line),
                                  .type = STR("combined"),
                                  .site = STR("a"),
                                  .source = str_from(source)};
    uint64_t bid;
    assert_ok(intake_write(live_intake(w->live, dataset), (struct record_batch){&record, 1}, &bid,
                           &w->err),
              w->err);
}

static void assert_source(struct world *w, const char *id, uint64_t accepted, uint64_t rejected,
                          uint64_t duplicates) {
    struct live_source counts = live_source(w->live, id);
    assert_int_equal(counts.lines.accepted, accepted);
    assert_int_equal(counts.lines.rejected[REASON_fields], rejected);
    assert_int_equal(counts.lines.records, accepted + rejected);
    assert_int_equal(counts.lines.last_rejection.bid != 0, rejected > 0);
    assert_int_equal(counts.duplicates, duplicates);
}

/* Each once in the life of a server, whatever is read of the lake again. */
static void sources__are_counted_once(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    for (unsigned life = 0; life < 2; life++) {
        assert_source(&w, "s", 0, 0, 0);
        write_lines(&w, DATASET_LOGS, LINES);
        write_lines(&w, DATASET_WEB, LINES);
        write_record(&w, DATASET_LOGS, "t", "nonsense");
        live_count_duplicates(w.live, STR("t"), 3);
        wait_applied(&w);
        assert_source(&w, "s", 2ULL * LINES, 0, 0);
        assert_source(&w, "t", 0, 1, 3);
        assert_ok(live_rebuild(w.live, &w.stop, &w.err), w.err);
        write_record(&w, DATASET_LOGS, "t", "nonsense");
        int pid = engine_process_pid(w.in->engine);
        assert_int_equal(kill(pid, SIGKILL), 0);
        wait_all(&w);
        assert_source(&w, "s", 2ULL * LINES, 0, 0);
        assert_source(&w, "t", 0, 2, 3);
        assert_int_equal(live_state(w.live).accepted, 2ULL * LINES);
        assert_int_equal(live_state(w.live).rejected, 2);
        assert_rows(&w, w.next, 2 * (life + 1));
        close_live(&w);
        open_live(&w);
    }
    end(&w);
}

static void engine__that_dies_is_waited_for_and_nothing_comes_twice(void **state) {
    UNUSED(state);
    struct world w;
    struct writer writers[2];
    unsigned random = (unsigned)unit_seed(), kills = unit_rounds(4);
    start(&w);
    start_writers(&w, writers);
    for (unsigned i = 0; i < kills; i++) {
        usleep((useconds_t)(rand_r(&random) % 600) * 1000);
        uint64_t starts = live_state(w.live).engine_starts;
        assert_int_equal(kill(engine_process_pid(w.in->engine), SIGKILL), 0);
        while (live_state(w.live).engine_starts == starts)
            usleep(10000);
        while (engine_process_pid(w.in->engine) <= 0)
            usleep(10000);
    }
    end_writers(writers);
    wait_all(&w);
    assert_true(live_wait_ready(w.live, GENEROUS, &w.stop));
    assert_rows(&w, w.next, 0);
    assert_int_equal(live_state(w.live).accepted, w.next);
    assert_int_equal(live_state(w.live).engine_starts, kills + 1);
    end(&w);
}

static void engine__that_hangs_stops_no_collecting(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    wait_applied(&w);
    int pid = engine_process_pid(w.in->engine);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (unsigned i = 0; i < 10; i++)
        write_lines(&w, DATASET_LOGS, LINES);
    assert_int_equal(live_wait_applied(w.live, 0.5, NULL, &w.err), ERR_AWAY);
    assert_int_equal(kill(pid, SIGCONT), 0);
    wait_all(&w);
    assert_rows(&w, w.next, 0);
    end(&w);
}

/* Another engine may lack what the one before had, until it was asked. */
static void state__is_of_the_engine_that_was_asked(void **state) {
    UNUSED(state);
    struct world w;
    struct live_state s;
    start(&w);
    assert_ok(live_wait_applied(w.live, GENEROUS, &s, &w.err), w.err);
    assert_int_equal(s.asked, s.engine_starts);
    assert_ok(live_pause(w.live, &w.stop, &w.err), w.err);
    assert_int_equal(kill(engine_process_pid(w.in->engine), SIGKILL), 0);
    while (live_state(w.live).engine_starts == s.engine_starts)
        usleep(10000);
    assert_int_equal(live_state(w.live).asked, s.asked);
    live_resume(w.live);
    assert_ok(live_wait_applied(w.live, GENEROUS, &s, &w.err), w.err);
    assert_int_equal(s.asked, s.engine_starts);
    end(&w);
}

/* Many questions may meet it, also while another engine is on its way. */
static void broken_part__starts_the_engine_again_once(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    write_lines(&w, DATASET_LOGS, LINES);
    wait_all(&w);
    uint64_t starts = live_state(w.live).engine_starts;
    assert_ok(live_pause(w.live, &w.stop, &w.err), w.err); /* nobody asks the next one */
    while (live_state(w.live).engine_starts == starts) {
        live_part_is_broken(w.live);
        usleep(1000);
    }
    int pid = engine_process_pid(w.in->engine);
    for (unsigned i = 0; i < 10; i++)
        live_part_is_broken(w.live);
    assert_int_equal(kill(pid, 0), 0);
    live_resume(w.live);
    wait_all(&w);
    assert_int_equal(live_state(w.live).engine_starts, starts + 1);
    assert_rows(&w, w.next, 0);
    end(&w);
}

static void use_rules(struct world *w, const char *text) {
    struct config *config = config_of(w, text);
    struct refiner *rules = NULL;
    assert_ok(live_load_rules(w->live, config, &rules, &w->err), w->err);
    live_use_rules(w->live, rules);
    config_free(config);
}

static void rules__are_read_again_while_it_works(void **state) {
    UNUSED(state);
    struct world w;
    struct writer writers[2];
    start(&w);
    start_writers(&w, writers);
    for (unsigned i = 0; i < unit_rounds(6); i++) {
        use_rules(&w, i % 2 ? PLAIN : EXCLUDING);
        write_lines(&w, DATASET_LOGS, LINES);
        wait_all(&w); /* read by these rules, while more come */
    }
    end_writers(writers);
    wait_all(&w);
    struct live_state s = live_state(w.live);
    assert_int_equal(s.rejected, 0);
    assert_int_equal(s.accepted + s.excluded, w.next);
    assert_true(s.excluded > 0);
    assert_rows(&w, (unsigned)s.accepted, (unsigned)s.excluded);
    for (unsigned i = 0; i < 4; i++) { /* what comes behind them is read by them */
        struct live_state before = live_state(w.live), after;
        use_rules(&w, i % 2 ? PLAIN : EXCLUDING);
        write_lines(&w, DATASET_LOGS, LINES);
        wait_all(&w);
        after = live_state(w.live);
        assert_int_equal(after.excluded - before.excluded, i % 2 ? 0 : LINES / 2);
        assert_int_not_equal(after.rules, before.rules);
    }
    end(&w);
}

/* The file may be on its way back from a backup when rules are read again. */
static void rules__that_are_read_again_keep_the_key_of_the_visitors(void **state) {
    UNUSED(state);
    struct world w;
    char keys[64];
    start(&w);
    snprintf(keys, sizeof keys, "%s/keys", w.data);
    for (unsigned i = 0; i < 2; i++) {
        w.next = 0; /* the same visitors again */
        write_lines(&w, DATASET_LOGS, LINES);
        wait_all(&w);
        assert_string_equal(ask(&w, "SELECT uniqExact(visitor) FROM events"), "20\n");
        (void)unlink(keys);
        use_rules(&w, PLAIN);
        assert_int_not_equal(access(keys, F_OK), 0); /* a new one would hide that it is gone */
    }
    end(&w);
}

static void rebuild__while_lines_come(void **state) {
    UNUSED(state);
    struct world w;
    struct writer writers[2];
    start(&w);
    start_writers(&w, writers);
    usleep(500000);
    for (unsigned i = 0; i < unit_rounds(2); i++) {
        assert_ok(live_rebuild(w.live, &w.stop, &w.err), w.err);
        assert_int_equal(live_state(w.live).rebuilds, i + 1);
        assert_false(live_state(w.live).rebuilding);
    }
    end_writers(writers);
    wait_all(&w);
    assert_rows(&w, w.next, 0);
    end(&w);
}

/* Until it works on the store. */
static void await_applier(struct world *w) {
    for (bool busy = false; !busy;) {
        usleep(10000);
        pthread_mutex_lock(&w->live->mutex);
        busy = w->live->busy > 0;
        pthread_mutex_unlock(&w->live->mutex);
    }
}

/* The applier has begun, with an engine that answers nothing. */
static void apply_in_vain(struct world *w, int pid) {
    assert_ok(live_pause(w->live, &w->stop, &w->err), w->err); /* what it did before is done */
    assert_int_equal(kill(pid, SIGSTOP), 0);
    write_lines(w, DATASET_LOGS, LINES);
    live_resume(w->live);
    await_applier(w);
}

static void *rebuild(void *arg) {
    struct world *w = arg;
    struct err err;
    return (void *)(intptr_t)live_rebuild(w->live, &w->stop, &err);
}

static void rebuild__gives_up_waiting_for_the_applier(void **state) {
    UNUSED(state);
    struct world w;
    pthread_t thread;
    void *rc;
    start(&w);
    wait_applied(&w);
    int pid = engine_process_pid(w.in->engine);
    apply_in_vain(&w, pid);
    assert_int_equal(pthread_create(&thread, NULL, rebuild, &w), 0);
    usleep(200000);
    w.stop = true;
    pthread_join(thread, &rc);
    w.stop = false;
    assert_int_equal((intptr_t)rc, ERR_STOPPED);
    assert_int_equal(live_state(w.live).rebuilds, 0);
    assert_int_equal(kill(pid, SIGCONT), 0);
    wait_all(&w); /* nothing rests */
    assert_rows(&w, LINES, 0);
    end(&w);
}

/* --- damage ---------------------------------------------------------------------------------- */

/* One byte of the newest block of a dataset. */
static void damage_newest(struct world *w, enum dataset dataset) {
    glob_t found = {0};
    struct stat st;
    char pattern[96], byte;
    snprintf(pattern, sizeof pattern, "%s/lake/%s/*/*/*/*.avro", w->data, dataset_name(dataset));
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    int fd = open(found.gl_pathv[found.gl_pathc - 1], O_RDWR);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    off_t at = st.st_size - 40; /* in front of its end: 16 bytes of the marker */
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    globfree(&found);
}

/* What is logged between the two, in a file. */
static int begin_log(const struct world *w) {
    char path[64];
    snprintf(path, sizeof path, "%s/log", w->dir);
    int kept = dup(2), fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(kept >= 0 && fd >= 0);
    dup2(fd, 2);
    close(fd);
    return kept;
}

static void end_log(struct world *w, int kept) {
    char path[64], text[4096];
    dup2(kept, 2);
    close(kept);
    snprintf(path, sizeof path, "%s/log", w->dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    buf_clear(&w->out);
    buf_add(&w->out, text, n);
}

static void damaged_block__is_passed_over_and_reported(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    wait_applied(&w);
    assert_ok(live_pause(w.live, &w.stop, &w.err), w.err);
    write_lines(&w, DATASET_LOGS, LINES);
    write_lines(&w, DATASET_LOGS, LINES / 2);
    damage_newest(&w, DATASET_LOGS);
    write_lines(&w, DATASET_LOGS, LINES);
    int kept = begin_log(&w);
    live_resume(w.live);
    int rc = live_wait_applied(w.live, GENEROUS, NULL, &w.err);
    write_block(&w, DATASET_LOGS, LINES, &w.err);
    int again = live_wait_applied(w.live, GENEROUS, NULL, &w.err);
    end_log(&w, kept); /* while it is live, not when it ends */
    assert_int_equal(rc, 0);
    assert_int_equal(again, 0);
    const char *told = strstr(buf_cstr(&w.out), "event=lake_damaged blocks=1 ");
    assert_non_null(told);
    assert_null(strstr(told + 1, "event=lake_damaged")); /* once */
    assert_true(live_state(w.live).ready);
    assert_rows(&w, 3 * LINES, 0);
    end(&w);
}

/* The engine hangs, dies, and its successor at once again: one outage, however often it is tried.
 */
static void engine__that_is_away_is_logged_once(void **state) {
    UNUSED(state);
    struct world w;
    int pid = 0;
    start(&w);
    wait_applied(&w);
    log_set_level(LOG_INFO);
    int kept = begin_log(&w), failed = 0;
    for (unsigned i = 0; i < 3; i++) {
        int before = pid;
        while ((pid = engine_process_pid(w.in->engine)) <= 0 || pid == before)
            usleep(1000);
        failed += kill(pid, SIGSTOP);
        failed += write_block(&w, DATASET_LOGS, LINES, &w.err);
        await_applier(&w);
        failed += kill(pid, SIGKILL);
    }
    int rc = live_wait_all(w.live, &w.stop, &w.err);
    int paused = live_pause(w.live, &w.stop, &w.err); /* all is said */
    end_log(&w, kept);
    log_set_level(LOG_WARN);
    assert_int_equal(failed, 0);
    assert_int_equal(rc, 0);
    assert_int_equal(paused, 0);
    live_resume(w.live);
    unsigned away = 0, back = 0;
    for (const char *at = buf_cstr(&w.out); (at = strstr(at, "event=engine_")) != NULL; at++) {
        away += strncmp(at, "event=engine_away ", 18) == 0;
        back += strncmp(at, "event=engine_back ", 18) == 0;
        assert_true(away == back || away == back + 1); /* never twice in a row */
    }
    assert_true(away > 0);
    assert_int_equal(away, back);
    assert_rows(&w, 3 * LINES, 0);
    end(&w);
}

/* --- the end --------------------------------------------------------------------------------- */

struct pushed {
    struct intake_ticket ticket; /* first: it is cast back */
    struct block block;
    struct pusher *pusher;
};

struct pusher {
    struct world *world;
    enum dataset dataset;
    pthread_t thread;
    atomic_uint taken, answered;
    unsigned submitted;
};

static void on_done(struct intake_ticket *ticket, int rc, uint64_t bid) {
    struct pushed *p = (struct pushed *)ticket;
    UNUSED(bid);
    p->pusher->taken += rc == 0;
    p->pusher->answered++;
    free(p);
}

/* Until it is refused. */
static void *push(void *arg) {
    struct pusher *p = arg;
    while (p->taken == p->answered) {
        struct pushed *one = xcalloc(1, sizeof *one);
        make_block(p->world, &one->block, LINES);
        one->ticket.records = one->block.records;
        one->ticket.n = LINES;
        one->ticket.done = on_done;
        one->pusher = p;
        p->submitted++;
        intake_submit(live_intake(p->world->live, p->dataset), &one->ticket);
        usleep(500);
    }
    return NULL;
}

static void *wait_for_all(void *arg) {
    struct world *w = arg;
    struct err err;
    int rc = 0;
    while (rc == 0)
        rc = live_wait_all(w->live, &w->stop, &err);
    return (void *)(intptr_t)rc;
}

static void stop__while_busy(void **state) {
    UNUSED(state);
    unsigned random = (unsigned)unit_seed();
    for (unsigned i = 0; i < 2 * unit_rounds(1); i++) { /* the second time the engine hangs */
        struct world w;
        struct pusher pushers[4];
        pthread_t waiter;
        void *why;
        unsigned taken = 0;
        start(&w);
        assert_int_equal(pthread_create(&waiter, NULL, wait_for_all, &w), 0);
        for (size_t k = 0; k < ARRAY_LEN(pushers); k++) {
            pushers[k] =
                (struct pusher){.world = &w, .dataset = k % 2 ? DATASET_WEB : DATASET_LOGS};
            assert_int_equal(pthread_create(&pushers[k].thread, NULL, push, &pushers[k]), 0);
        }
        usleep(200000 + (useconds_t)(rand_r(&random) % 300) * 1000);
        if (i % 2)
            assert_int_equal(kill(engine_process_pid(w.in->engine), SIGSTOP), 0);
        live_stop(w.live);
        for (size_t k = 0; k < ARRAY_LEN(pushers); k++) {
            pthread_join(pushers[k].thread, NULL);
            assert_int_equal(pushers[k].answered, pushers[k].submitted);
            taken += pushers[k].taken;
        }
        pthread_join(waiter, &why);
        assert_int_equal((intptr_t)why, ERR_STOPPED);
        close_live(&w);
        open_live(&w);
        wait_all(&w);
        assert_rows(&w, taken * LINES, 0);
        end(&w);
    }
}

/* With nothing under way, nobody else would notice that it hangs. */
static void stop__kills_an_engine_that_hangs(void **state) {
    UNUSED(state);
    struct world w;
    start(&w);
    write_lines(&w, DATASET_LOGS, LINES);
    wait_applied(&w);
    assert_int_equal(kill(engine_process_pid(w.in->engine), SIGSTOP), 0);
    live_stop(w.live);
    for (int i = 0; i < GENEROUS * 100 && engine_process_alive(w.in->engine); i++)
        usleep(10000);
    assert_false(engine_process_alive(w.in->engine));
    close_live(&w);
    open_live(&w);
    wait_all(&w);
    assert_rows(&w, LINES, 0);
    end(&w);
}

UNIT_MAIN(unit_test(blocks__become_answers_and_raise_the_version),
          unit_test(counters__become_answers_and_raise_the_version),
          unit_test(lines__that_cannot_be_read_are_counted), unit_test(sources__are_counted_once),
          unit_test(engine__that_dies_is_waited_for_and_nothing_comes_twice),
          unit_test(engine__that_hangs_stops_no_collecting),
          unit_test(state__is_of_the_engine_that_was_asked),
          unit_test(broken_part__starts_the_engine_again_once),
          unit_test(rules__are_read_again_while_it_works),
          unit_test(rules__that_are_read_again_keep_the_key_of_the_visitors),
          unit_test(rebuild__while_lines_come),
          unit_test(rebuild__gives_up_waiting_for_the_applier),
          unit_test(damaged_block__is_passed_over_and_reported),
          unit_test(engine__that_is_away_is_logged_once), unit_test(stop__while_busy),
          unit_test(stop__kills_an_engine_that_hangs))

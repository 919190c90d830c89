#include "support/unit.h"

#include "base/limits.h"
#include "daemon/intake.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- a world: a lake, an intake, and tickets that remember what they were told -----------------
 */

struct world {
    char dir[32], lake[64];
    struct intake *in;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool held; /* whoever writes waits behind its first block */
    size_t answered;
    uint64_t durable; /* as on_durable said */
    unsigned failures;
};

struct ticket {
    struct intake_ticket ticket; /* first */
    struct world *world;
    struct record records[4];
    char text[64];
    int rc;
    uint64_t bid, durable; /* durable: when it was answered */
    size_t place;          /* among all answers */
    bool answered;
};

static void on_durable(void *arg, enum dataset dataset, uint64_t bid) {
    struct world *w = arg;
    assert_int_equal(dataset, DATASET_WEB);
    pthread_mutex_lock(&w->mutex);
    assert_true(bid > w->durable);
    w->durable = bid;
    while (w->held)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static void on_failed(void *arg, const struct err *err) {
    struct world *w = arg;
    assert_int_not_equal(err->code, 0);
    assert_true(err->text[0] != '\0');
    pthread_mutex_lock(&w->mutex);
    w->failures++;
    pthread_mutex_unlock(&w->mutex);
}

static void on_done(struct intake_ticket *ticket, int rc, uint64_t bid) {
    struct ticket *t = (struct ticket *)ticket;
    struct world *w = t->world;
    pthread_mutex_lock(&w->mutex);
    assert_false(t->answered);
    t->answered = true;
    t->rc = rc;
    t->bid = bid;
    t->durable = w->durable;
    t->place = w->answered++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static void open_in(struct world *w) {
    const struct intake_options options = {.lake_root = w->lake,
                                           .dataset = DATASET_WEB,
                                           .clock = &clock_system,
                                           .durable = on_durable,
                                           .failed = on_failed,
                                           .arg = w};
    struct err err;
    assert_ok(intake_open(&options, &w->in, &err), err);
}

static void begin(struct world *w) {
    *w = (struct world){.dir = "/tmp/cask-intake-XXXXXX"};
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->lake, sizeof w->lake, "%s/lake", w->dir);
}

static void end(struct world *w) {
    char command[128];
    intake_stop(w->in);
    intake_free(w->in);
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
}

static struct ticket *make(struct world *w, size_t n, unsigned number) {
    struct ticket *t = xcalloc(1, sizeof *t);
    t->world = w;
    snprintf(t->text, sizeof t->text, "record %u", number);
    for (size_t i = 0; i < n; i++)
        t->records[i] = (struct record){.body = str_from(t->text),
                                        .type = STR("beacon"),
                                        .site = STR("x.org"),
                                        .source = STR("beacon"),
                                        .position = STR("")};
    t->ticket = (struct intake_ticket){.records = t->records, .n = n, .done = on_done};
    return t;
}

static struct ticket *submit(struct world *w, size_t n, unsigned number) {
    struct ticket *t = make(w, n, number);
    intake_submit(w->in, &t->ticket);
    return t;
}

static void let_go(struct world *w) {
    pthread_mutex_lock(&w->mutex);
    w->held = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static void await_answers(struct world *w, size_t n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 100;
    pthread_mutex_lock(&w->mutex);
    while (w->answered < n)
        if (pthread_cond_timedwait(&w->changed, &w->mutex, &until) == ETIMEDOUT)
            fail_msg("%zu of %zu answers", w->answered, n);
    pthread_mutex_unlock(&w->mutex);
}

static int answer_of(struct ticket *t) {
    struct world *w = t->world;
    pthread_mutex_lock(&w->mutex);
    while (!t->answered)
        pthread_cond_wait(&w->changed, &w->mutex);
    int rc = t->rc;
    pthread_mutex_unlock(&w->mutex);
    return rc;
}

/* Bodies of all records in the lake in order, and the block of each. */
struct read {
    VEC(char *) bodies;
    VEC(uint64_t) bids;
};

static void read_lake(struct world *w, struct read *ret) {
    struct lake_reader *r = NULL;
    struct lake_block block;
    struct err err;
    int got;
    *ret = (struct read){0};
    assert_ok(lake_reader_open(w->lake, DATASET_WEB, 0, 0, &r, &err), err);
    while ((got = lake_reader_next(r, &block, &err)) == 1)
        for (size_t i = 0; i < block.len; i++) {
            vec_push(&ret->bodies, str_dup(block.records[i].body));
            vec_push(&ret->bids, block.bid);
            assert_true(block.records[i].ts_ms > 0);
        }
    assert_ok(got, err);
    lake_reader_close(r);
}

static void release_read(struct read *r) {
    for (size_t i = 0; i < r->bodies.len; i++)
        free(r->bodies.items[i]);
    vec_free(&r->bodies);
    vec_free(&r->bids);
}

/* --- tests ----------------------------------------------------------------------------------- */

/* While the first is written the others gather; the order stays, and durable comes first. */
static void intake__many_tickets_share_blocks_in_order(void **state) {
    enum { N = 2000 };
    struct world w;
    UNUSED(state);
    static struct ticket *tickets[N];
    struct read lake;
    begin(&w);
    w.held = true;
    open_in(&w);
    for (unsigned i = 0; i < N; i++)
        tickets[i] = submit(&w, 1 + i % 3, i);
    let_go(&w);
    await_answers(&w, N);
    struct intake_counts counts = intake_counts(w.in);
    read_lake(&w, &lake);
    size_t at = 0;
    for (unsigned i = 0; i < N; i++) {
        struct ticket *t = tickets[i];
        assert_int_equal(t->rc, 0);
        assert_int_equal(t->place, i);
        assert_true(t->durable >= t->bid);
        for (size_t k = 0; k < t->ticket.n; k++, at++) {
            assert_string_equal(lake.bodies.items[at], t->text);
            assert_int_equal(lake.bids.items[at], t->bid); /* a ticket is never split */
        }
        free(t);
    }
    assert_int_equal(at, lake.bodies.len);
    assert_int_equal(counts.records, at);
    assert_int_equal(counts.tickets, N);
    assert_true(counts.blocks < N / 4); /* 2,000 syncs would be another thing */
    assert_int_equal(intake_durable(w.in), w.durable);
    release_read(&lake);
    end(&w);
}

static void intake__alone_is_a_block_of_its_own(void **state) {
    enum { N = 60 };
    struct world w;
    UNUSED(state);
    struct ticket *tickets[N];
    begin(&w);
    open_in(&w);
    for (unsigned i = 0; i < N; i++) {
        tickets[i] = make(&w, 2, i);
        tickets[i]->ticket.alone = i % 7 == 3;
        intake_submit(w.in, &tickets[i]->ticket);
    }
    await_answers(&w, N);
    for (unsigned i = 0; i < N; i++)
        for (unsigned k = 0; k < N; k++)
            if (i != k && tickets[i]->ticket.alone)
                assert_int_not_equal(tickets[i]->bid, tickets[k]->bid);
    for (unsigned i = 0; i < N; i++)
        free(tickets[i]);
    end(&w);
}

static void intake__a_block_stays_small(void **state) {
    enum { N = 24 };
    struct world w;
    UNUSED(state);
    struct ticket *tickets[N];
    char *big = xmalloc((size_t)1 << 20);
    memset(big, 'b', (size_t)1 << 20);
    begin(&w);
    open_in(&w);
    for (unsigned i = 0; i < N; i++) {
        tickets[i] = make(&w, 1, i);
        tickets[i]->records[0].body = str_of(big, (size_t)1 << 20);
        intake_submit(w.in, &tickets[i]->ticket);
    }
    await_answers(&w, N);
    unsigned together = 1, most = 1;
    for (unsigned i = 1; i < N; i++) {
        together = tickets[i]->bid == tickets[i - 1]->bid ? together + 1 : 1;
        most = together > most ? together : most;
    }
    assert_in_range(most, 1, 4);
    for (unsigned i = 0; i < N; i++)
        free(tickets[i]);
    free(big);
    end(&w);
}

static void intake__too_much_in_one_ticket_is_refused_alone(void **state) {
    struct world w;
    UNUSED(state);
    char *big = xmalloc(LIMIT_BLOCK_BYTES + 1);
    memset(big, 'b', LIMIT_BLOCK_BYTES + 1);
    begin(&w);
    open_in(&w);
    struct ticket *a = submit(&w, 1, 1), *b = make(&w, 1, 2);
    b->records[0].body = str_of(big, LIMIT_BLOCK_BYTES + 1);
    intake_submit(w.in, &b->ticket);
    struct ticket *c = submit(&w, 1, 3);
    await_answers(&w, 3);
    assert_int_equal(a->rc, 0);
    assert_int_equal(b->rc, ERR_TOOBIG);
    assert_int_equal(c->rc, 0);
    assert_int_equal(w.failures, 0);
    assert_int_equal(intake_counts(w.in).refused, 1);
    free(a), free(b), free(c), free(big);
    end(&w);
}

static void intake__write_waits_and_goes_on_after_a_restart(void **state) {
    struct world w;
    UNUSED(state);
    struct err err;
    struct read lake;
    uint64_t first = 0, second = 0;
    begin(&w);
    open_in(&w);
    struct ticket *t = make(&w, 3, 7);
    assert_ok(intake_write(w.in, (struct record_batch){t->records, 3}, &first, &err), err);
    assert_int_equal(intake_durable(w.in), first);
    intake_stop(w.in);
    intake_free(w.in);
    open_in(&w);
    assert_int_equal(intake_durable(w.in), first);
    assert_ok(intake_write(w.in, (struct record_batch){t->records, 1}, &second, &err), err);
    assert_true(second > first);
    read_lake(&w, &lake);
    assert_int_equal(lake.bodies.len, 4);
    release_read(&lake);
    free(t);
    end(&w);
}

static void intake__stopping_writes_what_came_and_refuses_the_rest(void **state) {
    enum { N = 500 };
    struct world w;
    UNUSED(state);
    static struct ticket *tickets[N];
    struct err err;
    uint64_t bid;
    begin(&w);
    open_in(&w);
    for (unsigned i = 0; i < N; i++)
        tickets[i] = submit(&w, 1, i);
    intake_stop(w.in);
    assert_int_equal(w.answered, N); /* without waiting */
    struct ticket *late = submit(&w, 1, N);
    assert_true(late->answered);
    assert_int_equal(late->rc, ERR_STOPPED);
    assert_int_equal(intake_write(w.in, (struct record_batch){late->records, 1}, &bid, &err),
                     ERR_STOPPED);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(tickets[i]->rc, 0);
        free(tickets[i]);
    }
    free(late);
    end(&w);
}

struct pusher {
    struct world *world;
    unsigned first;
    struct ticket *tickets[300];
};

static void *push(void *arg) {
    struct pusher *p = arg;
    for (unsigned i = 0; i < ARRAY_LEN(p->tickets); i++)
        p->tickets[i] = submit(p->world, 1, p->first + i);
    return NULL;
}

static void intake__threads_push_while_it_is_stopped(void **state) {
    struct world w;
    UNUSED(state);
    static struct pusher pushers[4];
    pthread_t threads[4];
    struct read lake;
    size_t good = 0;
    begin(&w);
    open_in(&w);
    for (unsigned i = 0; i < 4; i++) {
        pushers[i] = (struct pusher){.world = &w, .first = i * 1000};
        assert_int_equal(pthread_create(&threads[i], NULL, push, &pushers[i]), 0);
    }
    usleep(2000);
    intake_stop(w.in);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(w.answered, 1200);
    read_lake(&w, &lake);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 300; k++) {
            int rc = pushers[i].tickets[k]->rc;
            assert_true(rc == 0 || rc == ERR_STOPPED);
            good += rc == 0;
            free(pushers[i].tickets[k]);
        }
    assert_int_equal(lake.bodies.len, good);
    release_read(&lake);
    end(&w);
}

/* A full disk, of a few megabytes, and room again: without anybody asking, and with. */
static void intake__full_disk_refuses_until_there_is_room(void **state) {
    struct world w;
    UNUSED(state);
    char filler[96];
    struct read lake;
    size_t stored = 0, refused = 0;
    begin(&w);
    if (mount("cask", w.dir, "tmpfs", 0, "size=4m") != 0) {
        rmdir(w.dir);
        skip();
    }
    open_in(&w);
    for (unsigned round = 0; round < 2; round++) {
        snprintf(filler, sizeof filler, "dd if=/dev/zero of=%s/filler bs=64k 2>/dev/null", w.dir);
        (void)!system(filler);
        for (unsigned i = 0; i < 50; i++) {
            struct ticket *t = submit(&w, 4, i);
            int rc = answer_of(t);
            assert_true(rc == 0 || rc == ERR_NOSPACE);
            stored += rc == 0 ? 4 : 0;
            refused += rc != 0;
            free(t);
        }
        assert_true(refused > 0);
        assert_true(intake_counts(w.in).full);
        snprintf(filler, sizeof filler, "%s/filler", w.dir);
        assert_int_equal(unlink(filler), 0);
        if (round == 0) /* nobody asks, as when a proxy looks at /readyz */
            while (intake_counts(w.in).full)
                usleep(10000);
        for (;;) {
            struct ticket *t = submit(&w, 1, round);
            int rc = answer_of(t);
            free(t);
            stored += rc == 0;
            if (rc == 0)
                break;
            assert_int_equal(rc, ERR_NOSPACE);
            usleep(10000);
        }
        assert_false(intake_counts(w.in).full);
    }
    assert_int_equal(w.failures, 0);
    read_lake(&w, &lake);
    assert_int_equal(lake.bodies.len, stored);
    release_read(&lake);
    intake_stop(w.in);
    intake_free(w.in);
    w.in = NULL;
    assert_int_equal(umount(w.dir), 0);
    end(&w);
}

/* A file may not grow (EFBIG): an error that is not a full disk. */
static void intake__an_error_of_the_disk_is_final(void **state) {
    enum { N = 40 };
    struct world w;
    UNUSED(state);
    struct ticket *tickets[N];
    struct rlimit before, small;
    struct read lake;
    size_t stored = 0;
    begin(&w);
    open_in(&w);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (unsigned i = 0; i < N; i++) {
        tickets[i] = submit(&w, 4, i);
        stored += answer_of(tickets[i]) == 0 ? 4 : 0;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(tickets[N - 1]->rc, ERR_IO);
    for (unsigned i = 1; i < N; i++) /* never retried */
        assert_true(tickets[i - 1]->rc == 0 || tickets[i]->rc == ERR_IO);
    struct ticket *late = submit(&w, 1, N);
    assert_int_equal(answer_of(late), ERR_IO);
    assert_int_equal(w.failures, 1);
    assert_true(intake_counts(w.in).failed);
    intake_stop(w.in);
    intake_free(w.in);
    open_in(&w); /* a new start is fine, and knows what was acknowledged */
    read_lake(&w, &lake);
    assert_int_equal(lake.bodies.len, stored);
    release_read(&lake);
    for (unsigned i = 0; i < N; i++)
        free(tickets[i]);
    free(late);
    end(&w);
}

UNIT_MAIN(unit_test(intake__many_tickets_share_blocks_in_order),
          unit_test(intake__alone_is_a_block_of_its_own), unit_test(intake__a_block_stays_small),
          unit_test(intake__too_much_in_one_ticket_is_refused_alone),
          unit_test(intake__write_waits_and_goes_on_after_a_restart),
          unit_test(intake__stopping_writes_what_came_and_refuses_the_rest),
          unit_test(intake__threads_push_while_it_is_stopped),
          unit_test(intake__full_disk_refuses_until_there_is_room),
          unit_test(intake__an_error_of_the_disk_is_final))

#include "support/unit.h"

#include "demo/pour.h"

#define END ((int64_t)1781179200)
#define DAY ((int64_t)86400)
#define DAYS 8

/* A lake in memory: what was written of each dataset, and calls that fail. */
struct lake {
    struct buf text[DATASET_MAX + 1];
    int64_t newest[DATASET_MAX + 1];
    unsigned blocks, fail_at; /* 0: never */
    uint64_t events;
};

static int write_block(void *arg, enum dataset dataset, struct record_batch records,
                       struct err *err) {
    struct lake *l = arg;
    assert_true(records.len > 0);
    if (++l->blocks == l->fail_at)
        return err_set(err, ERR_NOSPACE, "full");
    assert_true(records.items[0].ts_ms / 1000 >
                l->newest[dataset]); /* no second is in two blocks */
    for (size_t i = 0; i < records.len; i++) {
        const struct record *r = &records.items[i];
        assert_str(r->source, "demo");
        buf_add_str(&l->text[dataset], r->site);
        assert_int_equal(r->counters != NULL, dataset == DATASET_GITHUB);
        if (r->counters != NULL) {
            buf_printf(&l->text[dataset], " " STR_FMT " %lld at %lld\n", STR_ARG(r->counters->repo),
                       (long long)r->counters->stars, (long long)r->ts_ms);
            continue;
        }
        assert_str(r->type, dataset == DATASET_WEB ? "beacon" : "combined");
        buf_add_str(&l->text[dataset], r->body);
        l->events++;
    }
    l->newest[dataset] = records.items[records.len - 1].ts_ms / 1000;
    return 0;
}

static struct demo *open_demo(void) {
    struct err err;
    struct demo *d;
    struct demo_options o = {.seed = 1, .start = END - DAYS * DAY, .end = END, .visits = 1500};
    assert_ok(demo_new(&o, &d, &err), err);
    return d;
}

static struct pour *open_pour(struct demo *d, struct lake *l, bool again) {
    struct pour *p = pour_new(d, write_block, l);
    for (size_t i = 0; i < POUR_DATASETS; i++) {
        int64_t newest = l->newest[pour_datasets[i]];
        pour_set_until(p, pour_datasets[i], again && newest > 0 ? newest + 1 : END - DAYS * DAY);
    }
    return p;
}

static void release(struct lake *l) {
    for (size_t i = 0; i <= DATASET_MAX; i++)
        buf_release(&l->text[i]);
}

static void assert_same(const struct lake *a, const struct lake *b) {
    for (size_t i = 0; i <= DATASET_MAX; i++)
        assert_true(str_eq(buf_str(&a->text[i]), buf_str(&b->text[i])));
    assert_int_equal(a->events, b->events);
}

static void fill(struct demo *d, struct lake *l) {
    struct err err;
    struct pour *p = open_pour(d, l, false);
    assert_ok(pour_run(p, END, &err), err);
    assert_int_equal(pour_count(p), l->events);
    assert_true(l->blocks > 4);
    pour_free(p);
}

/* Nothing is lost and nothing is there twice, wherever it was ended: by an error of the writer, and
 * by the end of the process, which only knows the newest event of each dataset. */
static void pour__goes_on_where_the_written_blocks_end(void **state) {
    UNUSED(state);
    struct lake whole = {0};
    struct demo *d = open_demo();
    fill(d, &whole);
    const unsigned places[] = {1, 2, 3, whole.blocks - 1, whole.blocks};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct lake broken = {.fail_at = places[i]}, ended = {.fail_at = places[i]};
        struct err err;
        struct pour *p = open_pour(d, &broken, false);
        assert_int_equal(pour_run(p, END, &err), ERR_NOSPACE);
        assert_ok(pour_run(p, END, &err), err);
        pour_free(p);
        assert_same(&broken, &whole);
        p = open_pour(d, &ended, false);
        assert_int_equal(pour_run(p, END, &err), ERR_NOSPACE);
        pour_free(p);
        p = open_pour(d, &ended, true); /* and in steps, some of which are there already */
        for (int64_t at = END - DAYS * DAY; at < END; at += DAY / 2)
            assert_ok(pour_run(p, at, &err), err);
        assert_ok(pour_run(p, END, &err), err);
        pour_free(p);
        assert_same(&ended, &whole);
        release(&broken);
        release(&ended);
    }
    release(&whole);
    demo_free(d);
}

static void pour__step_by_step_is_the_same(void **state) {
    UNUSED(state);
    struct lake whole = {0}, steps = {0};
    struct err err;
    struct demo *d = open_demo();
    fill(d, &whole);
    struct pour *p = open_pour(d, &steps, false);
    for (int64_t at = END - DAYS * DAY; at < END; at += 977)
        assert_ok(pour_run(p, at, &err), err);
    assert_ok(pour_run(p, END, &err), err);
    assert_same(&steps, &whole);
    pour_free(p);
    release(&whole);
    release(&steps);
    demo_free(d);
}

UNIT_MAIN(unit_test(pour__goes_on_where_the_written_blocks_end),
          unit_test(pour__step_by_step_is_the_same))

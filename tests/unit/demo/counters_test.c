#include "support/unit.h"

#include "demo/demo.h"

#define END ((int64_t)1781179200)
#define HOUR ((int64_t)3600)

static struct demo *open_demo(void) {
    struct err err;
    struct demo *d;
    struct demo_options o = {.seed = 1, .start = END - 400 * 24 * HOUR, .end = END, .visits = 10};
    assert_ok(demo_new(&o, &d, &err), err);
    return d;
}

static void counters__grow_hour_by_hour_and_are_the_same_again(void **state) {
    UNUSED(state);
    struct demo *d = open_demo(), *other = open_demo();
    struct str site;
    struct counters before = {0}, now = {0}, again;
    for (size_t repo = 0; repo < DEMO_REPOS; repo++) {
        assert_true(demo_counters(d, repo, END - 400 * 24 * HOUR, &site, &before));
        struct counters first = before;
        for (int64_t at = END - 400 * 24 * HOUR; at <= END + 30 * 24 * HOUR; at += HOUR) {
            assert_true(demo_counters(d, repo, at, &site, &now));
#define COUNTER(name, presence, doc) assert_true(now.name >= before.name);
#include "counters.def"
#undef COUNTER
            before = now;
        }
        assert_true(now.stars > first.stars && now.commits > first.commits && site.len > 0);
        assert_true(first.stars > 0 && first.forks > 0 && first.watchers > 0 && first.pulls > 0);
        assert_true(demo_counters(other, repo, END + 30 * 24 * HOUR, &site, &again));
        assert_int_equal(again.stars, now.stars);
        assert_true(
            demo_counters(d, repo, END - 400 * 24 * HOUR, &site, &again)); /* back in time */
        assert_int_equal(again.stars, first.stars);
    }
    assert_false(demo_counters(d, DEMO_REPOS, END, &site, &now));
    demo_free(d);
    demo_free(other);
}

UNIT_MAIN(unit_test(counters__grow_hour_by_hour_and_are_the_same_again))

#include "support/unit.h"

#include "demo/demo.h"

#define END ((int64_t)1781179200)

static void github__counters_grow_and_are_the_same_again(void **state) {
    UNUSED(state);
    struct demo_github before, now, again;
    int64_t last = END / 86400;
    for (size_t repo = 0; repo < DEMO_REPOS; repo++) {
        assert_true(demo_github_day(1, repo, END, last - 400, &before));
        uint64_t first = before.stars;
        for (int64_t day = last - 399; day <= last + 30; day++) {
            assert_true(demo_github_day(1, repo, END, day, &now));
            assert_true(now.stars >= before.stars && now.forks >= before.forks &&
                        now.watchers >= before.watchers && now.pulls >= before.pulls);
            before = now;
        }
        assert_true(now.stars > first);
        assert_true(demo_github_day(1, repo, END, last + 30, &again));
        assert_int_equal(again.stars, now.stars);
    }
    assert_false(demo_github_day(1, DEMO_REPOS, END, last, &now));
}

UNIT_MAIN(unit_test(github__counters_grow_and_are_the_same_again))

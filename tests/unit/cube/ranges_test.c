#include "cube/ranges.h"
#include "support/unit.h"

#include <inttypes.h>
#include <time.h>

#define TIME 96 /* instants of the naive set */

static uint64_t next(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* The same instants, sorted, neither touching nor empty. */
static void check(const struct ranges *r, const bool *naive, uint64_t seed) {
    bool got[TIME] = {0};
    for (size_t i = 0; i < r->len; i++) {
        struct range one = r->items[i];
        if (one.from >= one.to || (i > 0 && r->items[i - 1].to >= one.from))
            fail_msg("seed %" PRIu64 ": ranges touch or are empty", seed);
        for (int64_t t = one.from; t < one.to; t++)
            got[t] = true;
    }
    if (memcmp(got, naive, sizeof got) != 0)
        fail_msg("seed %" PRIu64 ": other instants", seed);
}

static void all__operations_agree_with_a_bitmap(void **state) {
    UNUSED(state);
    uint64_t seed = unit_seed(), rng = seed;
    for (int round = 0; round < 2000; round++) {
        struct ranges r = {0}, in = {0}, out = {0}, copy = {0};
        bool naive[TIME] = {0}, parts[TIME];
        for (int step = 0; step < 30; step++) {
            int64_t from = (int64_t)(next(&rng) % TIME), to = from + (int64_t)(next(&rng) % 12);
            to = min_i64(to, TIME);
            bool any = false, all = true, add = next(&rng) % 2;
            for (int64_t t = from; t < to; t++) {
                any = any || naive[t];
                all = all && naive[t];
            }
            assert_int_equal(ranges_overlap(&r, from, to), any);
            assert_int_equal(ranges_contain(&r, from, to), all);
            in.len = out.len = 0;
            ranges_clip(&r, from, to, true, &in);
            ranges_clip(&r, from, to, false, &out);
            for (int inside = 0; inside < 2; inside++) {
                for (int64_t t = 0; t < TIME; t++)
                    parts[t] = t >= from && t < to && naive[t] == (inside == 1);
                check(inside ? &in : &out, parts, seed);
            }
            if (add)
                ranges_add(&r, from, to);
            else
                assert_int_equal(ranges_remove(&r, from, to), any);
            for (int64_t t = from; t < to; t++)
                naive[t] = add;
            check(&r, naive, seed);
            ranges_copy(&copy, &r);
            check(&copy, naive, seed);
        }
        ranges_release(&r);
        ranges_release(&in);
        ranges_release(&out);
        ranges_release(&copy);
    }
}

static void empty__ranges_are_nothing(void **state) {
    UNUSED(state);
    struct ranges r = {0};
    ranges_add(&r, 5, 5);
    ranges_add(&r, 9, 3);
    assert_int_equal(r.len, 0);
    assert_true(ranges_contain(&r, 5, 5));
    assert_false(ranges_contain(&r, 5, 6));
    assert_false(ranges_overlap(&r, 0, 100));
    assert_false(ranges_remove(&r, 0, 100));
    ranges_add(&r, 0, 10);
    assert_false(ranges_remove(&r, 4, 4));
    assert_false(ranges_overlap(&r, 4, 4));
    ranges_release(&r);
}

UNIT_MAIN(unit_test(all__operations_agree_with_a_bitmap), unit_test(empty__ranges_are_nothing))

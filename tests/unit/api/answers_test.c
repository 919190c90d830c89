#include "support/unit.h"

#include "api/answers.h"
#include <pthread.h>
#include <time.h>

#define MAX_BYTES ((size_t)20000)

static void answers__found_only_at_their_version(void **state) {
    UNUSED(state);
    struct answers *a = answers_new(MAX_BYTES);
    struct buf out = {0};
    assert_false(answers_find(a, STR("q"), 1, &out));
    answers_keep(a, STR("q"), 1, STR("one"));
    assert_true(answers_find(a, STR("q"), 1, &out));
    assert_false(answers_find(a, STR("q"), 2, &out));
    answers_keep(a, STR("q"), 2, STR("two"));
    assert_false(answers_find(a, STR("q"), 1, &out));
    assert_true(answers_find(a, STR("q"), 2, &out));
    assert_str(buf_str(&out), "onetwo"); /* appended */
    struct answers_counts c = answers_counts(a);
    assert_int_equal(c.hits, 2);
    assert_int_equal(c.misses, 3);
    assert_int_equal(c.entries, 1);
    buf_release(&out);
    answers_free(a);
}

static void answers__one_too_large_is_not_kept(void **state) {
    UNUSED(state);
    struct answers *a = answers_new(MAX_BYTES);
    struct buf out = {0};
    static char large[MAX_BYTES + 1];
    memset(large, 'x', sizeof large);
    answers_keep(a, STR("small"), 1, STR("s"));
    answers_keep(a, STR("large"), 1, str_of(large, sizeof large));
    assert_false(answers_find(a, STR("large"), 1, &out));
    assert_true(answers_find(a, STR("small"), 1, &out)); /* it pushed nothing out */
    assert_str(buf_str(&out), "s");
    buf_release(&out);
    answers_free(a);
}

/* --- against a simple model --------------------------------------------------------------------
 */

#define KEYS 40
struct model {
    struct {
        bool there;
        uint64_t version, used; /* used: when, as a count of operations */
        size_t len;
        char fill;
    } of[KEYS];
};

static size_t key_text(unsigned k, char key[32]) {
    return (size_t)snprintf(key, 32, "question %u%.*s", k, (int)(k % 10), "..........");
}

static void answers__as_a_list_in_order_of_use(void **state) {
    UNUSED(state);
    unsigned seed = (unsigned)unit_seed();
    struct answers *a = answers_new(MAX_BYTES);
    struct model m = {0};
    struct buf out = {0};
    size_t overhead = 0;
    uint64_t hits = 0, misses = 0;
    for (uint64_t step = 1; step <= 100000; step++) {
        char key[32];
        unsigned k = (unsigned)rand_r(&seed) % KEYS;
        uint64_t version = step / 500 + (unsigned)rand_r(&seed) % 2;
        struct str name = str_of(key, key_text(k, key));
        if (rand_r(&seed) % 3 == 0) {
            size_t len = (size_t)rand_r(&seed) % 3000;
            char *text = xmalloc(len + 1), fill = (char)('a' + step % 26);
            memset(text, fill, len);
            answers_keep(a, name, version, str_of(text, len));
            free(text);
            if (overhead == 0) /* of an entry: learnt from the first */
                overhead = answers_counts(a).bytes - len - name.len;
            m.of[k].there = true;
            m.of[k].version = version;
            m.of[k].used = step;
            m.of[k].len = len;
            m.of[k].fill = fill;
            for (;;) {
                size_t bytes = 0;
                unsigned oldest = KEYS;
                for (unsigned i = 0; i < KEYS; i++) {
                    if (!m.of[i].there)
                        continue;
                    bytes += overhead + key_text(i, key) + m.of[i].len;
                    if (oldest == KEYS || m.of[i].used < m.of[oldest].used)
                        oldest = i;
                }
                struct answers_counts c = answers_counts(a);
                if (bytes <= MAX_BYTES) {
                    assert_int_equal(c.bytes, bytes);
                    break;
                }
                m.of[oldest].there = false;
            }
        } else {
            buf_clear(&out);
            bool expected = m.of[k].there && m.of[k].version == version;
            assert_int_equal(answers_find(a, name, version, &out), expected);
            hits += expected;
            misses += !expected;
            assert_int_equal(out.len, expected ? m.of[k].len : 0);
            for (size_t i = 0; i < out.len; i++)
                assert_int_equal(out.ptr[i], m.of[k].fill);
            if (expected)
                m.of[k].used = step;
        }
    }
    assert_int_equal(answers_counts(a).hits, hits);
    assert_int_equal(answers_counts(a).misses, misses);
    assert_true(hits > 1000);
    buf_release(&out);
    answers_free(a);
}

/* --- threads --------------------------------------------------------------------------------- */

static void *hammer(void *arg) {
    struct answers *a = arg;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    struct buf out = {0};
    for (unsigned i = 0; i < 20000; i++) {
        char key[32], text[64];
        uint64_t version = i / 100;
        unsigned k = (unsigned)rand_r(&seed) % KEYS;
        struct str name = str_of(key, key_text(k, key));
        int n = snprintf(text, sizeof text, "%u at %llu", k, (unsigned long long)version);
        buf_clear(&out);
        if (!answers_find(a, name, version, &out))
            answers_keep(a, name, version, str_of(text, (size_t)n));
        else if (!str_is(buf_str(&out), text))
            abort();
    }
    buf_release(&out);
    return NULL;
}

static void answers__threads_see_whole_ones(void **state) {
    UNUSED(state);
    struct answers *a = answers_new(2000);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, a), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(answers_counts(a).bytes <= 2000);
    answers_free(a);
}

UNIT_MAIN(unit_test(answers__found_only_at_their_version),
          unit_test(answers__one_too_large_is_not_kept),
          unit_test(answers__as_a_list_in_order_of_use), unit_test(answers__threads_see_whole_ones))

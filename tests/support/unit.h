/* Thin cover of cmocka: every test file includes this, names tests as behaviour
 * (block__torn_tail_is_cut) and ends with UNIT_MAIN(unit_test(a), unit_test(b)). */
#ifndef CASK_TEST_UNIT_H
#define CASK_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"

#undef unit_test /* cmocka has one of an older kind */
#define unit_test(name) cmocka_unit_test(name)
#define UNIT_MAIN(...)                                                                             \
    int main(void) {                                                                               \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_ != 0)                                                                              \
            fail_msg("%s: %d: %s", #call, rc_, (err).text);                                        \
    } while (0)
#define assert_str(s, expected)                                                                    \
    do {                                                                                           \
        struct str got_ = (s);                                                                     \
        if (!str_is(got_, (expected)))                                                             \
            fail_msg("%s is \"" STR_FMT "\", not \"%s\"", #s, STR_ARG(got_), (expected));          \
    } while (0)

/* Of a property test: CASK_SEED, else the time. It is printed, so that a failure can be repeated.
 */
static inline uint64_t unit_seed(void) {
    const char *given = getenv("CASK_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10)
                                  : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    print_message("seed %" PRIu64 " (repeat with CASK_SEED)\n", seed);
    return seed;
}
/* How many rounds: CASK_ROUNDS, else `usual`. */
static inline unsigned unit_rounds(unsigned usual) {
    const char *given = getenv("CASK_ROUNDS");
    return given != NULL ? (unsigned)strtoul(given, NULL, 10) : usual;
}

#endif

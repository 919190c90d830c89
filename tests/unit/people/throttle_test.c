#include "people/throttle.h"
#include "support/unit.h"

static int64_t fake_now(void *arg) { return *(int64_t *)arg; }

struct lab {
    int64_t now;
    struct clock clock;
    struct throttle *t;
};

static int setup(void **state) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    lab->now = (int64_t)1700000000 * 1000;
    lab->clock = (struct clock){fake_now, &lab->now};
    lab->t = throttle_new(&lab->clock);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    struct lab *lab = *state;
    throttle_free(lab->t);
    free(lab);
    return 0;
}

static void fail_times(struct lab *lab, const char *account, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, str_from(account)), 0);
}

static void try__the_pause_grows_up_to_five_minutes(void **state) {
    struct lab *lab = *state;
    static const unsigned pauses[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};
    fail_times(lab, "ada", 4);
    for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
        fail_times(lab, "ada", 1);
        assert_int_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("ada")), pauses[i]);
        lab->now += (int64_t)pauses[i] * 1000 - 1;
        assert_int_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("ada")), 1);
        lab->now += 1;
    }
}

static void try__accounts_and_addresses_are_apart(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    assert_int_not_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("ada")), 0);
    assert_int_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("bob")), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(throttle_try(lab->t, THROTTLE_ADDRESS, STR("ada")), 0);
    assert_int_not_equal(throttle_try(lab->t, THROTTLE_ADDRESS, STR("ada")), 0);
}

static void try__a_success_forgives_and_a_day_forgets(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    throttle_forgive(lab->t, THROTTLE_ACCOUNT, STR("ada"));
    fail_times(lab, "ada", 5);
    assert_int_not_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("ada")), 0);
    lab->now += (int64_t)25 * 3600 * 1000;
    fail_times(lab, "ada", 5);
}

static void try__quiet_time_takes_failures_away(void **state) {
    struct lab *lab = *state;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(throttle_try(lab->t, THROTTLE_ADDRESS, STR("a")), 0);
    assert_int_not_equal(throttle_try(lab->t, THROTTLE_ADDRESS, STR("a")), 0);
    lab->now += (int64_t)10 * 60 * 1000;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(throttle_try(lab->t, THROTTLE_ADDRESS, STR("a")), 0);
    assert_int_not_equal(throttle_try(lab->t, THROTTLE_ADDRESS, STR("a")), 0);
}

static void try__one_that_was_none_is_taken_back(void **state) {
    struct lab *lab = *state;
    for (unsigned i = 0; i < 50; i++) {
        fail_times(lab, "ada", 1);
        throttle_take_back(lab->t, THROTTLE_ACCOUNT, STR("ada"));
    }
}

static void try__a_clock_put_back_locks_nobody_out_for_longer(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    lab->now -= (int64_t)365 * 24 * 3600 * 1000;
    assert_in_range(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("ada")), 1, 300);
}

static void try__made_up_accounts_do_not_push_out_one_under_attack(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    for (unsigned i = 0; i < THROTTLE_ENTRIES + 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "made-up-%u", i);
        fail_times(lab, name, 1);
    }
    assert_int_not_equal(throttle_try(lab->t, THROTTLE_ACCOUNT, STR("ada")), 0);
}

#define with_lab(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_lab(try__the_pause_grows_up_to_five_minutes),
        with_lab(try__accounts_and_addresses_are_apart),
        with_lab(try__a_success_forgives_and_a_day_forgets),
        with_lab(try__quiet_time_takes_failures_away),
        with_lab(try__one_that_was_none_is_taken_back),
        with_lab(try__a_clock_put_back_locks_nobody_out_for_longer),
        with_lab(try__made_up_accounts_do_not_push_out_one_under_attack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

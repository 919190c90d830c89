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

#define HOME STR("192.0.2.1")

static unsigned try(struct lab *lab, const char *account, const char *address) {
    return throttle_try(lab->t, str_from(account), str_from(address));
}

static void fail_times(struct lab *lab, const char *account, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(throttle_try(lab->t, str_from(account), HOME), 0);
}

/* The n-th of many networks, and the same one again after 60,000. */
static const char *network(char room[32], unsigned n) {
    snprintf(room, 32, "10.%u.%u.%u", n / 250 % 250, n % 250, n / 250 / 250);
    return room;
}

static void try__the_pause_grows_up_to_five_minutes(void **state) {
    struct lab *lab = *state;
    static const unsigned pauses[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};
    fail_times(lab, "ada", 4);
    for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
        fail_times(lab, "ada", 1);
        assert_int_equal(try(lab, "ada", "192.0.2.1"), pauses[i]);
        lab->now += (int64_t)pauses[i] * 1000 - 1;
        assert_int_equal(try(lab, "ada", "192.0.2.1"), 1);
        lab->now += 1;
    }
}

static void try__who_guesses_elsewhere_keeps_nobody_out(void **state) {
    struct lab *lab = *state;
    static const char *const guessers[][2] = {{"203.0.113.1", "203.0.113.254"},
                                              {"2001:db8::1", "2001:db8::ffff:0:0:1"},
                                              {"[2001:db8:1::1]", "2001:DB8:1:0:1::"},
                                              {"not an address", "not an address"}};
    for (size_t g = 0; g < ARRAY_LEN(guessers); g++) {
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(try(lab, "ada", guessers[g][i % 2]), 0);
        assert_int_not_equal(try(lab, "ada", guessers[g][0]), 0);
        assert_int_not_equal(try(lab, "ada", guessers[g][1]), 0);
        assert_int_equal(try(lab, "bob", guessers[g][0]), 0);
        assert_int_equal(throttle_try(lab->t, STR("ada"), HOME), 0);
        throttle_succeed(lab->t, STR("ada"), HOME);
        assert_int_not_equal(try(lab, "ada", guessers[g][0]), 0); /* that forgives nobody else */
    }
    assert_int_equal(try(lab, "ada", "2001:db8:0:1::1"), 0);
}

static void try__an_account_has_a_limit_over_all_networks(void **state) {
    struct lab *lab = *state;
    char room[32];
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(try(lab, "ada", network(room, i)), 0);
    assert_int_equal(try(lab, "ada", network(room, 100)), 1);
    assert_int_equal(try(lab, "bob", network(room, 100)), 0);
    for (unsigned i = 101; i < 120; i++) {
        unsigned wait = try(lab, "ada", network(room, i));
        assert_in_range(wait, 1, 60);
        lab->now += (int64_t)wait * 1000;
        assert_int_equal(try(lab, "ada", network(room, i)), 0);
    }
    assert_int_equal(try(lab, "ada", "192.0.2.1"), 60);
    throttle_forgive(lab->t, STR("ada"));
    fail_times(lab, "ada", 5);
}

static void try__an_address_has_a_limit_over_all_accounts(void **state) {
    struct lab *lab = *state;
    char name[32];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "made-up-%u", i);
        fail_times(lab, name, 1);
    }
    throttle_succeed(lab->t, STR("made-up-1"), HOME); /* that does not clear an address */
    fail_times(lab, "ada", 1);
    assert_int_not_equal(try(lab, "ada", "192.0.2.1"), 0);
    assert_int_equal(try(lab, "ada", "192.0.2.2"), 0);
}

static void try__a_success_or_a_new_password_forgives_and_a_day_forgets(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    throttle_succeed(lab->t, STR("ada"), HOME);
    fail_times(lab, "ada", 5);
    throttle_forgive(lab->t, STR("ada"));
    fail_times(lab, "ada", 5);
    assert_int_not_equal(try(lab, "ada", "192.0.2.1"), 0);
    lab->now += (int64_t)25 * 3600 * 1000;
    fail_times(lab, "ada", 5);
}

static void try__quiet_time_takes_failures_away(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    lab->now += (int64_t)30 * 60 * 1000; /* takes two */
    fail_times(lab, "ada", 2);
    assert_int_not_equal(try(lab, "ada", "192.0.2.1"), 0);
}

static void try__again_and_again_takes_no_failures_away(void **state) {
    struct lab *lab = *state;
    unsigned wait = 0, free = 0;
    fail_times(lab, "ada", 5);
    while ((wait = try(lab, "ada", "192.0.2.1")) < 128) {
        lab->now += (int64_t)wait * 1000;
        fail_times(lab, "ada", 1);
    }
    lab->now += 61 * 1000; /* takes one away from the address */
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(try(lab, "ada", "192.0.2.1"), 128 - 61);
    for (char name[32]; free < 100; free++) {
        snprintf(name, sizeof name, "made-up-%u", free);
        if (try(lab, name, "192.0.2.1") > 0)
            break;
    }
    assert_in_range(free, 5, 15);
}

static void try__one_that_was_none_is_taken_back(void **state) {
    struct lab *lab = *state;
    for (unsigned i = 0; i < 500; i++) {
        fail_times(lab, "ada", 1);
        throttle_take_back(lab->t, STR("ada"), HOME);
    }
}

static void try__a_clock_put_back_locks_nobody_out_for_longer(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    lab->now -= (int64_t)365 * 24 * 3600 * 1000;
    assert_in_range(try(lab, "ada", "192.0.2.1"), 1, 300);
}

static void try__made_up_accounts_do_not_push_out_one_under_attack(void **state) {
    struct lab *lab = *state;
    fail_times(lab, "ada", 5);
    for (unsigned i = 0; i < THROTTLE_ENTRIES + 100; i++) {
        char name[32], room[32];
        snprintf(name, sizeof name, "made-up-%u", i);
        assert_int_equal(try(lab, name, network(room, i)), 0);
    }
    assert_int_not_equal(try(lab, "ada", "192.0.2.1"), 0);
}

#define with_lab(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_lab(try__the_pause_grows_up_to_five_minutes),
        with_lab(try__who_guesses_elsewhere_keeps_nobody_out),
        with_lab(try__an_account_has_a_limit_over_all_networks),
        with_lab(try__an_address_has_a_limit_over_all_accounts),
        with_lab(try__a_success_or_a_new_password_forgives_and_a_day_forgets),
        with_lab(try__quiet_time_takes_failures_away),
        with_lab(try__again_and_again_takes_no_failures_away),
        with_lab(try__one_that_was_none_is_taken_back),
        with_lab(try__a_clock_put_back_locks_nobody_out_for_longer),
        with_lab(try__made_up_accounts_do_not_push_out_one_under_attack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cube/facts.h"
#include "cube/state.h"
#include "support/unit.h"

#include <unistd.h>

struct lab {
    char dir[64], path[96];
    struct control *control;
    struct cube_state state;
    struct err err;
};

static int setup(void **state) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    snprintf(lab->dir, sizeof lab->dir, "/tmp/cask-state-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    snprintf(lab->path, sizeof lab->path, "%s/control.db", lab->dir);
    assert_ok(control_open(lab->path, &lab->control, &lab->err), lab->err);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    struct lab *lab = *state;
    char command[160];
    cube_state_release(&lab->state);
    control_close(lab->control);
    snprintf(command, sizeof command, "rm -rf '%s'", lab->dir);
    assert_int_equal(system(command), 0);
    free(lab);
    return 0;
}

static void add_unit(struct cube_site *site, uint32_t seal, enum grain grain, enum unit_state state,
                     int64_t from, int64_t to) {
    struct seal_unit unit = {.seal = seal, .grain = grain, .state = state, .from = from, .to = to};
    vec_push(&site->units, unit);
}

static void reload(struct lab *lab) {
    cube_state_release(&lab->state);
    assert_ok(cube_state_load(lab->control, &lab->state, &lab->err), lab->err);
}

static void load__of_nothing_is_an_empty_state(void **state) {
    struct lab *lab = *state;
    reload(lab);
    assert_int_equal(lab->state.sites.len, 0);
    assert_int_equal(lab->state.mark, 0);
    assert_int_equal(lab->state.next_seal, 1);
}

static void save__comes_back_the_same(void **state) {
    struct lab *lab = *state;
    static const char *const names[] = {"a.org", "it's \"b\" \\", ALL_SITES, "\xff"};
    reload(lab);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct cube_site *site = cube_state_add(&lab->state, str_from(names[i]), "Asia/Kolkata");
        ranges_add(&site->clean, 100, 200 + (int64_t)i);
        ranges_add(&site->clean, 300, 400);
        add_unit(site, 7, GRAIN_DAY, UNIT_PENDING, 100, 200);
        add_unit(site, 4294967295u, GRAIN_YEAR, UNIT_DEAD, -5, 1LL << 40);
        site->first = 3600;
        site->last = 7200;
    }
    lab->state.next_seal = 12;
    lab->state.mark = UINT64_MAX >> 2;
    lab->state.changed = true;
    assert_ok(cube_state_save(lab->control, &lab->state, &lab->err), lab->err);
    reload(lab);
    assert_int_equal(lab->state.next_seal, 12);
    assert_int_equal(lab->state.mark, UINT64_MAX >> 2);
    assert_int_equal(lab->state.sites.len, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct cube_site *site = cube_state_find(&lab->state, str_from(names[i]));
        assert_non_null(site);
        assert_string_equal(site->zone, "Asia/Kolkata");
        assert_int_equal(site->clean.len, 2);
        assert_int_equal(site->clean.items[0].to, 200 + (int64_t)i);
        assert_int_equal(site->units.len, 2);
        assert_int_equal(site->units.items[0].state, UNIT_PENDING);
        assert_int_equal(site->units.items[1].seal, 4294967295u);
        assert_int_equal(site->units.items[1].grain, GRAIN_YEAR);
        assert_int_equal(site->units.items[1].from, -5);
        assert_int_equal(site->units.items[1].to, 1LL << 40);
        assert_int_equal(site->first, 3600);
        assert_int_equal(site->last, 7200);
        assert_false(site->changed);
    }
}

static void save__writes_only_what_changed(void **state) {
    struct lab *lab = *state;
    struct buf body = {0};
    uint64_t before[2], after[2];
    reload(lab);
    cube_state_add(&lab->state, STR("a"), "UTC");
    cube_state_add(&lab->state, STR("b"), "UTC");
    assert_ok(cube_state_save(lab->control, &lab->state, &lab->err), lab->err);
    for (int i = 0; i < 2; i++)
        assert_ok(control_get(lab->control, i ? "cube/site/b" : "cube/site/a", &body, &before[i],
                              &lab->err),
                  lab->err);
    cube_state_find(&lab->state, STR("b"))->changed = true;
    assert_ok(cube_state_save(lab->control, &lab->state, &lab->err), lab->err);
    for (int i = 0; i < 2; i++)
        assert_ok(control_get(lab->control, i ? "cube/site/b" : "cube/site/a", &body, &after[i],
                              &lab->err),
                  lab->err);
    assert_true(after[0] == before[0] && after[1] > before[1]);
    buf_release(&body);
}

static void load__says_which_document_is_damaged(void **state) {
    struct lab *lab = *state;
    static const struct control_put puts[] = {{"cube/site/a", {"{\"zone\":", 8}, CONTROL_ANY},
                                              {"cube/state", {"[", 1}, CONTROL_ANY}};
    for (size_t i = 0; i < ARRAY_LEN(puts); i++) {
        assert_ok(control_commit(lab->control, &puts[i], 1, &lab->err), lab->err);
        assert_int_equal(cube_state_load(lab->control, &lab->state, &lab->err), ERR_CORRUPT);
        assert_non_null(strstr(lab->err.text, puts[i].key));
        const struct control_put gone = {puts[i].key, {0}, CONTROL_ANY};
        assert_ok(control_commit(lab->control, &gone, 1, &lab->err), lab->err);
    }
}

static void dirty__takes_away_what_flags_can_reach(void **state) {
    struct lab *lab = *state;
    struct cube_site *site = cube_state_add(&lab->state, STR("a"), "UTC");
    ranges_add(&site->clean, 0, 1000000);
    site->changed = false;
    cube_site_dirty(site, 360000, 363600);
    assert_true(site->changed);
    assert_int_equal(site->clean.len, 2);
    assert_int_equal(site->clean.items[0].to, 360000 - SESSION_GAP);
    assert_int_equal(site->clean.items[1].from, 363600 + SESSION_REACH + SESSION_GAP);
    site->changed = false;
    cube_site_dirty(site, 360000, 363600); /* known already: costs no write */
    assert_false(site->changed);
    assert_true(SESSION_REACH + SESSION_GAP >= DOWNLOAD_GAP);
}

static void dirty__coarse_units_over_it_die_and_days_live_on(void **state) {
    struct lab *lab = *state;
    const int64_t day = 86400, at = 40 * day + 43200;
    struct cube_site *site = cube_state_add(&lab->state, STR("a"), "UTC");
    add_unit(site, 1, GRAIN_DAY, UNIT_LIVE, 40 * day, 41 * day);
    add_unit(site, 2, GRAIN_WEEK, UNIT_LIVE, 35 * day, 42 * day);
    add_unit(site, 3, GRAIN_MONTH, UNIT_LIVE, 10 * day, 40 * day); /* ends out of reach */
    add_unit(site, 4, GRAIN_MONTH, UNIT_LIVE, 40 * day, 70 * day);
    add_unit(site, 5, GRAIN_YEAR, UNIT_PENDING, 0, 365 * day);
    add_unit(site, 6, GRAIN_MONTH, UNIT_LIVE, at + 3600 + SESSION_REACH + SESSION_GAP, 90 * day);
    cube_site_dirty(site, at, at + 3600);
    static const enum unit_state states[] = {UNIT_LIVE, UNIT_DEAD,    UNIT_LIVE,
                                             UNIT_DEAD, UNIT_PENDING, UNIT_LIVE};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        assert_int_equal(site->units.items[i].state, states[i]);
    struct cube_site *all = cube_state_add(&lab->state, STR(ALL_SITES), "UTC");
    add_unit(all, 7, GRAIN_DAY, UNIT_LIVE, 40 * day,
             41 * day); /* has no clean time: dies as well */
    cube_site_dirty(all, at, at + 3600);
    assert_int_equal(all->units.items[0].state, UNIT_DEAD);
}

static void reset__forgets_seals_and_keeps_the_extent(void **state) {
    struct lab *lab = *state;
    struct cube_site *site = cube_state_add(&lab->state, STR("a"), "UTC");
    ranges_add(&site->clean, 0, 100);
    add_unit(site, 1, GRAIN_DAY, UNIT_LIVE, 0, 100);
    site->first = 5;
    site->last = 9;
    cube_site_reset(site, "Asia/Tokyo");
    assert_string_equal(site->zone, "Asia/Tokyo");
    assert_int_equal(site->clean.len, 0);
    assert_int_equal(site->units.items[0].state, UNIT_DEAD);
    assert_true(site->first == 5 && site->last == 9);
    cube_site_reset(site, site->zone);
    assert_string_equal(site->zone, "Asia/Tokyo");
}

#define in_lab(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_MAIN(in_lab(load__of_nothing_is_an_empty_state), in_lab(save__comes_back_the_same),
          in_lab(save__writes_only_what_changed), in_lab(load__says_which_document_is_damaged),
          in_lab(dirty__takes_away_what_flags_can_reach),
          in_lab(dirty__coarse_units_over_it_die_and_days_live_on),
          in_lab(reset__forgets_seals_and_keeps_the_extent))

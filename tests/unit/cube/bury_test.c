/* Which recent hours age. That their rows go, whatever is killed: tests/flow/cubes_test.c. */
#include "cube/cube_internal.h"
#include "support/unit.h"

#define DAY ((int64_t)86400)
#define NOW (18628 * DAY + 3600) /* 2021-01-01 01:00 */

static void add_units(struct cube_site *site, int64_t day, enum unit_state hours) {
    struct seal_unit unit = {.grain = GRAIN_DAY, .state = UNIT_LIVE, .from = day * DAY};
    unit.to = unit.from + DAY;
    vec_push(&site->units, unit);
    unit.grain = GRAIN_HOUR;
    unit.state = hours;
    vec_push(&site->units, unit);
}

static size_t count_live(const struct cube *c, enum grain grain) {
    size_t n = 0;
    const struct cube_site *site = &c->state.sites.items[0];
    for (size_t i = 0; i < site->units.len; i++)
        n += site->units.items[i].grain == grain && site->units.items[i].state == UNIT_LIVE;
    return n;
}

static void age__hours_die_when_a_week_of_them_is_too_old(void **state) {
    UNUSED(state);
    struct err err = {0};
    struct cube c = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct cube_site *site = cube_state_add(&c.state, STR("a"), "UTC");
    struct zone *zone = NULL;
    assert_ok(zone_open("UTC", &zone, &err), err);
    int64_t recent = cube_recent_from(zone, NOW);
    assert_true(recent % DAY == 0 && recent < NOW - 30 * DAY && recent > NOW - 40 * DAY);
    for (int64_t day = recent / DAY - 6; day < NOW / DAY; day++)
        add_units(site, day, UNIT_LIVE);
    size_t days = count_live(&c, GRAIN_DAY);
    site->changed = false;
    assert_ok(cube_age(&c, NOW, &err), err);
    assert_int_equal(count_live(&c, GRAIN_HOUR), days); /* six days are not enough to delete */
    assert_false(site->changed);
    assert_ok(cube_age(&c, NOW + DAY, &err), err);
    assert_int_equal(count_live(&c, GRAIN_HOUR), days - 7);
    assert_int_equal(count_live(&c, GRAIN_DAY), days);
    assert_true(site->changed);
    for (size_t i = 0; i < site->units.len; i++)
        if (site->units.items[i].grain == GRAIN_HOUR)
            assert_int_equal(site->units.items[i].state,
                             site->units.items[i].from > recent ? UNIT_LIVE : UNIT_DEAD);
    zone_free(zone);
    cube_state_release(&c.state);
}

static void age__pending_and_dead_hours_stay_what_they_are(void **state) {
    UNUSED(state);
    struct err err = {0};
    struct cube c = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct cube_site *site = cube_state_add(&c.state, STR("a"), "UTC");
    add_units(site, 100, UNIT_PENDING);
    add_units(site, 101, UNIT_DEAD);
    site->changed = false;
    assert_ok(cube_age(&c, NOW, &err), err);
    assert_int_equal(site->units.items[1].state, UNIT_PENDING);
    assert_int_equal(site->units.items[3].state, UNIT_DEAD);
    assert_false(site->changed);
    cube_state_release(&c.state);
}

UNIT_MAIN(unit_test(age__hours_die_when_a_week_of_them_is_too_old),
          unit_test(age__pending_and_dead_hours_stay_what_they_are))

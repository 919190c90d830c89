#include "cube/words.h"
#include "support/unit.h"

static void names__are_found_and_no_others(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        enum metric m;
        assert_true(metric_find(str_from(metric_defs[i].name), &m));
        assert_int_equal(m, i);
        assert_true(strlen(metric_defs[i].doc) > 0);
    }
    for (size_t i = 0; i < DIM_COUNT; i++) {
        enum dimension d;
        assert_true(dimension_find(str_from(dimension_defs[i].name), &d));
        assert_int_equal(d, i);
    }
    enum metric m;
    enum dimension d;
    assert_false(metric_find(STR(""), &m) || metric_find(STR("hit"), &m) ||
                 metric_find(STR("Hits"), &m));
    assert_false(dimension_find(STR(""), &d) || dimension_find(STR("coun"), &d));
}

static void ratios__are_of_sums(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (metric_defs[i].sql != NULL)
            continue;
        assert_non_null(metric_defs[metric_defs[i].over].sql);
        assert_non_null(metric_defs[metric_defs[i].under].sql);
    }
    assert_string_equal(metric_defs[metric_defs[METRIC_bounce_rate].over].name, "bounces");
    assert_string_equal(metric_defs[metric_defs[METRIC_bounce_rate].under].name, "sessions");
}

/* The planner takes the first cube that fits, covers hours before days, and adds a cube's exact
 * visitors over dimensions of the visitor only. */
static void cubes__have_known_words_and_days(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < cube_defs_count; i++) {
        enum dimension dims[CUBE_MAX_DIMENSIONS];
        size_t n = cube_dimensions(&cube_defs[i], dims);
        assert_true(cube_has_grain(&cube_defs[i], GRAIN_DAY));
        assert_false(cube_has_grain(&cube_defs[i], GRAIN_NONE));
        for (size_t j = 0; j < n; j++) {
            assert_true(dims[j] != DIM_site && dims[j] != DIM_bot);
            /* page views have no such thing */
            if (cube_has_fact(&cube_defs[i], FACT_V))
                assert_string_not_equal(dimension_defs[dims[j]].views_sql, "''");
        }
        assert_int_equal(cube_has_fact(&cube_defs[i], FACT_V),
                         cube_has_fact(&cube_defs[i], FACT_U));
    }
    assert_string_equal(cube_defs[0].name, "totals");
    assert_int_equal(cube_dimensions(&cube_defs[0], (enum dimension[CUBE_MAX_DIMENSIONS]){0}), 0);
    assert_true(cube_has_grain(&cube_defs[0], GRAIN_HOUR));
    assert_false(cube_has_recent_hours(&cube_defs[0]));
    assert_string_equal(cube_defs[1].name, "audience");
    assert_true(cube_has_grain(&cube_defs[1], GRAIN_HOUR) && cube_has_recent_hours(&cube_defs[1]));
    assert_false(cube_has_grain(&cube_defs[2], GRAIN_HOUR) || cube_has_recent_hours(&cube_defs[2]));
}

static void dimensions__of_visitor_and_of_session_are_apart(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < DIM_COUNT; i++)
        assert_false(dimension_of_visitor((enum dimension)i) &&
                     dimension_of_session((enum dimension)i));
    assert_true(dimension_of_visitor(DIM_country) && dimension_of_visitor(DIM_bot));
    assert_true(dimension_of_session(DIM_entry_path) && dimension_of_session(DIM_channel));
    assert_false(dimension_of_visitor(DIM_path) || dimension_of_session(DIM_path));
}

UNIT_MAIN(unit_test(names__are_found_and_no_others), unit_test(ratios__are_of_sums),
          unit_test(cubes__have_known_words_and_days),
          unit_test(dimensions__of_visitor_and_of_session_are_apart))

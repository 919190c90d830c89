#include "query/table.h"
#include "support/unit.h"

static const struct str *dims_of(struct table *t, const char *a, const char *b) {
    struct str *dims = arena_alloc(&t->arena, 2 * sizeof *dims);
    dims[0] = str_from(a);
    dims[1] = str_from(b);
    return dims;
}

static void find__gives_the_row_of_span_and_group(void **state) {
    UNUSED(state);
    struct table t = {.n_dims = 2, .n_sums = 1};
    static const char *const words[] = {"", "a", "ab", "b"};
    for (size_t i = 16; i-- > 0;)
        for (size_t span = 3; span-- > 0;)
            if ((i + span) % 3 != 0)
                table_add(&t, span, dims_of(&t, words[i / 4], words[i % 4]))->sums[0] =
                    span * 100 + i;
    table_sort(&t);
    for (size_t i = 0; i < 16; i++) {
        for (size_t span = 0; span < 3; span++) {
            const struct table_row *row =
                table_find(&t, span, dims_of(&t, words[i / 4], words[i % 4]));
            assert_int_equal(row != NULL, (i + span) % 3 != 0);
            if (row != NULL)
                assert_int_equal(row->sums[0], span * 100 + i);
        }
    }
    assert_null(table_find(&t, 1, dims_of(&t, "aa", "")));
    table_release(&t);
}

static void add__begins_with_zeros_and_no_comparison(void **state) {
    UNUSED(state);
    struct table t = {.n_dims = 0, .n_sums = 3};
    const struct table_row *row = table_add(&t, 5, NULL);
    assert_true(row->sums[0] == 0 && row->sums[1] == 0 && row->sums[2] == 0);
    assert_null(row->previous);
    table_sort(&t);
    assert_non_null(table_find(&t, 5, NULL));
    assert_null(table_find(&t, 4, NULL));
    table_release(&t);
    table_release(&t); /* of nothing */
}

static void compare__is_by_bytes_and_in_order_of_dimensions(void **state) {
    UNUSED(state);
    const struct str a[] = {STR("a"), STR("z")}, b[] = {STR("b"), STR("a")},
                     c[] = {STR("a"), STR("\xff")};
    assert_true(table_compare_dims(a, b, 2) < 0);
    assert_true(table_compare_dims(b, a, 2) > 0);
    assert_true(table_compare_dims(a, c, 2) < 0);
    assert_int_equal(table_compare_dims(a, c, 1), 0);
    assert_int_equal(table_compare_dims(a, b, 0), 0);
}

UNIT_MAIN(unit_test(find__gives_the_row_of_span_and_group),
          unit_test(add__begins_with_zeros_and_no_comparison),
          unit_test(compare__is_by_bytes_and_in_order_of_dimensions))

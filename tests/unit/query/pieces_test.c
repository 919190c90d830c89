#include "query/pieces.h"
#include "support/unit.h"

#define HOUR ((int64_t)3600)
#define HOURS 240

static struct selection raw;
static struct hour_rows hours[HOURS];
static struct pieces pieces;

static int teardown(void **state) {
    UNUSED(state);
    selection_release(&raw);
    pieces_release(&pieces);
    return 0;
}

/* Ten days of one site with so many rows an hour. */
static void fill(uint64_t rows) {
    ranges_add(selection_site(&raw, STR("a")), 1800, HOURS * HOUR - 1800);
    for (size_t i = 0; i < HOURS; i++)
        hours[i] = (struct hour_rows){(int64_t)i * HOUR, rows};
}

/* Windows follow one another without a gap; the parts of each are complete. */
static void assert_tiled(void) {
    int64_t at = raw.items[0].ranges.items[0].from;
    for (size_t i = 0; i < pieces.len;) {
        const struct ranges *r = &pieces.items[i].rows.items[0].ranges;
        unsigned parts = pieces.items[i].rows.parts;
        assert_int_equal(r->len, 1);
        assert_int_equal(r->items[0].from, at);
        at = r->items[0].to;
        assert_int_not_equal(parts, 1);
        for (unsigned part = 0; part < parts; part++) {
            const struct selection *rows = &pieces.items[i + part].rows;
            assert_int_equal(rows->parts, parts);
            assert_int_equal(rows->part, part);
            assert_int_equal(rows->items[0].ranges.items[0].to, at);
        }
        i += parts > 0 ? parts : 1;
    }
    assert_int_equal(at, raw.items[0].ranges.items[0].to);
}

static void cut__few_rows_are_one_piece(void **state) {
    UNUSED(state);
    fill(1000);
    pieces_cut(FACT_V, &raw, hours, HOURS, HOURS * 1000, &pieces);
    assert_int_equal(pieces.len, 1);
    assert_int_equal(pieces.items[0].n_rows, HOURS * 1000);
    assert_tiled();
    pieces_release(&pieces);
    pieces_cut(FACT_V, &raw, NULL, 0, 1, &pieces); /* rows that came only now */
    assert_int_equal(pieces.len, 1);
    assert_tiled();
}

static void cut__long_time_becomes_windows(void **state) {
    UNUSED(state);
    fill(1000);
    pieces_cut(FACT_V, &raw, hours, HOURS, 60000, &pieces);
    assert_in_range(pieces.len, 5, 6); /* 60 hours each, of which 13 are margin */
    for (size_t i = 0; i < pieces.len; i++) {
        assert_int_equal(pieces.items[i].rows.parts, 0);
        assert_true(pieces.items[i].n_rows <= 60000);
    }
    assert_tiled();
}

static void cut__dense_time_becomes_parts_of_visitors(void **state) {
    UNUSED(state);
    fill(1000);
    pieces_cut(FACT_V, &raw, hours, HOURS, 10000, &pieces);
    assert_true(pieces.items[0].rows.parts >= 2);
    for (size_t i = 0; i < pieces.len; i++)
        assert_true(pieces.items[i].n_rows <= 10000);
    assert_tiled();
}

static void cut__visitors_have_one_window(void **state) {
    UNUSED(state);
    fill(1000);
    pieces_cut(FACT_U, &raw, hours, HOURS, 60000, &pieces);
    assert_int_equal(pieces.len, 4);
    assert_int_equal(pieces.items[3].rows.parts, 4);
    assert_tiled();
}

static void cut__windows_of_margin_alone_are_none(void **state) {
    UNUSED(state);
    fill(1000);
    ranges_remove(&raw.items[0].ranges, 0, 200 * HOUR);
    pieces_cut(FACT_D, &raw, hours, HOURS, 20000, &pieces);
    assert_tiled();
}

#define cleaned(name) cmocka_unit_test_teardown(name, teardown)

UNIT_MAIN(cleaned(cut__few_rows_are_one_piece), cleaned(cut__long_time_becomes_windows),
          cleaned(cut__dense_time_becomes_parts_of_visitors),
          cleaned(cut__visitors_have_one_window), cleaned(cut__windows_of_margin_alone_are_none))

/* Native blocks: what a real engine reads from them is what was put in. The comparison is with rows
 * in RowBinary, which are written here and read from the engine as such. */
#include "store/native.h"

#include "base/limits.h"
#include "store/batch.h"
#include "store/schema.h"
#include "support/live_engine.h"

static struct live live;

static int start_engine(void **state) {
    UNUSED(state);
    live_start(&live);
    return 0;
}

static int stop_engine(void **state) {
    UNUSED(state);
    live_end(&live);
    return 0;
}

/* --- RowBinary, independent of the code under test -------------------------------------------- */

static void row_str(struct buf *out, struct str s) {
    size_t n = s.len;
    for (; n >= 0x80; n >>= 7)
        buf_add_char(out, (char)(n | 0x80));
    buf_add_char(out, (char)n);
    buf_add_str(out, s);
}

#define ROW_U8(v) buf_add(rows, &(v), 1)
#define ROW_U16(v) buf_add(rows, &(v), 2)
#define ROW_U32(v) buf_add(rows, &(v), 4)
#define ROW_U64(v) buf_add(rows, &(v), 8)
#define ROW_STR(v) row_str(rows, v)
static void add_row(struct buf *rows, const struct event *event) {
#define COLUMN(name, type, encoding, doc) ROW_##encoding(event->name);
#include "events.def"
#undef COLUMN
}

/* --- rows of every type ----------------------------------------------------------------------- */

/* Distinct values of a column: around the places where an index needs one more byte. */
static const size_t distinct[] = {1, 2, 255, 256, 257, 65535, 65536, 65537, 100000, 3};

static struct str word(struct arena *arena, size_t row, size_t column) {
    size_t n = row * 7919 % distinct[column % ARRAY_LEN(distinct)];
    if (n == 0)
        return STR("");
    if (n == 1) /* any bytes */
        return STR("\0\xff;'\\\n");
    char text[32];
    int len = snprintf(text, sizeof text, "%zu-%zu", column, n);
    size_t long_len = n == 2 ? 8192 : n == 3 ? 127 : n == 4 ? 128 : 0;
    if (long_len == 0 || row > 1000) /* not too often */
        return arena_dup(arena, str_of(text, (size_t)len));
    char *bytes = arena_bytes(arena, long_len);
    memset(bytes, 'a' + (int)column, long_len);
    return str_of(bytes, long_len);
}

#define MAKE_U8(row, column) (uint8_t)((row)*2654435761u >> 24)
#define MAKE_U16(row, column) (uint16_t)((row)*2654435761u >> 16)
#define MAKE_U32(row, column) (uint32_t)((row)*2654435761u)
#define MAKE_U64(row, column) (0x9e3779b97f4a7c15u * ((row) + 1))
#define MAKE_STR(row, column) word(arena, row, column)
static struct event make_event(struct arena *arena, size_t row) {
    struct event event = {0};
    size_t column = 0;
#define COLUMN(name, type, encoding, doc)                                                          \
    event.name = MAKE_##encoding(row, column);                                                     \
    column++;
#include "events.def"
#undef COLUMN
    event.bid = row;                                 /* the order in which they are read */
    event.ts = 1425168000 + (uint32_t)(row % 86400); /* one month */
    event.kind = (uint8_t)(row % 5);                 /* what the Enum has */
    return event;
}

static void insert(const struct month_rows *month, const char *table) {
    struct buf block = {0}, structure = {0}, sql = {0};
    batch_encode(month, &block);
    if (month->month == 0)
        schema_structure(SCHEMA_REJECTED, &structure);
    else
        schema_structure(SCHEMA_EVENTS, &structure);
    buf_printf(&sql, "INSERT INTO %s FORMAT Native", table);
    assert_ok(client_insert(live.client, buf_str(&sql), buf_str(&structure), buf_str(&block),
                            schema_insert_settings, schema_n_insert_settings, &live.err),
              live.err);
    buf_release(&sql);
    buf_release(&structure);
    buf_release(&block);
}

static void assert_rows(const char *sql, const struct buf *expected) {
    struct buf got = {0};
    assert_ok(client_query(live.client, str_from(sql), "RowBinary", NULL, 0, &got, &live.err),
              live.err);
    assert_int_equal(got.len, expected->len);
    assert_memory_equal(got.ptr, expected->ptr, got.len);
    buf_release(&got);
}

#define ROWS 120000
static void block__of_every_type_is_read_as_it_was_put(void **state) {
    UNUSED(state);
    struct batch batch = {0};
    struct buf rows = {0};
    struct arena arena = {0};
    assert_ok(schema_make_tables(live.client, &live.err), live.err);
    for (size_t row = 0; row < ROWS; row++) {
        struct event event = make_event(&arena, row);
        batch_add_event(&batch, &event);
        add_row(&rows, &event);
    }
    assert_int_equal(batch.months.len, 1);
    insert(&batch.months.items[0], "events");
    assert_string_equal(live_query(&live, "SELECT count(), sum(rows) FROM system.parts"
                                          " WHERE active AND table = 'events'"),
                        "1\t120000\n");
    assert_rows("SELECT * FROM events ORDER BY bid", &rows);
    batch_release(&batch);
    arena_release(&arena);
    buf_release(&rows);
}

/* Both limits of a batch: an INSERT that was cut would be half in after a crash. */
static void block__of_a_full_batch_is_one_part(void **state) {
    UNUSED(state);
    static const struct {
        size_t rows, path_bytes;
        uint32_t ts;
    } cases[] = {{LIMIT_BATCH_ROWS, 0, 1430438400},
                 {LIMIT_BATCH_BYTES / LIMIT_STRING_BYTES, LIMIT_STRING_BYTES, 1433116800}};
    char *path = xcalloc(1, LIMIT_STRING_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct batch batch = {0};
        char sql[200];
        for (size_t row = 0; row < cases[i].rows; row++) {
            struct event event = {.bid = row, .ts = cases[i].ts, .site = STR("one-part")};
            event.path = str_of(path, cases[i].path_bytes);
            batch_add_event(&batch, &event);
        }
        insert(&batch.months.items[0], "events");
        snprintf(sql, sizeof sql,
                 "SELECT count() = 1, sum(rows) = %zu FROM system.parts WHERE active AND"
                 " table = 'events' AND partition = '%u'",
                 cases[i].rows, batch.months.items[0].month);
        assert_string_equal(live_query(&live, sql), "1\t1\n");
        batch_release(&batch);
    }
    free(path);
}

static void block__of_rejected_is_read_as_it_was_put(void **state) {
    UNUSED(state);
    struct batch batch = {0};
    struct buf rows = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        enum reason reason = (enum reason)(1 + i % (REASON_COUNT - 1));
        struct str site = i % 3 == 0 ? STR("") : i % 3 == 1 ? STR("a") : STR("example.org");
        batch_add_rejected(&batch, 7 + i / 100, i, site, reason, 5);
        buf_add(&rows, &(uint64_t){7 + i / 100}, 8);
        buf_add(&rows, &i, 4);
        row_str(&rows, site);
        row_str(&rows, str_from(reason_name(reason)));
        buf_add(&rows, &(uint32_t){5}, 4);
    }
    insert(&batch.months.items[0], "rejected");
    assert_rows("SELECT * FROM rejected ORDER BY place", &rows);
    batch_release(&batch);
    buf_release(&rows);
}

/* Memory of indexes follows the number of words. */
static void words__have_the_narrowest_index(void **state) {
    UNUSED(state);
    static const struct {
        size_t words;
        uint32_t width;
    } cases[] = {{1, 1}, {255, 1}, {256, 1}, {257, 2}, {65536, 2}, {65537, 4}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct native_column c = {0};
        size_t bytes = 0;
        for (size_t w = 0; w < 2 * cases[i].words; w++) {
            char text[16];
            int len = snprintf(text, sizeof text, "%zu", w % cases[i].words);
            bytes += native_put_word(&c, str_of(text, (size_t)len));
        }
        assert_int_equal(c.n_keys, cases[i].words);
        assert_int_equal(c.width, cases[i].width);
        assert_int_equal(c.values.len, 2 * cases[i].words * c.width);
        assert_true(bytes >= c.keys.len + 2 * cases[i].words);
        native_release(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(block__of_every_type_is_read_as_it_was_put),
        unit_test(block__of_a_full_batch_is_one_part),
        unit_test(block__of_rejected_is_read_as_it_was_put),
        unit_test(words__have_the_narrowest_index),
    };
    return cmocka_run_group_tests(tests, start_engine, stop_engine);
}

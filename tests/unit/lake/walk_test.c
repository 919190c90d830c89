#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state) {
    struct lab *lab = lab_new();
    lab_open(lab);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    lab_free(*state);
    return 0;
}

struct seen {
    struct lake_segment items[8];
    size_t len;
};

static int see(void *arg, const struct lake_segment *segment, struct err *err) {
    UNUSED(err);
    struct seen *seen = arg;
    assert_true(seen->len < ARRAY_LEN(seen->items));
    seen->items[seen->len++] = *segment;
    return 0;
}

static void walk(struct lab *lab, struct seen *ret) {
    ret->len = 0;
    assert_ok(lake_walk(lab->root, 0, see, ret, &lab->err), lab->err);
}

static void walk__counts_blocks_records_bytes_and_times(void **state) {
    struct lab *lab = *state;
    struct seen seen;
    struct stat st;
    struct buf path = {0};
    lab_append_synced(lab, "a", 3);
    lab_append_synced(lab, "", 0);
    lab->now_ms += HOUR_MS;
    lab_append_synced(lab, "b", 1);
    walk(lab, &seen);
    assert_int_equal(seen.len, 2);
    const struct lake_segment *s = &seen.items[0];
    assert_int_equal(s->segment, 1);
    assert_int_equal(s->blocks, 2);
    assert_int_equal(s->records, 3);
    assert_true(s->first_ms == NOON && s->last_ms == NOON + 2);
    assert_string_equal(s->path, "logs/2015/05/17/12-00000001.avro");
    assert_false(s->corrupt);
    assert_int_equal(s->torn_bytes, 0);
    lab_path(lab, 1, &path);
    stat(buf_cstr(&path), &st);
    assert_int_equal(s->bytes, st.st_size);
    assert_int_equal(seen.items[1].records, 1);
    buf_release(&path);
}

static void walk__tells_a_torn_tail_from_damage(void **state) {
    struct lab *lab = *state;
    struct seen seen;
    struct buf first = {0}, second = {0}, bytes = {0};
    lab_append_synced(lab, "a", 3);
    lab->now_ms += HOUR_MS;
    lab_append_synced(lab, "b", 1);
    lab_append_synced(lab, "c", 1);
    lab_path(lab, 1, &first);
    lab_path(lab, 2, &second);
    load_file(buf_cstr(&first), &bytes);
    bytes.ptr[bytes.len - 20] ^= 4;
    store_file(buf_cstr(&first), buf_str(&bytes));
    load_file(buf_cstr(&second), &bytes);
    store_file(buf_cstr(&second), str_of(bytes.ptr, bytes.len - 1));
    walk(lab, &seen);
    assert_true(seen.items[0].corrupt);
    assert_non_null(strstr(seen.items[0].problem, "block 0"));
    assert_int_equal(seen.items[0].torn_bytes, 0);
    assert_false(seen.items[1].corrupt);
    assert_int_equal(seen.items[1].blocks, 1);
    assert_true(seen.items[1].torn_bytes > 0);
    buf_release(&first);
    buf_release(&second);
    buf_release(&bytes);
}

static int stop(void *arg, const struct lake_segment *segment, struct err *err) {
    UNUSED(arg), UNUSED(segment);
    return err_set(err, ERR_STOPPED, "enough");
}

static void walk__ends_with_the_error_of_see(void **state) {
    struct lab *lab = *state;
    lab_append_synced(lab, "a", 1);
    assert_int_equal(lake_walk(lab->root, DATASET_LOGS, stop, NULL, &lab->err), ERR_STOPPED);
    assert_ok(lake_walk(lab->root, DATASET_WEB, stop, NULL, &lab->err), lab->err);
}

static void size_after__is_the_stored_size_of_the_blocks_behind(void **state) {
    struct lab *lab = *state;
    struct lake_reader *r;
    struct lake_block block;
    uint64_t bids[8], sizes[8], left;
    for (size_t i = 0; i < 8; i++) {
        lab_append_synced(lab, "a", 1 + i);
        if (i == 3)
            lab->now_ms += HOUR_MS;
    }
    assert_ok(lake_reader_open(lab->root, DATASET_LOGS, 0, 0, &r, &lab->err), lab->err);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(lake_reader_next(r, &block, &lab->err), 1);
        bids[i] = block.bid;
        sizes[i] = block.stored_bytes;
    }
    lake_reader_close(r);
    for (size_t i = 4; i < 8; i++) {
        uint64_t expected = 0;
        for (size_t k = i + 1; k < 8; k++)
            expected += sizes[k];
        assert_ok(lake_size_after(lab->root, DATASET_LOGS, bids[i], &left, &lab->err), lab->err);
        assert_int_equal(left, expected);
    }
    uint64_t before;
    assert_ok(lake_size_after(lab->root, DATASET_LOGS, bids[1], &left, &lab->err), lab->err);
    assert_ok(lake_size_after(lab->root, DATASET_LOGS, bids[2], &before, &lab->err), lab->err);
    assert_int_equal(left - before, sizes[2]);
}

/* A block of so many bytes that cannot be packed. */
static void append_bytes(struct lab *lab, size_t n) {
    uint64_t seed = n, bid;
    char *body = xmalloc(n);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)random_next(&seed);
    const struct record record = {
        .body = str_of(body, n), .type = STR("combined"), .source = STR("test")};
    assert_ok(lake_writer_append(lab->writer, (struct record_batch){&record, 1}, &bid, &lab->err),
              lab->err);
    free(body);
}

/* Many are read at once, and some are longer than that. */
static void size_after__small_and_large_blocks(void **state) {
    struct lab *lab = *state;
    uint64_t bids[400], sizes[400], left, behind = 0;
    struct lake_reader *r;
    struct lake_block block;
    for (size_t i = 0; i < ARRAY_LEN(bids); i++)
        append_bytes(lab, i % 100 == 50 ? 200000 : 1 + i * 7 % 1000);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    assert_ok(lake_reader_open(lab->root, DATASET_LOGS, 0, 0, &r, &lab->err), lab->err);
    for (size_t i = 0; i < ARRAY_LEN(bids); i++) {
        assert_int_equal(lake_reader_next(r, &block, &lab->err), 1);
        bids[i] = block.bid;
        sizes[i] = block.stored_bytes;
    }
    lake_reader_close(r);
    assert_true(sizes[50] > (128 << 10) && sizes[51] < (4 << 10));
    for (size_t i = ARRAY_LEN(bids); i-- > 0;) {
        assert_ok(lake_size_after(lab->root, DATASET_LOGS, bids[i], &left, &lab->err), lab->err);
        assert_int_equal(left, behind);
        behind += sizes[i];
    }
}

static void size_after__an_empty_lake_has_nothing(void **state) {
    struct lab *lab = *state;
    uint64_t left = 1;
    assert_ok(lake_size_after("/nonexistent/lake", DATASET_LOGS, 0, &left, &lab->err), lab->err);
    assert_int_equal(left, 0);
}

#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
UNIT_MAIN(lab_test(walk__counts_blocks_records_bytes_and_times),
          lab_test(walk__tells_a_torn_tail_from_damage), lab_test(walk__ends_with_the_error_of_see),
          lab_test(size_after__is_the_stored_size_of_the_blocks_behind),
          lab_test(size_after__small_and_large_blocks),
          lab_test(size_after__an_empty_lake_has_nothing))

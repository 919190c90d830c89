#include "fixture.h"

#include "lake/avro.h"
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

static struct lake_reader *open_reader(struct lab *lab, uint64_t after, uint64_t upto) {
    struct lake_reader *r;
    assert_ok(lake_reader_open(lab->root, DATASET_LOGS, after, upto, &r, &lab->err), lab->err);
    return r;
}

#define assert_drain(r, lab, expected)                                                             \
    do {                                                                                           \
        struct buf seen_ = {0};                                                                    \
        drain((r), &seen_, &(lab)->err);                                                           \
        assert_string_equal(buf_cstr(&seen_), (expected));                                         \
        buf_release(&seen_);                                                                       \
    } while (0)

static void reader__gives_only_what_is_behind_after_and_up_to_upto(void **state) {
    struct lab *lab = *state;
    struct buf seen = {0};
    uint64_t bids[9];
    for (size_t i = 0; i < ARRAY_LEN(bids); i++) {
        bids[i] = lab_append_synced(lab, "a", 1);
        if (i % 3 == 2)
            lab->now_ms += HOUR_MS; /* three blocks a segment */
    }
    for (size_t from = 0; from <= ARRAY_LEN(bids); from++) {
        for (size_t to = from; to < ARRAY_LEN(bids); to++) {
            struct buf expected = {0};
            for (size_t i = from; i <= to; i++)
                buf_printf(&expected, "%s%d.%d:a*1", i > from ? " " : "", (int)(i / 3 + 1),
                           (int)(i % 3));
            lab_read(lab, from ? bids[from - 1] : 0, bids[to], &seen);
            assert_string_equal(buf_cstr(&seen), buf_cstr(&expected));
            buf_release(&expected);
        }
    }
    lab_read(lab, bids[8], 0, &seen);
    assert_string_equal(buf_cstr(&seen), "");
    buf_release(&seen);
}

static void reader__follows_a_growing_dataset(void **state) {
    struct lab *lab = *state;
    struct lake_reader *r = open_reader(lab, 0, 0);
    assert_drain(r, lab, "");
    lab_append(lab, "a", 1);
    assert_drain(r, lab, "1.0:a*1");
    assert_drain(r, lab, "");
    lab_append(lab, "b", 2);
    lab->now_ms += HOUR_MS;
    lab_append(lab, "c", 3);
    assert_drain(r, lab, "1.1:b*2 2.0:c*3");
    lab->now_ms += HOUR_MS;
    lab_append(lab, "d", 1);
    assert_drain(r, lab, "3.0:d*1");
    lake_reader_close(r);
}

static void reader__goes_no_further_than_upto_until_it_moves(void **state) {
    struct lab *lab = *state;
    uint64_t a = lab_append_synced(lab, "a", 1), b = lab_append_synced(lab, "b", 1);
    lab->now_ms += HOUR_MS;
    uint64_t c = lab_append_synced(lab, "c", 1);
    struct lake_reader *r = open_reader(lab, 0, a);
    assert_drain(r, lab, "1.0:a*1");
    lake_reader_set_upto(r, b);
    assert_drain(r, lab, "1.1:b*1");
    lake_reader_set_upto(r, c);
    assert_drain(r, lab, "2.0:c*1");
    lake_reader_close(r);
}

/* Half a block is what a reader may see while the writer writes. */
static void reader__takes_half_a_block_at_the_end_for_the_end(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, whole = {0};
    lab_append_synced(lab, "a", 2);
    lab_path(lab, 1, &path);
    load_file(buf_cstr(&path), &whole);
    size_t end = whole.len;
    lab_append_synced(lab, "b", 2);
    load_file(buf_cstr(&path), &whole);
    for (size_t n = end; n < whole.len; n++) {
        store_file(buf_cstr(&path), str_of(whole.ptr, n));
        struct lake_reader *r = open_reader(lab, 0, 0);
        assert_drain(r, lab, "1.0:a*2");
        store_file(buf_cstr(&path), buf_str(&whole));
        assert_drain(r, lab, "1.1:b*2");
        lake_reader_close(r);
    }
    buf_release(&path);
    buf_release(&whole);
}

static void reader__names_a_promised_block_that_is_missing_once(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, whole = {0};
    lab_append_synced(lab, "a", 2);
    lab_path(lab, 1, &path);
    load_file(buf_cstr(&path), &whole);
    uint64_t b = lab_append_synced(lab, "b", 2);
    store_file(buf_cstr(&path), buf_str(&whole));
    struct lake_reader *r = open_reader(lab, 0, b);
    assert_drain(r, lab, "1.0:a*2 !");
    assert_non_null(strstr(lab->err.text, "block 1"));
    assert_drain(r, lab, "");
    lake_reader_close(r);
    buf_release(&path);
    buf_release(&whole);
}

static void reader__torn_end_of_a_closed_segment_is_damage(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, whole = {0};
    lab_append_synced(lab, "a", 1);
    lab_append_synced(lab, "b", 1);
    lab_path(lab, 1, &path);
    lab->now_ms += HOUR_MS;
    lab_append_synced(lab, "c", 1);
    load_file(buf_cstr(&path), &whole);
    store_file(buf_cstr(&path), str_of(whole.ptr, whole.len - 1));
    assert_lake(lab, "1.0:a*1 ! 2.0:c*1");
    assert_non_null(strstr(lab->err.text, "12-00000001.avro: block 1"));
    buf_release(&path);
    buf_release(&whole);
}

/* --- damage -------------------------------------------------------------------------------- */

/* Five blocks; where each begins. */
struct five {
    struct buf path, bytes;
    size_t start[6];
};

static void five_blocks(struct lab *lab, struct five *ret) {
    static const char *const tags[] = {"a", "b", "c", "d", "e"};
    struct avro_header header;
    *ret = (struct five){0};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        lab_append_synced(lab, tags[i], 4);
        lab_path(lab, 1, &ret->path);
        load_file(buf_cstr(&ret->path), &ret->bytes);
        ret->start[i + 1] = ret->bytes.len;
    }
    assert_ok(avro_header_decode(buf_str(&ret->bytes), &header, &lab->err), lab->err);
    ret->start[0] = header.size;
}

static void five_release(struct five *five) {
    buf_release(&five->path);
    buf_release(&five->bytes);
}

static void reader__block_with_a_flipped_bit_is_named_and_the_rest_is_read(void **state) {
    struct lab *lab = *state;
    struct five five;
    five_blocks(lab, &five);
    for (size_t at = five.start[2]; at < five.start[3]; at++) {
        five.bytes.ptr[at] ^= 1;
        store_file(buf_cstr(&five.path), buf_str(&five.bytes));
        lab->err.text[0] = '\0';
        assert_lake(lab, "1.0:a*4 1.1:b*4 ! 1.3:d*4 1.4:e*4");
        assert_non_null(strstr(lab->err.text, "12-00000001.avro: block 2"));
        five.bytes.ptr[at] ^= 1;
    }
    five_release(&five);
}

static void reader__header_with_a_flipped_bit_is_named_and_all_blocks_are_read(void **state) {
    struct lab *lab = *state;
    struct five five;
    five_blocks(lab, &five);
    for (size_t at = 0; at < five.start[0] - AVRO_MARKER_BYTES; at += 7) {
        five.bytes.ptr[at] ^= 1;
        store_file(buf_cstr(&five.path), buf_str(&five.bytes));
        struct buf seen = {0};
        lab_read(lab, 0, 0, &seen);
        /* A metadata key nobody needs may change without harm. */
        const char *blocks = strstr(buf_cstr(&seen), "1.0:");
        assert_non_null(blocks);
        assert_string_equal(blocks, "1.0:a*4 1.1:b*4 1.2:c*4 1.3:d*4 1.4:e*4");
        five.bytes.ptr[at] ^= 1;
        buf_release(&seen);
    }
    five_release(&five);
}

static void reader__zeroed_front_loses_what_lay_in_it_and_no_number(void **state) {
    struct lab *lab = *state;
    struct five five;
    five_blocks(lab, &five);
    memset(five.bytes.ptr, 0, five.start[1] + 3);
    store_file(buf_cstr(&five.path), buf_str(&five.bytes));
    assert_lake(lab, "! 1.2:c*4 1.3:d*4 1.4:e*4");
    five_release(&five);
}

static void reader__zeroed_stretch_over_two_blocks_is_reported_once(void **state) {
    struct lab *lab = *state;
    struct five five;
    five_blocks(lab, &five);
    memset(five.bytes.ptr + five.start[1], 0, five.start[3] - five.start[1]);
    store_file(buf_cstr(&five.path), buf_str(&five.bytes));
    assert_lake(lab, "1.0:a*4 ! 1.3:d*4 1.4:e*4");
    assert_non_null(strstr(lab->err.text, "blocks 1 to 2"));
    five_release(&five);
}

static void reader__blocks_cut_out_are_missed(void **state) {
    struct lab *lab = *state;
    struct five five;
    five_blocks(lab, &five);
    memmove(five.bytes.ptr + five.start[1], five.bytes.ptr + five.start[3],
            five.bytes.len - five.start[3]);
    five.bytes.len -= five.start[3] - five.start[1];
    store_file(buf_cstr(&five.path), buf_str(&five.bytes));
    assert_lake(lab, "1.0:a*4 ! 1.3:d*4 1.4:e*4");
    assert_non_null(strstr(lab->err.text, "missing"));
    five_release(&five);
}

static void reader__block_copied_to_another_place_is_not_read_twice(void **state) {
    struct lab *lab = *state;
    struct five five;
    struct buf doubled = {0};
    five_blocks(lab, &five);
    buf_add(&doubled, five.bytes.ptr, five.start[2]);
    buf_add(&doubled, five.bytes.ptr + five.start[1], five.start[2] - five.start[1]);
    buf_add(&doubled, five.bytes.ptr + five.start[2], five.bytes.len - five.start[2]);
    store_file(buf_cstr(&five.path), buf_str(&doubled));
    assert_lake(lab, "1.0:a*4 1.1:b*4 ! 1.2:c*4 1.3:d*4 1.4:e*4");
    buf_release(&doubled);
    five_release(&five);
}

static void reader__damage_before_after_is_not_reported(void **state) {
    struct lab *lab = *state;
    struct five five;
    struct buf seen = {0};
    five_blocks(lab, &five);
    memset(five.bytes.ptr + five.start[1], 0, five.start[2] - five.start[1]);
    store_file(buf_cstr(&five.path), buf_str(&five.bytes));
    lab_read(lab, bid_make(DATASET_LOGS, 1, 2), 0, &seen);
    assert_string_equal(buf_cstr(&seen), "1.3:d*4 1.4:e*4");
    buf_release(&seen);
    five_release(&five);
}

/* Any stretch overwritten with anything: every block outside of it is read under its number, none
 * twice, and nothing that was not written. */
static void reader__any_damage_costs_only_the_blocks_it_touches(void **state) {
    struct lab *lab = *state;
    uint64_t seed = unit_seed();
    struct five five;
    struct buf broken = {0}, seen = {0}, expected = {0};
    five_blocks(lab, &five);
    lab->now_ms += HOUR_MS;
    lab_append_synced(lab, "z", 1);
    for (int round = 0; round < 3000; round++) {
        size_t at = random_below(&seed, five.bytes.len);
        size_t n = 1 + random_below(&seed, random_below(&seed, 2) ? 8 : 200);
        n = min_size(n, five.bytes.len - at);
        buf_clear(&broken);
        buf_add_str(&broken, buf_str(&five.bytes));
        bool zero = random_below(&seed, 3) == 0;
        for (size_t i = 0; i < n; i++)
            broken.ptr[at + i] = zero ? 0 : (char)random_next(&seed);
        store_file(buf_cstr(&five.path), buf_str(&broken));
        lab_read(lab, 0, 0, &seen);
        buf_clear(&expected);
        for (size_t i = 0; i < 5; i++) {
            bool touched = memcmp(broken.ptr + five.start[i], five.bytes.ptr + five.start[i],
                                  five.start[i + 1] - five.start[i]) != 0;
            char block[16];
            snprintf(block, sizeof block, "1.%zu:%c*4", i, "abcde"[i]);
            const char *hit = strstr(buf_cstr(&seen), block);
            if (!touched && hit == NULL)
                fail_msg("block %zu is lost: bytes %zu to %zu broken, seen: %s", i, at, at + n,
                         buf_cstr(&seen));
            if (hit != NULL && strstr(hit + 1, block) != NULL)
                fail_msg("block %zu twice: %s", i, buf_cstr(&seen));
            if (touched && strchr(buf_cstr(&seen), '!') == NULL)
                fail_msg("damage at %zu not reported: %s", at, buf_cstr(&seen));
        }
        assert_non_null(strstr(buf_cstr(&seen), "2.0:z*1"));
    }
    buf_release(&broken);
    buf_release(&seen);
    buf_release(&expected);
    five_release(&five);
}

/* --- other tools --------------------------------------------------------------------------- */

static void file__is_read_by_avrocat_with_the_same_bodies(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, command = {0}, expected = {0}, got = {0};
    char line[1000];
    if (system("command -v avrocat >/dev/null") != 0) {
        print_message("skipped: no avrocat (Debian package avro-bin)\n");
        skip();
    }
    for (size_t i = 0; i < 30; i++) {
        char tag[8];
        snprintf(tag, sizeof tag, "t%zu", i);
        lab_append_synced(lab, tag, i % 7); /* some of them empty */
        for (size_t k = 0; k < i % 7; k++)
            buf_printf(&expected, "%s %zu\n", tag, k);
        if (i % 7 == 0)
            buf_add_cstr(&expected, "\n"); /* the placeholder of an emptied block */
    }
    lab_path(lab, 1, &path);
    buf_printf(&command, "avrocat %s", buf_cstr(&path));
    FILE *f = popen(buf_cstr(&command), "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        const char *body = strstr(line, "\"body\": \""), *end;
        assert_non_null(body);
        body += strlen("\"body\": \"");
        assert_non_null(end = strchr(body, '"'));
        buf_printf(&got, "%.*s\n", (int)(end - body), body);
    }
    assert_int_equal(pclose(f), 0);
    assert_string_equal(buf_cstr(&got), buf_cstr(&expected));
    buf_release(&path);
    buf_release(&command);
    buf_release(&expected);
    buf_release(&got);
}

#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
UNIT_MAIN(lab_test(reader__gives_only_what_is_behind_after_and_up_to_upto),
          lab_test(reader__follows_a_growing_dataset),
          lab_test(reader__goes_no_further_than_upto_until_it_moves),
          lab_test(reader__takes_half_a_block_at_the_end_for_the_end),
          lab_test(reader__names_a_promised_block_that_is_missing_once),
          lab_test(reader__torn_end_of_a_closed_segment_is_damage),
          lab_test(reader__block_with_a_flipped_bit_is_named_and_the_rest_is_read),
          lab_test(reader__header_with_a_flipped_bit_is_named_and_all_blocks_are_read),
          lab_test(reader__zeroed_front_loses_what_lay_in_it_and_no_number),
          lab_test(reader__zeroed_stretch_over_two_blocks_is_reported_once),
          lab_test(reader__blocks_cut_out_are_missed),
          lab_test(reader__block_copied_to_another_place_is_not_read_twice),
          lab_test(reader__damage_before_after_is_not_reported),
          lab_test(reader__any_damage_costs_only_the_blocks_it_touches),
          lab_test(file__is_read_by_avrocat_with_the_same_bodies))

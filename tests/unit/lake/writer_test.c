#include "fixture.h"

#include "base/fs.h"
#include "base/limits.h"
#include "lake/segment.h"
#include <dirent.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stands before the C library's: a disk that refuses to sync. */
static bool sync_fails;
static int syncs;
int fdatasync(int fd) {
    syncs++;
    if (sync_fails) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static int setup(void **state) {
    struct lab *lab = lab_new();
    sync_fails = false;
    lab_open(lab);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    sync_fails = false;
    lab_free(*state);
    return 0;
}

static void writer__empty_dataset_has_no_blocks_and_no_files(void **state) {
    struct lab *lab = *state;
    assert_int_equal(lake_writer_last(lab->writer), 0);
    assert_int_equal(lab_count_segments(lab), 0);
    assert_lake(lab, "");
}

static void writer__block_is_durable_after_sync_only(void **state) {
    struct lab *lab = *state;
    uint64_t bid = lab_append(lab, "a", 2);
    assert_int_equal(bid, bid_make(DATASET_LOGS, 1, 0));
    assert_int_equal(lake_writer_last(lab->writer), bid);
    assert_int_equal(lake_writer_durable(lab->writer), 0);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    assert_int_equal(lake_writer_durable(lab->writer), bid);
}

static void writer__at_most_one_block_is_in_flight(void **state) {
    struct lab *lab = *state;
    uint64_t first = lab_append(lab, "a", 1);
    lab_append(lab, "b", 1);
    assert_int_equal(lake_writer_durable(lab->writer), first);
}

static void writer__path_is_the_hour_of_arrival(void **state) {
    struct lab *lab = *state;
    lab_append_synced(lab, "a", 1);
    struct buf path = {0};
    lab_path(lab, 1, &path);
    assert_string_equal(buf_cstr(&path) + strlen(lab->root), "/logs/2015/05/17/12-00000001.avro");
    buf_release(&path);
}

static void writer__reopening_goes_on_in_the_same_segment(void **state) {
    struct lab *lab = *state;
    lab_append_synced(lab, "a", 2);
    lab_open(lab);
    assert_int_equal(lab->cut, 0);
    assert_int_equal(lake_writer_last(lab->writer), bid_make(DATASET_LOGS, 1, 0));
    assert_int_equal(lab_append_synced(lab, "b", 1), bid_make(DATASET_LOGS, 1, 1));
    assert_lake(lab, "1.0:a*2 1.1:b*1");
}

static void
writer__whole_block_that_was_not_synced_is_kept_and_durable_after_reopening(void **state) {
    struct lab *lab = *state;
    uint64_t bid = lab_append(lab, "a", 1);
    lab_open(lab);
    assert_int_equal(lake_writer_durable(lab->writer), bid);
    assert_lake(lab, "1.0:a*1");
}

/* For each place in the last block: `tear` the file there, reopen, append. */
static void tear_everywhere(struct lab *lab, void (*tear)(struct buf *bytes, size_t at)) {
    struct buf path = {0}, whole = {0}, torn = {0};
    struct stat st;
    lab_append_synced(lab, "a", 3);
    lab_append_synced(lab, "b", 2);
    lab_path(lab, 1, &path);
    stat(buf_cstr(&path), &st);
    size_t end = (size_t)st.st_size;
    lab_append_synced(lab, "c", 4);
    load_file(buf_cstr(&path), &whole);
    for (size_t at = end; at < whole.len; at++) {
        buf_clear(&torn);
        buf_add_str(&torn, buf_str(&whole));
        tear(&torn, at);
        if (str_eq(buf_str(&torn), buf_str(&whole)))
            continue; /* the marker happens to end with zeros */
        store_file(buf_cstr(&path), buf_str(&torn));
        lab_open(lab);
        assert_int_equal(lab->cut, torn.len - end);
        assert_int_equal(lake_writer_last(lab->writer), bid_make(DATASET_LOGS, 1, 1));
        assert_lake(lab, "1.0:a*3 1.1:b*2");
        uint64_t bid = lab_append_synced(lab, "d", 1);
        lab_append_synced(lab, "e", 1);
        /* A number that a cut block may have had is not given again. */
        if (torn.len > end) {
            assert_int_equal(bid, bid_make(DATASET_LOGS, 2, 0));
            assert_lake(lab, "1.0:a*3 1.1:b*2 2.0:d*1 2.1:e*1");
            struct buf second = {0};
            lab_path(lab, 2, &second);
            lake_writer_close(lab->writer);
            lab->writer = NULL;
            assert_int_equal(unlink(buf_cstr(&second)), 0);
            buf_release(&second);
        } else {
            assert_lake(lab, "1.0:a*3 1.1:b*2 1.2:d*1 1.3:e*1");
        }
    }
    buf_release(&path);
    buf_release(&whole);
    buf_release(&torn);
}

static void truncate_at(struct buf *bytes, size_t at) { bytes->len = at; }
/* What a file system leaves when the size reached the disk and the pages did not. */
static void zero_from(struct buf *bytes, size_t at) { memset(bytes->ptr + at, 0, bytes->len - at); }

static void writer__tail_torn_at_any_byte_is_cut_and_appending_goes_on(void **state) {
    tear_everywhere(*state, truncate_at);
}

static void writer__tail_zeroed_from_any_byte_is_cut_and_appending_goes_on(void **state) {
    struct lab *lab = *state;
    tear_everywhere(lab, zero_from);
}

static void writer__torn_header_at_any_byte_is_removed(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, whole = {0};
    lab_append_synced(lab, "a", 1);
    lab->now_ms += HOUR_MS;
    lab_append_synced(lab, "b", 1);
    lab_path(lab, 2, &path);
    load_file(buf_cstr(&path), &whole);
    struct avro_header header;
    assert_ok(avro_header_decode(buf_str(&whole), &header, &lab->err), lab->err);
    for (size_t at = 0; at < header.size; at += at < 40 || at > header.size - 40 ? 1 : 13) {
        store_file(buf_cstr(&path), str_of(whole.ptr, at));
        assert_lake(lab, "1.0:a*1");
        lab_open(lab);
        assert_int_equal(lab->cut, at);
        assert_false(fs_exists(buf_cstr(&path)));
        assert_int_equal(lake_writer_last(lab->writer), bid_make(DATASET_LOGS, 1, 0));
        lab_append_synced(lab, "c", 1);
        assert_lake(lab, "1.0:a*1 2.0:c*1");
    }
    buf_release(&path);
    buf_release(&whole);
}

static void writer__segment_with_a_header_only_takes_blocks(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, whole = {0};
    struct avro_header header;
    lab_append_synced(lab, "a", 1);
    lab->now_ms += HOUR_MS;
    lab_append_synced(lab, "b", 1);
    lab_path(lab, 2, &path);
    load_file(buf_cstr(&path), &whole);
    assert_ok(avro_header_decode(buf_str(&whole), &header, &lab->err), lab->err);
    store_file(buf_cstr(&path), str_of(whole.ptr, header.size));
    lab_open(lab);
    assert_int_equal(lake_writer_last(lab->writer), bid_make(DATASET_LOGS, 1, 0));
    lab_append_synced(lab, "c", 1);
    assert_lake(lab, "1.0:a*1 2.0:c*1");
    buf_release(&path);
    buf_release(&whole);
}

static void writer__damaged_newest_segment_is_left_alone_and_a_new_one_begun(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, whole = {0}, after = {0};
    lab_append_synced(lab, "a", 3);
    lab_path(lab, 1, &path);
    load_file(buf_cstr(&path), &whole);
    size_t end = whole.len;
    lab_append_synced(lab, "b", 3);
    lab_append_synced(lab, "c", 3);
    load_file(buf_cstr(&path), &whole);
    memset(whole.ptr + end, 0, 5); /* the frame of block 1 */
    store_file(buf_cstr(&path), buf_str(&whole));
    lab_open(lab);
    assert_int_equal(lab->cut, 0);
    assert_int_equal(lake_writer_last(lab->writer), bid_make(DATASET_LOGS, 1, 2));
    assert_int_equal(lab_append_synced(lab, "d", 1), bid_make(DATASET_LOGS, 2, 0));
    load_file(buf_cstr(&path), &after);
    assert_true(str_eq(buf_str(&whole), buf_str(&after)));
    assert_lake(lab, "1.0:a*3 ! 1.2:c*3 2.0:d*1");
    buf_release(&path);
    buf_release(&whole);
    buf_release(&after);
}

static void writer__tail_longer_than_a_block_is_no_torn_one_and_stays(void **state) {
    struct lab *lab = *state;
    struct buf path = {0};
    struct stat st;
    const off_t size = (off_t)(2 * LIMIT_BLOCK_BYTES);
    lab_append_synced(lab, "a", 1);
    lab_path(lab, 1, &path);
    assert_int_equal(truncate(buf_cstr(&path), size), 0);
    lab_open(lab);
    assert_int_equal(lab->cut, 0);
    assert_int_equal(stat(buf_cstr(&path), &st), 0);
    assert_int_equal(st.st_size, size);
    assert_int_equal(lab_append_synced(lab, "b", 1), bid_make(DATASET_LOGS, 2, 0));
    assert_lake(lab, "1.0:a*1 ! 2.0:b*1");
    buf_release(&path);
}

static void writer__new_hour_begins_a_new_segment(void **state) {
    struct lab *lab = *state;
    lab_append(lab, "a", 1);
    lab->now_ms += HOUR_MS - 1;
    uint64_t second = lab_append(lab, "b", 1);
    lab->now_ms += 1;
    assert_int_equal(lab_append(lab, "c", 1), bid_make(DATASET_LOGS, 2, 0));
    assert_int_equal(lake_writer_durable(lab->writer), second); /* synced before the new one */
    assert_int_equal(lab_count_segments(lab), 2);
    assert_lake(lab, "1.0:a*1 1.1:b*1 2.0:c*1");
}

static void writer__ids_grow_when_the_clock_jumps_back(void **state) {
    struct lab *lab = *state;
    uint64_t last = 0;
    for (int i = 0; i < 6; i++) {
        uint64_t bid = lab_append_synced(lab, "a", 1);
        assert_true(bid > last);
        last = bid;
        lab->now_ms -= 26 * HOUR_MS;
        if (i % 2)
            lab_open(lab);
        assert_int_equal(lake_writer_last(lab->writer), last);
    }
    assert_lake(lab, "1.0:a*1 2.0:a*1 3.0:a*1 4.0:a*1 5.0:a*1 6.0:a*1");
}

/* Make the segment as big as wanted without writing much: blocks whose payload is a hole in the
 * file; recovery does not unpack those. The last block is a copy of the first. */
static void blow_up(const char *path, uint64_t size) {
    struct buf bytes = {0};
    struct avro_header header;
    char frame[AVRO_FRAME_MAX];
    load_file(path, &bytes);
    assert_int_equal(avro_header_decode(buf_str(&bytes), &header, NULL), 0);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    const long hole = 16 << 20;
    while ((uint64_t)ftell(f) < size) {
        char *end = avro_put_long(avro_put_long(frame, 1), hole);
        fwrite(frame, 1, (size_t)(end - frame), f);
        fseek(f, hole, SEEK_CUR);
        fwrite(header.marker, 1, sizeof header.marker, f);
    }
    fwrite(bytes.ptr + header.size, 1, bytes.len - header.size, f);
    assert_int_equal(fclose(f), 0);
    buf_release(&bytes);
}

static void writer__segment_over_the_limit_is_closed(void **state) {
    struct lab *lab = *state;
    struct buf path = {0};
    lab_append_synced(lab, "a", 1);
    lab_path(lab, 1, &path);
    blow_up(buf_cstr(&path), LIMIT_SEGMENT_BYTES);
    lab_open(lab);
    assert_int_equal(bid_segment(lake_writer_last(lab->writer)), 1);
    assert_int_equal(lab_append_synced(lab, "b", 1), bid_make(DATASET_LOGS, 2, 0));
    buf_release(&path);
}

static void writer__empty_block_keeps_its_place(void **state) {
    struct lab *lab = *state;
    lab_append(lab, "a", 1);
    assert_int_equal(lab_append(lab, "", 0), bid_make(DATASET_LOGS, 1, 1));
    lab_append_synced(lab, "b", 2);
    assert_lake(lab, "1.0:a*1 1.1:empty 1.2:b*2");
}

static void writer__batch_at_the_limit_is_taken_and_one_above_is_refused(void **state) {
    struct lab *lab = *state;
    char *body = xcalloc(1, LIMIT_BLOCK_BYTES + 1);
    struct record r = {.body = str_of(body, LIMIT_BLOCK_BYTES - LAKE_RECORD_OVERHEAD + 1)};
    uint64_t bid, written = lake_writer_bytes(lab->writer);
    assert_int_equal(lake_writer_append(lab->writer, (struct record_batch){&r, 1}, &bid, &lab->err),
                     ERR_TOOBIG);
    assert_int_equal(lake_writer_bytes(lab->writer), written);
    assert_int_equal(lab_count_segments(lab), 0);
    r.body.len--;
    assert_ok(lake_writer_append(lab->writer, (struct record_batch){&r, 1}, &bid, &lab->err),
              lab->err);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    struct lake_reader *reader;
    struct lake_block block;
    assert_ok(lake_reader_open(lab->root, DATASET_LOGS, 0, 0, &reader, &lab->err), lab->err);
    assert_int_equal(lake_reader_next(reader, &block, &lab->err), 1);
    assert_int_equal(block.records[0].body.len, r.body.len);
    lake_reader_close(reader);
    free(body);
}

static void writer__batch_of_too_many_records_is_refused(void **state) {
    struct lab *lab = *state;
    uint64_t bid;
    struct record_batch batch = {NULL, LIMIT_BLOCK_RECORDS + 1}; /* refused before it is read */
    assert_int_equal(lake_writer_append(lab->writer, batch, &bid, &lab->err), ERR_TOOBIG);
    lab_append_synced(lab, "a", 1);
    assert_lake(lab, "1.0:a*1");
}

static void writer__failed_sync_closes_it_for_good_and_takes_the_block_back(void **state) {
    struct lab *lab = *state;
    uint64_t durable = lab_append_synced(lab, "a", 1), bid;
    lab_append(lab, "b", 1);
    sync_fails = true;
    assert_int_equal(lake_writer_sync(lab->writer, &lab->err), ERR_IO);
    sync_fails = false;
    syncs = 0;
    struct record_batch none = {0};
    assert_int_equal(lake_writer_sync(lab->writer, &lab->err), ERR_IO);
    assert_int_equal(lake_writer_append(lab->writer, none, &bid, &lab->err), ERR_IO);
    assert_int_equal(syncs, 0);
    assert_int_equal(lake_writer_durable(lab->writer), durable);
    assert_int_equal(lake_writer_last(lab->writer), durable);
    assert_lake(lab, "1.0:a*1");
    lab_open(lab);
    lab_append_synced(lab, "c", 1);
    assert_lake(lab, "1.0:a*1 1.1:c*1");
}

static void fill_until_no_space(struct lab *lab, uint64_t *seed, uint64_t *ret_durable) {
    char noise[3000];
    struct record r = {.body = str_of(noise, sizeof noise), .type = STR("combined")};
    for (;;) {
        uint64_t bid;
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (char)random_next(seed);
        int rc = lake_writer_append(lab->writer, (struct record_batch){&r, 1}, &bid, &lab->err);
        if (rc == 0)
            rc = lake_writer_sync(lab->writer, &lab->err);
        *ret_durable = lake_writer_durable(lab->writer);
        if (rc == 0)
            continue;
        assert_int_equal(rc, ERR_NOSPACE);
        return;
    }
}

static void count_blocks(struct lab *lab, uint64_t *ret_last, size_t *ret_blocks) {
    struct lake_reader *r;
    struct lake_block block;
    int rc;
    assert_ok(lake_reader_open(lab->root, DATASET_LOGS, 0, 0, &r, &lab->err), lab->err);
    for (*ret_blocks = 0; (rc = lake_reader_next(r, &block, &lab->err)) == 1; ++*ret_blocks)
        *ret_last = block.bid;
    assert_ok(rc, lab->err);
    lake_reader_close(r);
}

static void writer__full_disk_loses_nothing_durable_and_goes_on_with_room(void **state) {
    struct lab *lab = *state;
    uint64_t seed = unit_seed(), durable, last = 0;
    size_t blocks;
    if (mount("lake", lab->root, "tmpfs", 0, "size=256k") < 0) {
        print_message("skipped: cannot mount a small tmpfs: %s\n", strerror(errno));
        skip();
    }
    lab_open(lab);
    fill_until_no_space(lab, &seed, &durable);
    count_blocks(lab, &last, &blocks);
    bool exact = last == durable && blocks == bid_block(durable) + 1;
    int remounted = mount("lake", lab->root, "tmpfs", MS_REMOUNT, "size=4m");
    lab_open(lab);
    uint64_t next = lab_append_synced(lab, "a", 1), cut = lab->cut;
    count_blocks(lab, &last, &blocks);
    lake_writer_close(lab->writer);
    lab->writer = NULL;
    umount2(lab->root, MNT_DETACH);
    assert_true(exact);
    assert_int_equal(remounted, 0);
    assert_int_equal(cut, 0); /* the failed writer took its part back itself */
    assert_int_equal(next, durable + 1);
    assert_int_equal(blocks, bid_block(next) + 1);
}

static void writer__dataset_without_a_schema_is_refused(void **state) {
    struct lab *lab = *state;
    struct lake_writer *w;
    assert_int_equal(lake_writer_open(lab->root, DATASET_POINTS, &lab->clock, &w, NULL, &lab->err),
                     ERR_USAGE);
}

static void writer__two_segments_of_one_number_are_refused_by_name(void **state) {
    struct lab *lab = *state;
    struct buf path = {0}, other = {0};
    lab_append_synced(lab, "a", 1);
    lab_path(lab, 1, &path);
    buf_printf(&other, "%s/logs/2015/05/17/13-1.avro", lab->root);
    store_file(buf_cstr(&other), STR("x"));
    struct lake_writer *w;
    assert_int_equal(lake_writer_open(lab->root, DATASET_LOGS, &lab->clock, &w, NULL, &lab->err),
                     ERR_CORRUPT);
    assert_non_null(strstr(lab->err.text, "13-1.avro"));
    buf_release(&path);
    buf_release(&other);
}

#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
UNIT_MAIN(lab_test(writer__empty_dataset_has_no_blocks_and_no_files),
          lab_test(writer__block_is_durable_after_sync_only),
          lab_test(writer__at_most_one_block_is_in_flight),
          lab_test(writer__path_is_the_hour_of_arrival),
          lab_test(writer__reopening_goes_on_in_the_same_segment),
          lab_test(writer__whole_block_that_was_not_synced_is_kept_and_durable_after_reopening),
          lab_test(writer__tail_torn_at_any_byte_is_cut_and_appending_goes_on),
          lab_test(writer__tail_zeroed_from_any_byte_is_cut_and_appending_goes_on),
          lab_test(writer__torn_header_at_any_byte_is_removed),
          lab_test(writer__segment_with_a_header_only_takes_blocks),
          lab_test(writer__damaged_newest_segment_is_left_alone_and_a_new_one_begun),
          lab_test(writer__tail_longer_than_a_block_is_no_torn_one_and_stays),
          lab_test(writer__new_hour_begins_a_new_segment),
          lab_test(writer__ids_grow_when_the_clock_jumps_back),
          lab_test(writer__segment_over_the_limit_is_closed),
          lab_test(writer__empty_block_keeps_its_place),
          lab_test(writer__batch_at_the_limit_is_taken_and_one_above_is_refused),
          lab_test(writer__batch_of_too_many_records_is_refused),
          lab_test(writer__failed_sync_closes_it_for_good_and_takes_the_block_back),
          lab_test(writer__full_disk_loses_nothing_durable_and_goes_on_with_room),
          lab_test(writer__dataset_without_a_schema_is_refused),
          lab_test(writer__two_segments_of_one_number_are_refused_by_name))

#include "fixture.h"

#include "base/fs.h"
#include "lake/segment.h"
#include <ftw.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t lab_now(void *arg) { return ((struct lab *)arg)->now_ms; }

struct lab *lab_new(void) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    snprintf(lab->root, sizeof lab->root, "/tmp/cask-lake-XXXXXX");
    assert_non_null(mkdtemp(lab->root));
    lab->now_ms = NOON;
    lab->clock = (struct clock){lab_now, lab};
    return lab;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    UNUSED(st), UNUSED(type), UNUSED(ftw);
    return remove(path);
}

void lab_free(struct lab *lab) {
    lake_writer_close(lab->writer);
    nftw(lab->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(lab);
}

void lab_open(struct lab *lab) {
    lake_writer_close(lab->writer);
    lab->writer = NULL;
    assert_ok(
        lake_writer_open(lab->root, DATASET_LOGS, &lab->clock, &lab->writer, &lab->cut, &lab->err),
        lab->err);
}

uint64_t lab_append(struct lab *lab, const char *tag, size_t n) {
    char bodies[64][32];
    struct record records[64];
    uint64_t bid = 0;
    assert_true(n <= ARRAY_LEN(records));
    for (size_t i = 0; i < n; i++) {
        snprintf(bodies[i], sizeof bodies[i], "%s %zu", tag, i);
        records[i] = (struct record){.ts_ms = lab->now_ms + (int64_t)i,
                                     .body = str_from(bodies[i]),
                                     .type = STR("combined"),
                                     .site = STR("example.org"),
                                     .source = STR("test")};
    }
    assert_ok(lake_writer_append(lab->writer, (struct record_batch){records, n}, &bid, &lab->err),
              lab->err);
    return bid;
}

uint64_t lab_append_synced(struct lab *lab, const char *tag, size_t n) {
    uint64_t bid = lab_append(lab, tag, n);
    assert_ok(lake_writer_sync(lab->writer, &lab->err), lab->err);
    return bid;
}

void lab_path(struct lab *lab, uint64_t segment, struct buf *ret) {
    struct segment_names names;
    assert_ok(segment_list(lab->root, DATASET_LOGS, segment, &names, &lab->err), lab->err);
    assert_true(names.len > 0);
    buf_clear(ret);
    buf_printf(ret, "%s/%s", lab->root, names.items[0].path);
    segment_names_release(&names);
}

size_t lab_count_segments(struct lab *lab) {
    struct segment_names names;
    assert_ok(segment_list(lab->root, DATASET_LOGS, 1, &names, &lab->err), lab->err);
    size_t n = names.len;
    segment_names_release(&names);
    return n;
}

void load_file(const char *path, struct buf *ret) {
    struct err err = {0};
    buf_clear(ret);
    assert_ok(fs_read_file(path, (size_t)1 << 30, ret, &err), err);
}

void store_file(const char *path, struct str bytes) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static void describe(const struct lake_block *block, struct buf *ret) {
    buf_printf(ret, "%s%d.%d:", ret->len ? " " : "", (int)bid_segment(block->bid),
               (int)bid_block(block->bid));
    if (block->len == 0) {
        buf_add_cstr(ret, "empty");
        return;
    }
    size_t end = 0;
    struct str tag = block->records[0].body;
    assert_true(str_find(tag, ' ', &end));
    tag.len = end;
    for (size_t i = 0; i < block->len; i++) {
        char body[64];
        snprintf(body, sizeof body, STR_FMT " %zu", STR_ARG(tag), i);
        assert_str(block->records[i].body, body);
        assert_str(block->records[i].type, "combined");
        assert_str(block->records[i].source, "test");
    }
    buf_printf(ret, STR_FMT "*%zu", STR_ARG(tag), block->len);
}

void drain(struct lake_reader *r, struct buf *ret, struct err *err) {
    struct lake_block block;
    buf_clear(ret);
    for (int rc; (rc = lake_reader_next(r, &block, err)) != 0;) {
        if (rc == 1)
            describe(&block, ret);
        else if (rc == ERR_CORRUPT)
            buf_add_cstr(ret, ret->len ? " !" : "!");
        else
            fail_msg("%s", err->text);
    }
}

void lab_read(struct lab *lab, uint64_t after, uint64_t upto, struct buf *ret) {
    struct lake_reader *r;
    assert_ok(lake_reader_open(lab->root, DATASET_LOGS, after, upto, &r, &lab->err), lab->err);
    drain(r, ret, &lab->err);
    lake_reader_close(r);
}

/* splitmix64 */
uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

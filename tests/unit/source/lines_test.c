#include "source/lines.h"

#include "base/limits.h"
#include "pack.h"
#include "support/unit.h"

struct reading {
    struct input *in;
    struct lines lines;
    struct err err;
    struct line line;
};

static struct reading *open_bytes(struct str bytes) {
    struct reading *r = xcalloc(1, sizeof *r);
    const char *path = temp_path();
    write_file(path, bytes);
    assert_ok(input_open(path, NULL, &r->in, &r->err), r->err);
    lines_init(&r->lines, r->in);
    return r;
}

static void close_reading(struct reading *r) {
    lines_release(&r->lines);
    input_close(r->in);
    free(r);
}

static int next(struct reading *r) { return lines_next(&r->lines, &r->line, &r->err); }

static struct content_hash hash_of(struct str bytes) {
    struct content_hash hash;
    crypto_generichash(hash.bytes, sizeof hash.bytes, (const unsigned char *)bytes.ptr, bytes.len,
                       NULL, 0);
    return hash;
}

static void assert_hash(struct reading *r, struct str all) {
    struct content_hash expected = hash_of(str_of(all.ptr, r->lines.offset));
    struct content_hash got = lines_hash(&r->lines);
    assert_memory_equal(got.bytes, expected.bytes, sizeof got.bytes);
}

static void ends__lf_and_crlf_are_cut_and_other_cr_stay(void **state) {
    UNUSED(state);
    struct reading *r = open_bytes(STR("one\ntwo\r\nthr\ree\n\r\n\n\r\r\nlast"));
    static const char *const expected[] = {"one", "two", "thr\ree", "", "", "\r", "last"};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(next(r), 1);
        assert_str(r->line.text, expected[i]);
        assert_int_equal(r->line.open, i + 1 == ARRAY_LEN(expected));
    }
    assert_int_equal(next(r), 0);
    assert_int_equal(next(r), 0);
    close_reading(r);
}

static void empty_file__has_no_line(void **state) {
    UNUSED(state);
    struct reading *r = open_bytes(STR(""));
    assert_int_equal(next(r), 0);
    close_reading(r);
}

/* A line of n bytes without its end, then "next\n". */
static void check_length(size_t n, const char *end) {
    struct buf bytes = {0};
    buf_add_cstr(&bytes, "first\n");
    memset(buf_reserve(&bytes, n), 'x', n);
    bytes.len += n;
    buf_add_cstr(&bytes, end);
    buf_add_cstr(&bytes, "next\n");
    struct reading *r = open_bytes(buf_str(&bytes));
    assert_int_equal(next(r), 1);
    assert_int_equal(next(r), 1);
    assert_int_equal(r->line.text.len, min_size(n, LIMIT_LINE_BYTES + 1));
    assert_int_equal(r->line.length, n + strlen(end));
    for (size_t i = 0; i < r->line.text.len; i++)
        assert_int_equal(r->line.text.ptr[i], 'x');
    assert_hash(r, buf_str(&bytes));
    assert_int_equal(next(r), 1);
    assert_str(r->line.text, "next");
    assert_hash(r, buf_str(&bytes));
    assert_int_equal(next(r), 0);
    close_reading(r);
    buf_release(&bytes);
}

static void limit__a_line_at_it_is_whole_and_one_above_is_cut(void **state) {
    UNUSED(state);
    static const size_t lengths[] = {
        LIMIT_LINE_BYTES - 1, LIMIT_LINE_BYTES, LIMIT_LINE_BYTES + 1, LIMIT_LINE_BYTES + 2, 1 << 20,
        (1 << 20) + 1,        5000000};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        check_length(lengths[i], "\n");
        check_length(lengths[i], "\r\n");
    }
}

/* Whatever the place of the buffer's end in the line, it is seen the same. */
static void limit__does_not_depend_on_the_buffer(void **state) {
    UNUSED(state);
    for (size_t shift = 0; shift < 6; shift++) {
        struct buf bytes = {0};
        size_t before = ((size_t)1 << 20) - LIMIT_LINE_BYTES - shift;
        memset(buf_reserve(&bytes, before), '\n', before);
        bytes.len = before;
        memset(buf_reserve(&bytes, LIMIT_LINE_BYTES), 'y', LIMIT_LINE_BYTES);
        bytes.len += LIMIT_LINE_BYTES;
        buf_add_cstr(&bytes, "\r\nz\n");
        struct reading *r = open_bytes(buf_str(&bytes));
        for (size_t i = 0; i < before; i++)
            assert_int_equal(next(r), 1);
        assert_int_equal(next(r), 1);
        assert_int_equal(r->line.text.len, LIMIT_LINE_BYTES);
        assert_int_equal(next(r), 1);
        assert_str(r->line.text, "z");
        close_reading(r);
        buf_release(&bytes);
    }
}

static void peek__consumes_nothing(void **state) {
    UNUSED(state);
    struct str ahead;
    struct reading *r = open_bytes(STR("one\ntwo\n"));
    assert_int_equal(lines_peek(&r->lines, 5, &ahead, &r->err), 0);
    assert_str(ahead, "one\nt");
    assert_int_equal(next(r), 1);
    assert_int_equal(lines_peek(&r->lines, 500, &ahead, &r->err), 0);
    assert_str(ahead, "two\n");
    assert_int_equal(next(r), 1);
    assert_str(r->line.text, "two");
    close_reading(r);
}

static void random_bytes(uint64_t *random, size_t n, struct buf *ret) {
    static const char letters[] = "ab\r\n\nxyz";
    while (ret->len < n) {
        if (random_below(random, 200) == 0) {
            size_t run = random_below(random, 200000);
            memset(buf_reserve(ret, run), 'L', run);
            ret->len += run;
        }
        buf_add_char(ret, letters[random_below(random, 8)]);
    }
}

/* Going forward by lines or by skips, the hash and the count are those of the bytes. */
static void skip__is_the_same_as_reading(void **state) {
    UNUSED(state);
    uint64_t random = unit_seed();
    for (size_t turn = 0; turn < 30; turn++) {
        struct buf bytes = {0};
        random_bytes(&random, 1 + random_below(&random, 3000000 / (1 + turn)), &bytes);
        uint64_t n_lines = 0;
        struct reading *r = open_bytes(buf_str(&bytes));
        while (next(r) == 1)
            n_lines += r->line.text.len > 0;
        assert_int_equal(r->lines.offset, bytes.len);
        assert_hash(r, buf_str(&bytes));
        close_reading(r);

        r = open_bytes(buf_str(&bytes));
        uint64_t counted = 0;
        for (;;) {
            if (random_below(&random, 3) == 0) { /* to the end of a line, as marks are */
                const char *from = bytes.ptr + r->lines.offset;
                size_t left = bytes.len - r->lines.offset, jump = random_below(&random, left + 1);
                const char *end = jump < left ? memchr(from + jump, '\n', left - jump) : NULL;
                uint64_t passed, to = r->lines.offset + (end ? (size_t)(end - from) + 1 : left);
                assert_int_equal(lines_skip_to(&r->lines, to, &passed, &r->err), 1);
                assert_int_equal(r->lines.offset, to);
                counted += passed;
            } else if (next(r) == 1) {
                counted += r->line.text.len > 0;
            } else {
                break;
            }
            assert_hash(r, buf_str(&bytes));
        }
        assert_int_equal(counted, n_lines);
        uint64_t passed;
        assert_int_equal(lines_skip_to(&r->lines, bytes.len + 1, &passed, &r->err), 0);
        close_reading(r);
        buf_release(&bytes);
    }
}

static struct reading *open_damaged(struct str plain, size_t kept_of_second) {
    struct buf packed = {0};
    pack(PACK_GZIP, plain, &packed);
    size_t whole = packed.len;
    pack(PACK_GZIP, STR("second member\n"), &packed);
    packed.len = whole + kept_of_second;
    struct reading *r = open_bytes(buf_str(&packed));
    buf_release(&packed);
    return r;
}

static void damage__a_line_that_it_cuts_is_not_given_out(void **state) {
    UNUSED(state);
    struct str ahead;
    struct reading *r = open_damaged(STR("one\ntwo\nthr"), 5);
    assert_int_equal(lines_peek(&r->lines, 1000, &ahead, &r->err), 0);
    assert_str(ahead, "one\ntwo\nthr");
    assert_int_equal(next(r), 1);
    assert_int_equal(next(r), 1);
    assert_str(r->line.text, "two");
    assert_int_equal(next(r), ERR_CORRUPT);
    assert_int_equal(r->lines.offset, 8);
    assert_int_equal(next(r), ERR_CORRUPT);
    close_reading(r);
}

static void damage__a_long_line_that_it_cuts_is_open(void **state) {
    UNUSED(state);
    struct buf plain = {0};
    memset(buf_reserve(&plain, 3000000), 'x', 3000000);
    plain.len = 3000000;
    struct reading *r = open_damaged(buf_str(&plain), 5);
    assert_int_equal(next(r), 1);
    assert_true(r->line.open);
    assert_int_equal(r->line.text.len, LIMIT_LINE_BYTES + 1);
    assert_int_equal(r->line.length, plain.len);
    assert_int_equal(next(r), ERR_CORRUPT);
    close_reading(r);
    buf_release(&plain);
}

UNIT_MAIN(unit_test(ends__lf_and_crlf_are_cut_and_other_cr_stay),
          unit_test(empty_file__has_no_line),
          unit_test(limit__a_line_at_it_is_whole_and_one_above_is_cut),
          unit_test(limit__does_not_depend_on_the_buffer), unit_test(peek__consumes_nothing),
          unit_test(skip__is_the_same_as_reading),
          unit_test(damage__a_line_that_it_cuts_is_not_given_out),
          unit_test(damage__a_long_line_that_it_cuts_is_open))

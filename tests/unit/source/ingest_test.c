#include "source/ingest.h"

#include "base/limits.h"
#include "support/unit.h"
#include <zlib.h>
#include <zstd.h>

struct result {
    struct arena arena;
    struct ingest_records cut;
    struct err err;
    int rc;
};

static struct result cut(struct str text, const char *id, const char *line) {
    struct result r = {0};
    const struct ingest_fields fields = {.id = str_from(id), .line = str_from(line)};
    r.rc = ingest_cut(text, &fields, STR("s"), &r.arena, &r.cut, &r.err);
    return r;
}

static void result_free(struct result *r) {
    vec_free(&r->cut.items);
    arena_release(&r->arena);
}

/* `expected` are bodies parted by '|'. */
static void assert_cut(const char *text, const char *line, const char *expected) {
    struct result r = cut(str_from(text), "", line);
    assert_ok(r.rc, r.err);
    struct buf got = {0};
    for (size_t i = 0; i < r.cut.items.len; i++) {
        if (i > 0)
            buf_add_char(&got, '|');
        buf_add_str(&got, r.cut.items.items[i].body);
    }
    assert_string_equal(buf_cstr(&got), expected);
    buf_release(&got);
    result_free(&r);
}

static void lines__have_any_end_and_empty_ones_are_none(void **state) {
    UNUSED(state);
    assert_cut("", "", "");
    assert_cut("\n\r\n", "", "");
    assert_cut("a\nb", "", "a|b");
    assert_cut("a\r\n\r\nb\r\n", "", "a|b");
    assert_cut("a\rb\n \n", "", "a\rb| ");
    assert_cut("[17/May/2015:10:05:03 +0000] x\n[y", "", "[17/May/2015:10:05:03 +0000] x|[y");
}

static void objects__are_cut_wherever_they_end(void **state) {
    UNUSED(state);
    assert_cut("{\"a\":1}\n{\"b\": 2}\n", "", "{\"a\":1}|{\"b\": 2}");
    assert_cut("{\"a\":1}{\"b\": 2} {\"c\":{}}", "", "{\"a\":1}|{\"b\": 2}|{\"c\":{}}");
    assert_cut("{\"a\":\"}{\"}", "", "{\"a\":\"}{\"}");
    assert_cut("{\"a\":1}{\"b\"", "", "{\"a\":1}|{\"b\"");
    assert_cut("{\"a\":1}}{\"b\":2}", "", "{\"a\":1}|}{\"b\":2}");
    assert_cut("{\"a\":1}{\"\xff\"}{\"b\":2}", "", "{\"a\":1}|{\"\xff\"}|{\"b\":2}");
    assert_cut("{x} {y} z {}", "", "{x}|{y} z {}");
    assert_cut(" [ {\"a\" : 1 },\n \"x y\", \"\" ] ", "", "{\"a\":1}|x y");
    assert_cut("[{\"a\":\"}\\\"]{\",\"b\":[{}]},\"\\\\\"]", "",
               "{\"a\":\"}\\\"]{\",\"b\":[{}]}|\\");
    assert_cut("[]", "", "");
}

static void line__is_taken_out_of_its_field(void **state) {
    UNUSED(state);
    assert_cut("{\"m\":\"a b\\n\"}\n{\"m\":\"\"}\n{\"n\":1}\nplain", "m", "a b|{\"n\":1}|plain");
    assert_cut("[{\"m\":\"a\\\"b\"},{\"m\":7}]", "m", "a\"b|{\"m\":7}");
}

static void arrays__must_be_json(void **state) {
    UNUSED(state);
    static const char *const bad[] = {"[{\"a\":1},", "[{\"a\":1}] x", "[{\"a\":1},2]", "[\"a\",[]]",
                                      "[\"a\",]",    "[\"a\" \"b\"]", "[{\"a\":[1}]",  "[{\"a\":1]",
                                      "[\"a",        "[\"\\q\"]"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct result r = cut(str_from(bad[i]), "", "");
        assert_int_equal(r.rc, ERR_USAGE);
        assert_true(r.err.text[0] != '\0');
        result_free(&r);
    }
}

static void ids__are_texts_or_integers_of_the_source(void **state) {
    UNUSED(state);
    struct result r =
        cut(STR("{\"i\":\"7\"}\n{\"i\":7}\n{\"i\":7.5}\n{\"i\":\"\"}\n{}\nplain\n{\"i\":\"8\"}"),
            "i", "");
    assert_ok(r.rc, r.err);
    static const bool has[] = {true, true, false, false, false, false, true};
    assert_int_equal(r.cut.items.len, ARRAY_LEN(has));
    for (size_t i = 0; i < ARRAY_LEN(has); i++)
        assert_int_equal(r.cut.items.items[i].has_key, has[i]);
    struct recent_key seven = recent_key_of(STR("s"), STR("7"));
    assert_memory_equal(&r.cut.items.items[0].key, &seven, sizeof seven);
    assert_memory_equal(&r.cut.items.items[1].key, &seven, sizeof seven);
    assert_memory_not_equal(&r.cut.items.items[6].key, &seven, sizeof seven);
    result_free(&r);
}

static void long__lines_are_cut_one_above_the_limit(void **state) {
    UNUSED(state);
    struct buf text = {0};
    for (size_t n = LIMIT_LINE_BYTES; n <= LIMIT_LINE_BYTES + 2; n++) {
        buf_clear(&text);
        memset(buf_reserve(&text, n), 'x', n);
        text.len = n;
        struct result r = cut(buf_str(&text), "", "");
        assert_int_equal(r.cut.items.items[0].body.len, min_size(n, LIMIT_LINE_BYTES + 1));
        result_free(&r);
    }
    buf_release(&text);
}

static void records__are_no_more_than_a_block_takes(void **state) {
    UNUSED(state);
    static const char *const forms[][3] = {{"", "a\n", ""},
                                           {"", "{}\n", ""},
                                           {"", "{}", ""},
                                           {"[\"\"", ",{}", "]"},
                                           {"[\"\"", ",\"a\"", "]"}};
    for (size_t f = 0; f < ARRAY_LEN(forms); f++)
        for (size_t n = INGEST_RECORDS; n <= INGEST_RECORDS + 1; n++) {
            struct buf text = {0};
            buf_add_cstr(&text, forms[f][0]);
            for (size_t i = 0; i < n; i++)
                buf_add_cstr(&text, forms[f][1]);
            buf_add_cstr(&text, forms[f][2]);
            struct result r = cut(buf_str(&text), "id", "");
            assert_int_equal(r.rc, n > INGEST_RECORDS ? ERR_TOOBIG : 0);
            assert_int_equal(r.cut.items.len, INGEST_RECORDS);
            result_free(&r);
            buf_release(&text);
        }
}

/* It is not taken apart: that would need a hundred times its bytes. */
static void object__that_is_far_too_long_is_a_line(void **state) {
    UNUSED(state);
    for (size_t n = INGEST_OBJECT_BYTES; n <= INGEST_OBJECT_BYTES + 1; n++) {
        struct buf text = {0};
        buf_add_cstr(&text, "[{\"m\":\"x\",\"more\":\"");
        while (text.len < n - 1)
            buf_add_char(&text, 'y');
        buf_add_cstr(&text, "\"},\"z\"]");
        struct result r = cut(buf_str(&text), "", "m");
        assert_ok(r.rc, r.err);
        assert_int_equal(r.cut.items.len, 2);
        assert_int_equal(r.cut.items.items[0].body.len,
                         n > INGEST_OBJECT_BYTES ? LIMIT_LINE_BYTES + 1 : 1);
        assert_str(r.cut.items.items[1].body, "z");
        result_free(&r);
        buf_release(&text);
    }
}

/* However long the line is that they stand on. */
static void objects__are_limited_one_by_one(void **state) {
    UNUSED(state);
    static const char *const fields[] = {"", "m"};
    for (size_t f = 0; f < ARRAY_LEN(fields); f++)
        for (size_t n = INGEST_OBJECT_BYTES; n <= INGEST_OBJECT_BYTES + 1; n++) {
            struct buf text = {0};
            buf_add_cstr(&text, "{\"m\":\"x\"}{\"m\":\"");
            while (text.len < 9 + n - 2)
                buf_add_char(&text, 'y');
            buf_add_cstr(&text, "\"}");
            for (size_t i = 2; i < 50000; i++)
                buf_add_cstr(&text, "{\"m\":\"z\"}");
            struct result r = cut(buf_str(&text), "", fields[f]);
            assert_ok(r.rc, r.err);
            assert_int_equal(r.cut.items.len, 50000);
            assert_str(r.cut.items.items[0].body, f == 0 ? "{\"m\":\"x\"}" : "x");
            assert_int_equal(r.cut.items.items[1].body.len, LIMIT_LINE_BYTES + 1);
            assert_int_equal(*r.cut.items.items[1].body.ptr,
                             f == 0 || n > INGEST_OBJECT_BYTES ? '{' : 'y');
            assert_str(r.cut.items.items[49999].body, f == 0 ? "{\"m\":\"z\"}" : "z");
            result_free(&r);
            buf_release(&text);
        }
}

static void gzip_to(struct str bytes, struct buf *out) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes.ptr,
                  .avail_in = (unsigned)bytes.len};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, bytes.len) + 64;
    z.next_out = (unsigned char *)buf_reserve(out, room) + 0;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += room - z.avail_out;
    deflateEnd(&z);
}

static void zstd_to(struct str bytes, struct buf *out) {
    size_t room = ZSTD_compressBound(bytes.len), n;
    n = ZSTD_compress(buf_reserve(out, room), room, bytes.ptr, bytes.len, 3);
    assert_false(ZSTD_isError(n));
    out->len += n;
}

static const struct {
    const char *encoding;
    void (*pack)(struct str bytes, struct buf *out);
} packings[] = {{"gzip", gzip_to}, {"zstd", zstd_to}};

static void unpack__takes_up_to_the_limit_and_not_one_more(void **state) {
    UNUSED(state);
    char *bytes = xcalloc(1, INGEST_UNPACKED_BYTES + 1);
    for (size_t p = 0; p < ARRAY_LEN(packings); p++)
        for (size_t n = INGEST_UNPACKED_BYTES; n <= INGEST_UNPACKED_BYTES + 1; n++) {
            struct buf packed = {0}, out = {0};
            struct err err = {0};
            packings[p].pack(str_of(bytes, n), &packed);
            int rc = ingest_unpack(buf_str(&packed), str_from(packings[p].encoding), &out, &err);
            assert_int_equal(rc, n > INGEST_UNPACKED_BYTES ? ERR_TOOBIG : 0);
            assert_true(rc != 0 || out.len == n);
            assert_true(out.len <= INGEST_UNPACKED_BYTES + 1);
            buf_release(&packed);
            buf_release(&out);
        }
    free(bytes);
}

static void unpack__refuses_every_cut_and_joins_members(void **state) {
    UNUSED(state);
    for (size_t p = 0; p < ARRAY_LEN(packings); p++) {
        struct buf packed = {0}, out = {0};
        struct err err = {0};
        struct str encoding = str_from(packings[p].encoding);
        packings[p].pack(STR("hello hello hello\n"), &packed);
        for (size_t n = 0; n < packed.len; n++) {
            buf_clear(&out);
            assert_int_equal(ingest_unpack(str_of(packed.ptr, n), encoding, &out, &err),
                             ERR_CORRUPT);
        }
        packings[p].pack(STR("again\n"), &packed);
        buf_clear(&out);
        assert_ok(ingest_unpack(buf_str(&packed), encoding, &out, &err), err);
        assert_str(buf_str(&out), "hello hello hello\nagain\n");
        buf_add_char(&packed, 'x');
        assert_int_equal(ingest_unpack(buf_str(&packed), encoding, &out, &err), ERR_CORRUPT);
        buf_release(&packed);
        buf_release(&out);
    }
    struct buf out = {0};
    assert_int_equal(ingest_unpack(STR("x"), STR("br"), &out, NULL), ERR_USAGE);
    assert_int_equal(ingest_unpack(STR("x"), STR("identity"), &out, NULL), 0);
    buf_release(&out);
}

static void position__gives_its_keys_back(void **state) {
    UNUSED(state);
    struct recent_key keys[3], key;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        keys[i] = recent_key_of(STR("s"), str_of("abc", i));
    for (size_t n = 0; n <= ARRAY_LEN(keys); n++) {
        struct buf position = {0};
        size_t at = 0, found = 0;
        ingest_position(keys, n, &position);
        while (ingest_position_key(buf_str(&position), &at, &key))
            assert_memory_equal(&key, &keys[found++], sizeof key);
        assert_int_equal(found, n);
        buf_release(&position);
    }
    size_t at = 0;
    assert_false(ingest_position_key(STR("{\"import\":1}"), &at, &key));
    assert_false(ingest_position_key(STR("{\"ids\":[\"00"), &at, &key));
}

UNIT_MAIN(unit_test(lines__have_any_end_and_empty_ones_are_none),
          unit_test(objects__are_cut_wherever_they_end), unit_test(line__is_taken_out_of_its_field),
          unit_test(arrays__must_be_json), unit_test(ids__are_texts_or_integers_of_the_source),
          unit_test(long__lines_are_cut_one_above_the_limit),
          unit_test(records__are_no_more_than_a_block_takes),
          unit_test(object__that_is_far_too_long_is_a_line),
          unit_test(objects__are_limited_one_by_one),
          unit_test(unpack__takes_up_to_the_limit_and_not_one_more),
          unit_test(unpack__refuses_every_cut_and_joins_members),
          unit_test(position__gives_its_keys_back))

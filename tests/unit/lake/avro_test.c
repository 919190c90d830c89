#include "fixture.h"

#include "base/limits.h"
#include "lake/avro.h"
#include "lake/records.h"
#include <snappy-c.h>
#include <zlib.h>

static void long__round_trip_and_wire_form_of_the_specification(void **state) {
    UNUSED(state);
    static const struct {
        int64_t value;
        struct str wire;
    } rows[] = {{0, STR("\x00")},
                {-1, STR("\x01")},
                {1, STR("\x02")},
                {-64, STR("\x7f")},
                {64, STR("\x80\x01")},
                {INT64_MAX, STR("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
                {INT64_MIN, STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char wire[AVRO_VARINT_MAX];
        int64_t back;
        struct str s = str_of(wire, (size_t)(avro_put_long(wire, rows[i].value) - wire));
        assert_true(str_eq(s, rows[i].wire));
        assert_true(avro_get_long(&s, &back));
        assert_true(back == rows[i].value);
        assert_int_equal(s.len, 0);
    }
}

static void long__without_end_or_over_64_bits_is_refused(void **state) {
    UNUSED(state);
    int64_t v;
    struct str cut = STR("\x80\x80"), wide = STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
               endless = STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    assert_false(avro_get_long(&cut, &v));
    assert_false(avro_get_long(&wide, &v));
    assert_false(avro_get_long(&endless, &v));
}

static void header__round_trip(void **state) {
    UNUSED(state);
    struct avro_header h = {.dataset = DATASET_WEB, .segment = 4294967295u}, back;
    struct buf b = {0};
    struct err err = {0};
    for (int i = 0; i < AVRO_MARKER_BYTES; i++)
        h.marker[i] = (uint8_t)(i * 17);
    avro_header_encode(&h, &b);
    assert_ok(avro_header_decode(buf_str(&b), &back, &err), err);
    assert_int_equal(back.dataset, h.dataset);
    assert_int_equal(back.segment, h.segment);
    assert_int_equal(back.size, b.len);
    assert_memory_equal(back.marker, h.marker, AVRO_MARKER_BYTES);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(avro_header_decode(str_of(b.ptr, n), &back, &err), ERR_CORRUPT);
    buf_release(&b);
}

/* As other Avro writers may: the map in blocks with a size (negative count), keys of their own. */
static void header__with_map_blocks_of_known_size_is_read(void **state) {
    UNUSED(state);
    struct buf b = {0};
    struct err err = {0};
    char n[AVRO_VARINT_MAX];
    const char *entries[][2] = {{"other.tool", "x"},
                                {"avro.codec", "snappy"},
                                {"caskalytics.dataset", "logs"},
                                {"caskalytics.segment", "7"},
                                {"avro.schema", avro_schema(DATASET_LOGS)}};
    buf_add(&b, "Obj\1", 4);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        buf_add(&b, n, (size_t)(avro_put_long(n, -1) - n));
        buf_add(&b, n, (size_t)(avro_put_long(n, 1234) - n));
        for (int k = 0; k < 2; k++) {
            buf_add(&b, n, (size_t)(avro_put_long(n, (int64_t)strlen(entries[i][k])) - n));
            buf_add_cstr(&b, entries[i][k]);
        }
    }
    buf_add(&b, "\0MMMMMMMMMMMMMMMM", 17);
    struct avro_header h;
    assert_ok(avro_header_decode(buf_str(&b), &h, &err), err);
    assert_int_equal(h.segment, 7);
    buf_release(&b);
}

/* --- records ------------------------------------------------------------------------------- */

static struct str random_bytes(uint64_t *seed, char **pool, size_t max) {
    size_t n = random_below(seed, 4) ? random_below(seed, max) : 0;
    char *bytes = *pool;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)random_next(seed);
    *pool += n;
    return str_of(bytes, n);
}

static struct record random_record(uint64_t *seed, char **pool) {
    struct record r = {.ts_ms = (int64_t)random_next(seed) >> random_below(seed, 64)};
    r.body = random_bytes(seed, pool, 400);
    r.type = random_bytes(seed, pool, 80);
    r.site = random_bytes(seed, pool, 20);
    r.source = random_bytes(seed, pool, 20);
    r.position = random_bytes(seed, pool, 70);
    r.has_visitor = random_below(seed, 2);
    r.visitor = r.has_visitor ? random_next(seed) : 0;
    return r;
}

static struct record random_counters(uint64_t *seed, char **pool, struct counters *c) {
    struct record r = {.ts_ms = (int64_t)random_next(seed) >> random_below(seed, 64),
                       .site = random_bytes(seed, pool, 20),
                       .source = random_bytes(seed, pool, 20),
                       .position = random_bytes(seed, pool, 70),
                       .counters = c};
    c->repo = random_bytes(seed, pool, 60);
#define REQUIRED 0
#define OPTIONAL 1
#define COUNTER(name, presence, doc)                                                               \
    c->name = presence && random_below(seed, 3) == 0                                               \
                  ? COUNTER_UNKNOWN                                                                \
                  : (int64_t)(random_next(seed) >> (1 + random_below(seed, 63)));
#include "counters.def"
#undef COUNTER
#undef REQUIRED
#undef OPTIONAL
    return r;
}

static void assert_same(const struct record *a, const struct record *b) {
    assert_true(a->ts_ms == b->ts_ms);
    assert_true(str_eq(a->body, b->body));
    assert_true(str_eq(a->type, b->type));
    assert_true(str_eq(a->site, b->site));
    assert_true(str_eq(a->source, b->source));
    assert_true(str_eq(a->position, b->position));
    assert_int_equal(a->has_visitor, b->has_visitor);
    assert_true(a->visitor == b->visitor);
    if (a->counters == NULL || b->counters == NULL) {
        assert_ptr_equal(a->counters, b->counters);
        return;
    }
    assert_true(str_eq(a->counters->repo, b->counters->repo));
#define COUNTER(name, presence, doc) assert_true(a->counters->name == b->counters->name);
#include "counters.def"
#undef COUNTER
}

static void round_trips(enum dataset dataset) {
    uint64_t seed = unit_seed();
    static struct record sent[300];
    static struct counters counters[ARRAY_LEN(sent)];
    enum record_kind kind = dataset_kind(dataset);
    char *pool = xmalloc(ARRAY_LEN(sent) * 600), *raw = xmalloc(LIMIT_BLOCK_BYTES);
    char *room = xmalloc(avro_block_room(LIMIT_BLOCK_BYTES));
    const uint8_t marker[AVRO_MARKER_BYTES] = "0123456789abcde";
    struct records got = {.kind = kind};
    struct buf unpacked = {0};
    struct err err = {0};
    for (int round = 0; round < 200; round++) {
        char *at = pool;
        size_t n = 1 + random_below(&seed, ARRAY_LEN(sent)), bytes, count, bound = 0;
        for (size_t i = 0; i < n; i++) {
            sent[i] = kind == RECORDS_LINES ? random_record(&seed, &at)
                                            : random_counters(&seed, &at, &counters[i]);
            bound += lake_record_bound(&sent[i]);
        }
        sent[0].source = STR("not a placeholder");
        uint64_t bid = bid_make(dataset, 1 + random_below(&seed, 99), random_below(&seed, 99));
        records_encode(kind, (struct record_batch){sent, n}, bid, raw, &bytes, &count);
        assert_true(bytes <= bound + 17);
        struct str block = avro_block_pack(str_of(raw, bytes), count, marker, room);
        struct avro_frame frame;
        assert_int_equal(avro_frame_decode(block, &frame), AVRO_FRAME_OK);
        assert_int_equal(avro_frame_bytes(&frame), block.len);
        assert_int_equal(frame.count, n);
        assert_memory_equal(block.ptr + block.len - AVRO_MARKER_BYTES, marker, AVRO_MARKER_BYTES);
        struct str payload = str_of(block.ptr + frame.head, frame.size);
        assert_ok(avro_payload_unpack(payload, &unpacked, &err), err);
        assert_ok(records_decode(buf_str(&unpacked), frame.count, &got, &err), err);
        assert_int_equal(got.len, n);
        assert_true(got.bid == bid);
        for (size_t i = 0; i < n; i++)
            assert_same(&sent[i], &got.items[i]);
    }
    records_release(&got);
    buf_release(&unpacked);
    free(pool);
    free(raw);
    free(room);
}

static void block__any_records_come_back_as_they_were(void **state) {
    UNUSED(state);
    round_trips(DATASET_LOGS);
    round_trips(DATASET_GITHUB);
}

static void block__that_is_empty_has_no_records(void **state) {
    UNUSED(state);
    static const enum record_kind kinds[] = {RECORDS_LINES, RECORDS_COUNTERS};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char raw[200];
        size_t bytes, count;
        struct records got = {.kind = kinds[i]};
        struct err err = {0};
        records_encode(kinds[i], (struct record_batch){0}, 77, raw, &bytes, &count);
        assert_int_equal(count, 1); /* libavro does not read a block of none */
        assert_ok(records_decode(str_of(raw, bytes), count, &got, &err), err);
        assert_int_equal(got.len, 0);
        assert_int_equal(got.bid, 77);
        records_release(&got);
    }
}

/* The largest numbers there are stay within what a writer counts with. */
static void counters__take_no_more_room_than_is_counted(void **state) {
    UNUSED(state);
    const struct counters c = {
#define COUNTER(name, presence, doc) .name = INT64_MAX,
#include "counters.def"
#undef COUNTER
        .repo = STR("a/b")};
    const struct record r = {
        .ts_ms = INT64_MIN, .site = STR("s"), .position = STR("p"), .counters = &c};
    char raw[400];
    size_t bytes, count;
    records_encode(RECORDS_COUNTERS, (struct record_batch){&r, 1}, UINT64_MAX, raw, &bytes, &count);
    assert_true(bytes <= lake_record_bound(&r));
}

/* Readers of other makers go by the schema in the file, ours by the table. */
static void schema__has_the_counters_in_the_order_of_their_table(void **state) {
    UNUSED(state);
    const char *at = avro_schema(DATASET_GITHUB);
#define REQUIRED "\"long\""
#define OPTIONAL "[\"null\", \"long\"]"
#define COUNTER(name, presence, doc)                                                               \
    at = strstr(at, "{\"name\": \"" #name "\", \"type\": " presence ", \"doc\": \"" doc "\"}");    \
    assert_non_null(at);
#include "counters.def"
#undef COUNTER
#undef REQUIRED
#undef OPTIONAL
}

static void block__wrong_count_is_refused(void **state) {
    UNUSED(state);
    char raw[400];
    size_t bytes, count;
    struct record two[2] = {{.body = STR("a"), .type = STR("t")}, {.body = STR("b")}};
    struct records got = {0};
    struct err err = {0};
    records_encode(RECORDS_LINES, (struct record_batch){two, 2}, 5, raw, &bytes, &count);
    assert_int_equal(records_decode(str_of(raw, bytes), 1, &got, &err), ERR_CORRUPT);
    assert_int_equal(records_decode(str_of(raw, bytes), 3, &got, &err), ERR_CORRUPT);
    assert_int_equal(records_decode(str_of(raw, bytes), (uint64_t)1 << 60, &got, &err),
                     ERR_CORRUPT);
    assert_ok(records_decode(str_of(raw, bytes), 2, &got, &err), err);
    records_release(&got);
}

/* What is packed as snappy, with the right CRC-32. */
static void pack(struct str raw, struct buf *ret) {
    size_t n = snappy_max_compressed_length(raw.len);
    buf_clear(ret);
    char *to = buf_reserve(ret, n + 4);
    assert_int_equal(snappy_compress(raw.ptr, raw.len, to, &n), SNAPPY_OK);
    unsigned long crc = crc32(0, (const unsigned char *)raw.ptr, (unsigned)raw.len);
    for (int i = 0; i < 4; i++)
        to[n + (size_t)i] = (char)(crc >> (24 - 8 * i));
    ret->len = n + 4;
}

static void payload__bomb_over_the_limit_is_refused_and_at_it_is_not(void **state) {
    UNUSED(state);
    char *zeros = xcalloc(1, LIMIT_BLOCK_BYTES + 1);
    struct buf payload = {0}, unpacked = {0};
    struct err err = {0};
    pack(str_of(zeros, LIMIT_BLOCK_BYTES), &payload);
    assert_ok(avro_payload_unpack(buf_str(&payload), &unpacked, &err), err);
    assert_int_equal(unpacked.len, LIMIT_BLOCK_BYTES);
    buf_release(&unpacked);
    pack(str_of(zeros, LIMIT_BLOCK_BYTES + 1), &payload);
    assert_int_equal(avro_payload_unpack(buf_str(&payload), &unpacked, &err), ERR_CORRUPT);
    assert_int_equal(unpacked.cap, 0); /* refused before any memory was taken */
    buf_release(&payload);
    free(zeros);
}

/* A flip may also point a copy at equal bytes elsewhere: then nothing is lost. */
static void payload__any_flipped_bit_is_found_or_harmless(void **state) {
    UNUSED(state);
    struct buf payload = {0}, unpacked = {0};
    struct err err = {0};
    const struct str raw = STR("aaaaaaaaaaaaaaaaaaaaaaaaaaabcdefghijklmnopaaaaaaaaaaaaaaaaaaaaa");
    size_t found = 0;
    pack(raw, &payload);
    for (size_t bit = 0; bit < payload.len * 8; bit++) {
        payload.ptr[bit / 8] ^= (char)(1 << bit % 8);
        if (avro_payload_unpack(buf_str(&payload), &unpacked, &err) == ERR_CORRUPT)
            found++;
        else
            assert_true(str_eq(buf_str(&unpacked), raw));
        payload.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(found > payload.len * 7);
    assert_ok(avro_payload_unpack(buf_str(&payload), &unpacked, &err), err);
    buf_release(&payload);
    buf_release(&unpacked);
}

UNIT_MAIN(unit_test(long__round_trip_and_wire_form_of_the_specification),
          unit_test(long__without_end_or_over_64_bits_is_refused), unit_test(header__round_trip),
          unit_test(header__with_map_blocks_of_known_size_is_read),
          unit_test(block__any_records_come_back_as_they_were),
          unit_test(block__that_is_empty_has_no_records),
          unit_test(counters__take_no_more_room_than_is_counted),
          unit_test(schema__has_the_counters_in_the_order_of_their_table),
          unit_test(block__wrong_count_is_refused),
          unit_test(payload__bomb_over_the_limit_is_refused_and_at_it_is_not),
          unit_test(payload__any_flipped_bit_is_found_or_harmless))

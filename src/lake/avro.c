#include "lake/avro.h"

#include "base/limits.h"
#include "schemas.h"
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>

#define CRC_BYTES 4
#define CODEC "snappy"

static const char magic[4] = {'O', 'b', 'j', 1};

static const char *const schemas[] = {
    [RECORDS_LINES] = SCHEMA_LOGS,
    [RECORDS_COUNTERS] = SCHEMA_GITHUB,
    [RECORDS_NONE] = NULL,
};

const char *avro_schema(enum dataset dataset) { return schemas[dataset_kind(dataset)]; }

bool avro_get_long(struct str *s, int64_t *ret) {
    uint64_t z = 0;
    for (size_t i = 0; i < s->len && i < AVRO_VARINT_MAX; i++) {
        uint64_t group = (unsigned char)s->ptr[i] & 0x7f;
        if (i == AVRO_VARINT_MAX - 1 && group > 1)
            return false;
        z |= group << (7 * i);
        if (((unsigned char)s->ptr[i] & 0x80) == 0) {
            *ret = (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
            *s = str_skip(*s, i + 1);
            return true;
        }
    }
    return false;
}

bool avro_get_bytes(struct str *s, struct str *ret) {
    int64_t len;
    if (!avro_get_long(s, &len) || len < 0 || (uint64_t)len > s->len)
        return false;
    *ret = str_of(s->ptr, (size_t)len);
    *s = str_skip(*s, (size_t)len);
    return true;
}

/* --- header -------------------------------------------------------------------------------- */

static void add_long(struct buf *out, int64_t value) {
    char bytes[AVRO_VARINT_MAX];
    buf_add(out, bytes, (size_t)(avro_put_long(bytes, value) - bytes));
}

static void add_entry(struct buf *out, const char *key, struct str value) {
    add_long(out, (int64_t)strlen(key));
    buf_add_cstr(out, key);
    add_long(out, (int64_t)value.len);
    buf_add_str(out, value);
}

void avro_header_encode(const struct avro_header *h, struct buf *out) {
    const char *schema = avro_schema(h->dataset);
    assert(schema != NULL);
    struct buf number = {0};
    buf_printf(&number, "%llu", (unsigned long long)h->segment);
    buf_add(out, magic, sizeof magic);
    add_long(out, 4);
    add_entry(out, "avro.schema", str_from(schema));
    add_entry(out, "avro.codec", STR(CODEC));
    add_entry(out, "caskalytics.dataset", str_from(dataset_name(h->dataset)));
    add_entry(out, "caskalytics.segment", buf_str(&number));
    add_long(out, 0);
    buf_add(out, h->marker, AVRO_MARKER_BYTES);
    buf_release(&number);
}

struct metadata {
    struct str schema, codec, dataset, segment;
};

/* A map is blocks of entries, each with its count; a negative count is followed by the block's
 * size. The block of count 0 ends it. */
static bool read_metadata(struct str *at, struct metadata *ret) {
    const struct {
        const char *key;
        struct str *value;
    } known[] = {{"avro.schema", &ret->schema},
                 {"avro.codec", &ret->codec},
                 {"caskalytics.dataset", &ret->dataset},
                 {"caskalytics.segment", &ret->segment}};
    int64_t count, size;
    for (;;) {
        if (!avro_get_long(at, &count) || count == INT64_MIN)
            return false;
        if (count == 0)
            return true;
        if (count < 0) {
            count = -count;
            if (!avro_get_long(at, &size))
                return false;
        }
        for (; count > 0; count--) {
            struct str key, value;
            if (!avro_get_bytes(at, &key) || !avro_get_bytes(at, &value))
                return false;
            for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (str_is(key, known[i].key))
                    *known[i].value = value;
        }
    }
}

int avro_header_decode(struct str bytes, struct avro_header *ret, struct err *err) {
    if (!str_starts(bytes, str_of(magic, sizeof magic)))
        return err_set(err, ERR_CORRUPT, "does not begin like an Avro file");
    struct str at = str_skip(bytes, sizeof magic);
    struct metadata m = {0};
    struct avro_header h = {0};
    if (!read_metadata(&at, &m) || at.len < AVRO_MARKER_BYTES)
        return err_set(err, ERR_CORRUPT, "the header is damaged");
    memcpy(h.marker, at.ptr, AVRO_MARKER_BYTES);
    h.size = bytes.len - at.len + AVRO_MARKER_BYTES;
    if (!str_is(m.codec, CODEC))
        return err_set(err, ERR_CORRUPT, "codec \"" STR_FMT "\", not " CODEC, STR_ARG(m.codec));
    if (!dataset_parse(m.dataset, &h.dataset) || !str_to_u64(m.segment, &h.segment))
        return err_set(err, ERR_CORRUPT, "the header names no dataset and segment");
    if (avro_schema(h.dataset) == NULL || !str_is(m.schema, avro_schema(h.dataset)))
        return err_set(err, ERR_CORRUPT, "the record schema is not the one of dataset %s",
                       dataset_name(h.dataset));
    *ret = h;
    return 0;
}

/* --- blocks -------------------------------------------------------------------------------- */

static size_t payload_max(size_t raw_bytes) {
    return snappy_max_compressed_length(raw_bytes) + CRC_BYTES;
}

enum avro_frame_state avro_frame_decode(struct str bytes, struct avro_frame *ret) {
    struct str at = bytes;
    int64_t count, size;
    if (!avro_get_long(&at, &count) || !avro_get_long(&at, &size))
        return bytes.len < AVRO_FRAME_MAX ? AVRO_FRAME_SHORT : AVRO_FRAME_BAD;
    if (count < 0 || (uint64_t)count > LIMIT_BLOCK_RECORDS || size <= CRC_BYTES ||
        (uint64_t)size > payload_max(LIMIT_BLOCK_BYTES))
        return AVRO_FRAME_BAD;
    *ret = (struct avro_frame){(uint64_t)count, (uint64_t)size, bytes.len - at.len};
    return AVRO_FRAME_OK;
}

size_t avro_block_room(size_t raw_bytes) {
    return AVRO_FRAME_MAX + payload_max(raw_bytes) + AVRO_MARKER_BYTES;
}

static void put_u32_big_endian(char *to, uint32_t v) {
    for (int i = 0; i < 4; i++)
        to[i] = (char)(v >> (24 - 8 * i));
}

static uint32_t get_u32_big_endian(const char *from) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 8 | (unsigned char)from[i];
    return v;
}

static uint32_t crc_of(struct str bytes) {
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)bytes.ptr, bytes.len);
}

struct str avro_block_pack(struct str raw, size_t count, const uint8_t *marker, char *room) {
    char *payload = room + AVRO_FRAME_MAX;
    size_t packed = snappy_max_compressed_length(raw.len);
    snappy_status status = snappy_compress(raw.ptr, raw.len, payload, &packed);
    assert(status == SNAPPY_OK);
    put_u32_big_endian(payload + packed, crc_of(raw));
    memcpy(payload + packed + CRC_BYTES, marker, AVRO_MARKER_BYTES);
    /* The frame is as long as its numbers: right-aligned in front of the payload. */
    char frame[AVRO_FRAME_MAX];
    char *end = avro_put_long(avro_put_long(frame, (int64_t)count), (int64_t)(packed + CRC_BYTES));
    size_t head = (size_t)(end - frame);
    memcpy(payload - head, frame, head);
    return str_of(payload - head, head + packed + CRC_BYTES + AVRO_MARKER_BYTES);
}

int avro_payload_unpack(struct str payload, struct buf *ret, struct err *err) {
    buf_clear(ret);
    if (payload.len <= CRC_BYTES)
        return err_set(err, ERR_CORRUPT, "payload of %zu bytes", payload.len);
    size_t packed = payload.len - CRC_BYTES, raw;
    if (snappy_uncompressed_length(payload.ptr, packed, &raw) != SNAPPY_OK)
        return err_set(err, ERR_CORRUPT, "not snappy data");
    if (raw > LIMIT_BLOCK_BYTES)
        return err_set(err, ERR_CORRUPT, "would unpack to %zu bytes, over the limit of %zu", raw,
                       LIMIT_BLOCK_BYTES);
    char *to = buf_reserve(ret, raw);
    if (to == NULL || snappy_uncompress(payload.ptr, packed, to, &raw) != SNAPPY_OK)
        return err_set(err, ERR_CORRUPT, "not snappy data");
    ret->len = raw;
    if (crc_of(buf_str(ret)) != get_u32_big_endian(payload.ptr + packed))
        return err_set(err, ERR_CORRUPT, "wrong CRC-32");
    return 0;
}

/* Everything the lake decodes, by the first byte of the input:
 *
 *     'r'  the rest are the records of a block, their count in front (one byte)
 *     'c'  the same of counters
 *     'p'  the rest is a block's payload
 *     'h'  the rest is the front of a file
 *     'f'  the rest is a segment file
 *     'd'  the rest are patches (offset: 2 bytes, value: 1 byte) to a sound segment of five blocks
 *
 * With LAKE_BLOCK_SEEDS=DIR in the environment it writes its seed corpus there. */
#include "lake/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct str in, struct records *records) {
    if (in.len == 0)
        return;
    uint64_t count = (unsigned char)in.ptr[0];
    if (records_decode(str_skip(in, 1), count, records, NULL) == 0)
        assert(records->len == count || (records->len == 0 && count == 1));
}

static void fuzz_records(struct str in) {
    static struct records records;
    decode(in, &records);
}

static void fuzz_counters(struct str in) {
    static struct records records = {.kind = RECORDS_COUNTERS};
    decode(in, &records);
    for (size_t i = 0; i < records.len; i++)
        assert(records.items[i].counters == &records.counters[i]);
}

static void fuzz_payload(struct str in) {
    static struct buf unpacked;
    static struct records records;
    struct avro_frame frame;
    if (avro_payload_unpack(in, &unpacked, NULL) == 0)
        UNUSED(records_decode(buf_str(&unpacked), 3, &records, NULL) == 0);
    UNUSED(avro_frame_decode(in, &frame));
}

static void fuzz_header(struct str in) {
    struct avro_header h;
    if (avro_header_decode(in, &h, NULL) == 0)
        assert(h.size <= in.len);
}

/* Go through a file as reader and walk do: ids must grow, and it must end. */
static void read_all(struct str file, uint64_t upto, bool closed) {
    int fd = memfd_create("segment", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, file.ptr, file.len) == (ssize_t)file.len);
    struct segment_name name = {.segment = 1};
    struct segment_file f = {0};
    struct segment_block block;
    const struct segment_range range = {.upto = upto, .closed = closed};
    uint64_t last = 0, steps = 0;
    int rc;
    snprintf(name.path, sizeof name.path, "%d", fd);
    if (segment_open("/proc/self/fd", DATASET_LOGS, &name, &f, NULL) == 0) {
        while ((rc = segment_next(&f, &range, &block, NULL)) != 0) {
            assert(rc == 1 || rc == ERR_CORRUPT);
            assert(rc != 1 || block.bid > last);
            if (rc == 1)
                last = block.bid;
            assert(++steps <= file.len + 2);
        }
        segment_close(&f);
    }
    close(fd);
}

static void fuzz_file(struct str in) {
    read_all(in, 0, false);
    read_all(in, bid_make(DATASET_LOGS, 1, 3), false);
    read_all(in, 0, true);
}

static void make_segment(struct buf *out) {
    struct avro_header h = {.dataset = DATASET_LOGS, .segment = 1};
    memcpy(h.marker, "the sync marker!", AVRO_MARKER_BYTES);
    avro_header_encode(&h, out);
    for (uint64_t i = 0; i < 5; i++) {
        struct record r[3] = {{.ts_ms = 1431864000000,
                               .body = STR("192.0.2.1 - - [17/May/2015] \"GET / HTTP/1.1\" 200 5"),
                               .type = STR("combined"),
                               .source = STR("x"),
                               .position = STR("10")},
                              {.body = STR("b"), .has_visitor = true, .visitor = 7},
                              {.body = STR("c")}};
        char raw[1000], room[4000];
        size_t bytes, count;
        records_encode(RECORDS_LINES, (struct record_batch){r, i % 4}, bid_make(DATASET_LOGS, 1, i),
                       raw, &bytes, &count);
        buf_add_str(out, avro_block_pack(str_of(raw, bytes), count, h.marker, room));
    }
}

static void fuzz_damage(struct str in) {
    struct buf file = {0};
    make_segment(&file);
    for (; in.len >= 3; in = str_skip(in, 3)) {
        const unsigned char *patch = (const unsigned char *)in.ptr;
        file.ptr[((size_t)patch[0] << 8 | patch[1]) % file.len] = (char)patch[2];
    }
    fuzz_file(buf_str(&file));
    buf_release(&file);
}

static void seed(const char *dir, const char *name, char kind, struct str bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert(f != NULL);
    fputc(kind, f);
    fwrite(bytes.ptr, 1, bytes.len, f);
    fclose(f);
}

static void write_seeds(const char *dir) {
    struct buf file = {0}, unpacked = {0}, records = {0};
    struct avro_header h;
    struct avro_frame frame;
    make_segment(&file);
    int rc = avro_header_decode(buf_str(&file), &h, NULL);
    assert(rc == 0);
    seed(dir, "segment", 'f', buf_str(&file));
    seed(dir, "segment_torn", 'f', str_of(file.ptr, file.len - 3));
    seed(dir, "header", 'h', str_of(file.ptr, h.size));
    struct str block = str_skip(buf_str(&file), h.size + 0);
    avro_frame_decode(block, &frame);
    block = str_skip(block, avro_frame_bytes(&frame)); /* the first one is empty */
    avro_frame_decode(block, &frame);
    struct str payload = str_of(block.ptr + frame.head, frame.size);
    seed(dir, "payload", 'p', payload);
    rc = avro_payload_unpack(payload, &unpacked, NULL);
    assert(rc == 0);
    buf_add_char(&records, (char)frame.count);
    buf_add_str(&records, buf_str(&unpacked));
    seed(dir, "records", 'r', buf_str(&records));
    const struct counters known = {STR("a/b"), 1, 2, 300, 4, 5, 6, 70000},
                          unknown = {STR("c/d"), 1, 2, 300, 4, -1, -1, -1};
    const struct record two[] = {{.ts_ms = 1431864000000, .counters = &known},
                                 {.source = STR("x"), .counters = &unknown}};
    char raw[400];
    size_t bytes, count;
    raw[0] = (char)ARRAY_LEN(two);
    records_encode(RECORDS_COUNTERS, (struct record_batch){two, ARRAY_LEN(two)},
                   bid_make(DATASET_GITHUB, 1, 0), raw + 1, &bytes, &count);
    seed(dir, "counters", 'c', str_of(raw, bytes + 1));
    seed(dir, "damage_marker", 'd', STR("\x05\x00x"));
    seed(dir, "damage_header", 'd', STR("\x00\x05\x01\x00\x01\x02"));
    buf_release(&file);
    buf_release(&unpacked);
    buf_release(&records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        char kind;
        void (*run)(struct str in);
    } kinds[] = {{'r', fuzz_records}, {'c', fuzz_counters}, {'p', fuzz_payload},
                 {'h', fuzz_header},  {'f', fuzz_file},     {'d', fuzz_damage}};
    const char *seeds = getenv("LAKE_BLOCK_SEEDS");
    if (seeds != NULL)
        write_seeds(seeds);
    if (size == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if ((char)data[0] == kinds[i].kind)
            kinds[i].run(str_of((const char *)data + 1, size - 1));
    return 0;
}

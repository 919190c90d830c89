/* Bodies of beacons, as anybody may send them. What is taken is a record that the format `beacon`
 * reads, with the id that a restart will find in it. */
#include <stdlib.h>

#include "format/format.h"
#include "source/beacon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

/* An address that a page view cannot have (no host, a bad port) may still be refused here. */
static void check_record(const struct beacon *b, struct arena *scratch) {
    static struct format *format;
    if (format == NULL && format_open(STR("beacon"), &format, NULL) != 0)
        abort();
    struct fields fields;
    check(b->site.len > 0 && b->id.len <= BEACON_ID_BYTES);
    check(memchr(b->body.ptr, '\n', b->body.len) == NULL);
    check(str_eq(beacon_record_id(b->body), b->id));
    enum reason reason = format_read(format, b->body, scratch, &fields);
    check(reason == REASON_NONE);
    check(fields.event.len > 0 && str_is(fields.host, "192.0.2.7") && fields.time > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena, scratch;
    static struct beacon items[BEACON_BATCH_MAX];
    const struct beacon_client client = {.address = STR("192.0.2.7"),
                                         .agent = STR("Agent/1"),
                                         .hint_brands = STR(""),
                                         .hint_mobile = STR(""),
                                         .hint_platform = STR(""),
                                         .page = STR("https://page.example/"),
                                         .now_ms = 1700000000000};
    struct err err = {0};
    size_t n = 0;
    int rc = beacons_parse(str_of((const char *)data, size), &client, &arena, items, &n, &err);
    check(rc == 0 ? n > 0 && n <= BEACON_BATCH_MAX : err.text[0] != '\0');
    for (size_t i = 0; rc == 0 && i < n; i++) {
        check_record(&items[i], &scratch);
        arena_reset(&scratch);
    }
    arena_reset(&arena);
    return 0;
}

/* Bodies of POST /ingest: the first byte says how they are packed and which fields are looked for.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "source/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static const char *const encodings[] = {"", "gzip", "zstd", "br"};
    if (size == 0)
        return 0;
    const struct ingest_fields fields = {.id = data[0] & 4 ? STR("id") : STR(""),
                                         .line = data[0] & 8 ? STR("m") : STR("")};
    struct buf text = {0};
    struct err err = {0};
    int rc = ingest_unpack(str_of((const char *)data + 1, size - 1),
                           str_from(encodings[data[0] & 3]), &text, &err);
    check(text.len <= INGEST_UNPACKED_BYTES + 1 && (rc == 0 || err.text[0] != '\0'));
    struct ingest_records cut = {0};
    if (rc == 0)
        rc = ingest_cut(buf_str(&text), &fields, STR("s"), &arena, &cut, &err);
    for (size_t i = 0; rc == 0 && i < cut.items.len; i++)
        check(cut.items.items[i].body.len > 0 &&
              cut.items.items[i].body.len <= LIMIT_LINE_BYTES + 1);
    size_t at = 0, before = 0;
    struct recent_key key;
    while (ingest_position_key(buf_str(&text), &at, &key)) {
        check(at > before);
        before = at;
    }
    vec_free(&cut.items);
    buf_release(&text);
    arena_reset(&arena);
    return 0;
}

/* The document of an import, as it stands in the control data and in the positions of lake blocks:
 * what is understood is written as a document that says the same. */
#include "source/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JSON here has no integers of more than 63 bits. */
static bool can_be_written(const struct import *import) {
    bool ok = import->id <= INT64_MAX;
    for (size_t i = 0; i < import->marks.len; i++) {
        const struct import_mark *mark = &import->marks.items[i];
        ok = ok && mark->offset <= INT64_MAX && mark->lines <= INT64_MAX &&
             mark->open_bytes <= INT64_MAX;
    }
    return ok;
}

static void check_written(const struct import *import) {
    struct imports back = {0};
    struct err err = {0};
    struct buf text = {0}, again = {0};
    import_to_json(import, &text);
    int rc = import_from_json(&back, buf_str(&text), &err);
    assert(rc == 0 && back.list.len == 1);
    import_to_json(&back.list.items[0], &again);
    assert(str_eq(buf_str(&text), buf_str(&again)));
    /* The same news twice is no news. */
    rc = import_from_json(&back, buf_str(&text), &err);
    assert(rc == 0 && back.list.len == 1);
    assert(back.list.items[0].marks.len == import->marks.len);
    buf_release(&text);
    buf_release(&again);
    imports_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct imports imports = {0};
    struct err err = {0};
    int rc = import_from_json(&imports, str_of((const char *)data, size), &err);
    assert(rc == 0 || (rc == ERR_CORRUPT && err.text[0] != '\0'));
    assert(imports.list.len <= 1);
    if (rc == 0) {
        const struct import *import = &imports.list.items[0];
        for (size_t i = 1; i < import->marks.len; i++)
            assert(import->marks.items[i - 1].offset < import->marks.items[i].offset);
        if (can_be_written(import))
            check_written(import);
    }
    imports_release(&imports);
    return 0;
}

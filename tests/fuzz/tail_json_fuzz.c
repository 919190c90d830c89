/* Positions of followed files, as they stand in lake blocks, and the document of their index: what
 * is understood is written as a document that says the same. */
#include "source/tail_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_index(struct tail_index *index) {
    struct tail_index back = {0};
    struct err err = {0};
    struct buf text = {0}, again = {0};
    for (size_t i = 0; i < index->files.len; i++) {
        const struct tail_position *p = &index->files.items[i];
        assert(p->head.len <= TAIL_MARK_BYTES && p->end.len <= TAIL_MARK_BYTES);
        assert(p->end.len <= p->offset && p->head_at + p->head.len <= p->offset);
        if (p->id > INT64_MAX || p->offset > INT64_MAX || p->lines > INT64_MAX ||
            p->device > INT64_MAX || p->inode > INT64_MAX || p->bid > INT64_MAX)
            return; /* JSON here has no integers of more than 63 bits */
    }
    if (index->bid > INT64_MAX)
        return;
    tail_index_to_json(index, &text);
    int rc = tail_index_from_json(&back, buf_str(&text), &err);
    assert(rc == 0);
    tail_index_to_json(&back, &again);
    assert(str_eq(buf_str(&text), buf_str(&again)));
    buf_release(&text);
    buf_release(&again);
    tail_index_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_of((const char *)data, size);
    struct tail_index index = {0};
    struct err err = {0};
    int rc = tail_index_take(&index, 1, text, &err);
    assert(rc == 0 || (rc == ERR_CORRUPT && err.text[0] != '\0'));
    check_index(&index);
    tail_index_release(&index);
    rc = tail_index_from_json(&index, text, &err);
    assert(rc == 0 || (rc == ERR_CORRUPT && err.text[0] != '\0'));
    check_index(&index);
    tail_index_release(&index);
    return 0;
}

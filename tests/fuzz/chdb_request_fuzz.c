/* Any bytes as a statement: the lexer of the engine stays inside of them and loses none. */
#include "engine/lexer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str sql = str_of((const char *)data, size), rest = sql;
    const char *end = sql.ptr + sql.len;
    for (struct token t; (t = lexer_next(&rest)).kind != TOKEN_END;) {
        assert(t.text.len > 0 && t.text.ptr >= sql.ptr && t.text.ptr + t.text.len == rest.ptr);
        assert(rest.ptr + rest.len == end);
    }
    struct insert_head h;
    if (lexer_insert_head(sql, &h)) {
        assert(h.before.ptr == sql.ptr && h.format.len > 0 && h.table.len > 0);
        assert(h.before.ptr + h.before.len <= end && h.data.ptr + h.data.len == end);
        assert(h.table.ptr + h.table.len <= h.before.ptr + h.before.len);
    }
    struct str format = lexer_format(sql);
    assert(format.len <= sql.len);
    struct buf plain = {0};
    lexer_plain_types(sql, &plain);
    assert(plain.len <= sql.len);
    buf_release(&plain);
    return 0;
}

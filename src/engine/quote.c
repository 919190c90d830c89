#include "engine/quote.h"

static void quote(struct buf *sql, struct str text, char mark) {
    buf_add_char(sql, mark);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\0') {
            buf_add_cstr(sql, "\\0");
            continue;
        }
        if (c == mark || c == '\\')
            buf_add_char(sql, '\\');
        buf_add_char(sql, c);
    }
    buf_add_char(sql, mark);
}

void quote_string(struct buf *sql, struct str text) { quote(sql, text, '\''); }
void quote_name(struct buf *sql, struct str name) { quote(sql, name, '`'); }

void unquote_name(struct buf *name, struct str token) {
    if (token.len < 2 || (token.ptr[0] != '`' && token.ptr[0] != '"')) {
        buf_add_str(name, token);
        return;
    }
    for (size_t i = 1; i + 1 < token.len; i++) {
        char c = token.ptr[i];
        bool escape = (c == '\\' || c == token.ptr[0]) && i + 2 < token.len;
        buf_add_char(name, escape ? token.ptr[++i] : c);
    }
}

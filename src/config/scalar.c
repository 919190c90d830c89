#include "config/value.h"

#include <ctype.h>

/* Plain only where no reader of YAML could see anything but text, a path or a number. */
static bool is_plain(struct str s) {
    if (s.len == 0 || str_is(s, "null") ||
        !(isalnum((unsigned char)*s.ptr) || strchr("./", *s.ptr)))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool inner_colon = c == ':' && i + 1 < s.len; /* 127.0.0.1:8080 */
        if (!isalnum((unsigned char)c) && !strchr("./_+-", c) && !inner_colon)
            return false;
    }
    return true;
}

static bool is_printable_ascii(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!isascii((unsigned char)s.ptr[i]) || !isprint((unsigned char)s.ptr[i]))
            return false;
    return true;
}

static void single_quoted(struct str s, struct buf *out) {
    buf_add_char(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'')
            buf_add_char(out, '\'');
        buf_add_char(out, s.ptr[i]);
    }
    buf_add_char(out, '\'');
}

/* Takes one code point off the front of valid UTF-8. */
static uint32_t take_code_point(struct str *s) {
    unsigned char c = (unsigned char)*s->ptr;
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    uint32_t code = n == 1 ? c : c & (0xFFu >> (n + 1));
    assert(n <= s->len);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)s->ptr[i] & 0x3F);
    *s = str_skip(*s, n);
    return code;
}

/* Everything but printable ASCII as escapes: line breaks of any kind survive only so. */
static void double_quoted(struct str s, struct buf *out) {
    buf_add_char(out, '"');
    while (s.len > 0) {
        uint32_t code = take_code_point(&s);
        if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (int)code);
        else if (code >= 0x20 && code < 0x7F)
            buf_add_char(out, (char)code);
        else if (code < 0x100)
            buf_printf(out, "\\x%02X", code);
        else if (code < 0x10000)
            buf_printf(out, "\\u%04X", code);
        else
            buf_printf(out, "\\U%08X", code);
    }
    buf_add_char(out, '"');
}

void yaml_scalar(struct str text, struct buf *out) {
    struct buf guarded = {0}; /* "${" would be looked up in the environment */
    for (size_t i = 0; i < text.len; i++) {
        if (str_starts(str_skip(text, i), STR("${")))
            buf_add_char(&guarded, '$');
        buf_add_char(&guarded, text.ptr[i]);
    }
    struct str s = buf_str(&guarded);
    if (is_plain(s))
        buf_add_str(out, s);
    else if (is_printable_ascii(s))
        single_quoted(s, out);
    else
        double_quoted(s, out);
    buf_release(&guarded);
}

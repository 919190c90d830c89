#include "format/cursor.h"

/* Only \" and \\ are escapes (docs/definitions.md); others, such as \x16, stay as logged. */
static inline bool is_escape(const char *p, const char *end) {
    return *p == '\\' && end - p > 1 && (p[1] == '"' || p[1] == '\\');
}

/* The closing quote at or behind `p`, NULL if there is none; *ret_escapes counts those before it.
 */
static const char *find_quote(const char *p, const char *end, size_t *ret_escapes) {
    *ret_escapes = 0;
    while (p < end && *p != '"') {
        bool escape = is_escape(p, end);
        *ret_escapes += escape;
        p += escape ? 2 : 1;
    }
    return p < end ? p : NULL;
}

static struct str unescape(struct str s, size_t escapes, struct arena *scratch) {
    char *to = arena_bytes(scratch, s.len - escapes), *start = to;
    for (const char *p = s.ptr, *end = s.ptr + s.len; p < end; p++) {
        if (is_escape(p, end))
            p++;
        *to++ = *p;
    }
    return str_of(start, (size_t)(to - start));
}

enum reason cursor_quoted(struct cursor *c, struct arena *scratch, struct str *ret) {
    if (c->at >= c->end || *c->at != '"')
        return REASON_fields;
    const char *start = c->at + 1;
    const char *quote = memchr(start, '"', (size_t)(c->end - start));
    if (quote == NULL)
        return REASON_unclosed_quote;
    size_t escapes = 0;
    if (memchr(start, '\\', (size_t)(quote - start)) != NULL) {
        quote = find_quote(start, c->end, &escapes);
        if (quote == NULL)
            return REASON_unclosed_quote;
    }
    struct str field = str_of(start, (size_t)(quote - start));
    *ret = escapes                                 ? unescape(field, escapes, scratch)
           : field.len == 1 && field.ptr[0] == '-' ? STR("")
                                                   : field;
    c->at = quote + 1;
    cursor_blanks(c);
    return REASON_NONE;
}

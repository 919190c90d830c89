#include "format/columns_text.h"

static inline bool ends_field(const char *p, const char *end) { return p == end || is_blank(*p); }

struct str columns_field(struct cursor *c, char sep) {
    if (sep != '\t')
        return cursor_token(c);
    const char *start = c->at, *tab = memchr(start, '\t', (size_t)(c->end - start));
    c->at = tab != NULL ? tab : c->end;
    struct str field = str_of(start, (size_t)(c->at - start));
    while (c->at < c->end && *c->at == '\t')
        c->at++;
    return field;
}

/* "" or \" or \\ */
static inline bool is_escape(const char *p, const char *end) {
    return end - p > 1 &&
           ((*p == '"' && p[1] == '"') || (*p == '\\' && (p[1] == '"' || p[1] == '\\')));
}

enum reason columns_quoted(struct cursor *c, struct arena *scratch, bool *ret_quoted,
                           struct str *ret) {
    *ret_quoted = false;
    if (c->at == c->end || *c->at != '"')
        return REASON_NONE;
    const char *start = c->at + 1, *p = start;
    size_t escapes = 0;
    while (p < c->end && (*p != '"' || is_escape(p, c->end))) {
        bool escape = is_escape(p, c->end);
        escapes += escape;
        p += escape ? 2 : 1;
    }
    if (p == c->end)
        return REASON_unclosed_quote;
    if (!ends_field(p + 1, c->end))
        return REASON_NONE;
    char *to = escapes > 0 ? arena_bytes(scratch, (size_t)(p - start) - escapes) : NULL;
    *ret = str_of(start, (size_t)(p - start));
    if (to != NULL) {
        char *at = to;
        for (const char *from = start; from < p; from++) {
            if (is_escape(from, p))
                from++;
            *at++ = *from;
        }
        *ret = str_of(to, (size_t)(at - to));
    }
    *ret_quoted = true;
    c->at = p + 1;
    cursor_blanks(c);
    return REASON_NONE;
}

/* A plus behind a blank or a parenthesis is one that the client sent: "(+http://...". */
struct str columns_plus_agent(struct str agent, struct arena *scratch) {
    if (memchr(agent.ptr, '+', agent.len) == NULL)
        return agent;
    char *to = arena_bytes(scratch, agent.len), before = '\0';
    for (size_t i = 0; i < agent.len; i++) {
        char c = agent.ptr[i];
        before = c == '+' && before != ' ' && before != '(' ? ' ' : c;
        to[i] = before;
    }
    return str_of(to, agent.len);
}

/* --- percents ----------------------------------------------------------------------------------
 */

static bool is_encoded(const char *p, const char *end) {
    return end - p > 2 && *p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0;
}

/* `to` may be s.ptr. *ret_blank: there is a blank in it; *ret_more: there is still something
 * encoded. */
static size_t decode(struct str s, char *to, bool *ret_blank, bool *ret_more) {
    const char *end = s.ptr + s.len;
    char *start = to;
    *ret_blank = *ret_more = false;
    for (const char *p = s.ptr; p < end; p++) {
        char c = *p;
        if (is_encoded(p, end)) {
            c = (char)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
            p += 2;
            *ret_more = *ret_more ||
                        (c == '%' && end - p > 2 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0);
        }
        *ret_blank = *ret_blank || c == ' ';
        *to++ = c;
    }
    return (size_t)(to - start);
}

/* An agent has blanks. When none came of decoding, it was encoded twice; when some did, what is
 * still encoded is so by the client ("My%20App/1.0 CFNetwork/..."). */
struct str columns_percent_agent(struct str agent, struct arena *scratch) {
    bool blank, more;
    if (memchr(agent.ptr, '%', agent.len) == NULL)
        return agent;
    char *to = arena_bytes(scratch, agent.len);
    size_t n = decode(agent, to, &blank, &more);
    if (!blank && more)
        n = decode(str_of(to, n), to, &blank, &more);
    return str_of(to, n);
}

struct str columns_percent_once(struct str s, struct arena *scratch) {
    if (memmem(s.ptr, s.len, "%25", 3) == NULL)
        return s;
    const char *end = s.ptr + s.len;
    char *to = arena_bytes(scratch, s.len), *at = to;
    for (const char *p = s.ptr; p < end; p++) {
        *at++ = *p;
        if (end - p > 4 && p[0] == '%' && p[1] == '2' && p[2] == '5' && hex_digit(p[3]) >= 0 &&
            hex_digit(p[4]) >= 0)
            p += 2;
    }
    return str_of(to, (size_t)(at - to));
}

/* --- forwarders --------------------------------------------------------------------------------
 */

static bool is_address(struct str s) {
    bool separator = false;
    for (size_t i = 0; i < s.len; i++) {
        separator = separator || s.ptr[i] == '.' || s.ptr[i] == ':';
        if (hex_digit(s.ptr[i]) < 0 && s.ptr[i] != '.' && s.ptr[i] != ':')
            return false;
    }
    return separator;
}

struct str columns_forwarded(struct str list) {
    size_t n = 0;
    while (n < list.len && list.ptr[n] != ',' && list.ptr[n] != '+' && !is_blank(list.ptr[n]))
        n++;
    struct str first = str_of(list.ptr, n), rest;
    if (n > 1 && first.ptr[0] == '[') {
        rest = str_skip(first, 1);
        if (!str_split(&rest, ']', &first))
            return STR("");
    } else {
        const char *colon = memchr(first.ptr, ':', n);
        if (colon != NULL && memrchr(first.ptr, ':', n) == colon) /* two are of IPv6 */
            first.len = (size_t)(colon - first.ptr);
    }
    return is_address(first) ? first : STR("");
}

#include "refine/apache.h"

#include "config/config.h"
#include "refine/stamp.h"

/* What is left of the line. */
struct cursor {
    const char *at, *end;
};

static inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
/* The registered ones have a hyphen within at most: VERSION-CONTROL. */
static inline bool is_method_byte(char c) { return is_upper(c) || c == '-' || c == '_'; }

static inline void skip_blanks(struct cursor *c) {
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
}

/* Bytes up to the next blank, and the blanks behind them skipped; empty only at the end. */
static inline struct str take_token(struct cursor *c) {
    const char *start = c->at;
    while (c->at < c->end && !is_blank(*c->at))
        c->at++;
    struct str token = str_of(start, (size_t)(c->at - start));
    skip_blanks(c);
    return token;
}

static inline struct str none_if_dash(struct str s) {
    return s.len == 1 && s.ptr[0] == '-' ? STR("") : s;
}

/* --- quoted fields ------------------------------------------------------------------------- */

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

/* A quoted field; leaves the cursor behind its closing quote and blanks. */
static enum reason take_quoted(struct cursor *c, struct arena *scratch, struct str *ret) {
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
    *ret = escapes ? unescape(field, escapes, scratch) : none_if_dash(field);
    c->at = quote + 1;
    skip_blanks(c);
    return REASON_NONE;
}

/* --- request ------------------------------------------------------------------------------- */

/* HTTP/x or HTTP/x.y */
static bool is_protocol(struct str s) {
    if (!str_starts(s, STR("HTTP/")))
        return false;
    size_t i = 5, start = i;
    while (i < s.len && is_digit(s.ptr[i]))
        i++;
    if (i == start)
        return false;
    if (i == s.len)
        return true;
    if (s.ptr[i] != '.')
        return false;
    start = ++i;
    while (i < s.len && is_digit(s.ptr[i]))
        i++;
    return i > start && i == s.len;
}

/* Sets method, target and protocol if the request is METHOD target HTTP/x[.y]. */
static void split_request(struct fields *f) {
    struct str rest = f->request;
    size_t n = 0;
    while (n < rest.len && is_method_byte(rest.ptr[n]))
        n++;
    if (n == 0 || n == rest.len || rest.ptr[n] != ' ' || !is_upper(rest.ptr[0]) ||
        !is_upper(rest.ptr[n - 1]))
        return;
    struct str method = str_of(rest.ptr, n);
    rest = str_skip(rest, n + 1);
    if (!str_find(rest, ' ', &n) || n == 0 || memchr(rest.ptr, '\t', n) != NULL)
        return;
    if (!is_protocol(str_skip(rest, n + 1)))
        return;
    f->method = method;
    f->target = str_of(rest.ptr, n);
    f->protocol = str_skip(rest, n + 1);
}

/* --- the parts of a line ------------------------------------------------------------------- */

/* The name of `%v:%p`, "" if the token is no such thing. IPv6 addresses, which end in ":digits" as
 * well, are names only in brackets. */
static struct str server_name(struct str token) {
    size_t n = token.len;
    while (n > 0 && is_digit(token.ptr[n - 1]))
        n--;
    if (n < 2 || n == token.len || token.len - n > 5 || token.ptr[n - 1] != ':')
        return STR("");
    struct str name = str_of(token.ptr, n - 1);
    if (name.ptr[0] != '[' && memchr(name.ptr, ':', name.len) != NULL)
        return STR("");
    return config_site_name_ok(name) ? name : STR("");
}

/* Digits, dots, colons and hexadecimal letters, with a dot or colon among them. */
static bool looks_like_address(struct str s) {
    bool separator = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex && c != '.' && c != ':')
            return false;
        separator |= c == '.' || c == ':';
    }
    return separator;
}

/* Host, identity, user and time. The user may hold blanks and brackets, so it ends where a time
 * stamp that can be read begins. */
static enum reason take_client(struct cursor *c, struct fields *f) {
    struct str host = take_token(c), ident = take_token(c);
    if (ident.len == 0)
        return REASON_fields;
    /* A vhost line is not read as a combined one with odd names. */
    if (ident.ptr[0] != '-' && looks_like_address(ident) && server_name(host).len > 0)
        return REASON_bad_host;
    if (host.len > 1 && host.ptr[host.len - 1] == ',') /* the first of a list of forwarders */
        host.len--;
    f->host = host;
    const char *user = c->at, *from = user, *open;
    bool seen = false;
    while ((open = memchr(from, '[', (size_t)(c->end - from))) != NULL) {
        if (seen && memchr(from, '"', (size_t)(open - from)) != NULL)
            break; /* that would be inside the request */
        from = open + 1;
        if (open == user || !is_blank(open[-1]))
            continue; /* no user, or a bracket within its name */
        size_t left = (size_t)(c->end - from);
        if (left > STAMP_CLF_BYTES && from[STAMP_CLF_BYTES] == ']' && stamp_clf(from, &f->time)) {
            f->user = none_if_dash(str_trim(str_of(user, (size_t)(open - user))));
            c->at = from + STAMP_CLF_BYTES + 1;
            skip_blanks(c);
            return REASON_NONE;
        }
        if (!seen && memchr(from, ']', left) == NULL)
            break; /* cut off within the time stamp */
        seen = true;
    }
    return seen ? REASON_bad_time : REASON_fields;
}

static enum reason take_numbers(struct cursor *c, struct fields *f) {
    struct str status = take_token(c), size = take_token(c);
    if (status.len != 3 || status.ptr[0] < '1' || status.ptr[0] > '9' || !is_digit(status.ptr[1]) ||
        !is_digit(status.ptr[2]))
        return status.len ? REASON_bad_status : REASON_fields;
    f->status = (uint16_t)((status.ptr[0] - '0') * 100 + (status.ptr[1] - '0') * 10 +
                           (status.ptr[2] - '0'));
    if (size.len == 0)
        return REASON_fields;
    if (size.len == 1 && size.ptr[0] == '-')
        f->bytes = 0;
    else if (!str_to_u64(size, &f->bytes))
        return REASON_bad_size;
    return REASON_NONE;
}

/* --- formats ------------------------------------------------------------------------------- */

static const struct fields no_fields = {
    .host = {"", 0},
    .vhost = {"", 0},
    .user = {"", 0},
    .request = {"", 0},
    .method = {"", 0},
    .target = {"", 0},
    .protocol = {"", 0},
    .referrer = {"", 0},
    .agent = {"", 0},
};

static enum reason common(struct cursor *c, struct arena *scratch, struct fields *ret) {
    enum reason reason = take_client(c, ret);
    if (reason == REASON_NONE)
        reason = take_quoted(c, scratch, &ret->request);
    if (reason == REASON_NONE)
        reason = take_numbers(c, ret);
    if (reason == REASON_NONE)
        split_request(ret);
    return reason;
}

static enum reason combined(struct cursor *c, struct arena *scratch, struct fields *ret) {
    enum reason reason = common(c, scratch, ret);
    if (reason == REASON_NONE)
        reason = take_quoted(c, scratch, &ret->referrer);
    if (reason == REASON_NONE)
        reason = take_quoted(c, scratch, &ret->agent);
    return reason;
}

static struct cursor line_start(struct str line, struct fields *ret) {
    *ret = no_fields;
    struct cursor c = {line.ptr, line.ptr + line.len};
    skip_blanks(&c);
    return c;
}

enum reason apache_common(struct str line, struct arena *scratch, struct fields *ret) {
    struct cursor c = line_start(line, ret);
    return common(&c, scratch, ret);
}

enum reason apache_combined(struct str line, struct arena *scratch, struct fields *ret) {
    struct cursor c = line_start(line, ret);
    return combined(&c, scratch, ret);
}

enum reason apache_vhost(struct str line, struct arena *scratch, struct fields *ret) {
    struct cursor c = line_start(line, ret);
    struct str name = server_name(take_token(&c));
    if (name.len == 0)
        return REASON_bad_host;
    ret->vhost = name;
    return combined(&c, scratch, ret);
}

/* nginx log_format strings (https://nginx.org/en/docs/http/ngx_http_log_module.html). */
#include "base/nearest.h"
#include "format/layout.h"

#include "format/cursor.h"

/* A time stamp has a pattern. */
static const struct variable {
    const char *name;
    enum layout_shape shape;
    enum slot slot;
    unsigned char rank;
    const char *pattern;
} variables[] = {
    {"remote_addr", SHAPE_token, SLOT_host, 2, NULL},
    {"realip_remote_addr", SHAPE_token, SLOT_host, 1, NULL}, /* the proxy */
    {"proxy_protocol_addr", SHAPE_token, SLOT_forwarded, 1, NULL},
    {"proxy_add_x_forwarded_for", SHAPE_text, SLOT_forwarded, 2, NULL},
    {"remote_user", SHAPE_text, SLOT_user, 1, NULL},
    {"time_local", SHAPE_clf, SLOT_time, 0, NULL},
    {"time_iso8601", SHAPE_stamp, SLOT_time, 0, "%Y-%m-%dT%H:%M:%S%z"},
    {"msec", SHAPE_stamp, SLOT_time, 0, "%s.%f"},
    {"request", SHAPE_text, SLOT_request, 1, NULL},
    {"request_method", SHAPE_token, SLOT_method, 1, NULL},
    {"request_uri", SHAPE_text, SLOT_target, RANK_WITH_QUERY, NULL},
    {"uri", SHAPE_text, SLOT_target, 2, NULL},
    {"document_uri", SHAPE_text, SLOT_target, 1, NULL},
    {"args", SHAPE_text, SLOT_query, 1, NULL},
    {"query_string", SHAPE_text, SLOT_query, 1, NULL},
    {"server_protocol", SHAPE_token, SLOT_protocol, 1, NULL},
    {"status", SHAPE_status, SLOT_status, 1, NULL},
    {"body_bytes_sent", SHAPE_number, SLOT_bytes, 2, NULL},
    {"bytes_sent", SHAPE_number, SLOT_bytes, 1, NULL}, /* with headers */
    {"host", SHAPE_token, SLOT_vhost, 3, NULL},
    {"http_host", SHAPE_token, SLOT_vhost, 2, NULL},
    {"server_name", SHAPE_token, SLOT_vhost, 1, NULL},
    /* read and dropped, but of a plain shape */
    {"scheme", SHAPE_token, SLOT_none, 0, NULL},
    {"server_port", SHAPE_token, SLOT_none, 0, NULL},
    {"remote_port", SHAPE_token, SLOT_none, 0, NULL},
    {"server_addr", SHAPE_token, SLOT_none, 0, NULL},
    {"request_time", SHAPE_token, SLOT_none, 0, NULL},
    {"request_length", SHAPE_token, SLOT_none, 0, NULL},
    {"request_id", SHAPE_token, SLOT_none, 0, NULL},
    {"connection", SHAPE_token, SLOT_none, 0, NULL},
    {"connection_requests", SHAPE_token, SLOT_none, 0, NULL},
    {"pipe", SHAPE_token, SLOT_none, 0, NULL},
    {"gzip_ratio", SHAPE_token, SLOT_none, 0, NULL},
};

static const struct variable *find_variable(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        if (str_is(name, variables[i].name))
            return &variables[i];
    return NULL;
}

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

/* The name of the variable behind a '$' at *at, which is moved behind it; "" if it is none. */
static struct str take_name(const char **at, const char *end) {
    const char *p = *at;
    bool braced = p < end && *p == '{';
    p += braced;
    const char *start = p;
    while (p < end && is_name_byte(*p))
        p++;
    struct str name = str_of(start, (size_t)(p - start));
    if (name.len == 0 || (braced && (p == end || *p != '}')))
        return STR("");
    *at = p + braced;
    return name;
}

bool layout_is_nginx(struct str spec) {
    const char *p = spec.ptr, *end = p + spec.len;
    while ((p = memchr(p, '$', (size_t)(end - p))) != NULL) {
        p++;
        struct str name = take_name(&p, end);
        if (find_variable(name) != NULL || str_starts(name, STR("http_")))
            return true;
    }
    return memchr(spec.ptr, '%', spec.len) == NULL;
}

/* A mistyped name is no mistake by itself, as servers have variables of their own; but when a field
 * that every event needs is missing, it is told (layout.c). */
static void note_unknown(struct layout *l, struct str name) {
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        enum slot slot = variables[i].slot;
        if (slot == SLOT_host || slot == SLOT_time || slot == SLOT_request || slot == SLOT_target)
            nearest_offer(&nearest, variables[i].name);
    }
    if (l->meant == NULL && nearest.best != NULL) {
        l->unknown = arena_dup(&l->texts, name);
        l->meant = nearest.best;
    }
}

static int add_variable(struct layout *l, struct str name, size_t at, struct err *err) {
    const struct variable *v = find_variable(name);
    if (str_is(name, "is_args")) /* a '?', or nothing, and then a query */
        return 0;
    if (v == NULL) {
        struct layout_header header = {SLOT_none, SHAPE_text, 0};
        if (str_starts(name, STR("http_")))
            header = layout_header_of(str_skip(name, 5));
        else
            note_unknown(l, name);
        layout_field(l, header.shape, header.slot, header.rank, at);
    } else if (v->pattern != NULL) {
        return layout_stamp(l, str_from(v->pattern), at, err);
    } else if (v->shape == SHAPE_clf) {
        layout_clf(l, at);
    } else {
        layout_field(l, v->shape, v->slot, v->rank, at);
    }
    return 0;
}

static int add_string(struct layout *l, struct str s, const char *spec, struct err *err) {
    const char *p = s.ptr, *end = p + s.len;
    while (p < end) {
        size_t at = (size_t)(p - spec) + 1; /* people count from 1 */
        if (*p != '$') {
            layout_literal(l, *p++);
            continue;
        }
        p++;
        struct str name = take_name(&p, end);
        if (name.len == 0)
            return err_set(err, ERR_USAGE, "$ at byte %zu: no name of a variable follows", at);
        int rc = add_variable(l, name, at, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* --- a whole statement, as it stands in a configuration --- */

static struct str skip_space(struct str s) {
    while (s.len > 0 && (is_blank(s.ptr[0]) || s.ptr[0] == '\n' || s.ptr[0] == '\r'))
        s = str_skip(s, 1);
    return s;
}

/* Does the word stand in front? *s is moved behind it and the blanks that must follow. */
static bool take_word(struct str *s, struct str word) {
    if (!str_starts(*s, word))
        return false;
    struct str rest = str_skip(*s, word.len);
    *s = skip_space(rest);
    return s->len < rest.len;
}

static int take_escape(struct layout *l, struct str *s, struct err *err) {
    static const struct {
        const char *word;
        enum layout_escapes escapes;
    } rows[] = {{"escape=default", ESCAPES_nginx},
                {"escape=json", ESCAPES_backslash},
                {"escape=none", ESCAPES_none}};
    if (!str_starts(*s, STR("escape=")))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (take_word(s, str_from(rows[i].word))) {
            l->escapes = rows[i].escapes;
            l->loose_quotes = rows[i].escapes == ESCAPES_none;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "escape= is followed by default, json or none, and a blank");
}

/* The pieces '...' '...'; up to the ';' are one string. Within them \' and \" are escapes, as \t.
 */
static int add_pieces(struct layout *l, struct str s, const char *spec, struct err *err) {
    while (s.len > 0 && s.ptr[0] != ';') {
        char quote = s.ptr[0];
        if (quote != '\'' && quote != '"')
            return err_set(err, ERR_USAGE, "at byte %zu: a quote should stand here",
                           (size_t)(s.ptr - spec) + 1);
        size_t n = 1, start = 1;
        int rc = 0;
        for (; rc == 0 && n < s.len && s.ptr[n] != quote; n++) {
            if (s.ptr[n] != '\\' || n + 1 == s.len || strchr("'\"\\t", s.ptr[n + 1]) == NULL)
                continue;
            rc = add_string(l, str_of(s.ptr + start, n - start), spec, err);
            layout_literal(l, s.ptr[n + 1] == 't' ? '\t' : s.ptr[n + 1]);
            start = ++n + 1;
        }
        if (rc == 0 && n >= s.len)
            rc = err_set(err, ERR_USAGE, "at byte %zu: the quote is never closed",
                         (size_t)(s.ptr - spec) + 1);
        if (rc == 0)
            rc = add_string(l, str_of(s.ptr + start, n - start), spec, err);
        if (rc != 0)
            return rc;
        s = skip_space(str_skip(s, n + 1));
    }
    return 0;
}

int layout_nginx(struct layout *l, struct str spec, struct err *err) {
    struct str rest = skip_space(spec);
    l->escapes = ESCAPES_nginx;
    bool statement = take_word(&rest, STR("log_format"));
    if (statement) {
        while (rest.len > 0 && !is_blank(rest.ptr[0]) && rest.ptr[0] != '\n')
            rest = str_skip(rest, 1);
        rest = skip_space(rest);
    }
    int rc = take_escape(l, &rest, err);
    if (rc != 0)
        return rc;
    /* '...' '...'; without log_format NAME in front, and a string whose own first byte is a quote
     */
    bool pieces = rest.len > 2 && rest.ptr[0] == '\'' &&
                  (rest.ptr[rest.len - 1] == '\'' || rest.ptr[rest.len - 1] == ';');
    return statement || pieces ? add_pieces(l, rest, spec.ptr, err)
                               : add_string(l, rest, spec.ptr, err);
}

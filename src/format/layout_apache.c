/* Apache LogFormat strings: mod_log_config, mod_logio and mod_ssl of httpd 2.4
 * (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html). */
#include "format/layout.h"

#include "format/cursor.h"

enum argument { ARGUMENT_none, ARGUMENT_optional, ARGUMENT_needed };

static const struct directive {
    const char *name;
    enum argument argument;
    enum layout_shape shape;
    enum slot slot;
    unsigned char rank;
} directives[] = {
    {"a", ARGUMENT_optional, SHAPE_token, SLOT_host, 2},
    {"A", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"b", ARGUMENT_none, SHAPE_number, SLOT_bytes, 2},
    {"B", ARGUMENT_none, SHAPE_number, SLOT_bytes, 2},
    {"c", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
    {"C", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
    {"D", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"e", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
    {"f", ARGUMENT_none, SHAPE_text, SLOT_none, 0},
    {"h", ARGUMENT_optional, SHAPE_token, SLOT_host, 2},
    {"H", ARGUMENT_none, SHAPE_token, SLOT_protocol, 1},
    {"i", ARGUMENT_needed, SHAPE_text, SLOT_none, 0}, /* layout_header_of() knows better */
    {"I", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"k", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"l", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"L", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"m", ARGUMENT_none, SHAPE_token, SLOT_method, 1},
    {"n", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
    {"o", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
    {"O", ARGUMENT_none, SHAPE_number, SLOT_bytes, 1}, /* with headers */
    {"p", ARGUMENT_optional, SHAPE_token, SLOT_none, 0},
    {"P", ARGUMENT_optional, SHAPE_token, SLOT_none, 0},
    {"q", ARGUMENT_none, SHAPE_text, SLOT_query, 1},
    {"r", ARGUMENT_none, SHAPE_text, SLOT_request, 1},
    {"R", ARGUMENT_none, SHAPE_text, SLOT_none, 0},
    {"s", ARGUMENT_none, SHAPE_status, SLOT_status, 1},
    {"S", ARGUMENT_none, SHAPE_token, SLOT_none, 0}, /* received and sent together */
    {"T", ARGUMENT_optional, SHAPE_token, SLOT_none, 0},
    {"u", ARGUMENT_none, SHAPE_text, SLOT_user, 1},
    {"U", ARGUMENT_none, SHAPE_text, SLOT_target, 1},
    {"v", ARGUMENT_none, SHAPE_token, SLOT_vhost, 2},
    {"V", ARGUMENT_none, SHAPE_token, SLOT_vhost, 2},
    {"x", ARGUMENT_needed, SHAPE_text, SLOT_none, 0}, /* mod_ssl: %{SSL_PROTOCOL}x */
    {"X", ARGUMENT_none, SHAPE_token, SLOT_none, 0},
    {"^ti", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
    {"^FB", ARGUMENT_none, SHAPE_token, SLOT_none, 0}, /* microseconds up to the first byte */
    {"^to", ARGUMENT_needed, SHAPE_text, SLOT_none, 0},
};

/* What stands between % and the name: <, >, status codes, {argument}. */
struct modifiers {
    bool original, final, has_argument;
    bool conditional, unless_200;
    struct str argument;
};

static int take_modifiers(const char **at, const char *end, size_t offset, struct modifiers *m,
                          struct err *err) {
    bool negated = false;
    const char *p = *at;
    for (; p < end; p++) {
        if (*p == '{') {
            const char *close = memchr(p, '}', (size_t)(end - p));
            if (close == NULL)
                return err_set(err, ERR_USAGE, "%%{ at byte %zu: there is no }", offset);
            m->argument = str_of(p + 1, (size_t)(close - p - 1));
            m->has_argument = true;
            p = close;
        } else if (*p == '!' || *p == ',' || is_digit(*p)) {
            negated |= *p == '!';
            m->conditional = true;
            m->unless_200 |= negated && end - p >= 3 && memcmp(p, "200", 3) == 0;
        } else if (*p == '<' || *p == '>') {
            m->original |= *p == '<';
            m->final |= *p == '>';
        } else {
            break;
        }
    }
    *at = p;
    return 0;
}

/* %{...}t; a time of the end of the request may stand beside that of its beginning. */
static int add_time(struct layout *l, const struct modifiers *m, size_t offset, struct err *err) {
    static const struct {
        const char *name, *pattern;
    } units[] = {{"sec", "%s"}, {"msec", "%*"}, {"usec", "%f"}};
    if (m->argument.len == 0) {
        layout_literal(l, '[');
        layout_clf(l, offset);
        layout_literal(l, ']');
        return 0;
    }
    struct str pattern = m->argument;
    bool ends = str_starts(pattern, STR("end:"));
    if (ends || str_starts(pattern, STR("begin:")))
        pattern = str_skip(pattern, ends ? 4 : 6);
    if (pattern.len == 0) {
        struct modifiers plain = {0};
        int rc = add_time(l, &plain, offset, err);
        l->steps[l->n - 1].second_time = ends;
        return rc;
    }
    int rc = 0;
    if (str_is(pattern, "msec_frac") || str_is(pattern, "usec_frac")) {
        layout_field(l, SHAPE_stamp, SLOT_time, 0, offset)->text = STR("%f");
    } else {
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
            if (str_is(pattern, units[i].name))
                pattern = str_from(units[i].pattern);
        rc = layout_stamp(l, pattern, offset, err);
    }
    if (rc == 0)
        l->steps[l->n - 1].second_time = ends;
    return rc;
}

static const struct directive *find_directive(const char *p, const char *end) {
    for (size_t i = 0; i < ARRAY_LEN(directives); i++)
        if (str_starts(str_of(p, (size_t)(end - p)), str_from(directives[i].name)))
            return &directives[i];
    return NULL;
}

static void add_field(struct layout *l, const struct directive *d, const struct modifiers *m,
                      size_t offset) {
    struct layout_header what = {d->slot, d->shape, d->rank};
    if (d->name[0] == 'i')
        what = layout_header_of(m->argument);
    if (what.slot == SLOT_host && m->has_argument)
        what.rank = 1; /* %{c}a: the proxy */
    if (what.slot == SLOT_status) {
        what.rank = m->final ? 2 : m->original ? 0 : 1;
        l->absent_is_200 |= m->unless_200;
    }
    layout_field(l, what.shape, what.slot, what.rank, offset);
}

/* One directive behind its '%' at `offset`. */
static int add_directive(struct layout *l, const char **at, const char *end, size_t offset,
                         struct err *err) {
    struct modifiers m = {.argument = STR("")};
    if (*at < end && **at == '%') {
        layout_literal(l, '%');
        (*at)++;
        return 0;
    }
    int rc = take_modifiers(at, end, offset, &m, err);
    if (rc != 0)
        return rc;
    if (*at == end)
        return err_set(err, ERR_USAGE, "%% at byte %zu: the format ends within a directive",
                       offset);
    if (**at == 't') {
        (*at)++;
        return add_time(l, &m, offset, err);
    }
    const struct directive *d = find_directive(*at, end);
    if (d == NULL)
        return err_set(err, ERR_USAGE, "%%%c at byte %zu: Apache has no such directive", **at,
                       offset);
    if (d->argument == ARGUMENT_needed && !m.has_argument)
        return err_set(err, ERR_USAGE, "%%%s at byte %zu: it needs a name, %%{NAME}%s", d->name,
                       offset, d->name);
    *at += strlen(d->name);
    add_field(l, d, &m, offset);
    return 0;
}

/* The string of a whole LogFormat line, as it stands in a configuration. */
static struct str of_statement(struct str spec) {
    struct str rest = str_trim(spec);
    if (rest.len < 10 || !str_eq_nocase(str_of(rest.ptr, 9), STR("LogFormat")) ||
        !is_blank(rest.ptr[9]))
        return spec;
    rest = str_trim(str_skip(rest, 9));
    if (rest.len == 0 || rest.ptr[0] != '"')
        return rest;
    size_t n = 1;
    while (n < rest.len && rest.ptr[n] != '"')
        n += rest.ptr[n] == '\\' && n + 1 < rest.len ? 2 : 1;
    return str_of(rest.ptr + 1, n - 1);
}

int layout_apache(struct layout *l, struct str spec, struct err *err) {
    spec = of_statement(spec);
    const char *p = spec.ptr, *end = p + spec.len;
    l->escapes = ESCAPES_backslash;
    while (p < end) {
        size_t offset = (size_t)(p - spec.ptr) + 1; /* people count from 1 */
        if (*p == '%') {
            p++;
            int rc = add_directive(l, &p, end, offset, err);
            if (rc != 0)
                return rc;
        } else if (*p == '\\' && end - p > 1) {
            layout_literal(l, p[1] == 't' ? '\t' : p[1] == 'n' ? '\n' : p[1]);
            p += 2;
        } else {
            layout_literal(l, *p++);
        }
    }
    return 0;
}

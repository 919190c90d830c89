/* GoAccess log-format strings (https://goaccess.io/man#custom-log). The string is followed by lines
 * with the date format, the time format (both may be missing), and, for formats of the table only,
 * with what header lines begin with. Lines of a goaccessrc name what they are: `log-format %h ...`.
 */
#include "format/layout.h"

#include "format/cursor.h"
#include "format/stamp.h"

static const struct specifier {
    char letter;
    enum layout_shape shape;
    enum slot slot;
    unsigned char rank;
} specifiers[] = {
    {'v', SHAPE_token, SLOT_vhost, 1},    {'e', SHAPE_text, SLOT_user, 1},
    {'C', SHAPE_token, SLOT_none, 0},     {'h', SHAPE_token, SLOT_host, 1},
    {'r', SHAPE_text, SLOT_request, 1},   {'m', SHAPE_token, SLOT_method, 1},
    {'U', SHAPE_text, SLOT_target, 1},    {'q', SHAPE_text, SLOT_query, 1},
    {'H', SHAPE_token, SLOT_protocol, 1}, {'s', SHAPE_status, SLOT_status, 1},
    {'b', SHAPE_number, SLOT_bytes, 1},   {'R', SHAPE_text, SLOT_referrer, 1},
    {'u', SHAPE_text, SLOT_agent, 1},     {'D', SHAPE_token, SLOT_none, 0},
    {'T', SHAPE_token, SLOT_none, 0},     {'L', SHAPE_token, SLOT_none, 0},
    {'n', SHAPE_token, SLOT_none, 0},     {'K', SHAPE_text, SLOT_none, 0},
    {'k', SHAPE_text, SLOT_none, 0},      {'M', SHAPE_text, SLOT_none, 0},
    {'^', SHAPE_text, SLOT_none, 0},
};

struct formats {
    struct str log, date, time, header;
};

/* The option of a goaccessrc or a command line (--log-format='...'): its value, false for other
 * lines. */
static bool take_option(struct str line, const char *name, struct str *ret) {
    line = str_trim(line);
    if (str_starts(line, STR("--")))
        line = str_skip(line, 2);
    if (!str_starts(line, str_from(name)))
        return false;
    line = str_skip(line, strlen(name));
    if (line.len == 0 || (!is_blank(line.ptr[0]) && line.ptr[0] != '='))
        return false;
    line = str_trim(line);
    if (str_starts(line, STR("=")))
        line = str_trim(str_skip(line, 1));
    bool quoted = line.len > 1 && (line.ptr[0] == '\'' || line.ptr[0] == '"') &&
                  line.ptr[line.len - 1] == line.ptr[0];
    *ret = quoted ? str_of(line.ptr + 1, line.len - 2) : line;
    return true;
}

/* What each line says: in order, or by its name. */
static struct formats take_lines(struct str spec) {
    static const char *const names[] = {"log-format", "date-format", "time-format"};
    struct formats f = {STR(""), STR("%d/%b/%Y"), STR("%H:%M:%S"), STR("")};
    struct str *const places[] = {&f.log, &f.date, &f.time, &f.header};
    struct str line;
    bool named = false;
    size_t next = 0;
    while (str_split(&spec, '\n', &line)) {
        struct str value = line;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (take_option(line, names[i], &value)) {
                named = true;
                next = i;
            }
        }
        if (named && line.len > 0 && line.ptr[0] == '#')
            continue;
        if (value.len > 0 && next < ARRAY_LEN(places))
            *places[next] = value;
        next++;
    }
    return f;
}

struct str layout_goaccess_name(struct str spec) {
    struct str line, value;
    while (str_split(&spec, '\n', &line))
        if (take_option(line, "log-format", &value))
            return value;
    return STR("");
}

bool layout_is_goaccess(struct str spec) {
    if (layout_goaccess_name(spec).len > 0)
        return true;
    for (size_t i = 0; i + 1 < spec.len; i++) {
        if (spec.ptr[i] == '~' && (spec.ptr[i + 1] == 'h' || spec.ptr[i + 1] == '^'))
            return true;
        if (spec.ptr[i] != '%')
            continue;
        i++;
        if (spec.ptr[i] == 'd' || spec.ptr[i] == 'x')
            return true;
        while (i < spec.len && spec.ptr[i] == '{') /* %{%d/%b}t is Apache's */
            while (i < spec.len && spec.ptr[i] != '}')
                i++;
    }
    return false;
}

static const struct specifier *find_specifier(char letter) {
    for (size_t i = 0; i < ARRAY_LEN(specifiers); i++)
        if (specifiers[i].letter == letter)
            return &specifiers[i];
    return NULL;
}

/* The parts that a strftime string gives, 0 for one that cannot be read. */
static unsigned parts_of(struct str pattern) {
    struct buf out = {0};
    unsigned parts = 0;
    int rc = moment_compile(pattern, &out, &parts, NULL);
    buf_release(&out);
    return rc ? 0 : parts;
}

/* %x: date and time in one. Either format may say both, else the time follows the date. */
static int add_both(struct layout *l, const struct formats *f, size_t at, struct err *err) {
    if (moment_check(parts_of(f->date), NULL) == 0)
        return layout_stamp(l, f->date, at, err);
    if (moment_check(parts_of(f->time), NULL) == 0)
        return layout_stamp(l, f->time, at, err);
    int rc = layout_stamp(l, f->date, at, err);
    layout_literal(l, ' ');
    return rc ? rc : layout_stamp(l, f->time, at, err);
}

/* ~h{, }: a list of addresses, with what stands between them. */
static int add_list(struct layout *l, const char **at, const char *end, size_t offset,
                    struct err *err) {
    const char *p = *at;
    if (end - p < 2 || p[0] != 'h' || p[1] != '{')
        return err_set(err, ERR_USAGE, "~ at byte %zu: h{...} should follow", offset);
    const char *close = memchr(p, '}', (size_t)(end - p));
    if (close == NULL || close == p + 2)
        return err_set(err, ERR_USAGE, "~h at byte %zu: say what stands between addresses, ~h{, }",
                       offset);
    struct buf between = {0};
    for (p += 2; p < close; p++)
        if (*p != '\\' || close - p == 1)
            buf_add_char(&between, *p);
    layout_field(l, SHAPE_addresses, SLOT_forwarded, 1, offset)->text =
        arena_dup(&l->texts, buf_str(&between));
    buf_release(&between);
    *at = close + 1;
    return 0;
}

static int add_specifier(struct layout *l, const struct formats *f, char letter, size_t at,
                         struct err *err) {
    switch (letter) {
    case '%':
        layout_literal(l, '%');
        return 0;
    case '~':
        layout_literal(l, ' ');
        return 0;
    case 'd':
        return layout_stamp(l, f->date, at, err);
    case 't':
        return layout_stamp(l, f->time, at, err);
    case 'x':
        return add_both(l, f, at, err);
    default:
        break;
    }
    const struct specifier *s = find_specifier(letter);
    if (s == NULL)
        return err_set(err, ERR_USAGE, "%%%c at byte %zu: GoAccess has no such specifier", letter,
                       at);
    /* [%d:%t %^]: GoAccess drops the zone, and its day is then the server's */
    bool behind_time = letter == '^' && str_eq(buf_str(&l->literal), STR(" ")) && l->n > 0 &&
                       l->steps[l->n - 1].shape == SHAPE_stamp;
    layout_field(l, s->shape, s->slot, s->rank, at)->maybe_zone = behind_time;
    return 0;
}

/* GoAccess looks for the keys of such lines, in any order. */
static bool is_json(struct str log) {
    log = str_trim(log);
    return str_starts(log, STR("{")) && memchr(log.ptr, '"', log.len) != NULL &&
           memchr(log.ptr, ':', log.len) != NULL;
}

int layout_goaccess(struct layout *l, struct str spec, struct err *err) {
    struct formats f = take_lines(spec);
    if (is_json(f.log))
        return err_set(
            err, ERR_USAGE,
            "GoAccess's strings for lines of JSON are not understood: use a named format "
            "for them, such as caddy, or a JSON mapping of fields to keys, "
            "{\"host\": \"request.client_ip\", ...} (docs/formats.md)");
    l->header = arena_dup(&l->texts, f.header);
    l->escapes = ESCAPES_backslash;
    l->loose_quotes = true;
    const char *p = f.log.ptr, *end = p + f.log.len;
    int rc = 0;
    while (rc == 0 && p < end) {
        size_t at = (size_t)(p - f.log.ptr) + 1; /* people count from 1 */
        char c = *p++;
        if (c == '%' && p < end) {
            rc = add_specifier(l, &f, *p++, at, err);
        } else if (c == '%') {
            rc = err_set(err, ERR_USAGE, "%% at byte %zu: the format ends within a specifier", at);
        } else if (c == '~') {
            rc = add_list(l, &p, end, at, err);
        } else if (c == '\\' && p < end && (*p == '"' || *p == 't')) {
            layout_literal(l, *p++ == 't' ? '\t' : '"');
        } else {
            layout_literal(l, c);
        }
    }
    return rc;
}

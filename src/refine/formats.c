/* The table of formats, and the questions that are asked of all of them. */
#include "refine/apache.h"

#include "base/limits.h"

#define EXAMPLE_COMMON                                                                             \
    "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /index.html HTTP/1.1\" 200 5316"
#define EXAMPLE_COMBINED EXAMPLE_COMMON " \"https://example.net/\" \"Mozilla/5.0\""

/* From the least to the most specific: format_detect relies on it. */
static const struct format formats[] = {
    {"common", "Apache common: %h %l %u %t \"%r\" %>s %b", EXAMPLE_COMMON, apache_common},
    {"combined", "Apache and nginx combined: common \"%{Referer}i\" \"%{User-agent}i\"",
     EXAMPLE_COMBINED, apache_combined},
    {"vhost", "Apache combined behind the server name: %v:%p combined",
     "www.example.org:443 " EXAMPLE_COMBINED, apache_vhost},
};
static const struct format *const fallback = &formats[1];

const struct format *format_find(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}

static bool is_blank_line(struct str line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

enum reason format_read(const struct format *format, struct str line, struct arena *scratch,
                        struct fields *ret) {
    if (line.len > LIMIT_LINE_BYTES)
        return REASON_too_long;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (is_blank_line(line))
        return REASON_empty;
    return format->parse(line, scratch, ret);
}

static void list_names(struct buf *out) {
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        buf_printf(out, "%s%s", i ? ", " : "", formats[i].name);
}

int format_check(struct str type, struct err *err) {
    if (format_find(type) != NULL)
        return 0;
    struct buf names = {0};
    list_names(&names);
    struct str shown = str_of(type.ptr, min_size(type.len, 200));
    int rc = err_set(err, ERR_USAGE, "unknown log format \"" STR_FMT "\": use one of %s",
                     STR_ARG(shown), buf_cstr(&names));
    buf_release(&names);
    return rc;
}

/* Every line votes for the most specific format that reads it. Asking which format reads the most
 * lines would let one damaged combined line, which still reads as a common one, cost a whole file
 * its agents. */
struct str format_detect(const struct str *lines, size_t n) {
    size_t votes[ARRAY_LEN(formats)] = {0};
    struct arena scratch = {0};
    for (size_t i = 0; i < n; i++) {
        for (size_t f = ARRAY_LEN(formats); f-- > 0;) {
            struct fields fields;
            if (format_read(&formats[f], lines[i], &scratch, &fields) == REASON_NONE) {
                votes[f]++;
                break;
            }
        }
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    const struct format *best = fallback;
    size_t most = 0;
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        if (votes[f] > 0 && votes[f] >= most) {
            most = votes[f];
            best = &formats[f];
        }
    }
    return str_from(best->name);
}

bool format_accepts(struct str type, struct str line) {
    const struct format *format = format_find(type);
    if (format == NULL)
        return false;
    struct arena scratch = {0};
    struct fields fields;
    bool accepted = format_read(format, line, &scratch, &fields) == REASON_NONE;
    arena_release(&scratch);
    return accepted;
}

void format_list(struct buf *out) {
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        buf_printf(out, "  %-10s %s\n             %s\n", formats[i].name, formats[i].doc,
                   formats[i].example);
}

size_t format_count(void) { return ARRAY_LEN(formats); }

const struct format *format_at(size_t i) { return i < ARRAY_LEN(formats) ? &formats[i] : NULL; }

/* The table of formats, and the questions that are asked of all of them. */
#include "base/limits.h"
#include "base/nearest.h"
#include "format/reader.h"
#include <stdlib.h>

#define EXAMPLE_COMMON                                                                             \
    "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /index.html HTTP/1.1\" 200 5316"
#define EXAMPLE_COMBINED EXAMPLE_COMMON " \"https://example.net/\" \"Mozilla/5.0\""

/* A row is what format.h shows of it, how it is read and the string for that reader. */
static const struct named_format {
    struct format_row row;
    const struct format_reader *reader;
    const char *layout;
} formats[] = {
    /* From the least to the most specific: format_detect() relies on it. */
    {{"common", "Apache common: %h %l %u %t \"%r\" %>s %b", EXAMPLE_COMMON},
     &apache_reader,
     "common"},
    {{"combined", "Apache and nginx combined: common \"%{Referer}i\" \"%{User-agent}i\"",
      EXAMPLE_COMBINED},
     &apache_reader,
     "combined"},
    {{"vhost", "Apache combined behind the server name: %v:%p combined",
      "www.example.org:443 " EXAMPLE_COMBINED},
     &apache_reader,
     "vhost"},
};
#define FALLBACK 1 /* combined */

/* Names that GoAccess has for the same. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"COMMON", "common"},
    {"COMBINED", "combined"},
    {"VCOMBINED", "vhost"},
};

struct format {
    const struct format_reader *reader;
    void *state;
    char *spec;
};

static const struct named_format *find_named(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (str_is(name, aliases[i].alias))
            name = str_from(aliases[i].name);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_is(name, formats[i].row.name))
            return &formats[i];
    return NULL;
}

static bool contains(struct str s, const char *what) {
    return memmem(s.ptr, s.len, what, strlen(what)) != NULL;
}

/* Of a string that is no name: by what it contains (format.h). The order matters: a regular
 * expression may have `$` and `%`, a JSON mapping both. */
static const struct format_reader *reader_of_string(struct str spec) {
    if (spec.len > 0 && spec.ptr[0] == '{' && contains(spec, "\":"))
        return &json_reader;
    if (contains(spec, "(?<") || contains(spec, "(?P<"))
        return &pattern_reader;
    if (contains(spec, "%") || contains(spec, "$"))
        return &layout_reader;
    return NULL;
}

static int unknown_name(struct str spec, struct err *err) {
    struct buf names = {0};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        buf_printf(&names, "%s%s", i ? ", " : "", formats[i].row.name);
    struct str shown = str_of(spec.ptr, min_size(spec.len, 200));
    int rc = err_set(err, ERR_USAGE, "unknown log format \"" STR_FMT "\": use one of %s",
                     STR_ARG(shown), buf_cstr(&names));
    buf_release(&names);
    return rc;
}

int format_open(struct str spec, struct format **ret, struct err *err) {
    const struct named_format *named = find_named(spec);
    const struct format_reader *reader = named ? named->reader : reader_of_string(spec);
    if (reader == NULL)
        return unknown_name(spec, err);
    if (spec.len > LIMIT_FORMAT_BYTES)
        return err_set(err, ERR_USAGE, "the format is longer than %d bytes", LIMIT_FORMAT_BYTES);
    struct format *f = xcalloc(1, sizeof *f);
    f->reader = reader;
    f->spec = named ? xstrdup(named->row.name) : str_dup(spec);
    int rc = reader->open(named ? str_from(named->layout) : spec, &f->state, err);
    if (rc != 0) {
        free(f->spec);
        free(f);
        return rc;
    }
    *ret = f;
    return 0;
}

void format_free(struct format *f) {
    if (f == NULL)
        return;
    if (f->reader->free != NULL)
        f->reader->free(f->state);
    free(f->spec);
    free(f);
}

/* --- reading --- */

static bool is_blank_line(struct str line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

/* Without what is no part of it: a carriage return, and before the first line a byte-order mark. */
static struct str bare(struct str line) {
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return str_starts(line, STR("\xef\xbb\xbf")) ? str_skip(line, 3) : line;
}

enum reason format_read(struct format *f, struct str line, struct arena *scratch,
                        struct fields *ret) {
    if (line.len > LIMIT_LINE_BYTES)
        return REASON_too_long;
    line = bare(line);
    if (is_blank_line(line))
        return REASON_empty;
    /* some exports put one more pair of quotes around each line */
    if (line.len > 2 && line.ptr[0] == '"' && line.ptr[line.len - 1] == '"') {
        struct str inner = str_of(line.ptr + 1, line.len - 2);
        if (f->reader->read(f->state, inner, scratch, ret) == REASON_NONE)
            return REASON_NONE;
    }
    return f->reader->read(f->state, line, scratch, ret);
}

bool format_is_header(const struct format *f, struct str line) {
    return f->reader->is_header != NULL && f->reader->is_header(f->state, bare(line));
}

void format_take_header(struct format *f, struct str lines) {
    struct str line;
    while (f->reader->take_header != NULL && str_split(&lines, '\n', &line))
        f->reader->take_header(f->state, bare(line));
}

void format_header(const struct format *f, struct buf *out) {
    if (f->reader->header != NULL)
        f->reader->header(f->state, out);
}

void format_restart(struct format *f) {
    if (f->reader->restart != NULL)
        f->reader->restart(f->state);
}

bool format_names_site(const struct format *f) {
    return f->reader->names_site != NULL && f->reader->names_site(f->state);
}

const char *format_spec(const struct format *f) { return f->spec; }

/* --- the table --- */

size_t format_count(void) { return ARRAY_LEN(formats); }

const struct format_row *format_at(size_t i) {
    return i < ARRAY_LEN(formats) ? &formats[i].row : NULL;
}

void format_list(struct buf *out) {
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        buf_printf(out, "  %-10s %s\n             %s\n", formats[i].row.name, formats[i].row.doc,
                   formats[i].row.example);
}

/* --- which format is it --- */

struct ballot {
    struct format *format;
    size_t votes;
};

/* The most specific format that reads the line, or takes it as a header, gets its vote. Asking
 * which format reads the most lines would let one damaged combined line, which still reads as a
 * common one, cost a whole file its agents. */
static void vote(struct ballot *ballots, struct str line, struct arena *scratch) {
    for (size_t i = ARRAY_LEN(formats); i-- > 0;) {
        struct fields fields;
        if (format_is_header(ballots[i].format, line)) {
            format_take_header(ballots[i].format, line);
        } else if (format_read(ballots[i].format, line, scratch, &fields) == REASON_NONE) {
            ballots[i].votes++;
            return;
        }
    }
}

struct str format_detect(const struct str *lines, size_t n) {
    struct ballot ballots[ARRAY_LEN(formats)] = {0};
    struct arena scratch = {0};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct err err = {0};
        int rc = format_open(str_from(formats[i].row.name), &ballots[i].format, &err);
        assert(rc == 0);
        UNUSED(rc);
    }
    for (size_t i = 0; i < n; i++) {
        vote(ballots, lines[i], &scratch);
        arena_reset(&scratch);
    }
    size_t best = FALLBACK, most = 0;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (ballots[i].votes > 0 && ballots[i].votes >= most) {
            most = ballots[i].votes;
            best = i;
        }
        format_free(ballots[i].format);
    }
    arena_release(&scratch);
    return str_from(formats[best].row.name);
}

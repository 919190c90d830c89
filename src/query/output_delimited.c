/* CSV (RFC 4180) and TSV, for spreadsheets and shell tools: a header line, rows, no total. Null is
 * an empty cell. */
#include "query/output.h"

typedef void (*add_text_fn)(struct str raw, struct buf *out);

/* Every text is quoted that would be read differently without; an empty one too, so that it is not
 * taken for null and a line is never blank. */
static void add_csv_text(struct str raw, struct buf *out) {
    struct buf safe = {0};
    output_text(raw, "\t\n", &safe);
    struct str s = buf_str(&safe);
    bool formula = s.len > 0 && strchr("=+-@\t", s.ptr[0]); /* a spreadsheet would run it */
    bool quoted = s.len == 0 || s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' ';
    for (size_t i = 0; i < s.len && !quoted; i++)
        quoted = s.ptr[i] == '"' || s.ptr[i] == ',' || s.ptr[i] == '\n' || s.ptr[i] == '\t';
    if (quoted)
        buf_add_char(out, '"');
    if (formula)
        buf_add_char(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, s.ptr[i]);
    }
    if (quoted)
        buf_add_char(out, '"');
    buf_release(&safe);
}

static void add_tsv_text(struct str raw, struct buf *out) {
    static const char SPECIAL[] = "\t\n\r\\", LETTERS[] = "tnr\\";
    struct buf safe = {0};
    output_text(raw, "\t\n\r", &safe);
    for (size_t i = 0; i < safe.len; i++) {
        const char *at = strchr(SPECIAL, safe.ptr[i]);
        if (at)
            buf_add_char(out, '\\');
        buf_add_char(out, at ? LETTERS[at - SPECIAL] : safe.ptr[i]);
    }
    buf_release(&safe);
}

static void add_all(const struct result *r, char separator, const char *line_end,
                    add_text_fn add_text, struct buf *out) {
    for (size_t i = 0; i < r->n_columns; i++) {
        if (i > 0)
            buf_add_char(out, separator);
        add_text(str_from(r->columns[i].name), out);
    }
    buf_add_cstr(out, line_end);
    for (size_t at = 0; at < r->n_rows * r->n_columns; at++) {
        const struct value *v = &r->values[at];
        if (v->type == VALUE_TIME)
            zone_format(r->zone, v->integer, out);
        else if (v->type == VALUE_TEXT)
            add_text(v->text, out);
        else
            (void)output_number(v, out);
        if ((at + 1) % r->n_columns == 0)
            buf_add_cstr(out, line_end);
        else
            buf_add_char(out, separator);
    }
}

void output_csv(const struct result *r, struct buf *out) {
    add_all(r, ',', "\n", add_csv_text, out);
}

void output_tsv(const struct result *r, struct buf *out) {
    add_all(r, '\t', "\n", add_tsv_text, out);
}

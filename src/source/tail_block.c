/* Bytes of a followed file -> records of a block. */
#include "source/tail_internal.h"

#include "format/format.h"
#include <stdlib.h>

#define SAMPLE_LINES 1000
#define DOUBT_LINES 10           /* so many lines that nothing can read are enough to go on */
#define RECORD_ROOM ((size_t)64) /* a record takes more than its texts: numbers, lengths */

/* --- pieces: what the file is known by --- */

static void add_to_head(struct tail_piece *head, struct str bytes) {
    size_t n = min_size(bytes.len, TAIL_MARK_BYTES - head->len);
    memcpy(head->bytes + head->len, bytes.ptr, n);
    head->len += n;
}

static void add_to_end(struct tail_piece *end, struct str bytes) {
    if (bytes.len > TAIL_MARK_BYTES)
        bytes = str_skip(bytes, bytes.len - TAIL_MARK_BYTES);
    size_t kept = min_size(end->len, TAIL_MARK_BYTES - bytes.len);
    memmove(end->bytes, end->bytes + end->len - kept, kept);
    memcpy(end->bytes + kept, bytes.ptr, bytes.len);
    end->len = kept + bytes.len;
}

void tail_cut_hole(struct tail_slot *slot, uint64_t n) {
    static const char zeros[TAIL_MARK_BYTES];
    struct str some = str_of(zeros, (size_t)min_i64((int64_t)n, sizeof zeros));
    if (slot->head.len > 0)
        add_to_head(&slot->head, some);
    else
        slot->next.head_at += n;
    add_to_end(&slot->end, some);
    slot->next.offset += n;
}

/* --- lines --- */

static void add_record(struct tail_slot *slot, struct str body, const char *type) {
    struct record record = {
        .body = body,
        .type = str_from(type),
        .site = slot->next.names_site && slot->source->site_by_lines
                    ? STR("")
                    : str_from(arena_cstr(&slot->names, str_from(slot->source->site))),
        .source = str_from(slot->next.source)};
    if (slot->records.len > 0) /* one copy of the name is enough for a block */
        record.site = slot->records.items[0].site;
    vec_push(&slot->records, record);
}

struct cutter {
    struct tail_slot *slot;
    struct format *format;
    const char *type, *header_type;
    size_t room; /* that the block takes, at most */
};

static void take_line(struct cutter *c, struct str text) {
    struct tail_slot *slot = c->slot;
    size_t before = slot->records.len;
    if (before == 0) { /* a block begins with the header that its lines are read by (format.h) */
        struct buf header = {0};
        format_header(c->format, &header);
        if (header.len > 0)
            add_record(slot, arena_dup(&slot->names, buf_str(&header)), c->header_type);
        buf_release(&header);
    }
    if (format_is_header(c->format, text)) {
        format_take_header(c->format, text);
        add_record(slot, text, c->header_type);
    } else {
        add_record(slot, text, c->type);
        slot->next.lines++;
    }
    for (size_t i = before; i < slot->records.len; i++)
        c->room += RECORD_ROOM + slot->records.items[i].body.len + strlen(c->header_type) +
                   slot->records.items[i].site.len + slot->records.items[i].source.len;
}

/* The next line of `rest`; *ret_text is empty for an empty one. Returns how many bytes it takes,
 * 0: it is not complete. *ret_open: its end was not there. */
static size_t next_line(struct str rest, bool final, struct str *ret_text, bool *ret_open) {
    const char *end = memchr(rest.ptr, '\n', rest.len);
    size_t n = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
    *ret_open = end == NULL;
    if (end == NULL && rest.len <= LIMIT_LINE_BYTES + 1 && !final)
        return 0;
    *ret_text = str_of(rest.ptr, n);
    if (end != NULL && n > 0 && rest.ptr[n - 1] == '\r')
        ret_text->len--;
    ret_text->len = min_size(ret_text->len, LIMIT_LINE_BYTES + 1);
    return end != NULL ? n + 1 : n;
}

static size_t leading_zeros(struct str s) {
    size_t n = 0;
    while (n < s.len && s.ptr[n] == '\0')
        n++;
    return n;
}

void tail_cut(struct tail_slot *slot, struct str bytes, bool final, bool *ret_full) {
    struct tail_position *next = &slot->next;
    struct format *format = slot->file->format;
    struct buf header_type = {0};
    buf_printf(&header_type, "%c%s", FORMAT_HEADER_MARK, format_spec(format));
    struct cutter c = {.slot = slot,
                       .format = format,
                       .type = arena_cstr(&slot->names, str_from(format_spec(format))),
                       .header_type = arena_cstr(&slot->names, buf_str(&header_type))};
    buf_release(&header_type);
    size_t at = 0;
    while (at < bytes.len && c.room < TAIL_BLOCK_BYTES &&
           slot->records.len < LIMIT_BLOCK_RECORDS / 2) {
        struct str rest = str_skip(bytes, at), text = STR("");
        size_t n;
        if (next->open) {
            const char *end = memchr(rest.ptr, '\n', rest.len);
            n = end != NULL ? (size_t)(end - rest.ptr) + 1 : rest.len;
            next->open = end == NULL;
        } else if ((n = leading_zeros(rest)) == 0) {
            n = next_line(rest, final, &text, &next->open);
            if (n == 0) {
                next->open = false;
                break;
            }
        } else if (slot->head.len == 0) {
            next->head_at += n;
        }
        if (text.len > 0)
            take_line(&c, text);
        if (next->head_at < next->offset + n)
            add_to_head(&slot->head, str_of(rest.ptr, n));
        add_to_end(&slot->end, str_of(rest.ptr, n));
        next->offset += n;
        at += n;
    }
    *ret_full = at < bytes.len &&
                (c.room >= TAIL_BLOCK_BYTES || slot->records.len >= LIMIT_BLOCK_RECORDS / 2);
}

/* --- which format --- */

/* Whole lines of the beginning. False: wait for more, as header lines alone do not say what follows
 * them. */
static bool take_sample(struct str bytes, bool final, struct str *sample, size_t *ret_n) {
    bool whole = false;
    *ret_n = 0;
    bytes = str_skip(bytes, leading_zeros(bytes));
    while (bytes.len > 0 && *ret_n < SAMPLE_LINES) {
        struct str line;
        bool open;
        size_t n = next_line(bytes, final, &line, &open);
        if (n == 0)
            break;
        bytes = str_skip(bytes, n);
        line = str_trim(line);
        if (line.len == 0)
            continue;
        sample[(*ret_n)++] = line;
        whole = whole || line.ptr[0] != '#';
    }
    return whole || (final && *ret_n > 0) || *ret_n == SAMPLE_LINES;
}

static bool is_auto(const struct tail_follow *source) {
    return *source->format == '\0' || strcmp(source->format, "auto") == 0;
}

/* Does the format read any of the lines? */
static bool reads_any(struct format *format, const struct str *sample, size_t n) {
    struct arena scratch = {0};
    struct fields fields;
    bool any = false;
    for (size_t i = 0; i < n && !any; i++) {
        if (format_is_header(format, sample[i]))
            format_take_header(format, sample[i]);
        else
            any = format_read(format, sample[i], &scratch, &fields) == REASON_NONE;
        arena_reset(&scratch);
    }
    format_restart(format);
    arena_release(&scratch);
    return any;
}

/* Rubbish in the first lines must not decide for a whole day: while nothing is readable, a few more
 * are waited for, and in the end the log is what it was before. */
static int detect(const struct str *sample, size_t n, bool final, const char *before,
                  struct format **ret, struct err *err) {
    int rc = format_open(format_detect(sample, n), ret, err);
    if (rc != 0 || reads_any(*ret, sample, n) || (*before == '\0' && (final || n >= DOUBT_LINES)))
        return rc;
    format_free(*ret);
    *ret = NULL;
    return *before != '\0' ? format_open(str_from(before), ret, err) : 0;
}

int tail_decide_format(struct tail_follow *source, struct tail_file *f, struct str bytes,
                       bool final, const char *before, struct err *err) {
    struct str *sample = xcalloc(SAMPLE_LINES, sizeof *sample);
    size_t n;
    int rc = 0;
    if (take_sample(bytes, final, sample, &n))
        rc = is_auto(source) ? detect(sample, n, final, before, &f->format, err)
                             : format_open(str_from(source->format), &f->format, err);
    if (rc == 0 && f->format != NULL) {
        for (size_t i = 0; i < n; i++)
            if (format_is_header(f->format, sample[i]))
                format_take_header(f->format, sample[i]);
        free(f->at.format);
        f->at.format = xstrdup(format_spec(f->format));
        f->at.names_site = format_names_site(f->format);
        format_restart(f->format);
        rc = 1;
    }
    free(sample);
    return rc;
}

int tail_reopen_format(struct tail_follow *source, struct tail_file *f, struct err *err) {
    if (*f->at.format == '\0')
        return 0;
    struct str spec = str_from(is_auto(source) ? f->at.format : source->format);
    int rc = format_open(spec, &f->format, err);
    if (rc == 0 && *f->at.header != '\0')
        format_take_header(f->format, str_from(f->at.header));
    if (rc == 0) {
        free(f->at.format);
        f->at.format = xstrdup(format_spec(f->format));
        f->at.names_site = format_names_site(f->format);
    }
    return rc;
}

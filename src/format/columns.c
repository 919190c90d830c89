/* Formats whose lines are columns that a #Fields line before them names: W3C extended log files,
 * the same by Internet Information Services, standard logs of Amazon CloudFront. The rules and
 * their reasons: docs/formats/columns.md. */
#include "base/limits.h"
#include "format/columns_text.h"
#include "format/reader.h"
#include "format/slots.h"
#include <stdlib.h>

enum { WEB = 1, CLOUDFRONT = 2 };

static const struct column_name {
    struct str name;
    enum slot slot;
    unsigned formats;
} column_names[] = {
#define COLUMN_NAME(name, slot, formats) {{(name), sizeof(name) - 1}, SLOT_##slot, (formats)},
#include "columns.def"
#undef COLUMN_NAME
};

/* What stands as layout in the table of formats. */
static const struct columns_format {
    const char *name;
    unsigned names; /* of the rows of columns.def */
    bool quotes;    /* a field may stand in quotes */
    bool encoded;   /* with percents; else an agent's blanks are pluses */
    /* A file is of this format when #Software says so or #Fields has one of these; none: any is. */
    const char *software, *signs[16];
} columns_formats[] = {
    {.name = "w3c", .names = WEB, .quotes = true},
    {.name = "iis",
     .names = WEB,
     .software = "Microsoft Internet Information Serv",
     .signs = {"sc-win32-status", "sc-substatus", "s-sitename", "s-computername"}},
    {.name = "cloudfront",
     .names = CLOUDFRONT,
     .encoded = true,
     /* columns are chosen freely since 2024 */
     .signs = {"x-edge-location", "x-edge-result-type", "x-edge-request-id",
               "x-edge-response-result-type", "x-edge-detailed-result-type", "x-edge-mqcs",
               "x-host-header", "timestamp(ms)", "c-country", "time-to-first-byte", "origin-fbl",
               "origin-lbl", "cs-protocol-version", "fle-encrypted-fields", "distributionid"}},
};

struct columns {
    const struct columns_format *format;
    bool has_fields;
    struct buf fields; /* the names of the #Fields line in force; "" when there are too many */
    char date[11];     /* of #Date, "" if there was none */
    /* made of these: */
    uint8_t slots[LIMIT_COLUMNS];
    size_t n;
    struct slot_set set;
    bool whole_uri;     /* the target has its query itself */
    bool fits;          /* a sign of the format was seen */
    enum reason reason; /* why lines cannot be read; REASON_NONE: they can */
};

/* --- header lines ------------------------------------------------------------------------------
 */

static bool columns_is_header(const void *state, struct str line) {
    UNUSED(state);
    return line.len > 0 && line.ptr[0] == '#';
}

/* Index in column_names, their number for a name that is not there. */
static size_t find_name(const struct columns *c, struct str name) {
    size_t i = 0;
    while (i < ARRAY_LEN(column_names) && !((column_names[i].formats & c->format->names) != 0 &&
                                            str_eq_nocase(name, column_names[i].name)))
        i++;
    return i;
}

static bool is_sign(const struct columns_format *format, struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(format->signs) && format->signs[i] != NULL; i++)
        if (str_eq_nocase(name, str_from(format->signs[i])))
            return true;
    return format->signs[0] == NULL;
}

/* Each slot is filled by the column whose name stands first in columns.def. */
static void place(struct columns *c, size_t best[SLOT_COUNT], size_t column, struct str name) {
    size_t row = find_name(c, name);
    if (row == ARRAY_LEN(column_names))
        return;
    enum slot slot = column_names[row].slot;
    if (c->set.has[slot] && best[slot] <= row)
        return;
    for (size_t i = 0; i < column; i++)
        if (c->slots[i] == slot)
            c->slots[i] = SLOT_none;
    c->slots[column] = (uint8_t)slot;
    c->set.has[slot] = true;
    best[slot] = row;
    if (slot == SLOT_target) /* a whole cs-uri has its query itself */
        c->whole_uri = str_is(column_names[row].name, "cs-uri");
}

static enum reason lacks(const struct columns *c) {
    struct slot_set set = c->set;
    set.has[SLOT_date] = set.has[SLOT_date] || c->date[0] != '\0';
    enum slot missing = slots_missing(&set);
    return missing == SLOT_host      ? REASON_header_client
           : missing == SLOT_time    ? REASON_header_time
           : missing == SLOT_request ? REASON_header_request
                                     : REASON_NONE;
}

/* Make of the names and the date what reading a line needs. */
static void understand(struct columns *c) {
    struct cursor at = {c->fields.ptr, c->fields.ptr + c->fields.len};
    size_t best[SLOT_COUNT];
    bool streaming = false;
    memset(c->slots, SLOT_none, sizeof c->slots);
    c->set = (struct slot_set){0};
    c->n = 0;
    c->whole_uri = false;
    while (at.at < at.end) {
        struct str name = cursor_token(&at);
        place(c, best, c->n++, name);
        c->fits = c->fits || is_sign(c->format, name);
        streaming = streaming || str_eq_nocase(name, STR("x-event"));
    }
    c->reason = !c->has_fields                          ? REASON_no_header
                : c->fields.len == 0                    ? REASON_bad_header
                : streaming && !c->set.has[SLOT_method] ? REASON_streaming
                                                        : lacks(c);
}

static void take_fields(struct columns *c, struct str names) {
    struct cursor at = {names.ptr, names.ptr + names.len};
    size_t n = 0;
    while (at.at < at.end && cursor_token(&at).len > 0)
        n++;
    c->has_fields = true;
    buf_clear(&c->fields);
    if (n <= LIMIT_COLUMNS && names.len <= LIMIT_LINE_BYTES)
        buf_add_str(&c->fields, names);
    understand(c);
}

/* 2015-05-17, and 17-May-2015 as in the W3C draft; what follows is the time of day. Whether there
 * is such a day is seen when a line is read. */
static void take_date(struct columns *c, struct str text) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct cursor at = {text.ptr, text.ptr + text.len};
    struct str day = cursor_token(&at);
    char date[sizeof c->date] = "";
    if (day.len == 10)
        memcpy(date, day.ptr, 10);
    for (size_t m = 0; day.len == 11 && m < 12; m++) {
        if (memcmp(months + 3 * m, day.ptr + 3, 3) != 0)
            continue;
        memcpy(date, day.ptr + 7, 4);
        memcpy(date + 4, (char[]){'-', (char)('0' + (m + 1) / 10), (char)('0' + (m + 1) % 10), '-'},
               4);
        memcpy(date + 8, day.ptr, 2);
    }
    for (size_t i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? date[i] != '-' : !is_digit(date[i]))
            date[0] = '\0';
    memcpy(c->date, date, sizeof date);
    understand(c);
}

static void take_software(struct columns *c, struct str name) {
    const char *software = c->format->software;
    c->fits = c->fits || (software != NULL && str_starts(name, str_from(software)));
}

/* A version alone: more cannot be told yet. */
static void take_version(struct columns *c, struct str number) {
    UNUSED(number);
    c->fits = c->fits || c->format->signs[0] == NULL;
}

static void columns_take_header(void *state, struct str line) {
    static const struct {
        struct str name;
        void (*take)(struct columns *c, struct str value);
    } directives[] = {{{"#Fields:", 8}, take_fields},
                      {{"#Date:", 6}, take_date},
                      {{"#Software:", 10}, take_software},
                      {{"#Version:", 9}, take_version}};
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        struct str name = directives[i].name;
        if (line.len >= name.len && str_eq_nocase(str_of(line.ptr, name.len), name))
            directives[i].take(state, str_trim(str_skip(line, name.len)));
    }
}

static void columns_header(const void *state, struct buf *out) {
    const struct columns *c = state;
    if (c->date[0] != '\0')
        buf_printf(out, "#Date: %s", c->date);
    if (c->has_fields) {
        buf_printf(out, "%s#Fields: ", c->date[0] != '\0' ? "\n" : "");
        buf_add_str(out, buf_str(&c->fields));
    }
}

static void columns_restart(void *state) {
    struct columns *c = state;
    c->has_fields = c->fits = false;
    buf_clear(&c->fields);
    c->date[0] = '\0';
    understand(c);
}

static int columns_open(struct str spec, void **ret_state, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(columns_formats); i++) {
        if (!str_is(spec, columns_formats[i].name))
            continue;
        struct columns *c = xcalloc(1, sizeof *c);
        c->format = &columns_formats[i];
        columns_restart(c);
        *ret_state = c;
        return 0;
    }
    return err_set(err, ERR_USAGE, "no such format");
}

static void columns_free(void *state) {
    struct columns *c = state;
    buf_release(&c->fields);
    free(c);
}

static bool columns_fits(const void *state) {
    const struct columns *c = state;
    return c->fits;
}

static bool columns_names_site(const void *state) {
    const struct columns *c = state;
    return c->set.has[SLOT_vhost];
}

/* --- lines -------------------------------------------------------------------------------------
 */

static struct str plain_text(const struct columns *c, enum slot slot, struct str field,
                             struct arena *scratch) {
    if (slot == SLOT_agent)
        return c->format->encoded ? columns_percent_agent(field, scratch)
                                  : columns_plus_agent(field, scratch);
    if (c->format->encoded && (slot == SLOT_referrer || slot == SLOT_query))
        return columns_percent_once(field, scratch);
    return field;
}

static enum reason cut(const struct columns *c, struct str line, struct arena *scratch,
                       struct slots *ret) {
    struct cursor at = {line.ptr, line.ptr + line.len};
    bool tabs = c->format->encoded && memchr(line.ptr, '\t', line.len) != NULL;
    for (size_t i = 0; i < c->n; i++) {
        struct str field = STR("");
        bool quoted = false;
        if (c->format->quotes) {
            enum reason reason = columns_quoted(&at, scratch, &quoted, &field);
            if (reason != REASON_NONE)
                return reason;
        }
        if (!quoted) {
            field = columns_field(&at, tabs ? '\t' : ' ');
            if (field.len == 0)
                return REASON_fields;
        }
        enum slot slot = (enum slot)c->slots[i];
        if (slot != SLOT_none)
            ret->at[slot] = quoted ? field : plain_text(c, slot, field, scratch);
    }
    return REASON_NONE;
}

static enum reason columns_read(void *state, struct str line, struct arena *scratch,
                                struct fields *ret) {
    const struct columns *c = state;
    struct slots slots = {0};
    if (columns_is_header(c, line))
        return REASON_comment;
    enum reason reason = c->reason != REASON_NONE ? c->reason : cut(c, line, scratch, &slots);
    if (reason != REASON_NONE)
        return reason;
    if (slots.at[SLOT_date].ptr == NULL)
        slots.at[SLOT_date] = str_from(c->date);
    if (c->whole_uri)
        slots.at[SLOT_query] = STR("");
    if (slots.at[SLOT_forwarded].ptr != NULL) {
        /* who logs forwarders has a proxy: c-ip is its address */
        struct str client = columns_forwarded(slots.at[SLOT_forwarded]);
        slots.at[SLOT_forwarded] = STR("");
        if (client.len > 0)
            slots.at[SLOT_host] = client;
    }
    return slots_finish(&slots, scratch, ret);
}

const struct format_reader columns_reader = {.open = columns_open,
                                             .free = columns_free,
                                             .read = columns_read,
                                             .is_header = columns_is_header,
                                             .take_header = columns_take_header,
                                             .header = columns_header,
                                             .restart = columns_restart,
                                             .names_site = columns_names_site,
                                             .fits = columns_fits};

/* Access logs of Amazon S3 and of its load balancers: words between blanks, in quotes or brackets
 * where they may hold blanks, with more of them at the end every few years. Sources (Amazon's user
 * guides): "Amazon S3 server access log format", "Access logs for your Application Load Balancer",
 * "Access logs for your Classic Load Balancer". */
#include "format/cursor.h"
#include "format/reader.h"
#include "format/slots.h"

#define COLUMNS 17

static const struct aws_format {
    const char *name;
    size_t n_types; /* the first column is one of these; 0: it is something else */
    const char *types[8];
    enum slot columns[COLUMNS]; /* in order; those behind the last are ignored */
    size_t columns_max, columns_min;
    bool ports; /* host:port stands for the client */
} aws_formats[] = {
    /* The bucket is the site: a name of one's own that leads to S3 is the name of its bucket. */
    {.name = "s3",
     .columns = {SLOT_none, SLOT_vhost, SLOT_time, SLOT_host, SLOT_user, SLOT_none, SLOT_none,
                 SLOT_none, SLOT_request, SLOT_status, SLOT_none, SLOT_bytes, SLOT_none, SLOT_none,
                 SLOT_none, SLOT_referrer, SLOT_agent},
     .columns_max = 17,
     .columns_min = 17},
    {.name = "alb",
     .n_types = 6,
     .types = {"http", "https", "h2", "grpcs", "ws", "wss"},
     .columns = {SLOT_none, SLOT_time, SLOT_none, SLOT_host, SLOT_none, SLOT_none, SLOT_none,
                 SLOT_none, SLOT_status, SLOT_none, SLOT_none, SLOT_bytes, SLOT_request,
                 SLOT_agent},
     .columns_max = 14,
     .columns_min = 14,
     .ports = true},
    {.name = "elb", /* before 2014 without the user agent */
     .columns = {SLOT_time, SLOT_none, SLOT_host, SLOT_none, SLOT_none, SLOT_none, SLOT_none,
                 SLOT_status, SLOT_none, SLOT_none, SLOT_bytes, SLOT_request, SLOT_agent},
     .columns_max = 13,
     .columns_min = 12,
     .ports = true},
};

/* --- words --- */

/* Clients write quotes into their headers and not every age of these logs escapes them: the closing
 * one has a blank behind it. */
static enum reason quoted_word(struct cursor *c, struct arena *scratch, struct str *ret) {
    const char *start = c->at + 1, *p = start;
    size_t escapes = 0;
    for (; p < c->end; p++) {
        if (*p == '"' && (p + 1 == c->end || is_blank(p[1])))
            break;
        if (*p == '\\' && c->end - p > 1 && (p[1] == '"' || p[1] == '\\')) {
            escapes++;
            p++;
        }
    }
    if (p >= c->end)
        return REASON_unclosed_quote;
    c->at = p + 1;
    cursor_blanks(c);
    *ret = str_of(start, (size_t)(p - start));
    if (escapes == 0)
        return REASON_NONE;
    char *plain = arena_bytes(scratch, ret->len), *to = plain;
    for (const char *from = start; from < p; from++) {
        if (*from == '\\' && p - from > 1 && (from[1] == '"' || from[1] == '\\'))
            from++;
        *to++ = *from;
    }
    *ret = str_of(plain, (size_t)(to - plain));
    return REASON_NONE;
}

static enum reason take_word(struct cursor *c, enum slot slot, struct arena *scratch,
                             struct str *ret) {
    if (c->at == c->end)
        return REASON_fields;
    if (*c->at == '"')
        return quoted_word(c, scratch, ret);
    if (*c->at == '[' && slot == SLOT_time) {
        const char *close = memchr(c->at, ']', (size_t)(c->end - c->at));
        if (close == NULL)
            return REASON_fields;
        *ret = str_of(c->at + 1, (size_t)(close - c->at - 1));
        c->at = close + 1;
        cursor_blanks(c);
        return REASON_NONE;
    }
    *ret = cursor_token(c);
    return REASON_NONE;
}

/* --- a line --- */

static bool is_type(const struct aws_format *f, struct str word) {
    for (size_t i = 0; i < f->n_types; i++)
        if (str_is(word, f->types[i]))
            return true;
    return f->n_types == 0;
}

static enum reason take_words(const struct aws_format *f, struct str line, struct arena *scratch,
                              struct slots *slots) {
    struct cursor c = {line.ptr, line.ptr + line.len};
    cursor_blanks(&c);
    for (size_t i = 0; i < f->columns_max; i++) {
        struct str word;
        if (i >= f->columns_min && c.at == c.end)
            break;
        enum reason reason = take_word(&c, f->columns[i], scratch, &word);
        if (reason != REASON_NONE)
            return reason;
        if (i == 0 && !is_type(f, word))
            return REASON_fields;
        slots->at[f->columns[i]] = word;
    }
    return REASON_NONE;
}

static enum reason aws_read(void *state, struct str line, struct arena *scratch,
                            struct fields *ret) {
    const struct aws_format *f = state;
    struct slots slots = {0};
    enum reason reason = take_words(f, line, scratch, &slots);
    if (reason != REASON_NONE)
        return reason;
    struct str request = slots.at[SLOT_request];
    if (f->ports) {
        if (!drop_port(&slots.at[SLOT_host]))
            return REASON_bad_host;
        slots_part_request(&slots);
    } else {
        /* what S3 does by itself has no address, but somebody asked for it */
        slots.at[SLOT_forwarded] = slots.at[SLOT_user];
    }
    if (str_is(slots.at[SLOT_status], "-"))
        slots.at[SLOT_status] = STR("000"); /* nothing was answered */
    reason = slots_finish(&slots, scratch, ret);
    ret->request = none_if_dash(request);
    return reason;
}

static int aws_open(struct str spec, void **ret_state, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(aws_formats); i++) {
        if (str_is(spec, aws_formats[i].name)) {
            *ret_state = (void *)(uintptr_t)&aws_formats[i];
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "no such format");
}

static bool aws_names_site(const void *state) {
    UNUSED(state);
    return true;
}

const struct format_reader aws_reader = {
    .open = aws_open, .read = aws_read, .names_site = aws_names_site};

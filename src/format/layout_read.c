/* Taking the steps of a layout over a line.
 *
 * A text ends at the first place where the literal behind it fits. If what follows does not fit
 * then, the last text that was taken is made longer, up to the next such place, and so on: user
 * names hold blanks, requests hold quotes. Only the last one is ever made longer, and only so
 * often, so that no line takes more than a multiple of its length. */
#include "format/layout.h"

#include "format/cursor.h"
#include "format/prefix.h"
#include "format/stamp.h"

#define TRIES 200 /* a line's texts are made longer */

struct run {
    const struct layout *layout;
    const char *line, *end;
    struct arena *scratch;
    struct slots slots;
    struct moment moment, second; /* second: of times that do not count */
    const char *stamp;            /* where step `guard` began */
    unsigned tries;               /* so often a text was made longer */
    const char *behind; /* the literal behind the field that was taken, when that was looked for */
    /* the text that can be made longer; step NULL: there is none */
    struct {
        const struct layout_step *step;
        const char *start, *from; /* the next place for its end is at or behind `from` */
        struct moment moment;
    } choice;
};

/* Behind the literal, NULL if it is not at `at`. */
static const char *match_literal(const struct run *r, struct str literal, const char *at) {
    for (size_t i = 0; i < literal.len; i++) {
        if (literal.ptr[i] != ' ') {
            if (at == r->end || *at++ != literal.ptr[i])
                return NULL;
            continue;
        }
        bool blank = at < r->end && is_blank(*at);
        bool needless = at > r->line && (at[-1] == '"' || at[-1] == ']');
        if (!blank && !needless)
            return NULL;
        while (at < r->end && is_blank(*at))
            at++;
    }
    return at;
}

/* The next place where the literal may fit, when it does not at `at`: one that begins with blanks
 * takes all of a run, so it fits nowhere in that. */
static const char *behind_misfit(const struct run *r, struct str literal, const char *at) {
    bool run = literal.ptr[0] == ' ' && is_blank(*at);
    at++;
    while (run && at < r->end && is_blank(*at))
        at++;
    return at;
}

/* --- values --- */

static struct str unescape(struct str s, bool nginx, struct arena *scratch) {
    char *start = arena_bytes(scratch, s.len), *to = start;
    for (const char *p = s.ptr, *end = s.ptr + s.len; p < end; p++) {
        size_t left = (size_t)(end - p);
        if (*p == '\\' && left > 1 && (p[1] == '"' || p[1] == '\\')) {
            *to++ = *++p;
        } else if (nginx && left > 3 &&
                   (memcmp(p, "\\x22", 4) == 0 || memcmp(p, "\\x5C", 4) == 0)) {
            *to++ = p[2] == '2' ? '"' : '\\';
            p += 3;
        } else {
            *to++ = *p;
        }
    }
    return str_of(start, (size_t)(to - start));
}

static void put(struct run *r, const struct layout_step *s, const char *start, const char *end) {
    struct str value = str_of(start, (size_t)(end - start));
    size_t comma;
    if (s->slot == SLOT_host && str_find(value, ',', &comma))
        value.len = comma; /* the first of a list of forwarders */
    if (s->maybe_zone && value.len >= 5)
        (void)moment_read(STR("%z"), &start, end, &r->moment);
    r->slots.at[s->slot] = value;
}

static void put_quoted(struct run *r, const struct layout_step *s, const char *start,
                       const char *end, bool escaped) {
    if (escaped && s->slot != SLOT_none)
        r->slots.at[s->slot] = unescape(str_of(start, (size_t)(end - start)),
                                        r->layout->escapes == ESCAPES_nginx, r->scratch);
    else
        put(r, s, start, end);
}

/* --- fields --- */

/* The closing quote at or behind `p`, NULL if there is none. */
static const char *closing_quote(const struct run *r, const char *p, bool *ret_escaped) {
    const char *quote = memchr(p, '"', (size_t)(r->end - p));
    *ret_escaped = false;
    if (quote == NULL || r->layout->escapes == ESCAPES_none)
        return quote;
    if (memchr(p, '\\', (size_t)(quote - p)) == NULL)
        return quote;
    *ret_escaped = true;
    while (p < r->end && *p != '"')
        p += *p == '\\' && r->end - p > 1 && (p[1] == '"' || p[1] == '\\') ? 2 : 1;
    return p < r->end ? p : NULL;
}

static enum reason take_quoted(struct run *r, const struct layout_step *s, const char **at,
                               const char *from) {
    bool escaped;
    const char *start = *at, *quote = closing_quote(r, from, &escaped);
    if (quote == NULL)
        return REASON_unclosed_quote;
    if (r->layout->loose_quotes) {
        while (quote != NULL && match_literal(r, s->until, quote) == NULL)
            quote = closing_quote(r, quote + 1, &escaped);
        if (quote == NULL)
            return REASON_fields;
        escaped = r->layout->escapes != ESCAPES_none &&
                  memchr(start, '\\', (size_t)(quote - start)) != NULL;
        r->choice.step = s;
        r->choice.start = start;
        r->choice.from = quote + 1;
        r->choice.moment = r->moment;
    }
    put_quoted(r, s, start, quote, escaped);
    *at = quote;
    return REASON_NONE;
}

static inline bool behind_comma(const struct layout_step *s, const char *start, const char *p) {
    return (s->slot == SLOT_host || s->slot == SLOT_forwarded) && p > start && p[-1] == ',';
}

/* Where the field ends, at or behind `from`; NULL if nowhere. */
static const char *field_end(struct run *r, const struct layout_step *s, const char *start,
                             const char *from) {
    bool last = s->until.len == 0 && !s->target_next;
    if (last && s->shape == SHAPE_text)
        return r->end;
    char first = s->until.len ? s->until.ptr[0] : s->target_next ? '/' : ' ';
    bool one_word = s->shape == SHAPE_token && first != '\t';
    const char *found = NULL;
    for (const char *p = from, *next; p < r->end; p = next) {
        while (first == ' ' && p < r->end && !is_blank(*p)) /* by far the most fields */
            p++;
        next = p + 1;
        if (p == r->end)
            break;
        bool blank = is_blank(*p);
        if (s->last_colon && (blank || *p == s->stop) && *p != ':')
            return found;
        if (first == ' ' ? blank : *p == first) {
            const char *behind = s->until.len == 0 ? p : match_literal(r, s->until, p);
            if (behind != NULL && !(blank && behind_comma(s, start, p))) {
                r->behind = s->until.len == 0 ? NULL : behind;
                if (!s->last_colon)
                    return p;
                found = p;
            }
            if (behind == NULL && !one_word)
                next = behind_misfit(r, s->until, p);
        }
        if (one_word && blank && !behind_comma(s, start, p))
            return NULL;
    }
    return last ? r->end : found;
}

/* An empty field between two blanks, before more than a blank: "- [" of "h -  [". */
static bool is_empty(const struct run *r, const struct layout_step *s, const char *start) {
    return s->until.len > 1 && s->until.ptr[0] == ' ' && start - r->line >= 2 &&
           is_blank(start[-1]) && is_blank(start[-2]) &&
           match_literal(r, s->until, start - 1) != NULL;
}

/* A text in quotes that the format does not know of. */
static bool take_own_quotes(struct run *r, const struct layout_step *s, const char **at) {
    bool escaped;
    if (*at == r->end || **at != '"' || s->slot == SLOT_user ||
        (s->until.len > 0 && s->until.ptr[0] != ' '))
        return false;
    const char *start = *at + 1, *quote = closing_quote(r, start, &escaped);
    if (quote == NULL || match_literal(r, s->until, quote + 1) == NULL)
        return false;
    put_quoted(r, s, start, quote, escaped);
    *at = quote + 1;
    return true;
}

static enum reason take_text(struct run *r, const struct layout_step *s, const char **at,
                             const char *from) {
    const char *start = *at;
    if (from == start && is_empty(r, s, start)) {
        put(r, s, start, start);
        *at = start - 1;
        return REASON_NONE;
    }
    bool text = s->shape == SHAPE_text;
    if (text) {
        r->choice.step = s;
        r->choice.start = start;
        r->choice.from = start;
        r->choice.moment = r->moment;
        if (from == start && take_own_quotes(r, s, at)) {
            r->choice.from = *at;
            return REASON_NONE;
        }
    }
    const char *end = field_end(r, s, start, from);
    /* a user that was taken before does not reach into the request */
    if (end != NULL && from > start && s->slot == SLOT_user &&
        memchr(from, '"', (size_t)(end - from)) != NULL)
        end = NULL;
    if (end == NULL) {
        r->choice.step = text ? NULL : r->choice.step;
        return REASON_fields;
    }
    r->choice.from = text ? end + 1 : r->choice.from;
    if (s->last_colon && s->slot == SLOT_vhost && *start != '[' &&
        memchr(start, ':', (size_t)(end - start)) != NULL)
        return REASON_bad_host;
    put(r, s, start, end);
    *at = end;
    return REASON_NONE;
}

/* Does what follows a field fit? At its end a blank or the end of the line must follow. */
static bool ends_here(struct run *r, const struct layout_step *s, const char *p) {
    if (s->until.len > 0)
        return (r->behind = match_literal(r, s->until, p)) != NULL;
    return p == r->end || is_blank(*p) || s + 1 < r->layout->steps + r->layout->n;
}

static enum reason take_number(struct run *r, const struct layout_step *s, const char **at) {
    const char *p = *at;
    enum reason bad = s->slot == SLOT_status  ? REASON_bad_status
                      : s->slot == SLOT_bytes ? REASON_bad_size
                                              : REASON_fields;
    if (p == r->end)
        return REASON_fields;
    if (*p == '-')
        p++;
    else
        while (p < r->end && is_digit(*p) && (s->shape == SHAPE_number || p - *at < 3))
            p++;
    if (p == *at || !ends_here(r, s, p))
        return p == r->end ? REASON_fields : bad; /* the line was cut */
    put(r, s, *at, p);
    *at = p;
    return REASON_NONE;
}

static enum reason take_time(struct run *r, const struct layout_step *s, const char **at) {
    if (s == r->layout->steps + r->layout->guard)
        r->stamp = *at;
    struct moment *m = s->second_time ? &r->second : &r->moment;
    const char *p = *at;
    bool ok = true;
    if (s->shape == SHAPE_stamp) {
        ok = moment_read(s->text, &p, r->end, m);
    } else if (r->end - p < STAMP_CLF_BYTES) {
        ok = false;
    } else if (!(m->have & MOMENT_epoch)) {
        ok = stamp_clf(p, &m->epoch);
        m->have |= ok ? MOMENT_epoch : 0;
        p += STAMP_CLF_BYTES;
    } else {
        p += STAMP_CLF_BYTES;
    }
    if (ok && ends_here(r, s, p)) {
        *at = p;
        return REASON_NONE;
    }
    /* a line that was cut within its time has too few fields; only the first reason is shown */
    if (r->tries > 0)
        return REASON_bad_time;
    while (p < r->end && s->until.len > 0 && match_literal(r, s->until, p) == NULL)
        p = behind_misfit(r, s->until, p);
    return p < r->end || (s->until.len == 0 && *at < r->end) ? REASON_bad_time : REASON_fields;
}

static bool one_of(char c, struct str set) { return memchr(set.ptr, c, set.len) != NULL; }

/* "-" and "unknown" stand for an address that is not known. */
static bool is_address(struct str s) {
    bool separator = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.' || c == ':')
            separator = true;
        else if (!is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
            return str_is(s, "unknown");
    }
    return separator || str_is(s, "-");
}

/* The first address of a list is the client. */
static enum reason take_addresses(struct run *r, const struct layout_step *s, const char **at) {
    struct str first = STR("");
    const char *p = *at, *next = *at;
    for (;;) {
        while (p < r->end && one_of(*p, s->text))
            p++;
        const char *start = p;
        while (p < r->end && !is_blank(*p) && !one_of(*p, s->text) &&
               (s->until.len == 0 || *p != s->until.ptr[0]))
            p++;
        struct str token = str_of(start, (size_t)(p - start));
        if (token.len == 0 || !(is_address(token) || str_is(token, "-")) ||
            (first.len > 0 && str_is(token, "-")))
            break;
        if (first.len == 0)
            first = token;
        next = p;
    }
    if (first.len == 0)
        return REASON_bad_host;
    while (next < r->end && one_of(*next, s->text) && !is_blank(*next) &&
           (s->until.len == 0 || *next != s->until.ptr[0]))
        next++;
    r->slots.at[s->slot] = first;
    *at = next;
    return REASON_NONE;
}

static enum reason take_step(struct run *r, const struct layout_step *s, const char **at,
                             const char *from) {
    const char *next;
    switch (s->shape) {
    case SHAPE_literal:
        next = match_literal(r, s->text, *at);
        *at = next ? next : *at;
        return next ? REASON_NONE : REASON_fields;
    case SHAPE_token:
    case SHAPE_text:
        return take_text(r, s, at, from);
    case SHAPE_number:
    case SHAPE_status:
        return take_number(r, s, at);
    case SHAPE_quoted:
        return take_quoted(r, s, at, from);
    case SHAPE_clf:
    case SHAPE_stamp:
        return take_time(r, s, at);
    case SHAPE_addresses:
        return take_addresses(r, s, at);
    }
    return REASON_fields;
}

/* --- the whole line --- */

static enum reason take_steps(struct run *r) {
    const struct layout_step *s = r->layout->steps, *last = s + r->layout->n;
    const char *at = r->line, *from = at;
    enum reason first = REASON_NONE;
    while (s < last) {
        r->behind = NULL;
        enum reason reason = take_step(r, s, &at, from);
        if (reason == REASON_NONE) {
            s += r->behind ? 2 : 1;
            at = r->behind ? r->behind : at;
        } else {
            /* the reason to show is why the plainest reading failed */
            first = first == REASON_NONE ? reason : first;
            if (r->choice.step == NULL || r->tries++ == TRIES || r->choice.from > r->end)
                return first;
            s = r->choice.step;
            r->choice.step = NULL;
            at = r->choice.start;
            r->moment = r->choice.moment;
            from = r->choice.from;
            continue;
        }
        from = at;
    }
    return REASON_NONE;
}

static bool has_prefix(const struct run *r) {
    struct str host = r->slots.at[SLOT_host];
    if (r->layout->guard == 0 || host.ptr < r->line || host.ptr >= r->stamp)
        return false;
    const char *behind = host.ptr + host.len;
    return behind < r->stamp && is_blank(*behind) &&
           prefix_is_before(host, str_of(behind, (size_t)(r->stamp - behind)));
}

enum reason layout_run(const struct layout *l, struct str line, struct arena *scratch,
                       struct fields *ret) {
    struct run r = {.layout = l, .line = line.ptr, .end = line.ptr + line.len, .scratch = scratch};
    while (r.line < r.end && is_blank(*r.line) && l->steps[0].text.ptr[0] != '\t')
        r.line++;
    enum reason reason = take_steps(&r);
    if (reason != REASON_NONE)
        return reason;
    if (!moment_instant(&r.moment, &r.slots.time))
        return REASON_bad_time;
    if (has_prefix(&r))
        return REASON_prefix;
    r.slots.timed = true;
    if (l->absent_is_200 && str_is(r.slots.at[SLOT_status], "-"))
        r.slots.at[SLOT_status].ptr = NULL;
    return slots_finish(&r.slots, scratch, ret);
}

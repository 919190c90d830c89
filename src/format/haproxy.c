/* HAProxy's HTTP log (option httplog; "HTTP log format" in HAProxy's Configuration Manual), as
 * syslog writes it or without a header (log stdout format raw):
 *
 *     CLIENT:PORT [17/May/2015:10:05:03.250] FRONTEND BACKEND/SERVER TIMES STATUS BYTES COOKIE
 * COOKIE STATE CONNECTIONS QUEUES {CAPTURED} {CAPTURED} "REQUEST" ...
 *
 * HAProxy writes quotes and braces that clients sent as #22 and the like. */
#include "format/cursor.h"
#include "format/reader.h"
#include "format/slots.h"
#include "format/stamp.h"

#define DATE_BYTES 20 /* 17/May/2015:10:05:03 */

/* Is it `[17/May/2015:10:05:03.250] `? A process is in brackets as well: haproxy[14389]: */
static bool take_date(struct cursor *c, struct str *ret) {
    const char *p = c->at + 1;
    if (c->end - p <= DATE_BYTES || p[2] != '/' || p[6] != '/' || p[DATE_BYTES] != '.')
        return false;
    *ret = str_of(p, DATE_BYTES);
    for (p += DATE_BYTES + 1; p < c->end && is_digit(*p);)
        p++;
    if (p == c->end || *p != ']')
        return false;
    c->at = p + 1;
    cursor_blanks(c);
    return true;
}

/* The client is the word before the date: what stands before that is of syslog. */
static enum reason take_client(struct cursor *c, struct slots *slots) {
    struct str word = STR("");
    while (c->at < c->end) {
        if (*c->at == '[' && word.len > 0 && take_date(c, &slots->at[SLOT_time])) {
            slots->at[SLOT_host] = word;
            return drop_port(&slots->at[SLOT_host]) ? REASON_NONE : REASON_bad_host;
        }
        word = cursor_token(c);
    }
    return REASON_fields;
}

/* `+` (option logasap): logged before the end, so there may be more. */
static struct str without_plus(struct str s) {
    return str_starts(s, STR("+")) ? str_skip(s, 1) : s;
}

static enum reason take_numbers(struct cursor *c, struct slots *slots) {
    (void)cursor_token(c); /* frontend */
    struct str server = cursor_token(c), times = cursor_token(c), status = cursor_token(c);
    if (status.len == 0)
        return REASON_fields;
    if (memchr(server.ptr, '/', server.len) == NULL || memchr(times.ptr, '/', times.len) == NULL)
        return REASON_fields;
    slots->at[SLOT_status] = str_is(status, "-1") ? STR("000") : status; /* nothing was answered */
    slots->at[SLOT_bytes] = without_plus(cursor_token(c));
    return slots->at[SLOT_bytes].len > 0 ? REASON_NONE : REASON_fields;
}

static enum reason take_request(struct cursor *c, struct slots *slots) {
    const char *open = memchr(c->at, '"', (size_t)(c->end - c->at));
    if (open == NULL)
        return REASON_fields;
    const char *close = memchr(open + 1, '"', (size_t)(c->end - open - 1));
    if (close == NULL)
        return REASON_unclosed_quote;
    slots->at[SLOT_request] = str_of(open + 1, (size_t)(close - open - 1));
    return REASON_NONE;
}

static enum reason haproxy_read(void *state, struct str line, struct arena *scratch,
                                struct fields *ret) {
    UNUSED(state);
    struct cursor c = {line.ptr, line.ptr + line.len};
    struct slots slots = {0};
    cursor_blanks(&c);
    enum reason reason = take_client(&c, &slots);
    if (reason == REASON_NONE)
        reason = take_numbers(&c, &slots);
    if (reason == REASON_NONE)
        reason = take_request(&c, &slots);
    if (reason != REASON_NONE)
        return reason;
    struct str request = slots.at[SLOT_request];
    slots_part_request(&slots); /* of HTTP/2 the target is a whole address */
    reason = slots_finish(&slots, scratch, ret);
    ret->request = none_if_dash(request);
    return reason;
}

static int haproxy_open(struct str spec, void **ret_state, struct err *err) {
    UNUSED(spec);
    UNUSED(err);
    *ret_state = NULL;
    return 0;
}

const struct format_reader haproxy_reader = {.open = haproxy_open, .read = haproxy_read};

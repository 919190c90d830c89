/* The common and combined formats, by far the most read ones, by hand: faster than a layout, and
 * with ways around what occurs in the wild (blanks and brackets in user names). */
#include "base/address.h"
#include "event/record.h"
#include "format/cursor.h"
#include "format/prefix.h"
#include "format/reader.h"
#include "format/slots.h"
#include "format/stamp.h"

/* --- the parts of a line ------------------------------------------------------------------- */

/* The name of `%v:%p`, "" if the token is no such thing. IPv6 addresses, which end in ":digits" as
 * well, are names only in brackets. */
static struct str server_name(struct str token) {
    size_t n = token.len;
    while (n > 0 && is_digit(token.ptr[n - 1]))
        n--;
    if (n < 2 || n == token.len || token.len - n > 5 || token.ptr[n - 1] != ':')
        return STR("");
    struct str name = str_of(token.ptr, n - 1);
    if (name.ptr[0] != '[' && memchr(name.ptr, ':', name.len) != NULL)
        return STR("");
    return site_name_ok(name) ? name : STR("");
}

/* Digits, dots, colons and hexadecimal letters, with a dot or colon among them. */
static bool looks_like_address(struct str s) {
    bool separator = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex && c != '.' && c != ':')
            return false;
        separator |= c == '.' || c == ':';
    }
    return separator;
}

/* Host, identity, user and time. The user may hold blanks and brackets, so it ends where a time
 * stamp that can be read begins. */
static enum reason take_client(struct cursor *c, struct fields *f) {
    struct str host = cursor_token(c), ident = cursor_token(c);
    if (ident.len == 0)
        return REASON_fields;
    bool list = host.len > 1 && host.ptr[host.len - 1] == ','; /* of forwarders; its first counts */
    /* A line with a server's name in front is not read as one whose visitors all have one address.
     */
    if (ident.ptr[0] != '-' && looks_like_address(ident) &&
        (server_name(host).len > 0 || !(list || looks_like_address(host))))
        return REASON_bad_host;
    host.len -= list;
    f->host = client_address(host);
    const char *user = c->at, *from = user, *open;
    bool seen = false;
    while ((open = memchr(from, '[', (size_t)(c->end - from))) != NULL) {
        if (seen && memchr(from, '"', (size_t)(open - from)) != NULL)
            break; /* that would be inside the request */
        from = open + 1;
        if (open == user || !is_blank(open[-1]))
            continue; /* no user, or a bracket within its name */
        size_t left = (size_t)(c->end - from);
        if (left > STAMP_CLF_BYTES && from[STAMP_CLF_BYTES] == ']' && stamp_clf(from, &f->time)) {
            f->user = none_if_dash(str_trim(str_of(user, (size_t)(open - user))));
            if (!list && memchr(f->user.ptr, ' ', f->user.len) != NULL &&
                prefix_is_before(host, str_of(ident.ptr, (size_t)(open - ident.ptr))))
                return REASON_prefix;
            c->at = from + STAMP_CLF_BYTES + 1;
            cursor_blanks(c);
            return REASON_NONE;
        }
        if (!seen && memchr(from, ']', left) == NULL)
            break; /* cut off within the time stamp */
        seen = true;
    }
    return seen ? REASON_bad_time : REASON_fields;
}

static enum reason take_numbers(struct cursor *c, struct fields *f) {
    struct str status = cursor_token(c), size = cursor_token(c);
    if (status.len != 3 || status.ptr[0] < '1' || status.ptr[0] > '9' || !is_digit(status.ptr[1]) ||
        !is_digit(status.ptr[2]))
        return status.len ? REASON_bad_status : REASON_fields;
    f->status = (uint16_t)((status.ptr[0] - '0') * 100 + (status.ptr[1] - '0') * 10 +
                           (status.ptr[2] - '0'));
    if (size.len == 0)
        return REASON_fields;
    if (size.len == 1 && size.ptr[0] == '-')
        f->bytes = 0;
    else if (!str_to_u64(size, &f->bytes))
        return REASON_bad_size;
    return REASON_NONE;
}

/* --- formats ------------------------------------------------------------------------------- */

static enum reason common(struct cursor *c, struct arena *scratch, struct fields *ret) {
    enum reason reason = take_client(c, ret);
    if (reason == REASON_NONE)
        reason = cursor_quoted(c, scratch, &ret->request);
    if (reason == REASON_NONE)
        reason = take_numbers(c, ret);
    if (reason == REASON_NONE)
        split_request(ret);
    return reason;
}

static enum reason combined(struct cursor *c, struct arena *scratch, struct fields *ret) {
    enum reason reason = common(c, scratch, ret);
    if (reason == REASON_NONE)
        reason = cursor_quoted(c, scratch, &ret->referrer);
    if (reason == REASON_NONE)
        reason = cursor_quoted(c, scratch, &ret->agent);
    return reason;
}

static struct cursor line_start(struct str line, struct fields *ret) {
    *ret = no_fields;
    struct cursor c = {line.ptr, line.ptr + line.len};
    cursor_blanks(&c);
    return c;
}

static enum reason vhost(struct cursor *c, struct arena *scratch, struct fields *ret) {
    struct str name = server_name(cursor_token(c));
    if (name.len == 0)
        return REASON_bad_host;
    ret->vhost = name;
    enum reason reason = combined(c, scratch, ret);
    /* client:port - bob smith [...] of a combined line is no server's name */
    struct address address;
    bool client = reason == REASON_NONE && str_is(ret->host, "-") && address_parse(name, &address);
    return client ? REASON_bad_host : reason;
}

/* --- the reader ------------------------------------------------------------------------------ */

typedef enum reason apache_read_fn(struct cursor *c, struct arena *scratch, struct fields *ret);

/* What stands as layout in the table of formats. */
static const struct apache_format {
    const char *name;
    apache_read_fn *read;
} apache_formats[] = {{"common", common}, {"combined", combined}, {"vhost", vhost}};

static int apache_open(struct str spec, void **ret_state, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(apache_formats); i++) {
        if (str_is(spec, apache_formats[i].name)) {
            *ret_state = (void *)(uintptr_t)&apache_formats[i];
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "no such format");
}

static enum reason apache_read(void *state, struct str line, struct arena *scratch,
                               struct fields *ret) {
    const struct apache_format *format = state;
    struct cursor c = line_start(line, ret);
    return format->read(&c, scratch, ret);
}

static bool apache_names_site(const void *state) {
    const struct apache_format *format = state;
    return format->read == vhost;
}

const struct format_reader apache_reader = {
    .open = apache_open, .read = apache_read, .names_site = apache_names_site};

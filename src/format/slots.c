#include "format/slots.h"

#include "base/address.h"
#include "format/cursor.h"
#include "format/stamp.h"

static const struct {
    const char *name, *doc;
} slot_rows[] = {
    [SLOT_none] = {"", ""},
#define SLOT(name, doc) [SLOT_##name] = {#name, doc},
#include "slots.def"
#undef SLOT
};

const char *slot_name(enum slot slot) { return slot_rows[slot].name; }

enum slot slot_find(struct str name) {
    for (size_t i = SLOT_none + 1; i < ARRAY_LEN(slot_rows); i++)
        if (str_is(name, slot_rows[i].name))
            return (enum slot)i;
    return SLOT_none;
}

enum slot slots_missing(const struct slot_set *set) {
    const bool *has = set->has;
    if (!has[SLOT_host] && !has[SLOT_forwarded])
        return SLOT_host;
    if (!has[SLOT_time] && !has[SLOT_time_ms] && !has[SLOT_time_us] && !has[SLOT_time_ns] &&
        !(has[SLOT_date] && has[SLOT_clock]))
        return SLOT_time;
    return has[SLOT_request] || has[SLOT_target] ? SLOT_none : SLOT_request;
}

int slots_check(const struct slot_set *set, struct err *err) {
    enum slot missing = slots_missing(set);
    if (missing == SLOT_none)
        return 0;
    return err_set(err, ERR_USAGE, "the format has no %s",
                   missing == SLOT_host   ? "address of the client (host)"
                   : missing == SLOT_time ? "time stamp (time, or date and clock)"
                                          : "request (request, or method and target)");
}

const struct fields no_fields = {
    .host = {"", 0},
    .vhost = {"", 0},
    .user = {"", 0},
    .request = {"", 0},
    .method = {"", 0},
    .target = {"", 0},
    .protocol = {"", 0},
    .referrer = {"", 0},
    .agent = {"", 0},
    .hint_brands = {"", 0},
    .hint_mobile = {"", 0},
    .hint_platform = {"", 0},
    .hint_platform_version = {"", 0},
    .hint_model = {"", 0},
    .event = {"", 0},
    .props = {"", 0},
};

struct str none_if_dash(struct str s) {
    return s.len == 1 && s.ptr[0] == '-' ? STR("") : s;
}

/* --- request --- */

static inline bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
/* The registered ones have a hyphen within at most: VERSION-CONTROL. */
static inline bool is_method_byte(char c) { return is_upper(c) || c == '-' || c == '_'; }

/* HTTP/x or HTTP/x.y */
static bool is_protocol(struct str s) {
    if (!str_starts(s, STR("HTTP/")))
        return false;
    size_t i = 5, start = i;
    while (i < s.len && is_digit(s.ptr[i]))
        i++;
    if (i == start)
        return false;
    if (i == s.len)
        return true;
    if (s.ptr[i] != '.')
        return false;
    start = ++i;
    while (i < s.len && is_digit(s.ptr[i]))
        i++;
    return i > start && i == s.len;
}

void split_request(struct fields *f) {
    struct str rest = f->request;
    size_t n = 0;
    while (n < rest.len && is_method_byte(rest.ptr[n]))
        n++;
    if (n == 0 || n == rest.len || rest.ptr[n] != ' ' || !is_upper(rest.ptr[0]) ||
        !is_upper(rest.ptr[n - 1]))
        return;
    struct str method = str_of(rest.ptr, n);
    rest = str_skip(rest, n + 1);
    if (!str_find(rest, ' ', &n) || n == 0 || memchr(rest.ptr, '\t', n) != NULL)
        return;
    if (!is_protocol(str_skip(rest, n + 1)))
        return;
    f->method = method;
    f->target = str_of(rest.ptr, n);
    f->protocol = str_skip(rest, n + 1);
}

/* --- slots to fields --- */

static struct str piece(const struct slots *s, enum slot slot) {
    return s->at[slot].ptr == NULL ? STR("") : none_if_dash(s->at[slot]);
}

/* "www.example.org:8080" and "[::1]:80" without their ports. */
static struct str without_port(struct str name) {
    size_t n = name.len;
    while (n > 0 && is_digit(name.ptr[n - 1]))
        n--;
    if (n < 2 || n == name.len || name.ptr[n - 1] != ':')
        return name;
    struct str host = str_of(name.ptr, n - 1);
    bool colon = memchr(host.ptr, ':', host.len) != NULL;
    return colon && host.ptr[0] != '[' ? name : host;
}

static enum reason take_time(const struct slots *s, struct arena *scratch, int64_t *ret) {
    if (s->timed) {
        *ret = s->time;
        return REASON_NONE;
    }
    static const struct {
        enum slot slot;
        uint64_t per_second;
    } epochs[] = {{SLOT_time_ns, 1000000000}, {SLOT_time_us, 1000000}, {SLOT_time_ms, 1000}};
    for (size_t i = 0; i < ARRAY_LEN(epochs); i++) {
        uint64_t n;
        struct str digits = piece(s, epochs[i].slot);
        if (digits.len > 0)
            return str_to_u64(digits, &n) && stamp_epoch((int64_t)(n / epochs[i].per_second), ret)
                       ? REASON_NONE
                       : REASON_bad_time;
    }
    struct str time = piece(s, SLOT_time);
    if (time.len == 0) {
        struct str date = piece(s, SLOT_date), clock = piece(s, SLOT_clock);
        if (date.len == 0 || clock.len == 0 || date.len + clock.len > STAMP_BYTES)
            return REASON_bad_time;
        char *both = arena_bytes(scratch, date.len + 1 + clock.len);
        memcpy(both, date.ptr, date.len);
        both[date.len] = ' ';
        memcpy(both + date.len + 1, clock.ptr, clock.len);
        time = str_of(both, date.len + 1 + clock.len);
    }
    return stamp_any(time, ret) ? REASON_NONE : REASON_bad_time;
}

/* "https://host:port/path" -> its host, and the target becomes "/path". */
static struct str take_origin(struct str *target) {
    struct str rest = *target;
    static const struct str schemes[] = {
        {"http://", 7}, {"https://", 8}, {"ws://", 5}, {"wss://", 6}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!str_starts(rest, schemes[i]))
            continue;
        rest = str_skip(rest, schemes[i].len);
        size_t n = 0;
        while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?')
            n++;
        *target = n < rest.len ? str_skip(rest, n) : STR("/");
        return str_of(rest.ptr, n);
    }
    return STR("");
}

static bool is_method(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_method_byte(s.ptr[i]))
            return false;
    return s.len > 0 && is_upper(s.ptr[0]);
}

/* Method, target and protocol that were logged apart. */
static void compose_request(const struct slots *s, struct arena *scratch, struct fields *ret) {
    struct str method = s->at[SLOT_method].ptr == NULL ? STR("GET") : piece(s, SLOT_method);
    struct str target = piece(s, SLOT_target), query = piece(s, SLOT_query);
    struct str origin = take_origin(&target);
    if (ret->vhost.len == 0)
        ret->vhost = without_port(origin);
    if (query.len > 0 && query.ptr[0] == '?')
        query = str_skip(query, 1);
    /* some log the target with its query and the query again */
    if (query.len > 0 && target.len > 0 && memchr(target.ptr, '?', target.len) == NULL) {
        char *both = arena_bytes(scratch, target.len + 1 + query.len);
        memcpy(both, target.ptr, target.len);
        both[target.len] = '?';
        memcpy(both + target.len + 1, query.ptr, query.len);
        target = str_of(both, target.len + 1 + query.len);
    }
    /* A path that is a field of its own may be logged decoded ($uri, %U): then a blank is a part of
     * it. */
    bool path = target.len > 0 && target.ptr[0] == '/', blank = false;
    for (size_t i = 0; i < target.len && !path; i++)
        blank = blank || is_blank(target.ptr[i]);
    if (!is_method(method) || target.len == 0 || blank)
        return;
    ret->method = method;
    ret->target = target;
    ret->protocol = piece(s, SLOT_protocol);
}

static enum reason take_numbers(const struct slots *s, struct fields *ret) {
    struct str status = piece(s, SLOT_status), bytes = piece(s, SLOT_bytes);
    uint64_t number = 200;
    bool digits = status.len == 3 || str_is(status, "0"); /* in JSON 000 is 0 */
    if (s->at[SLOT_status].ptr != NULL && (!digits || !str_to_u64(status, &number)))
        return REASON_bad_status;
    if (number < 100 && number != 0) /* 000: the client was gone before there was an answer */
        return REASON_bad_status;
    ret->status = (uint16_t)number;
    if (bytes.len > 0 && !str_to_u64(bytes, &ret->bytes))
        return REASON_bad_size;
    return REASON_NONE;
}

struct str client_address(struct str s) {
    s = without_port(s);
    bool brackets = s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
    return brackets ? str_of(s.ptr + 1, s.len - 2) : s;
}

bool drop_port(struct str *host) {
    size_t n = host->len;
    while (n > 0 && is_digit(host->ptr[n - 1]))
        n--;
    if (n < 2 || n == host->len || host->ptr[n - 1] != ':')
        return false;
    *host = str_of(host->ptr, n - 1);
    return true;
}

void slots_part_request(struct slots *slots) {
    struct fields f = no_fields;
    f.request = slots->at[SLOT_request];
    split_request(&f);
    if (f.method.len == 0)
        return;
    slots->at[SLOT_method] = f.method;
    slots->at[SLOT_target] = f.target;
    slots->at[SLOT_protocol] = f.protocol;
    slots->at[SLOT_request] = (struct str){NULL, 0};
}

/* Of a list of forwarders the first address is the client: before it may stand "unknown" (RFC 7239
 * has the word) or a name. Without any address the first entry counts. */
static struct str first_of_list(struct str list) {
    struct str rest = list, piece, first = list;
    struct address address;
    for (bool begin = true; str_split(&rest, ',', &piece); begin = false) {
        piece = client_address(str_trim(piece));
        if (address_parse(piece, &address))
            return piece;
        if (begin)
            first = piece;
    }
    return first;
}

void slots_complete(struct slots *slots, const struct slot_set *set) {
    static const enum slot assumed[] = {SLOT_status, SLOT_method};
    for (size_t i = 0; i < ARRAY_LEN(assumed); i++)
        if (set->has[assumed[i]] && slots->at[assumed[i]].ptr == NULL)
            slots->at[assumed[i]] = STR("-");
}

enum reason slots_finish(const struct slots *slots, struct arena *scratch, struct fields *ret) {
    *ret = no_fields;
    ret->host = piece(slots, SLOT_host);
    if (ret->host.len == 0)
        ret->host = first_of_list(piece(slots, SLOT_forwarded));
    else
        ret->host = client_address(ret->host);
    if (ret->host.len == 0)
        return REASON_bad_host;
    enum reason reason = take_time(slots, scratch, &ret->time);
    if (reason == REASON_NONE)
        reason = take_numbers(slots, ret);
    if (reason != REASON_NONE)
        return reason;
    ret->vhost = without_port(piece(slots, SLOT_vhost));
    ret->user = piece(slots, SLOT_user);
    ret->request = piece(slots, SLOT_request);
    if (slots->at[SLOT_request].ptr != NULL)
        split_request(ret);
    else
        compose_request(slots, scratch, ret);
    ret->referrer = piece(slots, SLOT_referrer);
    ret->agent = piece(slots, SLOT_agent);
    ret->hint_brands = piece(slots, SLOT_hint_brands);
    ret->hint_mobile = piece(slots, SLOT_hint_mobile);
    ret->hint_platform = piece(slots, SLOT_hint_platform);
    ret->hint_platform_version = piece(slots, SLOT_hint_platform_version);
    ret->hint_model = piece(slots, SLOT_hint_model);
    ret->event = piece(slots, SLOT_event);
    ret->props = piece(slots, SLOT_props);
    if (ret->event.len > 0) { /* what was assumed of a request does not hold */
        ret->method = STR("");
        ret->status = 0;
    }
    return REASON_NONE;
}

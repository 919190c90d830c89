#include "refine/referrer.h"

#include "base/lower.h"

#define HOST_BYTES 255u /* DNS: 253, and room for a dot and brackets */

/* --- referrer ------------------------------------------------------------------------------ */

/* What stands behind "scheme://" up to the path (RFC 3986, 3.2); false if s is no such URL. */
static bool url_authority(struct str s, struct str *ret) {
    size_t colon;
    if (!str_find(s, ':', &colon) || colon == 0 || s.len - colon < 3 || s.ptr[colon + 1] != '/' ||
        s.ptr[colon + 2] != '/')
        return false;
    for (size_t i = 0; i < colon; i++) {
        char c = lower(s.ptr[i]);
        bool mark = c == '+' || c == '-' || c == '.' || (c >= '0' && c <= '9');
        if (!(c >= 'a' && c <= 'z') && !(mark && i > 0))
            return false;
    }
    s = str_skip(s, colon + 3);
    size_t n = 0;
    while (n < s.len && s.ptr[n] != '/' && s.ptr[n] != '?' && s.ptr[n] != '#')
        n++;
    *ret = str_of(s.ptr, n);
    return true;
}

/* The authority without user and port; "" if it is junk. */
static struct str authority_host(struct str s) {
    for (size_t i = s.len; i > 0; i--) {
        if (s.ptr[i - 1] == '@') {
            s = str_skip(s, i);
            break;
        }
    }
    size_t end = s.len;
    if (s.len > 0 && s.ptr[0] == '[') { /* an IPv6 address has colons of its own */
        if (!str_find(s, ']', &end))
            return STR("");
        end++;
    } else {
        (void)str_find(s, ':', &end);
    }
    s.len = end;
    if (s.len > HOST_BYTES)
        return STR("");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == 0x7F || c == '"' || c == '<' || c == '>' || c == '\\')
            return STR("");
    }
    return s;
}

static struct str without_www(struct str host) {
    if (host.len > 4 && str_eq_nocase(str_of(host.ptr, 4), STR("www.")))
        return str_skip(host, 4);
    return host;
}

static struct str referrer_domain(struct str referrer, struct arena *scratch) {
    struct str authority;
    if (!url_authority(referrer, &authority))
        return STR("");
    struct str host = without_www(authority_host(authority));
    return host.len ? lower_case(host, scratch) : STR("");
}

/* --- channel ------------------------------------------------------------------------------- */

struct facts {
    struct str referrer, domain, site;
};

static bool no_referrer(const struct facts *f) { return f->referrer.len == 0; }
static bool own_site(const struct facts *f) {
    return f->domain.len > 0 && str_eq_nocase(f->domain, without_www(f->site));
}
static bool anything(const struct facts *f) {
    UNUSED(f);
    return true;
}

static const struct {
    struct str name;
    bool (*holds)(const struct facts *f);
} channels[] = {
#define CHANNEL(name, rule, text) {{#name, sizeof #name - 1}, rule},
#include "channels.def"
#undef CHANNEL
};

static struct str channel_of(const struct facts *f) {
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(channels) && !channels[i].holds(f))
        i++;
    return channels[i].name;
}

/* --- campaign ------------------------------------------------------------------------------ */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode application/x-www-form-urlencoded; a % without two digits stays. */
static struct str decode(struct str s, struct arena *scratch) {
    char *to = arena_bytes(scratch, min_size(s.len, UTM_BYTES));
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < UTM_BYTES; i++) {
        char c = s.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && s.len - i > 2 && hex_digit(s.ptr[i + 1]) >= 0 &&
                   hex_digit(s.ptr[i + 2]) >= 0) {
            c = (char)(hex_digit(s.ptr[i + 1]) << 4 | hex_digit(s.ptr[i + 2]));
            i += 2;
        }
        to[n++] = c;
    }
    return str_of(to, n);
}

static void read_campaign(struct str target, struct arena *scratch, struct origin *o) {
    static const struct {
        struct str key;
        size_t field;
    } keys[] = {
        {{"utm_source", 10}, offsetof(struct origin, utm_source)},
        {{"utm_medium", 10}, offsetof(struct origin, utm_medium)},
        {{"utm_campaign", 12}, offsetof(struct origin, utm_campaign)},
    };
    size_t at;
    if (!str_find(target, '?', &at))
        return;
    struct str query = str_skip(target, at + 1), pair;
    if (memmem(query.ptr, query.len, "utm_", 4) == NULL)
        return;
    if (str_find(query, '#', &at))
        query.len = at;
    while (str_split(&query, '&', &pair)) {
        if (!str_find(pair, '=', &at))
            continue;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            struct str *field = (struct str *)((char *)o + keys[i].field);
            if (field->len == 0 && str_eq(str_of(pair.ptr, at), keys[i].key) && at + 1 < pair.len)
                *field = decode(str_skip(pair, at + 1), scratch);
        }
    }
}

struct origin origin_of(struct str referrer, struct str target, struct str site,
                        struct arena *scratch) {
    struct origin o = {
        .utm_source = STR(""), .utm_medium = STR(""), .utm_campaign = STR(""), .domain = STR("")};
    if (referrer.len > 0)
        o.domain = referrer_domain(referrer, scratch);
    o.channel = channel_of(&(struct facts){referrer, o.domain, site});
    read_campaign(target, scratch, &o);
    return o;
}

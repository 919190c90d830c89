#include "refine/referrer.h"

#include "base/lower.h"

#define PARAMETER_BYTES 32u /* no click id has a longer name */
#define HOST_BYTES 255u     /* DNS: 253, and room for a dot and brackets */

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
    if (s.len > 1 && s.ptr[s.len - 1] == '.') /* the root of the DNS */
        s.len--;
    if (s.len > HOST_BYTES)
        return STR("");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == 0x7F || c == '"' || c == '<' || c == '>' || c == '\\')
            return STR("");
    }
    return s;
}

static struct str referrer_domain(struct str referrer, struct arena *scratch) {
    struct str authority;
    if (!url_authority(referrer, &authority))
        return STR("");
    struct str host = without_www(authority_host(authority));
    return host.len ? lower_case(host, scratch) : STR("");
}

/* --- campaign ------------------------------------------------------------------------------ */

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

/* Also finds the first click id; returns its number. */
static uint8_t read_campaign(const struct channels *channels, struct str target,
                             struct arena *scratch, struct origin *o) {
    static const struct {
        struct str key;
        size_t field;
    } keys[] = {
        {{"utm_source", 10}, offsetof(struct origin, utm_source)},
        {{"utm_medium", 10}, offsetof(struct origin, utm_medium)},
        {{"utm_campaign", 12}, offsetof(struct origin, utm_campaign)},
        {{"utm_term", 8}, offsetof(struct origin, utm_term)},
        {{"utm_content", 11}, offsetof(struct origin, utm_content)},
    };
    size_t at;
    uint8_t click_id = 0;
    if (!str_find(target, '?', &at))
        return 0;
    struct str query = str_skip(target, at + 1), pair;
    if (str_find(query, '#', &at))
        query.len = at;
    while (str_split(&query, '&', &pair)) {
        if (!str_find(pair, '=', &at) || at + 1 == pair.len)
            continue;
        struct str key = str_of(pair.ptr, at);
        if (!str_starts(key, STR("utm_"))) {
            if (click_id == 0 && key.len <= PARAMETER_BYTES)
                click_id = channels_click_id(channels, key);
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            struct str *field = (struct str *)((char *)o + keys[i].field);
            if (field->len == 0 && str_eq(key, keys[i].key))
                *field = decode(str_skip(pair, at + 1), scratch);
        }
    }
    return click_id;
}

struct origin origin_of(const struct channels *channels, struct str referrer, struct str target,
                        struct str site, struct str server, struct arena *scratch) {
    struct origin o = {.domain = STR(""),
                       .utm_source = STR(""),
                       .utm_medium = STR(""),
                       .utm_campaign = STR(""),
                       .utm_term = STR(""),
                       .utm_content = STR("")};
    uint8_t click_id = read_campaign(channels, target, scratch, &o);
    if (referrer.len > 0)
        o.domain = referrer_domain(referrer, scratch);
    o.click_id = channels_click_name(click_id);
    o.channel = channel_name(channels_find(
        channels,
        &(struct channel_facts){.referrer = referrer,
                                .domain = o.domain,
                                .site = site,
                                .server = server,
                                .utm_source = o.utm_source,
                                .utm_medium = o.utm_medium,
                                .click_id = click_id,
                                .tagged = o.utm_source.len + o.utm_medium.len + o.utm_campaign.len +
                                              o.utm_term.len + o.utm_content.len >
                                          0}));
    return o;
}

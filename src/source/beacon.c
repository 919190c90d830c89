#include "source/beacon.h"

#include "format/stamp.h"
#include <jansson.h>
#include <stdlib.h>

/* A clock of a client that is ahead by less is believed. */
#define AHEAD_MS ((int64_t)300000)
#define OLDEST_MS ((int64_t)86400000) /* what says 1 January 1970 does not know the time */
#define AGE_MS ((int64_t)BEACON_AGE_DAYS * 86400000)

struct call {
    struct str name, url, domain, referrer, id;
    struct str host; /* of the url; "" for a path */
    const json_t *props;
    const json_t *engaged, *scrolled; /* of Plausible's `engagement`: milliseconds, percent */
    int64_t ts_ms;
};

static struct str text_of(const json_t *value) {
    return value != NULL && json_is_string(value)
               ? str_of(json_string_value(value), json_string_length(value))
               : STR("");
}

/* The value of the first of two keys that is there. */
static const json_t *either(const json_t *doc, const char *a, const char *b) {
    const json_t *value = json_object_get(doc, a);
    return value != NULL ? value : json_object_get(doc, b);
}

static bool has_control(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ')
            return true;
    return false;
}

static int check_text(const char *what, struct str s, size_t max, struct err *err) {
    if (s.len > max)
        return err_set(err, ERR_USAGE, "%s is longer than %zu bytes", what, max);
    if (has_control(s))
        return err_set(err, ERR_USAGE, "%s has control characters", what);
    return 0;
}

/* --- url --- */

/* Host of an absolute address, in lower case and without port; "" if it is none. */
static struct str host_of(struct str url, struct arena *arena) {
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (url.len < schemes[i].len || !str_eq_nocase(str_of(url.ptr, schemes[i].len), schemes[i]))
            continue;
        struct str rest = str_skip(url, schemes[i].len);
        size_t n = 0;
        while (n < rest.len && memchr("/?#:", rest.ptr[n], 4) == NULL)
            n++;
        struct str host = arena_dup(arena, str_of(rest.ptr, n));
        for (size_t k = 0; k < n; k++)
            if (host.ptr[k] >= 'A' && host.ptr[k] <= 'Z')
                ((char *)(uintptr_t)host.ptr)[k] |= 0x20;
        return host;
    }
    return STR("");
}

/* Without the fragment, which names a place within the page; but "#/" and "#!" are how some pages
 * name their views. Blanks are encoded, as a browser would. */
static struct str clean_url(struct str url, struct arena *arena) {
    size_t at, blanks = 0;
    if (str_find(url, '#', &at) &&
        !(at + 1 < url.len && (url.ptr[at + 1] == '/' || url.ptr[at + 1] == '!')))
        url.len = at;
    for (size_t i = 0; i < url.len; i++)
        blanks += url.ptr[i] == ' ';
    if (blanks == 0)
        return url;
    char *to = arena_bytes(arena, url.len + 2 * blanks), *start = to;
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] == ' ') {
            memcpy(to, "%20", 3);
            to += 3;
        } else {
            *to++ = url.ptr[i];
        }
    }
    return str_of(start, (size_t)(to - start));
}

/* --- one call --- */

/* What is long ago is refused: anybody may send beacons, and each day that one reaches is sealed
 * anew. And it is not taken for now: who sends seconds for milliseconds must hear of it. */
static int read_time(const json_t *value, const struct beacon_client *client, int64_t *ret,
                     struct err *err) {
    int64_t at = client->now_ms;
    if (json_is_number(value)) {
        double given = json_number_value(value); /* may be beyond any integer */
        at = given >= 0 && given < 1e15 ? (int64_t)given : client->now_ms;
    } else if (json_is_string(value)) {
        if (!stamp_any(text_of(value), &at))
            return err_set(err, ERR_USAGE, "ts: \"%.40s\" is no time", json_string_value(value));
        at *= 1000;
    }
    if (at < OLDEST_MS || at > client->now_ms + AHEAD_MS)
        at = client->now_ms;
    if (at < client->now_ms - AGE_MS)
        return err_set(err, ERR_USAGE,
                       "ts is over two years ago: milliseconds since 1970 or ISO 8601 is expected");
    *ret = at;
    return 0;
}

static int check_props(const json_t *props, struct err *err) {
    const char *key;
    json_t *value;
    if (props == NULL || json_is_null(props))
        return 0;
    if (!json_is_object(props))
        return err_set(err, ERR_USAGE, "the properties are no object");
    if (json_object_size(props) > BEACON_PROPS)
        return err_set(err, ERR_USAGE, "more than %u properties", BEACON_PROPS);
    json_object_foreach((json_t *)(uintptr_t)props, key, value) {
        if (json_is_object(value) || json_is_array(value))
            return err_set(err, ERR_USAGE, "property \"%.60s\" is no plain value", key);
        if (strlen(key) > BEACON_NAME_BYTES || json_string_length(value) > BEACON_PROP_BYTES)
            return err_set(err, ERR_USAGE, "property \"%.60s\" is too long", key);
    }
    return 0;
}

/* Ids are compared as they are written in records: nothing in them may need an escape. */
static int check_id(struct str id, struct err *err) {
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '"' || id.ptr[i] == '\\')
            return err_set(err, ERR_USAGE,
                           "the id has other characters than letters, digits and signs of ASCII");
    return id.len > BEACON_ID_BYTES
               ? err_set(err, ERR_USAGE, "the id is longer than %zu bytes", BEACON_ID_BYTES)
               : 0;
}

static int check_call(const struct call *c, struct err *err) {
    if (c->name.len == 0)
        return err_set(err, ERR_USAGE, "the name of the event is missing (n or name)");
    if (c->url.len == 0)
        return err_set(err, ERR_USAGE, "the address of the page is missing (u or url)");
    if (c->url.ptr[0] != '/' && c->host.len == 0)
        return err_set(err, ERR_USAGE, "the address of the page is neither http(s)://... nor /...");
    int rc = check_text("the name", c->name, BEACON_NAME_BYTES, err);
    if (rc == 0)
        rc = check_text("the url", c->url, BEACON_URL_BYTES, err);
    if (rc == 0)
        rc = check_text("the referrer", c->referrer, BEACON_URL_BYTES, err);
    if (rc == 0)
        rc = check_id(c->id, err);
    return rc == 0 ? check_props(c->props, err) : rc;
}

static void add(struct buf *out, const char *key, struct str value) {
    if (value.len == 0)
        return;
    buf_printf(out, ",\"%s\":\"", key);
    buf_add_json(out, value);
    buf_add_char(out, '"');
}

static void add_props(struct buf *out, const json_t *props) {
    if (props == NULL || json_object_size(props) == 0)
        return;
    char *text = json_dumps(props, JSON_COMPACT);
    add(out, "p", str_from(text));
    free(text);
}

/* Kept for those who read the lake; no number is made of them yet. */
static void add_number(struct buf *out, const char *key, const json_t *value) {
    if (json_is_integer(value))
        buf_printf(out, ",\"%s\":%lld", key, (long long)json_integer_value(value));
}

static struct str write_body(const struct call *c, const struct beacon_client *client,
                             struct arena *arena) {
    struct buf out = {0};
    buf_printf(&out, "{\"ts\":%lld", (long long)c->ts_ms);
    add(&out, "id", c->id); /* near the beginning: beacon_record_id() */
    add(&out, "n", c->name);
    add(&out, "u", clean_url(c->url, arena));
    add(&out, "r", c->referrer);
    add_props(&out, c->props);
    add_number(&out, "e", c->engaged);
    add_number(&out, "sd", c->scrolled);
    add(&out, "ip", client->address);
    add(&out, "ua", client->agent);
    add(&out, "ch", client->hint_brands);
    add(&out, "chm", client->hint_mobile);
    add(&out, "chp", client->hint_platform);
    buf_add_char(&out, '}');
    struct str body = arena_dup(arena, buf_str(&out));
    buf_release(&out);
    return body;
}

static int make(struct call *c, const struct beacon_client *client, struct arena *arena,
                struct beacon *ret, struct err *err) {
    if (c->url.len == 0)
        c->url = client->page;
    c->host = host_of(c->url, arena);
    int rc = check_call(c, err);
    if (rc != 0)
        return rc;
    ret->site = c->domain.len > 0 ? arena_dup(arena, c->domain) : c->host;
    if (ret->site.len == 0)
        return err_set(err, ERR_USAGE, "the domain is missing (d or domain)");
    ret->id = arena_dup(arena, c->id);
    ret->body = write_body(c, client, arena);
    return 0;
}

/* "a.example,b.example" is one call for each. */
static int take_object(const json_t *doc, const struct beacon_client *client, struct arena *arena,
                       struct beacon *items, size_t *n, struct err *err) {
    if (!json_is_object(doc))
        return err_set(err, ERR_USAGE, "expected an object, or a list of objects");
    struct call call = {.name = text_of(either(doc, "n", "name")),
                        .url = text_of(either(doc, "u", "url")),
                        .referrer = text_of(either(doc, "r", "referrer")),
                        .id = text_of(json_object_get(doc, "id")),
                        .props = either(doc, "p", "props"),
                        .engaged = json_object_get(doc, "e"),
                        .scrolled = json_object_get(doc, "sd")};
    if (call.props == NULL)
        call.props = either(doc, "m", "meta");
    struct str domains = text_of(either(doc, "d", "domain"));
    json_t *decoded = NULL; /* older scripts send the properties as text */
    if (json_is_string(call.props)) {
        decoded = json_loads(json_string_value(call.props), 0, NULL);
        call.props = decoded;
    }
    int rc = read_time(json_object_get(doc, "ts"), client, &call.ts_ms, err);
    do {
        if (rc == 0 && domains.len > 0 && str_split(&domains, ',', &call.domain))
            call.domain = str_trim(call.domain);
        if (rc == 0 && *n == BEACON_BATCH_MAX)
            rc = err_set(err, ERR_TOOBIG, "more than %d events in one batch", BEACON_BATCH_MAX);
        if (rc == 0)
            rc = make(&call, client, arena, &items[*n], err);
        *n += rc == 0;
    } while (rc == 0 && domains.len > 0);
    json_decref(decoded);
    return rc;
}

int beacons_parse(struct str json, const struct beacon_client *client, struct arena *arena,
                  struct beacon *items, size_t *ret_n, struct err *err) {
    json_error_t problem;
    json_t *doc = json_loadb(json.ptr, json.len, 0, &problem), *item;
    *ret_n = 0;
    if (doc == NULL)
        return err_set(err, ERR_USAGE, "the body is no JSON: %s", problem.text);
    int rc = 0;
    size_t i;
    if (!json_is_array(doc))
        rc = take_object(doc, client, arena, items, ret_n, err);
    json_array_foreach(doc, i, item) {
        if (rc == 0)
            rc = take_object(item, client, arena, items, ret_n, err);
        if (rc != 0) {
            (void)err_context(err, "event %zu", i + 1);
            break;
        }
    }
    if (rc == 0 && *ret_n == 0)
        rc = err_set(err, ERR_USAGE, "the batch is empty");
    json_decref(doc);
    return rc;
}

int beacon_make(struct str name, struct str url, struct str domain, struct str referrer,
                struct str id, const struct beacon_client *client, struct arena *arena,
                struct beacon *ret, struct err *err) {
    struct call call = {.name = name.len > 0 ? name : STR("pageview"),
                        .url = url,
                        .domain = domain,
                        .referrer = referrer,
                        .id = id,
                        .ts_ms = client->now_ms};
    return make(&call, client, arena, ret, err);
}

struct str beacon_record_id(struct str body) {
    static const struct str key = {",\"id\":\"", 7};
    const char *comma = memchr(body.ptr, ',', body.len); /* the first one is behind ts */
    if (comma == NULL || (size_t)(body.ptr + body.len - comma) < key.len ||
        memcmp(comma, key.ptr, key.len) != 0)
        return STR("");
    struct str rest = str_skip(body, (size_t)(comma - body.ptr) + key.len);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] != '"')
        n++;
    return str_of(rest.ptr, n);
}

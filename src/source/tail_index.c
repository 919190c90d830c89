#include "source/tail_index.h"

#include <jansson.h>
#include <stdlib.h>

#define POSITION_BEGIN "{\"tail\":"

struct tail_mark tail_mark_of(struct str bytes) {
    struct tail_mark mark = {.len = (uint32_t)bytes.len};
    crypto_generichash(mark.hash.bytes, sizeof mark.hash.bytes, (const unsigned char *)bytes.ptr,
                       bytes.len, NULL, 0);
    return mark;
}

bool tail_mark_is(const struct tail_mark *mark, struct str bytes) {
    struct tail_mark other = tail_mark_of(bytes);
    return mark->len == other.len &&
           memcmp(mark->hash.bytes, other.hash.bytes, sizeof other.hash.bytes) == 0;
}

void tail_position_set_head(struct tail_position *p, struct str head) {
    p->head = tail_mark_of(head);
    for (size_t i = 0; i < TAIL_STARTS && TAIL_START_BYTES(i) <= head.len; i++)
        p->starts[i] = tail_mark_of(str_of(head.ptr, TAIL_START_BYTES(i))).hash;
}

void tail_position_release(struct tail_position *p) {
    free(p->source);
    free(p->pattern);
    free(p->path);
    free(p->format);
    free(p->header);
    *p = (struct tail_position){0};
}

void tail_index_release(struct tail_index *index) {
    for (size_t i = 0; i < index->files.len; i++)
        tail_position_release(&index->files.items[i]);
    for (size_t i = 0; i < index->origins.len; i++) {
        free(index->origins.items[i].source);
        free(index->origins.items[i].pattern);
    }
    vec_free(&index->files);
    vec_free(&index->origins);
    index->bid = 0;
}

int64_t tail_index_since(struct tail_index *index, const char *source, const char *pattern,
                         int64_t now_ms) {
    for (size_t i = 0; i < index->origins.len; i++) {
        struct tail_origin *o = &index->origins.items[i];
        if (strcmp(o->source, source) == 0 && strcmp(o->pattern, pattern) == 0)
            return o->since_ms;
    }
    struct tail_origin origin = {xstrdup(source), xstrdup(pattern), now_ms};
    vec_push(&index->origins, origin);
    return now_ms;
}

/* --- writing --- */

static void add_string(struct buf *out, const char *key, const char *value) {
    buf_printf(out, ",\"%s\":\"", key);
    buf_add_json(out, str_from(value));
    buf_add_char(out, '"');
}

static void add_hash(struct buf *out, const struct content_hash *hash) {
    char hex[2 * CONTENT_HASH_BYTES + 1];
    buf_add_cstr(out, sodium_bin2hex(hex, sizeof hex, hash->bytes, sizeof hash->bytes));
}

static void add_mark(struct buf *out, const char *key, const struct tail_mark *mark) {
    buf_printf(out, ",\"%s\":\"", key);
    add_hash(out, &mark->hash);
    buf_printf(out, "\",\"%s_len\":%u", key, mark->len);
}

static void add_starts(struct buf *out, const struct tail_position *p) {
    buf_add_cstr(out, ",\"starts\":[");
    for (size_t i = 0; i < TAIL_STARTS && TAIL_START_BYTES(i) <= p->head.len; i++) {
        buf_add_cstr(out, i ? ",\"" : "\"");
        add_hash(out, &p->starts[i]);
        buf_add_char(out, '"');
    }
    buf_add_char(out, ']');
}

static void add_number(struct buf *out, const char *key, uint64_t value) {
    buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)value);
}

void tail_position_to_json(const struct tail_position *p, struct buf *out) {
    buf_add_cstr(out, POSITION_BEGIN "\"");
    buf_add_json(out, str_from(p->source));
    buf_add_char(out, '"');
    add_string(out, "pattern", p->pattern);
    buf_printf(out, ",\"since\":%lld,\"file\":{\"id\":%llu", (long long)p->since_ms,
               (unsigned long long)p->id);
    add_string(out, "path", p->path);
    add_number(out, "device", p->device);
    add_number(out, "inode", p->inode);
    add_number(out, "head_at", p->head_at);
    add_mark(out, "head", &p->head);
    add_mark(out, "end", &p->end);
    add_starts(out, p);
    buf_add_char(out, '}');
    add_number(out, "offset", p->offset);
    add_number(out, "lines", p->lines);
    buf_printf(out, ",\"open\":%s,\"names_site\":%s", p->open ? "true" : "false",
               p->names_site ? "true" : "false");
    add_string(out, "format", p->format);
    add_string(out, "header", p->header);
    add_number(out, "bid", p->bid);
    if (p->missed_ms != 0)
        buf_printf(out, ",\"missed\":%lld", (long long)p->missed_ms);
    buf_add_char(out, '}');
}

void tail_index_to_json(const struct tail_index *index, struct buf *out) {
    buf_printf(out, "{\"bid\":%llu,\"origins\":[", (unsigned long long)index->bid);
    for (size_t i = 0; i < index->origins.len; i++) {
        const struct tail_origin *o = &index->origins.items[i];
        buf_printf(out, "%s{\"since\":%lld", i ? "," : "", (long long)o->since_ms);
        add_string(out, "source", o->source);
        add_string(out, "pattern", o->pattern);
        buf_add_char(out, '}');
    }
    buf_add_cstr(out, "],\"files\":[");
    for (size_t i = 0; i < index->files.len; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        tail_position_to_json(&index->files.items[i], out);
    }
    buf_add_cstr(out, "]}");
}

/* --- reading --- */

static char *get_string(const json_t *o, const char *key) {
    const char *value = json_string_value(json_object_get(o, key));
    return xstrdup(value != NULL ? value : "");
}

static uint64_t get_number(const json_t *o, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static bool get_hash(const json_t *value, struct content_hash *ret) {
    const char *hex = json_string_value(value);
    size_t len = 0;
    return hex != NULL &&
           sodium_hex2bin(ret->bytes, sizeof ret->bytes, hex, strlen(hex), NULL, &len, NULL) == 0 &&
           len == sizeof ret->bytes;
}

static bool get_mark(const json_t *o, const char *key, const char *len_key, struct tail_mark *ret) {
    uint64_t bytes = get_number(o, len_key);
    ret->len = (uint32_t)bytes;
    return bytes <= TAIL_MARK_BYTES && get_hash(json_object_get(o, key), &ret->hash);
}

static bool get_starts(const json_t *list, struct tail_position *ret) {
    for (size_t i = 0; i < TAIL_STARTS && TAIL_START_BYTES(i) <= ret->head.len; i++)
        if (!get_hash(json_array_get(list, i), &ret->starts[i]))
            return false;
    return true;
}

static bool read_position(const json_t *doc, struct tail_position *ret) {
    const json_t *file = json_object_get(doc, "file");
    *ret = (struct tail_position){
        .id = get_number(file, "id"),
        .source = get_string(doc, "tail"),
        .pattern = get_string(doc, "pattern"),
        .since_ms = (int64_t)json_integer_value(json_object_get(doc, "since")),
        .path = get_string(file, "path"),
        .device = get_number(file, "device"),
        .inode = get_number(file, "inode"),
        .head_at = get_number(file, "head_at"),
        .offset = get_number(doc, "offset"),
        .lines = get_number(doc, "lines"),
        .open = json_is_true(json_object_get(doc, "open")),
        .names_site = json_is_true(json_object_get(doc, "names_site")),
        .format = get_string(doc, "format"),
        .header = get_string(doc, "header"),
        .bid = get_number(doc, "bid"),
        .missed_ms = (int64_t)json_integer_value(json_object_get(doc, "missed")),
    };
    return get_mark(file, "head", "head_len", &ret->head) &&
           get_starts(json_object_get(file, "starts"), ret) &&
           get_mark(file, "end", "end_len", &ret->end) && ret->end.len <= ret->offset &&
           ret->head_at <= ret->offset && ret->head.len <= ret->offset - ret->head_at;
}

/* Takes over the strings of `p`. */
static void put_position(struct tail_index *index, struct tail_position *p) {
    (void)tail_index_since(index, p->source, p->pattern, p->since_ms); /* if it got lost */
    for (size_t i = 0; i < index->files.len; i++)
        if (index->files.items[i].id == p->id) {
            tail_position_release(&index->files.items[i]);
            index->files.items[i] = *p;
            return;
        }
    vec_push(&index->files, *p);
}

static int take_position(struct tail_index *index, const json_t *doc, uint64_t bid,
                         struct err *err) {
    struct tail_position p;
    if (!read_position(doc, &p)) {
        tail_position_release(&p);
        return err_set(err, ERR_CORRUPT, "a position of a followed file is damaged");
    }
    if (bid != 0)
        p.bid = bid;
    put_position(index, &p);
    return 0;
}

int tail_index_take(struct tail_index *index, uint64_t bid, struct str position, struct err *err) {
    int rc = 0;
    if (str_starts(position, STR(POSITION_BEGIN))) {
        json_error_t problem;
        json_t *doc = json_loadb(position.ptr, position.len, 0, &problem);
        if (doc == NULL)
            return err_set(err, ERR_CORRUPT, "position of a followed file: %s", problem.text);
        rc = take_position(index, doc, bid, err);
        json_decref(doc);
    }
    if (rc == 0 && bid > index->bid)
        index->bid = bid;
    return rc;
}

int tail_index_from_json(struct tail_index *index, struct str json, struct err *err) {
    json_error_t problem;
    json_t *doc = json_loadb(json.ptr, json.len, 0, &problem);
    if (doc == NULL)
        return err_set(err, ERR_CORRUPT, "document of followed files: %s", problem.text);
    const json_t *item;
    size_t i;
    int rc = 0;
    index->bid = get_number(doc, "bid");
    json_array_foreach(json_object_get(doc, "origins"), i, item) {
        char *source = get_string(item, "source"), *pattern = get_string(item, "pattern");
        (void)tail_index_since(index, source, pattern,
                               (int64_t)json_integer_value(json_object_get(item, "since")));
        free(source);
        free(pattern);
    }
    json_array_foreach(json_object_get(doc, "files"), i, item) {
        if (rc == 0)
            rc = take_position(index, item, 0, err);
    }
    json_decref(doc);
    return rc;
}

/* The list of imports: documents, and positions of lake blocks. */
#include "source/import_internal.h"

#include <jansson.h>
#include <stdlib.h>

void imports_drop_last(struct imports *imports) {
    struct import *import = &imports->list.items[--imports->list.len];
    free(import->site);
    free(import->source);
    free(import->name);
    free(import->format);
    vec_free(&import->marks);
}

void imports_release(struct imports *imports) {
    while (imports->list.len > 0)
        imports_drop_last(imports);
    vec_free(&imports->list);
}

static void add_hash(struct buf *out, const struct content_hash *hash) {
    for (size_t i = 0; i < sizeof hash->bytes; i++)
        buf_printf(out, "%02x", hash->bytes[i]);
}

static bool read_hash(const char *hex, struct content_hash *ret) {
    size_t len;
    return hex != NULL &&
           sodium_hex2bin(ret->bytes, sizeof ret->bytes, hex, strlen(hex), NULL, &len, NULL) == 0 &&
           len == sizeof ret->bytes;
}

static void add_string(struct buf *out, const char *key, const char *value) {
    buf_printf(out, ",\"%s\":\"", key);
    buf_add_json(out, str_from(value));
    buf_add_char(out, '"');
}

static void add_mark(struct buf *out, const struct import_mark *mark) {
    buf_printf(out, "{\"offset\":%llu,\"hash\":\"", (unsigned long long)mark->offset);
    add_hash(out, &mark->hash);
    buf_printf(out, "\",\"lines\":%llu,\"open\":%llu,\"open_accepted\":%s,\"end\":%s}",
               (unsigned long long)mark->lines, (unsigned long long)mark->open_bytes,
               mark->open_accepted ? "true" : "false", mark->end ? "true" : "false");
}

/* A position is the document of the import with this one mark: both are read by the same code. */
static void to_json(const struct import *import, const struct import_mark *marks, size_t n,
                    struct buf *out) {
    buf_printf(out, "{\"import\":%llu", (unsigned long long)import->id);
    add_string(out, "site", import->site);
    add_string(out, "source", import->source);
    add_string(out, "name", import->name);
    add_string(out, "format", import->format);
    buf_printf(out, ",\"anonymous\":%s,\"head_len\":%u,\"head\":\"",
               import->anonymous ? "true" : "false", import->head_len);
    add_hash(out, &import->head);
    buf_add_cstr(out, "\",\"marks\":[");
    for (size_t i = 0; i < n; i++) {
        buf_add_cstr(out, i ? "," : "");
        add_mark(out, &marks[i]);
    }
    buf_add_cstr(out, "]}");
}

void import_to_json(const struct import *import, struct buf *out) {
    to_json(import, import->marks.items, import->marks.len, out);
}

void import_position(const struct import *import, const struct import_mark *mark, struct buf *out) {
    to_json(import, mark, 1, out);
}

static struct import *find_or_add(struct imports *imports, uint64_t id, json_t *doc) {
    for (size_t i = 0; i < imports->list.len; i++)
        if (imports->list.items[i].id == id)
            return &imports->list.items[i];
    const char *site = json_string_value(json_object_get(doc, "site"));
    const char *source = json_string_value(json_object_get(doc, "source"));
    const char *name = json_string_value(json_object_get(doc, "name"));
    const char *format = json_string_value(json_object_get(doc, "format"));
    struct import import = {
        .id = id,
        .site = xstrdup(site ? site : ""),
        .source = xstrdup(source ? source : ""),
        .name = xstrdup(name ? name : ""),
        .format = xstrdup(format ? format : ""),
        .anonymous = json_is_true(json_object_get(doc, "anonymous")),
        .head_len = (uint32_t)json_integer_value(json_object_get(doc, "head_len")),
    };
    if (!read_hash(json_string_value(json_object_get(doc, "head")), &import.head))
        import.anonymous = true;
    vec_push(&imports->list, import);
    return &imports->list.items[imports->list.len - 1];
}

void import_add_mark(struct import *import, struct import_mark mark) {
    if (import->marks.len > 0) {
        struct import_mark *last = &import->marks.items[import->marks.len - 1];
        if (last->offset >= mark.offset)
            return; /* seen before */
        if (!last->end)
            import->marks.len--;
    }
    vec_push(&import->marks, mark);
    import->dirty = true;
}

static int take_document(struct imports *imports, json_t *doc, struct err *err) {
    uint64_t id = (uint64_t)json_integer_value(json_object_get(doc, "import"));
    struct import *import = find_or_add(imports, id, doc);
    json_t *marks = json_object_get(doc, "marks"), *m;
    size_t i;
    json_array_foreach(marks, i, m) {
        struct import_mark mark = {
            .offset = (uint64_t)json_integer_value(json_object_get(m, "offset")),
            .lines = (uint64_t)json_integer_value(json_object_get(m, "lines")),
            .open_bytes = (uint64_t)json_integer_value(json_object_get(m, "open")),
            .open_accepted = json_is_true(json_object_get(m, "open_accepted")),
            .end = json_is_true(json_object_get(m, "end")),
        };
        if (!read_hash(json_string_value(json_object_get(m, "hash")), &mark.hash))
            return err_set(err, ERR_CORRUPT, "import %llu: a mark without hash",
                           (unsigned long long)id);
        import_add_mark(import, mark);
    }
    return 0;
}

int import_from_json(struct imports *imports, struct str json, struct err *err) {
    json_error_t problem;
    json_t *doc = json_loadb(json.ptr, json.len, 0, &problem);
    if (doc == NULL)
        return err_set(err, ERR_CORRUPT, "document of an import: %s", problem.text);
    int rc = take_document(imports, doc, err);
    json_decref(doc);
    return rc;
}

int imports_take(struct imports *imports, uint64_t bid, const struct record *last,
                 struct err *err) {
    int rc = 0;
    if (str_starts(last->position, STR("{\"import\":")))
        rc = import_from_json(imports, last->position, err);
    if (rc == 0 && bid > imports->bid)
        imports->bid = bid;
    return rc;
}

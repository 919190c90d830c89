#include "source/ingest.h"

#include "base/limits.h"
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

/* --- unpacking --- */

static int too_big(struct err *err) {
    return err_set(err, ERR_TOOBIG, "the body unpacks to more than %zu bytes: send smaller ones",
                   INGEST_UNPACKED_BYTES);
}

static int damaged(const char *what, struct err *err) {
    return err_set(err, ERR_CORRUPT, "the body is no whole %s", what);
}

/* Room for the next piece; never more than one byte over what is allowed. */
#define PIECE ((size_t)256 << 10)
static size_t next_piece(struct buf *out) {
    size_t room = min_size(PIECE, INGEST_UNPACKED_BYTES + 1 - out->len);
    return buf_reserve(out, room) != NULL ? room : 0;
}

/* Several members one behind the other are one stream (RFC 1952 section 2.2). */
static int gunzip(struct str body, struct buf *out, struct err *err) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)body.ptr, .avail_in = (unsigned)body.len};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return err_set(err, ERR_FAILED, "no memory to unpack");
    int rc = Z_OK;
    while (rc == Z_OK && out->len <= INGEST_UNPACKED_BYTES) {
        size_t room = next_piece(out);
        z.next_out = (unsigned char *)out->ptr + out->len;
        z.avail_out = (unsigned)room;
        rc = inflate(&z, Z_NO_FLUSH);
        out->len += room - z.avail_out;
        if (rc == Z_STREAM_END && z.avail_in > 0)
            rc = inflateReset(&z);
    }
    inflateEnd(&z);
    return out->len > INGEST_UNPACKED_BYTES ? too_big(err)
           : rc != Z_STREAM_END             ? damaged("gzip", err)
                                            : 0;
}

static int unzstd(struct str body, struct buf *out, struct err *err) {
    ZSTD_DStream *z = ZSTD_createDStream();
    if (z == NULL)
        return err_set(err, ERR_FAILED, "no memory to unpack");
    ZSTD_inBuffer in = {body.ptr, body.len, 0};
    size_t rc = 1;
    /* it may have read everything and still hold output back */
    while (!ZSTD_isError(rc) && out->len <= INGEST_UNPACKED_BYTES) {
        size_t room = next_piece(out);
        ZSTD_outBuffer to = {out->ptr + out->len, room, 0};
        rc = ZSTD_decompressStream(z, &to, &in);
        out->len += to.pos;
        if (!ZSTD_isError(rc) && in.pos == in.size && (rc == 0 || to.pos < room))
            break;
    }
    ZSTD_freeDStream(z);
    return out->len > INGEST_UNPACKED_BYTES ? too_big(err) : rc != 0 ? damaged("zstd", err) : 0;
}

int ingest_unpack(struct str body, struct str encoding, struct buf *out, struct err *err) {
    if (str_eq_nocase(encoding, STR("gzip")) || str_eq_nocase(encoding, STR("x-gzip")))
        return gunzip(body, out, err);
    if (str_eq_nocase(encoding, STR("zstd")))
        return unzstd(body, out, err);
    if (encoding.len > 0 && !str_eq_nocase(encoding, STR("identity")))
        return err_set(err, ERR_USAGE, "Content-Encoding: gzip, zstd or none, not " STR_FMT,
                       (int)min_size(encoding.len, 60), encoding.ptr);
    buf_add_str(out, body);
    return 0;
}

/* --- cutting --- */

struct cutter {
    const struct ingest_fields *fields;
    struct str scope;
    struct arena *arena;
    struct ingest_records *out;
    bool full; /* there is more than is taken */
};

static struct str cut_long(struct str line) {
    line.len = min_size(line.len, LIMIT_LINE_BYTES + 1);
    return line;
}

static struct str text_of(const json_t *value) {
    return str_of(json_string_value(value), json_string_length(value));
}

static void add_record(struct cutter *c, struct ingest_record record) {
    c->full = c->out->items.len == INGEST_RECORDS;
    if (!c->full)
        vec_push(&c->out->items, record);
}

static void add_line(struct cutter *c, struct str line) {
    add_record(c, (struct ingest_record){.body = cut_long(line)});
}

static const json_t *field_of(const json_t *object, struct str name) {
    return name.len > 0 ? json_object_getn(object, name.ptr, name.len) : NULL;
}

/* `text` is the object as it was sent; ptr NULL: not known. */
static void add_object(struct cutter *c, const json_t *object, struct str text) {
    struct ingest_record record = {0};
    const json_t *id = field_of(object, c->fields->id), *line = field_of(object, c->fields->line);
    if (json_is_string(id) && json_string_length(id) > 0) {
        record.key = recent_key_of(c->scope, text_of(id));
        record.has_key = true;
    } else if (json_is_integer(id)) {
        char digits[24];
        int n = snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(id));
        record.key = recent_key_of(c->scope, str_of(digits, (size_t)n));
        record.has_key = true;
    }
    if (json_is_string(line)) {
        struct str inner = text_of(line); /* some senders leave the line end on it */
        while (inner.len > 0 &&
               (inner.ptr[inner.len - 1] == '\n' || inner.ptr[inner.len - 1] == '\r'))
            inner.len--;
        record.body = arena_dup(c->arena, cut_long(inner));
    } else if (text.ptr != NULL) {
        record.body = cut_long(text);
    } else {
        char *dump = json_dumps(object, JSON_COMPACT);
        record.body = arena_dup(c->arena, cut_long(str_from(dump)));
        free(dump);
    }
    if (record.body.len > 0)
        add_record(c, record);
}

static bool is_blank(char ch) { return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n'; }

static struct str skip_blanks(struct str s) {
    while (s.len > 0 && is_blank(*s.ptr))
        s = str_skip(s, 1);
    return s;
}

/* Bytes of the object or text that `s` begins with; 0: it has no end. */
static size_t element_bytes(struct str s) {
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (in_text && ch == '\\')
            i++;
        else if (ch == '"')
            in_text = !in_text;
        else if (!in_text && (ch == '{' || ch == '['))
            depth++;
        else if (!in_text && (ch == '}' || ch == ']'))
            depth--;
        if (!in_text && depth == 0)
            return i + 1;
    }
    return 0;
}

/* Objects one behind the other on one line (Fluent Bit's json_stream), taken apart one by one. What
 * is no JSON is a line, that will be rejected with its reason: all of the rest, unless it ends
 * where the next object begins. */
static void add_objects(struct cutter *c, struct str rest) {
    while (rest.len > 0 && !c->full) {
        struct str text = {rest.ptr, *rest.ptr == '{' ? element_bytes(rest) : 0};
        struct str next = skip_blanks(str_skip(rest, text.len));
        json_t *object =
            text.len <= INGEST_OBJECT_BYTES ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;
        if (object == NULL && (text.len == 0 || (next.len > 0 && *next.ptr != '{'))) {
            add_line(c, rest);
            return;
        }
        if (object != NULL)
            add_object(c, object, text);
        else
            add_line(c, text);
        json_decref(object);
        rest = next;
    }
}

static bool has_neighbours(struct str line) {
    return memmem(line.ptr, line.len, "}{", 2) != NULL ||
           memmem(line.ptr, line.len, "} {", 3) != NULL;
}

static void cut_lines(struct cutter *c, struct str text) {
    bool look = c->fields->id.len > 0 || c->fields->line.len > 0;
    struct str line;
    while (!c->full && str_split(&text, '\n', &line)) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            continue;
        if (*line.ptr == '{' && (look || has_neighbours(line)))
            add_objects(c, line);
        else
            add_line(c, line);
    }
}

/* An array of objects or texts; logs whose lines begin with [ go on otherwise. */
static bool is_array(struct str text) {
    text = skip_blanks(text);
    if (text.len == 0 || *text.ptr != '[')
        return false;
    text = skip_blanks(str_skip(text, 1));
    return text.len > 0 && (*text.ptr == '{' || *text.ptr == '"' || *text.ptr == ']');
}

static bool take_char(struct str *rest, char ch) {
    if (rest->len == 0 || *rest->ptr != ch)
        return false;
    *rest = skip_blanks(str_skip(*rest, 1));
    return true;
}

/* One by one: taken apart all at once they would need a hundred times their bytes. */
static int take_element(struct cutter *c, struct str *rest, size_t n, struct err *err) {
    if (rest->len > 0 && *rest->ptr != '{' && *rest->ptr != '"')
        return err_set(err, ERR_USAGE, "element %zu of the array is neither object nor text", n);
    struct str text = {rest->ptr, element_bytes(*rest)};
    if (text.len == 0)
        return err_set(err, ERR_USAGE, "the array is no JSON: it ends within element %zu", n);
    *rest = skip_blanks(str_skip(*rest, text.len));
    if (*text.ptr == '{' && text.len > INGEST_OBJECT_BYTES) {
        add_line(c, text);
        return 0;
    }
    json_error_t problem;
    json_t *item = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, &problem);
    if (item == NULL)
        return err_set(err, ERR_USAGE, "element %zu of the array is no JSON: %s", n, problem.text);
    if (json_is_object(item))
        add_object(c, item, (struct str){NULL, 0});
    else if (json_string_length(item) > 0)
        add_line(c, arena_dup(c->arena, cut_long(text_of(item))));
    json_decref(item);
    return 0;
}

static int cut_array(struct cutter *c, struct str text, struct err *err) {
    struct str rest = skip_blanks(text);
    size_t n = 0;
    int rc = 0;
    (void)take_char(&rest, '[');
    if (rest.len == 0 || *rest.ptr != ']')
        do
            rc = take_element(c, &rest, ++n, err);
        while (rc == 0 && !c->full && take_char(&rest, ','));
    if (rc == 0 && !c->full && (!take_char(&rest, ']') || rest.len > 0))
        rc = err_set(err, ERR_USAGE, "the array is no JSON behind element %zu", n);
    return rc;
}

int ingest_cut(struct str text, const struct ingest_fields *fields, struct str scope,
               struct arena *arena, struct ingest_records *ret, struct err *err) {
    struct cutter c = {.fields = fields, .scope = scope, .arena = arena, .out = ret};
    int rc = 0;
    if (is_array(text))
        rc = cut_array(&c, text, err);
    else
        cut_lines(&c, text);
    if (c.full)
        rc = err_set(err, ERR_TOOBIG, "more than %zu records in one body: send smaller ones",
                     INGEST_RECORDS);
    return rc;
}

/* --- positions --- */

#define POSITION_HEAD STR("{\"ids\":[")
#define HEX_BYTES ((size_t)2 * RECENT_KEY_BYTES)

void ingest_position(const struct recent_key *keys, size_t n, struct buf *out) {
    char hex[HEX_BYTES + 1];
    buf_add_str(out, POSITION_HEAD);
    for (size_t i = 0; i < n; i++) {
        sodium_bin2hex(hex, sizeof hex, keys[i].bytes, sizeof keys[i].bytes);
        buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", hex);
    }
    buf_add_cstr(out, "]}");
}

bool ingest_position_key(struct str position, size_t *at, struct recent_key *ret) {
    if (*at == 0 && str_starts(position, POSITION_HEAD))
        *at = POSITION_HEAD.len;
    size_t len = 0;
    if (*at == 0 || *at + HEX_BYTES + 2 > position.len || position.ptr[*at] != '"' ||
        sodium_hex2bin(ret->bytes, sizeof ret->bytes, position.ptr + *at + 1, HEX_BYTES, NULL, &len,
                       NULL) != 0 ||
        len != sizeof ret->bytes)
        return false;
    *at += HEX_BYTES + 3; /* quotes and comma */
    return true;
}

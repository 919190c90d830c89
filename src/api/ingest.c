/* POST /ingest/SOURCE: log lines that other programs send (docs/ingest.md). The answer 204 says
 * that all of the body is on disk; any other that nothing of it is. */
#include "source/ingest.h"
#include "api/internal.h"
#include "base/limits.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdlib.h>

#define DETECT_LINES ((size_t)1000)
#define WAITING_BYTES ((size_t)256 << 20) /* memory for what is not on disk yet */
#define KEY_BYTES ((size_t)512)           /* an Idempotency-Key, the name of a field */

/* --- what is remembered of a source: its format, and the header its next lines are read by --- */

struct ingest_source {
    char *id, *spec, *header;
};

struct ingest_sources {
    pthread_mutex_t mutex;
    VEC(struct ingest_source) list;
    atomic_size_t waiting; /* bytes */
};

struct ingest_sources *ingest_sources_new(void) {
    struct ingest_sources *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    return s;
}

void ingest_sources_free(struct ingest_sources *s) {
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->list.len; i++) {
        free(s->list.items[i].id);
        free(s->list.items[i].spec);
        free(s->list.items[i].header);
    }
    vec_free(&s->list);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static const char *key_of(struct str id, struct buf *out) {
    buf_add_cstr(out, "ingest/");
    buf_add_str(out, id);
    return buf_cstr(out);
}

/* From memory, else from control data. */
static int find_source(struct api *api, struct str id, struct ingest_source **ret,
                       struct err *err) {
    struct ingest_sources *s = api->ingest;
    for (size_t i = 0; i < s->list.len; i++)
        if (str_is(id, s->list.items[i].id)) {
            *ret = &s->list.items[i];
            return 0;
        }
    struct buf key = {0}, text = {0};
    uint64_t version = 0;
    int rc = control_get(live_instance(api->options.live)->control, key_of(id, &key), &text,
                         &version, err);
    if (rc == 0) {
        json_t *doc = version > 0 ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;
        const char *spec = json_string_value(json_object_get(doc, "format")),
                   *header = json_string_value(json_object_get(doc, "header"));
        struct ingest_source source = {.id = str_dup(id),
                                       .spec = xstrdup(spec != NULL ? spec : ""),
                                       .header = xstrdup(header != NULL ? header : "")};
        vec_push(&s->list, source);
        *ret = &s->list.items[s->list.len - 1];
        json_decref(doc);
    }
    buf_release(&key);
    buf_release(&text);
    return rc;
}

static int remember(struct api *api, struct ingest_source *source, struct str spec,
                    struct str header, struct err *err) {
    if (str_is(spec, source->spec) && str_is(header, source->header))
        return 0;
    struct buf key = {0}, text = {0};
    buf_add_cstr(&text, "{\"format\":\"");
    buf_add_json(&text, spec);
    buf_add_cstr(&text, "\",\"header\":\"");
    buf_add_json(&text, header);
    buf_add_cstr(&text, "\"}");
    const struct control_put put = {key_of(str_from(source->id), &key), buf_str(&text),
                                    CONTROL_ANY};
    int rc = control_commit(live_instance(api->options.live)->control, &put, 1, err);
    if (rc == 0) {
        free(source->spec);
        free(source->header);
        source->spec = str_dup(spec);
        source->header = str_dup(header);
    }
    buf_release(&key);
    buf_release(&text);
    return rc;
}

/* --- one body --- */

struct parcel {
    struct intake_ticket ticket; /* first: it is cast back */
    struct api *api;
    struct http_exchange *exchange;
    struct arena arena;
    struct buf text; /* unpacked; records borrow from it */
    struct ingest_records cut;
    VEC(struct record) records;
    VEC(struct recent_key) keys; /* claimed */
    struct str source, site, type, header_type;
    size_t waiting;
};

static void hold_bytes(struct parcel *p, size_t bytes) {
    p->waiting += bytes;
    atomic_fetch_add(&p->api->ingest->waiting, bytes);
}

static void parcel_free(struct parcel *p) {
    atomic_fetch_sub(&p->api->ingest->waiting, p->waiting);
    vec_free(&p->cut.items);
    vec_free(&p->records);
    vec_free(&p->keys);
    buf_release(&p->text);
    arena_release(&p->arena);
    free(p);
}

static void settle(struct parcel *p, bool durable) {
    for (size_t i = 0; i < p->keys.len; i++)
        recent_ids_settle(p->api->recent, p->keys.items[i], durable);
    p->keys.len = 0;
}

static void on_done(struct intake_ticket *ticket, int rc, uint64_t bid) {
    struct parcel *p = (struct parcel *)ticket;
    UNUSED(bid);
    settle(p, rc == 0);
    if (rc == 0)
        http_reply(p->exchange, MHD_HTTP_NO_CONTENT);
    else
        http_reply_error(p->exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
                         "the records cannot be stored now");
    parcel_free(p);
}

/* --- ids --- */

static int by_key(const void *a, const void *b) {
    const struct ingest_record *const *x = a, *const *y = b;
    int order = memcmp(&(*x)->key, &(*y)->key, sizeof(*x)->key);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Of records with the same id in one body the first counts. */
static void drop_doubles(struct parcel *p) {
    VEC(struct ingest_record *) with = {0};
    for (size_t i = 0; i < p->cut.items.len; i++)
        if (p->cut.items.items[i].has_key)
            vec_push(&with, &p->cut.items.items[i]);
    if (with.len > 1)
        qsort(with.items, with.len, sizeof *with.items, by_key);
    for (size_t i = 1; i < with.len; i++)
        if (memcmp(&with.items[i - 1]->key, &with.items[i]->key, sizeof with.items[i]->key) == 0)
            with.items[i]->body.len = 0;
    vec_free(&with);
}

/* Takes those out that are durable. ERR_BUSY: one is being stored just now. */
static int claim_records(struct parcel *p, struct err *err) {
    size_t kept = 0;
    drop_doubles(p);
    for (size_t i = 0; i < p->cut.items.len; i++) {
        const struct ingest_record *record = &p->cut.items.items[i];
        if (record->body.len == 0)
            continue;
        enum recent_claim claim =
            record->has_key ? recent_ids_claim(p->api->recent, record->key) : RECENT_NEW;
        if (claim == RECENT_WAITING)
            return err_set(err, ERR_AWAY, "a record with the same id is being stored");
        if (claim == RECENT_DURABLE)
            continue;
        if (record->has_key)
            vec_push(&p->keys, record->key);
        p->cut.items.items[kept++] = *record;
    }
    p->cut.items.len = kept;
    return 0;
}

/* --- records --- */

static void add_record(struct parcel *p, struct str body, struct str type) {
    struct record record = {
        .body = body, .type = type, .site = p->site, .source = p->source, .position = STR("")};
    vec_push(&p->records, record);
}

/* What the first lines are. *ret_sure: one of them can be read. */
static struct str detect(const struct parcel *p) {
    struct str lines[DETECT_LINES];
    size_t n = min_size(p->cut.items.len, DETECT_LINES);
    for (size_t i = 0; i < n; i++)
        lines[i] = p->cut.items.items[i].body;
    return format_detect(lines, n);
}

/* Rubbish decides nothing for the lines that come after it. */
static bool is_read_by(struct parcel *p, struct format *format) {
    struct fields fields;
    bool found = false;
    for (size_t i = 0; !found && i < min_size(p->cut.items.len, DETECT_LINES); i++) {
        struct str line = p->cut.items.items[i].body;
        found = format_is_header(format, line) ||
                format_read(format, line, &p->arena, &fields) == REASON_NONE;
    }
    return found;
}

/* The header in force goes first, so that the block can be read by itself; and no other source may
 * write into a block whose lines depend on headers. */
static void make_records(struct parcel *p, struct format *format, struct str header) {
    format_restart(format);
    if (header.len > 0) {
        format_take_header(format, header);
        add_record(p, arena_dup(&p->arena, header), p->header_type);
    }
    for (size_t i = 0; i < p->cut.items.len; i++) {
        struct str line = p->cut.items.items[i].body;
        bool is_header = format_is_header(format, line);
        if (is_header)
            format_take_header(format, line);
        add_record(p, line, is_header ? p->header_type : p->type);
    }
    p->ticket.alone = format_is_header(format, STR("#Fields: date"));
}

/* With the mutex of the sources. */
static int read_lines(struct parcel *p, const struct config_source *declared, struct err *err) {
    struct ingest_source *source = NULL;
    struct format *format = NULL;
    struct buf type = {0}, header = {0};
    int rc = find_source(p->api, p->source, &source, err);
    if (rc != 0)
        return rc;
    struct str spec = str_from(declared->format);
    bool automatic = spec.len == 0 || str_is(spec, "auto"), sure = true;
    if (automatic)
        spec = *source->spec != '\0' ? str_from(source->spec) : detect(p);
    rc = format_open(spec, &format, err);
    if (rc != 0)
        return rc;
    if (automatic && *source->spec == '\0')
        sure = is_read_by(p, format);
    struct str name = str_from(format_spec(format));
    buf_printf(&type, "%c" STR_FMT, FORMAT_HEADER_MARK, STR_ARG(name));
    p->header_type = arena_dup(&p->arena, buf_str(&type));
    p->type = str_skip(p->header_type, 1);
    make_records(p, format, str_is(name, source->spec) ? str_from(source->header) : STR(""));
    format_header(format, &header);
    struct str site = declared->site != NULL      ? str_from(declared->site)
                      : format_names_site(format) ? STR("")
                                                  : STR("default");
    site = arena_dup(&p->arena, site);
    for (size_t i = 0; i < p->records.len; i++)
        p->records.items[i].site = site;
    if (sure)
        rc = remember(p->api, source, p->type, buf_str(&header), err);
    format_free(format);
    buf_release(&type);
    buf_release(&header);
    return rc;
}

/* The ids go into the lake with the records; and does all of it fit into one block? */
static int finish(struct parcel *p, struct err *err) {
    size_t bytes = 0;
    if (p->keys.len > 0) {
        struct buf position = {0};
        ingest_position(p->keys.items, p->keys.len, &position);
        p->records.items[p->records.len - 1].position = arena_dup(&p->arena, buf_str(&position));
        buf_release(&position);
    }
    for (size_t i = 0; i < p->records.len; i++)
        bytes += lake_record_bound(&p->records.items[i]);
    if (bytes > LIMIT_BLOCK_BYTES || p->records.len > LIMIT_BLOCK_RECORDS)
        return err_set(err, ERR_TOOBIG, "too much for one body: send smaller ones");
    return 0;
}

/* The key of the whole body, if it has one: another one with it counts once. */
static int claim_body(struct parcel *p, struct str scope, struct err *err) {
    struct str key = http_header(p->exchange, "Idempotency-Key");
    struct buf apart = {0}; /* from ids of records */
    if (key.len == 0)
        return 0;
    struct recent_key all = recent_key_of(STR("ingest"), scope);
    buf_add(&apart, all.bytes, sizeof all.bytes);
    all = recent_key_of(buf_str(&apart), key);
    buf_release(&apart);
    enum recent_claim claim = recent_ids_claim(p->api->recent, all);
    if (claim == RECENT_WAITING)
        return err_set(err, ERR_AWAY, "a body with the same key is being stored");
    if (claim == RECENT_NEW)
        vec_push(&p->keys, all);
    else
        p->cut.items.len = 0;
    return 0;
}

/* 1: to be handed in; 0: nothing to store. */
static int prepare(struct parcel *p, const struct config_source *declared, struct err *err) {
    const struct http_exchange *x = p->exchange;
    struct str key = http_header(x, "Idempotency-Key");
    const struct ingest_fields fields = {.id = http_query(x, "id"), .line = http_query(x, "line")};
    struct buf scope = {0};
    if (key.len > KEY_BYTES || fields.id.len > KEY_BYTES || fields.line.len > KEY_BYTES)
        return err_set(err, ERR_USAGE, "a key is longer than %zu bytes", KEY_BYTES);
    int rc = ingest_unpack(http_body(x), http_header(x, "Content-Encoding"), &p->text, err);
    struct str id_scope = arena_dup(&p->arena, str_from(key_of(p->source, &scope)));
    if (rc == 0)
        rc = ingest_cut(buf_str(&p->text), &fields, id_scope, &p->arena, &p->cut, err);
    hold_bytes(p, p->text.len +
                      p->cut.items.len * (sizeof *p->cut.items.items + sizeof *p->records.items));
    buf_release(&scope);
    size_t sent = p->cut.items.len;
    if (rc == 0)
        rc = claim_body(p, id_scope, err);
    if (rc == 0)
        rc = claim_records(p, err);
    if (rc == 0)
        live_count_duplicates(p->api->options.live, p->source, sent - p->cut.items.len);
    if (rc != 0 || p->cut.items.len == 0)
        return rc;
    pthread_mutex_lock(&p->api->ingest->mutex);
    rc = read_lines(p, declared, err);
    pthread_mutex_unlock(&p->api->ingest->mutex);
    if (rc == 0)
        rc = finish(p, err);
    return rc == 0 ? 1 : rc;
}

/* --- the request --- */

void api_admit_sender(struct http_exchange *x, struct api *api) {
    struct str id = http_param(x, 0);
    const struct config_source *declared = catalog_find_source(api_config(x), id);
    if (declared == NULL && str_is(id, "points")) {
        http_reply_error(x, MHD_HTTP_NOT_FOUND, "/ingest/points is not part of this version");
    } else if (declared == NULL || strcmp(declared->type, "ingest") != 0) {
        http_reply_error(x, MHD_HTTP_NOT_FOUND,
                         "no source \"" STR_FMT "\" of type ingest: add it to `sources` of the "
                         "configuration",
                         (int)min_size(id.len, 100), id.ptr);
    } else if (!api_may_ingest(api, x, id)) {
        http_set_header(x, "WWW-Authenticate", "Bearer");
        http_reply_error(x, MHD_HTTP_UNAUTHORIZED,
                         http_header(x, "Authorization").len > 0
                             ? "unknown or expired token, or not of this source"
                             : "the token of the source is needed: Authorization: Bearer TOKEN");
    }
}

void api_ingest(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct parcel *p = xcalloc(1, sizeof *p);
    struct err err = {0};
    p->api = api;
    p->exchange = x;
    p->source = arena_dup(&p->arena, http_param(x, 0));
    const struct config_source *declared = catalog_find_source(api_config(x), p->source);
    bool crowded = atomic_load(&api->ingest->waiting) > WAITING_BYTES;
    hold_bytes(p, http_body(x).len);
    int rc = crowded ? err_set(&err, ERR_AWAY, "too much is waiting for the disk")
                     : prepare(p, declared, &err);
    if (rc == 1) {
        p->ticket.records = p->records.items;
        p->ticket.n = p->records.len;
        p->ticket.done = on_done;
        intake_submit(live_intake(api->options.live, DATASET_LOGS), &p->ticket);
        return;
    }
    settle(p, false);
    if (rc == ERR_CORRUPT)
        http_reply_error(x, MHD_HTTP_BAD_REQUEST, "%s", err.text);
    else if (rc != 0)
        api_reply_err(x, &err);
    else
        http_reply(x, MHD_HTTP_NO_CONTENT);
    parcel_free(p);
}

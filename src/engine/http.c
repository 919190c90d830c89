#include "engine/http.h"
#include "base/fs.h"
#include "base/limits.h"
#include "engine/insert.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_CONNECTIONS 256
#define HTTP_MEMORY                                                                                \
    ((size_t)256 << 10)              /* of one connection: head of the request, pieces of bodies */
#define HTTP_STACK ((size_t)8 << 20) /* statements run on it; the parser is recursive */

struct http {
    struct engine *engine;
    struct MHD_Daemon *daemon;
};

/* One request from its first byte to its answer. */
struct exchange {
    struct request request;
    struct str url_query;
    struct buf body; /* text; rows of an INSERT go to request.body_fd as they come */
    uint64_t received;
    const char *refused; /* why: a parameter that we do not take */
    char refused_name[64];
    bool failed;
};

static struct exchange *exchange_new(void) {
    struct exchange *x = xcalloc(1, sizeof *x);
    x->body.limit = LIMIT_INSERT_BYTES;
    x->request.body_fd = -1;
    return x;
}

static void exchange_free(struct exchange *x) {
    if (x == NULL)
        return;
    buf_release(&x->body);
    insert_close(x->request.body_fd);
    free(x);
}

/* --- parameters ------------------------------------------------------------------------------- */

static bool plain_name(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return s.len > 0 && s.len < 100;
}

static bool plain_id(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '\'' || s.ptr[i] == '\\')
            return false;
    return s.len <= 128;
}

static bool plain_format(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char lower = (char)(s.ptr[i] | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(s.ptr[i] >= '0' && s.ptr[i] <= '9'))
            return false;
    }
    return s.len < 64;
}

/* Parameters with a place of their own; all others are settings. */
static const struct {
    const char *name;
    size_t offset; /* of a struct str in struct exchange */
    bool (*valid)(struct str);
} known_params[] = {
    {"query", offsetof(struct exchange, url_query), NULL},
    {"query_id", offsetof(struct exchange, request.query_id), plain_id},
    {"database", offsetof(struct exchange, request.database), NULL},
    {"default_format", offsetof(struct exchange, request.format), plain_format},
};

/* About the HTTP server of ClickHouse, not about the statement: taken and ignored. */
static const char *const ignored_params[] = {
    "user",
    "password",
    "quota_key",
    "buffer_size",
    "wait_end_of_query",
    "stacktrace",
    "client_protocol_version",
    "enable_http_compression",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
};

/* Not here: silence would change what the caller gets. */
static const char *const refused_params[] = {
    "compress", "decompress", "session_id", "session_timeout", "session_check", "role", "profile",
};

static void refuse(struct exchange *x, struct str name, const char *why) {
    x->refused = why;
    snprintf(x->refused_name, sizeof x->refused_name, STR_FMT, STR_ARG(name));
}

static bool listed(const char *const *names, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static void take_param(struct exchange *x, struct str name, struct str value) {
    struct request *r = &x->request;
    for (size_t i = 0; i < ARRAY_LEN(known_params); i++) {
        if (!str_is(name, known_params[i].name))
            continue;
        if (known_params[i].valid != NULL && !known_params[i].valid(value))
            refuse(x, name, "has a value that is not allowed");
        else
            memcpy((char *)x + known_params[i].offset, &value, sizeof value);
        return;
    }
    if (listed(ignored_params, ARRAY_LEN(ignored_params), name))
        return;
    if (listed(refused_params, ARRAY_LEN(refused_params), name)) {
        if (!str_is(value, "0"))
            refuse(x, name, "is not supported here");
    } else if (str_starts(name, STR("param_"))) {
        name = str_skip(name, 6);
        if (name.len == 0 || r->n_params == ENGINE_MAX_PARAMS)
            refuse(x, name, "is one parameter too many");
        else
            r->params[r->n_params++] = (struct name_value){name, value};
    } else if (!plain_name(name)) {
        refuse(x, name, "is no name of a setting");
    } else if (r->n_settings == ENGINE_MAX_PARAMS) {
        refuse(x, name, "is one setting too many");
    } else {
        r->settings[r->n_settings++] = (struct name_value){name, value};
    }
}

static enum MHD_Result on_param(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                const char *value, size_t value_len) {
    UNUSED(kind);
    take_param(cls, str_of(key, key_len), str_of(value != NULL ? value : "", value_len));
    return MHD_YES;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Exceptions that ClickHouse answers with something else than 500. */
static const struct {
    int code;
    unsigned status;
} statuses[] = {
    {36, 400}, {47, 404}, {46, 404},  {60, 404},  {62, 400},
    {73, 404}, {81, 404}, {115, 404}, {164, 403}, {497, 403},
};

static unsigned status_of(int code) {
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].code == code)
            return statuses[i].status;
    return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static const struct {
    const char *prefix, *type;
} content_types[] = {
    {"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
    {"JSON", "application/json; charset=UTF-8"},
    {"CSV", "text/csv; charset=UTF-8; header=absent"},
    {"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
    {"TSV", "text/tab-separated-values; charset=UTF-8"},
    {"RowBinary", "application/octet-stream"},
    {"Native", "application/octet-stream"},
};

static const char *content_type(const char *format) {
    for (size_t i = 0; i < ARRAY_LEN(content_types); i++)
        if (strncmp(format, content_types[i].prefix, strlen(content_types[i].prefix)) == 0)
            return content_types[i].type;
    return "text/plain; charset=UTF-8";
}

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status, struct str text,
                                 int exception_code) {
    struct MHD_Response *r = MHD_create_response_from_buffer(text.len, (void *)(uintptr_t)text.ptr,
                                                             MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(r, "Content-Type", "text/plain; charset=UTF-8");
    if (exception_code != 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", exception_code);
        MHD_add_response_header(r, "X-ClickHouse-Exception-Code", number);
    }
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result send_error(struct MHD_Connection *c, struct answer *a, unsigned status) {
    buf_add_char(&a->error, '\n');
    return send_text(c, status != 0 ? status : status_of(a->code), buf_str(&a->error), a->code);
}

/* Keeps the library's result until libmicrohttpd has sent it: it is never copied. */
struct held_result {
    struct engine *engine;
    chdb_result *result;
};

static void release_held(void *cls) {
    struct held_result *held = cls;
    held->engine->chdb.result_free(held->result);
    free(held);
}

static enum MHD_Result send_result(struct MHD_Connection *c, struct engine *e,
                                   const struct request *request, struct answer *a) {
    const struct chdb *chdb = &e->chdb;
    struct held_result *held = xmalloc(sizeof *held);
    *held = (struct held_result){e, a->result};
    char summary[256], id[160];
    snprintf(summary, sizeof summary,
             "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\",\"written_rows\":\"%llu\","
             "\"written_bytes\":\"%llu\",\"elapsed_ns\":\"%llu\"}",
             (unsigned long long)chdb->result_rows_read(a->result),
             (unsigned long long)chdb->result_bytes_read(a->result),
             (unsigned long long)chdb->result_rows_written(a->result),
             (unsigned long long)chdb->result_bytes_written(a->result),
             (unsigned long long)(chdb->result_elapsed(a->result) * 1e9));
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
        chdb->result_length(a->result), chdb->result_buffer(a->result), release_held, held);
    a->result = NULL; /* now held's */
    MHD_add_response_header(r, "Content-Type", content_type(a->format));
    MHD_add_response_header(r, "X-ClickHouse-Summary", summary);
    MHD_add_response_header(r, "X-ClickHouse-Format", a->format);
    MHD_add_response_header(r, "X-ClickHouse-Timezone", "UTC");
    MHD_add_response_header(r, "X-Caskalytics-Sandbox", e->sandboxed ? "1" : "0");
    snprintf(id, sizeof id, STR_FMT, STR_ARG(request->query_id));
    if (id[0] != '\0')
        MHD_add_response_header(r, "X-ClickHouse-Query-Id", id);
    enum MHD_Result rc = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return rc;
}

/* --- requests --------------------------------------------------------------------------------- */

/* The whole request is here: run it. */
static enum MHD_Result finish(struct http *h, struct MHD_Connection *c, struct exchange *x) {
    struct answer a = {0};
    struct request *r = &x->request;
    enum MHD_Result rc;
    if (r->body_fd < 0 && x->body.len > 0 && x->url_query.len > 0) {
        /* neither rows nor the whole text: the body goes on where the URL ended */
        struct buf whole = {.limit = LIMIT_INSERT_BYTES};
        buf_add_str(&whole, x->url_query);
        buf_add_char(&whole, '\n');
        buf_add_str(&whole, buf_str(&x->body));
        buf_release(&x->body);
        x->body = whole;
    }
    r->sql = x->url_query.len > 0 && x->body.len == 0 ? x->url_query : buf_str(&x->body);
    if (x->refused != NULL) {
        answer_fail(&a, CH_BAD_ARGUMENTS, "BAD_ARGUMENTS", "The parameter %s %s", x->refused_name,
                    x->refused);
        rc = send_error(c, &a, 400);
    } else if (x->failed || x->body.overflow) {
        answer_fail(&a, CH_BAD_ARGUMENTS, "BAD_ARGUMENTS", "The body has no room in memory");
        rc = send_error(c, &a, 0);
    } else if (r->sql.len == 0) {
        rc = send_text(c, MHD_HTTP_OK, STR("Ok.\n"), 0);
    } else {
        engine_run(h->engine, r, &a);
        rc = a.code != 0 ? send_error(c, &a, 0) : send_result(c, h->engine, r, &a);
    }
    answer_release(h->engine, &a);
    return rc;
}

static enum MHD_Result too_large(struct MHD_Connection *c) {
    struct answer a = {0};
    answer_fail(&a, CH_BAD_ARGUMENTS, "BAD_ARGUMENTS", "The body is larger than %zu bytes",
                LIMIT_INSERT_BYTES);
    enum MHD_Result rc = send_error(c, &a, MHD_HTTP_CONTENT_TOO_LARGE);
    buf_release(&a.error);
    return rc;
}

/* Head of the request. */
static enum MHD_Result begin(struct MHD_Connection *c, struct exchange *x) {
    MHD_get_connection_values_n(c, MHD_GET_ARGUMENT_KIND, on_param, x);
    const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
    uint64_t n;
    if (length != NULL && str_to_u64(str_from(length), &n) && n > LIMIT_INSERT_BYTES)
        return too_large(c);
    const char *id = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-ClickHouse-Query-Id");
    if (id != NULL && x->request.query_id.len == 0 && plain_id(str_from(id)))
        x->request.query_id = str_from(id);
    x->request.structure =
        str_from(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-Caskalytics-Structure"));
    struct insert_head head;
    bool post = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length") != NULL ||
                MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding") != NULL;
    if (post && x->url_query.len > 0 && lexer_insert_head(x->url_query, &head) &&
        (!head.values || head.data.len == 0)) {
        x->request.body_fd = insert_new_body();
        x->failed = x->request.body_fd < 0;
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **per_request) {
    UNUSED(version);
    struct http *h = cls;
    struct exchange *x = *per_request;
    if (x == NULL) {
        *per_request = x = exchange_new();
        if (strcmp(url, "/ping") == 0)
            return send_text(c, MHD_HTTP_OK, STR("Ok.\n"), 0);
        if (strcmp(url, "/") != 0)
            return send_text(c, MHD_HTTP_NOT_FOUND, STR("There is only / and /ping here.\n"), 0);
        if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
            return send_text(c, MHD_HTTP_NOT_IMPLEMENTED, STR("Only GET and POST.\n"), 0);
        return begin(c, x);
    }
    if (*size == 0)
        return finish(h, c, x);
    x->received += *size;
    if (x->received > LIMIT_INSERT_BYTES)
        return MHD_NO; /* chunked and endless: the connection is closed */
    struct err err;
    if (x->request.body_fd < 0)
        buf_add(&x->body, data, *size);
    else if (!x->failed)
        x->failed = fs_write_all(x->request.body_fd, data, *size, "rows", &err) != 0;
    *size = 0;
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **per_request,
                         enum MHD_RequestTerminationCode why) {
    UNUSED(cls);
    UNUSED(c);
    UNUSED(why);
    exchange_free(*per_request);
    *per_request = NULL;
}

int http_start(struct engine *e, int listen_fd, struct http **ret, struct err *err) {
    struct http *h = xcalloc(1, sizeof *h);
    h->engine = e;
    h->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                                     MHD_USE_POLL | MHD_USE_ITC,
                                 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, listen_fd,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_MEMORY,
                                 MHD_OPTION_THREAD_STACK_SIZE, HTTP_STACK, MHD_OPTION_END);
    if (h->daemon == NULL) {
        free(h);
        return err_errno(err, ERR_IO, "cannot serve on the socket");
    }
    *ret = h;
    return 0;
}

void http_quiesce(struct http *h) { MHD_quiesce_daemon(h->daemon); }

/* From the first line of a request to its handler. */
#include "http/exchange.h"

#include "base/clock.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A refused body is read so far before the answer: most clients look for one only when all is sent,
 * and would see a broken connection. */
#define THROW_AWAY_BYTES ((size_t)32 << 20)

/* --- answers without a handler --- */

static void set_allow(struct http_exchange *x, unsigned methods) {
    static const struct {
        enum http_method method;
        const char *name;
    } names[] = {{HTTP_GET, "GET, HEAD"}, {HTTP_POST, "POST"},     {HTTP_PUT, "PUT"},
                 {HTTP_PATCH, "PATCH"},   {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"}};
    struct buf allow = {0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (methods & names[i].method)
            buf_printf(&allow, "%s%s", allow.len > 0 ? ", " : "", names[i].name);
    http_set_header(x, "Allow", buf_cstr(&allow));
    buf_release(&allow);
}

/* --- the head --- */

static enum http_method parse_method(const char *name) {
    static const struct {
        const char *name;
        enum http_method method;
    } names[] = {{"GET", HTTP_GET},        {"HEAD", HTTP_GET},    {"POST", HTTP_POST},
                 {"PUT", HTTP_PUT},        {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE},
                 {"OPTIONS", HTTP_OPTIONS}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i].name) == 0)
            return names[i].method;
    return 0;
}

size_t request_unescape(void *cls, struct MHD_Connection *c, char *text) {
    UNUSED(cls), UNUSED(c);
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;
        bool escaped = low >= 0 && high + low > 0;
        *to = escaped ? (char)(high * 16 + low) : from[0];
        from += escaped ? 3 : 1;
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* What says how long the body is. */
struct framing {
    struct str length, encoding;
    unsigned lengths, encodings;
    bool bad_name;
};

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *value) {
    struct framing *f = cls;
    struct str name = str_from(key);
    UNUSED(kind);
    if (str_eq_nocase(name, STR("Content-Length"))) {
        f->lengths++;
        f->length = str_from(value != NULL ? value : "");
    } else if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
        f->encodings++;
        f->encoding = str_from(value != NULL ? value : "");
    }
    for (size_t i = 0; i < name.len; i++) /* "Content-Length : 5" */
        f->bad_name = f->bad_name || (unsigned char)name.ptr[i] <= ' ';
    return MHD_YES;
}

/* Replies to what a proxy in front may have read otherwise, or cannot be read (RFC 9112 section 6).
 */
static void check_framing(struct http_exchange *x, const struct framing *f, const char *version) {
    if (f->lengths + f->encodings > 1 || f->bad_name)
        http_reply_error(x, MHD_HTTP_BAD_REQUEST, "the length of the body is given twice");
    else if (f->encodings > 0 && strcmp(version, "HTTP/1.1") != 0)
        http_reply_error(x, MHD_HTTP_BAD_REQUEST, "a Transfer-Encoding needs HTTP/1.1");
    else if (f->encodings > 0 && !str_eq_nocase(f->encoding, STR("chunked")))
        http_reply_error(x, MHD_HTTP_NOT_IMPLEMENTED, "Transfer-Encoding: only chunked");
}

static void set_peer(struct http_exchange *x) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (x->local || info == NULL || info->client_addr == NULL)
        return;
    const struct sockaddr *a = info->client_addr;
    if (a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, x->peer,
                  sizeof x->peer);
    else if (a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, x->peer,
                  sizeof x->peer);
    if (strncmp(x->peer, "::ffff:", 7) == 0 && strchr(x->peer, '.') != NULL)
        memmove(x->peer, x->peer + 7, strlen(x->peer + 7) + 1);
}

struct str request_path(const char *url, struct str prefix) {
    struct str path = str_from(url);
    if (prefix.len > 0 && str_starts(path, prefix) &&
        (path.len == prefix.len || path.ptr[prefix.len] == '/'))
        path = str_skip(path, prefix.len);
    return path.len > 0 ? path : STR("/");
}

static void reply_too_large(struct http_exchange *x) {
    http_reply_error(x, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
}

/* Replies to what is not let in. */
static void check_request(struct http_exchange *x, uint64_t length) {
    const struct http_options *o = &x->server->options;
    unsigned methods = 0;
    x->route = route_find(o->routes, o->n_routes, x->method, x->path, x->params, &methods);
    if (x->route == NULL && methods == 0) {
        http_reply_error(x, MHD_HTTP_NOT_FOUND, "no such address");
    } else if (x->route == NULL) {
        set_allow(x, methods);
        http_reply_error(x, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method");
    } else if (length > x->route->max_body) {
        reply_too_large(x);
    } else if (o->admit != NULL) {
        o->admit(x, o->arg);
    }
}

static enum MHD_Result begin(struct http_server *s, struct MHD_Connection *c, const char *url,
                             const char *method, const char *version, bool local, void **ret) {
    struct http_exchange *x = xcalloc(1, sizeof *x);
    *ret = x; /* freed when the request is completed, whatever comes */
    x->server = s;
    x->connection = c;
    x->local = local;
    x->method = parse_method(method);
    struct str path = request_path(url, str_from(s->path_prefix));
    x->path_bytes = str_dup(path);
    x->path = str_of(x->path_bytes, path.len);
    set_peer(x);
    struct framing f = {0};
    uint64_t length = 0;
    MHD_get_connection_values(c, MHD_HEADER_KIND, see_header, &f);
    if (f.lengths > 0 && !str_to_u64(f.length, &length))
        length = UINT64_MAX;
    check_framing(x, &f, version);
    bool close = x->state == EXCHANGE_REFUSED;
    if (!close)
        check_request(x, length);
    if (x->state == EXCHANGE_READING) {
        x->body.limit = x->route->max_body;
        return MHD_YES;
    }
    if (!close && length <= THROW_AWAY_BYTES && http_header(x, "Expect").ptr == NULL)
        return MHD_YES; /* told when the request is over: an earlier answer ends the connection */
    http_set_header(x, "Connection", "close");
    return exchange_send(x);
}

/* --- the body --- */

static enum MHD_Result take(struct http_exchange *x, const char *bytes, size_t n) {
    connection_received(x->connection, n);
    if (x->state == EXCHANGE_READING && n > x->route->max_body - x->body.len) {
        reply_too_large(x); /* in chunks, more than it may be */
        exchange_release_body(x);
    }
    if (x->state == EXCHANGE_READING && !exchange_take(x, str_of(bytes, n)))
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is sent at once: try again");
    if (x->state == EXCHANGE_REFUSED)
        x->thrown_away += n;
    return x->thrown_away > THROW_AWAY_BYTES ? MHD_NO : MHD_YES;
}

/* With the mutex. */
static void enqueue(struct http_server *s, struct http_exchange *x) {
    struct http_queue *q = x->route->run == HTTP_SLOW ? &s->slow : &s->quick;
    x->next = NULL;
    if (q->last != NULL)
        q->last->next = x;
    else
        q->first = x;
    q->last = x;
    pthread_cond_signal(&s->queued);
}

/* The request is whole. */
static enum MHD_Result dispatch(struct http_server *s, struct http_exchange *x) {
    const struct http_route *route = x->route;
    connection_waits(x->connection);
    x->began = clock_monotonic_seconds();
    pthread_mutex_lock(&s->mutex);
    if (s->draining) {
        pthread_mutex_unlock(&s->mutex);
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops");
        return exchange_send(x);
    }
    x->state = EXCHANGE_WAITING;
    x->open = true;
    s->waiting++;
    s->open++;
    if (route->run != HTTP_NOW) {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
    }
    bool for_workers = route->run == HTTP_WORKER || route->run == HTTP_SLOW;
    if (for_workers)
        enqueue(s, x);
    pthread_mutex_unlock(&s->mutex);
    if (!for_workers)
        route->handle(x, s->options.arg);
    return route->run == HTTP_NOW ? exchange_send(x) : MHD_YES;
}

/* --- callbacks --- */

static enum MHD_Result on_request(struct http_server *s, struct http_exchange *x,
                                  const char *upload, size_t *upload_size) {
    if (*upload_size > 0) {
        size_t n = *upload_size;
        *upload_size = 0;
        return take(x, upload, n);
    }
    if (x->state == EXCHANGE_READING)
        return dispatch(s, x);
    if (x->state == EXCHANGE_REFUSED)
        return exchange_send(x);
    pthread_mutex_lock(&s->mutex);
    bool ready = x->state == EXCHANGE_READY;
    x->suspended = x->suspended && !ready;
    pthread_mutex_unlock(&s->mutex);
    return ready ? exchange_send(x) : MHD_YES;
}

enum MHD_Result request_on_tcp(void *cls, struct MHD_Connection *c, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state) {
    return *state == NULL ? begin(cls, c, url, method, version, false, state)
                          : on_request(cls, *state, upload, upload_size);
}

enum MHD_Result request_on_local(void *cls, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state) {
    return *state == NULL ? begin(cls, c, url, method, version, true, state)
                          : on_request(cls, *state, upload, upload_size);
}

void request_completed(void *cls, struct MHD_Connection *c, void **state,
                       enum MHD_RequestTerminationCode why) {
    struct http_server *s = cls;
    struct http_exchange *x = *state;
    UNUSED(why);
    connection_answered(s, c);
    if (x == NULL)
        return;
    if (x->stream != NULL)
        stream_closed(x->stream);
    if (s->options.done != NULL)
        s->options.done(x, s->options.arg);
    if (x->open) {
        pthread_mutex_lock(&s->mutex);
        if (--s->open == 0)
            pthread_cond_broadcast(&s->idle);
        pthread_mutex_unlock(&s->mutex);
    }
    exchange_free(x);
    *state = NULL;
}

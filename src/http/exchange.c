#include "http/exchange.h"

#include "base/clock.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the request --- */

enum http_method http_method(const struct http_exchange *x) { return x->method; }
struct str http_path(const struct http_exchange *x) {
    return x->path;
}
struct str http_param(const struct http_exchange *x, size_t i) {
    return i < HTTP_PARAMS_MAX ? x->params[i] : STR("");
}
struct str http_body(const struct http_exchange *x) {
    return x->body.len > 0 ? buf_str(&x->body) : STR("");
}
struct str http_peer(const struct http_exchange *x) {
    return str_from(x->peer);
}
bool http_is_local(const struct http_exchange *x) { return x->local; }
const struct http_route *http_route(const struct http_exchange *x) { return x->route; }
unsigned http_status(const struct http_exchange *x) { return x->status; }
double http_seconds(const struct http_exchange *x) { return x->seconds; }

static struct str lookup(const struct http_exchange *x, enum MHD_ValueKind kind, const char *name) {
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(x->connection, kind, name, strlen(name), &value, &len) !=
        MHD_YES)
        return (struct str){NULL, 0};
    return value != NULL ? str_of(value, len) : STR("");
}

struct str http_query(const struct http_exchange *x, const char *name) {
    return lookup(x, MHD_GET_ARGUMENT_KIND, name);
}

struct str http_header(const struct http_exchange *x, const char *name) {
    return lookup(x, MHD_HEADER_KIND, name);
}

struct str http_cookie(const struct http_exchange *x, const char *name) {
    return lookup(x, MHD_COOKIE_KIND, name);
}

struct each {
    int (*see)(void *arg, struct str name, struct str value);
    void *arg;
    int rc;
};

static enum MHD_Result on_value(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                const char *value, size_t value_len) {
    struct each *each = cls;
    UNUSED(kind);
    each->rc = each->see(each->arg, str_of(key, key_len),
                         value != NULL ? str_of(value, value_len) : STR(""));
    return each->rc == 0 ? MHD_YES : MHD_NO;
}

int http_each_query(const struct http_exchange *x,
                    int (*see)(void *arg, struct str name, struct str value), void *arg) {
    struct each each = {see, arg, 0};
    MHD_get_connection_values_n(x->connection, MHD_GET_ARGUMENT_KIND, on_value, &each);
    return each.rc;
}

int http_each_header(const struct http_exchange *x,
                     int (*see)(void *arg, struct str name, struct str value), void *arg) {
    struct each each = {see, arg, 0};
    MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, on_value, &each);
    return each.rc;
}

void http_set_extra(struct http_exchange *x, void *extra, void (*release)(void *extra)) {
    x->extra = extra;
    x->release_extra = release;
}

void *http_extra(const struct http_exchange *x) { return x->extra; }

bool exchange_take(struct http_exchange *x, struct str bytes) {
    const struct http_server *s = x->server;
    buf_add_str(&x->body, bytes);
    size_t needs = x->body.len > HTTP_SMALL_BODY ? x->body.cap : 0, more = needs - x->body_bytes;
    x->body_bytes = needs;
    if (more == 0 ||
        atomic_fetch_add(&s->bodies[x->route - s->options.routes], more) + more <= s->bodies_bytes)
        return true;
    exchange_release_body(x);
    return false;
}

void exchange_release_body(struct http_exchange *x) {
    const struct http_server *s = x->server;
    if (x->body_bytes > 0)
        atomic_fetch_sub(&s->bodies[x->route - s->options.routes], x->body_bytes);
    x->body_bytes = 0;
    buf_release(&x->body);
}

/* --- the answer --- */

struct buf *http_out(struct http_exchange *x) {
    return &x->out;
}

void http_set_header(struct http_exchange *x, const char *name, const char *value) {
    vec_push(&x->headers, xstrdup(name));
    vec_push(&x->headers, xstrdup(value));
}

void http_reply(struct http_exchange *x, unsigned status) {
    struct http_server *s = x->server;
    if (x->state == EXCHANGE_READING) { /* not let in; still the event thread's own */
        x->status = status;
        x->state = EXCHANGE_REFUSED;
        return;
    }
    pthread_mutex_lock(&s->mutex);
    assert(x->state == EXCHANGE_WAITING);
    x->status = status;
    x->seconds = clock_monotonic_seconds() - x->began;
    x->state = EXCHANGE_READY;
    s->waiting--;
    if (s->waiting == 0)
        pthread_cond_broadcast(&s->idle);
    if (x->suspended) /* with the mutex: the event thread frees nothing before it is resumed */
        MHD_resume_connection(x->connection);
    pthread_mutex_unlock(&s->mutex);
}

void http_reply_error(struct http_exchange *x, unsigned status, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_clear(&x->out);
    buf_add_cstr(&x->out, "{\"error\":\"");
    buf_add_json(&x->out, str_from(text));
    buf_add_cstr(&x->out, "\"}\n");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        http_set_header(x, "Retry-After", "1");
    http_reply(x, status);
}

static bool has_header(const struct http_exchange *x, const char *name) {
    for (size_t i = 0; i + 1 < x->headers.len; i += 2)
        if (str_eq_nocase(str_from(x->headers.items[i]), str_from(name)))
            return true;
    return false;
}

enum MHD_Result exchange_send(struct http_exchange *x) {
    struct MHD_Response *r;
    size_t body = x->out.len;
    if (x->stream != NULL) {
        r = stream_response(x);
    } else {
        const char *type = body > 0 && (x->out.ptr[0] == '{' || x->out.ptr[0] == '[')
                               ? "application/json"
                               : "text/plain; charset=utf-8";
        r = MHD_create_response_from_buffer(body, x->out.ptr, MHD_RESPMEM_MUST_FREE);
        if (r != NULL)
            x->out = (struct buf){0}; /* the response owns it */
        if (body > 0 && !has_header(x, "Content-Type"))
            MHD_add_response_header(r, "Content-Type", type);
    }
    if (r == NULL)
        return MHD_NO;
    for (size_t i = 0; i + 1 < x->headers.len; i += 2)
        MHD_add_response_header(r, x->headers.items[i], x->headers.items[i + 1]);
    if (x->server->draining)
        MHD_add_response_header(r, "Connection", "close");
    if (x->stream == NULL)
        connection_sends(x->server, x->connection, body);
    enum MHD_Result rc = MHD_queue_response(x->connection, x->status, r);
    MHD_destroy_response(r);
    x->state = EXCHANGE_SENT;
    return rc;
}

void exchange_free(struct http_exchange *x) {
    if (x == NULL)
        return;
    if (x->release_extra != NULL)
        x->release_extra(x->extra);
    for (size_t i = 0; i < x->headers.len; i++)
        free(x->headers.items[i]);
    vec_free(&x->headers);
    exchange_release_body(x);
    buf_release(&x->out);
    free(x->path_bytes);
    free(x);
}

/* A stream belongs to two sides: whoever writes to it, and the connection. Each says when it is
 * done with it; the last one frees it. */
#include "http/exchange.h"

#include <stdlib.h>

struct http_stream {
    struct http_server *server;
    struct MHD_Connection *connection;
    pthread_mutex_t mutex;
    struct buf waiting; /* bytes that the client has not taken */
    size_t taken;       /* of them */
    bool suspended;
    bool ended;  /* by the writer */
    bool closed; /* the connection is over */
    unsigned owners;
};

static void drop(struct http_stream *s) {
    bool last = --s->owners == 0;
    pthread_mutex_unlock(&s->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&s->mutex);
    buf_release(&s->waiting);
    free(s);
}

static void wake(struct http_stream *s) {
    if (s->suspended && !s->closed) {
        s->suspended = false;
        MHD_resume_connection(s->connection);
    }
}

struct http_stream *http_reply_stream(struct http_exchange *x, const char *type) {
    struct http_stream *s = xcalloc(1, sizeof *s);
    s->server = x->server;
    s->connection = x->connection;
    s->owners = 2;
    s->waiting.limit = 2 * HTTP_STREAM_BYTES;
    pthread_mutex_init(&s->mutex, NULL);
    x->stream = s;
    http_set_header(x, "Content-Type", type);
    http_set_header(x, "Cache-Control", "no-store");
    http_set_header(x, "X-Accel-Buffering", "no"); /* nginx must not collect it */
    http_reply(x, MHD_HTTP_OK);
    return s;
}

bool http_stream_write(struct http_stream *s, struct str bytes) {
    pthread_mutex_lock(&s->mutex);
    bool good =
        !s->closed && !s->ended && s->waiting.len - s->taken + bytes.len <= HTTP_STREAM_BYTES;
    if (good)
        buf_add_str(&s->waiting, bytes);
    else
        s->ended = true;
    wake(s);
    pthread_mutex_unlock(&s->mutex);
    return good;
}

void http_stream_end(struct http_stream *s) {
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->mutex);
    s->ended = true;
    wake(s);
    drop(s);
}

void stream_closed(struct http_stream *s) {
    pthread_mutex_lock(&s->mutex);
    s->closed = true;
    drop(s);
}

static ssize_t on_read(void *cls, uint64_t pos, char *to, size_t room) {
    struct http_stream *s = cls;
    UNUSED(pos);
    pthread_mutex_lock(&s->mutex);
    ssize_t n = (ssize_t)min_size(room, s->waiting.len - s->taken);
    if (n > 0) {
        memcpy(to, s->waiting.ptr + s->taken, (size_t)n);
        s->taken += (size_t)n;
        if (s->taken == s->waiting.len) {
            buf_clear(&s->waiting);
            s->taken = 0;
        }
    } else if (s->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->suspended = true;
        MHD_suspend_connection(s->connection);
    }
    pthread_mutex_unlock(&s->mutex);
    return n;
}

struct MHD_Response *stream_response(struct http_exchange *x) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, x->stream, NULL);
}

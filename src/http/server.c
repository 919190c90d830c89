#include "http/exchange.h"

#include "base/limits.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTION_BYTES ((size_t)32 << 10) /* head of a request and what is being sent */
#define IDLE_SECONDS 30u                    /* a connection that says nothing is closed */
#define BACKLOG 1024

/* --- answers without a handler --- */

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *text,
                              unsigned methods) {
    static const struct {
        enum http_method method;
        const char *name;
    } names[] = {{HTTP_GET, "GET, HEAD"}, {HTTP_POST, "POST"},     {HTTP_PUT, "PUT"},
                 {HTTP_PATCH, "PATCH"},   {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"}};
    char body[256];
    int n = snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", text);
    struct MHD_Response *r =
        MHD_create_response_from_buffer((size_t)n, body, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(r, "Content-Type", "application/json");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        struct buf allow = {0};
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (methods & names[i].method)
                buf_printf(&allow, "%s%s", allow.len > 0 ? ", " : "", names[i].name);
        MHD_add_response_header(r, "Allow", buf_cstr(&allow));
        buf_release(&allow);
    }
    if (status == MHD_HTTP_BAD_REQUEST || status == MHD_HTTP_CONTENT_TOO_LARGE)
        MHD_add_response_header(r, "Connection", "close");
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

/* --- the head of a request --- */

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

struct framing {
    unsigned lengths, encodings;
};

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind, const char *key,
                                     const char *value) {
    struct framing *f = cls;
    UNUSED(kind), UNUSED(value);
    f->lengths += str_eq_nocase(str_from(key), STR("Content-Length"));
    f->encodings += str_eq_nocase(str_from(key), STR("Transfer-Encoding"));
    return MHD_YES;
}

/* What a proxy in front may have read otherwise (RFC 9112 section 6.3). */
static bool is_framed_twice(struct MHD_Connection *c) {
    struct framing f = {0};
    MHD_get_connection_values(c, MHD_HEADER_KIND, count_framing, &f);
    return f.lengths + f.encodings > 1;
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

static struct str without_prefix(const struct http_server *s, const char *url) {
    struct str path = str_from(url), prefix = str_from(s->options.path_prefix);
    if (prefix.len > 0 && str_starts(path, prefix) &&
        (path.len == prefix.len || path.ptr[prefix.len] == '/'))
        path = str_skip(path, prefix.len);
    return path.len > 0 ? path : STR("/");
}

static enum MHD_Result begin(struct http_server *s, struct MHD_Connection *c, const char *url,
                             const char *method, bool local, void **ret) {
    struct http_exchange *x = xcalloc(1, sizeof *x);
    *ret = x; /* freed when the request is completed, whatever comes */
    x->server = s;
    x->connection = c;
    x->local = local;
    x->method = parse_method(method);
    struct str path = without_prefix(s, url);
    x->path_bytes = str_dup(path);
    x->path = str_of(x->path_bytes, path.len);
    unsigned methods = 0;
    x->route =
        route_find(s->options.routes, s->options.n_routes, x->method, x->path, x->params, &methods);
    x->state = EXCHANGE_SENT; /* of all that is refused */
    if (is_framed_twice(c))
        return refuse(c, MHD_HTTP_BAD_REQUEST, "the length of the body is given twice", 0);
    if (x->route == NULL && methods == 0)
        return refuse(c, MHD_HTTP_NOT_FOUND, "no such address", 0);
    if (x->route == NULL)
        return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method", methods);
    uint64_t length = 0;
    struct str declared = http_header(x, "Content-Length");
    if (declared.ptr != NULL && (!str_to_u64(declared, &length) || length > x->route->max_body))
        return refuse(c, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large", 0);
    x->state = EXCHANGE_READING;
    x->body.limit = x->route->max_body > 0 ? x->route->max_body : 1;
    set_peer(x);
    return MHD_YES;
}

/* --- workers --- */

static void *worker_main(void *arg) {
    struct http_server *s = arg;
    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (s->first == NULL && !s->stopping)
            pthread_cond_wait(&s->queued, &s->mutex);
        struct http_exchange *x = s->first;
        if (x == NULL)
            break;
        s->first = x->next;
        if (s->first == NULL)
            s->last = NULL;
        bool stopping = s->stopping;
        pthread_mutex_unlock(&s->mutex);
        if (stopping)
            http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops");
        else
            x->route->handle(x, s->options.arg);
        pthread_mutex_lock(&s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* The request is whole. */
static enum MHD_Result dispatch(struct http_server *s, struct http_exchange *x) {
    const struct http_route *route = x->route;
    pthread_mutex_lock(&s->mutex);
    bool stopping = s->draining;
    x->state = EXCHANGE_WAITING;
    s->waiting++;
    if (route->run != HTTP_NOW && !stopping) {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
    }
    if (route->run == HTTP_WORKER && !stopping) {
        x->next = NULL;
        if (s->last != NULL)
            s->last->next = x;
        else
            s->first = x;
        s->last = x;
        pthread_cond_signal(&s->queued);
    }
    pthread_mutex_unlock(&s->mutex);
    if (stopping)
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops");
    else if (route->run != HTTP_WORKER)
        route->handle(x, s->options.arg);
    return stopping || route->run == HTTP_NOW ? exchange_send(x) : MHD_YES;
}

/* --- callbacks of libmicrohttpd --- */

static enum MHD_Result on_request(struct http_server *s, bool local, struct MHD_Connection *c,
                                  const char *url, const char *method, const char *upload,
                                  size_t *upload_size, void **state) {
    struct http_exchange *x = *state;
    if (x == NULL)
        return begin(s, c, url, method, local, state);
    if (*upload_size > 0) {
        if (x->state == EXCHANGE_READING)
            buf_add(&x->body, upload, *upload_size);
        *upload_size = 0;
        if (x->body.overflow && x->state == EXCHANGE_READING) {
            x->state = EXCHANGE_SENT;
            return MHD_NO; /* chunked and over the limit: an answer cannot be sent in between */
        }
        return MHD_YES;
    }
    if (x->state == EXCHANGE_READING)
        return dispatch(s, x);
    pthread_mutex_lock(&s->mutex);
    bool ready = x->state == EXCHANGE_READY;
    x->suspended = x->suspended && !ready;
    pthread_mutex_unlock(&s->mutex);
    return ready ? exchange_send(x) : MHD_YES;
}

static enum MHD_Result on_tcp(void *cls, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state) {
    UNUSED(version);
    return on_request(cls, false, c, url, method, upload, upload_size, state);
}

static enum MHD_Result on_local(void *cls, struct MHD_Connection *c, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **state) {
    UNUSED(version);
    return on_request(cls, true, c, url, method, upload, upload_size, state);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode why) {
    struct http_server *s = cls;
    struct http_exchange *x = *state;
    UNUSED(c), UNUSED(why);
    if (x == NULL)
        return;
    if (x->stream != NULL)
        stream_closed(x->stream);
    if (s->options.done != NULL && x->route != NULL)
        s->options.done(x, s->options.arg);
    exchange_free(x);
    *state = NULL;
}

/* --- sockets --- */

/* "host:port", "[v6]:port", ":port" */
static bool split_address(const char *listen, char host[256], char port[16]) {
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
        return false;
    snprintf(port, 16, "%s", colon + 1);
    size_t n = (size_t)(colon - listen);
    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    } else if (memchr(listen, ':', n) != NULL) {
        return false;
    }
    snprintf(host, 256, "%.*s", (int)min_size(n, 255), listen);
    return true;
}

static int listen_tcp(const char *listen_on, int *ret, unsigned *ret_port, struct err *err) {
    char host[256], port[16];
    if (!split_address(listen_on, host, port))
        return err_set(err, ERR_USAGE, "listen: \"%s\" is no address:port", listen_on);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (rc != 0)
        return err_set(err, ERR_USAGE, "listen: %s: %s", listen_on, gai_strerror(rc));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    rc = 0;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        rc = err_errno(err, ERR_FAILED, "listen on %s", listen_on);
    freeaddrinfo(found);
    if (rc != 0) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0)
        *ret_port =
            ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)(void *)&bound)->sin_port);
    *ret = fd;
    return 0;
}

static int listen_local(const char *path, int *ret, struct err *err) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path)
        return err_set(err, ERR_USAGE, "%s: the name is too long for a socket", path);
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path); /* of a server that is gone: ours is the data directory */
    mode_t mask = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    umask(mask);
    if (!bound || listen(fd, BACKLOG) < 0) {
        int rc = err_errno(err, ERR_FAILED, "%s", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    *ret = fd;
    return 0;
}

/* --- start and stop --- */

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd, bool local) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem pool[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, local ? 0 : s->options.events, NULL},
        {MHD_OPTION_END, 0, NULL}};
    if (local || s->options.events < 2)
        pool[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, local ? on_local : on_tcp, s,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                            s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
                            MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_ARRAY, pool,
                            MHD_OPTION_END);
}

static int start_threads(struct http_server *s, struct err *err) {
    for (unsigned i = 0; i < s->options.workers; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker_main, s) != 0)
            return err_set(err, ERR_FAILED, "cannot start a thread");
        vec_push(&s->workers, thread);
    }
    return 0;
}

int http_server_start(const struct http_options *options, struct http_server **ret,
                      struct err *err) {
    struct http_server *s = xcalloc(1, sizeof *s);
    s->options = *options;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->queued, NULL);
    pthread_cond_init(&s->idle, NULL);
    int tcp = -1, local = -1, rc = 0;
    if (options->listen != NULL)
        rc = listen_tcp(options->listen, &tcp, &s->port, err);
    if (rc == 0 && options->unix_path != NULL)
        rc = listen_local(options->unix_path, &local, err);
    if (rc == 0)
        rc = start_threads(s, err);
    if (rc == 0 && tcp >= 0 && (s->tcp = start_daemon(s, tcp, false)) == NULL)
        rc = err_set(err, ERR_FAILED, "cannot start the HTTP server");
    if (rc == 0 && local >= 0 && (s->local = start_daemon(s, local, true)) == NULL)
        rc = err_set(err, ERR_FAILED, "cannot start the HTTP server");
    if (rc != 0) {
        if (tcp >= 0 && s->tcp == NULL)
            close(tcp);
        if (local >= 0 && s->local == NULL)
            close(local);
        http_server_stop(s);
        return rc;
    }
    *ret = s;
    return 0;
}

unsigned http_server_port(const struct http_server *s) { return s->port; }

void http_server_drain(struct http_server *s, double seconds) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += (time_t)seconds;
    struct MHD_Daemon *daemons[] = {s->tcp, s->local};
    for (size_t i = 0; i < ARRAY_LEN(daemons); i++) {
        int fd = daemons[i] != NULL ? MHD_quiesce_daemon(daemons[i]) : -1;
        if (fd >= 0)
            close(fd);
    }
    pthread_mutex_lock(&s->mutex);
    s->draining = true;
    while (s->waiting > 0 && pthread_cond_timedwait(&s->idle, &s->mutex, &end) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&s->mutex);
}

void http_server_stop(struct http_server *s) {
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->mutex);
    s->draining = s->stopping = true;
    pthread_cond_broadcast(&s->queued);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < s->workers.len; i++)
        pthread_join(s->workers.items[i], NULL);
    vec_free(&s->workers);
    if (s->tcp != NULL)
        MHD_stop_daemon(s->tcp);
    if (s->local != NULL)
        MHD_stop_daemon(s->local);
    if (s->options.unix_path != NULL)
        unlink(s->options.unix_path);
    pthread_cond_destroy(&s->idle);
    pthread_cond_destroy(&s->queued);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

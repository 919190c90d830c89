#include "http/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Head of a request and what is being sent. libmicrohttpd clears all of it after each request. */
#define CONNECTION_BYTES ((size_t)16 << 10)
#define IDLE_SECONDS 30u /* a connection that says nothing is closed */
#define LOCAL_CONNECTIONS 64u
#define SENT_SECONDS 1 /* to send what was answered, at the end */

/* --- workers --- */

/* With the mutex: where the next one is, NULL if there is none to be taken now. */
static struct http_queue *next_queue(struct http_server *s) {
    if (s->quick.first != NULL)
        return &s->quick;
    bool may = s->at_slow < s->options.slow_workers || s->stopping;
    return s->slow.first != NULL && may ? &s->slow : NULL;
}

static struct http_exchange *dequeue(struct http_queue *q) {
    struct http_exchange *x = q->first;
    q->first = x->next;
    if (q->first == NULL)
        q->last = NULL;
    return x;
}

static void *worker_main(void *arg) {
    struct http_server *s = arg;
    struct http_queue *q;
    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while ((q = next_queue(s)) == NULL && !s->stopping)
            pthread_cond_wait(&s->queued, &s->mutex);
        if (q == NULL)
            break;
        struct http_exchange *x = dequeue(q);
        bool stopping = s->stopping, slow = q == &s->slow;
        s->at_slow += slow;
        pthread_mutex_unlock(&s->mutex);
        if (stopping)
            http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops");
        else
            x->route->handle(x, s->options.arg);
        pthread_mutex_lock(&s->mutex);
        s->at_slow -= slow;
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* --- start and stop --- */

/* Files, the engine and the sources need descriptors, too. */
static unsigned connections_for(const struct http_options *options) {
    struct rlimit files;
    unsigned most = options->max_connections > 0 ? options->max_connections : HTTP_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return most;
    size_t kept = max_size((size_t)files.rlim_cur / 8, 2 * LOCAL_CONNECTIONS);
    size_t left = files.rlim_cur > 2 * kept ? files.rlim_cur - kept : files.rlim_cur / 4;
    return (unsigned)max_size(min_size(most, left), 4);
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd, bool local) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem pool[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, local ? 0 : s->options.events, NULL},
        {MHD_OPTION_END, 0, NULL}};
    if (local || s->options.events < 2)
        pool[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, local ? request_on_local : request_on_tcp, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, request_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, connection_notify, s, MHD_OPTION_UNESCAPE_CALLBACK,
        request_unescape, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT,
        local ? LOCAL_CONNECTIONS : s->max_connections, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

static int start_threads(struct http_server *s, struct err *err) {
    bool good = (s->reaping = pthread_create(&s->reaper, NULL, connection_reaper_main, s) == 0);
    for (unsigned i = 0; good && i < s->options.workers; i++) {
        pthread_t thread;
        good = pthread_create(&thread, NULL, worker_main, s) == 0;
        if (good)
            vec_push(&s->workers, thread);
    }
    return good ? 0 : err_set(err, ERR_FAILED, "cannot start a thread");
}

/* On the clock that does not jump. */
static void make_condition(pthread_cond_t *cond) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static struct http_server *server_new(const struct http_options *options) {
    struct http_server *s = xcalloc(1, sizeof *s);
    s->options = *options;
    s->unix_path = options->unix_path != NULL ? xstrdup(options->unix_path) : NULL;
    s->path_prefix = options->path_prefix != NULL ? xstrdup(options->path_prefix) : NULL;
    s->max_connections = connections_for(options);
    s->bodies_bytes = options->bodies_bytes > 0 ? options->bodies_bytes : HTTP_BODIES_BYTES;
    s->bodies = xcalloc(options->n_routes, sizeof *s->bodies);
    s->request_ms = 1000 * (int64_t)(options->request_seconds > 0 ? options->request_seconds
                                                                  : HTTP_REQUEST_SECONDS);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_mutex_init(&s->reaper_mutex, NULL);
    make_condition(&s->queued);
    make_condition(&s->idle);
    make_condition(&s->reaper_wake);
    return s;
}

int http_can_listen(const char *listen, struct err *err) {
    int fd = -1;
    unsigned port = 0;
    int rc = listen_tcp(listen, &fd, &port, err);
    if (rc == 0)
        close(fd);
    return rc;
}

int http_server_start(const struct http_options *options, struct http_server **ret,
                      struct err *err) {
    struct http_server *s = server_new(options);
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

struct http_counts http_server_counts(struct http_server *s) {
    pthread_mutex_lock(&s->reaper_mutex);
    struct http_counts counts = {s->n_connections, s->timeouts, 0};
    pthread_mutex_unlock(&s->reaper_mutex);
    for (size_t i = 0; i < s->options.n_routes; i++)
        counts.bodies_bytes += atomic_load(&s->bodies[i]);
    return counts;
}

/* With the mutex. */
static void wait_for(struct http_server *s, const unsigned *count, double seconds) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)seconds;
    while (*count > 0 && pthread_cond_timedwait(&s->idle, &s->mutex, &end) != ETIMEDOUT) {
    }
}

/* The listening sockets stay: libmicrohttpd 0.9.75 may abort when they are taken away while
 * somebody connects. */
void http_server_drain(struct http_server *s, double seconds) {
    pthread_mutex_lock(&s->mutex);
    s->draining = true;
    wait_for(s, &s->waiting, seconds);
    pthread_mutex_unlock(&s->mutex);
}

static void stop_reaper(struct http_server *s) {
    pthread_mutex_lock(&s->reaper_mutex);
    pthread_cond_signal(&s->reaper_wake);
    pthread_mutex_unlock(&s->reaper_mutex);
    if (s->reaping)
        pthread_join(s->reaper, NULL);
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
    pthread_mutex_lock(&s->mutex);
    wait_for(s, &s->open, SENT_SECONDS);
    pthread_mutex_unlock(&s->mutex);
    stop_reaper(s); /* before descriptors are closed for good */
    if (s->tcp != NULL)
        MHD_stop_daemon(s->tcp);
    if (s->local != NULL)
        MHD_stop_daemon(s->local);
    if (s->unix_path != NULL)
        unlink(s->unix_path);
    free(s->unix_path);
    free(s->path_prefix);
    free(s->bodies);
    pthread_cond_destroy(&s->reaper_wake);
    pthread_cond_destroy(&s->idle);
    pthread_cond_destroy(&s->queued);
    pthread_mutex_destroy(&s->reaper_mutex);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

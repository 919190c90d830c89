/* How long a connection may take. libmicrohttpd closes one that says nothing at all; a client that
 * drips a byte now and then keeps it open for ever. So each connection has an instant by which its
 * request must be whole, or its answer taken; a thread shuts those down that are late, and
 * libmicrohttpd finds them closed. */
#include "http/exchange.h"

#include "base/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define LOOK_SECONDS 1

static int64_t now_ms(void) { return (int64_t)(clock_monotonic_seconds() * 1000); }

/* --- one connection: its event thread sets, the reaper reads --- */

static struct http_connection *connection_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* A request may come now, or has begun to. */
static void set_receiving(struct http_server *s, struct http_connection *k) {
    int64_t now = now_ms();
    atomic_store(&k->since_ms, now);
    atomic_store(&k->until_ms, now + s->request_ms);
}

void connection_received(struct MHD_Connection *c, size_t bytes) {
    struct http_connection *k = connection_of(c);
    if (k != NULL)
        atomic_fetch_add(&k->until_ms, (long long)(bytes * 1000 / CONNECTION_BYTES_A_SECOND));
}

void connection_waits(struct MHD_Connection *c) {
    struct http_connection *k = connection_of(c);
    if (k != NULL) {
        atomic_store(&k->until_ms, 0);
        atomic_store(&k->since_ms, 0);
    }
}

void connection_sends(struct http_server *s, struct MHD_Connection *c, size_t bytes) {
    struct http_connection *k = connection_of(c);
    if (k != NULL)
        atomic_store(&k->until_ms, now_ms() + s->request_ms +
                                       (long long)(bytes * 1000 / CONNECTION_BYTES_A_SECOND));
}

void connection_answered(struct http_server *s, struct MHD_Connection *c) {
    struct http_connection *k = connection_of(c);
    if (k != NULL)
        set_receiving(s, k);
}

/* --- all of them --- */

void connection_notify(void *cls, struct MHD_Connection *c, void **context,
                       enum MHD_ConnectionNotificationCode code) {
    struct http_server *s = cls;
    struct http_connection *k = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        k = xcalloc(1, sizeof *k);
        k->fd = info != NULL ? info->connect_fd : -1;
        set_receiving(s, k);
        pthread_mutex_lock(&s->reaper_mutex);
        k->next = s->connections;
        k->link = &s->connections;
        if (k->next != NULL)
            k->next->link = &k->next;
        s->connections = k;
        s->n_connections++;
        pthread_mutex_unlock(&s->reaper_mutex);
        *context = k;
    } else if (k != NULL) { /* closed, with its descriptor still open */
        pthread_mutex_lock(&s->reaper_mutex);
        *k->link = k->next;
        if (k->next != NULL)
            k->next->link = k->link;
        s->n_connections--;
        pthread_mutex_unlock(&s->reaper_mutex);
        free(k);
        *context = NULL;
    }
}

/* With the mutex. When places run short, those who have not said what they want make room. */
static void reap(struct http_server *s) {
    int64_t now = now_ms();
    bool crowded = s->n_connections > s->max_connections / 4 * 3;
    for (struct http_connection *k = s->connections; k != NULL; k = k->next) {
        int64_t until = atomic_load(&k->until_ms), since = atomic_load(&k->since_ms);
        bool late = until != 0 && now > until;
        bool in_the_way = crowded && since != 0 && now - since > s->request_ms / 10;
        if ((late || in_the_way) && k->fd >= 0) {
            shutdown(k->fd, SHUT_RDWR);
            s->timeouts++;
        }
    }
}

void *connection_reaper_main(void *arg) {
    struct http_server *s = arg;
    pthread_mutex_lock(&s->reaper_mutex);
    while (!s->stopping) {
        struct timespec end;
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += LOOK_SECONDS;
        if (pthread_cond_timedwait(&s->reaper_wake, &s->reaper_mutex, &end) == ETIMEDOUT)
            reap(s);
    }
    pthread_mutex_unlock(&s->reaper_mutex);
    return NULL;
}

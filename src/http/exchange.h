/* Inside of the transport: shared by the files of this folder only. */
#ifndef CASK_HTTP_EXCHANGE_H
#define CASK_HTTP_EXCHANGE_H

#include "http/server.h"

#include <microhttpd.h>
#include <pthread.h>

#define HTTP_PARAMS_MAX 4

/* Who may touch what: the event thread until the handler is called; then whoever holds the
 * exchange, until http_reply(); then the event thread again. */
enum exchange_state {
    EXCHANGE_READING,
    EXCHANGE_WAITING, /* suspended, or with its handler */
    EXCHANGE_READY,   /* replied, the response is still to be queued */
    EXCHANGE_STREAM,
    EXCHANGE_SENT
};

struct http_exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    enum exchange_state state; /* of EXCHANGE_WAITING on: guarded by server->mutex */
    bool suspended;
    bool local;
    enum http_method method;
    const struct http_route *route;
    struct str path, params[HTTP_PARAMS_MAX];
    char *path_bytes; /* owns path and params */
    struct buf body;
    struct buf out;
    VEC(char *) headers; /* name, value, name, value ... */
    unsigned status;
    char peer[64];
    struct http_stream *stream;
    void *extra;
    void (*release_extra)(void *extra);
    struct http_exchange *next; /* in the queue of the workers */
};

struct http_server {
    struct http_options options;
    struct MHD_Daemon *tcp, *local;
    unsigned port;
    pthread_mutex_t mutex; /* guards all below, and states of exchanges */
    pthread_cond_t queued, idle;
    struct http_exchange *first, *last; /* for the workers */
    unsigned waiting;                   /* exchanges between handler and answer */
    bool draining, stopping;            /* new requests get 503; workers end */
    VEC(pthread_t) workers;
};

/* The route for a path, NULL if there is none. *ret_methods: what the path takes with any method.
 */
const struct http_route *route_find(const struct http_route *routes, size_t n,
                                    enum http_method method, struct str path,
                                    struct str params[HTTP_PARAMS_MAX], unsigned *ret_methods);

/* Queue the response of a replied exchange, on its event thread. */
enum MHD_Result exchange_send(struct http_exchange *x);
void exchange_free(struct http_exchange *x);

/* The body of a stream as libmicrohttpd asks for it. */
struct MHD_Response *stream_response(struct http_exchange *x);
/* The connection is over. */
void stream_closed(struct http_stream *s);

#endif

/* Inside of the transport: shared by the files of this folder only. */
#ifndef CASK_HTTP_EXCHANGE_H
#define CASK_HTTP_EXCHANGE_H

#include "http/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define HTTP_PARAMS_MAX 4

/* Who may touch what: the event thread until the handler is called; then whoever holds the
 * exchange, until http_reply(); then the event thread again. */
enum exchange_state {
    EXCHANGE_READING,
    EXCHANGE_REFUSED, /* replied before its body is there, which is thrown away before it is told */
    EXCHANGE_WAITING, /* suspended, or with its handler */
    EXCHANGE_READY,   /* replied, the response is still to be queued */
    EXCHANGE_SENT
};

struct http_exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    enum exchange_state state; /* of EXCHANGE_WAITING on: guarded by server->mutex */
    bool suspended;
    bool open; /* counted by server->open */
    bool local;
    enum http_method method;
    const struct http_route *route;
    struct str path, params[HTTP_PARAMS_MAX];
    char *path_bytes; /* owns path and params */
    struct buf body;
    size_t body_bytes;  /* of it, counted by server->bodies */
    size_t thrown_away; /* of a refused body */
    struct buf out;
    VEC(char *) headers; /* name, value, name, value ... */
    unsigned status;
    double began, seconds; /* when the request was whole; until it was answered */
    char peer[64];
    struct http_stream *stream;
    void *extra;
    void (*release_extra)(void *extra);
    struct http_exchange *next; /* in a queue of the workers */
};

/* A connection, from its event thread to the reaper (connection.c). */
struct http_connection {
    int fd;
    atomic_llong since_ms; /* waiting for a whole request since then; 0: not */
    atomic_llong until_ms; /* to be shut down then; 0: never */
    struct http_connection *next, **link;
};

struct http_queue {
    struct http_exchange *first, *last;
};

struct http_server {
    struct http_options options;
    char *unix_path, *path_prefix; /* copies: the caller's may go */
    struct MHD_Daemon *tcp, *local;
    unsigned port;
    unsigned max_connections; /* over TCP */
    int64_t request_ms;
    size_t bodies_bytes;
    atomic_size_t *bodies; /* by route: memory of bodies that are not small */
    atomic_bool draining;  /* new requests get 503, answers end their connections; set with mutex */
    atomic_bool stopping;  /* workers and reaper end; set with mutex */

    pthread_mutex_t mutex; /* guards all below, and states of exchanges */
    pthread_cond_t queued, idle;
    struct http_queue quick, slow; /* for the workers */
    unsigned at_slow;              /* workers that are at one of the slow ones */
    unsigned waiting;              /* exchanges between handler and answer */
    unsigned open;                 /* and those whose answer is not sent */
    VEC(pthread_t) workers;

    pthread_mutex_t reaper_mutex; /* guards all below; taken by itself */
    pthread_cond_t reaper_wake;
    pthread_t reaper;
    bool reaping;
    struct http_connection *connections;
    unsigned n_connections;
    uint64_t timeouts;
};

/* The route for a path, NULL if there is none. *ret_methods: what the path takes with any method.
 */
const struct http_route *route_find(const struct http_route *routes, size_t n,
                                    enum http_method method, struct str path,
                                    struct str params[HTTP_PARAMS_MAX], unsigned *ret_methods);

/* Queue the response of a replied exchange, on its event thread. */
enum MHD_Result exchange_send(struct http_exchange *x);
void exchange_free(struct http_exchange *x);
/* Appends to the body. False: there is no room for it (then it is released). */
bool exchange_take(struct http_exchange *x, struct str bytes);
void exchange_release_body(struct http_exchange *x);

/* The body of a stream as libmicrohttpd asks for it. */
struct MHD_Response *stream_response(struct http_exchange *x);
/* The connection is over. */
void stream_closed(struct http_stream *s);

/* --- request.c: callbacks of libmicrohttpd, on event threads --- */

enum MHD_Result request_on_tcp(void *cls, struct MHD_Connection *c, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state);
enum MHD_Result request_on_local(void *cls, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state);
void request_completed(void *cls, struct MHD_Connection *c, void **state,
                       enum MHD_RequestTerminationCode why);
/* %XX in place; "%00" stays as it is: a path is a C string in libmicrohttpd. */
size_t request_unescape(void *cls, struct MHD_Connection *c, char *text);
/* Without the prefix, if it has it; "/" instead of nothing. */
struct str request_path(const char *url, struct str prefix);

/* --- listen.c --- */

MUSTCHECK int listen_tcp(const char *listen_on, int *ret, unsigned *ret_port, struct err *err);
MUSTCHECK int listen_local(const char *path, int *ret, struct err *err);

/* --- connection.c --- */

/* Slower than this is too slow, on the long run. */
#define CONNECTION_BYTES_A_SECOND 16384
void connection_notify(void *cls, struct MHD_Connection *c, void **context,
                       enum MHD_ConnectionNotificationCode code);
void connection_received(struct MHD_Connection *c, size_t bytes); /* of a body */
void connection_waits(struct MHD_Connection *c);                  /* for us, as long as it takes */
void connection_sends(struct http_server *s, struct MHD_Connection *c, size_t bytes);
void connection_answered(struct http_server *s, struct MHD_Connection *c);
void *connection_reaper_main(void *arg);

#endif

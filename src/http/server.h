/* HTTP transport: libmicrohttpd behind a table of routes. Knows nothing of what is served.
 *
 * A request is an exchange. When its head is there, `admit` decides whether it is let in; then its
 * body is collected (up to the route's limit) before its handler is called; the handler, or
 * somebody it passes the exchange on to, fills in the answer and calls http_reply() once. While an
 * exchange waits for that, its connection is suspended and costs no thread.
 *
 * Refused before any handler sees them: a request with both Content-Length and Transfer-Encoding or
 * with two Content-Lengths (400; libmicrohttpd 0.9.75 takes both), bodies over the limit (413) or
 * too many at once (503), unknown paths (404) and methods (405). A client that drips its request,
 * or does not take its answer, is closed (connection.c). */
#ifndef CASK_HTTP_SERVER_H
#define CASK_HTTP_SERVER_H

#include "base/err.h"
#include "base/str.h"

struct http_server;
struct http_exchange;

enum http_method {
    HTTP_GET = 1, /* HEAD as well */
    HTTP_POST = 2,
    HTTP_PUT = 4,
    HTTP_PATCH = 8,
    HTTP_DELETE = 16,
    HTTP_OPTIONS = 32
};

enum http_run {
    HTTP_NOW,    /* on the event thread: replies before it returns, must not block */
    HTTP_LATER,  /* on the event thread, must not block: passes the exchange on (suspended) */
    HTTP_WORKER, /* on a worker thread: may block; replies before it returns, or passes it on */
    HTTP_SLOW    /* so too, for as long as it takes: only some of the workers at a time */
};

typedef void http_handler(struct http_exchange *x, void *arg);

struct http_route {
    unsigned methods; /* of enum http_method */
    /* "/api/v1/sites/{}": {} is one segment that is not empty; a last "*" is any rest. The first
     * route that fits counts. */
    const char *path;
    enum http_run run;
    size_t max_body; /* bytes as received; 0: no body */
    http_handler *handle;
    const void *extra; /* what the layer above hangs on a route: who may call it, how it is
                          documented */
};

struct http_options {
    const char *listen;    /* "127.0.0.1:8080", "[::1]:8080", ":8080"; NULL: no TCP */
    const char *unix_path; /* a socket of mode 0600, NULL: none; a stale one is replaced */
    const char
        *path_prefix; /* cut off the front of paths that have it, as "/stats"; NULL or "" none */
    const struct http_route *routes;
    size_t n_routes;
    void *arg;             /* of the handlers */
    unsigned workers;      /* threads for HTTP_WORKER and HTTP_SLOW */
    unsigned slow_workers; /* most of them that are at HTTP_SLOW at once; others wait */
    unsigned events;       /* event threads for TCP */
    /* A request must be whole, and an answer taken, so long after the one before it at most, and
     * one second more for each 16 KiB; 0: HTTP_REQUEST_SECONDS. */
    unsigned request_seconds;
    unsigned max_connections; /* over TCP; 0: as descriptors allow, at most HTTP_CONNECTIONS */
    /* Of memory for the bodies of one route, as long as their exchanges live; who would need more
     * gets 503. Each route has its own, so that no route that anybody may call can take it from
     * others; and bodies up to HTTP_SMALL_BODY need none of it. 0: HTTP_BODIES_BYTES. */
    size_t bodies_bytes;
    /* Called (on the event thread, once) when the head of a request for a route is there, and
     * nothing of its body. What is not to be let in is replied to here: then nothing of its body is
     * kept, and its handler never sees it. Must not block. May be NULL. */
    void (*admit)(struct http_exchange *x, void *arg);
    /* Called (on the event thread, once) when the answer of an exchange is sent or its client is
     * gone: for counting. http_route() is NULL for what no route was found for. May be NULL. */
    void (*done)(struct http_exchange *x, void *arg);
};

#define HTTP_REQUEST_SECONDS 60
#define HTTP_CONNECTIONS 16384
#define HTTP_BODIES_BYTES ((size_t)128 << 20)
#define HTTP_SMALL_BODY ((size_t)16 << 10)

/* ERR_USAGE: an address that cannot be read; ERR_FAILED: it is in use or not permitted. */
MUSTCHECK int http_server_start(const struct http_options *options, struct http_server **ret,
                                struct err *err);
/* ERR_USAGE, ERR_FAILED as http_server_start(): could it listen there now? Listens nowhere. */
MUSTCHECK int http_can_listen(const char *listen, struct err *err);
/* Is nobody beyond this machine reached by listening there? False for what cannot be read. */
bool http_is_loopback(const char *listen);
/* The port that was bound (for ":0" in tests); 0 without TCP. */
unsigned http_server_port(const struct http_server *s);
struct http_counts {
    unsigned connections; /* open now */
    uint64_t timeouts;    /* connections shut down because they took too long */
    size_t bodies_bytes;  /* of all routes, without small ones */
};
struct http_counts http_server_counts(struct http_server *s);
/* From now on requests get 503 and are closed. Waits up to `seconds` until no exchange before that
 * waits for its answer. */
void http_server_drain(struct http_server *s, double seconds);
/* After a drain. Whoever holds exchanges has replied by now, whoever holds streams has ended them:
 * waits up to a second until that is sent. Takes NULL. */
void http_server_stop(struct http_server *s);

/* --- the request ----------------------------------------------------------------------------- */

enum http_method http_method(const struct http_exchange *x);
struct str http_path(const struct http_exchange *x);            /* decoded, without prefix */
struct str http_param(const struct http_exchange *x, size_t i); /* the i-th {} of the route; "*" */
/* A parameter of the query string, decoded; ptr NULL when there is none. */
struct str http_query(const struct http_exchange *x, const char *name);
/* Call `see` for each parameter of the query string in order, repeated ones each time; stops at a
 * value other than 0 and returns it. */
int http_each_query(const struct http_exchange *x,
                    int (*see)(void *arg, struct str name, struct str value), void *arg);
struct str http_header(const struct http_exchange *x, const char *name); /* ptr NULL: none */
/* As http_each_query(), for all headers. */
int http_each_header(const struct http_exchange *x,
                     int (*see)(void *arg, struct str name, struct str value), void *arg);
struct str http_cookie(const struct http_exchange *x, const char *name); /* ptr NULL: none */
struct str http_body(const struct http_exchange *x);
struct str
http_peer(const struct http_exchange *x);          /* address without port; "" on the unix socket */
bool http_is_local(const struct http_exchange *x); /* it came over the unix socket */
const struct http_route *http_route(const struct http_exchange *x);

/* --- the answer ------------------------------------------------------------------------------ */

/* Bytes of the body are appended here. */
struct buf *http_out(struct http_exchange *x);
/* Name and value are copied. */
void http_set_header(struct http_exchange *x, const char *name, const char *value);
/* The answer is complete. Any thread; once. Content-Type is that of http_set_header(), else
 * application/json for a body that begins with { or [, else text/plain. After it the exchange may
 * be gone. */
void http_reply(struct http_exchange *x, unsigned status);
/* {"error":"..."} with a status that fits the code of `err`. */
void http_reply_error(struct http_exchange *x, unsigned status, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
unsigned http_status(const struct http_exchange *x); /* of the answer; 0 before it */
/* From the whole request to http_reply(); 0 for what was refused before. */
double http_seconds(const struct http_exchange *x);

/* What the layer above wants to keep with an exchange until it is done; `release` may be NULL. */
void http_set_extra(struct http_exchange *x, void *extra, void (*release)(void *extra));
void *http_extra(const struct http_exchange *x);

/* --- streams (server-sent events) ------------------------------------------------------------ */

/* Instead of http_reply(): status 200, and a body that goes on until the client leaves or
 * http_stream_end(). The stream is a handle of its own: free it with http_stream_end(). */
struct http_stream;
struct http_stream *http_reply_stream(struct http_exchange *x, const char *type);
/* Any thread. False: the client is gone, or so slow that HTTP_STREAM_BYTES wait for it (then it is
 * cut off). */
#define HTTP_STREAM_BYTES ((size_t)64 << 10)
bool http_stream_write(struct http_stream *s, struct str bytes);
void http_stream_end(struct http_stream *s);

#endif

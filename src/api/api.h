/* The HTTP interface of a running server: JSON over query, people and what they may do, beacons,
 * logs that are sent in. One table of routes (routes.def): the routes themselves, who may call
 * them, and the OpenAPI document come from it. */
#ifndef CASK_API_H
#define CASK_API_H

#include "config/config.h"
#include "daemon/live.h"
#include "http/server.h"

struct api;
struct tails;

/* A command of the command line that works on this server's store (POST /local/run). */
struct api_run {
    struct live *live;
    const struct config *config; /* in effect */
    struct client *client;       /* of this thread */
    const atomic_bool *stop;     /* the server stops: so must it */
    size_t words;    /* so many strings, each ended by a NUL, begin `body`; what stands */
    struct str body; /* behind them is the command's standard input */
    unsigned width;  /* of the caller's terminal; 0: none */
    bool color;
};
/* Appends to *out what the command prints, also on error. */
typedef int api_run_fn(void *arg, const struct api_run *run, struct buf *out, struct err *err);

struct api_options {
    const char *config_path; /* for the reload; NULL: the default file */
    struct live *live;
    struct tails *tails; /* NULL: none */
    api_run_fn *run;     /* NULL: none */
    void *run_arg;
    bool open; /* `demo`: no log-in needed for reading, on loopback */
};

/* Makes what its parts need: the cache of answers, clients of the engine for the workers, people
 * from control data, recent ids of beacons from the lake. */
MUSTCHECK int api_open(const struct api_options *options, struct api **ret, struct err *err);
/* Listen; beyond loopback only when there is an administrator (ERR_USAGE). The unix socket
 * DATA/caskalytics.sock is always there: who may open it needs no log-in.
 */
MUSTCHECK int api_listen(struct api *api, const char *listen, struct err *err);
unsigned api_port(const struct api *api);
/* While there is no administrator: the link to become it, appended to *out; earlier links are void.
 * It is a secret. False: there is one. */
bool api_setup_link(struct api *api, struct buf *out);
/* The configuration was read again and is good: take over what can be changed while running.
 * `config` is copied. */
MUSTCHECK int api_reload(struct api *api, const struct config *config, struct err *err);
/* No new requests; what waits is answered, at most for `seconds`; statements that still run then
 * are ended. Before live_stop(). */
void api_drain(struct api *api, double seconds);
/* Between live_stop() and live_free(). Takes NULL. */
void api_close(struct api *api);

#endif

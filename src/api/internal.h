/* Inside of the API: shared by the files of this folder only. */
#ifndef CASK_API_INTERNAL_H
#define CASK_API_INTERNAL_H

#include "api/answers.h"
#include "api/api.h"
#include "base/limits.h"
#include "query/result.h"
#include "source/beacon.h"
#include "source/ingest.h"

#include <pthread.h>
#include <stdatomic.h>

/* Who may call a route. */
enum access {
    ACCESS_PUBLIC, /* anybody: beacons, health, log-in */
    ACCESS_LOCAL,  /* only over the unix socket */
    ACCESS_SOURCE, /* a token of a source, or the unix socket */
    ACCESS_VIEWER, /* who is logged in, or has a token or share link; sites are checked by it */
    ACCESS_EDITOR,
    ACCESS_ADMIN
};

/* The part of a route that the transport does not know: http_route.extra. */
struct api_route {
    const char *name; /* of the operation, in the OpenAPI document */
    enum access access;
    const char *doc;     /* one line */
    const char *params;  /* lines as in params.h; "" none */
    const char *answers; /* lines "STATUS [TYPE [MEDIA]]" */
    unsigned place;      /* in routes.def: for counting */
};

/* Counters for /metrics, by route and status class. */
#define API_SECONDS_STEPS 7
extern const double api_seconds_steps[API_SECONDS_STEPS];
struct api_counts {
    atomic_ullong requests[6]; /* by hundreds of the status */
    /* Time from the whole request to its answer: how many took at most so long as the step, and
     * longer. */
    atomic_ullong steps[API_SECONDS_STEPS + 1];
    atomic_ullong micros;
};

enum caller_kind {
    CALLER_NOBODY,  /* also who showed something that is not good */
    CALLER_LOCAL,   /* over the unix socket */
    CALLER_OPEN,    /* of a server that needs no log-in */
    CALLER_SESSION, /* a user */
    CALLER_TOKEN,
    CALLER_SHARE
};

/* Who asks, and what they may see. Found when the head of the request is there (caller.c). */
struct api;
struct people;
struct caller {
    enum caller_kind kind;
    enum access access;  /* ACCESS_PUBLIC: nobody in particular */
    char *name;          /* of the user or token; NULL: nobody */
    char *by;            /* of a token: who made it */
    const char *refusal; /* why what was shown is no good; else NULL */
    char *dashboard;     /* of a share link; NULL: none */
    bool all_sites;
    char **sites; /* else these */
    size_t n_sites;
    const struct config *config;
};
const struct caller *api_caller(const struct http_exchange *x);
bool caller_sees(const struct caller *caller, struct str site);
/* The user who answers for what the caller makes, and with whom it ends, or PEOPLE_LOCAL. */
char *caller_by(const struct caller *caller);
/* 0, or the status to refuse with. */
unsigned caller_admitted(const struct caller *caller, enum access access, bool is_local);
/* The configuration in effect, for as long as the exchange lives. */
const struct config *api_config(const struct http_exchange *x);
struct people *api_people(const struct api *api);
/* Finds out who asks and keeps it with the exchange. */
void api_find_caller(struct api *api, struct http_exchange *x);
/* Does another site send this in the name of who is logged in? */
bool api_is_forged(const struct http_exchange *x);
/* `must_say`: a request that does not say where it comes from is not of ours. */
bool api_same_origin(const struct http_exchange *x, bool must_say);
#define SESSION_COOKIE "cask_session"
void api_set_session(struct http_exchange *x, const char *secret); /* "" ends it */
/* May the caller send records to that source? With its token, a token of scope `ingest:SOURCE`, or
 * over the unix socket. Does not block. */
bool api_may_ingest(struct api *api, const struct http_exchange *x, struct str source);

struct question;
struct client;
struct changes;
struct recent_ids;
struct recent_file;
struct ingest_sources;

struct api {
    struct api_options options;
    struct http_server *server;
    struct answers *answers;
    struct changes *changes;
    struct local_imports *imports;
    struct recent_ids *recent; /* of beacons and of records that are sent in */
    struct recent_file *recent_file;
    struct ingest_sources *ingest;
    atomic_bool ending;           /* no new commands of this machine; those that run end soon */
    pthread_mutex_t mutex;        /* guards the next three */
    VEC(struct client *) clients; /* of the engine, not in use */
    VEC(struct client *) busy;    /* and those in use */
    bool stopping;                /* no clients any more */
    struct api_counts *counts;    /* by place of the route; the last one: no route */
    int64_t started_ms;
};

/* One handler each, in the file that its row names. */
#define ROUTE(methods, path, run, max_body, access, handler, params, answers, doc)                 \
    void handler(struct http_exchange *x, void *api);
#include "api/routes.def"
#undef ROUTE

extern const struct http_route api_routes[];
extern const size_t api_n_routes;

/* The answer to a question in a form of result_print(), appended to *out, from the cache if it is
 * still true. Waits until all that was acknowledged before is in the store. ERR_AWAY: it is not, or
 * the engine is gone. */
MUSTCHECK int api_answer(struct api *api, const struct question *q, enum output_format format,
                         struct buf *out, struct err *err);
/* A client of the engine for this thread, until it is given back. NULL: error in *err. */
struct client *api_take_client(struct api *api, struct err *err);
void api_give_client(struct api *api, struct client *client);

/* The client's address: behind a trusted proxy (`trusted_proxies`) what it says. */
struct str api_client_address(const struct http_exchange *x);
/* The recent ids, filled from a file and the lake, before requests are taken. Both are freed by
 * recent_close(), which takes NULL, while `live` is still there. */
MUSTCHECK int recent_open(struct live *live, struct recent_file **ret, struct recent_ids **ret_ids,
                          struct err *err);
void recent_close(struct recent_file *f);

/* Replies to a request for a source (ACCESS_SOURCE) that there is not, or that it may not send to.
 */
void api_admit_sender(struct http_exchange *x, struct api *api);
/* What is remembered of sources that send. */
struct ingest_sources *ingest_sources_new(void);
void ingest_sources_free(struct ingest_sources *s); /* takes NULL */

/* Tells open pages that answers changed. */
struct changes *changes_start(struct live *live);
void changes_stop(struct changes *c); /* ends all streams, takes no new ones */
void changes_free(struct changes *c); /* takes NULL */
size_t changes_count(struct changes *c);

/* Scheme, host and port of a URL; `rest` is the path behind them. */
struct str api_origin_of(struct str url, struct str *ret_rest);
/* 400, 404, 413, 503 ... and the text of the error. */
void api_reply_err(struct http_exchange *x, const struct err *err);

#endif

#include "api/internal.h"
#include "api/local.h"
#include "people/sessions.h"
#include "source/recent_ids.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENT_THREADS 2u
#define WORKER_THREADS 8u
#define SLOW_THREADS 5u /* of them for what waits for the engine */
#define ANSWERS_BYTES ((size_t)64 << 20)

/* --- the table --- */

enum {
#define ROUTE(methods, path, run, max_body, access, handler, params, answers, doc) PLACE_##handler,
#include "api/routes.def"
#undef ROUTE
    PLACES
};

#define ROUTE(methods, path, run, max_body, access, handler, params, answers, doc)                 \
    static const struct api_route route_of_##handler = {#handler, access,  doc,                    \
                                                        params,   answers, PLACE_##handler};
#include "api/routes.def"
#undef ROUTE

static void handle(struct http_exchange *x, void *arg);

const struct http_route api_routes[] = {
#define ROUTE(methods, path, run, max_body, access, handler, params, answers, doc)                 \
    {methods, path, run, max_body, handle, &route_of_##handler},
#include "api/routes.def"
#undef ROUTE
};
const size_t api_n_routes = ARRAY_LEN(api_routes);

static http_handler *const handlers[] = {
#define ROUTE(methods, path, run, max_body, access, handler, params, answers, doc) handler,
#include "api/routes.def"
#undef ROUTE
};

/* --- before and behind every handler --- */

/* Who may not call a route is told before the body comes. */
static void admit(struct http_exchange *x, void *arg) {
    const struct api_route *route = http_route(x)->extra;
    api_find_caller(arg, x);
    const char *why = api_caller(x)->refusal;
    unsigned refused = caller_admitted(api_caller(x), route->access, http_is_local(x));
    if (refused != 0)
        http_reply_error(x, refused, "%s",
                         refused == MHD_HTTP_UNAUTHORIZED
                             ? (why != NULL ? why : "not without logging in")
                         : route->access == ACCESS_LOCAL ? "only on the unix socket"
                                                         : "you may not do that");
    else if (route->access >= ACCESS_VIEWER && api_is_forged(x))
        http_reply_error(x, MHD_HTTP_FORBIDDEN,
                         "this does not come from our pages (X-CSRF-Token, Origin)");
    else if (route->access == ACCESS_SOURCE)
        api_admit_sender(x, arg);
}

static void handle(struct http_exchange *x, void *arg) {
    const struct http_route *route = http_route(x);
    if (route->run == HTTP_WORKER || route->run == HTTP_SLOW)
        people_flush(api_people(arg));
    handlers[((const struct api_route *)route->extra)->place](x, arg);
}

const double api_seconds_steps[API_SECONDS_STEPS] = {0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10};

static void count(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    const struct http_route *route = http_route(x);
    struct api_counts *counts =
        &api->counts[route != NULL ? ((const struct api_route *)route->extra)->place : PLACES];
    unsigned hundreds = http_status(x) / 100, step = 0;
    if (hundreds == 0 || hundreds >= ARRAY_LEN(counts->requests))
        return; /* gone before it had asked */
    double seconds = http_seconds(x);
    while (step < API_SECONDS_STEPS && seconds > api_seconds_steps[step])
        step++;
    atomic_fetch_add_explicit(&counts->requests[hundreds], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->steps[step], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->micros, (unsigned long long)(seconds * 1e6),
                              memory_order_relaxed);
}

void api_reply_err(struct http_exchange *x, const struct err *err) {
    static const struct {
        int code;
        unsigned status;
    } statuses[] = {
        {ERR_USAGE, MHD_HTTP_BAD_REQUEST},           {ERR_NOTFOUND, MHD_HTTP_NOT_FOUND},
        {ERR_TOOBIG, MHD_HTTP_CONTENT_TOO_LARGE},    {ERR_BUSY, MHD_HTTP_CONFLICT},
        {ERR_NOSPACE, MHD_HTTP_SERVICE_UNAVAILABLE}, {ERR_AWAY, MHD_HTTP_SERVICE_UNAVAILABLE},
        {ERR_STOPPED, MHD_HTTP_SERVICE_UNAVAILABLE}, {ERR_IO, MHD_HTTP_SERVICE_UNAVAILABLE},
    };
    unsigned status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].code == err->code)
            status = statuses[i].status;
    http_reply_error(x, status, "%s", err->text);
}

/* --- clients of the engine --- */

struct client *api_take_client(struct api *api, struct err *err) {
    struct client *client = NULL;
    pthread_mutex_lock(&api->mutex);
    if (api->clients.len > 0)
        client = api->clients.items[--api->clients.len];
    pthread_mutex_unlock(&api->mutex);
    const struct instance *in = live_instance(api->options.live);
    if (client == NULL && client_new(engine_process_socket(in->engine), NULL, &client, err) != 0)
        return NULL;
    pthread_mutex_lock(&api->mutex);
    vec_push(&api->busy, client);
    if (api->stopping)
        client_stop(client);
    pthread_mutex_unlock(&api->mutex);
    return client;
}

/* One that met a broken part is not kept: its exception is told once. */
void api_give_client(struct api *api, struct client *client) {
    bool broken = client_exception_code(client) == CLIENT_BROKEN_PART;
    pthread_mutex_lock(&api->mutex);
    for (size_t i = 0; i < api->busy.len; i++)
        if (api->busy.items[i] == client) {
            api->busy.items[i] = api->busy.items[--api->busy.len];
            break;
        }
    if (!broken)
        vec_push(&api->clients, client);
    pthread_mutex_unlock(&api->mutex);
    if (broken) {
        client_free(client);
        live_part_is_broken(api->options.live);
    }
}

/* Every statement that runs for a client ends with ERR_STOPPED, and so will others. */
static void stop_clients(struct api *api) {
    pthread_mutex_lock(&api->mutex);
    api->stopping = true;
    for (size_t i = 0; i < api->busy.len; i++)
        client_stop(api->busy.items[i]);
    pthread_mutex_unlock(&api->mutex);
}

/* --- open and close --- */

int api_open(const struct api_options *options, struct api **ret, struct err *err) {
    struct api *api = xcalloc(1, sizeof *api);
    api->options = *options;
    api->counts = xcalloc(PLACES + 1, sizeof *api->counts);
    api->started_ms = clock_now_ms(&clock_system);
    pthread_mutex_init(&api->mutex, NULL);
    api->answers = answers_new(ANSWERS_BYTES);
    api->changes = changes_start(options->live);
    api->imports = local_imports_new();
    api->ingest = ingest_sources_new();
    int rc = recent_open(options->live, &api->recent_file, &api->recent, err);
    if (rc != 0) {
        api_close(api);
        return rc;
    }
    *ret = api;
    return 0;
}

/* Who could reach it would be asked to become the administrator. */
static int check_administrator(const struct api *api, const char *listen, struct err *err) {
    if (http_is_loopback(listen) || people_has_admin(api_people(api)))
        return 0;
    return err_set(
        err, ERR_USAGE,
        "listen: %s is open to other machines, so there must be an administrator first: "
        "`caskalytics user add NAME --role admin`, or listen on 127.0.0.1 and follow the "
        "link that it gives then",
        listen);
}

bool api_setup_link(struct api *api, struct buf *out) {
    struct secret secret;
    struct instance *in = live_instance(api->options.live);
    if (api->options.open || people_has_admin(in->people))
        return false;
    const struct config *config = catalog_hold(in->catalog);
    struct str base = str_from(config->public_url);
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    people_make_setup(in->people, &secret);
    if (base.len > 0)
        buf_add_str(out, base);
    else
        buf_printf(out, "http://localhost:%u", api_port(api));
    /* behind a #, so that it comes into no log of a server */
    buf_printf(out, "/setup#%s", secret.text);
    config_let_go(config);
    return true;
}

/* Of `public_url`: a proxy may hand requests on with it or without. */
static void add_path_prefix(struct api *api, struct buf *out) {
    const struct config *config = catalog_hold(live_instance(api->options.live)->catalog);
    struct str rest = STR("");
    if (config->public_url != NULL)
        (void)api_origin_of(str_from(config->public_url), &rest);
    while (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    buf_add_str(out, rest);
    config_let_go(config);
}

int api_listen(struct api *api, const char *listen, struct err *err) {
    struct buf path = {0}, prefix = {0};
    int allowed = check_administrator(api, listen, err);
    if (allowed != 0)
        return allowed;
    add_path_prefix(api, &prefix);
    buf_printf(&path, "%s/caskalytics.sock", live_instance(api->options.live)->data_dir);
    const struct http_options options = {.listen = listen,
                                         .unix_path = buf_cstr(&path),
                                         .path_prefix = buf_cstr(&prefix),
                                         .routes = api_routes,
                                         .n_routes = api_n_routes,
                                         .arg = api,
                                         .workers = WORKER_THREADS,
                                         .slow_workers = SLOW_THREADS,
                                         .events = EVENT_THREADS,
                                         .admit = admit,
                                         .done = count};
    int rc = http_server_start(&options, &api->server, err);
    buf_release(&path);
    buf_release(&prefix);
    return rc;
}

unsigned api_port(const struct api *api) { return http_server_port(api->server); }

int api_reload(struct api *api, const struct config *config, struct err *err) {
    return catalog_reload(live_instance(api->options.live)->catalog, config, err);
}

void api_drain(struct api *api, double seconds) {
    changes_stop(api->changes);
    api->ending = true;
    if (api->server != NULL)
        http_server_drain(api->server, seconds);
    stop_clients(api);
}

void api_close(struct api *api) {
    if (api == NULL)
        return;
    http_server_stop(api->server);
    changes_free(api->changes);
    local_imports_free(api->imports);
    for (size_t i = 0; i < api->clients.len; i++)
        client_free(api->clients.items[i]);
    vec_free(&api->clients);
    vec_free(&api->busy);
    answers_free(api->answers);
    recent_close(api->recent_file);
    ingest_sources_free(api->ingest);
    pthread_mutex_destroy(&api->mutex);
    free(api->counts);
    free(api);
}

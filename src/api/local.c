/* /local/run: commands of the command line on the running store. */
#include "api/local.h"
#include "api/internal.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STOP_LOOK_MS 50 /* a command may begin one more statement after one was ended */

struct local {
    atomic_bool stopping;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t idle;
    unsigned running;
    VEC(struct client *) clients; /* of those that run */
};

struct local *local_new(void) {
    struct local *l = xcalloc(1, sizeof *l);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->idle, NULL);
    return l;
}

void local_free(struct local *l) {
    if (l == NULL)
        return;
    vec_free(&l->clients);
    pthread_cond_destroy(&l->idle);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

void local_ask_stop(struct local *l) { atomic_store(&l->stopping, true); }

const atomic_bool *local_stopped(const struct local *l) { return &l->stopping; }

void local_stop(struct local *l) {
    local_ask_stop(l);
    pthread_mutex_lock(&l->mutex);
    while (l->running > 0) {
        struct timespec end;
        for (size_t i = 0; i < l->clients.len; i++)
            client_stop(l->clients.items[i]);
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_nsec += STOP_LOOK_MS * 1000000L;
        end.tv_sec += end.tv_nsec / 1000000000L;
        end.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&l->idle, &l->mutex, &end);
    }
    pthread_mutex_unlock(&l->mutex);
}

int local_begin(struct api *api, struct client **ret_client, struct err *err) {
    struct local *l = api->local;
    struct client *client = NULL;
    pthread_mutex_lock(&l->mutex);
    bool go = !l->stopping;
    l->running += go;
    pthread_mutex_unlock(&l->mutex);
    if (!go)
        return err_set(err, ERR_AWAY, "the server stops");
    if (ret_client == NULL)
        return 0;
    client = api_take_client(api, err);
    pthread_mutex_lock(&l->mutex);
    if (client != NULL)
        vec_push(&l->clients, client);
    pthread_mutex_unlock(&l->mutex);
    *ret_client = client;
    if (client == NULL)
        local_end(api, NULL);
    return client != NULL ? 0 : ERR_AWAY;
}

void local_end(struct api *api, struct client *client) {
    struct local *l = api->local;
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->clients.len; i++)
        if (l->clients.items[i] == client) {
            l->clients.items[i] = l->clients.items[--l->clients.len];
            break;
        }
    if (--l->running == 0)
        pthread_cond_broadcast(&l->idle);
    pthread_mutex_unlock(&l->mutex);
    if (client != NULL)
        api_give_client(api, client);
}

void local_reply(struct http_exchange *x, const struct local *l, int rc, const struct err *err) {
    static const char hex[] = "0123456789ABCDEF";
    if (rc != 0 && l->stopping && (rc == ERR_STOPPED || rc == ERR_AWAY)) {
        buf_clear(http_out(x));
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops");
        return;
    }
    if (rc != 0) {
        struct buf text = {0};
        buf_printf(&text, "%d ", rc);
        for (const char *c = err->text; *c != '\0'; c++) {
            unsigned char byte = (unsigned char)*c;
            if (byte > ' ' && byte < 0x7f && byte != '%')
                buf_add_char(&text, *c);
            else
                buf_printf(&text, "%%%c%c", hex[byte >> 4], hex[byte & 15]);
        }
        http_set_header(x, LOCAL_ERROR_HEADER, buf_cstr(&text));
        buf_release(&text);
    }
    http_set_header(x, "Content-Type", "application/octet-stream");
    http_reply(x, MHD_HTTP_OK);
}

/* --- /local/run --- */

static int take_number(const struct http_exchange *x, const char *name, uint64_t *ret,
                       struct err *err) {
    struct str text = http_query(x, name);
    if (text.ptr == NULL || !str_to_u64(text, ret) || *ret > UINT32_MAX)
        return err_set(err, ERR_USAGE, "%s: expected a number", name);
    return 0;
}

void api_local_run(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    struct client *client = NULL;
    uint64_t words = 0, width = 0, color = 0;
    int rc = take_number(x, "words", &words, &err);
    if (rc == 0)
        rc = take_number(x, "width", &width, &err);
    if (rc == 0)
        rc = take_number(x, "color", &color, &err);
    if (rc == 0 && api->options.run == NULL)
        rc = err_set(&err, ERR_USAGE, "this server runs no commands");
    if (rc == 0)
        rc = local_begin(api, &client, &err);
    if (client != NULL) {
        const struct api_run run = {.live = api->options.live,
                                    .config = api_config(x),
                                    .client = client,
                                    .stop = local_stopped(api->local),
                                    .words = words,
                                    .body = http_body(x),
                                    .width = (unsigned)width,
                                    .color = color != 0};
        rc = api->options.run(api->options.run_arg, &run, http_out(x), &err);
        local_end(api, client);
    }
    if (http_out(x)->overflow) {
        buf_clear(http_out(x));
        rc = err_set(&err, ERR_TOOBIG, "the answer is larger than it may be");
    }
    local_reply(x, api->local, rc, &err);
}

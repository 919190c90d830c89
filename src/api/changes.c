/* Server-sent events: pages are told that answers changed, and ask again. */
#include "api/internal.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>

#define STREAMS_MAX 1000
#define PAUSE_SECONDS 1.0 /* between two events */
#define BEAT_SECONDS 15.0 /* a comment, so that proxies keep the stream and gone clients show */

struct changes {
    struct live *live;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t stopped;
    bool stop;
    VEC(struct http_stream *) streams;
};

static void tell(struct changes *c, struct str text) {
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->streams.len;) {
        if (http_stream_write(c->streams.items[i], text)) {
            i++;
            continue;
        }
        http_stream_end(c->streams.items[i]);
        c->streams.items[i] = c->streams.items[--c->streams.len];
    }
    pthread_mutex_unlock(&c->mutex);
}

/* True: stop. */
static bool rest(struct changes *c, double seconds) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)seconds;
    pthread_mutex_lock(&c->mutex);
    while (!c->stop && pthread_cond_timedwait(&c->stopped, &c->mutex, &end) == 0) {
    }
    bool stop = c->stop;
    pthread_mutex_unlock(&c->mutex);
    return stop;
}

static void *changes_main(void *arg) {
    struct changes *c = arg;
    uint64_t version = live_state(c->live).version;
    double beat = clock_monotonic_seconds();
    while (!rest(c, PAUSE_SECONDS)) {
        uint64_t now = live_state(c->live).version;
        double at = clock_monotonic_seconds();
        if (now != version) {
            struct buf event = {0};
            buf_printf(&event, "event: changed\ndata: {\"version\":%llu}\n\n",
                       (unsigned long long)now);
            tell(c, buf_str(&event));
            buf_release(&event);
            version = now;
            beat = at;
        } else if (at - beat > BEAT_SECONDS) {
            tell(c, STR(": still here\n\n"));
            beat = at;
        }
    }
    return NULL;
}

struct changes *changes_start(struct live *live) {
    struct changes *c = xcalloc(1, sizeof *c);
    c->live = live;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->stopped, &attr);
    pthread_condattr_destroy(&attr);
    c->started = pthread_create(&c->thread, NULL, changes_main, c) == 0;
    return c;
}

void changes_stop(struct changes *c) {
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    pthread_cond_signal(&c->stopped);
    for (size_t i = 0; i < c->streams.len; i++)
        http_stream_end(c->streams.items[i]);
    c->streams.len = 0;
    pthread_mutex_unlock(&c->mutex);
    if (c->started)
        pthread_join(c->thread, NULL);
    c->started = false;
}

void changes_free(struct changes *c) {
    if (c == NULL)
        return;
    changes_stop(c);
    vec_free(&c->streams);
    pthread_cond_destroy(&c->stopped);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

size_t changes_count(struct changes *c) {
    pthread_mutex_lock(&c->mutex);
    size_t n = c->streams.len;
    pthread_mutex_unlock(&c->mutex);
    return n;
}

void api_changes(struct http_exchange *x, void *arg) {
    struct changes *c = ((struct api *)arg)->changes;
    struct buf hello = {0};
    buf_printf(&hello, "retry: 2000\nevent: changed\ndata: {\"version\":%llu}\n\n",
               (unsigned long long)live_state(c->live).version);
    pthread_mutex_lock(&c->mutex);
    if (c->stop || c->streams.len >= STREAMS_MAX) {
        pthread_mutex_unlock(&c->mutex);
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "too many streams are open");
    } else {
        struct http_stream *stream = http_reply_stream(x, "text/event-stream");
        (void)http_stream_write(stream, buf_str(&hello));
        vec_push(&c->streams, stream);
        pthread_mutex_unlock(&c->mutex);
    }
    buf_release(&hello);
}

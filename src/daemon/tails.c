#include "daemon/tails.h"

#include "base/log.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define INDEX_KEY "tail"
#define FINISH_SECONDS 30.0
#define STEP_SECONDS 1.0   /* the longest pause: what inotify does not tell (NFS) is seen then */
#define GATHER_SECONDS 0.1 /* lines that come one by one share a block */
#define SAVE_SECONDS 30.0
#define SAVE_SHARE 100.0 /* a document that takes long is not written more often than that */
#define LOAD_SECONDS 5.0

/* The sources of one configuration, with strings of its own. */
struct plan {
    struct arena strings;
    VEC(struct tail_source) sources;
};

struct tails {
    struct live *live;
    struct intake *intake;
    pthread_t thread;
    bool started;
    int wake_fd, watch_fd; /* -1: none */
    atomic_bool stop;
    uint64_t saved; /* version of the index in control data */
    double save_at; /* not before */

    pthread_mutex_t mutex; /* guards what is below */
    struct plan *plan;     /* to be taken over by the thread; NULL: nothing new */
    struct tail *tail;     /* NULL until the lake was read */
};

/* A block on its way through the intake. */
struct flight {
    struct intake_ticket ticket; /* first: it is cast back */
    struct tail_block *block;
    struct tails *ts;
};

/* --- configuration --- */

static bool is_tail(const struct config_source *s) { return strcmp(s->type, "tail") == 0; }

static struct plan *make_plan(const struct config *config) {
    struct plan *plan = xcalloc(1, sizeof *plan);
    for (size_t i = 0; i < config->n_sources; i++) {
        const struct config_source *s = &config->sources[i];
        const char *site = s->site != NULL        ? s->site
                           : config->n_sites == 1 ? config->sites[0].name
                                                  : "default";
        if (!is_tail(s))
            continue;
        struct tail_source source = {
            .id = arena_cstr(&plan->strings, str_from(s->id)),
            .path = arena_cstr(&plan->strings, str_from(s->path)),
            .site = arena_cstr(&plan->strings, str_from(site)),
            .site_by_lines = s->site == NULL && config->n_sites != 1,
            .format = arena_cstr(&plan->strings, str_from(s->format != NULL ? s->format : ""))};
        vec_push(&plan->sources, source);
    }
    return plan;
}

static void free_plan(struct plan *plan) {
    if (plan == NULL)
        return;
    arena_release(&plan->strings);
    vec_free(&plan->sources);
    free(plan);
}

/* --- the index: a document in control data, caught up from the lake --- */

static int read_document(struct tails *ts, uint64_t last, struct tail_index *index,
                         struct err *err) {
    struct buf body = {0};
    uint64_t version = 0;
    struct err why = {0};
    int rc = control_get(live_instance(ts->live)->control, INDEX_KEY, &body, &version, err);
    if (rc == 0 && version != 0 && tail_index_from_json(index, buf_str(&body), &why) != 0) {
        log_line(LOG_WARN, "tail_index_damaged", "error=\"%s\"", why.text);
        tail_index_release(index);
    }
    if (rc == 0 && index->bid > last) /* the lake was put back: only its own positions count */
        tail_index_release(index);
    buf_release(&body);
    return rc;
}

static int read_positions(struct tails *ts, uint64_t last, struct tail_index *index,
                          struct err *err) {
    struct lake_reader *reader = NULL;
    struct lake_block block;
    const struct instance *in = live_instance(ts->live);
    if (last == index->bid)
        return 0;
    int rc = lake_reader_open(in->lake_root, DATASET_LOGS, index->bid, last, &reader, err);
    while (rc == 0) {
        int got =
            ts->stop ? err_set(err, ERR_STOPPED, "stopped") : lake_reader_next(reader, &block, err);
        if (got == 0)
            break;
        if (got == 1 && block.len > 0)
            rc = tail_index_take(index, block.bid, block.records[block.len - 1].position, err);
        else if (got < 0 && got != ERR_CORRUPT) /* a damaged block keeps its position to itself */
            rc = got;
    }
    lake_reader_close(reader);
    return rc;
}

static int load(struct tails *ts, struct tail_index *index, struct err *err) {
    uint64_t last = intake_durable(ts->intake);
    *index = (struct tail_index){0};
    int rc = read_document(ts, last, index, err);
    if (rc == 0)
        rc = read_positions(ts, last, index, err);
    if (rc != 0)
        tail_index_release(index);
    return rc;
}

/* Nothing is in flight, so all that is durable is in the index. */
static void save(struct tails *ts) {
    struct buf body = {0};
    struct err err = {0};
    double begin = clock_monotonic_seconds();
    uint64_t version = tail_index_version(ts->tail);
    tail_index_document(ts->tail, intake_durable(ts->intake), &body);
    const struct control_put put = {INDEX_KEY, buf_str(&body), CONTROL_ANY};
    if (control_commit(live_instance(ts->live)->control, &put, 1, &err) == 0)
        ts->saved = version;
    else
        log_line(LOG_WARN, "tail_index_not_saved", "error=\"%s\"", err.text);
    double now = clock_monotonic_seconds(), pause = (now - begin) * SAVE_SHARE;
    ts->save_at = now + (pause > SAVE_SECONDS ? pause : SAVE_SECONDS);
    buf_release(&body);
}

/* --- the thread --- */

static void wake(struct tails *ts) { (void)!write(ts->wake_fd, &(uint64_t){1}, sizeof(uint64_t)); }

static void on_done(struct intake_ticket *ticket, int rc, uint64_t bid) {
    struct flight *flight = (struct flight *)ticket;
    struct tails *ts = flight->ts;
    struct tail_block *block = flight->block;
    free(flight);
    tail_done(block, rc, bid);
    wake(ts);
}

static void submit(void *arg, struct tail_block *block) {
    struct tails *ts = arg;
    struct flight *flight = xcalloc(1, sizeof *flight);
    flight->ticket = (struct intake_ticket){
        .records = block->records, .n = block->n, .alone = true, .done = on_done};
    flight->block = block;
    flight->ts = ts;
    intake_submit(ts->intake, &flight->ticket);
}

static void watch(void *arg, const char *path) {
    const struct tails *ts = arg;
    if (ts->watch_fd >= 0)
        (void)inotify_add_watch(ts->watch_fd, path,
                                IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY);
}

/* What inotify says is only a hint. *ret_names: a name came or went. */
static void drain_watch(struct tails *ts, bool *ret_names) {
    _Alignas(struct inotify_event) char events[16384];
    ssize_t n;
    while ((n = read(ts->watch_fd, events, sizeof events)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(events + at);
            *ret_names = *ret_names || (event->mask & ~(uint32_t)IN_MODIFY) != 0;
            at += (ssize_t)(sizeof *event + event->len);
        }
}

/* Until a block is done, somebody wakes us, or the time is over. */
static void rest(struct tails *ts, double seconds, bool watching) {
    struct pollfd fds[2] = {{.fd = ts->wake_fd, .events = POLLIN},
                            {.fd = watching ? ts->watch_fd : -1, .events = POLLIN}};
    uint64_t count;
    bool names = false;
    int n = poll(fds, 2, (int)(seconds * 1000) + 1);
    if (n > 0 && (fds[0].revents & POLLIN) != 0)
        (void)!read(ts->wake_fd, &count, sizeof count);
    if (n <= 0 || (fds[1].revents & POLLIN) == 0)
        return;
    rest(ts, GATHER_SECONDS, false);
    drain_watch(ts, &names);
    if (names)
        tail_look(ts->tail);
}

/* All blocks have landed. */
static void settle(struct tails *ts) {
    while (tail_in_flight(ts->tail) > 0)
        rest(ts, STEP_SECONDS, false);
    tail_collect(ts->tail, clock_monotonic_seconds());
}

static void take_plan(struct tails *ts) {
    pthread_mutex_lock(&ts->mutex);
    struct plan *plan = ts->plan;
    ts->plan = NULL;
    pthread_mutex_unlock(&ts->mutex);
    if (plan == NULL)
        return;
    settle(ts);
    tail_set_sources(ts->tail, plan->sources.items, plan->sources.len);
    save(ts); /* when it began to follow them */
    log_line(LOG_INFO, "tail_sources", "sources=%zu", plan->sources.len);
    free_plan(plan);
}

static bool open_tail(struct tails *ts) {
    const struct tail_options options = {
        .clock = &clock_system, .finish_seconds = FINISH_SECONDS, .submit = submit, .arg = ts};
    struct tail_index index;
    struct err err = {0};
    while (!ts->stop) {
        if (load(ts, &index, &err) == 0) {
            struct tail *tail = tail_new(&options, &index);
            pthread_mutex_lock(&ts->mutex);
            ts->tail = tail;
            pthread_mutex_unlock(&ts->mutex);
            return true;
        }
        /* without it lines would be read twice: nothing is followed until it is there */
        if (!ts->stop)
            log_line(LOG_ERROR, "tail_index_not_read", "error=\"%s\"", err.text);
        rest(ts, LOAD_SECONDS, false);
    }
    return false;
}

static void *tails_main(void *arg) {
    struct tails *ts = arg;
    if (!open_tail(ts))
        return NULL;
    while (!ts->stop) {
        take_plan(ts);
        double now = clock_monotonic_seconds();
        double pause = tail_step(ts->tail, now);
        if (tail_index_version(ts->tail) != ts->saved && now >= ts->save_at) {
            settle(ts);
            save(ts);
        }
        tail_directories(ts->tail, watch, ts);
        if (pause > 0)
            rest(ts, pause < STEP_SECONDS ? pause : STEP_SECONDS, true);
    }
    settle(ts);
    if (tail_index_version(ts->tail) != ts->saved)
        save(ts);
    return NULL;
}

int tails_start(struct live *live, const struct config *config, struct tails **ret,
                struct err *err) {
    struct tails *ts = xcalloc(1, sizeof *ts);
    int rc = 0;
    ts->live = live;
    ts->intake = live_intake(live, DATASET_LOGS);
    ts->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ts->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    pthread_mutex_init(&ts->mutex, NULL);
    if (ts->wake_fd < 0)
        rc = err_errno(err, ERR_FAILED, "eventfd");
    if (rc == 0)
        ts->plan = make_plan(config);
    if (rc == 0) {
        ts->started = pthread_create(&ts->thread, NULL, tails_main, ts) == 0;
        if (!ts->started)
            rc = err_set(err, ERR_FAILED, "cannot start a thread");
    }
    if (rc != 0) {
        tails_stop(ts);
        return rc;
    }
    *ret = ts;
    return 0;
}

void tails_reload(struct tails *ts, const struct config *config) {
    struct plan *fresh = make_plan(config), *old;
    pthread_mutex_lock(&ts->mutex);
    old = ts->plan;
    ts->plan = fresh;
    pthread_mutex_unlock(&ts->mutex);
    free_plan(old);
    wake(ts);
}

void tails_status(struct tails *ts, struct tail_status *ret) {
    *ret = (struct tail_status){0};
    pthread_mutex_lock(&ts->mutex);
    struct tail *tail = ts->tail; /* from then on it stays */
    pthread_mutex_unlock(&ts->mutex);
    if (tail != NULL)
        tail_status(tail, ret);
}

void tails_stop(struct tails *ts) {
    if (ts == NULL)
        return;
    ts->stop = true;
    if (ts->started) {
        wake(ts);
        pthread_join(ts->thread, NULL);
    }
    tail_free(ts->tail);
    free_plan(ts->plan);
    if (ts->wake_fd >= 0)
        close(ts->wake_fd);
    if (ts->watch_fd >= 0)
        close(ts->watch_fd);
    pthread_mutex_destroy(&ts->mutex);
    free(ts);
}

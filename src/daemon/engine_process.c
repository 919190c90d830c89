#include "daemon/engine_process.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/aside.h"
#include "daemon/spawn.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define STOP_MS 10000
#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS 10000
#define CALM_SECONDS 60.0 /* an engine that lived this long starts again without a pause */
/* An engine that does not answer on its control socket for so long hangs: it is killed. */
#define ASK_EVERY_MS 10000
#define HANG_SECONDS 60.0
#define CORRUPT_TRIES 2      /* before the directory is taken for damaged */
#define ASIDE_SECONDS 3600.0 /* between two that are moved aside */

struct engine_process {
    struct engine_plan plan;
    pthread_t watcher;
    int wake_fd; /* eventfd: stop, or restart was switched on */
    int was_dumpable;

    double moved_at; /* of the watcher: when a directory was last moved aside */

    pthread_mutex_t lock;   /* everything below */
    pthread_cond_t started; /* or not: the first start is over */
    struct engine_child child;
    bool alive, restart, stopping, sandboxed, tried;
    double end_at; /* clock_monotonic_seconds(); INFINITY: nobody has asked for its end */
    unsigned generation, damaged;
    struct err error; /* of the last start */
};

static bool is_stopping(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stopping;
}

static double seconds_left(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    double left = p->end_at - clock_monotonic_seconds();
    pthread_mutex_unlock(&p->lock);
    return left > 0 ? left : 0;
}

/* So many milliseconds, or as many as are left. */
static int ms_within(struct engine_process *p, int ms) {
    double left = seconds_left(p);
    return left < ms / 1000.0 ? (int)(left * 1000) : ms;
}

/* Is it asked to end, now or soon? */
static bool is_ending(struct engine_process *p) {
    return is_stopping(p) || seconds_left(p) < INFINITY;
}

static void wake(struct engine_process *p) {
    if (eventfd_write(p->wake_fd, 1) != 0)
        return; /* only when it is full, and then it is awake */
}

static void drain(struct engine_process *p) {
    eventfd_t n;
    if (eventfd_read(p->wake_fd, &n) != 0)
        return;
}

/* Waits until the child is dead, or kills it when it hangs. False: it shall end. */
static bool watch(struct engine_process *p, const struct engine_child *child) {
    double asked = 0, answered = clock_monotonic_seconds();
    for (;;) {
        struct pollfd fds[] = {{.fd = child->pidfd, .events = POLLIN},
                               {.fd = p->wake_fd, .events = POLLIN},
                               {.fd = child->control_fd, .events = POLLIN}};
        poll(fds, 3, ms_within(p, ASK_EVERY_MS) + 1);
        if (fds[1].revents != 0)
            drain(p);
        if (is_stopping(p) || seconds_left(p) <= 0)
            return false;
        if (fds[0].revents != 0)
            return true;
        char byte[16];
        double now = clock_monotonic_seconds();
        if (fds[2].revents != 0 && recv(child->control_fd, byte, sizeof byte, MSG_DONTWAIT) > 0)
            answered = now;
        else if (fds[2].revents != 0) /* its end is closed: it is about to die */
            poll(fds, 2, ASK_EVERY_MS);
        if (answered >= asked && now - asked >= ASK_EVERY_MS / 1000.0) {
            asked = now;
            send(child->control_fd, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else if (answered < asked && now - asked > HANG_SECONDS) {
            log_line(LOG_ERROR, "engine_hangs", "pid=%d", child->pid);
            kill(child->pid, SIGKILL);
        }
    }
}

/* Sleeps; false when asked to stop or restarting was switched off and on meanwhile. */
static bool pause_ms(struct engine_process *p, int ms) {
    struct pollfd fd = {.fd = p->wake_fd, .events = POLLIN};
    if (poll(&fd, 1, ms) > 0)
        drain(p);
    return !is_stopping(p);
}

static bool wants_restart(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    bool restart = p->restart;
    pthread_mutex_unlock(&p->lock);
    return restart;
}

static void set_child(struct engine_process *p, const struct engine_child *child) {
    pthread_mutex_lock(&p->lock);
    p->child = *child;
    p->alive = child->pid > 0;
    if (p->alive) {
        p->sandboxed = child->sandboxed;
        p->generation++;
    }
    pthread_mutex_unlock(&p->lock);
}

static void bury(struct engine_process *p, struct engine_child *child, int ms) {
    const struct engine_child none = {.pidfd = -1, .control_fd = -1};
    int pid = child->pid;
    set_child(p, &none);
    if (engine_child_end(child, ms))
        log_line(LOG_WARN, "engine_killed", "pid=%d reason=\"it does not end\"", pid);
}

/* Once, but for a directory that may be damaged. */
static int start(struct engine_process *p, struct engine_child *ret, struct err *err) {
    double now = clock_monotonic_seconds();
    int rc = engine_spawn(&p->plan, p->wake_fd, ret, err);
    for (unsigned i = 1; rc == ERR_CORRUPT && i < CORRUPT_TRIES; i++)
        rc = engine_spawn(&p->plan, p->wake_fd, ret, err);
    if (rc != ERR_CORRUPT || (p->moved_at > 0 && now - p->moved_at < ASIDE_SECONDS) ||
        !engine_move_aside(&p->plan, p->wake_fd, err))
        return rc;
    p->moved_at = now;
    pthread_mutex_lock(&p->lock);
    p->damaged++;
    pthread_mutex_unlock(&p->lock);
    return engine_spawn(&p->plan, p->wake_fd, ret, err);
}

static void tell_start(struct engine_process *p, const struct err *err) {
    pthread_mutex_lock(&p->lock);
    if (!p->tried && err->code == 0 && !p->child.sandboxed)
        log_line(LOG_WARN, "engine_not_sandboxed", "reason=\"this kernel has no Landlock\"");
    p->tried = true;
    p->error = *err;
    pthread_cond_broadcast(&p->started);
    pthread_mutex_unlock(&p->lock);
}

/* False: asked to stop. */
static bool may_start(struct engine_process *p, int pause) {
    while (!wants_restart(p))
        if (!pause_ms(p, -1))
            return false;
    return pause == 0 || pause_ms(p, pause);
}

static void *watcher_main(void *arg) {
    struct engine_process *p = arg;
    for (int pause = 0;;) { /* before the next start */
        struct engine_child child = {.pidfd = -1, .control_fd = -1};
        struct err err = {0};
        int rc;
        do {
            drain(p);
            rc = is_ending(p) ? err_set(&err, ERR_STOPPED, "stopped") : start(p, &child, &err);
        } while (rc == ERR_STOPPED && !is_ending(p)); /* only restart was switched */
        double born = clock_monotonic_seconds();
        if (rc == 0) {
            err = (struct err){0};
            set_child(p, &child);
        } else if (rc != ERR_STOPPED) {
            log_line(LOG_ERROR, "engine_start_failed", "error=\"%s\"", err.text);
        }
        tell_start(p, &err);
        if (rc == 0) {
            int pid = child.pid;
            bool died = watch(p, &child);
            bury(p, &child, died ? 0 : ms_within(p, STOP_MS));
            if (died)
                log_line(LOG_WARN, "engine_died", "pid=%d", pid);
        }
        if (rc == 0 && clock_monotonic_seconds() - born > CALM_SECONDS)
            pause = 0;
        if (is_stopping(p) || !may_start(p, pause))
            return NULL;
        pause = pause == 0 ? PAUSE_FIRST_MS : (int)min_i64(pause * 2, PAUSE_MOST_MS);
    }
}

static void release(struct engine_process *p) {
    engine_plan_release(&p->plan);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_cond_destroy(&p->started);
    pthread_mutex_destroy(&p->lock);
    prctl(PR_SET_DUMPABLE, p->was_dumpable == 1, 0, 0, 0);
    free(p);
}

int engine_process_open(const struct engine_options *options, struct engine_process **ret,
                        struct err *err) {
    struct engine_process *p = xcalloc(1, sizeof *p);
    p->child = (struct engine_child){.pidfd = -1, .control_fd = -1};
    p->restart = options->restart;
    p->end_at = INFINITY;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->started, NULL);
    /* the engine reads /proc: nothing of us may be in reach (environment, memory) */
    p->was_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = p->wake_fd < 0 ? err_errno(err, ERR_IO, "eventfd") : 0;
    p->plan.dir_fd = -1;
    if (rc == 0)
        rc = engine_plan_make(options, &p->plan, err);
    if (rc == 0 && pthread_create(&p->watcher, NULL, watcher_main, p) != 0)
        rc = err_set(err, ERR_IO, "no more threads");
    if (rc == 0)
        *ret = p;
    else
        release(p);
    return rc;
}

int engine_process_wait(struct engine_process *p, struct err *err) {
    pthread_mutex_lock(&p->lock);
    while (!p->tried)
        pthread_cond_wait(&p->started, &p->lock);
    struct err why = p->error;
    pthread_mutex_unlock(&p->lock);
    return why.code != 0 ? err_set(err, why.code, "%s", why.text) : 0;
}

int engine_process_start(const struct engine_options *options, struct engine_process **ret,
                         struct err *err) {
    struct engine_process *p = NULL;
    int rc = engine_process_open(options, &p, err);
    if (rc == 0)
        rc = engine_process_wait(p, err);
    if (rc == 0)
        *ret = p;
    else
        engine_process_stop(p);
    return rc;
}

const char *engine_process_socket(const struct engine_process *p) { return p->plan.socket.ptr; }

bool engine_process_alive(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    bool alive = p->alive;
    pthread_mutex_unlock(&p->lock);
    return alive;
}

void engine_process_set_restart(struct engine_process *p, bool on) {
    pthread_mutex_lock(&p->lock);
    p->restart = on;
    pthread_mutex_unlock(&p->lock);
    if (on)
        wake(p);
}

void engine_process_end_within(struct engine_process *p, double seconds) {
    double end_at = clock_monotonic_seconds() + seconds;
    pthread_mutex_lock(&p->lock);
    p->restart = false;
    if (end_at < p->end_at)
        p->end_at = end_at;
    pthread_mutex_unlock(&p->lock);
    wake(p);
}

unsigned engine_process_generation(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    unsigned generation = p->generation;
    pthread_mutex_unlock(&p->lock);
    return generation;
}

int engine_process_pid(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    int pid = p->child.pid;
    pthread_mutex_unlock(&p->lock);
    return pid;
}

void engine_process_kill(struct engine_process *p) {
    pthread_mutex_lock(&p->lock); /* bury() takes the pid away before another process may get it */
    if (p->child.pid > 0)
        kill(p->child.pid, SIGKILL);
    pthread_mutex_unlock(&p->lock);
}

struct err engine_process_error(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    struct err error = p->error;
    pthread_mutex_unlock(&p->lock);
    return error;
}

unsigned engine_process_damaged(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    unsigned damaged = p->damaged;
    pthread_mutex_unlock(&p->lock);
    return damaged;
}

bool engine_process_sandboxed(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    bool sandboxed = p->sandboxed;
    pthread_mutex_unlock(&p->lock);
    return sandboxed;
}

void engine_process_stop(struct engine_process *p) {
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    wake(p);
    pthread_join(p->watcher, NULL);
    release(p);
}

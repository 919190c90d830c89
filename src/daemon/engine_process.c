#include "daemon/engine_process.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/spawn.h"

#include <errno.h>
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

struct engine_process {
    struct engine_plan plan;
    pthread_t watcher;
    int wake_fd; /* eventfd: stop, or restart was switched on */
    int was_dumpable;

    pthread_mutex_t lock; /* everything below */
    struct engine_child child;
    bool alive, restart, stopping, sandboxed;
    unsigned generation;
};

static bool is_stopping(struct engine_process *p) {
    pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stopping;
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

/* Waits until the child is dead, or kills it when it hangs. False: asked to stop. */
static bool watch(struct engine_process *p, const struct engine_child *child) {
    double asked = 0, answered = clock_monotonic_seconds();
    for (;;) {
        struct pollfd fds[] = {{.fd = child->pidfd, .events = POLLIN},
                               {.fd = p->wake_fd, .events = POLLIN},
                               {.fd = child->control_fd, .events = POLLIN}};
        poll(fds, 3, ASK_EVERY_MS);
        if (fds[1].revents != 0)
            drain(p);
        if (is_stopping(p))
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
    set_child(p, &none);
    engine_child_end(child, ms);
}

static void *watcher_main(void *arg) {
    struct engine_process *p = arg;
    struct engine_child child = p->child;
    int pause = 0;
    for (;;) {
        double born = clock_monotonic_seconds();
        if (child.pid > 0) {
            int pid = child.pid;
            if (!watch(p, &child))
                break;
            bury(p, &child, 0);
            log_line(LOG_WARN, "engine_died", "pid=%d", pid);
        }
        while (!wants_restart(p))
            if (!pause_ms(p, -1))
                goto out;
        pause = clock_monotonic_seconds() - born > CALM_SECONDS ? 0 : pause;
        if (pause > 0 && !pause_ms(p, pause))
            break;
        pause = pause == 0 ? PAUSE_FIRST_MS : (int)min_i64(pause * 2, PAUSE_MOST_MS);
        struct err err;
        int rc = engine_spawn(&p->plan, p->wake_fd, &child, &err);
        if (rc == 0)
            set_child(p, &child);
        else if (rc != ERR_STOPPED)
            log_line(LOG_ERROR, "engine_start_failed", "pause_ms=%d error=\"%s\"", pause, err.text);
        drain(p);
        if (is_stopping(p))
            break;
    }
out:
    bury(p, &child, STOP_MS);
    return NULL;
}

int engine_process_start(const struct engine_options *options, struct engine_process **ret,
                         struct err *err) {
    struct engine_process *p = xcalloc(1, sizeof *p);
    p->child = (struct engine_child){.pidfd = -1, .control_fd = -1};
    pthread_mutex_init(&p->lock, NULL);
    /* the engine reads /proc: nothing of us may be in reach (environment, memory) */
    p->was_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = p->wake_fd < 0 ? err_errno(err, ERR_IO, "eventfd") : 0;
    p->plan.dir_fd = -1;
    if (rc == 0)
        rc = engine_plan_make(options, &p->plan, err);
    struct engine_child child;
    if (rc == 0)
        rc = engine_spawn(&p->plan, p->wake_fd, &child, err);
    if (rc != 0)
        goto fail;
    set_child(p, &child);
    if (!child.sandboxed)
        log_line(LOG_WARN, "engine_not_sandboxed", "reason=\"this kernel has no Landlock\"");
    if (pthread_create(&p->watcher, NULL, watcher_main, p) != 0) {
        rc = err_set(err, ERR_IO, "no more threads");
        bury(p, &child, STOP_MS);
        goto fail;
    }
    *ret = p;
    return 0;
fail:
    prctl(PR_SET_DUMPABLE, p->was_dumpable == 1, 0, 0, 0);
    engine_plan_release(&p->plan);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
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
    engine_plan_release(&p->plan);
    close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    prctl(PR_SET_DUMPABLE, p->was_dumpable == 1, 0, 0, 0);
    free(p);
}

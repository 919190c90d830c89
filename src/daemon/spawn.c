#include "daemon/spawn.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_SECONDS 120 /* the library has 560 MB, and a disk may be slow */
#define DEATH_MS 1000     /* from the end of its socket to that of the process */
#define LISTEN_FD 3       /* in the engine */
#define CONTROL_FD 4
#define SOCKET_NAME "engine.sock"
#define MESSAGES_BYTES ((size_t)16 << 20)
#define SAID_BYTES 300 /* of them that are told */

int engine_plan_make(const struct engine_options *options, struct engine_plan *ret,
                     struct err *err) {
    *ret = (struct engine_plan){.options = *options, .dir_fd = -1};
    int rc = fs_make_dirs(options->data_dir, err);
    if (rc != 0)
        goto fail;
    char *absolute = realpath(options->data_dir, NULL);
    ret->dir_fd = absolute != NULL ? open(absolute, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (ret->dir_fd < 0) {
        rc = err_errno(err, ERR_IO, "%s", options->data_dir);
        free(absolute);
        goto fail;
    }
    buf_add_cstr(&ret->data_dir, absolute);
    free(absolute);
    ret->options.data_dir = buf_cstr(&ret->data_dir);
    buf_printf(&ret->directory, "%s/engine", buf_cstr(&ret->data_dir));
    buf_printf(&ret->socket, "/proc/self/fd/%d/" SOCKET_NAME, ret->dir_fd);
    buf_cstr(&ret->directory);
    buf_cstr(&ret->socket);
    return 0;
fail:
    engine_plan_release(ret);
    return rc;
}

void engine_plan_release(struct engine_plan *plan) {
    if (plan->dir_fd >= 0) {
        unlinkat(plan->dir_fd, SOCKET_NAME, 0);
        close(plan->dir_fd);
    }
    plan->dir_fd = -1;
    buf_release(&plan->data_dir);
    buf_release(&plan->directory);
    buf_release(&plan->socket);
}

/* A fresh one for every start and none of it kept here: while no engine runs a client must be
 * refused at once instead of waiting in a queue that nobody serves. */
static int make_socket(const struct engine_plan *plan, int *ret, struct err *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert(plan->socket.len < sizeof address.sun_path);
    memcpy(address.sun_path, plan->socket.ptr, plan->socket.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, ERR_IO, "socket");
    unlinkat(plan->dir_fd, SOCKET_NAME, 0); /* of an engine that is gone: we hold the data lock */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        fchmodat(plan->dir_fd, SOCKET_NAME, 0600, 0) != 0 || listen(fd, 128) != 0) {
        int rc = err_errno(err, ERR_IO, "%s/" SOCKET_NAME, plan->options.data_dir);
        close(fd);
        return rc;
    }
    *ret = fd;
    return 0;
}

/* Out of the way of the numbers that the engine gets. */
static int move_up(int fd) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, CONTROL_FD + 1);
    close(fd);
    return moved;
}

static int spawn(const struct engine_plan *plan, int listen_fd, int control_fd, pid_t *ret,
                 struct err *err) {
    char memory[64], query[64], connections[64];
    struct buf program = {0}, library_path = {0}, library = {0}, directory = {0}, messages = {0};
    int rc = paths_find(FILE_ENGINE, &program, err);
    if (rc == 0)
        rc = paths_find(FILE_LIBCHDB, &library_path, err);
    if (rc != 0)
        goto done;
    buf_printf(&library, "--library=%.*s", STR_ARG(buf_str(&library_path)));
    buf_printf(&directory, "--directory=%.*s", STR_ARG(buf_str(&plan->directory)));
    snprintf(memory, sizeof memory, "--memory=%llu",
             (unsigned long long)plan->options.memory_bytes);
    snprintf(query, sizeof query, "--query-memory=%llu",
             (unsigned long long)plan->options.query_memory_bytes);
    snprintf(connections, sizeof connections, "--connections=%u", plan->options.connections);
    buf_printf(&messages, "%.*s.log", STR_ARG(buf_str(&plan->directory)));
    char *argv[] = {"caskalytics-engine",
                    (char *)(uintptr_t)buf_cstr(&library),
                    (char *)(uintptr_t)buf_cstr(&directory),
                    "--listen-fd=3",
                    "--control-fd=4",
                    memory,
                    query,
                    connections,
                    NULL};
    /* nothing else of our environment: it may hold secrets */
    char *env[] = {"TZ=UTC", "LANG=C.UTF-8", "PATH=/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    /* what it prints is no answer of ours; and libchdb logs everything to stderr when that is a
     * terminal */
    posix_spawn_file_actions_addopen(&actions, 1, buf_cstr(&messages),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_adddup2(&actions, listen_fd, LISTEN_FD);
    posix_spawn_file_actions_adddup2(&actions, control_fd, CONTROL_FD);
    posix_spawn_file_actions_addclosefrom_np(&actions, CONTROL_FD + 1);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(ret, buf_cstr(&program), &actions, &attributes, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        errno = error;
        rc = err_errno(err, ERR_ENGINE, "cannot start %s", buf_cstr(&program));
    }
done:
    buf_release(&messages);
    buf_release(&library_path);
    buf_release(&program);
    buf_release(&library);
    buf_release(&directory);
    return rc;
}

static int say_died(const struct engine_child *child, struct err *err) {
    siginfo_t info = {0};
    if (poll(&(struct pollfd){.fd = child->pidfd, .events = POLLIN}, 1, DEATH_MS) != 1 ||
        waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOWAIT | WNOHANG) != 0)
        info.si_status = 0;
    return err_set(err, ERR_ENGINE, "the engine died while it started (%s %d)",
                   info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
}

/* The engine's one line: "ready 1" or "error CODE text" (src/engine/control.h). */
static int read_report(const struct engine_child *child, int stop_fd, bool *ret_sandboxed,
                       struct err *err) {
    char line[1100] = "";
    size_t len = 0;
    double until = clock_monotonic_seconds() + READY_SECONDS;
    while (len < sizeof line - 1 && memchr(line, '\n', len) == NULL) {
        double left = until - clock_monotonic_seconds();
        struct pollfd p[] = {{.fd = child->control_fd, .events = POLLIN},
                             {.fd = stop_fd, .events = POLLIN}};
        int n = left > 0 ? poll(p, 2, (int)(left * 1000) + 1) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, ERR_ENGINE, "the engine is not ready after %d s", READY_SECONDS);
        if (p[1].revents != 0)
            return err_set(err, ERR_STOPPED, "stopped");
        ssize_t got = recv(child->control_fd, line + len, sizeof line - 1 - len, 0);
        if (got <= 0)
            return say_died(child, err);
        len += (size_t)got;
    }
    line[len] = '\0';
    int code, skip = 0;
    if (sscanf(line, "error %d %n", &code, &skip) == 1)
        return err_set(err, code < 0 ? code : ERR_ENGINE, STR_FMT,
                       STR_ARG(str_trim(str_from(line + skip))));
    if (strncmp(line, "ready ", 6) != 0)
        return err_set(err, ERR_ENGINE, "the engine said something else than ready");
    *ret_sandboxed = line[6] == '1';
    return 0;
}

/* libchdb printed why it could not open its directory. It is not to blame when that is a lack of
 * something, or nothing. */
static int reason(const struct engine_plan *plan, struct err *err) {
    static const char *const others[] = {"MEMORY_LIMIT_EXCEEDED",
                                         "bad_alloc",
                                         "annot allocate memory",
                                         "CANNOT_ALLOCATE",
                                         "NOT_ENOUGH_SPACE",
                                         "No space left",
                                         "Disk quota",
                                         "Too many open files",
                                         "Permission denied",
                                         "not permitted",
                                         "Read-only",
                                         "Input/output error",
                                         "Resource temporarily",
                                         "annot schedule",
                                         "start the thread"};
    struct buf path = {0}, messages = {0};
    char said[SAID_BYTES + 1] = "";
    size_t at;
    buf_printf(&path, "%.*s.log", STR_ARG(buf_str(&plan->directory)));
    bool read = fs_read_file(buf_cstr(&path), MESSAGES_BYTES, &messages, NULL) == 0;
    int rc = read && messages.len > 0 ? ERR_CORRUPT : ERR_ENGINE;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (memmem(messages.ptr, messages.len, others[i], strlen(others[i])) != NULL)
            rc = ERR_ENGINE;
    struct str text = str_trim(buf_str(&messages));
    for (at = 0; at < text.len && at < SAID_BYTES; at++)
        said[at] =
            text.ptr[at] >= ' ' && text.ptr[at] < 0x7f && text.ptr[at] != '"' ? text.ptr[at] : '?';
    if (err != NULL && at > 0) {
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s", said);
    }
    if (err != NULL)
        err->code = rc;
    buf_release(&path);
    buf_release(&messages);
    return rc;
}

int engine_spawn(const struct engine_plan *plan, int stop_fd, struct engine_child *ret,
                 struct err *err) {
    struct engine_child child = {.pidfd = -1, .control_fd = -1};
    int listen_fd = -1, pair[2] = {-1, -1};
    int rc = make_socket(plan, &listen_fd, err);
    if (rc != 0)
        return rc;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        rc = err_errno(err, ERR_IO, "socketpair");
        goto out;
    }
    listen_fd = move_up(listen_fd);
    pair[1] = move_up(pair[1]);
    child.control_fd = pair[0];
    if (listen_fd < 0 || pair[1] < 0)
        rc = err_errno(err, ERR_IO, "no more descriptors");
    else
        rc = spawn(plan, listen_fd, pair[1], &child.pid, err);
    if (rc != 0)
        goto out;
    close(pair[1]);
    pair[1] = -1;
    child.pidfd = pidfd_open(child.pid, 0);
    rc = child.pidfd < 0 ? err_errno(err, ERR_IO, "pidfd_open")
                         : read_report(&child, stop_fd, &child.sandboxed, err);
    if (rc != 0)
        goto out;
    *ret = child;
    child = (struct engine_child){.pidfd = -1, .control_fd = -1};
out:
    engine_child_end(&child, 1000);
    if (pair[1] >= 0)
        close(pair[1]);
    if (listen_fd >= 0)
        close(listen_fd);
    return rc == ERR_CORRUPT ? reason(plan, err) : rc;
}

bool engine_child_end(struct engine_child *child, int ms) {
    bool kills = false;
    if (child->control_fd >= 0)
        close(child->control_fd);
    if (child->pid > 0) {
        double until = clock_monotonic_seconds() + ms / 1000.0;
        struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
        int left = ms;
        while (child->pidfd >= 0 && poll(&p, 1, left > 0 ? left : 0) < 0 && errno == EINTR)
            left = (int)((until - clock_monotonic_seconds()) * 1000);
        kills = child->pidfd < 0 || (p.revents & POLLIN) == 0;
        if (kills)
            kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (child->pidfd >= 0)
        close(child->pidfd);
    *child = (struct engine_child){.pidfd = -1, .control_fd = -1};
    return kills;
}

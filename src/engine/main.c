/* caskalytics-engine: the only program that loads libchdb. Started by src/daemon/engine_process.c
 * with a listening socket and one end of a control socket; ends when the other end closes. */
#include "base/fs.h"
#include "engine/control.h"
#include "engine/engine.h"
#include "engine/http.h"
#include "engine/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_SECONDS 25
#define CLOSE_WAIT_SECONDS 5

enum option_id {
    OPT_LIBRARY,
    OPT_DIRECTORY,
    OPT_LISTEN,
    OPT_CONTROL,
    OPT_MEMORY,
    OPT_QUERY,
    OPT_SLOTS
};

static const struct option options[] = {
    {"library", required_argument, NULL, OPT_LIBRARY},
    {"directory", required_argument, NULL, OPT_DIRECTORY},
    {"listen-fd", required_argument, NULL, OPT_LISTEN},
    {"control-fd", required_argument, NULL, OPT_CONTROL},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"query-memory", required_argument, NULL, OPT_QUERY},
    {"connections", required_argument, NULL, OPT_SLOTS},
    {0},
};

static int read_options(int argc, char **argv, struct engine_config *c, struct err *err) {
    uint64_t numbers[ARRAY_LEN(options)] = {0};
    bool given[ARRAY_LEN(options)] = {false};
    int id;
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (id == '?')
            return err_set(err, ERR_USAGE, "unknown option");
        given[id] = true;
        if (id == OPT_LIBRARY)
            c->library = optarg;
        else if (id == OPT_DIRECTORY)
            c->directory = optarg;
        else if (!str_to_u64(str_from(optarg), &numbers[id]))
            return err_set(err, ERR_USAGE, "--%s wants a number", options[id].name);
    }
    if (!given[OPT_LIBRARY] || !given[OPT_DIRECTORY] || !given[OPT_LISTEN] || !given[OPT_CONTROL])
        return err_set(err, ERR_USAGE, "started by caskalytics, not by hand");
    c->listen_fd = (int)numbers[OPT_LISTEN];
    c->control_fd = (int)numbers[OPT_CONTROL];
    c->memory_bytes = numbers[OPT_MEMORY];
    c->query_memory_bytes = numbers[OPT_QUERY];
    c->slots = numbers[OPT_SLOTS] > 0 ? (unsigned)min_i64((int64_t)numbers[OPT_SLOTS], 64)
                                      : ENGINE_DEFAULT_SLOTS;
    return 0;
}

/* The terminal's Ctrl-C and a supervisor's SIGTERM reach the whole group: the parent decides when
 * the engine ends, by closing the control socket. */
static void ignore_signals(void) {
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        signal(ignored[i], SIG_IGN);
}

/* One engine per directory; waits for one whose parent died to go. Held until the process ends. */
static int take_lock(const struct engine_config *c, struct err *err) {
    struct buf path = {0};
    int rc = fs_make_dirs(c->directory, err);
    if (rc != 0)
        goto out;
    buf_printf(&path, "%s/lock", c->directory);
    int fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
        goto out;
    }
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
        else if (tries >= LOCK_WAIT_SECONDS * 20 || control_parent_gone(c->control_fd))
            rc = err_set(err, ERR_BUSY, "%s is held by another engine", buf_cstr(&path));
        if (rc != 0)
            goto out;
        nanosleep(&(struct timespec){0, 50 * 1000 * 1000}, NULL);
    }
out:
    buf_release(&path);
    return rc;
}

static int start(struct engine *e, const struct engine_config *c, struct http **http,
                 struct err *err) {
    setenv("TZ", "UTC", 1);
    tzset();
    int rc = take_lock(c, err);
    if (rc != 0)
        return rc;
    assert(c->directory != NULL); /* read_options saw to it */
    if (chdir(c->directory) != 0)
        return err_errno(err, ERR_IO, "%s", c->directory);
    if ((rc = sandbox_files(c->directory, c->library, &e->sandboxed, err)) != 0)
        return rc;
    if ((rc = engine_open(e, c, err)) != 0)
        return rc;
    if ((rc = sandbox_calls(err)) != 0)
        return rc;
    return http_start(e, c->listen_fd, http, err);
}

int main(int argc, char **argv) {
    struct engine_config config = {0};
    struct err err = {0};
    if (read_options(argc, argv, &config, &err) != 0) {
        fprintf(stderr, "caskalytics-engine: %s\n", err.text);
        return 2;
    }
    ignore_signals();
    struct engine *e = xcalloc(1, sizeof *e);
    struct http *http;
    if (start(e, &config, &http, &err) != 0) {
        control_report_error(config.control_fd, &err);
        _exit(1);
    }
    control_report_ready(config.control_fd, e->sandboxed);
    control_serve(config.control_fd);
    http_quiesce(http);
    engine_close(e, CLOSE_WAIT_SECONDS);
    _exit(0); /* not exit(): libchdb's destructors can crash */
}

/* A real server on a free port of the loopback, and raw sockets. */
#include "support/unit.h"

#include "base/clock.h"
#include "http/server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_BODY 1000
#define LARGE_BODY ((size_t)16 << 20)
#define GENEROUS 60.0 /* seconds for what should take none */

/* --- the server ------------------------------------------------------------------------------ */

struct world {
    struct http_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct http_exchange *held[16]; /* of /later */
    size_t n_held, asked, done, refused;
    struct http_stream *stream;
    size_t at_work; /* handlers of /slow that wait */
    bool go;        /* they may go on */
    char dir[32], socket[64];
};

static void lock(struct world *w) { pthread_mutex_lock(&w->mutex); }
static void unlock(struct world *w) {
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

/* With the lock; fails when it takes for ever. */
static void await(struct world *w) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += (time_t)GENEROUS;
    if (pthread_cond_timedwait(&w->changed, &w->mutex, &end) == ETIMEDOUT)
        fail_msg("waited in vain");
}

/* Says what it was asked. */
static void echo(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    struct str q = http_query(x, "q"), h = http_header(x, "X-Test"), c = http_cookie(x, "k");
    struct str body = http_body(x);
    buf_printf(http_out(x),
               "path=" STR_FMT " param=" STR_FMT " q=" STR_FMT " h=" STR_FMT " c=" STR_FMT
               " local=%d peer=" STR_FMT " body=%zu:" STR_FMT "\n",
               STR_ARG(http_path(x)), STR_ARG(http_param(x, 0)), STR_ARG(q), STR_ARG(h), STR_ARG(c),
               http_is_local(x), STR_ARG(http_peer(x)), body.len,
               STR_ARG(str_of(body.ptr, min_size(body.len, 20))));
    http_reply(x, 200);
}

static void later(struct http_exchange *x, void *arg) {
    struct world *w = arg;
    lock(w);
    w->held[w->n_held++] = x;
    unlock(w);
}

static void slow(struct http_exchange *x, void *arg) {
    struct world *w = arg;
    lock(w);
    w->at_work++;
    pthread_cond_broadcast(&w->changed);
    while (!w->go)
        pthread_cond_wait(&w->changed, &w->mutex);
    unlock(w);
    echo(x, arg);
}

static void open_stream(struct http_exchange *x, void *arg) {
    struct world *w = arg;
    struct http_stream *s = http_reply_stream(x, "text/event-stream");
    lock(w);
    w->stream = s;
    unlock(w);
}

/* Who says so is not let in. */
static void admit(struct http_exchange *x, void *arg) {
    struct world *w = arg;
    lock(w);
    w->asked++;
    unlock(w);
    if (http_header(x, "X-No").ptr == NULL)
        return;
    http_set_header(x, "X-Why", "no");
    http_reply_error(x, 403, "not " STR_FMT " " STR_FMT " from " STR_FMT, STR_ARG(http_param(x, 0)),
                     STR_ARG(http_query(x, "q")), STR_ARG(http_peer(x)));
}

static void count_done(struct http_exchange *x, void *arg) {
    struct world *w = arg;
    lock(w);
    w->done++;
    w->refused += http_route(x) == NULL;
    unlock(w);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/echo", HTTP_NOW, 0, echo, NULL},
    {HTTP_POST | HTTP_PUT, "/echo", HTTP_NOW, MAX_BODY, echo, NULL},
    {HTTP_GET | HTTP_DELETE, "/item/{}", HTTP_NOW, 0, echo, NULL},
    {HTTP_POST, "/item/{}", HTTP_LATER, LARGE_BODY, later, NULL},
    {HTTP_POST, "/large", HTTP_NOW, LARGE_BODY, echo, NULL},
    {HTTP_GET | HTTP_POST, "/worker", HTTP_WORKER, MAX_BODY, echo, NULL},
    {HTTP_GET, "/slow", HTTP_SLOW, 0, slow, NULL},
    {HTTP_GET | HTTP_POST, "/later", HTTP_LATER, MAX_BODY, later, NULL},
    {HTTP_GET, "/stream", HTTP_LATER, 0, open_stream, NULL},
};

static void start_with(struct world *w, struct http_options options) {
    struct err err;
    *w = (struct world){.dir = "/tmp/cask-http-XXXXXX"};
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->socket, sizeof w->socket, "%s/sock", w->dir);
    options.listen = "127.0.0.1:0";
    options.unix_path = w->socket;
    options.routes = routes;
    options.n_routes = ARRAY_LEN(routes);
    options.arg = w;
    options.workers = 2;
    options.slow_workers = 1;
    options.events = 2;
    options.admit = admit;
    options.done = count_done;
    assert_ok(http_server_start(&options, &w->server, &err), err);
    assert_true(http_server_port(w->server) > 0);
}

static void start(struct world *w) { start_with(w, (struct http_options){0}); }

static void end(struct world *w) {
    http_server_stop(w->server);
    assert_int_equal(access(w->socket, F_OK), -1);
    assert_int_equal(rmdir(w->dir), 0);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
}

static struct http_exchange *take_held(struct world *w, size_t i) {
    lock(w);
    while (w->n_held <= i)
        await(w);
    struct http_exchange *x = w->held[i];
    unlock(w);
    return x;
}

/* --- a client -------------------------------------------------------------------------------- */

static void patience(int fd) {
    struct timeval t = {.tv_sec = (time_t)GENEROUS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int dial(struct world *w) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(w->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    patience(fd);
    return fd;
}

static int dial_local(struct world *w) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", w->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    patience(fd);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All until the server closes. */
static char *hear_all(int fd) {
    static char text[1 << 16];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof text - 1 && (got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return text;
}

/* One whole answer with a Content-Length; of HEAD: none of the body. */
static char *hear(int fd, bool head) {
    static char text[1 << 14];
    size_t n = 0, want = 0;
    for (;;) {
        ssize_t got = recv(fd, text + n, want > 0 ? want - n : 1, 0);
        if (got <= 0)
            fail_msg("the answer ends after %zu bytes: %.*s", n, (int)n, text);
        n += (size_t)got;
        text[n] = '\0';
        char *body = want == 0 ? strstr(text, "\r\n\r\n") : NULL;
        if (body != NULL) {
            const char *length = strstr(text, "Content-Length: ");
            size_t len = length != NULL && !head ? strtoul(length + 16, NULL, 10) : 0;
            want = (size_t)(body + 4 - text) + len;
        }
        if (want > 0 && n == want)
            return text;
    }
}

static unsigned status_of(const char *answer) {
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

static char *ask(struct world *w, const char *request) {
    int fd = dial(w);
    say(fd, request);
    char *answer = hear(fd, strncmp(request, "HEAD", 4) == 0);
    close(fd);
    return answer;
}

static bool is_closed(int fd) {
    char byte;
    return recv(fd, &byte, 1, 0) <= 0;
}

#define HOST "Host: x\r\n"

/* --- requests -------------------------------------------------------------------------------- */

static void request__its_parts(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    const char *a = ask(&w, "GET /item/a%20b?q=1+2%263&q=4 HTTP/1.1\r\n" HOST
                            "x-test: seen\r\nCookie: j=1; k=v\r\n\r\n");
    assert_int_equal(status_of(a), 200);
    assert_non_null(strstr(a, "path=/item/a b param=a b q=1 2&3 h=seen c=v local=0 peer=127.0.0.1 "
                              "body=0:"));
    a = ask(&w, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    assert_non_null(strstr(a, "body=5:hello"));
    a = ask(&w, "POST /worker HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    assert_non_null(strstr(a, "body=5:hello"));
    end(&w);
    assert_int_equal(w.done, 3);
}

static void request__a_nul_ends_no_path(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    assert_int_equal(status_of(ask(&w, "GET /echo%00x HTTP/1.1\r\n" HOST "\r\n")), 404);
    assert_int_equal(status_of(ask(&w, "GET /echo%00 HTTP/1.1\r\n" HOST "\r\n")), 404);
    const char *a = ask(&w, "GET /item/a%00b HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(strstr(a, "param=a%00b"));
    end(&w);
}

static void request__prefix_is_cut_off(void **state) {
    struct world w;
    UNUSED(state);
    start_with(&w, (struct http_options){.path_prefix = "/stats"});
    assert_non_null(strstr(ask(&w, "GET /stats/echo HTTP/1.1\r\n" HOST "\r\n"), "path=/echo "));
    assert_int_equal(status_of(ask(&w, "GET /echo HTTP/1.1\r\n" HOST "\r\n")), 200);
    assert_int_equal(status_of(ask(&w, "GET /statsecho HTTP/1.1\r\n" HOST "\r\n")), 404);
    assert_int_equal(status_of(ask(&w, "GET /stats HTTP/1.1\r\n" HOST "\r\n")), 404); /* is "/" */
    end(&w);
}

static void request__head_has_no_body(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    int fd = dial(&w);
    say(fd, "HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_of(hear(fd, true)), 200);
    say(fd, "HEAD /worker HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_of(hear(fd, true)), 200);
    say(fd, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(strstr(hear(fd, false), "path=/echo"));
    close(fd);
    end(&w);
}

static void request__unknown_paths_and_methods(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    const char *a = ask(&w, "GET /nothing HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_of(a), 404);
    assert_non_null(strstr(a, "{\"error\":"));
    a = ask(&w, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_of(a), 405);
    assert_non_null(strstr(a, "\r\nAllow: GET, HEAD, POST, PUT\r\n"));
    a = ask(&w, "BREW /item/1 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_of(a), 405);
    assert_non_null(strstr(a, "\r\nAllow: GET, HEAD, POST, DELETE\r\n"));
    end(&w);
    assert_int_equal(w.done, 3);
    assert_int_equal(w.refused, 3);
}

/* --- bodies ---------------------------------------------------------------------------------- */

static char *with_length(const char *path, size_t declared, size_t sent) {
    static char text[8192];
    int n = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
                     path, declared);
    memset(text + n, 'x', sent);
    text[(size_t)n + sent] = '\0';
    return text;
}

/* Two chunks. */
static char *in_chunks(const char *method, const char *path, size_t first, size_t second) {
    static char text[8192];
    int n = snprintf(text, sizeof text,
                     "%s %s HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", method,
                     path, first);
    memset(text + n, 'x', first);
    n += (int)first;
    if (second > 0) {
        n += snprintf(text + n, 64, "\r\n%zx\r\n", second);
        memset(text + n, 'y', second);
        n += (int)second;
    }
    snprintf(text + n, 64, "\r\n0\r\n\r\n");
    return text;
}

static void body__limit_and_one_above(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    static const char *const paths[] = {"/echo", "/worker"};
    for (size_t i = 0; i < 2; i++) {
        const char *a = ask(&w, with_length(paths[i], MAX_BODY, MAX_BODY));
        assert_int_equal(status_of(a), 200);
        assert_non_null(strstr(a, "body=1000:"));
        a = ask(&w, in_chunks("POST", paths[i], MAX_BODY - 1, 1));
        assert_int_equal(status_of(a), 200);
        assert_non_null(strstr(a, "body=1000:"));
        assert_int_equal(status_of(ask(&w, with_length(paths[i], MAX_BODY + 1, MAX_BODY + 1))),
                         413);
        assert_int_equal(status_of(ask(&w, in_chunks("POST", paths[i], MAX_BODY, 1))), 413);
    }
    end(&w);
}

static void body__none_where_none_may_be(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    assert_int_equal(status_of(ask(&w, in_chunks("DELETE", "/item/1", 1, 0))), 413);
    assert_int_equal(
        status_of(ask(&w, "DELETE /item/1 HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx")), 413);
    assert_int_equal(
        status_of(ask(&w, "DELETE /item/1 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n")), 200);
    end(&w);
}

/* The body of a refused request is never read as the next request. */
static void body__of_a_refused_request_is_no_request(void **state) {
    struct world w;
    UNUSED(state);
    static const char *const heads[] = {"PATCH /nothing", "DELETE /item/1", "POST /nothing",
                                        "GET /nothing",   "PUT /item/1",    "POST /item/1"};
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char request[512];
        static const char inner[] = "GET /echo?q=smuggled HTTP/1.1\r\n" HOST "\r\n";
        snprintf(request, sizeof request,
                 "%s HTTP/1.1\r\n" HOST "X-No: 1\r\nContent-Length: %zu\r\n\r\n%s", heads[i],
                 strlen(inner), inner);
        int fd = dial(&w);
        say(fd, request);
        say(fd, "GET /echo?q=next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        const char *all = hear_all(fd);
        assert_null(strstr(all, "smuggled"));
        assert_true(status_of(all) >= 400);
        assert_non_null(strstr(all, "q=next")); /* the connection is still good */
        close(fd);
    }
    end(&w);
}

static void body__far_too_large_is_not_waited_for(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    int fd = dial(&w);
    say(fd, with_length("/echo", (size_t)1 << 40, 10));
    const char *all = hear_all(fd); /* and closed */
    assert_int_equal(status_of(all), 413);
    close(fd);
    fd = dial(&w);
    say(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(status_of(hear_all(fd)), 413);
    close(fd);
    fd = dial(&w); /* chunks without end */
    say(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    static char chunk[4096 + 16];
    size_t n = (size_t)snprintf(chunk, 16, "1000\r\n");
    memset(chunk + n, 'z', 4096);
    memcpy(chunk + n + 4096, "\r\n", 2);
    size_t sent = 0;
    while (sent < (size_t)64 << 20 &&
           send(fd, chunk, n + 4098, MSG_NOSIGNAL) == (ssize_t)(n + 4098))
        sent += n + 4098;
    assert_true(sent < (size_t)64 << 20);
    close(fd);
    end(&w);
}

/* --- admission ------------------------------------------------------------------------------- */

#define ITEM_NO "POST /item/7?q=8 HTTP/1.1\r\n" HOST "X-No: 1\r\n"
#define WHY "\r\nX-Why: no\r\n"
#define NOT "{\"error\":\"not 7 8 from 127.0.0.1\"}\n"

/* The head alone decides, and a client that waits for that sends nothing. */
static void admit__answers_before_the_body(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    int fd = dial(&w);
    say(fd, ITEM_NO "Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n");
    const char *a = hear_all(fd); /* and closed */
    assert_int_equal(status_of(a), 403);
    assert_non_null(strstr(a, WHY));
    assert_non_null(strstr(a, NOT));
    close(fd);
    fd = dial(&w);
    say(fd, "GET /item/7?q=8 HTTP/1.1\r\n" HOST "X-No: 1\r\n\r\n");
    assert_non_null(strstr(hear(fd, false), NOT));
    say(fd, "GET /item/7 HTTP/1.1\r\n" HOST "\r\n"); /* the connection is still good */
    assert_int_equal(status_of(hear(fd, false)), 200);
    close(fd);
    end(&w);
    assert_int_equal(w.asked, 3);
    assert_int_equal(w.n_held, 0);
}

static void say_body(int fd, size_t n) {
    static char bytes[1 << 16];
    for (size_t some; n > 0; n -= some) {
        some = min_size(n, sizeof bytes);
        assert_int_equal(send(fd, bytes, some, MSG_NOSIGNAL), (ssize_t)some);
    }
}

/* One that sends all before it looks gets the answer, too. */
static void admit__who_sends_first_is_told(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    static const struct {
        const char *head;
        size_t length;
        unsigned status;
    } rows[] = {{ITEM_NO, 1, 403},
                {ITEM_NO, LARGE_BODY, 403},
                {ITEM_NO, LARGE_BODY + 1, 413},
                {"POST /echo HTTP/1.1\r\n" HOST, MAX_BODY + 1, 413},
                {"POST /nothing HTTP/1.1\r\n" HOST, 5000000, 404}};
    int fd = dial(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char head[256];
        snprintf(head, sizeof head, "%sContent-Length: %zu\r\n\r\n", rows[i].head, rows[i].length);
        say(fd, head);
        say_body(fd, rows[i].length);
        const char *a = hear(fd, false);
        if (status_of(a) != rows[i].status)
            fail_msg("%s%zu: %s", rows[i].head, rows[i].length, a);
    }
    close(fd);
    const char *a =
        ask(&w, ITEM_NO "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_non_null(strstr(a, NOT));
    end(&w);
    assert_int_equal(w.asked, 3); /* no route, or too large: there is nothing to decide */
    assert_int_equal(w.n_held, 0);
}

static void say_head(int fd, const char *path, size_t length) {
    char head[256];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", path,
             length);
    say(fd, head);
}

static unsigned status_of_body(struct world *w, const char *path, size_t length) {
    int fd = dial(w);
    say_head(fd, path, length);
    say_body(fd, length);
    const char *a = hear(fd, false);
    unsigned status = status_of(a);
    assert_int_equal(strstr(a, "Retry-After: 1") != NULL, status == 503);
    close(fd);
    return status;
}

static void await_status(struct world *w, const char *path, size_t length, unsigned status) {
    double began = clock_monotonic_seconds();
    while (status_of_body(w, path, length) != status)
        assert_true(clock_monotonic_seconds() - began < GENEROUS);
}

static void body__all_of_a_route_have_a_limit_together(void **state) {
    struct world w;
    enum { MUCH = 600000 };
    UNUSED(state);
    start_with(&w, (struct http_options){.bodies_bytes = 1000000});
    int held = dial(&w), small = dial(&w), unfinished = dial(&w);
    say_head(held, "/item/1", MUCH);
    say_body(held, MUCH);
    struct http_exchange *x = take_held(&w, 0);
    assert_int_equal(status_of_body(&w, "/item/2", MUCH), 503);
    assert_int_equal(status_of_body(&w, "/large", MUCH), 200); /* of another route */
    say_head(small, "/item/3", HTTP_SMALL_BODY);
    say_body(small, HTTP_SMALL_BODY);
    http_reply(take_held(&w, 1), 204); /* what is small has room */
    assert_int_equal(http_body(x).len, MUCH);
    assert_true(http_server_counts(w.server).bodies_bytes > MUCH);
    http_reply(x, 204);
    assert_int_equal(status_of(hear(held, true)), 204);
    /* one that never becomes whole */
    say_head(unfinished, "/large", MUCH);
    say_body(unfinished, MUCH - 1);
    await_status(&w, "/large", MUCH, 503);
    assert_int_equal(status_of_body(&w, "/large", 1000), 200);
    close(unfinished);
    await_status(&w, "/large", MUCH, 200);
    close(held);
    close(small);
    end(&w);
    assert_int_equal(w.n_held, 2);
}

/* --- framing --------------------------------------------------------------------------------- */

static void body__whose_length_is_doubtful_closes(void **state) {
    struct world w;
    UNUSED(state);
    static const struct {
        const char *head;
        unsigned status;
    } rows[] = {
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
        {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
        {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
        {"Content-Length: 5\r\ncontent-length: 5\r\n", 400},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
        {"Transfer-Encoding: chunked, chunked\r\n", 501},
        {"Transfer-Encoding: xchunked\r\n", 501},
        {"Transfer-Encoding: gzip, chunked\r\n", 501},
        {"Content-Length : 5\r\n", 400},
        {"Content-Length: 5, 5\r\n", 400},
        {"Content-Length: +5\r\n", 400},
        {"Content-Length: -1\r\n", 400},
        {"Content-Length: 0x5\r\n", 400},
        {"Content-Length: 99999999999999999999999\r\n", 413},
    };
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "POST /echo HTTP/1.1\r\n" HOST
                 "%s\r\n0\r\n\r\nGET /echo?q=smuggled HTTP/1.1\r\n" HOST "\r\n",
                 rows[i].head);
        int fd = dial(&w);
        say(fd, request);
        const char *all = hear_all(fd); /* it closes */
        if (status_of(all) != rows[i].status || strstr(all, "smuggled") != NULL)
            fail_msg("%s: %s", rows[i].head, all);
        close(fd);
    }
    end(&w);
}

/* --- pipelines, waiting, clients that go -------------------------------------------------------
 */

static void pipeline__answers_come_in_order(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    int fd = dial(&w);
    struct buf all = {0};
    for (unsigned i = 0; i < 50; i++)
        buf_printf(&all, "GET /%s?q=n%u HTTP/1.1\r\n" HOST "%s\r\n", i % 2 ? "worker" : "echo", i,
                   i == 49 ? "Connection: close\r\n" : "");
    say(fd, buf_cstr(&all));
    const char *at = hear_all(fd);
    for (unsigned i = 0; i < 50; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "q=n%u ", i);
        at = strstr(at, expected);
        if (at == NULL)
            fail_msg("no answer %s in its place", expected);
    }
    close(fd);
    buf_release(&all);
    end(&w);
}

static void later__waits_without_a_thread(void **state) {
    struct world w;
    int fds[16];
    UNUSED(state);
    start(&w);
    for (size_t i = 0; i < 16; i++) {
        fds[i] = dial(&w);
        say(fds[i], "GET /later HTTP/1.1\r\n" HOST "\r\n");
    }
    (void)take_held(&w, 15);
    assert_int_equal(status_of(ask(&w, "GET /echo HTTP/1.1\r\n" HOST "\r\n")), 200);
    assert_int_equal(status_of(ask(&w, "GET /worker HTTP/1.1\r\n" HOST "\r\n")), 200);
    for (size_t i = 0; i < 16; i++)
        http_reply_error(w.held[i], i % 2 ? 503 : 400, "no \"%s\"", "quotes");
    unsigned refused = 0;
    for (size_t i = 0; i < 16; i++) {
        const char *a = hear(fds[i], false);
        assert_non_null(strstr(a, "{\"error\":\"no \\\"quotes\\\"\"}"));
        assert_int_equal(strstr(a, "Retry-After: 1") != NULL, status_of(a) == 503);
        refused += status_of(a) == 503;
        close(fds[i]);
    }
    assert_int_equal(refused, 8);
    end(&w);
}

/* However many wait for what is slow, others get on. */
static void slow__leaves_workers_to_others(void **state) {
    struct world w;
    int fds[3];
    UNUSED(state);
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial(&w);
        say(fds[i], "GET /slow HTTP/1.1\r\n" HOST "\r\n");
    }
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(status_of(ask(&w, "GET /worker HTTP/1.1\r\n" HOST "\r\n")), 200);
    lock(&w);
    while (w.at_work == 0)
        await(&w);
    assert_int_equal(w.at_work, 1);
    w.go = true;
    unlock(&w);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        assert_int_equal(status_of(hear(fds[i], false)), 200);
        close(fds[i]);
    }
    assert_int_equal(w.at_work, 3);
    end(&w);
}

static void await_done(struct world *w, size_t n) {
    lock(w);
    while (w->done < n)
        await(w);
    unlock(w);
}

/* It is replied to after the client has gone, with a reset or in peace; then it is over. */
static void later__its_client_is_gone(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    for (size_t i = 0; i < 8; i++) {
        int fd = dial(&w);
        say(fd, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
        struct http_exchange *x = take_held(&w, i);
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        assert_true(str_is(http_body(x), "abc")); /* still ours */
        http_reply(x, 204);
        await_done(&w, i + 1);
    }
    end(&w);
}

/* Heads and bodies that never become whole, and then the client goes. */
static void request__client_goes_in_the_middle(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    static const char request[] =
        "POST /later HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\nonly this";
    for (size_t cut = 1; cut < sizeof request; cut += 3) {
        int fd = dial(&w);
        send(fd, request, cut, MSG_NOSIGNAL);
        close(fd);
    }
    assert_int_equal(status_of(ask(&w, "GET /echo HTTP/1.1\r\n" HOST "\r\n")), 200);
    assert_int_equal(w.n_held, 0);
    end(&w);
}

static void slow_client__is_cut_off_and_others_are_served(void **state) {
    struct world w;
    UNUSED(state);
    start_with(&w, (struct http_options){.request_seconds = 3}); /* room for those who hurry */
    int head = dial(&w), body = dial(&w), quiet = dial(&w);
    say(head, "GET /echo HTTP/1.1\r\nX-Drip: ");
    say(body, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\n");
    double began = clock_monotonic_seconds();
    bool dripping = true;
    while (dripping && clock_monotonic_seconds() - began < GENEROUS) {
        dripping = send(head, "x", 1, MSG_NOSIGNAL) == 1 && send(body, "x", 1, MSG_NOSIGNAL) == 1;
        assert_int_equal(status_of(ask(&w, "GET /worker HTTP/1.1\r\n" HOST "\r\n")), 200);
        usleep(20000);
    }
    assert_false(dripping);
    assert_true(is_closed(head));
    assert_true(is_closed(body));
    assert_true(is_closed(quiet));
    assert_true(http_server_counts(w.server).timeouts >= 3);
    close(head);
    close(body);
    close(quiet);
    /* who waits for us is not cut off */
    int waiting = dial(&w);
    say(waiting, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    struct http_exchange *x = take_held(&w, 0);
    usleep(4000000);
    http_reply(x, 204);
    assert_int_equal(status_of(hear(waiting, true)), 204);
    close(waiting);
    end(&w);
}

static void many_connections__idle_ones_make_room(void **state) {
    struct world w;
    int fds[64];
    UNUSED(state);
    start_with(&w, (struct http_options){.max_connections = 32, .request_seconds = 10});
    for (size_t i = 0; i < 64; i++)
        fds[i] = dial(&w); /* the second half waits in the queue of the kernel */
    assert_int_equal(status_of(ask(&w, "GET /echo HTTP/1.1\r\n" HOST "\r\n")), 200);
    for (size_t i = 0; i < 64; i++)
        close(fds[i]);
    end(&w);
}

/* --- streams --------------------------------------------------------------------------------- */

static struct http_stream *stream_to(struct world *w, int fd) {
    w->stream = NULL;
    say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    lock(w);
    while (w->stream == NULL)
        await(w);
    struct http_stream *s = w->stream;
    unlock(w);
    return s;
}

static void stream__pieces_come_as_they_are_written(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    int fd = dial(&w);
    struct http_stream *s = stream_to(&w, fd);
    char got[4096] = "";
    size_t n = 0;
    for (unsigned i = 0; i < 20; i++) {
        char piece[32];
        snprintf(piece, sizeof piece, "data: %u;\n\n", i);
        assert_true(http_stream_write(s, str_from(piece)));
        while (strstr(got, piece) == NULL) {
            ssize_t more = recv(fd, got + n, sizeof got - 1 - n, 0);
            assert_true(more > 0);
            n += (size_t)more;
            got[n] = '\0';
        }
    }
    assert_int_equal(status_of(got), 200);
    assert_non_null(strstr(got, "Content-Type: text/event-stream"));
    http_stream_end(s);
    while (recv(fd, got, sizeof got, 0) > 0 && strstr(got, "0\r\n\r\n") == NULL)
        continue;
    await_done(&w, 1);
    close(fd);
    end(&w);
}

static void stream__slow_and_gone_clients_are_cut_off(void **state) {
    struct world w;
    UNUSED(state);
    static char piece[4096];
    memset(piece, '.', sizeof piece);
    start(&w);
    for (size_t i = 0; i < 2; i++) {
        int fd = dial(&w), small = 4096;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        struct http_stream *s = stream_to(&w, fd);
        if (i == 1)
            close(fd);
        double began = clock_monotonic_seconds();
        while (http_stream_write(s, str_of(piece, sizeof piece)))
            assert_true(clock_monotonic_seconds() - began < GENEROUS);
        assert_false(http_stream_write(s, STR("x")));
        http_stream_end(s);
        if (i == 0)
            close(fd);
        await_done(&w, i + 1);
    }
    end(&w);
}

static void *write_much(void *arg) {
    for (unsigned i = 0; i < 2000; i++)
        if (!http_stream_write(arg, STR("data: x\n\n")))
            break;
    http_stream_end(arg);
    return NULL;
}

/* Writing, reading, leaving and ending at once: nothing is freed twice or too early. */
static void stream__ends_on_both_sides_at_once(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    for (unsigned i = 0; i < 40; i++) {
        int fd = dial(&w);
        pthread_t thread;
        struct http_stream *s = stream_to(&w, fd);
        assert_int_equal(pthread_create(&thread, NULL, write_much, s), 0);
        char some[512];
        for (unsigned k = 0; k < i % 5; k++)
            (void)!recv(fd, some, sizeof some, 0);
        close(fd);
        pthread_join(thread, NULL);
    }
    await_done(&w, 40);
    end(&w);
}

/* --- the end --------------------------------------------------------------------------------- */

static void *answer_soon(void *arg) {
    struct world *w = arg;
    usleep(300000);
    for (size_t i = 0; i < w->n_held; i++)
        http_reply(w->held[i], 204);
    lock(w);
    w->go = true;
    unlock(w);
    return NULL;
}

static void drain__who_waits_is_answered(void **state) {
    struct world w;
    pthread_t thread;
    int fds[4], slow_fd, other;
    UNUSED(state);
    start(&w);
    other = dial(&w);
    say(other, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(status_of(hear(other, false)), 200); /* kept alive */
    for (size_t i = 0; i < 4; i++) {
        fds[i] = dial(&w);
        say(fds[i], "GET /later HTTP/1.1\r\n" HOST "\r\n");
    }
    slow_fd = dial(&w);
    say(slow_fd, "GET /slow HTTP/1.1\r\n" HOST "\r\n");
    (void)take_held(&w, 3);
    lock(&w);
    while (w.at_work == 0)
        await(&w);
    unlock(&w);
    assert_int_equal(pthread_create(&thread, NULL, answer_soon, &w), 0);
    http_server_drain(w.server, GENEROUS);
    say(other, "GET /echo HTTP/1.1\r\n" HOST "\r\n"); /* too late */
    const char *a = hear(other, false);
    assert_int_equal(status_of(a), 503);
    assert_non_null(strstr(a, "Retry-After"));
    assert_non_null(strstr(a, "Connection: close"));
    pthread_join(thread, NULL);
    int late[] = {dial(&w), dial_local(&w)};
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        say(late[i], "GET /slow HTTP/1.1\r\n" HOST "\r\n");
        assert_int_equal(status_of(hear_all(late[i])), 503); /* and closed */
        close(late[i]);
    }
    end(&w);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(status_of(hear(fds[i], true)), 204);
        close(fds[i]);
    }
    assert_int_equal(status_of(hear(slow_fd, false)), 200);
    close(slow_fd);
    close(other);
}

/* The drain ends although somebody waits; then they are told, and the stream is ended. */
static void drain__does_not_wait_for_ever(void **state) {
    struct world w;
    UNUSED(state);
    start(&w);
    int fd = dial(&w), watching = dial(&w);
    say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    struct http_exchange *x = take_held(&w, 0);
    struct http_stream *s = stream_to(&w, watching);
    http_server_drain(w.server, 0);
    http_reply_error(x, 503, "the server stops");
    http_stream_end(s);
    end(&w);
    assert_int_equal(w.done, 2);
    close(fd);
    close(watching);
}

/* What was not ready in time for the drain is still told. */
static void stop__late_answers_are_sent(void **state) {
    struct world w;
    UNUSED(state);
    for (unsigned i = 0; i < 50; i++) {
        start(&w);
        int fd = dial(&w);
        say(fd, "GET /slow HTTP/1.1\r\n" HOST "\r\n");
        lock(&w);
        while (w.at_work == 0)
            await(&w);
        unlock(&w);
        http_server_drain(w.server, 0);
        lock(&w);
        w.go = true;
        unlock(&w);
        end(&w);
        assert_int_equal(status_of(hear(fd, false)), 200);
        close(fd);
    }
}

/* --- sockets --------------------------------------------------------------------------------- */

static void unix_socket__only_the_owner_and_a_stale_one_is_replaced(void **state) {
    struct world w;
    struct stat st;
    UNUSED(state);
    start(&w);
    assert_int_equal(stat(w.socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = dial_local(&w);
    say(fd, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(strstr(hear(fd, false), "local=1 peer= "));
    close(fd);
    http_server_stop(w.server);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", w.socket);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0); /* as a killed server leaves it */
    assert_int_equal(bind(stale, (struct sockaddr *)&at, sizeof at), 0);
    close(stale);
    const struct http_options options = {
        .unix_path = w.socket, .routes = routes, .n_routes = ARRAY_LEN(routes), .arg = &w};
    struct err err;
    assert_ok(http_server_start(&options, &w.server, &err), err);
    assert_int_equal(http_server_port(w.server), 0);
    close(dial_local(&w));
    end(&w);
}

struct maker {
    char dir[64];
    atomic_bool stop;
    bool shut; /* a folder was made that its owner cannot enter */
};

static void *make_folders(void *arg) {
    struct maker *m = arg;
    struct stat st;
    while (!m->stop) {
        if (mkdir(m->dir, 0755) != 0 || stat(m->dir, &st) != 0 || rmdir(m->dir) != 0)
            break;
        m->shut = m->shut || (st.st_mode & 0700) != 0700;
    }
    return NULL;
}

/* Threads that write files run before the server listens. */
static void unix_socket__other_threads_make_their_folders_meanwhile(void **state) {
    struct world w;
    struct maker m = {0};
    pthread_t thread;
    UNUSED(state);
    start(&w);
    snprintf(m.dir, sizeof m.dir, "%s/folder", w.dir);
    assert_int_equal(pthread_create(&thread, NULL, make_folders, &m), 0);
    const struct http_options options = {
        .unix_path = w.socket, .routes = routes, .n_routes = ARRAY_LEN(routes), .arg = &w};
    for (int i = 0; i < 1000; i++) {
        struct err err;
        http_server_stop(w.server);
        assert_ok(http_server_start(&options, &w.server, &err), err);
    }
    m.stop = true;
    pthread_join(thread, NULL);
    assert_false(m.shut);
    end(&w);
}

static void listen__says_what_is_wrong(void **state) {
    struct world w;
    UNUSED(state);
    static const struct {
        const char *listen;
        int code;
    } rows[] = {{"nonsense", ERR_USAGE}, {"127.0.0.1:", ERR_USAGE},
                {"1:2:3", ERR_USAGE},    {"127.0.0.1:x", ERR_USAGE},
                {"[::1:80", ERR_USAGE},  {"127.0.0.1:123456", ERR_USAGE}};
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_options options = {.listen = rows[i].listen, .routes = routes};
        struct http_server *s = NULL;
        struct err err = {0};
        if (http_server_start(&options, &s, &err) != rows[i].code || s != NULL)
            fail_msg("%s: %d %s", rows[i].listen, err.code, err.text);
    }
    char used[32];
    snprintf(used, sizeof used, "127.0.0.1:%u", http_server_port(w.server));
    struct http_options options = {.listen = used, .routes = routes};
    struct http_server *s = NULL;
    struct err err = {0};
    assert_int_equal(http_server_start(&options, &s, &err), ERR_FAILED);
    assert_non_null(strstr(err.text, used));
    end(&w);
}

UNIT_MAIN(unit_test(request__its_parts), unit_test(request__a_nul_ends_no_path),
          unit_test(request__prefix_is_cut_off), unit_test(request__head_has_no_body),
          unit_test(request__unknown_paths_and_methods), unit_test(body__limit_and_one_above),
          unit_test(body__none_where_none_may_be),
          unit_test(body__of_a_refused_request_is_no_request),
          unit_test(body__far_too_large_is_not_waited_for),
          unit_test(admit__answers_before_the_body),
          unit_test(body__all_of_a_route_have_a_limit_together),
          unit_test(admit__who_sends_first_is_told),
          unit_test(body__whose_length_is_doubtful_closes),
          unit_test(pipeline__answers_come_in_order), unit_test(later__waits_without_a_thread),
          unit_test(slow__leaves_workers_to_others), unit_test(later__its_client_is_gone),
          unit_test(request__client_goes_in_the_middle),
          unit_test(slow_client__is_cut_off_and_others_are_served),
          unit_test(many_connections__idle_ones_make_room),
          unit_test(stream__pieces_come_as_they_are_written),
          unit_test(stream__slow_and_gone_clients_are_cut_off),
          unit_test(stream__ends_on_both_sides_at_once), unit_test(drain__who_waits_is_answered),
          unit_test(drain__does_not_wait_for_ever), unit_test(stop__late_answers_are_sent),
          unit_test(unix_socket__only_the_owner_and_a_stale_one_is_replaced),
          unit_test(unix_socket__other_threads_make_their_folders_meanwhile),
          unit_test(listen__says_what_is_wrong))

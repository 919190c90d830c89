/* The client against a server of ours that answers exactly what a test wants, right or wrong. */
#include "support/unit.h"

#include "base/limits.h"
#include "store/client.h"
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct server {
    char dir[64], path[96];
    int fd;
    pthread_t thread;
    const char *_Atomic answer; /* sent as it is, then the connection is closed; NULL: none */
    bool hang;                  /* answers nothing until the client goes away */
    struct buf last;            /* request, with its body */
    atomic_int requests;
};

/* The head and Content-Length bytes of body. */
static void read_request(int fd, struct buf *request) {
    buf_clear(request);
    size_t want = SIZE_MAX;
    while (request->len < want) {
        char bytes[65536];
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return;
        buf_add(request, bytes, (size_t)n);
        const char *head_end = strstr(buf_cstr(request), "\r\n\r\n");
        const char *length = strcasestr(buf_cstr(request), "\r\nContent-Length: ");
        if (want == SIZE_MAX && head_end != NULL)
            want = (size_t)(head_end + 4 - request->ptr) +
                   (length != NULL ? strtoul(length + 18, NULL, 10) : 0);
    }
}

/* Requests of one connection, while the answer says that it is kept. */
static void serve_connection(struct server *s, int fd) {
    for (bool keep = true; keep;) {
        struct buf request = {0};
        read_request(fd, &request);
        if (request.len == 0) {
            buf_release(&request);
            return; /* the client closed it */
        }
        bool kill = strstr(buf_cstr(&request), "KILL QUERY") != NULL;
        if (!kill) {
            buf_release(&s->last);
            s->last = request;
            request = (struct buf){0};
        }
        buf_release(&request);
        atomic_fetch_add(&s->requests, 1);
        const char *answer = atomic_load(&s->answer);
        char byte;
        keep = answer != NULL && strstr(answer, "keep-alive") != NULL;
        if (s->hang && !kill)
            while (recv(fd, &byte, 1, 0) > 0)
                ;
        else if (answer != NULL)
            assert(send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0);
    }
}

static void *serve(void *arg) {
    struct server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve_connection(s, fd);
        close(fd);
    }
}

static void server_start(struct server *s, const char *answer) {
    *s = (struct server){.dir = "/tmp/cask-client-XXXXXX", .answer = answer};
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof s->path, "%s/s", s->dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, s->path);
    s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s) {
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    unlink(s->path);
    rmdir(s->dir);
    buf_release(&s->last);
}

/* One SELECT against one answer: the client's verdict. */
static int ask(const char *answer, struct buf *out, struct err *err, int *ret_exception,
               int *ret_requests) {
    struct server s;
    struct client *c;
    server_start(&s, answer);
    assert_ok(client_new(s.path, NULL, &c, err), *err);
    int rc = client_query(c, STR("SELECT 1"), "TSV", NULL, 0, out, err);
    *ret_exception = client_exception_code(c);
    *ret_requests = atomic_load(&s.requests);
    client_free(c);
    server_end(&s);
    return rc;
}

static void query__verdict_follows_the_answer(void **state) {
    UNUSED(state);
    static const struct {
        const char *answer;
        int rc, exception;
        const char *out;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1\n", 0, 0, "before 1\n"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n0\r\n\r\n", 0, 0,
         "before 1\n"},
        /* cut in the middle, in every way */
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1\n", ERR_AWAY, 0, "before "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n", ERR_AWAY, 0,
         "before "},
        {"HTTP/1.1 200 OK\r\n\r\n1\n", ERR_AWAY, 0, "before "},
        {"HTTP/1.1 200", ERR_AWAY, 0, "before "},
        {"rubbish\r\n\r\n", ERR_AWAY, 0, "before "},
        {NULL, ERR_AWAY, 0, "before "},
        {"HTTP/1.1 500 X\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 20\r\n\r\nCode: 60. "
         "DB",
         ERR_AWAY, 0, "before "},
        /* the server said no */
        {"HTTP/1.1 404 X\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 13\r\n\r\nCode: 60. "
         "DB\n",
         ERR_ENGINE, 60, "before "},
        {"HTTP/1.1 500 X\r\nContent-Length: 13\r\n\r\nCode: 47, e.\n", ERR_ENGINE, 47, "before "},
        {"HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Code: 9\r\nContent-Length: 3\r\n\r\nno\n",
         ERR_ENGINE, 9, "before "},
        {"HTTP/1.1 401 X\r\nContent-Length: 3\r\n\r\nno\n", ERR_ENGINE, 0, "before "},
        /* something in between said so: whether the statement ran is unknown */
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n", ERR_AWAY, 0, "before "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        struct err err = {0};
        int exception, requests;
        buf_add_cstr(&out, "before ");
        int rc = ask(cases[i].answer, &out, &err, &exception, &requests);
        if (rc != cases[i].rc || exception != cases[i].exception || requests != 1)
            fail_msg("case %zu: rc %d (%s), exception %d, %d requests", i, rc, err.text, exception,
                     requests);
        assert_str(buf_str(&out), cases[i].out);
        buf_release(&out);
    }
}

static void query__result_over_its_limit_is_too_big_and_leaves_nothing(void **state) {
    UNUSED(state);
    struct buf out = {.limit = 4};
    struct err err;
    int exception, requests;
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345", &out, &err, &exception, &requests),
        ERR_TOOBIG);
    assert_int_equal(out.len, 0);
    assert_false(out.overflow);
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234", &out, &err, &exception, &requests),
        0);
    assert_str(buf_str(&out), "1234");
    buf_release(&out);
}

static void query__nobody_listens_is_away(void **state) {
    UNUSED(state);
    struct client *c;
    struct err err;
    assert_ok(client_new("/nonexistent/socket", NULL, &c, &err), err);
    assert_int_equal(client_query(c, STR("SELECT 1"), NULL, NULL, 0, NULL, &err), ERR_AWAY);
    client_free(c);
}

/* libcurl would send it again over a new connection by itself. */
static void insert__is_sent_once_even_when_a_kept_connection_dies(void **state) {
    UNUSED(state);
    struct server s;
    struct client *c;
    struct err err;
    server_start(&s, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    assert_ok(client_new(s.path, NULL, &c, &err), err);
    assert_ok(client_query(c, STR("SELECT 1"), NULL, NULL, 0, NULL, &err), err);
    atomic_store(&s.answer, NULL);
    assert_int_equal(client_insert(c, STR("INSERT INTO t FORMAT TSV"), (struct str){0}, STR("1\n"),
                                   NULL, 0, &err),
                     ERR_AWAY);
    assert_int_equal(atomic_load(&s.requests), 2);
    client_free(c);
    server_end(&s);
}

static void insert__sends_statement_settings_structure_and_bytes(void **state) {
    UNUSED(state);
    struct server s;
    struct client *c;
    struct err err;
    server_start(&s, "HTTP/1.1 200 OK\r\nX-ClickHouse-Summary: {\"elapsed_ns\":\"1500000000\"}\r\n"
                     "Content-Length: 0\r\n\r\n");
    assert_ok(client_new(s.path, NULL, &c, &err), err);
    const struct setting settings[] = {{"max_insert_threads", "1"}, {"x", "a b&c%"}};
    assert_ok(client_insert(c, STR("INSERT INTO t (a) FORMAT RowBinary"), STR("a Enum8('b' = 1)"),
                            str_of("\0;\xff", 3), settings, 2, &err),
              err);
    const char *got = buf_cstr(&s.last);
    assert_non_null(strstr(got,
                           "&max_insert_threads=1&x=a%20b%26c%25&query=INSERT%20INTO%20t%20%28a%29%"
                           "20FORMAT%20RowBinary HTTP/1.1\r\n"));
    assert_non_null(strstr(got, "\r\nX-Caskalytics-Structure: a Enum8('b' = 1)\r\n"));
    assert_memory_equal(s.last.ptr + s.last.len - 7, "\r\n\r\n\0;\xff", 7);
    assert_true(client_elapsed_seconds(c) == 1.5);
    client_free(c);
    server_end(&s);
}

static void insert__over_the_limit_or_with_a_broken_structure_is_not_sent(void **state) {
    UNUSED(state);
    struct client *c;
    struct err err;
    assert_ok(client_new("/nonexistent/socket", NULL, &c, &err), err);
    assert_int_equal(client_insert(c, STR("I"), (struct str){0}, str_of("", LIMIT_INSERT_BYTES + 1),
                                   NULL, 0, &err),
                     ERR_TOOBIG);
    assert_int_equal(client_insert(c, STR("I"), STR("a Int8\r\nX: y"), STR(""), NULL, 0, &err),
                     ERR_USAGE);
    client_free(c);
}

struct stopper {
    struct server *server;
    struct client *client;
};

/* Once the statement has come. */
static void *stop_client(void *arg) {
    struct stopper *s = arg;
    while (atomic_load(&s->server->requests) == 0)
        usleep(1000);
    client_stop(s->client);
    return NULL;
}

static void stop__ends_a_statement_that_hangs_and_kills_it_at_the_server(void **state) {
    UNUSED(state);
    struct server s;
    struct client *c;
    struct err err;
    pthread_t thread;
    server_start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    s.hang = true;
    assert_ok(client_new(s.path, NULL, &c, &err), err);
    struct stopper stopper = {&s, c};
    assert_int_equal(pthread_create(&thread, NULL, stop_client, &stopper), 0);
    assert_int_equal(client_query(c, STR("SELECT 1"), NULL, NULL, 0, NULL, &err), ERR_STOPPED);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&s.requests), 2); /* the KILL came */
    assert_int_equal(client_query(c, STR("SELECT 2"), NULL, NULL, 0, NULL, &err), ERR_STOPPED);
    assert_int_equal(atomic_load(&s.requests), 2); /* a question of several statements ends */
    client_free(c);
    server_end(&s);
}

static void stop__between_two_statements_is_not_lost(void **state) {
    UNUSED(state);
    struct server s;
    struct client *c;
    struct err err;
    server_start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_ok(client_new(s.path, NULL, &c, &err), err);
    assert_ok(client_query(c, STR("SELECT 1"), NULL, NULL, 0, NULL, &err), err);
    client_stop(c);
    assert_int_equal(client_query(c, STR("SELECT 2"), NULL, NULL, 0, NULL, &err), ERR_STOPPED);
    assert_int_equal(client_insert(c, STR("I"), (struct str){0}, STR("x"), NULL, 0, &err),
                     ERR_STOPPED);
    assert_int_equal(atomic_load(&s.requests), 1);
    client_free(c);
    server_end(&s);
}

static void sql_quote__escapes_what_ends_or_breaks_a_literal(void **state) {
    UNUSED(state);
    struct buf sql = {0};
    sql_quote(&sql, str_of("it's \\ \n\t\0\x01\x7f \xc3\xa9\xff", 16));
    assert_str(buf_str(&sql), "'it\\'s \\\\ \\n\\t\\0\\x01\\x7F \xc3\xa9\xff'");
    buf_release(&sql);
}

UNIT_MAIN(unit_test(query__verdict_follows_the_answer),
          unit_test(query__result_over_its_limit_is_too_big_and_leaves_nothing),
          unit_test(query__nobody_listens_is_away),
          unit_test(insert__is_sent_once_even_when_a_kept_connection_dies),
          unit_test(insert__sends_statement_settings_structure_and_bytes),
          unit_test(insert__over_the_limit_or_with_a_broken_structure_is_not_sent),
          unit_test(stop__ends_a_statement_that_hangs_and_kills_it_at_the_server),
          unit_test(stop__between_two_statements_is_not_lost),
          unit_test(sql_quote__escapes_what_ends_or_breaks_a_literal))

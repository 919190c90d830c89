/* The client of the server's socket, against answers that a thread of this test gives. */
#include "cmd/remote.h"
#include "support/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Longer than the name of a socket may be. */
#define LONG_NAME                                                                                  \
    "a-directory-whose-name-is-so-long-that-the-name-of-a-socket-in-it-does-not-fit-into-the-"     \
    "108-bytes-that-the-system-has-for-it"

static char folder[] = "/tmp/cask-remote-XXXXXX";

struct server {
    int fd;
    const char *answer; /* of the second connection: the first one only knocks */
    pthread_t thread;
    char request[4096];
};

static bool is_whole(const char *request, size_t len) {
    const char *body = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");
    return body != NULL &&
           (length == NULL || len - (size_t)(body + 4 - request) >= strtoul(length + 16, NULL, 10));
}

static void *serve(void *arg) {
    struct server *s = arg;
    int knock = accept(s->fd, NULL, NULL);
    close(knock);
    int fd = accept(s->fd, NULL, NULL);
    size_t len = 0;
    ssize_t n;
    while (!is_whole(s->request, len) &&
           (n = read(fd, s->request + len, sizeof s->request - 1 - len)) > 0)
        len += (size_t)n;
    if (write(fd, s->answer, strlen(s->answer)) < 0)
        s->answer = "";
    close(fd);
    return NULL;
}

/* A socket as a server makes it; the working directory is the data directory. */
static int listen_here(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "caskalytics.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(at.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

/* What one request comes to; the answer's body is in *ret. */
static int ask(struct server *s, const char *answer, struct buf *ret, struct err *err) {
    struct remote *r = NULL;
    char cwd[512];
    *s = (struct server){.fd = listen_here(), .answer = answer};
    *err = (struct err){0};
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    assert_int_equal(remote_open(cwd, &r, err), 0);
    assert_non_null(r);
    int rc = remote_call(r, "POST", "/local/run?words=1", str_of("stats\0rest", 10), ret, err);
    remote_close(r);
    pthread_join(s->thread, NULL);
    close(s->fd);
    return rc;
}

static void remote__answer_is_taken_whole(void **state) {
    UNUSED(state);
    struct server s;
    struct buf out = {0};
    struct err err;
    assert_ok(ask(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &out, &err), err);
    assert_str(buf_str(&out), "hello");
    assert_non_null(strstr(s.request, "POST /local/run?words=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(s.request, "Content-Length: 10\r\n"));
    buf_release(&out);
}

static void remote__error_of_a_command_comes_with_what_it_printed(void **state) {
    UNUSED(state);
    struct server s;
    struct buf out = {0};
    struct err err;
    assert_int_equal(ask(&s,
                         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
                         "Caskalytics-Error: -5 100%25%20of%20it%0Ais%20damaged%C3%A4\r\n\r\nsome",
                         &out, &err),
                     ERR_CORRUPT);
    assert_string_equal(err.text, "100% of it\nis damaged\xc3\xa4");
    assert_str(buf_str(&out), "some");
    buf_release(&out);
}

static void remote__error_without_a_known_code_is_a_failure(void **state) {
    UNUSED(state);
    static const char *const headers[] = {"0 nothing", "5 more", "-1000 x", "word", ""};
    for (size_t i = 0; i + 1 < ARRAY_LEN(headers); i++) {
        struct server s;
        struct buf answer = {0};
        struct err err;
        buf_printf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCaskalytics-Error: %s\r\n\r\n",
                   headers[i]);
        assert_int_equal(ask(&s, buf_cstr(&answer), NULL, &err), ERR_FAILED);
        buf_release(&answer);
    }
}

static void remote__server_that_stops_or_goes_says_try_again(void **state) {
    UNUSED(state);
    static const char *const answers[] = {
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 28\r\n\r\n"
        "{\"error\":\"the server stops\"}",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct server s;
        struct buf out = {0};
        struct err err;
        assert_int_equal(ask(&s, answers[i], &out, &err), ERR_AWAY);
        assert_int_equal(out.len, 0);
        assert_true(i > 0 || strstr(err.text, "the server stops") != NULL);
        buf_release(&out);
    }
}

static void remote__refusal_is_a_failure(void **state) {
    UNUSED(state);
    struct server s;
    struct err err;
    assert_int_equal(ask(&s, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nwho", NULL, &err),
                     ERR_FAILED);
    assert_non_null(strstr(err.text, "404"));
}

static void remote__there_is_none_without_a_server(void **state) {
    UNUSED(state);
    struct remote *r = (struct remote *)&r;
    struct err err = {0};
    unlink("caskalytics.sock");
    assert_ok(remote_open(".", &r, &err), err);
    assert_null(r);
    assert_ok(remote_open("no such directory", &r, &err), err);
    assert_null(r);
    close(listen_here()); /* stale */
    assert_ok(remote_open(".", &r, &err), err);
    assert_null(r);
}

static int make_dir(void **state) {
    UNUSED(state);
    (void)signal(SIGPIPE, SIG_IGN);
    return mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir(LONG_NAME, 0700) != 0 ||
           chdir(LONG_NAME) != 0;
}

static int remove_dir(void **state) {
    UNUSED(state);
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") != 0 || system(command) != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(remote__answer_is_taken_whole),
        unit_test(remote__error_of_a_command_comes_with_what_it_printed),
        unit_test(remote__error_without_a_known_code_is_a_failure),
        unit_test(remote__server_that_stops_or_goes_says_try_again),
        unit_test(remote__refusal_is_a_failure),
        unit_test(remote__there_is_none_without_a_server),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

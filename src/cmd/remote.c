#include "cmd/remote.h"

#include "api/local.h"
#include "base/limits.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define UPLOAD_BYTES (2L << 20)

struct remote {
    int dir_fd; /* of the data directory: keeps the socket's name short whatever its length */
    char path[64];
    CURL *easy;
};

struct answer {
    struct buf *body;
    struct buf error; /* value of the error header */
};

/* --- is there one? --- */

/* *ret: somebody accepts connections. */
static int knock(const char *path, bool *ret, struct err *err) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int rc = 0;
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, ERR_FAILED, "a socket");
    *ret = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (!*ret && errno != ENOENT && errno != ECONNREFUSED)
        rc = err_errno(err, ERR_FAILED, "the server's socket caskalytics.sock");
    close(fd);
    return rc;
}

int remote_open(const char *data_dir, struct remote **ret, struct err *err) {
    *ret = NULL;
    int dir_fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return 0; /* whoever opens it for himself says why that is not possible */
    struct remote *r = xcalloc(1, sizeof *r);
    bool runs = false;
    r->dir_fd = dir_fd;
    snprintf(r->path, sizeof r->path, "/proc/self/fd/%d/caskalytics.sock", dir_fd);
    int rc = knock(r->path, &runs, err);
    if (rc == 0 && runs) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        r->easy = curl_easy_init();
        if (r->easy == NULL)
            rc = err_set(err, ERR_FAILED, "libcurl does not start");
    }
    if (rc != 0 || !runs)
        remote_close(r);
    else
        *ret = r;
    return rc;
}

void remote_close(struct remote *r) {
    if (r == NULL)
        return;
    curl_easy_cleanup(r->easy);
    close(r->dir_fd);
    free(r);
}

/* --- one request --- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg) {
    struct answer *a = arg;
    buf_add(a->body, bytes, size * count);
    return a->body->overflow ? 0 : size * count;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg) {
    struct answer *a = arg;
    struct str value = str_of(bytes, size * count), name;
    if (str_split(&value, ':', &name) && str_eq_nocase(name, STR(LOCAL_ERROR_HEADER))) {
        buf_clear(&a->error);
        buf_add_str(&a->error, str_trim(value));
    }
    return size * count;
}

static CURLcode transfer(struct remote *r, const char *method, const char *path, struct str body,
                         struct answer *answer) {
    CURL *e = r->easy;
    struct buf url = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/octet-stream");
    buf_printf(&url, "http://localhost%s", path);
    curl_easy_reset(e);
    curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, r->path);
    curl_easy_setopt(e, CURLOPT_URL, buf_cstr(&url));
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    /* libcurl repeats a request by itself when a connection that it reused is dead */
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, body.len > 0 ? body.ptr : "");
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, answer);
    CURLcode code = curl_easy_perform(e);
    curl_slist_free_all(headers);
    buf_release(&url);
    return code;
}

/* "CODE text", the text as in a URL. */
static int read_error(struct remote *r, struct buf *header, struct err *err) {
    const char *at = buf_cstr(header);
    char *rest;
    long code = strtol(at, &rest, 10);
    int len = 0;
    char *text = curl_easy_unescape(r->easy, rest, 0, &len);
    struct str shown = str_trim(str_of(text != NULL ? text : "", (size_t)len));
    if (code >= 0 || code < -100)
        code = ERR_FAILED;
    err_set(err, (int)code, STR_FMT, STR_ARG(shown));
    curl_free(text);
    return (int)code;
}

/* {"error":"..."} of what never came to a command. */
static int read_refusal(long status, struct buf *body, struct err *err) {
    json_t *doc = json_loadb(body->ptr != NULL ? body->ptr : "", body->len, 0, NULL);
    const char *text = json_string_value(json_object_get(doc, "error"));
    int rc =
        err_set(err, status == 503 ? ERR_AWAY : ERR_FAILED, "the server says: %s (HTTP status %ld)",
                text != NULL ? text : "nothing", status);
    json_decref(doc);
    buf_clear(body);
    return rc;
}

int remote_call(struct remote *r, const char *method, const char *path, struct str body,
                struct buf *ret, struct err *err) {
    struct buf text = {0};
    struct answer answer = {.body = &text};
    long status = 0;
    curl_off_t length = -1;
    int rc = 0;
    CURLcode code = transfer(r, method, path, body, &answer);
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (code == CURLE_OK && length < 0) /* it ended while it said how long the answer is */
        code = CURLE_PARTIAL_FILE;
    if (text.overflow)
        rc = err_set(err, ERR_TOOBIG, "the server's answer has more than %zu bytes",
                     LIMIT_BUF_BYTES);
    else if (code != CURLE_OK)
        rc = err_set(err, ERR_AWAY, "the server went away before it had answered (%s): try again",
                     curl_easy_strerror(code));
    else if (status != 200)
        rc = read_refusal(status, &text, err);
    else if (answer.error.len > 0)
        rc = read_error(r, &answer.error, err);
    if (ret != NULL && code == CURLE_OK)
        buf_add_str(ret, buf_str(&text));
    buf_release(&answer.error);
    buf_release(&text);
    return rc;
}

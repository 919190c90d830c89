/* Every request goes over a connection of its own: libcurl sends a request again by itself when a
 * connection that it reused turns out to be dead, and an INSERT must never run twice because its
 * answer got lost (docs/decisions.md D3). */
#include "store/client.h"
#include "base/limits.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#define ERROR_TEXT_BYTES ((size_t)64 << 10) /* of an error answer; the rest is dropped */
#define CONNECT_SECONDS 10L
#define KILL_MS 5000L
#define UPLOAD_BYTES (2L << 20)

struct client {
    char *socket_path, *url;
    CURL *easy;
    CURLM *multi;
    atomic_bool stop;
    int exception_code;
    double elapsed_seconds;
    uint64_t id_random, id_count; /* of query ids, by which a statement can be killed */
};

/* What goes out: one POST. */
struct outgoing {
    struct buf url;
    struct str body;
    const char *header; /* one more request header, or NULL */
    long timeout_ms;    /* 0: none */
};

/* What came back so far. */
struct incoming {
    CURL *easy;
    struct buf *result; /* the caller's; NULL: nobody wants it */
    struct buf error;
    char summary[512];
    int exception_code;
    bool chunked, too_big;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void curl_start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

int client_new(const char *socket_path, const char *url, struct client **ret, struct err *err) {
    pthread_once(&curl_once, curl_start);
    if (socket_path == NULL && url == NULL)
        return err_set(err, ERR_USAGE, "neither a socket nor a URL of the store");
    struct client *c = xcalloc(1, sizeof *c);
    c->easy = curl_easy_init();
    c->multi = curl_multi_init();
    if (c->easy == NULL || c->multi == NULL) {
        client_free(c);
        return err_set(err, ERR_IO, "libcurl does not start");
    }
    c->socket_path = socket_path != NULL ? xstrdup(socket_path) : NULL;
    c->url = xstrdup(url != NULL ? url : "http://localhost");
    size_t n = strlen(c->url);
    if (n > 0 && c->url[n - 1] == '/')
        c->url[n - 1] = '\0';
    if (getrandom(&c->id_random, sizeof c->id_random, 0) != sizeof c->id_random)
        c->id_random = (uint64_t)(uintptr_t)c;
    *ret = c;
    return 0;
}

void client_free(struct client *c) {
    if (c == NULL)
        return;
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    free(c->socket_path);
    free(c->url);
    free(c);
}

/* --- the answer ------------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg) {
    struct incoming *in = arg;
    size_t n = size * count;
    long status = 0;
    curl_easy_getinfo(in->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || in->exception_code != 0) {
        buf_add(&in->error, bytes,
                min_size(n, ERROR_TEXT_BYTES - min_size(in->error.len, ERROR_TEXT_BYTES)));
    } else if (in->result != NULL) {
        buf_add(in->result, bytes, n);
        if (in->result->overflow) {
            in->too_big = true;
            return 0; /* ends the transfer */
        }
    }
    return n;
}

/* Value of the header line when it is the named one. */
static bool header_is(struct str line, const char *name, struct str *ret) {
    struct str n = str_from(name);
    if (line.len <= n.len || line.ptr[n.len] != ':' || strncasecmp(line.ptr, name, n.len) != 0)
        return false;
    *ret = str_trim(str_skip(line, n.len + 1));
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg) {
    struct incoming *in = arg;
    struct str line = str_of(bytes, size * count), value;
    uint64_t n;
    if (header_is(line, "X-ClickHouse-Exception-Code", &value)) {
        in->exception_code = str_to_u64(value, &n) && n < INT32_MAX ? (int)n : 1001;
    } else if (header_is(line, "X-ClickHouse-Summary", &value)) {
        size_t len = min_size(value.len, sizeof in->summary - 1);
        memcpy(in->summary, value.ptr, len);
        in->summary[len] = '\0';
    } else if (header_is(line, "Transfer-Encoding", &value)) {
        in->chunked = true;
    }
    return line.len;
}

static double elapsed_of(const char *summary) {
    json_t *json = json_loads(summary, 0, NULL);
    const char *ns = json_string_value(json_object_get(json, "elapsed_ns"));
    double seconds = ns != NULL ? strtod(ns, NULL) / 1e9 : 0;
    json_decref(json);
    return seconds;
}

/* --- one request ------------------------------------------------------------------------------ */

static void set_options(struct client *c, const struct outgoing *out, struct incoming *in,
                        struct curl_slist *headers) {
    CURL *e = c->easy;
    curl_easy_reset(e);
    if (c->socket_path != NULL)
        curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, c->socket_path);
    curl_easy_setopt(e, CURLOPT_URL, out->url.ptr);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* not even from the environment */
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, out->timeout_ms);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, out->body.len > 0 ? out->body.ptr : "");
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)out->body.len);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, in);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, in);
}

/* Returns when the transfer is over or client_stop() was called (CURLE_ABORTED_BY_CALLBACK). */
static CURLcode transfer(struct client *c, const struct outgoing *out, struct incoming *in) {
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/octet-stream");
    if (out->header != NULL)
        headers = curl_slist_append(headers, out->header);
    in->easy = c->easy;
    set_options(c, out, in, headers);
    CURLcode code = CURLE_FAILED_INIT;
    bool stoppable = out->timeout_ms == 0;
    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
        goto out;
    for (int running = 1; running > 0;) {
        if (curl_multi_perform(c->multi, &running) != CURLM_OK)
            break;
        if (stoppable && atomic_load(&c->stop)) {
            code = CURLE_ABORTED_BY_CALLBACK;
            break;
        }
        if (running > 0 && curl_multi_poll(c->multi, NULL, 0, 1000, NULL) != CURLM_OK)
            break;
    }
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left)) != NULL;)
        if (m->msg == CURLMSG_DONE && code != CURLE_ABORTED_BY_CALLBACK)
            code = m->data.result;
    curl_multi_remove_handle(c->multi, c->easy);
out:
    curl_slist_free_all(headers);
    return code;
}

/* What became of the statement, as far as the answer says. */
static int verdict(struct client *c, CURLcode code, struct incoming *in, struct err *err) {
    const char *where = c->socket_path != NULL ? "the engine" : c->url;
    if (in->too_big)
        return err_set(err, ERR_TOOBIG, "the result is larger than the %zu bytes it may have",
                       in->result->limit != 0 ? in->result->limit : LIMIT_BUF_BYTES);
    if (code != CURLE_OK)
        return err_set(err, ERR_AWAY, "%s does not answer: %s", where, curl_easy_strerror(code));
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length < 0 && !in->chunked)
        return err_set(err, ERR_AWAY, "%s: nothing tells whether the answer is whole", where);
    if (status == 200 && in->exception_code == 0)
        return 0;
    int parsed = 0; /* old servers say it in the text only */
    struct str text = str_trim(buf_str(&in->error));
    if (in->exception_code == 0 && sscanf(buf_cstr(&in->error), "Code: %d", &parsed) == 1)
        in->exception_code = parsed;
    c->exception_code = in->exception_code;
    if (in->exception_code == 0 && status >= 500) /* of something in between */
        return err_set(err, ERR_AWAY, "%s answered with HTTP status %ld", where, status);
    if (text.len == 0)
        return err_set(err, ERR_ENGINE, "HTTP status %ld, exception %d", status,
                       in->exception_code);
    return err_set(err, ERR_ENGINE, STR_FMT, STR_ARG(text));
}

/* --- URLs ------------------------------------------------------------------------------------- */

static void add_encoded(struct buf *url, struct str text) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char)text.ptr[i];
        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
            (ch != '\0' && strchr("-_.~", ch) != NULL)) {
            buf_add_char(url, (char)ch);
        } else {
            char escaped[3] = {'%', hex[ch >> 4], hex[ch & 15]};
            buf_add(url, escaped, sizeof escaped);
        }
    }
}

static void add_param(struct buf *url, const char *name, struct str value) {
    buf_add_char(url, '&');
    add_encoded(url, str_from(name));
    buf_add_char(url, '=');
    add_encoded(url, value);
}

static void begin_url(struct client *c, struct buf *url, const char *format,
                      const struct setting *settings, size_t n, char query_id[40]) {
    snprintf(query_id, 40, "cask-%016llx-%llu", (unsigned long long)c->id_random,
             (unsigned long long)++c->id_count);
    /* the status must be known before the first byte of the result goes out */
    buf_printf(url, "%s/?wait_end_of_query=1&query_id=%s", c->url, query_id);
    if (format != NULL)
        add_param(url, "default_format", str_from(format));
    for (size_t i = 0; i < n; i++)
        add_param(url, settings[i].name, str_from(settings[i].value));
}

/* The statement goes on at the server although nobody waits for it any more: end it. */
static void kill_statement(struct client *c, const char *query_id) {
    struct buf sql = {0};
    struct outgoing out = {.timeout_ms = KILL_MS};
    struct incoming in = {0};
    char own_id[40];
    buf_printf(&sql, "KILL QUERY WHERE query_id = '%s'", query_id);
    begin_url(c, &out.url, NULL, NULL, 0, own_id);
    out.body = buf_str(&sql);
    buf_cstr(&out.url);
    (void)transfer(c, &out, &in);
    buf_release(&in.error);
    buf_release(&out.url);
    buf_release(&sql);
}

static int run(struct client *c, struct outgoing *out, const char *query_id, struct buf *ret,
               struct err *err) {
    struct incoming in = {.result = ret};
    size_t before = ret != NULL ? ret->len : 0;
    c->exception_code = 0;
    c->elapsed_seconds = 0;
    if (atomic_load(&c->stop))
        return err_set(err, ERR_STOPPED, "stopped");
    buf_cstr(&out->url);
    CURLcode code = transfer(c, out, &in);
    int rc;
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        kill_statement(c, query_id);
        rc = err_set(err, ERR_STOPPED, "stopped");
    } else {
        rc = verdict(c, code, &in, err);
    }
    if (rc == 0)
        c->elapsed_seconds = elapsed_of(in.summary);
    else if (ret != NULL) { /* no half results */
        ret->len = before;
        ret->overflow = false;
    }
    buf_release(&in.error);
    return rc;
}

int client_query(struct client *c, struct str sql, const char *format,
                 const struct setting *settings, size_t n, struct buf *ret, struct err *err) {
    struct outgoing out = {.body = sql};
    char query_id[40];
    begin_url(c, &out.url, format, settings, n, query_id);
    int rc = run(c, &out, query_id, ret, err);
    buf_release(&out.url);
    return rc;
}

int client_insert(struct client *c, struct str sql, struct str structure, struct str body,
                  const struct setting *settings, size_t n, struct err *err) {
    size_t at;
    if (body.len > LIMIT_INSERT_BYTES)
        return err_set(err, ERR_TOOBIG, "an INSERT of %zu bytes, the limit is %zu", body.len,
                       LIMIT_INSERT_BYTES);
    if (str_find(structure, '\n', &at) || str_find(structure, '\r', &at))
        return err_set(err, ERR_USAGE, "a line end in the structure of an INSERT");
    struct outgoing out = {.body = body};
    struct buf header = {0};
    char query_id[40];
    begin_url(c, &out.url, NULL, settings, n, query_id);
    add_param(&out.url, "query", sql);
    if (structure.len > 0) {
        buf_printf(&header, "X-Caskalytics-Structure: " STR_FMT, STR_ARG(structure));
        out.header = buf_cstr(&header);
    }
    int rc = run(c, &out, query_id, NULL, err);
    buf_release(&header);
    buf_release(&out.url);
    return rc;
}

int client_exception_code(const struct client *c) { return c->exception_code; }
double client_elapsed_seconds(const struct client *c) { return c->elapsed_seconds; }

void client_stop(struct client *c) {
    atomic_store(&c->stop, true);
    curl_multi_wakeup(c->multi);
}

void sql_quote(struct buf *sql, struct str text) {
    static const char hex[] = "0123456789ABCDEF";
    buf_add_char(sql, '\'');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char)text.ptr[i];
        if (ch == '\'' || ch == '\\') {
            buf_add_char(sql, '\\');
            buf_add_char(sql, (char)ch);
        } else if (ch == '\n' || ch == '\t') {
            buf_add_cstr(sql, ch == '\n' ? "\\n" : "\\t");
        } else if (ch == '\0') {
            buf_add_cstr(sql, "\\0");
        } else if (ch < ' ' || ch == 0x7f) {
            char escaped[4] = {'\\', 'x', hex[ch >> 4], hex[ch & 15]};
            buf_add(sql, escaped, sizeof escaped);
        } else {
            buf_add_char(sql, (char)ch);
        }
    }
    buf_add_char(sql, '\'');
}

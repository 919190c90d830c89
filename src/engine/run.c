/* Runs one statement on a connection of its own. */
#include "base/limits.h"
#include "engine/engine.h"
#include "engine/insert.h"
#include "engine/lexer.h"
#include "engine/quote.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void add_arg(struct engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add_arg(struct engine *e, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    assert((size_t)e->n_args < ARRAY_LEN(e->args));
    if (vasprintf(&e->args[e->n_args++], fmt, ap) < 0)
        abort();
    va_end(ap);
}

int engine_open(struct engine *e, const struct engine_config *config, struct err *err) {
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&e->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    e->free_slots = config->slots;

    int rc = chdb_load(config->library, &e->chdb, err);
    if (rc != 0)
        return rc;
    add_arg(e, "clickhouse");
    /* absolute: a relative one fails with fsync_part_directory */
    add_arg(e, "--path=%s/db", config->directory);
    if (config->memory_bytes > 0)
        add_arg(e, "--max_server_memory_usage=%llu", (unsigned long long)config->memory_bytes);
    if (config->query_memory_bytes > 0)
        add_arg(e, "--max_memory_usage=%llu", (unsigned long long)config->query_memory_bytes);
    add_arg(e, "--max_result_bytes=%zu", LIMIT_RESULT_BYTES);
    add_arg(e, "--max_query_size=%zu", LIMIT_QUERY_BYTES + 1);
    static const char *const fixed[] = {
        "--background_pool_size=2",
        "--background_schedule_pool_size=4",
        "--background_streaming_schedule_pool_size=1",
        "--mark_cache_size=134217728",
        "--logger.level=none",
        /* there is no network here: fail at once */
        "--http_max_tries=1",
        "--s3_retry_attempts=0",
        "--connections_with_failover_max_tries=1",
        "--connect_timeout_with_failover_ms=100",
    };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        add_arg(e, "%s", fixed[i]);
    e->base = e->chdb.connect(e->n_args, e->args);
    if (e->base == NULL)
        return err_set(err, ERR_CORRUPT, "libchdb cannot open %s/db", config->directory);
    return 0;
}

bool engine_close(struct engine *e, unsigned seconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&e->lock);
    e->closing = true;
    pthread_cond_broadcast(&e->changed);
    int rc = 0;
    while (e->running > 0 && rc == 0)
        rc = pthread_cond_timedwait(&e->changed, &e->lock, &until);
    bool idle = e->running == 0;
    pthread_mutex_unlock(&e->lock);
    if (idle) /* closing beside a running statement can crash */
        e->chdb.close(e->base);
    return idle;
}

/* False when the engine is closing. */
static bool begin(struct engine *e, bool needs_slot) {
    pthread_mutex_lock(&e->lock);
    while (!e->closing && needs_slot && e->free_slots == 0)
        pthread_cond_wait(&e->changed, &e->lock);
    bool go = !e->closing;
    if (go) {
        e->running++;
        e->free_slots -= needs_slot;
    }
    pthread_mutex_unlock(&e->lock);
    return go;
}

static void end(struct engine *e, bool needed_slot) {
    pthread_mutex_lock(&e->lock);
    e->running--;
    e->free_slots += needed_slot;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

void answer_fail(struct answer *a, int code, const char *name, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    a->code = code;
    buf_clear(&a->error);
    buf_printf(&a->error, "Code: %d. DB::Exception: %s. (%s)", code, text, name);
}

void answer_release(struct engine *e, struct answer *a) {
    if (a->result != NULL)
        e->chdb.result_free(a->result);
    a->result = NULL;
    buf_release(&a->error);
}

/* The result if it is one; else the error is in *a. */
static chdb_result *checked(struct engine *e, chdb_result *r, struct answer *a) {
    const char *text = r == NULL ? "Code: 1001. DB::Exception: no result" : e->chdb.result_error(r);
    if (text == NULL)
        return r;
    if (sscanf(text, "Code: %d.", &a->code) != 1 || a->code == 0)
        a->code = 1001; /* STD_EXCEPTION */
    buf_clear(&a->error);
    buf_add_cstr(&a->error, text);
    if (r != NULL)
        e->chdb.result_free(r);
    return NULL;
}

/* A statement without result. False: the error is in *a. */
static bool run_quietly(struct engine *e, chdb_connection *conn, struct str sql, struct answer *a) {
    chdb_result *r = checked(e, e->chdb.query(*conn, sql.ptr, sql.len, "Null", 4), a);
    if (r != NULL)
        e->chdb.result_free(r);
    return r != NULL;
}

static void add_setting(struct buf *sql, const char *name, struct str value) {
    buf_printf(sql, "%s%s = ", sql->len == 0 ? "SET " : ", ", name);
    quote_string(sql, value);
}

/* Settings that keep an INSERT of rows in one part (docs/internals/engine.md); the request's own
 * come later and win. */
static const struct {
    const char *name, *value;
} one_part[] = {
    {"max_insert_threads", "1"},
    {"min_insert_block_size_bytes", "0"},
    {"min_insert_block_size_rows", "1048449"},
    {"max_insert_block_size", "1048449"},
};

static bool prepare(struct engine *e, chdb_connection *conn, const struct request *request,
                    bool rows_insert, struct answer *a) {
    struct buf sql = {0};
    bool ok = true;
    if (request->database.len > 0) {
        buf_add_cstr(&sql, "USE ");
        quote_name(&sql, request->database);
        ok = run_quietly(e, conn, buf_str(&sql), a);
        buf_clear(&sql);
    }
    for (size_t i = 0; rows_insert && i < ARRAY_LEN(one_part); i++)
        add_setting(&sql, one_part[i].name, str_from(one_part[i].value));
    if (request->query_id.len > 0) /* chdb has no way to give a query id: KILL finds it here */
        add_setting(&sql, "log_comment", request->query_id);
    const struct name_value *readonly = NULL;
    for (size_t i = 0; i < request->n_settings; i++) {
        const struct name_value *s = &request->settings[i];
        char name[128];
        snprintf(name, sizeof name, STR_FMT, STR_ARG(s->name));
        if (str_is(s->name, "readonly"))
            readonly = s;
        else
            add_setting(&sql, name, s->value);
    }
    if (ok && sql.len > 0)
        ok = run_quietly(e, conn, buf_str(&sql), a);
    if (ok && readonly != NULL) { /* last, because nothing can be set after it */
        buf_clear(&sql);
        add_setting(&sql, "readonly", readonly->value);
        ok = run_quietly(e, conn, buf_str(&sql), a);
    }
    buf_release(&sql);
    return ok;
}

/* What no caller may do, whoever it is. */
static bool allowed(struct engine *e, chdb_connection *conn, struct str sql, struct answer *a) {
    struct chdb_analysis analysis = {.struct_size = sizeof analysis};
    e->chdb.classify(*conn, sql.ptr, sql.len, NULL, 0, &analysis);
    if (analysis.statement_count > 1) {
        answer_fail(a, CH_SYNTAX_ERROR, "SYNTAX_ERROR", "Multi-statements are not allowed");
        return false;
    }
    struct str rest = sql;
    if (token_is(lexer_next(&rest), "SYSTEM")) {
        struct token verb = lexer_next(&rest);
        if (token_is(verb, "SHUTDOWN") || token_is(verb, "KILL")) {
            answer_fail(a, CH_ACCESS_DENIED, "ACCESS_DENIED", "SYSTEM " STR_FMT " is not allowed",
                        STR_ARG(verb.text));
            return false;
        }
    }
    return true;
}

/* KILL QUERY WHERE query_id = 'x' ... -> ... WHERE Settings['log_comment'] = 'x' ... False: not a
 * KILL. */
static bool rewrite_kill(struct str sql, struct buf *ret) {
    struct str rest = sql;
    if (!token_is(lexer_next(&rest), "KILL") || !token_is(lexer_next(&rest), "QUERY"))
        return false;
    struct str look = rest;
    if (token_is(lexer_next(&look), "WHERE") && token_is(lexer_next(&look), "query_id"))
        buf_printf(ret, "KILL QUERY WHERE Settings['log_comment']" STR_FMT, STR_ARG(look));
    else
        buf_add_str(ret, sql);
    return true;
}

static chdb_result *query(struct engine *e, chdb_connection *conn, const struct request *request,
                          struct str sql, struct str format) {
    if (request->n_params == 0)
        return e->chdb.query(*conn, sql.ptr, sql.len, format.ptr, format.len);
    const char *names[ENGINE_MAX_PARAMS], *values[ENGINE_MAX_PARAMS];
    size_t name_lens[ENGINE_MAX_PARAMS], value_lens[ENGINE_MAX_PARAMS];
    for (size_t i = 0; i < request->n_params; i++) {
        names[i] = request->params[i].name.ptr;
        name_lens[i] = request->params[i].name.len;
        values[i] = request->params[i].value.ptr;
        value_lens[i] = request->params[i].value.len;
    }
    return e->chdb.query_with_params(*conn, sql.ptr, sql.len, format.ptr, format.len, names,
                                     name_lens, values, value_lens, request->n_params);
}

static void run_on(struct engine *e, chdb_connection *conn, const struct request *request,
                   struct str sql, struct answer *a) {
    struct insert_head head;
    struct buf rewritten = {0};
    int own_fd = -1;
    bool rows = lexer_insert_head(sql, &head) && (request->body_fd >= 0 || !head.values);
    if (!prepare(e, conn, request, rows, a))
        goto out;
    if (rows) {
        if (!insert_rewrite(e, conn, request, &head, &rewritten, &own_fd, a))
            goto out;
        sql = buf_str(&rewritten);
    }
    if (sql.len > LIMIT_QUERY_BYTES) {
        answer_fail(a, CH_SYNTAX_ERROR, "SYNTAX_ERROR",
                    "The statement has %zu bytes, the limit is %zu", sql.len, LIMIT_QUERY_BYTES);
        goto out;
    }
    if (!allowed(e, conn, sql, a))
        goto out;
    struct str format = request->format.len > 0 ? request->format : STR("TabSeparated");
    struct str named = rows ? (struct str){0} : lexer_format(sql);
    struct str said = named.len > 0 ? named : format;
    snprintf(a->format, sizeof a->format, STR_FMT, STR_ARG(said));
    a->result = checked(e, query(e, conn, request, sql, format), a);
    if (a->result != NULL && e->chdb.result_length(a->result) > LIMIT_RESULT_BYTES) {
        answer_fail(a, CH_TOO_MANY_ROWS_OR_BYTES, "TOO_MANY_ROWS_OR_BYTES",
                    "The result has %zu bytes, the limit is %zu: ask for less, or use LIMIT",
                    e->chdb.result_length(a->result), LIMIT_RESULT_BYTES);
        e->chdb.result_free(a->result);
        a->result = NULL;
    }
out:
    buf_release(&rewritten);
    insert_close(own_fd);
}

void engine_run(struct engine *e, const struct request *request, struct answer *ret) {
    *ret = (struct answer){0};
    struct buf kill = {0};
    bool is_kill = rewrite_kill(request->sql, &kill);
    struct str sql = is_kill ? buf_str(&kill) : request->sql;
    if (!begin(e, !is_kill)) {
        answer_fail(ret, CH_ABORTED, "ABORTED", "The engine is closing");
        goto out;
    }
    chdb_connection *conn = e->chdb.connect(e->n_args, e->args);
    if (conn == NULL) {
        answer_fail(ret, CH_ABORTED, "ABORTED", "libchdb opens no connection");
    } else {
        run_on(e, conn, request, sql, ret);
        e->chdb.close(conn);
    }
    end(e, !is_kill);
out:
    buf_release(&kill);
}

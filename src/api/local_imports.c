/* /local/imports, /local/append, /local/counts: an import whose process reads the file, while this
 * server owns the lake.
 *
 * One import at a time. Who begins gets a token and the list of imports as the lake has it; every
 * further request carries the token. Beginning waits for an append that is still on its way and
 * makes the token before void, so that no block of a process that was killed can come behind the
 * list that its successor begins with. That the process before is gone is for the next one to know:
 * it holds the lock DATA/import.lock (cmd/sink_server.c). */
#include "api/internal.h"
#include "api/local.h"
#include "lake/records.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define RANGES_A_QUERY 200
#define COUNT_TRIES 5u    /* while the engine dies */
#define AWAY_SECONDS 30.0 /* for it to come back */

struct local_imports {
    pthread_mutex_t mutex; /* held while a block is written */
    uint64_t token;        /* 0: nobody imports */
    struct imports list;   /* of who imports: what is durable */
};

struct local_imports *local_imports_new(void) {
    struct local_imports *i = xcalloc(1, sizeof *i);
    pthread_mutex_init(&i->mutex, NULL);
    return i;
}

void local_imports_free(struct local_imports *i) {
    if (i == NULL)
        return;
    imports_release(&i->list);
    pthread_mutex_destroy(&i->mutex);
    free(i);
}

/* --- begin and end --- */

static void forget(struct local_imports *i) {
    i->token = 0;
    imports_release(&i->list);
    i->list = (struct imports){0};
}

/* The token, the newest block that the list knows, and a document a line. */
static void list_text(const struct local_imports *i, struct buf *out) {
    buf_printf(out, "%llu %llu\n", (unsigned long long)i->token, (unsigned long long)i->list.bid);
    for (size_t k = 0; k < i->list.list.len; k++) {
        import_to_json(&i->list.list.items[k], out);
        buf_add_char(out, '\n');
    }
}

static int begin(struct api *api, struct buf *out, struct err *err) {
    struct local_imports *i = api->imports;
    struct instance *in = live_instance(api->options.live);
    pthread_mutex_lock(&i->mutex);
    forget(i);
    uint64_t durable = intake_durable(live_intake(api->options.live, DATASET_LOGS));
    int rc = instance_load_imports_upto(in, durable, &i->list, err);
    if (rc == 0)
        rc = instance_save_imports(in, &i->list, err);
    if (rc == 0) {
        while (i->token == 0)
            randombytes_buf(&i->token, sizeof i->token);
        list_text(i, out);
    }
    pthread_mutex_unlock(&i->mutex);
    return rc;
}

void api_imports_begin(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    int rc = local_begin(api, NULL, &err);
    if (rc == 0)
        rc = begin(api, http_out(x), &err);
    local_reply(x, api, rc, &err);
}

/* With the mutex. */
static int check_token(const struct local_imports *i, const struct http_exchange *x,
                       struct err *err) {
    uint64_t token = 0;
    if (!str_to_u64(http_query(x, "token"), &token))
        return err_set(err, ERR_USAGE, "token: expected a number");
    if (token != i->token || token == 0)
        return err_set(err, ERR_AWAY, "another import has begun, or the server was started anew");
    return 0;
}

static int end(struct api *api, const struct http_exchange *x, struct err *err) {
    struct local_imports *i = api->imports;
    pthread_mutex_lock(&i->mutex);
    int rc = check_token(i, x, err);
    if (rc == 0) {
        rc = instance_save_imports(live_instance(api->options.live), &i->list, err);
        forget(i);
    }
    pthread_mutex_unlock(&i->mutex);
    return rc;
}

void api_imports_end(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    int rc = local_begin(api, NULL, &err);
    if (rc == 0)
        rc = end(api, x, &err);
    local_reply(x, api, rc, &err);
}

/* --- append --- */

int local_read_block(struct str body, uint64_t count, struct records *ret, struct err *err) {
    struct imports probe = {0};
    int rc = records_decode(body, count, ret, err);
    if (rc == 0 &&
        (ret->len == 0 || !str_starts(ret->items[ret->len - 1].position, STR("{\"import\":"))))
        rc = err_set(err, ERR_USAGE, "a block of an import ends with its position");
    if (rc == 0)
        rc = imports_take(&probe, 1, &ret->items[ret->len - 1], err);
    imports_release(&probe);
    return rc;
}

static int append(struct api *api, const struct http_exchange *x, struct buf *out,
                  struct err *err) {
    struct local_imports *i = api->imports;
    struct records records = {0};
    uint64_t count = 0, bid = 0;
    pthread_mutex_lock(&i->mutex);
    int rc = check_token(i, x, err);
    if (rc == 0 && !str_to_u64(http_query(x, "records"), &count))
        rc = err_set(err, ERR_USAGE, "records: expected a number");
    if (rc == 0)
        rc = local_read_block(http_body(x), count, &records, err);
    if (rc == 0) {
        struct record_batch batch = {records.items, records.len};
        rc = intake_write(live_intake(api->options.live, DATASET_LOGS), batch, &bid, err);
    }
    if (rc == 0)
        rc = imports_take(&i->list, bid, &records.items[records.len - 1], err);
    if (rc == 0)
        buf_printf(out, "%llu\n", (unsigned long long)bid);
    pthread_mutex_unlock(&i->mutex);
    records_release(&records);
    return rc;
}

void api_imports_append(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    int rc = local_begin(api, NULL, &err);
    if (rc == 0)
        rc = append(api, x, http_out(x), &err);
    if (rc == ERR_CORRUPT || rc == ERR_TOOBIG) /* of the request: exit code 5 is about the lake */
        rc = err.code = ERR_FAILED;
    local_reply(x, api, rc, &err);
}

/* --- counts --- */

bool local_next_blocks(struct str *rest, struct buf *where, int *rc, struct err *err) {
    struct str line, first;
    buf_clear(where);
    for (size_t n = 0; n < RANGES_A_QUERY && rest->len > 0 && str_split(rest, '\n', &line); n++) {
        uint64_t from = 0, to = 0;
        if (!str_split(&line, ' ', &first) || !str_to_u64(first, &from) || !str_to_u64(line, &to)) {
            *rc = err_set(err, ERR_USAGE, "expected lines of two block ids");
            return false;
        }
        buf_printf(where, "%s(bid >= %llu AND bid <= %llu)", n > 0 ? " OR " : "",
                   (unsigned long long)from, (unsigned long long)to);
    }
    return where->len > 0;
}

/* Lines "REASON\tCOUNT"; accepted ones have no reason. */
static int add_counts(struct str answer, uint64_t counts[REASON_COUNT], struct err *err) {
    struct str line, name;
    while (answer.len > 0 && str_split(&answer, '\n', &line)) {
        uint64_t n = 0;
        size_t reason = 0;
        if (!str_split(&line, '\t', &name) || !str_to_u64(line, &n))
            return err_set(err, ERR_ENGINE, "the engine counts lines as \"" STR_FMT "\"",
                           STR_ARG(line));
        while (reason < REASON_COUNT && !str_is(name, reason_name((enum reason)reason)))
            reason++;
        if (reason < REASON_COUNT)
            counts[reason] += n;
    }
    return 0;
}

static int count_lines(struct client *client, struct str ranges, struct buf *out, struct err *err) {
    uint64_t counts[REASON_COUNT] = {0};
    struct buf where = {0}, sql = {0}, answer = {0};
    int rc = 0;
    while (rc == 0 && local_next_blocks(&ranges, &where, &rc, err)) {
        buf_clear(&sql);
        buf_clear(&answer);
        buf_printf(&sql,
                   "SELECT '' AS reason, count() FROM events WHERE %s UNION ALL"
                   " SELECT toString(reason), count() FROM rejected WHERE %s GROUP BY reason",
                   buf_cstr(&where), buf_cstr(&where));
        rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &answer, err);
        if (rc == 0)
            rc = add_counts(buf_str(&answer), counts, err);
    }
    for (size_t r = 0; rc == 0 && r < REASON_COUNT; r++)
        if (counts[r] > 0)
            buf_printf(out, "%s %llu\n", reason_name((enum reason)r),
                       (unsigned long long)counts[r]);
    buf_release(&where);
    buf_release(&sql);
    buf_release(&answer);
    return rc;
}

void api_imports_counts(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct live *live = api->options.live;
    struct client *client = NULL;
    struct err err = {0};
    int rc = local_begin(api, &client, &err);
    if (client != NULL) {
        uint64_t rebuilds = live_state(live).rebuilds; /* before it is known to be complete */
        rc = live_wait_all(live, &api->ending, &err);
        for (unsigned i = 0; rc == 0 && i < COUNT_TRIES; i++) {
            rc = count_lines(client, http_body(x), http_out(x), &err);
            if (rc != ERR_AWAY || i + 1 == COUNT_TRIES ||
                !live_wait_ready(live, AWAY_SECONDS, &api->ending))
                break; /* else the engine died and is back */
            rc = 0;
        }
        if (live_state(live).rebuilds != rebuilds)
            rc = err_set(&err, ERR_AWAY, "the store is being rebuilt");
        api_give_client(api, client);
    }
    local_reply(x, api, rc, &err);
}

/* The running server as a sink (api/local_imports.c is its other end).
 *
 * DATA/import.lock is held while a process imports: the kernel drops it when the process ends,
 * however it ends, so nobody has to guess whether the one before still lives. Blocks are not sent
 * twice: an answer that is lost ends the import, and the next one begins behind what the lake
 * has. */
#include "cmd/sink.h"

#include "base/limits.h"
#include "lake/lake.h"
#include "lake/records.h"
#include <stdio.h>
#include <stdlib.h>

struct bid_range {
    uint64_t first, last;
};

struct server_sink {
    struct remote *remote;
    int lock_fd;
    uint64_t token; /* 0: not begun */
    struct buf block;
    VEC(struct bid_range) written;
};

static int call(struct server_sink *s, const char *method, const char *path, struct str body,
                struct buf *ret, struct err *err) {
    struct buf url = {0};
    buf_printf(&url, "%s%ctoken=%llu", path, strchr(path, '?') != NULL ? '&' : '?',
               (unsigned long long)s->token);
    int rc = remote_call(s->remote, method, buf_cstr(&url), body, ret, err);
    buf_release(&url);
    return rc;
}

/* --- begin --- */

/* "TOKEN BID", then a document a line. */
static int read_list(struct server_sink *s, struct str rest, struct imports *ret, struct err *err) {
    struct str line, word;
    uint64_t bid = 0;
    int rc = 0;
    if (!str_split(&rest, '\n', &line) || !str_split(&line, ' ', &word) ||
        !str_to_u64(word, &s->token) || !str_to_u64(line, &bid))
        return err_set(err, ERR_FAILED, "the server's list of imports cannot be read");
    while (rc == 0 && rest.len > 0 && str_split(&rest, '\n', &line))
        rc = import_from_json(ret, line, err);
    for (size_t i = 0; i < ret->list.len; i++)
        ret->list.items[i].dirty = false;
    ret->bid = bid;
    return rc;
}

static int begin(struct server_sink *s, struct imports *ret_imports, struct err *err) {
    struct buf list = {0};
    int rc = remote_call(s->remote, "POST", "/local/imports", STR(""), &list, err);
    if (rc == 0)
        rc = read_list(s, buf_str(&list), ret_imports, err);
    if (rc != 0)
        imports_release(ret_imports);
    buf_release(&list);
    return rc;
}

/* --- blocks --- */

static void remember(struct server_sink *s, uint64_t bid) {
    const struct bid_range range = {bid, bid};
    size_t n = s->written.len;
    if (n > 0 && s->written.items[n - 1].last + 1 == bid)
        s->written.items[n - 1].last = bid;
    else
        vec_push(&s->written, range);
}

static int server_append(void *impl, struct record_batch records, uint64_t *ret_bid,
                         struct err *err) {
    struct server_sink *s = impl;
    struct buf answer = {0}, path = {0};
    size_t bytes = 0, count = 0, room = 0;
    int rc = records_check(records, err);
    for (size_t i = 0; rc == 0 && i < records.len; i++)
        room += lake_record_bound(&records.items[i]);
    if (rc == 0) {
        buf_clear(&s->block);
        char *to = buf_reserve(&s->block, room);
        assert(to != NULL);
        records_encode(RECORDS_LINES, records, 0, to, &bytes, &count);
        buf_printf(&path, "/local/append?records=%zu", count);
        rc = call(s, "POST", buf_cstr(&path), str_of(to, bytes), &answer, err);
    }
    if (rc == 0 && !str_to_u64(str_trim(buf_str(&answer)), ret_bid))
        rc = err_set(err, ERR_AWAY, "the server's answer to a block cannot be read");
    if (rc == 0)
        remember(s, *ret_bid);
    else if (rc == ERR_AWAY)
        rc = err_context(
            err, "what it has taken is in the lake, and the same import, run again, goes on "
                 "behind it");
    buf_release(&answer);
    buf_release(&path);
    return rc;
}

/* A block is durable when the server has answered. */
static int server_sync(void *impl, struct err *err) {
    UNUSED(impl);
    UNUSED(err);
    return 0;
}

/* The server takes the positions in as the blocks come, and keeps them when the import ends. */
static int server_save(void *impl, struct imports *imports, struct err *err) {
    UNUSED(impl);
    UNUSED(imports);
    UNUSED(err);
    return 0;
}

static int server_finish(void *impl, struct err *err) {
    struct server_sink *s = impl;
    int rc = call(s, "DELETE", "/local/imports", STR(""), NULL, err);
    if (rc == 0)
        s->token = 0;
    return rc;
}

/* --- what became of them --- */

static int take_counts(struct str rest, struct apply_counts *ret, struct err *err) {
    struct str line, name;
    while (rest.len > 0 && str_split(&rest, '\n', &line)) {
        uint64_t n = 0;
        size_t reason = 0;
        if (!str_split(&line, ' ', &name) || !str_to_u64(line, &n))
            return err_set(err, ERR_FAILED, "the server's counts cannot be read");
        while (reason < REASON_COUNT && !str_is(name, reason_name((enum reason)reason)))
            reason++;
        ret->records += n;
        if (reason == REASON_NONE)
            ret->accepted += n;
        else if (reason < REASON_COUNT)
            ret->rejected[reason] += n;
    }
    return 0;
}

static int server_counts(void *impl, uint64_t first, uint64_t last, struct apply_counts *ret,
                         struct err *err) {
    struct server_sink *s = impl;
    struct buf ranges = {0}, answer = {0};
    *ret = (struct apply_counts){0};
    for (size_t i = 0; i < s->written.len; i++) {
        struct bid_range r = s->written.items[i];
        r.first = r.first < first ? first : r.first;
        r.last = r.last > last ? last : r.last;
        if (r.first <= r.last)
            buf_printf(&ranges, "%llu %llu\n", (unsigned long long)r.first,
                       (unsigned long long)r.last);
    }
    int rc = call(s, "POST", "/local/counts", buf_str(&ranges), &answer, err);
    if (rc == 0)
        rc = take_counts(buf_str(&answer), ret, err);
    buf_release(&ranges);
    buf_release(&answer);
    return rc;
}

static int server_overview(void *impl, const struct output_style *style, struct buf *out,
                           struct err *err) {
    const struct server_sink *s = impl;
    const struct cmd_args args = {.command = command_find("stats")};
    const struct cmd_request request = {.args = &args, .input = STR(""), .style = *style};
    return cmd_ask_server(s->remote, &request, out, err);
}

static void server_close(void *impl) {
    struct server_sink *s = impl;
    if (s->token != 0 && server_finish(s, NULL) != 0)
        s->token = 0; /* the next import makes it void */
    remote_close(s->remote);
    data_unlock(s->lock_fd);
    buf_release(&s->block);
    vec_free(&s->written);
    free(s);
}

static const struct sink_ops server_ops = {server_append, server_sync,   server_save,
                                           server_finish, server_counts, server_overview,
                                           server_close};

int sink_open_server(const char *data_dir, struct remote *remote, struct sink *ret,
                     struct imports *ret_imports, struct err *err) {
    struct server_sink *s = xcalloc(1, sizeof *s);
    s->remote = remote;
    s->lock_fd = -1;
    int rc = data_lock_file(data_dir, "import.lock", "import", &s->lock_fd, err);
    if (rc == 0)
        rc = begin(s, ret_imports, err);
    if (rc != 0)
        server_close(s);
    else
        *ret = (struct sink){&server_ops, s};
    return rc;
}

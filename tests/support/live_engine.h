/* A real engine with a client, in a directory of its own, for tests. */
#ifndef CASK_TEST_LIVE_ENGINE_H
#define CASK_TEST_LIVE_ENGINE_H

#include "support/unit.h"

#include "daemon/engine_process.h"
#include "store/client.h"
#include <unistd.h>

struct live {
    char dir[64];
    struct engine_process *process;
    struct client *client;
    struct buf out;
    struct err err;
};

static inline struct client *live_client(struct live *l) {
    struct client *c = NULL;
    assert_ok(client_new(engine_process_socket(l->process), NULL, &c, &l->err), l->err);
    return c;
}

static inline void live_start(struct live *l) {
    *l = (struct live){.dir = "/tmp/cask-engine-XXXXXX"};
    assert_non_null(mkdtemp(l->dir));
    const struct engine_options options = {.data_dir = l->dir,
                                           .memory_bytes = (uint64_t)2 << 30,
                                           .query_memory_bytes = (uint64_t)1 << 30};
    assert_ok(engine_process_start(&options, &l->process, &l->err), l->err);
    l->client = live_client(l);
}

static inline void live_remove(const char *dir) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static inline void live_end(struct live *l) {
    client_free(l->client);
    engine_process_stop(l->process);
    buf_release(&l->out);
    live_remove(l->dir);
}

/* Result of a statement in TSV; valid until the next one. */
static inline const char *live_query(struct live *l, const char *sql) {
    buf_clear(&l->out);
    assert_ok(client_query(l->client, str_from(sql), "TSV", NULL, 0, &l->out, &l->err), l->err);
    return buf_cstr(&l->out);
}

/* A statement that must fail; returns its exception code. */
static inline int live_fails(struct live *l, const char *sql) {
    int rc = client_query(l->client, str_from(sql), "TSV", NULL, 0, &l->out, &l->err);
    if (rc != ERR_ENGINE)
        fail_msg("%s: %d instead of ERR_ENGINE: %s", sql, rc, rc != 0 ? l->err.text : "");
    return client_exception_code(l->client);
}

#endif

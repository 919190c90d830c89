/* The store that this process has opened, as a sink; and which kind of sink there is. */
#include "cmd/sink.h"

#include "cmd/feed.h"
#include "cmd/overview.h"
#include <stdlib.h>

struct store_sink {
    const struct config *config;
    struct instance *in;
    struct feed *feed;
};

static int store_append(void *impl, struct record_batch records, uint64_t *ret_bid,
                        struct err *err) {
    return feed_append(((struct store_sink *)impl)->feed, records, ret_bid, err);
}

static int store_sync(void *impl, struct err *err) {
    return feed_sync(((struct store_sink *)impl)->feed, err);
}

static int store_save(void *impl, struct imports *imports, struct err *err) {
    struct store_sink *s = impl;
    if (feed_durable(s->feed) > imports->bid)
        imports->bid = feed_durable(s->feed);
    return instance_save_imports(s->in, imports, err);
}

static int store_finish(void *impl, struct err *err) {
    return feed_finish(((struct store_sink *)impl)->feed, err);
}

static int store_counts(void *impl, uint64_t first, uint64_t last, struct apply_counts *ret,
                        struct err *err) {
    UNUSED(err);
    *ret = feed_counts(((struct store_sink *)impl)->feed, first, last);
    return 0;
}

static int store_overview(void *impl, const struct output_style *style, struct buf *out,
                          struct err *err) {
    const struct store_sink *s = impl;
    const struct question everything = {0};
    const struct query_env env = {.config = s->config,
                                  .client = s->in->client,
                                  .cube = s->in->cube,
                                  .now = clock_now_ms(&clock_system) / 1000};
    return cmd_overview(&env, &everything, style, out, err);
}

static void store_close(void *impl) {
    struct store_sink *s = impl;
    feed_close(s->feed);
    instance_close(s->in);
    free(s);
}

static const struct sink_ops store_ops = {store_append, store_sync,     store_save, store_finish,
                                          store_counts, store_overview, store_close};

int sink_open_store(const struct config *config, struct instance *in, struct sink *ret,
                    struct imports *ret_imports, struct err *err) {
    struct store_sink *s = xcalloc(1, sizeof *s);
    const struct cmd_store store = {.in = in, .config = config, .client = in->client};
    s->config = config;
    s->in = in;
    int rc = cmd_store_catch_up(&store, err);
    if (rc == 0)
        rc = instance_load_imports(in, ret_imports, err);
    if (rc == 0)
        rc = instance_load_refiner(in, err); /* before any line is in the lake */
    if (rc == 0)
        rc = feed_open(in, &s->feed, err);
    if (rc != 0)
        store_close(s);
    else
        *ret = (struct sink){&store_ops, s};
    return rc;
}

int sink_open(const struct config *config, const char *data_dir, struct sink *ret,
              struct imports *ret_imports, struct err *err) {
    struct remote *remote = NULL;
    struct instance *in = NULL;
    int rc = cmd_open_store(config, data_dir, "import", instance_open_refining, &remote, &in, err);
    if (rc != 0)
        return rc;
    stop_on_signals();
    return remote != NULL ? sink_open_server(data_dir, remote, ret, ret_imports, err)
                          : sink_open_store(config, in, ret, ret_imports, err);
}

void sink_close(struct sink *sink) {
    if (sink->ops != NULL)
        sink->ops->close(sink->impl);
    *sink = (struct sink){0};
}

/* /healthz, /readyz, /metrics. */
#include "api/internal.h"
#include "daemon/tails.h"

#include <microhttpd.h>

void api_healthz(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    buf_add_cstr(http_out(x), "ok\n");
    http_reply(x, MHD_HTTP_OK);
}

void api_readyz(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct live_state state = live_state(api->options.live);
    bool full = false;
    for (size_t i = 0; i < instance_n_datasets; i++)
        full = full || intake_counts(live_intake(api->options.live, instance_datasets[i])).full;
    if (full)
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "no space left on the disk");
    else if (!state.ready)
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "%s",
                         state.error.code != 0 ? state.error.text
                                               : "the store is still catching up");
    else
        buf_add_cstr(http_out(x), "ready\n"), http_reply(x, MHD_HTTP_OK);
}

/* --- metrics --- */

static void begin_metric(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP caskalytics_%s %s\n# TYPE caskalytics_%s %s\n", name, help, name, type);
}

static void add_metric(struct buf *out, const char *name, const char *type, const char *help,
                       uint64_t value) {
    begin_metric(out, name, type, help);
    buf_printf(out, "caskalytics_%s %llu\n", name, (unsigned long long)value);
}

static void add_intakes(struct api *api, struct buf *out) {
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"intake_records_total", "Records written to the lake.",
         offsetof(struct intake_counts, records)},
        {"intake_blocks_total", "Blocks written to the lake.",
         offsetof(struct intake_counts, blocks)},
        {"intake_bytes_total", "Bytes of records written to the lake.",
         offsetof(struct intake_counts, bytes)},
        {"intake_refused_total", "Requests that the lake did not take.",
         offsetof(struct intake_counts, refused)},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        begin_metric(out, rows[r].name, "counter", rows[r].help);
        for (size_t i = 0; i < instance_n_datasets; i++) {
            struct intake_counts counts =
                intake_counts(live_intake(api->options.live, instance_datasets[i]));
            uint64_t value;
            memcpy(&value, (const char *)&counts + rows[r].offset, sizeof value);
            buf_printf(out, "caskalytics_%s{dataset=\"%s\"} %llu\n", rows[r].name,
                       dataset_name(instance_datasets[i]), (unsigned long long)value);
        }
    }
}

static void add_requests(struct api *api, struct buf *out) {
    begin_metric(out, "http_requests_total", "counter", "HTTP requests by route and status.");
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct api_route *route = api_routes[i].extra;
        for (unsigned h = 1; h < ARRAY_LEN(api->counts[i].requests); h++) {
            unsigned long long n = api->counts[i].requests[h];
            if (n > 0)
                buf_printf(out,
                           "caskalytics_http_requests_total{route=\"%s\",status=\"%uxx\"} %llu\n",
                           route->name + strlen("api_"), h, n);
        }
    }
}

static void add_tails(struct api *api, struct buf *out) {
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } rows[] = {
        {"tail_lines_total", "counter", "Lines that a tail source wrote to the lake.",
         offsetof(struct tail_source_status, lines)},
        {"tail_lag_bytes", "gauge", "Bytes of followed files that are not in the lake yet.",
         offsetof(struct tail_source_status, lag)},
    };
    struct tail_status status = {0};
    if (api->options.tails != NULL)
        tails_status(api->options.tails, &status);
    for (size_t r = 0; status.sources.len > 0 && r < ARRAY_LEN(rows); r++) {
        begin_metric(out, rows[r].name, rows[r].type, rows[r].help);
        for (size_t i = 0; i < status.sources.len; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&status.sources.items[i] + rows[r].offset, sizeof value);
            buf_printf(out, "caskalytics_%s{source=\"", rows[r].name);
            buf_add_json(out, str_from(status.sources.items[i].id));
            buf_printf(out, "\"} %llu\n", (unsigned long long)value);
        }
    }
    tail_status_release(&status);
}

void api_metrics(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct buf *out = http_out(x);
    struct live_state state = live_state(api->options.live);
    add_metric(out, "ready", "gauge", "1 when questions are answered from all records.",
               state.ready);
    add_metric(out, "engine_starts_total", "counter", "Starts of the engine process.",
               state.engine_starts);
    add_metric(out, "store_version", "counter", "Changes of what questions are answered with.",
               state.version);
    add_metric(out, "lines_accepted_total", "counter", "Lines that became events.", state.accepted);
    add_metric(out, "lines_rejected_total", "counter", "Lines that were rejected.", state.rejected);
    begin_metric(out, "store_lag_blocks", "gauge", "Durable blocks that are not in the store.");
    for (size_t i = 0; i < instance_n_datasets; i++) {
        enum dataset d = instance_datasets[i];
        buf_printf(out, "caskalytics_store_lag_blocks{dataset=\"%s\"} %llu\n", dataset_name(d),
                   (unsigned long long)(state.durable[d] - state.applied[d]));
    }
    struct answers_counts answers = answers_counts(api->answers);
    add_metric(out, "answers_hits_total", "counter", "Questions answered from the cache.",
               answers.hits);
    add_metric(out, "answers_misses_total", "counter", "Questions that were computed.",
               answers.misses);
    add_metric(out, "answers_bytes", "gauge", "Bytes of answers in the cache.", answers.bytes);
    add_intakes(api, out);
    add_tails(api, out);
    add_requests(api, out);
    http_set_header(x, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    http_reply(x, MHD_HTTP_OK);
}

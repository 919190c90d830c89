#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/overview.h"
#include "cmd/store.h"
#include "query/query.h"

/* Above so many dirty rows an answer from raw rows takes longer than one is willing to wait. */
#define SEAL_ROWS ((uint64_t)200000)

static int fill_question(const struct cmd_args *args, struct question *q, struct err *err) {
    static const char *const options[] = {"site", "from",    "to",    "by",   "group", "filter",
                                          "tz",   "compare", "align", "bots", "order", "limit"};
    int rc = 0;
    if (args->words.len > 0)
        rc = question_set(q, STR("metrics"), str_from(args->words.items[0]), err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(options); i++) {
        const char *value;
        for (size_t j = 0; rc == 0 && (value = cmd_value(args, options[i], j)) != NULL; j++)
            rc = question_set(q, str_from(options[i]), str_from(value), err);
    }
    q->fill = cmd_given(args, "fill");
    if (rc == 0 && q->n_metrics > 0)
        rc = question_check(q, err);
    return rc;
}

static int read_args(const struct cmd_args *args, struct question *q, enum output_format *format,
                     struct err *err) {
    const char *wanted = cmd_value(args, "format", 0);
    *format = OUTPUT_TABLE;
    int rc = fill_question(args, q, err);
    if (rc == 0 && wanted != NULL)
        rc = output_format_parse(str_from(wanted), format, err);
    if (rc == 0 && q->n_metrics == 0 && *format != OUTPUT_TABLE)
        rc = err_set(err, ERR_USAGE,
                     "--format needs a metric: caskalytics stats pageviews --format %s", wanted);
    return rc;
}

static int print(const struct query_env *env, const struct question *q, enum output_format format,
                 const struct output_style *style, struct buf *out, struct err *err) {
    struct result result;
    double seconds = 0;
    if (q->n_metrics == 0)
        return cmd_overview(env, q, style, out, err);
    int rc = query_run(env, q, &result, &seconds, err);
    log_line(LOG_DEBUG, "query", "engine_ms=%.1f", seconds * 1000);
    if (rc == 0) {
        result_print(&result, format, style, out);
        query_free_result(&result);
    }
    return rc;
}

int stats_answer(const struct cmd_store *store, const struct cmd_request *request, struct buf *out,
                 struct err *err) {
    struct question q = {0};
    enum output_format format;
    int rc = read_args(request->args, &q, &format, err);
    uint64_t rebuilds = cmd_store_rebuilds(store); /* before it is known to be complete */
    if (rc == 0)
        rc = cmd_store_catch_up(store, err);
    if (rc == 0 && store->live == NULL) /* a server seals by itself */
        rc = cmd_seal_if_large(store->in, SEAL_ROWS, err);
    struct live_state state = {0};
    if (store->live != NULL)
        state = live_state(store->live);
    const struct query_env env = {.config = store->config,
                                  .client = store->client,
                                  .cube = store->in->cube,
                                  .now = clock_now_ms(&clock_system) / 1000,
                                  .applied = store->live != NULL ? state.applied : NULL};
    unsigned tries = 0;
    if (rc == 0)
        do {
            uint64_t starts = cmd_store_starts(store);
            buf_clear(out);
            rc = print(&env, &q, format, &request->style, out, err);
            if (cmd_store_starts(store) != starts)
                rc = err_set(err, ERR_AWAY, "the engine was started again");
        } while (cmd_store_again(store, rc, &tries));
    if (cmd_store_rebuilds(store) != rebuilds)
        rc = err_set(err, ERR_AWAY, "the store is being rebuilt");
    if (rc != 0)
        buf_clear(out);
    return rc;
}

int cmd_run_stats(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct question q = {0};
    enum output_format format;
    int rc = read_args(args, &q, &format, err); /* mistakes are said before anything is opened */
    return rc == 0 ? cmd_with_store(ctx, args, STR(""), err) : rc;
}

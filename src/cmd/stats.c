#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/overview.h"
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

static int print(struct instance *in, const struct question *q, enum output_format format,
                 struct err *err) {
    struct query_env env = {in->config, in->client, in->cube, clock_now_ms(&clock_system) / 1000};
    struct output_style style = cmd_output_style();
    struct result result;
    struct buf out = {0};
    int rc;
    if (q->n_metrics == 0) {
        rc = cmd_overview(in, q, &style, &out, err);
    } else {
        double seconds = 0;
        rc = query_run(&env, q, &result, &seconds, err);
        log_line(LOG_DEBUG, "query", "engine_ms=%.1f", seconds * 1000);
        if (rc == 0) {
            result_print(&result, format, &style, &out);
            query_free_result(&result);
        }
    }
    if (rc == 0)
        rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

int cmd_run_stats(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct question q = {0};
    struct config *config = NULL;
    struct instance *in = NULL;
    enum output_format format = OUTPUT_TABLE;
    const char *wanted = cmd_value(args, "format", 0);
    int rc = fill_question(args, &q, err);
    if (rc == 0 && wanted != NULL)
        rc = output_format_parse(str_from(wanted), &format, err);
    if (rc == 0 && q.n_metrics == 0 && format != OUTPUT_TABLE)
        rc = err_set(err, ERR_USAGE,
                     "--format needs a metric: caskalytics stats pageviews --format %s", wanted);
    if (rc == 0)
        rc = cmd_config(ctx, &config, err);
    if (rc == 0)
        rc = instance_open(config, cmd_data_dir(ctx, config), "stats", &in, err);
    if (rc == 0)
        rc = instance_catch_up(in, NULL, NULL, err);
    if (rc == 0)
        rc = cmd_seal_if_large(in, SEAL_ROWS, err);
    if (rc == 0)
        rc = print(in, &q, format, err);
    instance_close(in);
    config_free(config);
    return rc;
}

#include "cmd/overview.h"

#include "base/log.h"
#include "cmd/cmd.h"
#include "query/query.h"
#include <unistd.h>

#define CHART_ROWS 10 /* of the chart over time: the newest */
#define TOP_ROWS 4    /* of each list */

static int show_progress(void *arg, uint64_t done, uint64_t all) {
    UNUSED(arg);
    if (cmd_is_terminal(STDERR_FILENO)) {
        struct buf line = {0};
        buf_printf(&line, "\rpreparing fast answers: %3.0f %%",
                   all ? 100.0 * (double)done / (double)all : 100.0);
        (void)!write(STDERR_FILENO, line.ptr, line.len);
        buf_release(&line);
    }
    return 0;
}

int cmd_seal_if_large(struct instance *in, uint64_t least_rows, struct err *err) {
    int64_t now = clock_now_ms(&clock_system) / 1000;
    uint64_t rows = 0;
    if (!in->config->seal)
        return 0;
    int rc = cube_unsealed_rows(in->cube, now, &rows, err);
    if (rc != 0 || rows < least_rows)
        return rc;
    rc = cube_seal(in->cube, now, show_progress, NULL, err);
    if (cmd_is_terminal(STDERR_FILENO))
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    if (rc == ERR_ENGINE || rc == ERR_USAGE) { /* raw rows give the same answer, only later */
        log_line(LOG_WARN, "seal_failed", "error=\"%s\"", err != NULL ? err->text : "");
        rc = 0;
    }
    return rc;
}

struct output_style cmd_output_style(void) {
    bool terminal = cmd_is_terminal(STDOUT_FILENO);
    return (struct output_style){.color = cmd_has_color(STDOUT_FILENO),
                                 .width = terminal ? (unsigned)cmd_width(STDOUT_FILENO) : 0};
}

/* Grain that gives a chart of at most a few dozen rows. */
static enum grain chart_grain(int64_t seconds) {
    static const struct {
        int64_t days;
        enum grain grain;
    } steps[] = {{2, GRAIN_HOUR}, {62, GRAIN_DAY}, {180, GRAIN_WEEK}, {1100, GRAIN_MONTH}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (seconds <= steps[i].days * 86400)
            return steps[i].grain;
    return GRAIN_YEAR;
}

/* "example.org, 2015-03-15 to 2015-04-23 (UTC), without bots" */
static void heading(struct buf *out, const struct question *q, const struct result *r) {
    static const char *const bots[] = {"without bots", "with bots", "bots only"};
    struct buf from = {0}, to = {0};
    zone_format(r->zone, r->from, &from);
    zone_format(r->zone, r->to - 1, &to);
    if (q->n_sites == 0)
        buf_add_cstr(out, "All sites");
    for (size_t i = 0; i < q->n_sites; i++) {
        buf_add_cstr(out, i ? ", " : "");
        buf_add_utf8(out, q->sites[i]);
    }
    buf_printf(out, ", %.10s to %.10s (%s), %s\n\n", buf_cstr(&from), buf_cstr(&to),
               zone_name(r->zone), bots[q->bots]);
    buf_release(&from);
    buf_release(&to);
}

static void title(struct buf *out, const struct output_style *style, const char *text) {
    buf_printf(out, style->color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

/* Ask and append one table; lists that would be empty are left out. */
static int section(const struct query_env *env, const struct question *q, const char *name,
                   const struct output_style *style, size_t last_rows, struct buf *out,
                   struct err *err) {
    struct result result;
    int rc = query_run(env, q, &result, NULL, err);
    if (rc != 0)
        return rc;
    size_t skip = last_rows > 0 && result.n_rows > last_rows ? result.n_rows - last_rows : 0;
    if (result.n_rows > 0) {
        struct result shown = result;
        shown.values += skip * result.n_columns;
        shown.n_rows -= skip;
        shown.total = NULL;
        title(out, style, name);
        result_print(&shown, OUTPUT_TABLE, style, out);
    }
    query_free_result(&result);
    return 0;
}

static int top(const struct query_env *env, const struct question *base, enum metric metric,
               enum dimension dimension, const char *name, const struct output_style *style,
               struct buf *out, struct err *err) {
    struct question q = *base;
    q.metrics[0] = metric;
    q.n_metrics = 1;
    if (metric == METRIC_pageviews)
        q.metrics[q.n_metrics++] = METRIC_visitors;
    q.group[0] = dimension;
    q.n_group = 1;
    q.limit = TOP_ROWS;
    return section(env, &q, name, style, 0, out, err);
}

int cmd_overview(const struct query_env *env, const struct question *base,
                 const struct output_style *style, struct buf *out, struct err *err) {
    static const enum metric headline[] = {METRIC_pageviews,   METRIC_sessions,  METRIC_visitors,
                                           METRIC_bounce_rate, METRIC_downloads, METRIC_hits,
                                           METRIC_errors,      METRIC_bytes};
    struct question q = *base;
    q.n_metrics = ARRAY_LEN(headline);
    memcpy(q.metrics, headline, sizeof headline);
    struct result result;
    int rc = query_run(env, &q, &result, NULL, err);
    if (rc != 0)
        return rc;
    struct result one = result;
    one.total = NULL; /* the one row says it */
    heading(out, base, &result);
    result_print(&one, OUTPUT_TABLE, &(struct output_style){.color = style->color}, out);
    int64_t seconds = result.to - result.from;
    query_free_result(&result);

    struct question chart = *base;
    chart.metrics[0] = METRIC_pageviews;
    chart.metrics[1] = METRIC_sessions;
    chart.metrics[2] = METRIC_visitors;
    chart.n_metrics = 3;
    chart.by = chart_grain(seconds);
    rc = section(env, &chart, "Over time", style, CHART_ROWS, out, err);
    if (rc == 0)
        rc = top(env, base, METRIC_pageviews, DIM_path, "Pages", style, out, err);
    if (rc == 0)
        rc = top(env, base, METRIC_sessions, DIM_referrer_domain, "Referrers", style, out, err);
    if (rc == 0)
        rc = top(env, base, METRIC_pageviews, DIM_country, "Countries", style, out, err);
    if (rc == 0)
        rc = top(env, base, METRIC_downloads, DIM_path, "Downloads", style, out, err);
    return rc;
}

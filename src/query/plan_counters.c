/* SQL of counters (docs/definitions.md). The last value that a bucket of time has of a repository
 * is its counter there; what it was before is the last value of the bucket before that has one,
 * however long ago, or else the first value of the bucket itself. So the differences of the buckets
 * are the difference of the whole:
 *
 *     github         rows up to the end of the question, as filtered
 *     by bucket      of each repository and group: the first and the last value of each counter
 *     by repository  buckets in order, and beside each the last value of the one before
 *     sums           over repositories, of the buckets that are asked for
 *
 * Values that are unknown (below zero) count as not there. Of several of one second that of the
 * later block is the last. */
#include "query/plan_internal.h"

#include "store/client.h"
#include <stdlib.h>

static bool is_asked(const struct plan *p, const struct counter_def *counter) {
    for (size_t i = 0; i < p->n_base; i++)
        if (p->base[i] == counter->value || p->base[i] == counter->change)
            return true;
    return false;
}

static bool wants_changes(const struct plan *p) {
    for (size_t i = 0; i < counter_defs_count; i++)
        for (size_t j = 0; j < p->n_base; j++)
            if (p->base[j] == counter_defs[i].change)
                return true;
    return false;
}

/* Start of the bucket of `time`. There is one for all that was before the question, and one for
 * each gap between its spans. */
static void sql_counter_bucket(const struct plan *p, struct buf *sql) {
    VEC(int64_t) borders = {0};
    int64_t at = 0;
    for (size_t i = 0; i < p->spans->len; i++) {
        const struct span *span = &p->spans->items[i];
        if (at < span->from)
            vec_push(&borders, at);
        vec_push(&borders, span->from);
        at = span->to;
    }
    vec_push(&borders, at);
    sql_border(sql, borders.items, borders.len, "time");
    vec_free(&borders);
}

/* Rows of the asked sites up to the end of the question. What was before it matters to changes
 * only.
 */
static void sql_rows(const struct plan *p, struct buf *sql) {
    const struct question *q = p->question;
    int64_t from = wants_changes(p) ? 0 : max_i64(p->spans->items[0].from, 0);
    int64_t to = max_i64(0, min_i64(p->spans->items[p->spans->len - 1].to, UINT32_MAX));
    buf_printf(sql,
               "SELECT *, toUnixTimestamp(ts) AS time FROM github WHERE ts >= %lld AND ts < %lld",
               (long long)from, (long long)to);
    for (size_t i = 0; i < q->n_sites; i++) {
        buf_add_cstr(sql, i ? " OR site = " : " AND (site = ");
        sql_quote(sql, q->sites[i]);
    }
    buf_add_cstr(sql, q->n_sites ? ")" : "");
    if (p->fence.len > 0)
        buf_printf(sql, " AND " STR_FMT, STR_ARG(p->fence));
}

/* b, repo, d0, ..., counters: [(name, first, last)], each as (whether it is unknown or known, time,
 * block, value). */
static void sql_by_bucket(const struct plan *p, struct buf *sql) {
    const char *comma = "";
    buf_add_cstr(sql, "SELECT ");
    sql_counter_bucket(p, sql);
    buf_add_cstr(sql, " AS b, repo");
    for (size_t i = 0; i < p->n_group; i++)
        buf_printf(sql, ", CAST(%s AS String) AS d%zu", dimension_sql(p->group[i], FACT_G), i);
    buf_add_cstr(sql, ", [");
    for (size_t i = 0; i < counter_defs_count; i++) {
        const char *name = counter_defs[i].name;
        if (!is_asked(p, &counter_defs[i]))
            continue;
        buf_printf(sql, "%s('%s', min((%s < 0, time, bid, %s)), max((%s >= 0, time, bid, %s)))",
                   comma, name, name, name, name, name);
        comma = ", ";
    }
    buf_add_cstr(sql, "] AS counters FROM (");
    sql_rows(p, sql);
    buf_add_cstr(sql, ") WHERE ");
    sql_filters(p, sql, FACT_G);
    buf_add_cstr(sql, " GROUP BY repo, ");
    sql_keys(p, sql);
}

/* ", d0, d1" */
static void sql_groups(const struct plan *p, struct buf *sql) {
    for (size_t i = 0; i < p->n_group; i++)
        buf_printf(sql, ", d%zu", i);
}

/* repo, counter, d0, ...; a: its buckets in order, befores: what was before each of them. */
static void sql_by_repository(const struct plan *p, struct buf *sql) {
    buf_add_cstr(sql, "SELECT counter");
    sql_groups(p, sql);
    buf_add_cstr(sql,
                 ", arraySort(groupArray((b, first, last))) AS a, arrayMap(x -> x.3, a) AS lasts,"
                 " arrayPushFront(arrayPopBack(lasts), a[1].2) AS befores"
                 " FROM (SELECT b, repo, c.1 AS counter, c.2.4 AS first, c.3.4 AS last");
    sql_groups(p, sql);
    buf_add_cstr(sql, " FROM (");
    sql_by_bucket(p, sql);
    buf_add_cstr(sql, ") ARRAY JOIN counters AS c WHERE c.3.1 = 1) GROUP BY repo, counter");
    sql_groups(p, sql);
}

void plan_sql_counters(const struct plan *p, struct buf *sql) {
    struct ranges asked = {0};
    for (size_t i = 0; i < p->spans->len; i++)
        ranges_add(&asked, p->spans->items[i].from, p->spans->items[i].to);
    buf_add_cstr(sql, "SELECT ");
    sql_keys(p, sql);
    sql_measures(p, FACT_G, false, NULL, sql);
    buf_add_cstr(sql, " FROM (SELECT e.1 AS b, e.3 AS value, before, counter");
    sql_groups(p, sql);
    buf_add_cstr(sql, " FROM (");
    sql_by_repository(p, sql);
    buf_add_cstr(sql, ") ARRAY JOIN a AS e, befores AS before WHERE ");
    sql_ranges(sql, &asked, "e.1", 0, 0);
    buf_add_cstr(sql, ") GROUP BY ");
    sql_keys(p, sql);
    ranges_release(&asked);
}

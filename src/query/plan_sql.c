#include "query/plan_internal.h"

#include "store/client.h"
#include <stdlib.h>

/* --- SQL pieces --- */

static void sql_filter(struct buf *sql, const struct filter *f, enum fact fact) {
    const char *column = dimension_sql(f->dimension, fact);
    if (f->op == FILTER_MATCHES) {
        buf_printf(sql, "match(CAST(%s AS String), ", column);
        sql_quote(sql, f->value);
        buf_add_char(sql, ')');
    } else {
        buf_printf(sql, "%s %s ", column, f->op == FILTER_IS ? "=" : "!=");
        sql_quote(sql, f->value);
    }
}

void sql_filters(const struct plan *p, struct buf *sql, enum fact fact) {
    const struct question *q = p->question;
    bool all = fact == FACT_G || q->bots == BOTS_INCLUDE; /* nobody makes a counter */
    buf_add_cstr(sql, all ? "1" : q->bots == BOTS_EXCLUDE ? "bot = 0" : "bot = 1");
    for (size_t i = 0; i < q->n_filters; i++) {
        const struct filter *f = &q->filters[i];
        bool first = true;
        for (size_t j = 0; j < i; j++)
            if (f->op == FILTER_IS && q->filters[j].op == FILTER_IS &&
                q->filters[j].dimension == f->dimension)
                first = false; /* written with the first of them */
        if (!first)
            continue;
        buf_add_cstr(sql, " AND (");
        sql_filter(sql, f, fact);
        for (size_t j = i + 1; f->op == FILTER_IS && j < q->n_filters; j++) {
            if (q->filters[j].op != FILTER_IS || q->filters[j].dimension != f->dimension)
                continue;
            buf_add_cstr(sql, " OR ");
            sql_filter(sql, &q->filters[j], fact);
        }
        buf_add_char(sql, ')');
    }
}

void sql_keys(const struct plan *p, struct buf *sql) {
    buf_add_char(sql, 'b');
    for (size_t i = 0; i < p->n_group; i++)
        buf_printf(sql, ", d%zu", i);
}

/* "<bucket> AS b, <dimension> AS d0, ..." over rows with the column `time` */
static void sql_named_keys(const struct plan *p, enum fact fact, struct buf *sql) {
    const struct spans *spans = p->spans;
    if (spans->len == 1) {
        buf_printf(sql, "toUInt32(%lld)", (long long)max_i64(spans->items[0].from, 0));
    } else {
        int64_t *borders = xmalloc((spans->len + 1) * sizeof *borders);
        for (size_t i = 0; i < spans->len; i++)
            borders[i] = spans->items[i].from;
        borders[spans->len] = spans->items[spans->len - 1].to;
        sql_border(sql, borders, spans->len + 1, "time");
        free(borders);
    }
    buf_add_cstr(sql, " AS b");
    for (size_t i = 0; i < p->n_group; i++)
        buf_printf(sql, ", CAST(%s AS String) AS d%zu", dimension_sql(p->group[i], fact), i);
}

void sql_measures(const struct plan *p, enum fact fact, bool cells, const char *visitors,
                  struct buf *sql) {
    for (size_t i = 0; i < p->n_base; i++) {
        const struct metric_def *m = &metric_defs[p->base[i]];
        if (m->fact != fact)
            buf_printf(sql, ", toUInt64(0) AS m%zu", i);
        else if (visitors != NULL)
            buf_printf(sql, ", toUInt64(%s) AS m%zu", visitors, i);
        else if (cells)
            buf_printf(sql, ", toUInt64(sum(%s)) AS m%zu", m->name, i);
        else
            buf_printf(sql, ", toUInt64(%s) AS m%zu", m->sql, i);
    }
}

static void sql_union(struct buf *sql, size_t *branches) {
    if ((*branches)++ > 0)
        buf_add_cstr(sql, " UNION ALL ");
}

static void sql_cells(const struct plan *p, const struct cube_def *cube, const struct cover *cover,
                      struct buf *sql) {
    assert(cube != NULL);
    bool any = false;
    buf_printf(sql, "SELECT * FROM cube_%s WHERE (", cube->name);
    for (size_t g = 0; g < ARRAY_LEN(cover->cells); g++) {
        if (selection_empty(&cover->cells[g]))
            continue;
        buf_printf(sql, "%s(grain = %zu AND ", any ? " OR " : "", g);
        sql_selection(sql, &cover->cells[g], "time", 0, 0);
        buf_add_char(sql, ')');
        any = true;
    }
    buf_add_cstr(sql, ") AND ");
    buf_add_str(sql, buf_str(&p->snapshot->seals));
}

static void sql_views(const struct plan *p, const struct selection *clean, struct buf *sql) {
    buf_add_cstr(sql, "SELECT *, toUnixTimestamp(ts) AS time FROM views WHERE ");
    sql_selection(sql, clean, "ts", 0, 0);
    buf_add_cstr(sql, " AND ");
    buf_add_str(sql, buf_str(&p->snapshot->seals));
}

/* --- sums --- */

static void sql_sum_branch(const struct plan *p, enum fact fact, bool cells, struct buf *rows,
                           struct buf *sql, size_t *branches) {
    sql_union(sql, branches);
    buf_add_cstr(sql, "SELECT ");
    sql_named_keys(p, fact, sql);
    sql_measures(p, fact, cells, NULL, sql);
    buf_add_cstr(sql, " FROM (");
    buf_add_str(sql, buf_str(rows));
    buf_add_cstr(sql, ") WHERE ");
    sql_filters(p, sql, fact);
    buf_add_cstr(sql, " GROUP BY ");
    sql_keys(p, sql);
    buf_clear(rows);
}

/* What needs no flags to be made. */
static void sql_sums(const struct plan *p, enum fact fact, const struct sums_plan *s,
                     struct buf *sql, size_t *branches) {
    struct buf rows = {0};
    if (cover_has_cells(&s->cover)) {
        sql_cells(p, s->cube, &s->cover, &rows);
        sql_sum_branch(p, fact, true, &rows, sql, branches);
    }
    if (!selection_empty(&s->views)) {
        sql_views(p, &s->views, &rows);
        sql_sum_branch(p, fact, false, &rows, sql, branches);
    }
    if (fact == FACT_E && !selection_empty(&s->raw)) {
        sql_raw_rows(&rows, fact, &s->raw, p->fence);
        sql_sum_branch(p, fact, false, &rows, sql, branches);
    }
    buf_release(&rows);
}

/* --- distinct visitors --- */

/* Rows of page views with b, d0, ..., visitor: from events where flags do not matter. */
static void sql_visitor_rows(const struct plan *p, bool flagged, const struct selection *rows,
                             struct buf *sql) {
    struct selection clean = {0}, dirty = {0};
    struct buf from[3] = {{0}, {0}, {0}};
    if (flagged) {
        plan_split_clean(p, rows, &clean, &dirty);
        if (!selection_empty(&clean))
            sql_views(p, &clean, &from[0]);
        if (!selection_empty(&dirty))
            sql_raw_rows(&from[1], FACT_V, &dirty, p->fence);
    } else {
        sql_raw_rows(&from[2], FACT_U, rows, p->fence);
    }
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        if (from[i].len == 0)
            continue;
        sql_union(sql, &n);
        buf_add_cstr(sql, "SELECT ");
        sql_named_keys(p, FACT_U, sql);
        buf_add_cstr(sql, ", visitor FROM (");
        buf_add_str(sql, buf_str(&from[i]));
        buf_add_cstr(sql, ") WHERE ");
        sql_filters(p, sql, FACT_U);
        buf_release(&from[i]);
    }
    selection_release(&clean);
    selection_release(&dirty);
}

static void sql_merged(const struct plan *p, const struct visitors_plan *v, struct buf *sql) {
    size_t n = 0;
    buf_add_cstr(sql, "SELECT ");
    sql_keys(p, sql);
    sql_measures(p, FACT_U, false, "uniqCombinedMerge(st)", sql);
    buf_add_cstr(sql, " FROM (");
    if (cover_has_cells(&v->merged)) {
        sql_union(sql, &n);
        buf_add_cstr(sql, "SELECT ");
        sql_named_keys(p, FACT_U, sql);
        buf_add_cstr(sql, ", visitors_state AS st FROM (");
        sql_cells(p, v->cube, &v->merged, sql);
        buf_add_cstr(sql, ") WHERE ");
        sql_filters(p, sql, FACT_U);
    }
    if (!selection_empty(&v->merged.rows)) {
        sql_union(sql, &n);
        buf_add_cstr(sql, "SELECT ");
        sql_keys(p, sql);
        buf_add_cstr(sql, ", uniqCombinedState(visitor) AS st FROM (");
        sql_visitor_rows(p, v->flagged, &v->merged.rows, sql);
        buf_add_cstr(sql, ") GROUP BY ");
        sql_keys(p, sql);
    }
    buf_add_cstr(sql, ") GROUP BY ");
    sql_keys(p, sql);
}

static void sql_counted(const struct plan *p, const struct visitors_plan *v,
                        const struct selection *rows, struct buf *sql, size_t *branches) {
    sql_union(sql, branches);
    buf_add_cstr(sql, "SELECT ");
    sql_keys(p, sql);
    sql_measures(p, FACT_U, false, "uniqExact(visitor)", sql);
    buf_add_cstr(sql, " FROM (");
    sql_visitor_rows(p, v->flagged, rows, sql);
    buf_add_cstr(sql, ") GROUP BY ");
    sql_keys(p, sql);
}

/* What needs no flags to be made. */
static void sql_visitors(const struct plan *p, const struct visitors_plan *v, struct buf *sql,
                         size_t *branches) {
    struct buf rows = {0};
    if (cover_has_cells(&v->exact)) {
        sql_cells(p, v->cube, &v->exact, &rows);
        sql_sum_branch(p, FACT_U, true, &rows, sql, branches);
    }
    if (cover_has_cells(&v->merged)) {
        sql_union(sql, branches);
        sql_merged(p, v, sql);
    }
    if (selection_empty(&v->dirty) && !selection_empty(&v->rows))
        sql_counted(p, v, &v->rows, sql, branches);
    buf_release(&rows);
}

/* --- statements --- */

static void sql_piece(const struct prepared *prepared, const struct piece *piece, struct buf *sql,
                      size_t *branches) {
    const struct plan *p = prepared->plan;
    if (piece->fact == FACT_U) { /* the same part of those that have their flags */
        struct selection rows = prepared->visitors.rows;
        rows.part = piece->rows.part;
        rows.parts = piece->rows.parts;
        sql_counted(p, &prepared->visitors, &rows, sql, branches);
        return;
    }
    struct buf rows = {0};
    sql_raw_rows(&rows, piece->fact, &piece->rows, p->fence);
    sql_sum_branch(p, piece->fact, false, &rows, sql, branches);
    buf_release(&rows);
}

bool plan_sql(const struct prepared *prepared, bool rest, const struct piece *pieces, size_t n,
              struct buf *sql) {
    const struct plan *p = prepared->plan;
    struct buf inner = {0};
    size_t branches = 0;
    for (int fact = FACT_V; rest && fact <= FACT_E; fact++)
        if (prepared->sums[fact].asked)
            sql_sums(p, (enum fact)fact, &prepared->sums[fact], &inner, &branches);
    if (rest && prepared->visitors.asked)
        sql_visitors(p, &prepared->visitors, &inner, &branches);
    if (rest && prepared->counters) {
        sql_union(&inner, &branches);
        plan_sql_counters(p, &inner);
    }
    for (size_t i = 0; i < n; i++)
        sql_piece(prepared, &pieces[i], &inner, &branches);
    if (branches > 0) {
        buf_add_cstr(sql, "SELECT ");
        sql_keys(p, sql);
        for (size_t i = 0; i < p->n_base; i++)
            buf_printf(sql, ", sum(m%zu)", i);
        buf_add_cstr(sql, " FROM (");
        buf_add_str(sql, buf_str(&inner));
        buf_add_cstr(sql, ") GROUP BY ");
        sql_keys(p, sql);
    }
    buf_release(&inner);
    return branches > 0;
}

#include "query/plan.h"

#include "store/client.h"
#include <stdlib.h>

/* Where the rows of one fact come from. */
struct cover {
    struct selection cells[GRAIN_YEAR + 1]; /* by grain, of the chosen cube */
    struct selection rows;
};

static void cover_release(struct cover *cover) {
    for (size_t g = 0; g < ARRAY_LEN(cover->cells); g++)
        selection_release(&cover->cells[g]);
    selection_release(&cover->rows);
}

static bool has_cells(const struct cover *cover) {
    for (size_t g = 0; g < ARRAY_LEN(cover->cells); g++)
        if (!selection_empty(&cover->cells[g]))
            return true;
    return false;
}

/* --- which cube --- */

static bool is_grouped(const struct plan *p, enum dimension d) {
    for (size_t i = 0; i < p->n_group; i++)
        if (p->group[i] == d)
            return true;
    return false;
}

/* Exactly one value is left of this dimension. */
static bool is_pinned(const struct plan *p, enum dimension d) {
    size_t n = 0;
    for (size_t i = 0; i < p->question->n_filters; i++)
        if (p->question->filters[i].dimension == d && p->question->filters[i].op == FILTER_IS)
            n++;
    return n == 1;
}

static bool is_filtered(const struct plan *p, enum dimension d) {
    for (size_t i = 0; i < p->question->n_filters; i++)
        if (p->question->filters[i].dimension == d)
            return true;
    return false;
}

static bool fits(const struct plan *p, const struct cube_def *cube, enum fact fact) {
    enum dimension dims[CUBE_MAX_DIMENSIONS];
    size_t n = cube_dimensions(cube, dims);
    if (!cube_has_fact(cube, fact))
        return false;
    for (size_t d = 0; d < DIM_COUNT; d++) {
        if (d == DIM_site || d == DIM_bot || !(is_grouped(p, d) || is_filtered(p, d)))
            continue;
        bool found = false;
        for (size_t i = 0; i < n; i++)
            found = found || dims[i] == d;
        if (!found)
            return false;
    }
    /* visitors add over dimensions of the visitor only */
    for (size_t i = 0; fact == FACT_U && i < n; i++)
        if (!dimension_of_visitor(dims[i]) && !is_grouped(p, dims[i]) && !is_pinned(p, dims[i]))
            return false;
    return true;
}

/* The first one: cubes.def lists them from small to large. NULL: raw rows. */
static const struct cube_def *choose_cube(const struct plan *p, enum fact fact) {
    for (size_t i = 0; i < cube_defs_count; i++)
        if (fits(p, &cube_defs[i], fact))
            return &cube_defs[i];
    return NULL;
}

/* --- which time --- */

static bool same_zone(const struct plan *p, const struct cube_site *site) {
    return strcmp(site->zone, zone_name(p->zone)) == 0;
}

/* Cover [from, to) of a site with the coarsest cells that fit, and rows where there are none. The
 * site has no rows beside its extent, so the first cell may begin before it and the last end behind
 * it. */
static void cover_span(const struct plan *p, const struct cube_def *cube,
                       const struct cube_site *site, int64_t from, int64_t to, struct cover *ret) {
    assert(site != NULL);
    struct str name = str_from(site->name);
    int64_t start = max_i64(from, site->first), end = min_i64(to, site->last);
    if (start >= end)
        return;
    if (cube == NULL || !same_zone(p, site)) {
        ranges_add(selection_site(&ret->rows, name), start, end);
        return;
    }
    for (int64_t at = start; at < end;) {
        int64_t next = 0;
        for (int g = GRAIN_YEAR; g >= GRAIN_HOUR && next == 0; g--) {
            enum grain grain = (enum grain)g;
            if (grain == GRAIN_WEEK || !cube_has_grain(cube, grain))
                continue; /* weeks lie across months; days are as good */
            int64_t first = zone_floor(p->zone, grain, at), behind = zone_next(p->zone, grain, at);
            if ((first != at && (at != start || first < from)) || behind > to ||
                !cube_site_covers(site, cube, grain, first, behind))
                continue;
            ranges_add(selection_site(&ret->cells[grain], name), max_i64(first, 0), behind);
            next = behind;
        }
        if (next == 0) {
            next = min_i64(zone_next(p->zone, GRAIN_HOUR, at), end);
            ranges_add(selection_site(&ret->rows, name), at, next);
        }
        at = next;
    }
}

/* --- SQL pieces --- */

static const char *dimension_sql(enum dimension d, enum fact fact) {
    return fact == FACT_V || fact == FACT_U ? dimension_defs[d].views_sql
                                            : dimension_defs[d].events_sql;
}

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

/* All filters hold; several values asked of one dimension by = are alternatives. */
static void sql_filters(const struct plan *p, struct buf *sql, enum fact fact) {
    const struct question *q = p->question;
    buf_add_cstr(sql, q->bots == BOTS_EXCLUDE ? "bot = 0" : q->bots == BOTS_ONLY ? "bot = 1" : "1");
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

/* "b, d0, d1" */
static void sql_keys(const struct plan *p, struct buf *sql) {
    buf_add_char(sql, 'b');
    for (size_t i = 0; i < p->n_group; i++)
        buf_printf(sql, ", d%zu", i);
}

/* "<bucket> AS b, <dimension> AS d0, ..." over rows with the column `time` */
static void sql_named_keys(const struct plan *p, enum fact fact, struct buf *sql) {
    const struct spans *spans = p->spans;
    if (spans->len == 1) {
        buf_printf(sql, "toUInt32(%lld)", (long long)spans->items[0].from);
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

/* ", m0, m1, ...": the metrics of this fact, 0 for the others. */
static void sql_measures(const struct plan *p, enum fact fact, bool cells, const char *visitors,
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

/* Parts of `rows` that are clean, and those that are not. */
static void split_clean(const struct plan *p, const struct selection *rows, struct selection *clean,
                        struct selection *dirty) {
    for (size_t i = 0; i < rows->len; i++) {
        const struct cube_site *site = NULL;
        for (size_t j = 0; j < p->n_sites; j++)
            if (str_is(rows->items[i].site, p->sites[j]->name))
                site = p->sites[j];
        assert(site != NULL);
        for (size_t j = 0; j < rows->items[i].ranges.len; j++) {
            struct range r = rows->items[i].ranges.items[j];
            ranges_clip(&site->clean, r.from, r.to, true,
                        selection_site(clean, rows->items[i].site));
            ranges_clip(&site->clean, r.from, r.to, false,
                        selection_site(dirty, rows->items[i].site));
        }
    }
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

static void plan_sums(const struct plan *p, enum fact fact, struct buf *sql, size_t *branches) {
    const struct cube_def *cube = choose_cube(p, fact);
    struct cover cover = {0};
    struct selection clean = {0}, dirty = {0};
    struct buf rows = {0};
    for (size_t i = 0; i < p->n_sites; i++)
        for (size_t j = 0; j < p->spans->len; j++)
            cover_span(p, cube, p->sites[i], p->spans->items[j].from, p->spans->items[j].to,
                       &cover);
    if (has_cells(&cover)) {
        sql_cells(p, cube, &cover, &rows);
        sql_sum_branch(p, fact, true, &rows, sql, branches);
    }
    if (fact == FACT_V) {
        split_clean(p, &cover.rows, &clean, &dirty);
        if (!selection_empty(&clean)) {
            sql_views(p, &clean, &rows);
            sql_sum_branch(p, fact, false, &rows, sql, branches);
        }
    }
    const struct selection *raw = fact == FACT_V ? &dirty : &cover.rows;
    if (!selection_empty(raw)) {
        sql_raw_rows(&rows, fact, raw);
        sql_sum_branch(p, fact, false, &rows, sql, branches);
    }
    buf_release(&rows);
    selection_release(&clean);
    selection_release(&dirty);
    cover_release(&cover);
}

/* --- distinct visitors --- */

struct visitors_plan {
    const struct cube_def *cube; /* NULL: rows only */
    const struct cube_site
        *one;              /* whose cells count: a site, ALL_SITES; NULL: none by themselves */
    bool states;           /* states of totals can be merged */
    struct cover exact;    /* exact cells */
    struct cover merged;   /* states: cells and rows */
    struct selection rows; /* counted exactly from rows */
};

/* The grain of which this is one whole bucket, GRAIN_NONE if there is none. Of several (a month
 * that is a quarter does not exist) the finest. */
static enum grain whole_bucket(const struct plan *p, const struct span *span) {
    for (int g = GRAIN_HOUR; g <= GRAIN_YEAR; g++)
        if (zone_floor(p->zone, (enum grain)g, span->from) == span->from &&
            zone_next(p->zone, (enum grain)g, span->from) == span->to)
            return (enum grain)g;
    return GRAIN_NONE;
}

static void add_rows(const struct plan *p, const struct cube_site *site, const struct span *span,
                     struct selection *rows) {
    UNUSED(p);
    assert(site != NULL);
    ranges_add(selection_site(rows, str_from(site->name)), max_i64(span->from, site->first),
               min_i64(span->to, site->last));
}

/* One span, of one site or (site NULL) of all asked sites together. */
static void visitors_span(const struct plan *p, struct visitors_plan *v,
                          const struct cube_site *site, const struct span *span) {
    const struct cube_site *cells = site != NULL ? site : v->one;
    enum grain whole = whole_bucket(p, span);
    size_t first = 0, end = p->n_sites;
    for (size_t i = 0; site != NULL && i < p->n_sites; i++)
        if (p->sites[i] == site)
            first = i, end = i + 1;
    if (v->cube != NULL && cells != NULL && same_zone(p, cells) && whole != GRAIN_NONE &&
        cube_has_grain(v->cube, whole) &&
        cube_site_covers(cells, v->cube, whole, span->from, span->to)) {
        ranges_add(selection_site(&v->exact.cells[whole], str_from(cells->name)), span->from,
                   span->to);
        return;
    }
    bool merge = v->states && (whole == GRAIN_NONE || cells == NULL);
    for (size_t i = first; i < end; i++) {
        if (merge)
            cover_span(p, v->cube, p->sites[i], span->from, span->to, &v->merged);
        else
            add_rows(p, p->sites[i], span, &v->rows);
    }
}

static bool needs_flags(const struct plan *p) {
    for (size_t d = 0; d < DIM_COUNT; d++)
        if (dimension_of_session((enum dimension)d) && (is_grouped(p, d) || is_filtered(p, d)))
            return true;
    return false;
}

/* Rows of page views with b, d0, ..., visitor: from events where flags do not matter. */
static void sql_visitor_rows(const struct plan *p, const struct selection *rows, struct buf *sql) {
    struct selection clean = {0}, dirty = {0};
    struct buf from[3] = {{0}, {0}, {0}};
    if (needs_flags(p)) {
        split_clean(p, rows, &clean, &dirty);
        if (!selection_empty(&clean))
            sql_views(p, &clean, &from[0]);
        if (!selection_empty(&dirty))
            sql_raw_rows(&from[1], FACT_V, &dirty);
    } else {
        sql_raw_rows(&from[2], FACT_U, rows);
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

static void sql_merged(const struct plan *p, struct visitors_plan *v, struct buf *sql) {
    size_t n = 0;
    buf_add_cstr(sql, "SELECT ");
    sql_keys(p, sql);
    sql_measures(p, FACT_U, false, "uniqCombinedMerge(st)", sql);
    buf_add_cstr(sql, " FROM (");
    if (has_cells(&v->merged)) {
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
        sql_visitor_rows(p, &v->merged.rows, sql);
        buf_add_cstr(sql, ") GROUP BY ");
        sql_keys(p, sql);
    }
    buf_add_cstr(sql, ") GROUP BY ");
    sql_keys(p, sql);
}

static void sql_visitors(const struct plan *p, struct visitors_plan *v, struct buf *sql,
                         size_t *branches) {
    struct buf rows = {0};
    if (has_cells(&v->exact)) {
        sql_cells(p, v->cube, &v->exact, &rows);
        sql_sum_branch(p, FACT_U, true, &rows, sql, branches);
    }
    /* without cells to merge with, counting exactly costs the same */
    if (!has_cells(&v->merged)) {
        for (size_t i = 0; i < v->merged.rows.len; i++)
            for (size_t j = 0; j < v->merged.rows.items[i].ranges.len; j++)
                ranges_add(selection_site(&v->rows, v->merged.rows.items[i].site),
                           v->merged.rows.items[i].ranges.items[j].from,
                           v->merged.rows.items[i].ranges.items[j].to);
    } else {
        sql_union(sql, branches);
        sql_merged(p, v, sql);
    }
    if (!selection_empty(&v->rows)) {
        sql_union(sql, branches);
        buf_add_cstr(sql, "SELECT ");
        sql_keys(p, sql);
        sql_measures(p, FACT_U, false, "uniqExact(visitor)", sql);
        buf_add_cstr(sql, " FROM (");
        sql_visitor_rows(p, &v->rows, sql);
        buf_add_cstr(sql, ") GROUP BY ");
        sql_keys(p, sql);
    }
    buf_release(&rows);
}

static void plan_visitors(const struct plan *p, struct buf *sql, size_t *branches) {
    struct visitors_plan v = {.cube = choose_cube(p, FACT_U)};
    bool by_site = is_grouped(p, DIM_site);
    v.states = v.cube != NULL && strcmp(v.cube->dimensions, "") == 0;
    if (p->n_sites == 1)
        v.one = p->sites[0];
    else if (p->all_sites && !is_filtered(p, DIM_site))
        for (size_t i = 0; i < p->snapshot->state.sites.len; i++)
            if (strcmp(p->snapshot->state.sites.items[i].name, ALL_SITES) == 0)
                v.one = &p->snapshot->state.sites.items[i];
    for (size_t j = 0; j < p->spans->len; j++) {
        if (!by_site)
            visitors_span(p, &v, NULL, &p->spans->items[j]);
        for (size_t i = 0; by_site && i < p->n_sites; i++)
            visitors_span(p, &v, p->sites[i], &p->spans->items[j]);
    }
    sql_visitors(p, &v, sql, branches);
    cover_release(&v.exact);
    cover_release(&v.merged);
    selection_release(&v.rows);
}

static bool asks(const struct plan *p, enum fact fact) {
    for (size_t i = 0; i < p->n_base; i++)
        if (metric_defs[p->base[i]].fact == fact)
            return true;
    return false;
}

bool plan_sql(const struct plan *p, struct buf *sql) {
    struct buf inner = {0};
    size_t branches = 0;
    for (int fact = FACT_V; fact <= FACT_E; fact++)
        if (asks(p, (enum fact)fact))
            plan_sums(p, (enum fact)fact, &inner, &branches);
    if (asks(p, FACT_U))
        plan_visitors(p, &inner, &branches);
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

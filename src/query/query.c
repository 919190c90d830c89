#include "query/query.h"

#include "cube/snapshot.h"
#include "query/table.h"
#include <stdlib.h>

/* A question with its words turned into things: zone, instants, sites, sums. */
struct resolved {
    const struct query_env *env;
    const struct question *q;
    struct cube_snapshot snapshot;
    struct zone *zone;
    int64_t from, to;
    const struct cube_site **sites;
    size_t n_sites;
    bool all_sites;
    enum metric base[METRIC_COUNT];
    size_t n_base;
    double engine_seconds;
};

static void resolved_release(struct resolved *r) {
    cube_snapshot_release(&r->snapshot);
    zone_free(r->zone);
    free(r->sites);
}

/* --- resolving --- */

static bool is_real(const struct cube_site *site) {
    return strcmp(site->name, ALL_SITES) != 0 && site->last > site->first;
}

static bool is_configured(const struct config *config, struct str name) {
    for (size_t i = 0; i < config->n_sites; i++)
        if (str_is(name, config->sites[i].name))
            return true;
    return false;
}

static int unknown_site(const struct resolved *r, struct str name, struct err *err) {
    struct buf known = {0};
    for (size_t i = 0; i < r->snapshot.state.sites.len; i++) {
        const struct cube_site *site = &r->snapshot.state.sites.items[i];
        if (is_real(site))
            buf_printf(&known, "%s%s", known.len ? ", " : "", site->name);
    }
    int rc = err_set(err, ERR_USAGE, "there is no site '" STR_FMT "' (sites with data: %s)",
                     STR_ARG(name), known.len ? buf_cstr(&known) : "none yet");
    buf_release(&known);
    return rc;
}

static int resolve_sites(struct resolved *r, struct err *err) {
    struct cube_state *state = &r->snapshot.state;
    size_t real = 0;
    r->sites = xcalloc(state->sites.len + 1, sizeof *r->sites);
    for (size_t i = 0; i < state->sites.len; i++) {
        struct cube_site *site = &state->sites.items[i];
        bool asked = r->q->n_sites == 0;
        for (size_t j = 0; j < r->q->n_sites; j++)
            asked = asked || str_is(r->q->sites[j], site->name);
        real += is_real(site);
        if (is_real(site) && asked)
            r->sites[r->n_sites++] = site;
    }
    for (size_t j = 0; j < r->q->n_sites; j++) {
        const struct cube_site *site = cube_state_find(state, r->q->sites[j]);
        if ((site == NULL || !is_real(site)) && !is_configured(r->env->config, r->q->sites[j]))
            return unknown_site(r, r->q->sites[j], err);
    }
    r->all_sites = r->n_sites == real;
    return 0;
}

static int resolve_zone(struct resolved *r, struct err *err) {
    const char *name = r->env->config->timezone;
    if (r->q->n_sites == 1)
        name = config_site_zone(r->env->config, r->q->sites[0]);
    char *asked = r->q->zone.len > 0 ? str_dup(r->q->zone) : NULL;
    int rc = zone_open(asked ? asked : name, &r->zone, err);
    free(asked);
    return rc;
}

/* --from and --to, else the days (or asked buckets) that hold the first and the last row. */
static int resolve_range(struct resolved *r, struct err *err) {
    int64_t first = INT64_MAX, last = 0;
    enum grain grain = r->q->by > GRAIN_DAY ? r->q->by : GRAIN_DAY;
    for (size_t i = 0; i < r->n_sites; i++) {
        first = min_i64(first, r->sites[i]->first);
        last = max_i64(last, r->sites[i]->last);
    }
    if (r->n_sites == 0)
        first = last = r->env->now;
    r->from = zone_floor(r->zone, grain, first);
    r->to = zone_next(r->zone, grain, max_i64(last - 1, first));
    int rc = 0;
    if (r->q->from.len > 0)
        rc = zone_parse(r->zone, r->q->from, &r->from, err);
    if (rc != 0)
        return err_context(err, "--from");
    if (r->q->to.len > 0)
        rc = zone_parse(r->zone, r->q->to, &r->to, err);
    if (rc != 0)
        return err_context(err, "--to");
    if (r->from >= r->to && r->q->from.len > 0 && r->q->to.len > 0)
        return err_set(err, ERR_USAGE, "--from " STR_FMT " is not before --to " STR_FMT,
                       STR_ARG(r->q->from), STR_ARG(r->q->to));
    if (r->from >= r->to) /* all data lie on the other side of the one that was given */
        r->from = r->to = r->q->from.len > 0 ? r->from : r->to;
    return 0;
}

static void add_base(struct resolved *r, enum metric m) {
    for (size_t i = 0; i < r->n_base; i++)
        if (r->base[i] == m)
            return;
    r->base[r->n_base++] = m;
}

static void resolve_base(struct resolved *r) {
    for (size_t i = 0; i <= r->q->n_metrics; i++) {
        if (i == r->q->n_metrics && !r->q->has_order)
            continue;
        enum metric m = i < r->q->n_metrics ? r->q->metrics[i] : r->q->order;
        if (metric_defs[m].sql != NULL) {
            add_base(r, m);
        } else {
            add_base(r, metric_defs[m].over);
            add_base(r, metric_defs[m].under);
        }
    }
}

static int resolve(struct resolved *r, struct err *err) {
    cube_snapshot(r->env->cube, &r->snapshot);
    for (size_t i = 0; r->env->raw && i < r->snapshot.state.sites.len; i++) {
        r->snapshot.state.sites.items[i].clean.len = 0;
        r->snapshot.state.sites.items[i].units.len = 0;
    }
    int rc = resolve_sites(r, err);
    if (rc == 0)
        rc = resolve_zone(r, err);
    if (rc == 0)
        rc = resolve_range(r, err);
    resolve_base(r);
    return rc;
}

/* --- running --- */

/* The buckets of an answer and the one of its total, and those to compare with. */
struct frame {
    struct spans spans, whole, shifted, shifted_whole;
};

static int frame_make(const struct resolved *r, struct frame *f, struct err *err) {
    int rc = spans_make(r->zone, r->q->by, r->from, r->to, &f->spans, err);
    return rc == 0 ? spans_make(r->zone, GRAIN_NONE, r->from, r->to, &f->whole, err) : rc;
}

static void frame_release(struct frame *f) {
    spans_release(&f->spans);
    spans_release(&f->whole);
    spans_release(&f->shifted);
    spans_release(&f->shifted_whole);
}

/* Run for spans of which some may be empty; row.span is an index into `spans`. */
static int run(struct resolved *r, const struct spans *spans, bool grouped, struct table *ret,
               struct err *err) {
    struct spans live = {0};
    size_t *index = xcalloc(spans->len + 1, sizeof *index);
    for (size_t i = 0; i < spans->len; i++) {
        if (spans->items[i].from >= spans->items[i].to)
            continue;
        index[live.len] = i;
        vec_push(&live, spans->items[i]);
    }
    struct plan plan = {.question = r->q,
                        .snapshot = &r->snapshot,
                        .zone = r->zone,
                        .spans = &live,
                        .sites = r->sites,
                        .n_sites = live.len > 0 ? r->n_sites : 0,
                        .all_sites = r->all_sites,
                        .group = r->q->group,
                        .n_group = grouped ? r->q->n_group : 0,
                        .base = r->base,
                        .n_base = r->n_base};
    int rc = table_run(&plan, r->env->client, ret, &r->engine_seconds, err);
    for (size_t i = 0; rc == 0 && i < ret->len; i++)
        ret->items[i].span = index[ret->items[i].span];
    free(index);
    spans_release(&live);
    return rc;
}

static void drop_empty_rows(struct table *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->len; i++) {
        bool any = false;
        for (size_t j = 0; j < t->n_sums; j++)
            any = any || t->items[i].sums[j] > 0 ||
                  (t->items[i].previous != NULL && t->items[i].previous[j] > 0);
        if (any)
            t->items[kept++] = t->items[i];
    }
    t->len = kept;
}

/* Zeros to compare with, if the row's span has a counterpart. */
static void add_previous(struct table *t, struct table_row *row, const struct spans *shifted) {
    size_t bytes = (t->n_sums + 1) * sizeof(uint64_t);
    if (row->span < shifted->len && shifted->items[row->span].from < shifted->items[row->span].to)
        row->previous = memset(arena_alloc(&t->arena, bytes), 0, bytes);
}

/* Join the rows of the earlier period to those of the same span and group. */
static void join_previous(struct table *t, const struct table *earlier,
                          const struct spans *shifted) {
    size_t own = t->len;
    for (size_t i = 0; i < earlier->len; i++) {
        struct str *dims = arena_alloc(&t->arena, (t->n_dims + 1) * sizeof *dims);
        struct table sorted = *t;
        sorted.len = own; /* what is added behind is not in order */
        if (table_find(&sorted, earlier->items[i].span, earlier->items[i].dims) != NULL)
            continue;
        for (size_t d = 0; d < t->n_dims; d++)
            dims[d] = arena_dup(&t->arena, earlier->items[i].dims[d]);
        table_add(t, earlier->items[i].span, dims);
    }
    table_sort(t);
    for (size_t i = 0; i < t->len; i++) {
        struct table_row *row = &t->items[i];
        const struct table_row *before = table_find(earlier, row->span, row->dims);
        add_previous(t, row, shifted);
        if (before != NULL && row->previous != NULL)
            memcpy(row->previous, before->sums, t->n_sums * sizeof *before->sums);
    }
}

/* The rows of the question, with those of the comparison joined. */
static int run_compared(struct resolved *r, const struct spans *spans, const struct spans *shifted,
                        bool grouped, struct table *ret, struct err *err) {
    int rc = run(r, spans, grouped, ret, err);
    if (rc != 0 || r->q->compare == COMPARE_NONE || spans->len == 0)
        return rc;
    struct table earlier;
    rc = run(r, shifted, grouped, &earlier, err);
    if (rc == 0) {
        join_previous(ret, &earlier, shifted);
        table_release(&earlier);
    } else {
        table_release(ret);
    }
    return rc;
}

/* The time to compare with: of each span, and of all together. */
static void shift_spans(const struct resolved *r, struct frame *f) {
    const struct question *q = r->q;
    if (q->compare == COMPARE_NONE || f->spans.len == 0)
        return;
    spans_shift(r->zone, q->by, q->compare, r->env->now, &f->spans, &f->shifted);
    if (q->compare != COMPARE_PREVIOUS || q->by == GRAIN_NONE) {
        spans_shift(r->zone, GRAIN_NONE, q->compare, r->env->now, &f->whole, &f->shifted_whole);
        return;
    }
    /* as many buckets back as there are: not the same as so many days */
    struct span hull = {0};
    for (size_t i = 0; i < f->shifted.len; i++) {
        const struct span *span = &f->shifted.items[i];
        if (span->from >= span->to)
            continue;
        if (hull.from == hull.to)
            hull = *span;
        hull.to = span->to;
    }
    vec_push(&f->shifted_whole, hull);
}

/* --- shaping --- */

static double metric_number(const struct resolved *r, enum metric m, const uint64_t *sums) {
    const struct metric_def *def = &metric_defs[m];
    uint64_t over = 0, under = 0;
    for (size_t i = 0; i < r->n_base; i++) {
        if (def->sql != NULL && r->base[i] == m)
            return (double)sums[i];
        over = def->sql == NULL && r->base[i] == def->over ? sums[i] : over;
        under = def->sql == NULL && r->base[i] == def->under ? sums[i] : under;
    }
    return under == 0 ? -1 : (double)over / (double)under; /* -1: nothing to divide by */
}

static struct value metric_value(const struct resolved *r, enum metric m, const uint64_t *sums) {
    struct value v = {.type = VALUE_NULL};
    if (sums == NULL)
        return v;
    for (size_t i = 0; i < r->n_base; i++) {
        if (metric_defs[m].sql != NULL && r->base[i] == m) {
            v.type = VALUE_INT;
            v.integer = sums[i] > INT64_MAX ? INT64_MAX : (int64_t)sums[i];
            return v;
        }
    }
    double number = metric_number(r, m, sums);
    if (number >= 0) {
        v.type = VALUE_REAL;
        v.real = number;
    }
    return v;
}

struct group_rank {
    const struct str *dims;
    uint64_t *sums;
    double rank;
    size_t n_dims;
};

static int by_dims(const void *a, const void *b) {
    const struct group_rank *x = a, *y = b;
    return table_compare_dims(x->dims, y->dims, x->n_dims);
}

static int by_rank(const void *a, const void *b) {
    const struct group_rank *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return by_dims(a, b);
}

static enum metric order_metric(const struct question *q) {
    return q->has_order ? q->order : q->metrics[0];
}

/* Keep the rows of the `limit` groups that come first. */
static void limit_groups(const struct resolved *r, struct table *t) {
    if (r->q->limit == 0 || t->n_dims == 0 || t->len == 0)
        return;
    struct group_rank *groups = xcalloc(t->len, sizeof *groups);
    size_t n = 0;
    for (size_t i = 0; i < t->len; i++)
        groups[i] = (struct group_rank){t->items[i].dims, t->items[i].sums, 0, t->n_dims};
    qsort(groups, t->len, sizeof *groups, by_dims);
    for (size_t i = 0; i < t->len; i++) { /* add up over time */
        if (n > 0 && by_dims(&groups[n - 1], &groups[i]) == 0) {
            for (size_t j = 0; j < t->n_sums; j++)
                groups[n - 1].sums[j] += groups[i].sums[j];
            continue;
        }
        uint64_t *sums = arena_alloc(&t->arena, (t->n_sums + 1) * sizeof *sums);
        memcpy(sums, groups[i].sums, t->n_sums * sizeof *sums);
        groups[n] = groups[i];
        groups[n++].sums = sums;
    }
    for (size_t i = 0; i < n; i++)
        groups[i].rank = metric_number(r, order_metric(r->q), groups[i].sums);
    qsort(groups, n, sizeof *groups, by_rank);
    n = (size_t)min_i64((int64_t)n, (int64_t)min_i64((int64_t)r->q->limit, INT64_MAX));
    qsort(groups, n, sizeof *groups, by_dims);
    size_t kept = 0;
    for (size_t i = 0; i < t->len; i++) {
        struct group_rank key = {.dims = t->items[i].dims, .n_dims = t->n_dims};
        if (bsearch(&key, groups, n, sizeof key, by_dims) != NULL)
            t->items[kept++] = t->items[i];
    }
    t->len = kept;
    free(groups);
}

/* A row for every group in every span. */
static void fill(struct table *t, const struct frame *f) {
    VEC(const struct str *) groups = {0};
    static const struct str none;
    size_t own = t->len;
    struct table sorted;
    for (size_t i = 0; i < own; i++) {
        bool seen = false;
        for (size_t j = 0; j < groups.len && !seen; j++)
            seen = table_compare_dims(groups.items[j], t->items[i].dims, t->n_dims) == 0;
        if (!seen)
            vec_push(&groups, t->items[i].dims);
    }
    if (t->n_dims == 0 && groups.len == 0)
        vec_push(&groups, &none);
    for (size_t i = 0; i < f->spans.len; i++) {
        for (size_t j = 0; j < groups.len; j++) {
            sorted = *t;
            sorted.len = own;
            if (table_find(&sorted, i, groups.items[j]) == NULL)
                add_previous(t, table_add(t, i, groups.items[j]), &f->shifted);
        }
    }
    table_sort(t);
    vec_free(&groups);
}

struct ordering {
    const struct resolved *r;
    size_t n_dims;
};

static int by_time_then_metric(const void *a, const void *b, void *arg) {
    const struct table_row *x = a, *y = b;
    const struct ordering *o = arg;
    if (x->span != y->span)
        return x->span < y->span ? -1 : 1;
    double rx = metric_number(o->r, order_metric(o->r->q), x->sums);
    double ry = metric_number(o->r, order_metric(o->r->q), y->sums);
    if (rx != ry)
        return rx > ry ? -1 : 1;
    return table_compare_dims(x->dims, y->dims, o->n_dims);
}

static const enum unit units[METRIC_COUNT] = {
#define METRIC(name, unit, fact, sql, doc) UNIT_##unit,
#define RATIO(name, unit, over, under, doc) UNIT_##unit,
#include "metrics.def"
#undef METRIC
#undef RATIO
};

static void make_columns(const struct resolved *r, struct result *ret) {
    static const char *const previous[METRIC_COUNT] = {
#define METRIC(name, unit, fact, sql, doc) #name "_previous",
#define RATIO(name, unit, over, under, doc) #name "_previous",
#include "metrics.def"
#undef METRIC
#undef RATIO
    };
    const struct question *q = r->q;
    ret->columns = xcalloc(1 + q->n_group + 2 * q->n_metrics, sizeof *ret->columns);
    if (q->by != GRAIN_NONE)
        ret->columns[ret->n_columns++] = (struct result_column){"time", UNIT_TEXT, false};
    for (size_t i = 0; i < q->n_group; i++)
        ret->columns[ret->n_columns++] =
            (struct result_column){dimension_defs[q->group[i]].name, UNIT_TEXT, false};
    for (size_t i = 0; i < q->n_metrics; i++) {
        enum metric m = q->metrics[i];
        ret->columns[ret->n_columns++] =
            (struct result_column){metric_defs[m].name, units[m], true};
        if (q->compare != COMPARE_NONE)
            ret->columns[ret->n_columns++] = (struct result_column){previous[m], units[m], true};
    }
}

static void put_measures(const struct resolved *r, const uint64_t *sums, const uint64_t *previous,
                         struct value *to) {
    for (size_t i = 0; i < r->q->n_metrics; i++) {
        *to++ = metric_value(r, r->q->metrics[i], sums);
        if (r->q->compare != COMPARE_NONE)
            *to++ = metric_value(r, r->q->metrics[i], previous);
    }
}

static void put_rows(const struct resolved *r, const struct table *t, const struct spans *spans,
                     struct result *ret) {
    ret->n_rows = t->len;
    ret->values = xcalloc(t->len * ret->n_columns + 1, sizeof *ret->values);
    for (size_t i = 0; i < t->len; i++) {
        struct value *to = &ret->values[i * ret->n_columns];
        if (r->q->by != GRAIN_NONE)
            *to++ =
                (struct value){.type = VALUE_TIME, .integer = spans->items[t->items[i].span].label};
        for (size_t d = 0; d < t->n_dims; d++)
            *to++ = (struct value){.type = VALUE_TEXT,
                                   .text = arena_dup(&ret->arena, t->items[i].dims[d])};
        put_measures(r, t->items[i].sums, t->items[i].previous, to);
    }
}

static void put_total(const struct resolved *r, const struct table *t, struct result *ret) {
    ret->total = xcalloc(ret->n_columns + 1, sizeof *ret->total);
    size_t keys = (r->q->by != GRAIN_NONE) + r->q->n_group;
    put_measures(r, t->items[0].sums, t->items[0].previous, ret->total + keys);
}

/* The newest row of the sites asked: nothing later is known yet. */
static int find_complete_until(struct resolved *r, struct result *ret, struct err *err) {
    struct selection newest = {0};
    struct buf sql = {0}, out = {0};
    int rc = 0;
    for (size_t i = 0; i < r->n_sites; i++)
        ranges_add(selection_site(&newest, str_from(r->sites[i]->name)), r->sites[i]->last - 3600,
                   r->sites[i]->last);
    if (r->n_sites > 0) {
        uint64_t at = 0;
        buf_add_cstr(&sql, "SELECT toUnixTimestamp(max(ts)) FROM events WHERE ");
        sql_selection(&sql, &newest, "ts", 0, 0);
        rc = client_query(r->env->client, buf_str(&sql), "TSV", NULL, 0, &out, err);
        if (rc == 0 && str_to_u64(str_trim(buf_str(&out)), &at))
            ret->complete_until = (int64_t)at;
    }
    selection_release(&newest);
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

static void put_question(const struct resolved *r, struct result *ret) {
    struct buf json = {0}, from = {0}, to = {0};
    zone_format(r->zone, r->from, &from);
    zone_format(r->zone, r->to, &to);
    question_to_json(r->q, str_from(zone_name(r->zone)), buf_str(&from), buf_str(&to), &json);
    ret->query_json = arena_dup(&ret->arena, buf_str(&json));
    buf_release(&json);
    buf_release(&from);
    buf_release(&to);
}

static int answer(struct resolved *r, struct result *ret, struct err *err) {
    struct frame frame = {0};
    struct table rows = {0}, total = {0};
    const struct question *q = r->q;
    bool plain = q->by == GRAIN_NONE && q->n_group == 0; /* the one row is the total */
    int rc = frame_make(r, &frame, err);
    if (rc == 0) {
        shift_spans(r, &frame);
        rc = run_compared(r, &frame.whole, &frame.shifted_whole, false, &total, err);
    }
    if (rc == 0 && !plain)
        rc = run_compared(r, &frame.spans, &frame.shifted, true, &rows, err);
    if (rc == 0)
        rc = find_complete_until(r, ret, err);
    if (rc == 0) {
        static const struct str none;
        total.n_sums = r->n_base;
        if (total.len == 0)
            add_previous(&total, table_add(&total, 0, &none), &frame.shifted_whole);
        make_columns(r, ret);
        put_total(r, &total, ret);
        put_question(r, ret);
        if (plain) {
            put_rows(r, &total, &frame.whole, ret);
        } else {
            drop_empty_rows(&rows);
            limit_groups(r, &rows);
            if (q->fill && q->by != GRAIN_NONE)
                fill(&rows, &frame);
            struct ordering ordering = {r, rows.n_dims};
            if (rows.len > 0)
                qsort_r(rows.items, rows.len, sizeof *rows.items, by_time_then_metric, &ordering);
            put_rows(r, &rows, &frame.spans, ret);
        }
    }
    table_release(&rows);
    table_release(&total);
    frame_release(&frame);
    return rc;
}

int query_run(const struct query_env *env, const struct question *question, struct result *ret,
              double *ret_engine_seconds, struct err *err) {
    struct query_env own = *env;
    own.raw = own.raw || !env->config->seal;
    struct resolved r = {.env = &own, .q = question};
    *ret = (struct result){0};
    int rc = question->n_metrics > 0 ? resolve(&r, err)
                                     : err_set(err, ERR_USAGE, "the question names no metric");
    if (rc == 0)
        rc = answer(&r, ret, err);
    if (rc == 0) {
        ret->zone = r.zone;
        ret->from = r.from;
        ret->to = r.to;
        r.zone = NULL;
        if (ret_engine_seconds != NULL)
            *ret_engine_seconds = r.engine_seconds;
    } else {
        query_free_result(ret);
    }
    resolved_release(&r);
    return rc;
}

void query_free_result(struct result *result) {
    zone_free((struct zone *)(uintptr_t)result->zone);
    result_release(result);
}

#include "query/shape.h"

#include <stdlib.h>

/* --- metrics --- */

static void add_base(struct measures *ms, enum metric m) {
    for (size_t i = 0; i < ms->n_base; i++)
        if (ms->base[i] == m)
            return;
    ms->base[ms->n_base++] = m;
}

void measures_resolve(struct measures *ms, const struct question *q) {
    ms->question = q;
    for (size_t i = 0; i <= q->n_metrics; i++) {
        if (i == q->n_metrics && !q->has_order)
            continue;
        enum metric m = i < q->n_metrics ? q->metrics[i] : q->order;
        if (metric_defs[m].sql != NULL) {
            add_base(ms, m);
        } else {
            add_base(ms, metric_defs[m].over);
            add_base(ms, metric_defs[m].under);
        }
    }
}

bool measures_of_counters(const struct measures *ms) {
    for (size_t i = 0; i < ms->n_base; i++)
        if (metric_defs[ms->base[i]].fact == FACT_G)
            return true;
    return false;
}

bool measures_of_events(const struct measures *ms) {
    for (size_t i = 0; i < ms->n_base; i++)
        if (metric_defs[ms->base[i]].fact != FACT_G)
            return true;
    return false;
}

static const enum unit units[METRIC_COUNT] = {
#define METRIC(name, unit, fact, sql, doc) UNIT_##unit,
#define RATIO(name, unit, over, under, doc) UNIT_##unit,
#include "metrics.def"
#undef METRIC
#undef RATIO
};

/* Of a base metric. Sums are added up modulo 2^64, so that those of changes come out right as
 * signed numbers. */
static int64_t sum_of(enum metric m, uint64_t sum) {
    return units[m] == UNIT_CHANGE ? (int64_t)sum
                                   : (int64_t)(sum > INT64_MAX ? (uint64_t)INT64_MAX : sum);
}

static double metric_number(const struct measures *ms, enum metric m, const uint64_t *sums) {
    const struct metric_def *def = &metric_defs[m];
    uint64_t over = 0, under = 0;
    for (size_t i = 0; i < ms->n_base; i++) {
        if (def->sql != NULL && ms->base[i] == m)
            return (double)sum_of(m, sums[i]);
        over = def->sql == NULL && ms->base[i] == def->over ? sums[i] : over;
        under = def->sql == NULL && ms->base[i] == def->under ? sums[i] : under;
    }
    return under == 0 ? -1 : (double)over / (double)under; /* -1: nothing to divide by */
}

static struct value metric_value(const struct measures *ms, enum metric m, const uint64_t *sums) {
    struct value v = {.type = VALUE_NULL};
    if (sums == NULL)
        return v;
    for (size_t i = 0; i < ms->n_base; i++) {
        if (metric_defs[m].sql != NULL && ms->base[i] == m) {
            v.type = VALUE_INT;
            v.integer = sum_of(m, sums[i]);
            return v;
        }
    }
    double number = metric_number(ms, m, sums);
    if (number >= 0) {
        v.type = VALUE_REAL;
        v.real = number;
    }
    return v;
}

static enum metric order_metric(const struct question *q) {
    return q->has_order ? q->order : q->metrics[0];
}

bool measures_rank_whole(const struct measures *ms) {
    const struct question *q = ms->question;
    enum fact fact = metric_defs[order_metric(q)].fact;
    return q->limit > 0 && q->by != GRAIN_NONE && (fact == FACT_U || fact == FACT_G);
}

/* --- rows --- */

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

void shape_add(struct table *t, size_t span, const struct str *dims, const struct spans *shifted) {
    add_previous(t, table_add(t, span, dims), shifted);
}

void shape_join(struct table *t, const struct table *earlier, const struct spans *shifted) {
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

/* A group and its sums over all spans. */
struct group {
    const struct str *dims;
    uint64_t *sums;
    double rank;
    size_t n_dims;
};
struct groups {
    struct group *items;
    size_t len;
};

static int by_dims(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    return table_compare_dims(x->dims, y->dims, x->n_dims);
}

static int by_rank(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return by_dims(a, b);
}

/* The groups of a table, each once, ordered by dimensions. */
static void list_groups(struct table *t, struct groups *ret) {
    size_t bytes = (t->n_sums + 1) * sizeof(uint64_t), n = 0;
    ret->items = xcalloc(t->len + 1, sizeof *ret->items);
    for (size_t i = 0; i < t->len; i++)
        ret->items[i] = (struct group){t->items[i].dims, t->items[i].sums, 0, t->n_dims};
    qsort(ret->items, t->len, sizeof *ret->items, by_dims);
    for (size_t i = 0; i < t->len; i++) { /* add up over time */
        const struct group *g = &ret->items[i];
        if (n > 0 && by_dims(&ret->items[n - 1], g) == 0) {
            for (size_t j = 0; j < t->n_sums; j++)
                ret->items[n - 1].sums[j] += g->sums[j];
            continue;
        }
        uint64_t *sums = memcpy(arena_alloc(&t->arena, bytes), g->sums, bytes);
        ret->items[n] = *g;
        ret->items[n++].sums = sums;
    }
    ret->len = n;
}

/* Keep the rows of the `limit` groups that come first. */
static void limit_groups(const struct measures *ms, struct table *t, const struct table *ranks) {
    struct groups groups;
    list_groups(t, &groups);
    for (size_t i = 0; i < groups.len; i++) {
        struct group *g = &groups.items[i];
        const struct table_row *whole = ranks != NULL ? table_find(ranks, 0, g->dims) : NULL;
        if (ranks != NULL && whole == NULL)
            memset(g->sums, 0, t->n_sums * sizeof *g->sums); /* only in the time to compare with */
        g->rank = metric_number(ms, order_metric(ms->question), whole ? whole->sums : g->sums);
    }
    qsort(groups.items, groups.len, sizeof *groups.items, by_rank);
    groups.len = ms->question->limit < groups.len ? (size_t)ms->question->limit : groups.len;
    qsort(groups.items, groups.len, sizeof *groups.items, by_dims);
    size_t kept = 0;
    for (size_t i = 0; i < t->len; i++) {
        struct group key = {.dims = t->items[i].dims, .n_dims = t->n_dims};
        if (bsearch(&key, groups.items, groups.len, sizeof key, by_dims) != NULL)
            t->items[kept++] = t->items[i];
    }
    t->len = kept;
    free(groups.items);
}

/* A row for every group in every span. */
static void fill(struct table *t, const struct spans *spans, const struct spans *shifted) {
    static const struct str none;
    struct groups groups;
    size_t own = t->len;
    list_groups(t, &groups);
    if (t->n_dims == 0 && groups.len == 0)
        groups.items[groups.len++].dims = &none;
    for (size_t i = 0; i < spans->len; i++) {
        for (size_t j = 0; j < groups.len; j++) {
            struct table sorted = *t;
            sorted.len = own; /* what is added behind is not in order */
            if (table_find(&sorted, i, groups.items[j].dims) == NULL)
                shape_add(t, i, groups.items[j].dims, shifted);
        }
    }
    table_sort(t);
    free(groups.items);
}

struct ordering {
    const struct measures *ms;
    size_t n_dims;
};

static int by_time_then_metric(const void *a, const void *b, void *arg) {
    const struct table_row *x = a, *y = b;
    const struct ordering *o = arg;
    if (x->span != y->span)
        return x->span < y->span ? -1 : 1;
    double rx = metric_number(o->ms, order_metric(o->ms->question), x->sums);
    double ry = metric_number(o->ms, order_metric(o->ms->question), y->sums);
    if (rx != ry)
        return rx > ry ? -1 : 1;
    return table_compare_dims(x->dims, y->dims, o->n_dims);
}

static void make_columns(const struct measures *ms, struct result *ret) {
    static const char *const previous[METRIC_COUNT] = {
#define METRIC(name, unit, fact, sql, doc) #name "_previous",
#define RATIO(name, unit, over, under, doc) #name "_previous",
#include "metrics.def"
#undef METRIC
#undef RATIO
    };
    const struct question *q = ms->question;
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

static void put_measures(const struct measures *ms, const uint64_t *sums, const uint64_t *previous,
                         struct value *to) {
    for (size_t i = 0; i < ms->question->n_metrics; i++) {
        *to++ = metric_value(ms, ms->question->metrics[i], sums);
        if (ms->question->compare != COMPARE_NONE)
            *to++ = metric_value(ms, ms->question->metrics[i], previous);
    }
}

static void put_rows(const struct measures *ms, const struct table *t, const struct spans *spans,
                     struct result *ret) {
    ret->n_rows = t->len;
    ret->values = xcalloc(t->len * ret->n_columns + 1, sizeof *ret->values);
    for (size_t i = 0; i < t->len; i++) {
        struct value *to = &ret->values[i * ret->n_columns];
        if (ms->question->by != GRAIN_NONE)
            *to++ =
                (struct value){.type = VALUE_TIME, .integer = spans->items[t->items[i].span].label};
        for (size_t d = 0; d < t->n_dims; d++)
            *to++ = (struct value){.type = VALUE_TEXT,
                                   .text = arena_dup(&ret->arena, t->items[i].dims[d])};
        put_measures(ms, t->items[i].sums, t->items[i].previous, to);
    }
}

void shape_rows(const struct measures *ms, struct table *t, const struct table *ranks,
                const struct spans *spans, const struct spans *shifted) {
    const struct question *q = ms->question;
    struct ordering ordering = {ms, t->n_dims};
    drop_empty_rows(t);
    if (q->limit > 0 && t->len > 0)
        limit_groups(ms, t, ranks);
    if (q->fill && q->by != GRAIN_NONE)
        fill(t, spans, shifted);
    if (t->len > 0)
        qsort_r(t->items, t->len, sizeof *t->items, by_time_then_metric, &ordering);
}

void shape_put(const struct measures *ms, const struct table *t, const struct spans *spans,
               const struct table_row *total, struct result *ret) {
    size_t keys = (ms->question->by != GRAIN_NONE) + ms->question->n_group;
    make_columns(ms, ret);
    put_rows(ms, t, spans, ret);
    ret->total = xcalloc(ret->n_columns + 1, sizeof *ret->total);
    put_measures(ms, total->sums, total->previous, ret->total + keys);
}

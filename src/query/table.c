#include "query/table.h"

#include <stdlib.h>

static bool read_varint(struct str *in, uint64_t *ret) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && in->len > 0; shift += 7) {
        unsigned char c = (unsigned char)in->ptr[0];
        *in = str_skip(*in, 1);
        value |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool read_fixed(struct str *in, void *to, size_t n) {
    if (in->len < n)
        return false;
    memcpy(to, in->ptr, n);
    *in = str_skip(*in, n);
    return true;
}

/* One RowBinary row: UInt32, Strings, UInt64s. */
static bool read_row(struct table *t, struct str *in, const struct plan *plan) {
    uint32_t start;
    struct str *dims = arena_alloc(&t->arena, (t->n_dims + 1) * sizeof *dims);
    if (!read_fixed(in, &start, sizeof start))
        return false;
    for (size_t i = 0; i < t->n_dims; i++) {
        uint64_t len;
        if (!read_varint(in, &len) || len > in->len)
            return false;
        dims[i] = arena_dup(&t->arena, str_of(in->ptr, len));
        *in = str_skip(*in, len);
    }
    size_t span = spans_find(plan->spans, start);
    if (span == SIZE_MAX)
        return false;
    struct table_row *row = table_add(t, span, dims);
    return read_fixed(in, row->sums, t->n_sums * sizeof *row->sums);
}

#define CANNOT_COMPILE_REGEXP 427

/* The engine reads patterns (RE2); a wrong one is the question's fault, not the engine's. */
static int explain(const struct client *client, const struct question *q, int rc, struct err *err) {
    if (rc != ERR_ENGINE || client_exception_code(client) != CANNOT_COMPILE_REGEXP)
        return rc;
    for (size_t i = 0; i < q->n_filters; i++)
        if (q->filters[i].op == FILTER_MATCHES)
            return err_set(
                err, ERR_USAGE, "filter %s~" STR_FMT ": not a regular expression that RE2 can read",
                dimension_defs[q->filters[i].dimension].name, STR_ARG(q->filters[i].value));
    return rc;
}

void table_release(struct table *t) {
    arena_release(&t->arena);
    free(t->items);
    *t = (struct table){0};
}

int table_compare_dims(const struct str *a, const struct str *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int order = str_cmp(a[i], b[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

static int compare_rows(const void *a, const void *b, void *arg) {
    const struct table_row *x = a, *y = b;
    const struct table *t = arg;
    if (x->span != y->span)
        return x->span < y->span ? -1 : 1;
    return table_compare_dims(x->dims, y->dims, t->n_dims);
}

void table_sort(struct table *t) {
    if (t->len > 0)
        qsort_r(t->items, t->len, sizeof *t->items, compare_rows, t);
}

/* Add up the rows of the same span and group. The table must be sorted. */
static void merge_equal(struct table *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->len; i++) {
        const struct table_row *row = &t->items[i];
        if (kept == 0 || compare_rows(&t->items[kept - 1], row, t) != 0) {
            t->items[kept++] = *row;
            continue;
        }
        for (size_t j = 0; j < t->n_sums; j++)
            t->items[kept - 1].sums[j] += row->sums[j];
    }
    t->len = kept;
}

/* Where the offset of a zone has often changed, each of LIMIT_BUCKETS is in the text, more than
 * once. */
static const struct setting sizes[] = {{"max_ast_elements", "10000000"},
                                       {"max_expanded_ast_elements", "10000000"}};

/* Run one statement and append its rows. */
static int run_statement(const struct plan *plan, struct client *client, struct str sql,
                         struct table *t, double *engine_seconds, struct err *err) {
    struct buf out = {0};
    int rc = client_query(client, sql, "RowBinary", sizes, ARRAY_LEN(sizes), &out, err);
    *engine_seconds += client_elapsed_seconds(client);
    rc = explain(client, plan->question, rc, err);
    struct str in = buf_str(&out);
    while (rc == 0 && in.len > 0)
        if (!read_row(t, &in, plan))
            rc = err_set(err, ERR_ENGINE,
                         "the engine's answer is not of the form that was asked for");
    buf_release(&out);
    return rc;
}

/* Pieces of all facts whose flags have to be made. */
static int cut(const struct prepared *p, uint64_t piece_rows, struct client *client,
               struct pieces *ret, double *engine_seconds, struct err *err) {
    static const enum fact facts[] = {FACT_V, FACT_D, FACT_U};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(facts); i++) {
        const struct selection *raw = plan_flags_to_make(p, facts[i]);
        if (selection_empty(raw))
            continue;
        rc = pieces_make(facts[i], raw, piece_rows, client, ret, err);
        *engine_seconds += client_elapsed_seconds(client);
    }
    return rc;
}

int table_run(const struct plan *plan, struct client *client, uint64_t piece_rows,
              struct table *ret, double *engine_seconds, struct err *err) {
    struct prepared *prepared = plan_prepare(plan);
    struct pieces pieces = {0};
    struct buf sql = {0};
    piece_rows = piece_rows > 0 ? piece_rows : PIECE_ROWS;
    *ret = (struct table){
        .n_dims = plan->n_group, .n_sums = plan->n_base, .estimated = plan_estimates(prepared)};
    int rc = cut(prepared, piece_rows, client, &pieces, engine_seconds, err);
    /* as many pieces in one statement as have room; the rest goes with the first */
    for (size_t i = 0, end = 0; rc == 0 && (i == 0 || i < pieces.len); i = max_size(end, 1)) {
        uint64_t rows = 0;
        for (; end < pieces.len && (end == i || rows + pieces.items[end].n_rows <= piece_rows);
             end++)
            rows += pieces.items[end].n_rows;
        buf_clear(&sql);
        if (plan_sql(prepared, i == 0, pieces.items + i, end - i, &sql))
            rc = run_statement(plan, client, buf_str(&sql), ret, engine_seconds, err);
    }
    if (rc != 0) {
        table_release(ret);
    } else {
        table_sort(ret);
        merge_equal(ret);
    }
    buf_release(&sql);
    pieces_release(&pieces);
    plan_free(prepared);
    return rc;
}

struct table_row *table_find(const struct table *t, size_t span, const struct str *dims) {
    struct table_row key = {.span = span, .dims = dims};
    for (size_t low = 0, high = t->len; low < high;) {
        size_t middle = (low + high) / 2;
        int order = compare_rows(&key, &t->items[middle], (void *)(uintptr_t)t);
        if (order == 0)
            return &t->items[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct table_row *table_add(struct table *t, size_t span, const struct str *dims) {
    size_t bytes = (t->n_sums + 1) * sizeof(uint64_t);
    struct table_row row = {.span = span, .dims = dims};
    row.sums = memset(arena_alloc(&t->arena, bytes), 0, bytes);
    vec_push(t, row);
    return &t->items[t->len - 1];
}

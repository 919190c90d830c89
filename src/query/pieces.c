#include "query/pieces.h"

#include <stdlib.h>

/* How far flags look around a row. */
static int64_t before(enum fact fact) {
    return fact == FACT_D ? DOWNLOAD_GAP + 1 : SESSION_REACH + SESSION_GAP;
}
static int64_t after(enum fact fact) { return fact == FACT_D ? 0 : SESSION_GAP + 1; }

static void push(enum fact fact, const struct selection *raw, int64_t from, int64_t to,
                 uint64_t n_rows, uint64_t piece_rows, struct pieces *ret) {
    uint64_t parts = (n_rows + piece_rows - 1) / piece_rows;
    for (uint64_t part = 0; part == 0 || part < parts; part++) {
        struct piece piece = {.fact = fact, .n_rows = parts > 1 ? n_rows / parts : n_rows};
        for (size_t i = 0; i < raw->len; i++)
            ranges_clip(&raw->items[i].ranges, from, to, true,
                        selection_site(&piece.rows, raw->items[i].site));
        if (parts > 1) {
            piece.rows.part = (unsigned)part;
            piece.rows.parts = (unsigned)parts;
        }
        if (selection_empty(&piece.rows)) { /* nothing but margin */
            selection_release(&piece.rows);
            return;
        }
        vec_push(ret, piece);
    }
}

/* Rows of the hours from the i-th on that begin before `to`. */
static uint64_t rows_until(const struct hour_rows *hours, size_t n, size_t i, int64_t to) {
    uint64_t rows = 0;
    for (; i < n && hours[i].hour < to; i++)
        rows += hours[i].rows;
    return rows;
}

void pieces_cut(enum fact fact, const struct selection *raw, const struct hour_rows *hours,
                size_t n, uint64_t piece_rows, struct pieces *ret) {
    int64_t shortest = 2 * before(fact), from = 0;
    size_t margin = 0; /* first hour of the margin before the window */
    for (size_t i = 0, end = 0; i < n; i = end) {
        int64_t start = hours[i].hour;
        while (margin < i && hours[margin].hour + 3600 <= start - before(fact))
            margin++;
        uint64_t rows = rows_until(hours, n, margin, start);
        for (end = i; end < n; end++) {
            int64_t behind = hours[end].hour + 3600 + after(fact);
            if (fact != FACT_U && hours[end].hour - start >= shortest &&
                rows + rows_until(hours, n, end, behind) > piece_rows)
                break;
            rows += hours[end].rows;
        }
        int64_t to = end < n ? hours[end].hour : INT64_MAX;
        if (end < n)
            rows += rows_until(hours, n, end, to + after(fact));
        push(fact, raw, from, to, rows, piece_rows, ret);
        from = to;
    }
    if (n == 0)
        push(fact, raw, 0, INT64_MAX, 0, piece_rows, ret);
}

static int read_hours(struct str text, struct hour_rows *hours, size_t max, size_t *ret_n,
                      struct err *err) {
    struct str line, cell;
    for (*ret_n = 0; text.len > 0 && str_split(&text, '\n', &line) && *ret_n < max; ++*ret_n) {
        uint64_t hour;
        if (!str_split(&line, '\t', &cell) || !str_to_u64(cell, &hour) ||
            !str_to_u64(line, &hours[*ret_n].rows))
            return err_set(err, ERR_ENGINE, "the engine's answer is not a list of hours");
        hours[*ret_n].hour = (int64_t)hour * 3600;
    }
    return 0;
}

int pieces_make(enum fact fact, const struct selection *raw, uint64_t piece_rows,
                struct client *client, struct pieces *ret, struct err *err) {
    struct buf sql = {0}, out = {0};
    buf_printf(&sql,
               "SELECT intDiv(toUnixTimestamp(ts), 3600) AS h, count() FROM events"
               " WHERE kind = '%s' AND ",
               fact == FACT_D ? "download" : "pageview");
    sql_selection(&sql, raw, "ts", before(fact), after(fact));
    buf_add_cstr(&sql, " GROUP BY h ORDER BY h");
    int rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    size_t n = 0, max = 1;
    for (size_t i = 0; i < out.len; i++)
        max += out.ptr[i] == '\n';
    struct hour_rows *hours = xcalloc(max, sizeof *hours);
    if (rc == 0)
        rc = read_hours(buf_str(&out), hours, max, &n, err);
    if (rc == 0)
        pieces_cut(fact, raw, hours, n, piece_rows, ret);
    free(hours);
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

void pieces_release(struct pieces *pieces) {
    for (size_t i = 0; i < pieces->len; i++)
        selection_release(&pieces->items[i].rows);
    free(pieces->items);
    *pieces = (struct pieces){0};
}

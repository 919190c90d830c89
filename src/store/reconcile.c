#include "store/reconcile.h"

#include "store/schema.h"
#include <stdlib.h>

void present_release(struct present *p) {
    vec_free(&p->parts);
    vec_free(&p->redo);
}

static int compare_part(const void *a, const void *b) {
    const struct present_part *x = a, *y = b;
    if (x->bid != y->bid)
        return x->bid < y->bid ? -1 : 1;
    return (x->month > y->month) - (x->month < y->month);
}

bool present_has(const struct present *p, uint64_t bid, uint32_t month) {
    if (bid <= p->applied) {
        for (size_t i = 0; i < p->redo.len; i++)
            if (p->redo.items[i] == month)
                return false;
        return true;
    }
    struct present_part key = {.bid = bid, .month = month};
    return p->parts.len > 0 &&
           bsearch(&key, p->parts.items, p->parts.len, sizeof key, compare_part);
}

void present_move_counts(struct present *p, uint64_t bid, struct applied *applied) {
    for (; p->moved < p->parts.len && p->parts.items[p->moved].bid <= bid; p->moved++)
        applied_add(applied, p->parts.items[p->moved].month,
                    (int64_t)p->parts.items[p->moved].rows);
}

static uint64_t next_number(struct str *line) {
    struct str field = {0};
    uint64_t value = 0;
    if (str_split(line, '\t', &field) && !str_to_u64(field, &value))
        value = 0;
    return value;
}

static const char *table_of(enum dataset dataset) {
    return schema_defs[schema_table_of(dataset)].name;
}

/* Rows by month at or below `bid`, of both tables. */
static int count_months(struct client *client, enum dataset dataset, uint64_t bid,
                        struct applied *ret, struct err *err) {
    struct buf sql = {0}, out = {0};
    unsigned long long from = bid_make(dataset, 0, 0), to = bid;
    buf_printf(
        &sql,
        "SELECT toUInt32(toYYYYMM(ts)) AS m, count() AS n FROM %s"
        " WHERE bid >= %llu AND bid <= %llu GROUP BY m UNION ALL "
        "SELECT toUInt32(0) AS m, count() AS n FROM rejected WHERE bid >= %llu AND bid <= %llu",
        table_of(dataset), from, to, from, to);
    int rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    struct str rest = buf_str(&out), line;
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        uint32_t month = (uint32_t)next_number(&line);
        applied_add(ret, month, (int64_t)next_number(&line));
    }
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

static int drop_month(struct client *client, enum dataset dataset, uint32_t month,
                      struct err *err) {
    struct buf sql = {0};
    if (month == 0)
        buf_add_cstr(&sql, "TRUNCATE TABLE rejected");
    else
        buf_printf(&sql, "ALTER TABLE %s DROP PARTITION %u", table_of(dataset), month);
    int rc = client_query(client, buf_str(&sql), NULL, NULL, 0, NULL, err);
    buf_release(&sql);
    return rc;
}

/* Months whose count at or below `applied` differs in either direction: they are made again from
 * the lake. */
static int check_counts(struct client *client, enum dataset dataset, const struct applied *applied,
                        struct present *p, struct err *err) {
    struct applied found = {0};
    int rc = applied->bid ? count_months(client, dataset, applied->bid, &found, err) : 0;
    for (size_t i = 0; rc == 0 && i < applied->months.len; i++) {
        uint32_t month = applied->months.items[i].month;
        if (applied->months.items[i].rows != applied_rows(&found, month))
            vec_push(&p->redo, month);
    }
    for (size_t i = 0; rc == 0 && i < found.months.len; i++) {
        uint32_t month = found.months.items[i].month;
        if (found.months.items[i].rows > 0 && applied_rows(applied, month) == 0)
            vec_push(&p->redo, month);
    }
    applied_release(&found);
    return rc;
}

static int find_parts(struct client *client, enum dataset dataset, struct present *p,
                      struct err *err) {
    struct buf sql = {0}, out = {0};
    unsigned long long from = p->applied ? p->applied + 1 : bid_make(dataset, 0, 0);
    unsigned long long to = bid_make(dataset, 0xffffffff, 0xffffff);
    buf_printf(&sql,
               "SELECT bid, toUInt32(toYYYYMM(ts)) AS m, count() AS n FROM %s"
               " WHERE bid >= %llu AND bid <= %llu GROUP BY bid, m UNION ALL "
               "SELECT bid, toUInt32(0) AS m, count() AS n FROM rejected"
               " WHERE bid >= %llu AND bid <= %llu GROUP BY bid, m",
               table_of(dataset), from, to, from, to);
    int rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    struct str rest = buf_str(&out), line;
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        struct present_part part;
        part.bid = next_number(&line);
        part.month = (uint32_t)next_number(&line);
        part.rows = next_number(&line);
        vec_push(&p->parts, part);
    }
    if (p->parts.len > 0)
        qsort(p->parts.items, p->parts.len, sizeof *p->parts.items, compare_part);
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

/* A drop takes the rows of other datasets along, whose own counts differ then: so a month is only
 * dropped where this dataset has rows, which it no longer has after a drop by another. */
static int drop_months(struct client *client, enum dataset dataset, struct present *p,
                       int (*before_drop)(void *arg, struct err *err), void *arg, struct err *err) {
    struct applied all = {0};
    int rc = p->redo.len > 0
                 ? count_months(client, dataset, bid_make(dataset, 0xffffffff, 0xffffff), &all, err)
                 : 0;
    for (size_t i = 0; rc == 0 && i < p->redo.len; i++) {
        if (applied_rows(&all, p->redo.items[i]) == 0)
            continue;
        if (before_drop != NULL)
            rc = before_drop(arg, err);
        if (rc == 0)
            rc = drop_month(client, dataset, p->redo.items[i], err);
    }
    applied_release(&all);
    return rc;
}

int reconcile(struct client *client, enum dataset dataset, const struct applied *applied,
              int (*before_drop)(void *arg, struct err *err), void *arg, struct present *ret,
              struct err *err) {
    *ret = (struct present){.applied = applied->bid};
    int rc = check_counts(client, dataset, applied, ret, err);
    if (rc == 0)
        rc = drop_months(client, dataset, ret, before_drop, arg, err);
    if (rc == 0)
        rc = find_parts(client, dataset, ret, err);
    if (rc != 0)
        present_release(ret);
    return rc;
}

int present_redone(struct present *p, struct client *client, enum dataset dataset,
                   struct applied *applied, struct err *err) {
    struct applied found = {0};
    int rc = count_months(client, dataset, applied->bid, &found, err);
    for (size_t i = 0; rc == 0 && i < p->redo.len; i++) {
        uint32_t month = p->redo.items[i];
        applied_add(applied, month,
                    (int64_t)applied_rows(&found, month) - (int64_t)applied_rows(applied, month));
    }
    if (rc == 0)
        vec_free(&p->redo);
    applied_release(&found);
    return rc;
}

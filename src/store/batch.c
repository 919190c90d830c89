#include "store/batch.h"

#include <stdlib.h>

/* Days since the epoch of a civil date and back: the usual 400-year arithmetic on years that begin
 * in March (see Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_of_month_start(int64_t year, int64_t month) {
    year -= month <= 2;
    int64_t era = year / 400, yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

uint32_t month_of(uint32_t ts, uint64_t *ret_start, uint64_t *ret_end) {
    int64_t days = (int64_t)ts / 86400 + 719468;
    int64_t era = days / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    *ret_start = (uint64_t)days_of_month_start(year, month) * 86400;
    *ret_end = (uint64_t)(month == 12 ? days_of_month_start(year + 1, 1)
                                      : days_of_month_start(year, month + 1)) *
               86400;
    return (uint32_t)(year * 100 + month);
}

static struct month_rows *rows_of(struct batch *b, enum schema_table table, uint32_t month) {
    for (size_t i = 0; i < b->months.len; i++)
        if (b->months.items[i].month == month && b->months.items[i].table == table)
            return &b->months.items[i];
    struct month_rows fresh = {.table = table, .month = month};
    fresh.columns = xcalloc(schema_defs[table].n_columns, sizeof *fresh.columns);
    vec_push(&b->months, fresh);
    return &b->months.items[b->months.len - 1];
}

/* Of a table with months. Log lines come nearly in order: the month is mostly that of the last row.
 */
static struct month_rows *rows_at(struct batch *b, enum schema_table table, uint32_t ts) {
    if (ts < b->month_start || ts >= b->month_end) {
        uint32_t month = month_of(ts, &b->month_start, &b->month_end);
        b->month_at = (size_t)(rows_of(b, table, month) - b->months.items);
    }
    assert(b->months.items[b->month_at].table == table); /* a batch is of one dataset */
    return &b->months.items[b->month_at];
}

/* --- rows into columns ------------------------------------------------------------------------ */

#define COLUMN(name, type, encoding, doc) FIELD_##encoding name;
struct rejected {
#include "rejected.def"
};
struct github {
#include "github.def"
};
#undef COLUMN

/* How a value of each encoding goes into the next column. */
#define PUT_U8(to, type, v) native_put_fixed(to, &(v), 1)
#define PUT_U16(to, type, v) native_put_fixed(to, &(v), 2)
#define PUT_U32(to, type, v) native_put_fixed(to, &(v), 4)
#define PUT_U64(to, type, v) native_put_fixed(to, &(v), 8)
#define PUT_I64(to, type, v) native_put_fixed(to, &(v), 8)
#define PUT_STR(to, type, v)                                                                       \
    (native_is_words(type) ? native_put_word(to, v) : native_put_string(to, v))
#define COLUMN(name, type, encoding, doc)                                                          \
    bytes += PUT_##encoding(to, type, row->name);                                                  \
    to++;

static size_t put_event(struct native_column *to, const struct event *row) {
    size_t bytes = 0;
#include "events.def"
    return bytes;
}

static size_t put_rejected(struct native_column *to, const struct rejected *row) {
    size_t bytes = 0;
#include "rejected.def"
    return bytes;
}

static size_t put_github(struct native_column *to, const struct github *row) {
    size_t bytes = 0;
#include "github.def"
    return bytes;
}
#undef COLUMN

void batch_encode(const struct month_rows *month, struct buf *ret) {
    const struct schema_def *def = &schema_defs[month->table];
    native_begin(ret, def->n_columns, month->n);
    for (size_t i = 0; i < def->n_columns; i++)
        native_add(ret, def->columns[i].name, def->columns[i].type, &month->columns[i], month->n);
}

static void release_month(struct month_rows *month) {
    for (size_t i = 0; i < schema_defs[month->table].n_columns; i++)
        native_release(&month->columns[i]);
    free(month->columns);
}

/* Put hour into the sorted ranges of a site. Log lines come nearly in order, so look from the end.
 */
static void touch_hour(struct touched_site *t, uint32_t hour) {
    size_t i = t->ranges.len;
    while (i > 0 && t->ranges.items[i - 1].from > hour)
        i--;
    /* ranges[i-1].from <= hour < ranges[i].from */
    struct hour_range *before = i > 0 ? &t->ranges.items[i - 1] : NULL;
    struct hour_range *after = i < t->ranges.len ? &t->ranges.items[i] : NULL;
    if (before != NULL && hour < before->to)
        return;
    if (before != NULL && hour == before->to) {
        before->to++;
        if (after != NULL && after->from == before->to) {
            before->to = after->to;
            memmove(after, after + 1, (t->ranges.len - i - 1) * sizeof *after);
            t->ranges.len--;
        }
    } else if (after != NULL && after->from == hour + 1) {
        after->from = hour;
    } else {
        struct hour_range range = {hour, hour + 1};
        vec_push(&t->ranges, range);
        memmove(&t->ranges.items[i + 1], &t->ranges.items[i],
                (t->ranges.len - 1 - i) * sizeof range);
        t->ranges.items[i] = range;
    }
}

void batch_touch(struct batch *b, struct str site, uint32_t ts) {
    if (b->touched_at >= b->touched.len || !str_is(site, b->touched.items[b->touched_at].site)) {
        for (b->touched_at = 0; b->touched_at < b->touched.len; b->touched_at++)
            if (str_is(site, b->touched.items[b->touched_at].site))
                break;
        if (b->touched_at == b->touched.len) {
            struct touched_site fresh = {.site = str_dup(site)};
            vec_push(&b->touched, fresh);
        }
    }
    touch_hour(&b->touched.items[b->touched_at], ts / 3600);
}

static void add_bytes(struct batch *b, struct month_rows *to, size_t bytes) {
    b->bytes += bytes;
    b->rows++;
    to->n++;
}

void batch_add_event(struct batch *b, const struct event *event) {
    struct month_rows *to = rows_at(b, SCHEMA_EVENTS, event->ts);
    add_bytes(b, to, put_event(to->columns, event));
    batch_touch(b, event->site, event->ts);
}

void batch_add_rejected(struct batch *b, uint64_t bid, uint32_t place, struct str site,
                        enum reason reason, uint32_t rules) {
    struct month_rows *to = rows_of(b, SCHEMA_REJECTED, 0);
    const struct rejected row = {bid, place, site, str_from(reason_name(reason)), rules};
    add_bytes(b, to, put_rejected(to->columns, &row));
}

/* What was read at a time that the store cannot tell is in it with the nearest one that it can. */
uint32_t batch_counters_ts(const struct record *record) {
    return (uint32_t)max_i64(0, min_i64(record->ts_ms / 1000, UINT32_MAX));
}

void batch_add_counters(struct batch *b, uint64_t bid, const struct record *record) {
    const struct counters *c = record->counters;
    const struct github row = {
        .bid = bid,
        .ts = batch_counters_ts(record),
        .repo = c->repo,
        .site = record->site,
        .source = record->source,
#define COUNTER(name, presence, doc) .name = c->name < 0 ? COUNTER_UNKNOWN : c->name,
#include "counters.def"
#undef COUNTER
    };
    struct month_rows *to = rows_at(b, SCHEMA_GITHUB, row.ts);
    add_bytes(b, to, put_github(to->columns, &row));
}

static void release_touched(struct batch *b) {
    for (size_t i = 0; i < b->touched.len; i++) {
        free(b->touched.items[i].site);
        vec_free(&b->touched.items[i].ranges);
    }
    b->touched.len = 0;
}

/* Gives the memory back: a log that goes through the years would else keep a full buffer a month.
 */
void batch_clear(struct batch *b) {
    for (size_t i = 0; i < b->months.len; i++)
        release_month(&b->months.items[i]);
    b->months.len = 0;
    release_touched(b);
    b->first_bid = b->last_bid = b->rows = b->bytes = 0;
    b->month_start = b->month_end = 0;
}

void batch_release(struct batch *b) {
    batch_clear(b);
    vec_free(&b->months);
    vec_free(&b->touched);
}

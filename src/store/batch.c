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

static struct month_rows *rows_of(struct batch *b, uint32_t month) {
    for (size_t i = 0; i < b->months.len; i++)
        if (b->months.items[i].month == month)
            return &b->months.items[i];
    struct month_rows fresh = {.month = month};
    vec_push(&b->months, fresh);
    return &b->months.items[b->months.len - 1];
}

static char *put_bytes(char *at, const void *bytes, size_t n) {
    memcpy(at, bytes, n);
    return at + n;
}

static char *put_str(char *at, struct str s) {
    size_t n = s.len;
    while (n >= 0x80) {
        *at++ = (char)(n | 0x80);
        n >>= 7;
    }
    *at++ = (char)n;
    return s.len ? put_bytes(at, s.ptr, s.len) : at;
}

#define ROOM_U8(v) 1
#define ROOM_U16(v) 2
#define ROOM_U32(v) 4
#define ROOM_U64(v) 8
#define ROOM_STR(v) (10 + (v).len)
#define PUT_U8(v) at = put_bytes(at, &(v), 1)
#define PUT_U16(v) at = put_bytes(at, &(v), 2)
#define PUT_U32(v) at = put_bytes(at, &(v), 4)
#define PUT_U64(v) at = put_bytes(at, &(v), 8)
#define PUT_STR(v) at = put_str(at, (v))

static void add_row(struct month_rows *to, const struct event *event) {
    size_t room = 0;
#define COLUMN(name, type, encoding, doc) room += ROOM_##encoding(event->name);
#include "events.def"
#undef COLUMN
    char *at = buf_reserve(&to->rows, room);
    assert(at != NULL); /* a batch ends long before LIMIT_BUF_BYTES */
    char *start = at;
#define COLUMN(name, type, encoding, doc) PUT_##encoding(event->name);
#include "events.def"
#undef COLUMN
    to->rows.len += (size_t)(at - start);
    to->n++;
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

void batch_add_event(struct batch *b, const struct event *event) {
    if (event->ts < b->month_start || event->ts >= b->month_end) {
        uint32_t month = month_of(event->ts, &b->month_start, &b->month_end);
        b->month_at = (size_t)(rows_of(b, month) - b->months.items);
    }
    struct month_rows *to = &b->months.items[b->month_at];
    size_t before = to->rows.len;
    add_row(to, event);
    b->bytes += to->rows.len - before;
    b->rows++;
    batch_touch(b, event->site, event->ts);
}

void batch_add_rejected(struct batch *b, uint64_t bid, uint32_t place, struct str site,
                        enum reason reason) {
    struct month_rows *to = rows_of(b, 0);
    struct str name = str_from(reason_name(reason));
    size_t room = 12 + ROOM_STR(site) + ROOM_STR(name);
    char *start = buf_reserve(&to->rows, room), *at = start;
    assert(at != NULL);
    PUT_U64(bid);
    PUT_U32(place);
    PUT_STR(site);
    PUT_STR(name);
    to->rows.len += (size_t)(at - start);
    to->n++;
    b->bytes += (size_t)(at - start);
    b->rows++;
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
        buf_release(&b->months.items[i].rows);
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

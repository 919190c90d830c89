#include "cube/facts.h"

#include "base/limits.h"
#include "store/client.h"
#include <stdlib.h>

struct ranges *selection_site(struct selection *s, struct str site) {
    size_t low = 0, high = s->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(s->items[middle].site, site);
        if (order == 0)
            return &s->items[middle].ranges;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct site_ranges fresh = {.site = site};
    vec_push(s, fresh);
    memmove(&s->items[low + 1], &s->items[low], (s->len - 1 - low) * sizeof fresh);
    s->items[low] = fresh;
    return &s->items[low].ranges;
}

bool selection_empty(const struct selection *s) {
    for (size_t i = 0; i < s->len; i++)
        if (s->items[i].ranges.len > 0)
            return false;
    return true;
}

void selection_release(struct selection *s) {
    for (size_t i = 0; i < s->len; i++)
        ranges_release(&s->items[i].ranges);
    free(s->items);
    *s = (struct selection){0};
}

void sql_ranges(struct buf *sql, const struct ranges *ranges, const char *column, int64_t before,
                int64_t after) {
    struct ranges wide = {0};
    for (size_t i = 0; i < ranges->len; i++)
        ranges_add(&wide, max_i64(ranges->items[i].from - before, 0),
                   min_i64(ranges->items[i].to + after, UINT32_MAX));
    for (size_t i = 0; i < wide.len; i++)
        buf_printf(sql, "%s(%s >= %lld AND %s < %lld)", i ? " OR " : "", column,
                   (long long)wide.items[i].from, column, (long long)wide.items[i].to);
    ranges_release(&wide);
}

static int by_ranges(const void *a, const void *b) {
    const struct ranges *x = &(*(const struct site_ranges *const *)a)->ranges;
    const struct ranges *y = &(*(const struct site_ranges *const *)b)->ranges;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len > 0 ? memcmp(x->items, y->items, x->len * sizeof *x->items) : 0;
}

/* "site = 'a'", "site IN ('a','b')" */
static void sql_sites(struct buf *sql, const struct site_ranges *const *sites, size_t n) {
    buf_add_cstr(sql, n > 1 ? "site IN (" : "site = ");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(sql, ',');
        sql_quote(sql, sites[i]->site);
    }
    if (n > 1)
        buf_add_char(sql, ')');
}

/* Mostly all sites have the same ranges, and there may be thousands: such are named together, as a
 * list counts as one against the engine's limit of how much may stand in a statement. */
void sql_selection(struct buf *sql, const struct selection *s, const char *column, int64_t before,
                   int64_t after) {
    const struct site_ranges **sites = xcalloc(s->len + 1, sizeof *sites);
    size_t n = 0;
    for (size_t i = 0; i < s->len; i++)
        if (s->items[i].ranges.len > 0)
            sites[n++] = &s->items[i];
    qsort(sites, n, sizeof *sites, by_ranges);
    if (s->parts > 0)
        buf_printf(sql, "visitor %% %u = %u AND ", s->parts, s->part);
    buf_add_char(sql, '(');
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && by_ranges(&sites[i], &sites[end]) == 0;)
            end++;
        buf_add_cstr(sql, i > 0 ? " OR (" : "(");
        sql_sites(sql, &sites[i], end - i);
        buf_add_cstr(sql, " AND (");
        sql_ranges(sql, &sites[i]->ranges, column, before, after);
        buf_add_cstr(sql, "))");
    }
    buf_add_cstr(sql, n > 0 ? ")" : "0)");
    free(sites);
}

void sql_fence(struct buf *sql, const uint64_t applied[DATASET_MAX + 1]) {
    bool any = false;
    buf_add_char(sql, '(');
    for (int d = 1; d <= DATASET_MAX; d++) {
        if (applied[d] == 0)
            continue;
        buf_printf(sql, "%sbid BETWEEN %llu AND %llu", any ? " OR " : "",
                   (unsigned long long)bid_make((enum dataset)d, 0, 0),
                   (unsigned long long)applied[d]);
        any = true;
    }
    buf_add_cstr(sql, any ? ")" : "0)");
}

static void sql_fenced(struct buf *sql, struct str fence) {
    if (fence.len == 0)
        return;
    buf_add_cstr(sql, " AND ");
    buf_add_str(sql, fence);
}

/* What a page view carries through the session query, in the order that sorts it: whole tuples, so
 * that views of one second have one order whatever came first, and the same in every statement. */
#define VIEW_TUPLE                                                                                 \
    "toUnixTimestamp(ts), path, referrer, CAST(referrer_domain AS String),"                        \
    " CAST(channel AS String), CAST(utm_source AS String), CAST(utm_medium AS String),"            \
    " CAST(utm_campaign AS String), status, CAST(method AS String), CAST(source AS String),"       \
    " CAST(utm_term AS String), CAST(utm_content AS String), CAST(click_id AS String)"

/* What is the same in all rows of a visitor. */
#define VISITOR_WORDS                                                                              \
    " country, browser, browser_version, os, os_version, device, device_brand, device_model,"      \
    " device_class, bot_kind, bot_name, bot"
#define ANY_VISITOR_WORDS                                                                          \
    " any(country) AS country, any(browser) AS browser, any(browser_version) AS browser_version,"  \
    " any(os) AS os, any(os_version) AS os_version, any(device) AS device,"                        \
    " any(device_brand) AS device_brand, any(device_model) AS device_model,"                       \
    " any(device_class) AS device_class, any(bot_kind) AS bot_kind, any(bot_name) AS bot_name,"    \
    " any(bot) AS bot"

/* All arrays are as long as `a` and are joined side by side: nothing is looked up by index, which
 * would copy the array of a visitor once for each of its page views. arrayFill (ClickHouse 20.1)
 * carries the first page view of a session forward. */
static void sql_flagged_views(struct buf *sql, const struct selection *s, struct str fence) {
    buf_printf(sql,
               "SELECT site, visitor, t.1 AS time, t.2 AS path,"
               " time - e.1 <= %d AS near,"
               " if(near, e.2, t.2) AS entry_path, if(near, e.3, t.3) AS referrer,"
               " if(near, e.4, t.4) AS referrer_domain, if(near, e.5, t.5) AS channel,"
               " if(near, e.6, t.6) AS utm_source, if(near, e.7, t.7) AS utm_medium,"
               " if(near, e.8, t.8) AS utm_campaign, if(near, e.12, t.12) AS utm_term,"
               " if(near, e.13, t.13) AS utm_content, if(near, e.14, t.14) AS click_id,"
               " t.9 AS status, t.10 AS method, t.11 AS source," VISITOR_WORDS ","
               " toUInt8(t.1 - p > %d) AS starts, toUInt8(n - t.1 > %d) AS ends,"
               " toUInt32(if(n - t.1 > %d, 0, n - t.1)) AS gap"
               " FROM (SELECT site, visitor," VISITOR_WORDS ", a,"
               " arrayMap(x -> x.1, a) AS times,"
               " arrayPushFront(arrayPopBack(times), toUInt32(0)) AS prevs,"
               " arrayPushBack(arrayPopFront(times), toUInt32(4294967295)) AS nexts,"
               " arrayFill((x, i, j) -> i - j > %d, a, times, prevs) AS firsts"
               " FROM (SELECT site, visitor," ANY_VISITOR_WORDS ","
               " arraySort(groupArray((" VIEW_TUPLE "))) AS a"
               " FROM events WHERE kind = 'pageview' AND ",
               SESSION_REACH, SESSION_GAP, SESSION_GAP, SESSION_GAP, SESSION_GAP);
    sql_selection(sql, s, "ts", SESSION_REACH + SESSION_GAP, SESSION_GAP + 1);
    sql_fenced(sql, fence);
    buf_add_cstr(sql, " GROUP BY site, visitor))"
                      " ARRAY JOIN a AS t, prevs AS p, nexts AS n, firsts AS e WHERE ");
    sql_selection(sql, s, "time", 0, 0);
}

#define DOWNLOAD_TUPLE                                                                             \
    "toUnixTimestamp(ts), referrer, status, CAST(method AS String), CAST(source AS String),"       \
    " CAST(referrer_domain AS String), CAST(channel AS String), CAST(utm_source AS String),"       \
    " CAST(utm_medium AS String), CAST(utm_campaign AS String), CAST(utm_term AS String),"         \
    " CAST(utm_content AS String), CAST(click_id AS String)"

static void sql_flagged_downloads(struct buf *sql, const struct selection *s, struct str fence) {
    buf_printf(
        sql,
        "SELECT site, visitor, path, t.1 AS time, t.2 AS referrer, t.3 AS status,"
        " t.4 AS method, t.5 AS source, t.6 AS referrer_domain, t.7 AS channel,"
        " t.8 AS utm_source, t.9 AS utm_medium, t.10 AS utm_campaign, t.11 AS utm_term,"
        " t.12 AS utm_content, t.13 AS click_id, '' AS event,"
        " product, version, platform," VISITOR_WORDS ","
        " toUInt8(t.1 - p > %d) AS starts"
        " FROM (SELECT site, visitor, path, product, version, platform," VISITOR_WORDS ","
        " a, arrayMap(x -> x.1, a) AS times,"
        " arrayPushFront(arrayPopBack(times), toUInt32(0)) AS prevs"
        " FROM (SELECT site, visitor, path, any(product) AS product, any(version) AS version,"
        " any(platform) AS platform," ANY_VISITOR_WORDS ","
        " arraySort(groupArray((" DOWNLOAD_TUPLE "))) AS a"
        " FROM events WHERE kind = 'download' AND ",
        DOWNLOAD_GAP);
    sql_selection(sql, s, "ts", DOWNLOAD_GAP + 1, 0);
    sql_fenced(sql, fence);
    buf_add_cstr(sql, " GROUP BY site, visitor, path)) ARRAY JOIN a AS t, prevs AS p WHERE ");
    sql_selection(sql, s, "time", 0, 0);
}

void sql_raw_rows(struct buf *sql, enum fact fact, const struct selection *s, struct str fence) {
    switch (fact) {
    case FACT_V:
        sql_flagged_views(sql, s, fence);
        break;
    case FACT_D:
        sql_flagged_downloads(sql, s, fence);
        break;
    default:
        buf_add_cstr(sql, "SELECT *, toUnixTimestamp(ts) AS time FROM events WHERE ");
        if (fact == FACT_U)
            buf_add_cstr(sql, "kind = 'pageview' AND ");
        sql_selection(sql, s, "ts", 0, 0);
        sql_fenced(sql, fence);
        break;
    }
}

#define VIEWS_COLUMNS(X)                                                                           \
    X(site, "LowCardinality(String)")                                                              \
    X(visitor, "UInt64")                                                                           \
    X(path, "String")                                                                              \
    X(entry_path, "String")                                                                        \
    X(referrer, "String")                                                                          \
    X(referrer_domain, "LowCardinality(String)")                                                   \
    X(channel, "LowCardinality(String)")                                                           \
    X(utm_source, "LowCardinality(String)")                                                        \
    X(utm_medium, "LowCardinality(String)")                                                        \
    X(utm_campaign, "LowCardinality(String)")                                                      \
    X(utm_term, "LowCardinality(String)")                                                          \
    X(utm_content, "LowCardinality(String)")                                                       \
    X(click_id, "LowCardinality(String)")                                                          \
    X(status, "UInt16")                                                                            \
    X(method, "LowCardinality(String)")                                                            \
    X(source, "LowCardinality(String)")                                                            \
    X(country, "LowCardinality(String)")                                                           \
    X(browser, "LowCardinality(String)")                                                           \
    X(browser_version, "LowCardinality(String)")                                                   \
    X(os, "LowCardinality(String)")                                                                \
    X(os_version, "LowCardinality(String)")                                                        \
    X(device, "LowCardinality(String)")                                                            \
    X(device_brand, "LowCardinality(String)")                                                      \
    X(device_model, "LowCardinality(String)")                                                      \
    X(device_class, "LowCardinality(String)")                                                      \
    X(bot_kind, "LowCardinality(String)")                                                          \
    X(bot_name, "LowCardinality(String)")                                                          \
    X(bot, "UInt8")                                                                                \
    X(starts, "UInt8")                                                                             \
    X(ends, "UInt8")                                                                               \
    X(gap, "UInt32")

void sql_views_structure(struct buf *sql) {
    buf_add_cstr(sql, "seal UInt32, ts DateTime('UTC')");
#define X(name, type) buf_add_cstr(sql, ", " #name " " type);
    VIEWS_COLUMNS(X)
#undef X
}

void sql_views_columns(struct buf *sql) {
    const char *comma = "";
#define X(name, type)                                                                              \
    buf_printf(sql, "%s" #name, comma);                                                            \
    comma = ", ";
    VIEWS_COLUMNS(X)
#undef X
}

#define MAX_STEPS 64 /* runs of equally long buckets written as arithmetic; more become a list */

void sql_border(struct buf *sql, const int64_t *borders, size_t n, const char *column) {
    size_t steps = 0;
    for (size_t i = 0; i + 1 < n; i++)
        steps += i == 0 || borders[i + 1] - borders[i] != borders[i] - borders[i - 1];
    /* rows have no time before the epoch, but a bucket may begin there: its cells say 0 */
    if (n < 3 || steps > MAX_STEPS || borders[0] < 0) {
        buf_printf(sql, "toUInt32(roundDown(%s, [", column);
        for (size_t i = 0; i + 1 < n || i == 0; i++)
            buf_printf(sql, "%stoUInt32(%lld)", i ? "," : "", (long long)max_i64(borders[i], 0));
        buf_add_cstr(sql, "]))");
        return;
    }
    buf_add_cstr(sql, steps > 1 ? "toUInt32(multiIf(" : "toUInt32(");
    for (size_t i = 0; i + 1 < n;) {
        int64_t step = borders[i + 1] - borders[i];
        size_t end = i + 1;
        while (end + 1 < n && borders[end + 1] - borders[end] == step)
            end++;
        if (end + 1 < n)
            buf_printf(sql, "%s < %lld, ", column, (long long)borders[end]);
        buf_printf(sql, "%s - (%s - %lld) %% %lld%s", column, column, (long long)borders[i],
                   (long long)step, end + 1 < n ? ", " : "");
        i = end;
    }
    buf_add_cstr(sql, steps > 1 ? "))" : ")");
}

int sql_bucket(struct buf *sql, const struct zone *zone, enum grain grain, int64_t from, int64_t to,
               const char *column, struct err *err) {
    if (grain == GRAIN_NONE) {
        buf_add_cstr(sql, "toUInt32(0)");
        return 0;
    }
    VEC(int64_t) borders = {0};
    int64_t t = zone_floor(zone, grain, from);
    while (t < to && borders.len <= LIMIT_BUCKETS) {
        vec_push(&borders, t);
        t = zone_next(zone, grain, t);
    }
    vec_push(&borders, t);
    int rc = 0;
    if (borders.len > LIMIT_BUCKETS)
        rc = err_set(err, ERR_USAGE,
                     "more than %zu time buckets: choose a coarser grain (by) or a shorter range",
                     LIMIT_BUCKETS);
    else
        sql_border(sql, borders.items, borders.len, column);
    vec_free(&borders);
    return rc;
}

/* Cells and views against events, hour by hour: what `verify` shows. */
#include "cube/cube_internal.h"
#include "cube/snapshot.h"

#include <stdlib.h>

/* The measures compared: one of each fact, and one that flags decide. */
static const enum metric measures[] = {METRIC_hits, METRIC_pageviews, METRIC_sessions,
                                       METRIC_downloads};

struct hour_sums {
    int64_t hour;
    uint64_t sums[ARRAY_LEN(measures)];
};
struct sums {
    struct hour_sums *items;
    size_t len, cap;
};

/* Sums by UTC hour, from cells (raw false; a local hour counts where it starts) or from raw rows.
 */
static int read_sums(struct client *client, const struct selection *selection, const char *seals,
                     bool raw, struct sums *ret, struct err *err) {
    struct buf sql = {0}, out = {0};
    buf_add_cstr(&sql, "SELECT h");
    for (size_t i = 0; i < ARRAY_LEN(measures); i++)
        buf_printf(&sql, ", sum(m%zu)", i);
    buf_add_cstr(&sql, " FROM (");
    for (size_t i = 0; i < ARRAY_LEN(measures); i++) {
        const struct metric_def *metric = &metric_defs[measures[i]];
        buf_printf(&sql, "%sSELECT intDiv(time, 900) AS h", i ? " UNION ALL " : "");
        for (size_t j = 0; j < ARRAY_LEN(measures); j++) {
            if (j != i)
                buf_printf(&sql, ", toUInt64(0) AS m%zu", j);
            else if (raw)
                buf_printf(&sql, ", toUInt64(%s) AS m%zu", metric->sql, j);
            else
                buf_printf(&sql, ", toUInt64(sum(%s)) AS m%zu", metric->name, j);
        }
        buf_add_cstr(&sql, " FROM (");
        if (raw) {
            sql_raw_rows(&sql, metric->fact, selection, STR(""));
        } else {
            buf_printf(&sql, "SELECT * FROM cube_totals WHERE grain = %d AND %s AND ", GRAIN_HOUR,
                       seals);
            sql_selection(&sql, selection, "time", 0, 0);
        }
        buf_add_cstr(&sql, ") GROUP BY h");
    }
    buf_add_cstr(&sql, ") GROUP BY h ORDER BY h");
    int rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    struct str rest = buf_str(&out), line, field;
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        struct hour_sums row = {0};
        uint64_t quarter = 0;
        if (!str_split(&line, '\t', &field) || !str_to_u64(field, &quarter))
            continue;
        row.hour = (int64_t)quarter * 900;
        for (size_t i = 0; i < ARRAY_LEN(measures) && str_split(&line, '\t', &field); i++)
            if (!str_to_u64(field, &row.sums[i]))
                row.sums[i] = 0;
        vec_push(ret, row);
    }
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

/* Bring quarters of an hour (zones with :30 and :45 begin their hours there) to local hours. */
static void fold(struct sums *sums, const struct zone *zone) {
    size_t kept = 0;
    for (size_t i = 0; i < sums->len; i++) {
        int64_t hour = zone_floor(zone, GRAIN_HOUR, sums->items[i].hour);
        if (kept > 0 && sums->items[kept - 1].hour == hour) {
            for (size_t j = 0; j < ARRAY_LEN(measures); j++)
                sums->items[kept - 1].sums[j] += sums->items[i].sums[j];
        } else {
            sums->items[kept] = sums->items[i];
            sums->items[kept++].hour = hour;
        }
    }
    sums->len = kept;
}

static int compare(const char *site, const struct sums *cells, const struct sums *events,
                   cube_differ_fn *differ, void *arg) {
    static const struct hour_sums none;
    size_t i = 0, j = 0;
    int rc = 0;
    while (rc == 0 && (i < cells->len || j < events->len)) {
        bool left =
            j == events->len || (i < cells->len && cells->items[i].hour <= events->items[j].hour);
        bool right =
            i == cells->len || (j < events->len && events->items[j].hour <= cells->items[i].hour);
        const struct hour_sums *a = left ? &cells->items[i] : &none;
        const struct hour_sums *b = right ? &events->items[j] : &none;
        for (size_t m = 0; rc == 0 && m < ARRAY_LEN(measures); m++)
            if (a->sums[m] != b->sums[m])
                rc = differ(arg, site, left ? a->hour : b->hour, metric_defs[measures[m]].name,
                            a->sums[m], b->sums[m]);
        i += left;
        j += right;
    }
    return rc;
}

/* The whole local hours of clean time in [from, to): rows take away half hours, whose cells hold
 * more. */
static void clip_hours(const struct cube_site *site, const struct zone *zone, int64_t from,
                       int64_t to, struct ranges *ret) {
    struct ranges clean = {0};
    ranges_clip(&site->clean, from, to, true, &clean);
    for (size_t i = 0; i < clean.len; i++) {
        struct range r = clean.items[i];
        int64_t start = zone_floor(zone, GRAIN_HOUR, r.from);
        if (start != r.from)
            start = zone_next(zone, GRAIN_HOUR, r.from);
        ranges_add(ret, start, zone_floor(zone, GRAIN_HOUR, r.to));
    }
    ranges_release(&clean);
}

/* One site, a month of its clean time after the other. */
static bool any_hour(const struct hours *hours, int64_t from, int64_t to) {
    for (size_t i = 0; i < hours->len; i++)
        if (hours->items[i].hour < to && hours->items[i].hour + 3600 > from)
            return true;
    return false;
}

static int verify_site(struct client *client, const struct cube_site *site, const char *seals,
                       cube_differ_fn *differ, void *arg, uint64_t *hours, struct err *err) {
    struct zone *zone = NULL;
    int rc = zone_open(site->zone, &zone, err);
    int64_t at = rc == 0 ? zone_floor(zone, GRAIN_MONTH, site->first) : 0;
    struct selection everything = {0};
    struct hours present = {0};
    ranges_add(selection_site(&everything, str_from(site->name)), site->first, site->last);
    if (rc == 0)
        rc = cube_find_hours(client, &everything, &present, err);
    while (rc == 0 && at < site->last) {
        int64_t next = zone_next(zone, GRAIN_MONTH, at);
        struct selection selection = {0};
        struct sums cells = {0}, events = {0};
        clip_hours(site, zone, max_i64(at, 0), next,
                   selection_site(&selection, str_from(site->name)));
        bool rows = any_hour(&present, at, next) || cube_site_has_rows(site, at, next);
        if (rows && !selection_empty(&selection)) {
            rc = read_sums(client, &selection, seals, false, &cells, err);
            if (rc == 0)
                rc = read_sums(client, &selection, seals, true, &events, err);
            fold(&cells, zone);
            fold(&events, zone);
            *hours += events.len;
            if (rc == 0)
                rc = compare(site->name, &cells, &events, differ, arg);
        }
        selection_release(&selection);
        vec_free(&cells);
        vec_free(&events);
        at = next;
    }
    selection_release(&everything);
    vec_free(&present);
    zone_free(zone);
    return rc;
}

int cube_verify(struct cube *c, struct client *client, cube_differ_fn *differ, void *arg,
                uint64_t *ret_hours, struct err *err) {
    struct cube_snapshot s;
    *ret_hours = 0;
    int rc = 0;
    cube_snapshot(c, &s);
    for (size_t i = 0; rc == 0 && i < s.state.sites.len; i++) {
        const struct cube_site *site = &s.state.sites.items[i];
        if (strcmp(site->name, ALL_SITES) != 0 && site->last > site->first)
            rc = verify_site(client, site, buf_cstr(&s.seals), differ, arg, ret_hours, err);
    }
    cube_snapshot_release(&s);
    return rc;
}

/* Sealing: dirty local days become clean, then weeks, months, quarters, years (docs/decisions.md
 * D5).
 *
 * One seal, and what a crash or a late row between two steps leaves:
 *   1. new units are written down as pending                 (crash: dead on the next start)
 *   2. statements write their rows under the new numbers     (readers leave pending numbers out)
 *   3. one transaction: pending -> live, the old -> dead, time -> clean; or, when rows took off for
 *      the same time since work was looked for, pending -> dead  (crash: as after 1)
 *   4. the rows of dead units are deleted when the next sealing begins, then their units forgotten
 */
#include "cube/cube_internal.h"

#include <stdlib.h>

#define WINDOW_ROWS                                                                                \
    ((uint64_t)2000000) /* rows of events that one seal takes at once, if days allow */
#define WINDOW_SECONDS                                                                             \
    ((int64_t)366 * 86400)        /* and so much time: its hours are listed in statements */
#define QUIET_SECONDS 3600        /* a day is sealed when it ended so long ago */
#define COUNT_SITES ((size_t)500) /* sites that one statement counts dirty rows of */
#define WINDOW_BUCKETS 64         /* coarse buckets that one seal takes at once */

/* Units that one seal writes: buckets of one grain of one site, in order of time. */
struct seal {
    struct cube *cube;
    char *site; /* ALL_SITES: of all */
    const struct zone *zone;
    enum grain grain;
    int64_t from, to;    /* the time that will be clean */
    VEC(int64_t) starts; /* buckets that have rows */
    uint32_t first_seal; /* of starts[0]; the others follow */
    struct selection selection;
    char *live; /* condition on seals of other units, as of the beginning */
};

static bool is_all(const struct seal *s) { return strcmp(s->site, ALL_SITES) == 0; }

static void seal_release(struct seal *s) {
    free(s->site);
    vec_free(&s->starts);
    selection_release(&s->selection);
    free(s->live);
}

/* --- rows that arrive beside a seal --- */

/* From before the look for work on, so that rows which come between the look and the statements
 * count as well. With the mutex. */
static void watch(struct cube *c) {
    c->watching = true;
    for (size_t i = 0; i < c->flights.len; i++) {
        struct flight flight = c->flights.items[i];
        flight.site = xstrdup(flight.site);
        vec_push(&c->beside, flight);
    }
}

static void unwatch(struct cube *c) {
    pthread_mutex_lock(&c->mutex);
    c->watching = false;
    cube_free_flights(c->beside.items, c->beside.len);
    vec_free(&c->beside);
    pthread_mutex_unlock(&c->mutex);
}

/* --- step 1 and 3 --- */

static int begin(struct seal *s, struct err *err) {
    struct cube *c = s->cube;
    pthread_mutex_lock(&c->mutex);
    struct cube_site *site = cube_state_find(&c->state, str_from(s->site));
    struct buf live = {0};
    cube_sql_seals(&c->state, &live);
    s->live = str_dup(buf_str(&live));
    buf_release(&live);
    s->first_seal = c->state.next_seal;
    for (size_t i = 0; i < s->starts.len; i++) {
        int64_t start = s->starts.items[i];
        struct seal_unit unit = {.seal = c->state.next_seal++,
                                 .grain = s->grain,
                                 .state = UNIT_PENDING,
                                 .from = start,
                                 .to = zone_next(s->zone, s->grain, start)};
        vec_push(&site->units, unit);
    }
    site->changed = c->state.changed = true;
    int rc = cube_state_save(c->control, &c->state, err);
    for (size_t i = 0; rc != 0 && i < site->units.len; i++)
        if (site->units.items[i].seal >= s->first_seal)
            site->units.items[i].state = UNIT_DEAD;
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

static bool is_disturbed(const struct seal *s) {
    const struct cube *c = s->cube;
    for (size_t i = 0; i < c->beside.len; i++) {
        const struct flight *f = &c->beside.items[i];
        if ((is_all(s) || strcmp(f->site, s->site) == 0) && f->from - SESSION_GAP < s->to &&
            f->to + SESSION_REACH + SESSION_GAP > s->from)
            return true;
    }
    return false;
}

static int compare_start(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Does this seal take the place of that unit? Days: of all in its time, also of those that have no
 * rows any more. Coarse buckets: of the same ones. */
static bool replaces(const struct seal *s, const struct seal_unit *unit) {
    if (unit->grain != s->grain)
        return false;
    if (s->grain == GRAIN_DAY && !is_all(s))
        return unit->from < s->to && unit->to > s->from;
    return bsearch(&unit->from, s->starts.items, s->starts.len, sizeof unit->from, compare_start);
}

static int finish(struct seal *s, bool good, struct err *err) {
    struct cube *c = s->cube;
    pthread_mutex_lock(&c->mutex);
    struct cube_site *site = cube_state_find(&c->state, str_from(s->site));
    uint32_t first = s->first_seal, end = first + (uint32_t)s->starts.len;
    good = good && !is_disturbed(s);
    for (size_t i = 0; i < site->units.len; i++) {
        struct seal_unit *unit = &site->units.items[i];
        if (unit->seal >= first && unit->seal < end)
            unit->state = good ? UNIT_LIVE : UNIT_DEAD;
        else if (good && replaces(s, unit))
            unit->state = UNIT_DEAD;
    }
    if (good && s->grain == GRAIN_DAY && !is_all(s))
        ranges_add(&site->clean, s->from, s->to);
    site->changed = true;
    int rc = cube_state_save(c->control, &c->state, err);
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

/* --- step 2 --- */

static void sql_starts(const struct seal *s, struct buf *sql) {
    buf_add_char(sql, '[');
    for (size_t i = 0; i < s->starts.len; i++)
        buf_printf(sql, "%stoUInt32(%lld)", i ? "," : "",
                   (long long)max_i64(s->starts.items[i], 0));
    buf_add_char(sql, ']');
}

/* Number of the unit that `time` belongs to. */
static void sql_seal(const struct seal *s, struct buf *sql) {
    buf_add_cstr(sql, "transform(toUInt32(roundDown(time, ");
    sql_starts(s, sql);
    buf_add_cstr(sql, ")), ");
    sql_starts(s, sql);
    buf_add_cstr(sql, ", [");
    for (size_t i = 0; i < s->starts.len; i++)
        buf_printf(sql, "%stoUInt32(%u)", i ? "," : "", s->first_seal + (uint32_t)i);
    buf_add_cstr(sql, "], toUInt32(0))");
}

static int write_views(const struct seal *s, struct err *err) {
    struct buf sql = {0};
    buf_add_cstr(&sql, "INSERT INTO views (seal, ts, ");
    sql_views_columns(&sql);
    buf_add_cstr(&sql, ") SELECT ");
    sql_seal(s, &sql);
    buf_add_cstr(&sql, " AS seal, toDateTime(time, 'UTC') AS ts, ");
    sql_views_columns(&sql);
    buf_add_cstr(&sql, " FROM (");
    sql_raw_rows(&sql, FACT_V, &s->selection);
    buf_add_char(&sql, ')');
    int rc = cube_execute(s->cube, &sql, err);
    buf_release(&sql);
    return rc;
}

/* Where the cells of a fact come from: the views of this seal (days) or of earlier ones (coarse
 * grains), raw rows, or finer cells of the same cube, which sums may be taken of. */
static void sql_source(const struct seal *s, const struct cube_def *def, enum fact fact,
                       enum grain grain, struct buf *sql) {
    bool mine = s->grain == GRAIN_DAY && !is_all(s);
    enum grain finer = cube_has_grain(def, GRAIN_HOUR) ? GRAIN_HOUR : GRAIN_DAY;
    if (fact == FACT_V) {
        buf_add_cstr(sql, "SELECT *, toUnixTimestamp(ts) AS time FROM views WHERE ");
        sql_selection(sql, &s->selection, "ts", 0, 0);
    } else if (grain > finer) {
        buf_printf(sql, "SELECT * FROM cube_%s WHERE grain = %d AND ", def->name, (int)finer);
        sql_selection(sql, &s->selection, "time", 0, 0);
    } else {
        sql_raw_rows(sql, fact, &s->selection);
        return;
    }
    if (mine)
        buf_printf(sql, " AND seal >= %u AND seal < %u", s->first_seal,
                   s->first_seal + (uint32_t)s->starts.len);
    else
        buf_printf(sql, " AND %s", s->live);
}

static bool is_measure(size_t m, const struct cube_def *def, enum fact fact) {
    const struct metric_def *metric = &metric_defs[m];
    if (metric->sql == NULL || !cube_has_fact(def, metric->fact))
        return false;
    return metric->fact == fact || (fact == FACT_V && metric->fact == FACT_U);
}

/* Behind the last bucket that has rows: the time that is sealed may go on for years without any. */
static int64_t last_end(const struct seal *s) {
    return zone_next(s->zone, s->grain, s->starts.items[s->starts.len - 1]);
}

static int write_cells(const struct seal *s, const struct cube_def *def, enum fact fact,
                       enum grain grain, struct err *err) {
    enum dimension dimensions[CUBE_MAX_DIMENSIONS];
    size_t n = cube_dimensions(def, dimensions);
    bool states = n == 0 && fact == FACT_V;
    bool from_cells =
        fact != FACT_V && grain > (cube_has_grain(def, GRAIN_HOUR) ? GRAIN_HOUR : GRAIN_DAY);
    struct buf sql = {0}, keys = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&keys, ", %s", dimension_defs[dimensions[i]].name);
    buf_printf(&sql, "INSERT INTO cube_%s (site, grain, time, seal, bot%s", def->name,
               buf_cstr(&keys));
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (is_measure(m, def, fact))
            buf_printf(&sql, ", %s", metric_defs[m].name);
    buf_add_cstr(&sql, states ? ", visitors_state) SELECT " : ") SELECT ");
    buf_printf(&sql, "%s, toUInt8(%d), b, s, bot%s", is_all(s) ? "'" ALL_SITES "'" : "site",
               (int)grain, buf_cstr(&keys));
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        if (!is_measure(m, def, fact))
            continue;
        if (from_cells)
            buf_printf(&sql, ", sum(%s)", metric_defs[m].name);
        else
            buf_printf(&sql, ", toUInt64(%s)", metric_defs[m].sql);
    }
    buf_add_cstr(&sql,
                 states ? ", uniqCombinedState(visitor) FROM (SELECT *, " : " FROM (SELECT *, ");
    int rc = sql_bucket(&sql, s->zone, grain, s->starts.items[0], last_end(s), "time", err);
    buf_add_cstr(&sql, " AS b, ");
    /* `seal` is a column of the rows: the new number needs another name */
    sql_seal(s, &sql);
    buf_add_cstr(&sql, " AS s FROM (");
    sql_source(s, def, fact, grain, &sql);
    buf_printf(&sql, ")) GROUP BY %sb, s, bot%s", is_all(s) ? "" : "site, ", buf_cstr(&keys));
    if (rc == 0)
        rc = cube_execute(s->cube, &sql, err);
    buf_release(&keys);
    buf_release(&sql);
    return rc;
}

static int write_cube(const struct seal *s, const struct cube_def *def, enum grain grain,
                      struct err *err) {
    static const enum fact facts[] = {FACT_V, FACT_D, FACT_E};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(facts); i++)
        if (cube_has_fact(def, facts[i]) && !(is_all(s) && facts[i] != FACT_V))
            rc = write_cells(s, def, facts[i], grain, err);
    return rc;
}

static int write_all(const struct seal *s, struct err *err) {
    bool days = s->grain == GRAIN_DAY && !is_all(s);
    int rc = days ? write_views(s, err) : 0;
    for (size_t i = 0; rc == 0 && i < cube_defs_count; i++) {
        const struct cube_def *def = &cube_defs[i];
        if (is_all(s) && !cube_has_fact(def, FACT_E))
            continue; /* across sites only totals and audience are kept */
        if (days && cube_has_grain(def, GRAIN_HOUR))
            rc = write_cube(s, def, GRAIN_HOUR, err);
        if (rc == 0 && cube_has_grain(def, s->grain))
            rc = write_cube(s, def, s->grain, err);
    }
    return rc;
}

static int run_seal(struct seal *s, struct err *err) {
    int rc = begin(s, err);
    if (rc != 0)
        return rc;
    int written = s->starts.len > 0 ? write_all(s, err) : 0;
    rc = finish(s, written == 0, written == 0 ? err : NULL);
    return written != 0 ? written : rc;
}

/* --- what is to be done --- */

static int64_t horizon_of(const struct zone *zone, int64_t now) {
    return zone_floor(zone, GRAIN_DAY, now - QUIET_SECONDS);
}

/* Whole local days before the horizon that are not clean. */
static void find_dirty(const struct ranges *clean, const struct zone *zone, int64_t horizon,
                       struct ranges *ret) {
    struct ranges holes = {0};
    ranges_clip(clean, 0, horizon, false, &holes);
    for (size_t i = 0; i < holes.len; i++) {
        int64_t from = max_i64(zone_floor(zone, GRAIN_DAY, holes.items[i].from), 0);
        int64_t last = zone_floor(zone, GRAIN_DAY, holes.items[i].to - 1);
        ranges_add(ret, from, min_i64(zone_next(zone, GRAIN_DAY, last), horizon));
    }
    ranges_release(&holes);
}

int cube_find_hours(struct cube *c, const struct selection *selection, struct hours *ret,
                    struct err *err) {
    struct buf sql = {0}, out = {0};
    buf_add_cstr(&sql, "SELECT intDiv(toUnixTimestamp(ts), 3600) AS h, count() FROM events WHERE ");
    sql_selection(&sql, selection, "ts", 0, 0);
    buf_add_cstr(&sql, " GROUP BY h ORDER BY h");
    int rc = client_query(c->client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    struct str rest = buf_str(&out), line, field;
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        uint64_t hour, rows;
        if (!str_split(&line, '\t', &field) || !str_to_u64(field, &hour) ||
            !str_to_u64(line, &rows))
            continue;
        struct hour_rows row = {(int64_t)hour * 3600, rows};
        vec_push(ret, row);
    }
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

static void add_start(struct seal *s, int64_t start) {
    if (s->starts.len == 0 || s->starts.items[s->starts.len - 1] < start)
        vec_push(&s->starts, start);
}

/* Seal the days of [from, to) in windows; `hours` are those of the range that have rows. */
static int seal_range(struct cube *c, struct str name, const struct zone *zone, struct range range,
                      const struct hours *hours, cube_progress_fn *progress, void *arg,
                      uint64_t *done, uint64_t all, struct err *err) {
    int64_t at = range.from;
    size_t i = 0;
    int rc = 0;
    while (i < hours->len && hours->items[i].hour + 3600 <= range.from)
        i++;
    while (rc == 0 && at < range.to) {
        struct seal s = {.cube = c,
                         .site = str_dup(name),
                         .zone = zone,
                         .grain = GRAIN_DAY,
                         .from = at,
                         .to = range.to};
        uint64_t rows = 0;
        for (; i < hours->len && hours->items[i].hour < range.to; i++) {
            int64_t hour = hours->items[i].hour;
            int64_t day = zone_floor(zone, GRAIN_DAY, max_i64(hour, s.from));
            bool large = rows > 0 && (rows + hours->items[i].rows > WINDOW_ROWS ||
                                      day - s.starts.items[0] > WINDOW_SECONDS);
            if (large && day > s.starts.items[s.starts.len - 1]) {
                s.to = day; /* this day begins the next window */
                break;
            }
            rows += hours->items[i].rows;
            add_start(&s, day);
            int64_t later = zone_floor(zone, GRAIN_DAY, hour + 3599); /* zones with :30 and :45 */
            if (later < range.to)
                add_start(&s, later);
        }
        ranges_add(selection_site(&s.selection, str_from(s.site)), s.from, s.to);
        rc = run_seal(&s, err);
        at = s.to;
        *done += rows;
        seal_release(&s);
        if (rc == 0 && progress != NULL && progress(arg, *done, all) != 0)
            rc = err_set(err, ERR_STOPPED, "stopped");
    }
    return rc;
}

/* What is dirty of one site, copied out of the state; rows that take off are watched from here on.
 */
static bool site_work(struct cube *c, size_t i, int64_t now, char **ret_name,
                      struct zone **ret_zone, struct ranges *ret_dirty, int *rc, struct err *err) {
    pthread_mutex_lock(&c->mutex);
    struct cube_site *site = i < c->state.sites.len ? &c->state.sites.items[i] : NULL;
    *rc = 0;
    *ret_name = NULL;
    *ret_zone = NULL;
    if (site != NULL && strcmp(site->name, ALL_SITES) != 0) {
        *ret_name = xstrdup(site->name);
        *rc = zone_open(site->zone, ret_zone, err);
        if (*rc == 0)
            find_dirty(&site->clean, *ret_zone, horizon_of(*ret_zone, now), ret_dirty);
    }
    watch(c);
    pthread_mutex_unlock(&c->mutex);
    return site != NULL;
}

static int seal_days(struct cube *c, int64_t now, cube_progress_fn *progress, void *arg,
                     uint64_t all, struct err *err) {
    int rc = 0;
    uint64_t done = 0;
    char *name;
    struct zone *zone;
    bool more = true;
    for (size_t i = 0; rc == 0 && more; i++) {
        struct ranges dirty = {0};
        struct hours hours = {0};
        struct selection selection = {0};
        more = site_work(c, i, now, &name, &zone, &dirty, &rc, err);
        if (rc == 0 && dirty.len > 0) {
            ranges_copy(selection_site(&selection, str_from(name)), &dirty);
            rc = cube_find_hours(c, &selection, &hours, err);
        }
        for (size_t j = 0; rc == 0 && j < dirty.len; j++)
            rc = seal_range(c, str_from(name), zone, dirty.items[j], &hours, progress, arg, &done,
                            all, err);
        unwatch(c);
        selection_release(&selection);
        vec_free(&hours);
        ranges_release(&dirty);
        zone_free(zone);
        free(name);
    }
    return rc;
}

/* What could be sealed of COUNT_SITES sites from the i-th on, within the hours that have rows. */
static int select_dirty(struct cube *c, size_t i, int64_t now, struct selection *ret,
                        struct err *err) {
    int rc = 0;
    pthread_mutex_lock(&c->mutex);
    for (size_t n = 0; rc == 0 && n < COUNT_SITES && i + n < c->state.sites.len; n++) {
        const struct cube_site *site = &c->state.sites.items[i + n];
        struct zone *zone = NULL;
        if (strcmp(site->name, ALL_SITES) == 0)
            continue;
        rc = zone_open(site->zone, &zone, err);
        if (rc == 0)
            ranges_clip(&site->clean, site->first, min_i64(site->last, horizon_of(zone, now)),
                        false, selection_site(ret, str_from(str_dup(str_from(site->name)))));
        zone_free(zone);
    }
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

int cube_unsealed_rows(struct cube *c, int64_t now, uint64_t *ret_rows, struct err *err) {
    pthread_mutex_lock(&c->mutex);
    size_t n = c->state.sites.len;
    pthread_mutex_unlock(&c->mutex);
    *ret_rows = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i += COUNT_SITES) {
        struct selection selection = {0};
        struct buf sql = {0}, out = {0};
        uint64_t rows = 0;
        rc = select_dirty(c, i, now, &selection, err);
        buf_add_cstr(&sql, "SELECT count() FROM events WHERE ");
        sql_selection(&sql, &selection, "ts", 0, 0);
        if (rc == 0 && !selection_empty(&selection))
            rc = client_query(c->client, buf_str(&sql), "TSV", NULL, 0, &out, err);
        if (rc == 0 && str_to_u64(str_trim(buf_str(&out)), &rows))
            *ret_rows += rows;
        for (size_t j = 0; j < selection.len; j++)
            free((char *)(uintptr_t)selection.items[j].site.ptr);
        selection_release(&selection);
        buf_release(&sql);
        buf_release(&out);
    }
    return rc;
}

/* --- weeks, months, quarters, years, and all sites together --- */

static bool has_live(const struct cube_site *site, enum grain grain, int64_t start) {
    for (size_t i = 0; i < site->units.len; i++) {
        const struct seal_unit *unit = &site->units.items[i];
        if (unit->state == UNIT_LIVE && unit->grain == grain && unit->from == start)
            return true;
    }
    return false;
}

bool cube_site_has_rows(const struct cube_site *site, int64_t from, int64_t to) {
    for (size_t i = 0; i < site->units.len; i++) {
        const struct seal_unit *unit = &site->units.items[i];
        if (unit->state == UNIT_LIVE && unit->grain == GRAIN_DAY && unit->from < to &&
            unit->to > from)
            return true;
    }
    return false;
}

/* Is this bucket clean for the site, or for every site that has rows in it? Does it have rows? */
static bool bucket_ready(const struct cube_state *state, const struct cube_site *site, int64_t from,
                         int64_t to, bool *ret_rows) {
    bool all = strcmp(site->name, ALL_SITES) == 0;
    *ret_rows = false;
    for (size_t i = 0; i < state->sites.len; i++) {
        const struct cube_site *one = &state->sites.items[i];
        if (all ? strcmp(one->name, ALL_SITES) == 0 : one != site)
            continue;
        if (one->first >= to || one->last <= from)
            continue;
        if (!ranges_contain(&one->clean, max_i64(from, 0), to))
            return false;
        *ret_rows = *ret_rows || cube_site_has_rows(one, from, to);
    }
    return true;
}

/* Collect the next buckets of a grain that can be sealed, from *at on. */
static void collect(struct cube *c, struct seal *s, int64_t horizon, int64_t *at) {
    struct cube_site *site = cube_state_find(&c->state, str_from(s->site));
    int64_t last = 0, first = INT64_MAX;
    for (size_t i = 0; i < c->state.sites.len; i++) {
        const struct cube_site *one = &c->state.sites.items[i];
        if (!is_all(s) && one != site)
            continue;
        if (one->last > one->first) {
            first = min_i64(first, one->first);
            last = max_i64(last, one->last);
        }
    }
    if (first == INT64_MAX)
        return;
    int64_t start = zone_floor(s->zone, s->grain, max_i64(*at, first));
    while (start < last && s->starts.len < WINDOW_BUCKETS) {
        int64_t next = zone_next(s->zone, s->grain, start);
        bool rows;
        if (next > horizon)
            break;
        if (!has_live(site, s->grain, start) && bucket_ready(&c->state, site, start, next, &rows) &&
            rows)
            add_start(s, start);
        start = next;
    }
    *at = start;
    for (size_t i = 0; i < s->starts.len; i++) {
        int64_t from = s->starts.items[i], to = zone_next(s->zone, s->grain, from);
        for (size_t j = 0; j < c->state.sites.len; j++) {
            const struct cube_site *one = &c->state.sites.items[j];
            bool mine = is_all(s) ? strcmp(one->name, ALL_SITES) != 0 : one == site;
            if (mine && one->first < to && one->last > from)
                ranges_add(selection_site(&s->selection, str_from(one->name)), max_i64(from, 0),
                           to);
        }
    }
    if (s->starts.len > 0) {
        s->from = s->starts.items[0];
        s->to = zone_next(s->zone, s->grain, s->starts.items[s->starts.len - 1]);
    }
}

static int seal_coarse(struct cube *c, const char *name, const struct zone *zone, enum grain grain,
                       int64_t now, struct err *err) {
    int64_t at = 0, before = -1;
    int rc = 0;
    while (rc == 0 && at != before) {
        struct seal s = {.cube = c, .site = xstrdup(name), .zone = zone, .grain = grain};
        before = at;
        pthread_mutex_lock(&c->mutex);
        watch(c);
        collect(c, &s, horizon_of(zone, now), &at);
        /* names may move when sites are added: own copies for the statements */
        for (size_t i = 0; i < s.selection.len; i++)
            s.selection.items[i].site = str_from(str_dup(s.selection.items[i].site));
        pthread_mutex_unlock(&c->mutex);
        if (s.starts.len > 0)
            rc = run_seal(&s, err);
        unwatch(c);
        for (size_t i = 0; i < s.selection.len; i++)
            free((char *)(uintptr_t)s.selection.items[i].site.ptr);
        seal_release(&s);
    }
    return rc;
}

static int seal_all_coarse(struct cube *c, int64_t now, struct err *err) {
    VEC(char *) names = {0};
    VEC(char *) zones = {0};
    pthread_mutex_lock(&c->mutex);
    size_t real = 0;
    for (size_t i = 0; i < c->state.sites.len; i++)
        real += strcmp(c->state.sites.items[i].name, ALL_SITES) != 0;
    if (real > 1 && cube_state_find(&c->state, STR(ALL_SITES)) == NULL)
        cube_state_add(&c->state, STR(ALL_SITES), c->config->timezone);
    for (size_t i = 0; i < c->state.sites.len; i++) {
        if (real <= 1 && strcmp(c->state.sites.items[i].name, ALL_SITES) == 0)
            continue;
        vec_push(&names, xstrdup(c->state.sites.items[i].name));
        vec_push(&zones, xstrdup(c->state.sites.items[i].zone));
    }
    pthread_mutex_unlock(&c->mutex);
    int rc = 0;
    for (size_t i = 0; i < names.len; i++) {
        struct zone *zone = NULL;
        if (rc == 0)
            rc = zone_open(zones.items[i], &zone, err);
        bool all = strcmp(names.items[i], ALL_SITES) == 0;
        for (int grain = all ? GRAIN_DAY : GRAIN_WEEK; rc == 0 && grain <= GRAIN_YEAR; grain++)
            rc = seal_coarse(c, names.items[i], zone, (enum grain)grain, now, err);
        zone_free(zone);
        free(names.items[i]);
        free(zones.items[i]);
    }
    vec_free(&names);
    vec_free(&zones);
    return rc;
}

/* --- all of it --- */

int cube_seal(struct cube *c, int64_t now, cube_progress_fn *progress, void *arg, struct err *err) {
    uint64_t all = 0;
    if (!c->config->seal)
        return 0;
    int rc = cube_delete_dead(c, err);
    if (rc == 0)
        rc = cube_unsealed_rows(c, now, &all, err);
    if (rc == 0)
        rc = seal_days(c, now, progress, arg, all, err);
    if (rc == 0)
        rc = seal_all_coarse(c, now, err);
    return rc;
}

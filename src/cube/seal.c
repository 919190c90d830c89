/* Sealing: dirty local days become clean, then weeks, months, quarters, years (docs/decisions.md
 * D5).
 *
 * One seal, and what a crash or a late row between two steps leaves:
 *   1. new units are written down as pending                 (crash: dead on the next start)
 *   2. statements write their rows under the new numbers     (readers leave pending numbers out)
 *   3. one transaction: pending -> live, the old -> dead, time -> clean; or, when rows took off for
 *      the same time since work was looked for, or rows were dropped, pending -> dead  (crash: as
 *      after 1)
 *   4. the rows of dead units are deleted when the next sealing begins, then their units forgotten
 */
#include "cube/seal.h"

#include <stdlib.h>

void seal_release(struct seal *s) {
    free(s->site);
    vec_free(&s->starts);
    selection_release(&s->selection);
    free(s->live);
}

/* --- rows that arrive beside a seal --- */

/* From before the look for work on, so that rows which come between the look and the statements
 * count as well. With the mutex. */
void seal_watch(struct cube *c) {
    c->watching = true;
    c->seen_drops = c->drops - c->dropping; /* rows may yet go */
    for (size_t i = 0; i < c->flights.len; i++) {
        struct flight flight = c->flights.items[i];
        flight.site = xstrdup(flight.site);
        vec_push(&c->beside, flight);
    }
}

void seal_unwatch(struct cube *c) {
    pthread_mutex_lock(&c->mutex);
    c->watching = false;
    cube_free_flights(c->beside.items, c->beside.len);
    vec_free(&c->beside);
    pthread_mutex_unlock(&c->mutex);
}

/* --- step 1 and 3 --- */

static uint32_t end_seal(const struct seal *s) {
    return s->first_seal + (uint32_t)s->starts.len * (s->recent ? 2 : 1);
}

static void add_units(const struct seal *s, struct cube_site *site, enum grain grain) {
    for (size_t i = 0; i < s->starts.len; i++) {
        int64_t start = s->starts.items[i];
        struct seal_unit unit = {.seal = s->cube->state.next_seal++,
                                 .grain = grain,
                                 .state = UNIT_PENDING,
                                 .from = start,
                                 .to = zone_next(s->zone, s->grain, start)};
        vec_push(&site->units, unit);
    }
}

static int begin(struct seal *s, struct err *err) {
    struct cube *c = s->cube;
    pthread_mutex_lock(&c->mutex);
    struct cube_site *site = cube_state_find(&c->state, str_from(s->site));
    struct buf live = {0};
    cube_sql_seals(&c->state, &live);
    s->live = str_dup(buf_str(&live));
    buf_release(&live);
    s->first_seal = c->state.next_seal;
    add_units(s, site, s->grain);
    if (s->recent)
        add_units(s, site, GRAIN_HOUR);
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
    if (c->drops != c->seen_drops) /* of rows that may be in what was written */
        return true;
    for (size_t i = 0; i < c->beside.len; i++) {
        const struct flight *f = &c->beside.items[i];
        if ((seal_is_all(s) || strcmp(f->site, s->site) == 0) && f->from - SESSION_GAP < s->to &&
            f->to + SESSION_REACH + SESSION_GAP > s->from)
            return true;
    }
    return false;
}

static int compare_start(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Does this seal take the place of that unit? Days: of all in its time and their hours, also of
 * those that have no rows any more. Coarse buckets: of the same ones. */
static bool replaces(const struct seal *s, const struct seal_unit *unit) {
    if (s->grain == GRAIN_DAY && !seal_is_all(s))
        return unit->grain <= GRAIN_DAY && unit->from < s->to && unit->to > s->from;
    return unit->grain == s->grain &&
           bsearch(&unit->from, s->starts.items, s->starts.len, sizeof unit->from, compare_start);
}

static int finish(struct seal *s, bool good, struct err *err) {
    struct cube *c = s->cube;
    pthread_mutex_lock(&c->mutex);
    struct cube_site *site = cube_state_find(&c->state, str_from(s->site));
    /* the zone may have become another meanwhile: these are buckets of the old one */
    good = good && !is_disturbed(s) && strcmp(site->zone, zone_name(s->zone)) == 0;
    for (size_t i = 0; i < site->units.len; i++) {
        struct seal_unit *unit = &site->units.items[i];
        if (unit->seal >= s->first_seal && unit->seal < end_seal(s))
            unit->state = good ? UNIT_LIVE : UNIT_DEAD;
        else if (good && replaces(s, unit))
            unit->state = UNIT_DEAD;
    }
    if (good && s->grain == GRAIN_DAY && !seal_is_all(s))
        ranges_add(&site->clean, s->from, s->to);
    site->changed = true;
    int rc = cube_state_save(c->control, &c->state, err);
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

/* --- step 2 --- */

/* Behind the last bucket that has rows: the time that is sealed may go on for years without any. */
static int64_t last_end(const struct seal *s) {
    return zone_next(s->zone, s->grain, s->starts.items[s->starts.len - 1]);
}

/* Number of the unit that `column` (an instant, or the start of an hour) lies in; `first` is that
 * of starts[0]. Time outside all of them has rows that arrived meanwhile: any number of this seal
 * will do, for it will be dead. */
static void sql_seal(const struct seal *s, uint32_t first, const char *column, struct buf *sql) {
    size_t n = s->starts.len;
    int64_t *borders = xmalloc((n + 1) * sizeof *borders);
    for (size_t i = 0; i < n; i++)
        borders[i] = max_i64(s->starts.items[i], 0);
    borders[n] = last_end(s);
    buf_add_cstr(sql, "transform(");
    sql_border(sql, borders, n + 1, column);
    buf_add_cstr(sql, ", [");
    for (size_t i = 0; i < n; i++)
        buf_printf(sql, "%stoUInt32(%lld)", i ? "," : "", (long long)borders[i]);
    buf_add_cstr(sql, "], [");
    for (size_t i = 0; i < n; i++)
        buf_printf(sql, "%stoUInt32(%u)", i ? "," : "", first + (uint32_t)i);
    buf_printf(sql, "], toUInt32(%u))", first);
    free(borders);
}

static int write_views(const struct seal *s, struct err *err) {
    int rc = 0;
    for (unsigned part = 0; rc == 0 && part < s->parts; part++) {
        struct buf sql = {0};
        struct selection selection = s->selection;
        selection.part = part;
        selection.parts = s->parts;
        buf_add_cstr(&sql, "INSERT INTO views (seal, ts, ");
        sql_views_columns(&sql);
        buf_add_cstr(&sql, ") SELECT ");
        sql_seal(s, s->first_seal, "time", &sql);
        buf_add_cstr(&sql, " AS seal, toDateTime(time, 'UTC') AS ts, ");
        sql_views_columns(&sql);
        buf_add_cstr(&sql, " FROM (");
        sql_raw_rows(&sql, FACT_V, &selection, STR(""));
        buf_add_char(&sql, ')');
        rc = cube_execute(s->cube, &sql, err);
        buf_release(&sql);
    }
    return rc;
}

/* Does this seal write hours into that cube? */
static bool has_hours(const struct seal *s, const struct cube_def *def) {
    return s->grain == GRAIN_DAY && !seal_is_all(s) && cube_has_grain(def, GRAIN_HOUR) &&
           (s->recent || !cube_has_recent_hours(def));
}

/* The cells that sums of a grain are made of: days of hours, where there are any, and the others of
 * days. GRAIN_NONE: of rows. */
static enum grain finer_grain(const struct seal *s, const struct cube_def *def, enum grain grain) {
    if (grain > GRAIN_DAY)
        return GRAIN_DAY;
    return grain == GRAIN_DAY && has_hours(s, def) ? GRAIN_HOUR : GRAIN_NONE;
}

/* Where the cells of a fact come from: the views of this seal (days) or of earlier ones (coarse
 * grains), raw rows, or finer cells of the same cube, which sums may be taken of. */
static void sql_source(const struct seal *s, const struct cube_def *def, enum fact fact,
                       enum grain grain, struct buf *sql) {
    bool mine = s->grain == GRAIN_DAY && !seal_is_all(s);
    enum grain finer = finer_grain(s, def, grain);
    if (fact == FACT_V) {
        buf_add_cstr(sql, "SELECT *, toUnixTimestamp(ts) AS time FROM views WHERE ");
        sql_selection(sql, &s->selection, "ts", 0, 0);
    } else if (finer != GRAIN_NONE) {
        buf_printf(sql, "SELECT * FROM cube_%s WHERE grain = %d AND ", def->name, (int)finer);
        sql_selection(sql, &s->selection, "time", 0, 0);
        if (cube_has_fact(def, FACT_V))
            buf_add_cstr(sql, " AND pageviews = 0"); /* those of page views have nothing else */
    } else {
        sql_raw_rows(sql, fact, &s->selection, STR(""));
        return;
    }
    if (mine)
        buf_printf(sql, " AND seal >= %u AND seal < %u", s->first_seal, end_seal(s));
    else
        buf_printf(sql, " AND %s", s->live);
}

/* What one statement writes of a cube's cells: measures of page views, with distinct visitors, or
 * of one kind of row, or (when they are sums of finer cells) all that are not of page views. */
static bool is_measure(size_t m, const struct cube_def *def, enum fact fact, bool from_cells) {
    const struct metric_def *metric = &metric_defs[m];
    if (metric->sql == NULL || !cube_has_fact(def, metric->fact))
        return false;
    bool of_views = metric->fact == FACT_V || metric->fact == FACT_U;
    return from_cells ? !of_views : metric->fact == fact || (fact == FACT_V && of_views);
}

static int write_cells(const struct seal *s, const struct cube_def *def, enum fact fact,
                       enum grain grain, struct err *err) {
    enum dimension dimensions[CUBE_MAX_DIMENSIONS];
    size_t n = cube_dimensions(def, dimensions);
    bool states = n == 0 && fact == FACT_V;
    bool from_cells = fact != FACT_V && finer_grain(s, def, grain) != GRAIN_NONE;
    bool own_units = grain == GRAIN_HOUR && cube_has_recent_hours(def);
    struct buf sql = {0}, keys = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&keys, ", %s", dimension_defs[dimensions[i]].name);
    buf_printf(&sql, "INSERT INTO cube_%s (site, grain, time, seal, bot%s", def->name,
               buf_cstr(&keys));
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (is_measure(m, def, fact, from_cells))
            buf_printf(&sql, ", %s", metric_defs[m].name);
    buf_add_cstr(&sql, states ? ", visitors_state) SELECT " : ") SELECT ");
    sql_quote(&sql, str_from(s->site));
    buf_printf(&sql, ", toUInt8(%d), b, ", (int)grain);
    /* no key, but made of one: fewer keys are grouped faster */
    sql_seal(s, s->first_seal + (own_units ? (uint32_t)s->starts.len : 0), "b", &sql);
    buf_printf(&sql, ", bot%s", buf_cstr(&keys));
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        if (!is_measure(m, def, fact, from_cells))
            continue;
        if (from_cells)
            buf_printf(&sql, ", sum(%s)", metric_defs[m].name);
        else
            buf_printf(&sql, ", toUInt64(%s)", metric_defs[m].sql);
    }
    buf_add_cstr(&sql,
                 states ? ", uniqCombinedState(visitor) FROM (SELECT *, " : " FROM (SELECT *, ");
    int rc = sql_bucket(&sql, s->zone, grain, s->starts.items[0], last_end(s), "time", err);
    buf_add_cstr(&sql, " AS b FROM (");
    sql_source(s, def, fact, grain, &sql);
    buf_printf(&sql, ")) GROUP BY b, bot%s", buf_cstr(&keys));
    if (rc == 0)
        rc = cube_execute(s->cube, &sql, err);
    buf_release(&keys);
    buf_release(&sql);
    return rc;
}

static int write_cube(const struct seal *s, const struct cube_def *def, enum grain grain,
                      struct err *err) {
    static const enum fact facts[] = {FACT_V, FACT_D, FACT_E};
    bool from_cells = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(facts) && !from_cells; i++) {
        if (!cube_has_fact(def, facts[i]) || (seal_is_all(s) && facts[i] != FACT_V))
            continue;
        from_cells = facts[i] != FACT_V && finer_grain(s, def, grain) != GRAIN_NONE;
        struct seal part = *s; /* sums of rows add up over parts of the visitors */
        bool in_parts = facts[i] != FACT_V && !from_cells;
        for (unsigned k = 0; rc == 0 && k < (in_parts ? s->parts : 1); k++) {
            part.selection.part = k;
            part.selection.parts = in_parts ? s->parts : 0;
            rc = write_cells(&part, def, facts[i], grain, err); /* from cells: of all facts left */
        }
    }
    return rc;
}

static int write_all(const struct seal *s, struct err *err) {
    bool days = s->grain == GRAIN_DAY && !seal_is_all(s);
    int rc = days ? write_views(s, err) : 0;
    for (size_t i = 0; rc == 0 && i < cube_defs_count; i++) {
        const struct cube_def *def = &cube_defs[i];
        if (seal_is_all(s) && !cube_has_all_sites(def))
            continue;
        if (has_hours(s, def))
            rc = write_cube(s, def, GRAIN_HOUR, err);
        if (rc == 0 && cube_has_grain(def, s->grain))
            rc = write_cube(s, def, s->grain, err);
    }
    return rc;
}

int seal_run(struct seal *s, struct err *err) {
    int rc = begin(s, err);
    if (rc != 0)
        return rc;
    int written = s->starts.len > 0 ? write_all(s, err) : 0;
    rc = finish(s, written == 0, written == 0 ? err : NULL);
    return written != 0 ? written : rc;
}

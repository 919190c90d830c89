/* What is to be sealed: dirty local days in windows, then weeks, months, quarters and years that
 * have become whole, then the same of all sites together. How one seal is done: seal.c. */
#include "cube/seal.h"

#include <stdlib.h>

#define WINDOW_SECONDS                                                                             \
    ((int64_t)366 * 86400)        /* and so much time: its hours are listed in statements */
#define QUIET_SECONDS 3600        /* a day is sealed when it ended so long ago */
#define COUNT_SITES ((size_t)500) /* sites that one statement counts dirty rows of */
#define RECENT_SECONDS                                                                             \
    ((int64_t)35 * 86400) /* recent hours: five weeks, of which one goes at a time (bury.c) */
#define WINDOW_BUCKETS 64 /* coarse buckets that one seal takes at once */

static int64_t horizon_of(const struct zone *zone, int64_t now) {
    return zone_floor(zone, GRAIN_DAY, now - QUIET_SECONDS);
}

int64_t cube_recent_from(const struct zone *zone, int64_t now) {
    return zone_floor(zone, GRAIN_DAY, now - RECENT_SECONDS);
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

int cube_find_hours(struct client *client, const struct selection *selection, struct hours *ret,
                    struct err *err) {
    struct buf sql = {0}, out = {0};
    buf_add_cstr(&sql, "SELECT intDiv(toUnixTimestamp(ts), 3600) AS h, count() FROM events WHERE ");
    sql_selection(&sql, selection, "ts", 0, 0);
    buf_add_cstr(&sql, " GROUP BY h ORDER BY h");
    int rc = client_query(client, buf_str(&sql), "TSV", NULL, 0, &out, err);
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
                      bool recent, const struct hours *hours, cube_progress_fn *progress, void *arg,
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
                         .recent = recent,
                         .from = at,
                         .to = range.to};
        uint64_t rows = 0;
        for (; i < hours->len && hours->items[i].hour < range.to; i++) {
            int64_t hour = hours->items[i].hour;
            int64_t day = zone_floor(zone, GRAIN_DAY, max_i64(hour, s.from));
            bool large = rows > 0 && (rows + hours->items[i].rows > c->window_rows ||
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
        s.parts = (unsigned)(rows / c->window_rows + 1);
        rc = seal_run(&s, err);
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
    seal_watch(c);
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
            rc = cube_find_hours(c->client, &selection, &hours, err);
        }
        int64_t recent = zone != NULL ? cube_recent_from(zone, now) : 0;
        for (size_t j = 0; rc == 0 && j < dirty.len; j++) {
            struct range older = dirty.items[j], younger = dirty.items[j];
            older.to = min_i64(older.to, recent);
            younger.from = max_i64(younger.from, recent);
            rc = seal_range(c, str_from(name), zone, older, false, &hours, progress, arg, &done,
                            all, err);
            if (rc == 0)
                rc = seal_range(c, str_from(name), zone, younger, true, &hours, progress, arg,
                                &done, all, err);
        }
        seal_unwatch(c);
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
        if (!seal_is_all(s) && one != site)
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
            bool mine = seal_is_all(s) ? strcmp(one->name, ALL_SITES) != 0 : one == site;
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
        struct seal s = {
            .cube = c, .site = xstrdup(name), .zone = zone, .grain = grain, .parts = 1};
        before = at;
        pthread_mutex_lock(&c->mutex);
        seal_watch(c);
        collect(c, &s, horizon_of(zone, now), &at);
        /* names may move when sites are added: own copies for the statements */
        for (size_t i = 0; i < s.selection.len; i++)
            s.selection.items[i].site = str_from(str_dup(s.selection.items[i].site));
        pthread_mutex_unlock(&c->mutex);
        if (s.starts.len > 0)
            rc = seal_run(&s, err);
        seal_unwatch(c);
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
    pthread_mutex_lock(&c->mutex);
    bool seal = c->config->seal;
    pthread_mutex_unlock(&c->mutex);
    if (!seal)
        return 0;
    int rc = cube_age(c, now, err);
    if (rc == 0)
        rc = cube_delete_dead(c, err);
    if (rc == 0)
        rc = cube_unsealed_rows(c, now, &all, err);
    if (rc == 0)
        rc = seal_days(c, now, progress, arg, all, err);
    if (rc == 0)
        rc = seal_all_coarse(c, now, err);
    return rc;
}

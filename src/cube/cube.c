#include "cube/cube_internal.h"

#include "store/schema.h"
#include <sodium.h>
#include <stdlib.h>

#define WINDOW_ROWS ((uint64_t)2000000) /* flags of so many take about 1 GB */

void cube_set_window(struct cube *c, uint64_t rows) { c->window_rows = rows; }

int cube_execute(struct cube *c, struct buf *sql, struct err *err) {
    return client_query(c->client, buf_str(sql), NULL, NULL, 0, NULL, err);
}

static void cell_ddl(const struct cube_def *def, struct buf *sql) {
    enum dimension dimensions[CUBE_MAX_DIMENSIONS];
    size_t n = cube_dimensions(def, dimensions);
    buf_printf(sql,
               "CREATE TABLE IF NOT EXISTS cube_%s (site LowCardinality(String), grain UInt8,"
               " time UInt32, seal UInt32, bot UInt8",
               def->name);
    for (size_t i = 0; i < n; i++) {
        bool wide = dimensions[i] == DIM_path || dimensions[i] == DIM_entry_path;
        buf_printf(sql, ", %s %s", dimension_defs[dimensions[i]].name,
                   wide ? "String" : "LowCardinality(String)");
    }
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (metric_defs[m].sql != NULL && cube_has_fact(def, metric_defs[m].fact))
            buf_printf(sql, ", %s UInt64", metric_defs[m].name);
    if (n == 0)
        buf_add_cstr(sql, ", visitors_state AggregateFunction(uniqCombined, UInt64)");
    buf_printf(sql, ") ENGINE = MergeTree ORDER BY (grain, site, time)%s", schema_table_settings);
}

static int make_tables(struct cube *c, struct err *err) {
    struct buf sql = {0};
    buf_add_cstr(&sql, "CREATE TABLE IF NOT EXISTS views (");
    sql_views_structure(&sql);
    buf_printf(&sql, ") ENGINE = MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (site, ts)%s",
               schema_table_settings);
    int rc = cube_execute(c, &sql, err);
    for (size_t i = 0; rc == 0 && i < cube_defs_count; i++) {
        buf_clear(&sql);
        cell_ddl(&cube_defs[i], &sql);
        rc = cube_execute(c, &sql, err);
    }
    buf_clear(&sql);
    buf_printf(
        &sql,
        "CREATE TABLE IF NOT EXISTS cube_mark (mark UInt64) ENGINE = MergeTree ORDER BY mark%s",
        schema_table_settings);
    if (rc == 0)
        rc = cube_execute(c, &sql, err);
    buf_release(&sql);
    return rc;
}

static int drop_tables(struct cube *c, struct err *err) {
    struct buf sql = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < cube_defs_count + 2; i++) {
        buf_clear(&sql);
        if (i < cube_defs_count)
            buf_printf(&sql, "DROP TABLE IF EXISTS cube_%s", cube_defs[i].name);
        else
            buf_printf(&sql, "DROP TABLE IF EXISTS %s",
                       i == cube_defs_count ? "views" : "cube_mark");
        rc = cube_execute(c, &sql, err);
    }
    buf_release(&sql);
    return rc;
}

static int read_number(struct cube *c, const char *sql, uint64_t *ret, struct err *err) {
    struct buf out = {0};
    *ret = 0;
    int rc = client_query(c->client, str_from(sql), "TSV", NULL, 0, &out, err);
    if (rc == 0)
        (void)!str_to_u64(str_trim(buf_str(&out)), ret);
    buf_release(&out);
    return rc;
}

/* Do tables and control data belong together? The mark says so, unless control data are a copy from
 * before some seals (then the tables hold newer numbers), or parts of a table were set aside as
 * broken. */
static int check_tables(struct cube *c, bool *ret_same, struct err *err) {
    struct buf sql = {0};
    uint64_t mark, newest = 0, broken = 0;
    int rc = read_number(c, "SELECT max(mark) FROM cube_mark", &mark, err);
    if (rc == 0)
        rc = read_number(c,
                         "SELECT count() FROM system.detached_parts WHERE table = 'views'"
                         " OR table LIKE 'cube\\_%'",
                         &broken, err);
    buf_add_cstr(&sql, "SELECT max(m) FROM (SELECT max(seal) AS m FROM views");
    for (size_t i = 0; i < cube_defs_count; i++)
        buf_printf(&sql, " UNION ALL SELECT max(seal) AS m FROM cube_%s", cube_defs[i].name);
    buf_add_char(&sql, ')');
    if (rc == 0)
        rc = read_number(c, buf_cstr(&sql), &newest, err);
    buf_release(&sql);
    *ret_same = mark != 0 && mark == c->state.mark && newest < c->state.next_seal && broken == 0;
    return rc;
}

/* Sites and their extent, when control data do not have them: from events. */
static int find_sites(struct cube *c, struct err *err) {
    struct buf out = {0};
    int rc = client_query(c->client,
                          STR("SELECT toUnixTimestamp(min(ts)), toUnixTimestamp(max(ts)), site"
                              " FROM events GROUP BY site"),
                          "TSVRaw", NULL, 0, &out, err);
    struct str rest = buf_str(&out), line, first, last;
    pthread_mutex_lock(&c->mutex);
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        uint64_t from, to;
        if (!str_split(&line, '\t', &first) || !str_split(&line, '\t', &last) ||
            !str_to_u64(first, &from) || !str_to_u64(last, &to))
            continue;
        struct cube_site *site = cube_state_find(&c->state, line);
        if (site == NULL)
            site = cube_state_add(&c->state, line, config_site_zone(c->config, line));
        site->first = (int64_t)(from - from % 3600);
        site->last = (int64_t)(to - to % 3600 + 3600);
        site->changed = true;
    }
    pthread_mutex_unlock(&c->mutex);
    buf_release(&out);
    return rc;
}

/* Begin anew: forget in control data first, so that a crash in between leaves a mark that does not
 * fit and the drop is done again. */
int cube_drop(struct cube *c, struct err *err) {
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->state.sites.len; i++) {
        struct cube_site *site = &c->state.sites.items[i];
        cube_site_reset(site, site->zone);
        site->units.len = 0;
    }
    c->state.mark = 0;
    c->state.changed = true;
    struct buf sql = {0};
    int rc = cube_state_save(c->control, &c->state, err);
    if (rc == 0)
        rc = drop_tables(c, err);
    if (rc == 0)
        rc = make_tables(c, err);
    uint64_t mark = 0;
    randombytes_buf(&mark, sizeof mark);
    mark = mark >> 2 | 1; /* fits the integers of JSON documents */
    buf_printf(&sql, "INSERT INTO cube_mark SELECT toUInt64(%llu)", (unsigned long long)mark);
    if (rc == 0)
        rc = cube_execute(c, &sql, err);
    if (rc == 0) {
        c->state.mark = mark;
        c->state.changed = true;
        rc = cube_state_save(c->control, &c->state, err);
    }
    buf_release(&sql);
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

/* A site whose zone changed begins anew. */
static void follow_zones(struct cube *c) {
    for (size_t i = 0; i < c->state.sites.len; i++) {
        struct cube_site *site = &c->state.sites.items[i];
        const char *zone = strcmp(site->name, ALL_SITES) == 0
                               ? c->config->timezone
                               : config_site_zone(c->config, str_from(site->name));
        if (strcmp(zone, site->zone) != 0)
            cube_site_reset(site, zone);
    }
}

/* Seals that were pending when the program ended are dead. */
static void settle(struct cube *c) {
    for (size_t i = 0; i < c->state.sites.len; i++) {
        struct cube_site *site = &c->state.sites.items[i];
        for (size_t j = 0; j < site->units.len; j++) {
            if (site->units.items[j].state == UNIT_PENDING) {
                site->units.items[j].state = UNIT_DEAD;
                site->changed = true;
            }
        }
    }
    follow_zones(c);
}

void cube_set_config(struct cube *c, const struct config *config) {
    pthread_mutex_lock(&c->mutex);
    const struct config *old = c->config;
    c->config = config_hold(config);
    follow_zones(c); /* written down with the next change, or done again on the next start */
    pthread_mutex_unlock(&c->mutex);
    config_let_go(old);
}

int cube_before_drop(void *cube, struct err *err) {
    struct cube *c = cube;
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->state.sites.len; i++)
        cube_site_reset(&c->state.sites.items[i], c->state.sites.items[i].zone);
    int rc = cube_state_save(c->control, &c->state, err);
    c->drops++;
    c->dropping = true;
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

unsigned cube_drops(struct cube *c) {
    pthread_mutex_lock(&c->mutex);
    unsigned drops = c->drops;
    pthread_mutex_unlock(&c->mutex);
    return drops;
}

int cube_open(const struct config *config, struct control *control, struct client *client,
              struct cube **ret, struct err *err) {
    struct cube *c = xcalloc(1, sizeof *c);
    c->config = config_hold(config);
    c->control = control;
    c->client = client;
    c->window_rows = WINDOW_ROWS;
    pthread_mutex_init(&c->mutex, NULL);
    int rc = cube_state_load(control, &c->state, err);
    if (rc == 0) {
        settle(c);
        rc = cube_state_save(control, &c->state, err);
    }
    if (rc != 0) {
        cube_close(c);
        return rc;
    }
    *ret = c;
    return 0;
}

int cube_fit(struct cube *c, struct err *err) {
    bool same = false, begun = c->state.mark != 0; /* else the tables are made by cube_drop() */
    int rc = begun ? make_tables(c, err) : 0;
    if (rc == 0 && begun)
        rc = check_tables(c, &same, err);
    if (rc == 0 && !same)
        rc = find_sites(c, err);
    return rc == 0 && !same ? cube_drop(c, err) : rc;
}

void cube_close(struct cube *c) {
    if (c == NULL)
        return;
    cube_after_insert(c);
    vec_free(&c->flights);
    vec_free(&c->readers);
    config_let_go(c->config);
    cube_state_release(&c->state);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

int cube_before_insert(void *cube, const struct touched_site *touched, size_t n, struct err *err) {
    struct cube *c = cube;
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < n; i++) {
        struct str name = str_from(touched[i].site);
        struct cube_site *site = cube_state_find(&c->state, name);
        if (site == NULL)
            site = cube_state_add(&c->state, name, config_site_zone(c->config, name));
        struct cube_site *all = cube_state_find(&c->state, STR(ALL_SITES));
        for (size_t j = 0; j < touched[i].ranges.len; j++) {
            int64_t from = (int64_t)touched[i].ranges.items[j].from * 3600;
            int64_t to = (int64_t)touched[i].ranges.items[j].to * 3600;
            cube_site_dirty(site, from, to);
            if (all != NULL)
                cube_site_dirty(all, from, to);
            if (site->first == site->last || from < site->first || to > site->last) {
                site->first = site->first == site->last ? from : min_i64(site->first, from);
                site->last = max_i64(site->last, to);
                site->changed = true;
            }
            struct flight flight = {xstrdup(site->name), from, to};
            vec_push(&c->flights, flight);
            if (c->watching) {
                flight.site = xstrdup(site->name);
                vec_push(&c->beside, flight);
            }
        }
    }
    int rc = cube_state_save(c->control, &c->state, err);
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

void cube_free_flights(struct flight *items, size_t n) {
    for (size_t i = 0; i < n; i++)
        free(items[i].site);
}

void cube_after_insert(void *cube) {
    struct cube *c = cube;
    pthread_mutex_lock(&c->mutex);
    cube_free_flights(c->flights.items, c->flights.len);
    c->flights.len = 0;
    c->dropping = false;
    pthread_mutex_unlock(&c->mutex);
}

void cube_sql_seals(const struct cube_state *state, struct buf *sql) {
    bool any = false;
    /* numbers given out later are as good as pending */
    buf_printf(sql, "seal < %u", state->next_seal);
    for (size_t i = 0; i < state->sites.len; i++) {
        for (size_t j = 0; j < state->sites.items[i].units.len; j++) {
            const struct seal_unit *unit = &state->sites.items[i].units.items[j];
            if (unit->state == UNIT_LIVE)
                continue;
            buf_printf(sql, any ? ",%u" : " AND seal NOT IN (%u", unit->seal);
            any = true;
        }
    }
    if (any)
        buf_add_char(sql, ')');
}

static bool has_rows(const struct cube_site *site) {
    return strcmp(site->name, ALL_SITES) != 0 && site->last > site->first;
}

bool cube_site_extent(struct cube *c, struct str name, int64_t *ret_first, int64_t *ret_last) {
    pthread_mutex_lock(&c->mutex);
    const struct cube_site *site = cube_state_find(&c->state, name);
    bool found = site != NULL && has_rows(site);
    *ret_first = found ? site->first : 0;
    *ret_last = found ? site->last : 0;
    pthread_mutex_unlock(&c->mutex);
    return found;
}

void cube_each_site(struct cube *c,
                    void (*see)(void *arg, const char *site, int64_t first, int64_t last),
                    void *arg) {
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->state.sites.len; i++) {
        const struct cube_site *site = &c->state.sites.items[i];
        if (has_rows(site))
            see(arg, site->name, site->first, site->last);
    }
    pthread_mutex_unlock(&c->mutex);
}

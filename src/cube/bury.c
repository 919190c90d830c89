/* Step 4 of sealing (seal.c): rows of dead units are deleted, then the units forgotten. Recent
 * hours that are recent no longer die here. */
#include "cube/cube_internal.h"

#include <stdlib.h>

struct seal_list {
    uint32_t *items;
    size_t len, cap;
};

static bool in_list(const struct seal_list *list, uint32_t seal) {
    for (size_t i = 0; i < list->len; i++)
        if (list->items[i] == seal)
            return true;
    return false;
}

static int delete_rows(struct cube *c, const struct seal_list *dead, struct err *err) {
    struct buf sql = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i <= cube_defs_count; i++) {
        buf_clear(&sql);
        buf_printf(&sql, "ALTER TABLE %s%s DELETE WHERE seal IN (",
                   i < cube_defs_count ? "cube_" : "",
                   i < cube_defs_count ? cube_defs[i].name : "views");
        for (size_t j = 0; j < dead->len; j++)
            buf_printf(&sql, "%s%u", j ? "," : "", dead->items[j]);
        buf_add_cstr(&sql, ") SETTINGS mutations_sync = 1");
        rc = cube_execute(c, &sql, err);
    }
    buf_release(&sql);
    return rc;
}

/* The dead ones that no snapshot in use takes for live. With the mutex. */
static void find_dead(struct cube *c, struct seal_list *ret) {
    uint64_t oldest = ++c->moment;
    for (size_t i = 0; i < c->readers.len; i++)
        if (c->readers.items[i] < oldest)
            oldest = c->readers.items[i];
    for (size_t i = 0; i < c->state.sites.len; i++) {
        for (size_t j = 0; j < c->state.sites.items[i].units.len; j++) {
            struct seal_unit *unit = &c->state.sites.items[i].units.items[j];
            if (unit->state != UNIT_DEAD)
                continue;
            if (unit->buried == 0)
                unit->buried = c->moment;
            if (unit->buried <= oldest)
                vec_push(ret, unit->seal);
        }
    }
}

#define AGED_SECONDS                                                                               \
    ((int64_t)7 * 86400) /* so much of a site dies at once: a delete writes whole parts anew */

/* Hours whose day ended before `recent`, as soon as they are a week. */
static void age_site(struct cube_site *site, int64_t recent) {
    bool enough = false;
    for (size_t i = 0; i < site->units.len; i++) {
        const struct seal_unit *unit = &site->units.items[i];
        enough = enough || (unit->grain == GRAIN_HOUR && unit->state == UNIT_LIVE &&
                            unit->from <= recent - AGED_SECONDS);
    }
    for (size_t i = 0; enough && i < site->units.len; i++) {
        struct seal_unit *unit = &site->units.items[i];
        if (unit->grain == GRAIN_HOUR && unit->state == UNIT_LIVE && unit->to <= recent)
            unit->state = UNIT_DEAD;
    }
    site->changed = site->changed || enough;
}

int cube_age(struct cube *c, int64_t now, struct err *err) {
    int rc = 0;
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; rc == 0 && i < c->state.sites.len; i++) {
        struct zone *zone = NULL;
        rc = zone_open(c->state.sites.items[i].zone, &zone, err);
        if (rc == 0)
            age_site(&c->state.sites.items[i], cube_recent_from(zone, now));
        zone_free(zone);
    }
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

int cube_delete_dead(struct cube *c, struct err *err) {
    struct seal_list dead = {0};
    pthread_mutex_lock(&c->mutex);
    find_dead(c, &dead);
    int rc =
        cube_state_save(c->control, &c->state, err); /* a death is durable before its rows go */
    pthread_mutex_unlock(&c->mutex);
    if (rc == 0 && dead.len > 0)
        rc = delete_rows(c, &dead, err);
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; dead.len > 0 && rc == 0 && i < c->state.sites.len; i++) {
        struct cube_site *site = &c->state.sites.items[i];
        size_t kept = 0;
        for (size_t j = 0; j < site->units.len; j++)
            if (!in_list(&dead, site->units.items[j].seal))
                site->units.items[kept++] = site->units.items[j];
        site->changed = site->changed || kept != site->units.len;
        site->units.len = kept;
    }
    if (rc == 0)
        rc = cube_state_save(c->control, &c->state, err);
    pthread_mutex_unlock(&c->mutex);
    vec_free(&dead);
    return rc;
}

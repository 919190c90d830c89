#include "cube/snapshot.h"

#include "cube/cube_internal.h"

void cube_snapshot(struct cube *c, struct cube_snapshot *ret) {
    *ret = (struct cube_snapshot){.cube = c};
    pthread_mutex_lock(&c->mutex);
    ret->moment = c->moment;
    ret->state.next_seal = c->state.next_seal;
    vec_push(&c->readers, ret->moment);
    for (size_t i = 0; i < c->state.sites.len; i++) {
        const struct cube_site *from = &c->state.sites.items[i];
        struct cube_site *to = cube_state_add(&ret->state, str_from(from->name), from->zone);
        ranges_copy(&to->clean, &from->clean);
        for (size_t j = 0; j < from->units.len; j++)
            vec_push(&to->units, from->units.items[j]);
        to->first = from->first;
        to->last = from->last;
    }
    cube_sql_seals(&c->state, &ret->seals);
    pthread_mutex_unlock(&c->mutex);
}

void cube_snapshot_release(struct cube_snapshot *s) {
    struct cube *c = s->cube;
    if (c != NULL) {
        pthread_mutex_lock(&c->mutex);
        for (size_t i = 0; i < c->readers.len; i++) {
            if (c->readers.items[i] == s->moment) {
                c->readers.items[i] = c->readers.items[--c->readers.len];
                break;
            }
        }
        pthread_mutex_unlock(&c->mutex);
    }
    cube_state_release(&s->state);
    buf_release(&s->seals);
    s->cube = NULL;
}

/* Has every day here that has rows its recent hours? */
static bool has_recent_hours(const struct cube_site *site, int64_t from, int64_t to) {
    size_t days = 0, with_hours = 0;
    for (size_t i = 0; i < site->units.len; i++) {
        const struct seal_unit *unit = &site->units.items[i];
        if (unit->state != UNIT_LIVE || unit->from >= to || unit->to <= from)
            continue;
        days += unit->grain == GRAIN_DAY;
        with_hours += unit->grain == GRAIN_HOUR;
    }
    return days == with_hours;
}

bool cube_site_covers(const struct cube_site *site, const struct cube_def *cube, enum grain grain,
                      int64_t from, int64_t to) {
    bool all = strcmp(site->name, ALL_SITES) == 0;
    if (all && !cube_has_all_sites(cube))
        return false;
    if (grain <= GRAIN_DAY && !all)
        return ranges_contain(&site->clean, max_i64(from, 0), to) &&
               (grain == GRAIN_DAY || !cube_has_recent_hours(cube) ||
                has_recent_hours(site, from, to));
    for (size_t i = 0; i < site->units.len; i++) {
        const struct seal_unit *unit = &site->units.items[i];
        if (unit->state == UNIT_LIVE && unit->grain == grain && unit->from == from)
            return true;
    }
    return false;
}

#include "cube/state.h"

#include "cube/facts.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define SITE_PREFIX "cube/site/"

static int take_site(void *arg, const char *key, struct str body, uint64_t version,
                     struct err *err) {
    UNUSED(version);
    struct cube_state *state = arg;
    json_t *doc = json_loadb(body.ptr, body.len, 0, NULL);
    if (doc == NULL)
        return err_set(err, ERR_CORRUPT, "control data: document %s is damaged", key);
    const char *zone = json_string_value(json_object_get(doc, "zone"));
    struct cube_site *site =
        cube_state_add(state, str_from(key + strlen(SITE_PREFIX)), zone ? zone : "UTC");
    site->first = json_integer_value(json_object_get(doc, "first"));
    site->last = json_integer_value(json_object_get(doc, "last"));
    site->changed = false;
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(doc, "clean"), i, row)
        ranges_add(&site->clean, json_integer_value(json_array_get(row, 0)),
                   json_integer_value(json_array_get(row, 1)));
    json_array_foreach(json_object_get(doc, "units"), i, row) {
        struct seal_unit unit = {
            .seal = (uint32_t)json_integer_value(json_array_get(row, 0)),
            .grain = (enum grain)json_integer_value(json_array_get(row, 1)),
            .state = (enum unit_state)json_integer_value(json_array_get(row, 2)),
            .from = json_integer_value(json_array_get(row, 3)),
            .to = json_integer_value(json_array_get(row, 4)),
        };
        vec_push(&site->units, unit);
    }
    json_decref(doc);
    return 0;
}

int cube_state_load(struct control *control, struct cube_state *ret, struct err *err) {
    *ret = (struct cube_state){.next_seal = 1};
    struct buf body = {0};
    uint64_t version;
    int rc = control_get(control, "cube/state", &body, &version, err);
    if (rc == 0 && version != 0) {
        json_t *doc = json_loadb(body.ptr, body.len, 0, NULL);
        if (doc == NULL)
            rc = err_set(err, ERR_CORRUPT, "control data: document cube/state is damaged");
        ret->next_seal = (uint32_t)json_integer_value(json_object_get(doc, "next_seal"));
        ret->mark = (uint64_t)json_integer_value(json_object_get(doc, "mark"));
        json_decref(doc);
    }
    buf_release(&body);
    if (rc == 0)
        rc = control_each(control, SITE_PREFIX, take_site, ret, err);
    if (rc != 0)
        cube_state_release(ret);
    return rc;
}

static void site_to_json(const struct cube_site *site, struct buf *out) {
    buf_add_cstr(out, "{\"zone\":\"");
    buf_add_json(out, str_from(site->zone));
    buf_printf(out, "\",\"first\":%lld,\"last\":%lld,\"clean\":[", (long long)site->first,
               (long long)site->last);
    for (size_t i = 0; i < site->clean.len; i++)
        buf_printf(out, "%s[%lld,%lld]", i ? "," : "", (long long)site->clean.items[i].from,
                   (long long)site->clean.items[i].to);
    buf_add_cstr(out, "],\"units\":[");
    for (size_t i = 0; i < site->units.len; i++) {
        const struct seal_unit *unit = &site->units.items[i];
        buf_printf(out, "%s[%u,%d,%d,%lld,%lld]", i ? "," : "", unit->seal, (int)unit->grain,
                   (int)unit->state, (long long)unit->from, (long long)unit->to);
    }
    buf_add_cstr(out, "]}");
}

int cube_state_save(struct control *control, struct cube_state *state, struct err *err) {
    VEC(struct control_put) puts = {0};
    VEC(struct buf) owned = {0};
    for (size_t i = 0; i < state->sites.len; i++) {
        if (!state->sites.items[i].changed)
            continue;
        struct buf key = {0}, body = {0};
        buf_printf(&key, SITE_PREFIX "%s", state->sites.items[i].name);
        site_to_json(&state->sites.items[i], &body);
        struct control_put put = {buf_cstr(&key), buf_str(&body), CONTROL_ANY};
        vec_push(&puts, put);
        vec_push(&owned, key);
        vec_push(&owned, body);
    }
    if (state->changed) {
        struct buf body = {0};
        buf_printf(&body, "{\"next_seal\":%u,\"mark\":%llu}", state->next_seal,
                   (unsigned long long)state->mark);
        struct control_put put = {"cube/state", buf_str(&body), CONTROL_ANY};
        vec_push(&puts, put);
        vec_push(&owned, body);
    }
    int rc = puts.len > 0 ? control_commit(control, puts.items, puts.len, err) : 0;
    if (rc == 0) {
        state->changed = false;
        for (size_t i = 0; i < state->sites.len; i++)
            state->sites.items[i].changed = false;
    }
    for (size_t i = 0; i < owned.len; i++)
        buf_release(&owned.items[i]);
    vec_free(&owned);
    vec_free(&puts);
    return rc;
}

void cube_state_release(struct cube_state *state) {
    for (size_t i = 0; i < state->sites.len; i++) {
        struct cube_site *site = &state->sites.items[i];
        free(site->name);
        free(site->zone);
        ranges_release(&site->clean);
        vec_free(&site->units);
    }
    vec_free(&state->sites);
}

struct cube_site *cube_state_find(struct cube_state *state, struct str name) {
    for (size_t i = 0; i < state->sites.len; i++)
        if (str_is(name, state->sites.items[i].name))
            return &state->sites.items[i];
    return NULL;
}

struct cube_site *cube_state_add(struct cube_state *state, struct str name, const char *zone) {
    struct cube_site site = {.name = str_dup(name), .zone = xstrdup(zone), .changed = true};
    vec_push(&state->sites, site);
    return &state->sites.items[state->sites.len - 1];
}

void cube_site_reset(struct cube_site *site, const char *zone) {
    for (size_t i = 0; i < site->units.len; i++)
        site->units.items[i].state = UNIT_DEAD;
    site->clean.len = 0;
    char *copy = xstrdup(zone);
    free(site->zone);
    site->zone = copy;
    site->changed = true;
}

void cube_site_dirty(struct cube_site *site, int64_t from, int64_t to) {
    from -= SESSION_GAP;
    to += SESSION_REACH + SESSION_GAP; /* a download reaches 21,600 s, which is less */
    if (ranges_remove(&site->clean, from, to))
        site->changed = true;
    for (size_t i = 0; i < site->units.len; i++) {
        struct seal_unit *unit = &site->units.items[i];
        bool coarse = unit->grain > GRAIN_DAY || strcmp(site->name, ALL_SITES) == 0;
        if (coarse && unit->state == UNIT_LIVE && unit->from < to && unit->to > from) {
            unit->state = UNIT_DEAD;
            site->changed = true;
        }
    }
}

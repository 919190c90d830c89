#include "cube/words.h"

#include <string.h>

const struct metric_def metric_defs[METRIC_COUNT] = {
#define METRIC(name, unit, fact, sql, doc) {#name, doc, FACT_##fact, sql, 0, 0},
#define RATIO(name, unit, over, under, doc)                                                        \
    {#name, doc, FACT_COUNT, NULL, METRIC_##over, METRIC_##under},
#include "metrics.def"
#undef METRIC
#undef RATIO
};

const struct dimension_def dimension_defs[DIM_COUNT] = {
#define DIMENSION(name, views, events, counters, doc) {#name, doc, views, events, counters},
#include "dimensions.def"
#undef DIMENSION
};

const struct counter_def counter_defs[] = {
#define COUNTER(name, presence, doc) {#name, METRIC_##name, METRIC_##name##_change},
#include "counters.def"
#undef COUNTER
};
const size_t counter_defs_count = ARRAY_LEN(counter_defs);

const struct cube_def cube_defs[] = {
#define CUBE(name, facts, dimensions, grains) {#name, facts, dimensions, grains},
#include "cubes.def"
#undef CUBE
};
const size_t cube_defs_count = ARRAY_LEN(cube_defs);

bool cube_has_fact(const struct cube_def *c, enum fact fact) {
    return strchr(c->facts, "VDEUG"[fact]) != NULL;
}

static bool has_word(const char *words, const char *word) {
    struct str rest = str_from(words), piece;
    while (str_split(&rest, ' ', &piece))
        if (str_is(piece, word))
            return true;
    return false;
}

bool cube_has_grain(const struct cube_def *c, enum grain grain) {
    return grain != GRAIN_NONE && (has_word(c->grains, grain_name(grain)) ||
                                   (grain == GRAIN_HOUR && cube_has_recent_hours(c)));
}

bool cube_has_recent_hours(const struct cube_def *c) { return has_word(c->grains, "recent-hour"); }

/* Those of pages, sources and downloads would be as large again. */
bool cube_has_all_sites(const struct cube_def *c) { return cube_has_fact(c, FACT_E); }

size_t cube_dimensions(const struct cube_def *c, enum dimension ret[static CUBE_MAX_DIMENSIONS]) {
    struct str rest = str_from(c->dimensions), piece;
    size_t n = 0;
    while (str_split(&rest, ' ', &piece)) {
        if (piece.len == 0)
            continue;
        bool known = n < CUBE_MAX_DIMENSIONS && dimension_find(piece, &ret[n]);
        assert(known); /* a typing error in cubes.def */
        n++;
    }
    return n;
}

bool dimension_find(struct str name, enum dimension *ret) {
    for (size_t i = 0; i < DIM_COUNT; i++) {
        if (str_is(name, dimension_defs[i].name)) {
            *ret = (enum dimension)i;
            return true;
        }
    }
    return false;
}

bool metric_find(struct str name, enum metric *ret) {
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (str_is(name, metric_defs[i].name)) {
            *ret = (enum metric)i;
            return true;
        }
    }
    return false;
}

const char *dimension_sql(enum dimension d, enum fact fact) {
    switch (fact) {
    case FACT_V:
    case FACT_U:
        return dimension_defs[d].views_sql;
    case FACT_G:
        return dimension_defs[d].counters_sql;
    default:
        return dimension_defs[d].events_sql;
    }
}

bool dimension_of_visitor(enum dimension d) {
    switch (d) {
    case DIM_country:
    case DIM_browser:
    case DIM_browser_version:
    case DIM_os:
    case DIM_os_version:
    case DIM_device:
    case DIM_device_brand:
    case DIM_device_model:
    case DIM_device_class:
    case DIM_bot:
    case DIM_bot_kind:
    case DIM_bot_name:
        return true;
    default:
        return false;
    }
}

bool dimension_of_session(enum dimension d) {
    switch (d) {
    case DIM_entry_path:
    case DIM_referrer:
    case DIM_referrer_domain:
    case DIM_channel:
    case DIM_utm_source:
    case DIM_utm_medium:
    case DIM_utm_campaign:
    case DIM_utm_term:
    case DIM_utm_content:
    case DIM_click_id:
        return true;
    default:
        return false;
    }
}

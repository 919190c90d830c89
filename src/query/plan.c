#include "query/plan_internal.h"

#include <stdlib.h>

static void cover_release(struct cover *cover) {
    for (size_t g = 0; g < ARRAY_LEN(cover->cells); g++)
        selection_release(&cover->cells[g]);
    selection_release(&cover->rows);
}

bool cover_has_cells(const struct cover *cover) {
    for (size_t g = 0; g < ARRAY_LEN(cover->cells); g++)
        if (!selection_empty(&cover->cells[g]))
            return true;
    return false;
}

/* --- which cube --- */

bool plan_is_grouped(const struct plan *p, enum dimension d) {
    for (size_t i = 0; i < p->n_group; i++)
        if (p->group[i] == d)
            return true;
    return false;
}

/* Exactly one value is left of this dimension. */
static bool is_pinned(const struct plan *p, enum dimension d) {
    size_t n = 0;
    for (size_t i = 0; i < p->question->n_filters; i++)
        if (p->question->filters[i].dimension == d && p->question->filters[i].op == FILTER_IS)
            n++;
    return n == 1;
}

static bool is_filtered(const struct plan *p, enum dimension d) {
    for (size_t i = 0; i < p->question->n_filters; i++)
        if (p->question->filters[i].dimension == d)
            return true;
    return false;
}

static bool fits(const struct plan *p, const struct cube_def *cube, enum fact fact) {
    enum dimension dims[CUBE_MAX_DIMENSIONS];
    size_t n = cube_dimensions(cube, dims);
    if (!cube_has_fact(cube, fact))
        return false;
    for (size_t d = 0; d < DIM_COUNT; d++) {
        if (d == DIM_site || d == DIM_bot || !(plan_is_grouped(p, d) || is_filtered(p, d)))
            continue;
        bool found = false;
        for (size_t i = 0; i < n; i++)
            found = found || dims[i] == d;
        if (!found)
            return false;
    }
    /* visitors add over dimensions of the visitor only */
    for (size_t i = 0; fact == FACT_U && i < n; i++)
        if (!dimension_of_visitor(dims[i]) && !plan_is_grouped(p, dims[i]) &&
            !is_pinned(p, dims[i]))
            return false;
    return true;
}

/* The first one: cubes.def lists them from small to large. NULL: raw rows. */
static const struct cube_def *choose_cube(const struct plan *p, enum fact fact) {
    for (size_t i = 0; i < cube_defs_count; i++)
        if (fits(p, &cube_defs[i], fact))
            return &cube_defs[i];
    return NULL;
}

/* --- which time --- */

static bool same_zone(const struct plan *p, const struct cube_site *site) {
    return strcmp(site->zone, zone_name(p->zone)) == 0;
}

/* Cover [from, to) of a site with the coarsest cells that fit, and rows where there are none. The
 * site has no rows beside its extent, so the first cell may begin before it and the last end behind
 * it. */
static void cover_span(const struct plan *p, const struct cube_def *cube,
                       const struct cube_site *site, int64_t from, int64_t to, struct cover *ret) {
    assert(site != NULL);
    struct str name = str_from(site->name);
    int64_t start = max_i64(from, site->first), end = min_i64(to, site->last);
    if (start >= end)
        return;
    if (cube == NULL || !same_zone(p, site)) {
        ranges_add(selection_site(&ret->rows, name), start, end);
        return;
    }
    for (int64_t at = start; at < end;) {
        int64_t next = 0;
        for (int g = GRAIN_YEAR; g >= GRAIN_HOUR && next == 0; g--) {
            enum grain grain = (enum grain)g;
            if (grain == GRAIN_WEEK || !cube_has_grain(cube, grain))
                continue; /* weeks lie across months; days are as good */
            int64_t first = zone_floor(p->zone, grain, at), behind = zone_next(p->zone, grain, at);
            if ((first != at && (at != start || first < from)) || behind > to ||
                !cube_site_covers(site, cube, grain, first, behind))
                continue;
            ranges_add(selection_site(&ret->cells[grain], name), max_i64(first, 0), behind);
            next = behind;
        }
        if (next == 0) {
            next = min_i64(zone_next(p->zone, GRAIN_HOUR, at), end);
            ranges_add(selection_site(&ret->rows, name), at, next);
        }
        at = next;
    }
}

void plan_split_clean(const struct plan *p, const struct selection *rows, struct selection *clean,
                      struct selection *dirty) {
    clean->part = dirty->part = rows->part;
    clean->parts = dirty->parts = rows->parts;
    for (size_t i = 0; i < rows->len; i++) {
        const struct cube_site *site = NULL;
        for (size_t j = 0; j < p->n_sites; j++)
            if (str_is(rows->items[i].site, p->sites[j]->name))
                site = p->sites[j];
        assert(site != NULL);
        for (size_t j = 0; j < rows->items[i].ranges.len; j++) {
            struct range r = rows->items[i].ranges.items[j];
            ranges_clip(&site->clean, r.from, r.to, true,
                        selection_site(clean, rows->items[i].site));
            ranges_clip(&site->clean, r.from, r.to, false,
                        selection_site(dirty, rows->items[i].site));
        }
    }
}

static void plan_sums(const struct plan *p, enum fact fact, struct sums_plan *ret) {
    ret->asked = true;
    ret->cube = choose_cube(p, fact);
    for (size_t i = 0; i < p->n_sites; i++)
        for (size_t j = 0; j < p->spans->len; j++)
            cover_span(p, ret->cube, p->sites[i], p->spans->items[j].from, p->spans->items[j].to,
                       &ret->cover);
    if (fact == FACT_V) {
        plan_split_clean(p, &ret->cover.rows, &ret->views, &ret->raw);
    } else {
        ret->raw = ret->cover.rows;
        ret->cover.rows = (struct selection){0};
    }
}

/* --- distinct visitors --- */

/* The grain of which this is one whole bucket, GRAIN_NONE if there is none. Of several (a month
 * that is a quarter does not exist) the finest. */
static enum grain whole_bucket(const struct plan *p, const struct span *span) {
    for (int g = GRAIN_HOUR; g <= GRAIN_YEAR; g++)
        if (zone_floor(p->zone, (enum grain)g, span->from) == span->from &&
            zone_next(p->zone, (enum grain)g, span->from) == span->to)
            return (enum grain)g;
    return GRAIN_NONE;
}

static void add_rows(const struct plan *p, const struct cube_site *site, const struct span *span,
                     struct selection *rows) {
    UNUSED(p);
    assert(site != NULL);
    ranges_add(selection_site(rows, str_from(site->name)), max_i64(span->from, site->first),
               min_i64(span->to, site->last));
}

/* One span, of one site or (site NULL) of all asked sites together. */
static void visitors_span(const struct plan *p, struct visitors_plan *v,
                          const struct cube_site *site, const struct span *span) {
    const struct cube_site *cells = site != NULL ? site : v->one;
    enum grain whole = whole_bucket(p, span);
    size_t first = 0, end = p->n_sites;
    for (size_t i = 0; site != NULL && i < p->n_sites; i++)
        if (p->sites[i] == site)
            first = i, end = i + 1;
    if (v->cube != NULL && cells != NULL && same_zone(p, cells) && whole != GRAIN_NONE &&
        cube_has_grain(v->cube, whole) &&
        cube_site_covers(cells, v->cube, whole, span->from, span->to)) {
        ranges_add(selection_site(&v->exact.cells[whole], str_from(cells->name)),
                   max_i64(span->from, 0), span->to);
        return;
    }
    bool merge = v->states && (whole == GRAIN_NONE || cells == NULL);
    for (size_t i = first; i < end; i++) {
        if (merge)
            cover_span(p, v->cube, p->sites[i], span->from, span->to, &v->merged);
        else
            add_rows(p, p->sites[i], span, &v->rows);
    }
}

static bool needs_flags(const struct plan *p) {
    for (size_t d = 0; d < DIM_COUNT; d++)
        if (dimension_of_session((enum dimension)d) && (plan_is_grouped(p, d) || is_filtered(p, d)))
            return true;
    return false;
}

static void plan_visitors(const struct plan *p, struct visitors_plan *v) {
    bool by_site = plan_is_grouped(p, DIM_site);
    v->asked = true;
    v->flagged = needs_flags(p);
    v->cube = choose_cube(p, FACT_U);
    v->states = v->cube != NULL && strcmp(v->cube->dimensions, "") == 0;
    if (p->n_sites == 1)
        v->one = p->sites[0];
    else if (p->all_sites && !is_filtered(p, DIM_site))
        for (size_t i = 0; i < p->snapshot->state.sites.len; i++)
            if (strcmp(p->snapshot->state.sites.items[i].name, ALL_SITES) == 0)
                v->one = &p->snapshot->state.sites.items[i];
    for (size_t j = 0; j < p->spans->len; j++) {
        if (!by_site)
            visitors_span(p, v, NULL, &p->spans->items[j]);
        for (size_t i = 0; by_site && i < p->n_sites; i++)
            visitors_span(p, v, p->sites[i], &p->spans->items[j]);
    }
    /* without cells to merge with, counting exactly costs the same */
    for (size_t i = 0; i < v->merged.rows.len && !cover_has_cells(&v->merged); i++)
        for (size_t j = 0; j < v->merged.rows.items[i].ranges.len; j++)
            ranges_add(selection_site(&v->rows, v->merged.rows.items[i].site),
                       v->merged.rows.items[i].ranges.items[j].from,
                       v->merged.rows.items[i].ranges.items[j].to);
    if (!cover_has_cells(&v->merged))
        selection_release(&v->merged.rows);
    struct selection clean = {0};
    if (v->flagged)
        plan_split_clean(p, &v->rows, &clean, &v->dirty);
    selection_release(&clean);
}

bool plan_estimates(const struct prepared *p) { return cover_has_cells(&p->visitors.merged); }

static bool asks(const struct plan *p, enum fact fact) {
    for (size_t i = 0; i < p->n_base; i++)
        if (metric_defs[p->base[i]].fact == fact)
            return true;
    return false;
}

struct prepared *plan_prepare(const struct plan *p) {
    struct prepared *ret = xcalloc(1, sizeof *ret);
    ret->plan = p;
    for (int fact = FACT_V; fact <= FACT_E; fact++)
        if (asks(p, (enum fact)fact))
            plan_sums(p, (enum fact)fact, &ret->sums[fact]);
    if (asks(p, FACT_U))
        plan_visitors(p, &ret->visitors);
    ret->counters = asks(p, FACT_G) && p->spans->len > 0;
    return ret;
}

void plan_free(struct prepared *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(p->sums); i++) {
        cover_release(&p->sums[i].cover);
        selection_release(&p->sums[i].views);
        selection_release(&p->sums[i].raw);
    }
    cover_release(&p->visitors.exact);
    cover_release(&p->visitors.merged);
    selection_release(&p->visitors.rows);
    selection_release(&p->visitors.dirty);
    free(p);
}

const struct selection *plan_flags_to_make(const struct prepared *p, enum fact fact) {
    static const struct selection none;
    switch (fact) {
    case FACT_V:
    case FACT_D:
        return &p->sums[fact].raw;
    case FACT_U:
        return &p->visitors.dirty;
    default:
        return &none;
    }
}

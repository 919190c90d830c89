#include "query/query.h"

#include "cube/snapshot.h"
#include "query/counted.h"
#include "query/shape.h"
#include "query/table.h"
#include <stdlib.h>

/* A question with its words turned into things: zone, instants, sites, sums. */
struct resolved {
    const struct query_env *env;
    const struct question *q;
    struct cube_snapshot snapshot;
    struct buf fence;
    struct zone *zone;
    int64_t from, to;
    const struct cube_site **sites;
    size_t n_sites;
    bool all_sites;
    struct counted counted; /* sites and time of counters, if the question is about them */
    struct measures measures;
    double engine_seconds;
};

static void resolved_release(struct resolved *r) {
    cube_snapshot_release(&r->snapshot);
    buf_release(&r->fence);
    counted_release(&r->counted);
    zone_free(r->zone);
    free(r->sites);
}

/* --- resolving --- */

static bool is_real(const struct cube_site *site) {
    return strcmp(site->name, ALL_SITES) != 0 && site->last > site->first;
}

static bool is_configured(const struct config *config, struct str name) {
    for (size_t i = 0; i < config->n_sites; i++)
        if (str_is(name, config->sites[i].name))
            return true;
    return false;
}

static int unknown_site(const struct resolved *r, struct str name, struct err *err) {
    struct buf known = {0};
    for (size_t i = 0; i < r->snapshot.state.sites.len; i++) {
        const struct cube_site *site = &r->snapshot.state.sites.items[i];
        if (is_real(site))
            buf_printf(&known, "%s%s", known.len ? ", " : "", site->name);
    }
    int rc = err_set(err, ERR_USAGE, "there is no site '" STR_FMT "' (sites with data: %s)",
                     STR_ARG(name), known.len ? buf_cstr(&known) : "none yet");
    buf_release(&known);
    return rc;
}

static int resolve_sites(struct resolved *r, struct err *err) {
    struct cube_state *state = &r->snapshot.state;
    size_t real = 0;
    r->sites = xcalloc(state->sites.len + 1, sizeof *r->sites);
    for (size_t i = 0; i < state->sites.len; i++) {
        struct cube_site *site = &state->sites.items[i];
        bool asked = r->q->n_sites == 0;
        for (size_t j = 0; j < r->q->n_sites; j++)
            asked = asked || str_is(r->q->sites[j], site->name);
        real += is_real(site);
        if (is_real(site) && asked)
            r->sites[r->n_sites++] = site;
    }
    for (size_t j = 0; j < r->q->n_sites; j++) {
        const struct cube_site *site = cube_state_find(state, r->q->sites[j]);
        if ((site == NULL || !is_real(site)) && !is_configured(r->env->config, r->q->sites[j]) &&
            !counted_has_site(&r->counted, r->q->sites[j]))
            return unknown_site(r, r->q->sites[j], err);
    }
    r->all_sites = r->n_sites == real;
    return 0;
}

static int resolve_zone(struct resolved *r, struct err *err) {
    const char *name = r->env->config->timezone;
    if (r->q->n_sites == 1)
        name = config_site_zone(r->env->config, r->q->sites[0]);
    char *asked = r->q->zone.len > 0 ? str_dup(r->q->zone) : NULL;
    int rc = zone_open(asked ? asked : name, &r->zone, err);
    free(asked);
    return rc;
}

/* `from` and `to`, else the days (or asked buckets) that hold the first and the last row. */
static int resolve_range(struct resolved *r, struct err *err) {
    int64_t first = INT64_MAX, last = 0;
    enum grain grain = r->q->by > GRAIN_DAY ? r->q->by : GRAIN_DAY;
    for (size_t i = 0; i < r->n_sites && measures_of_events(&r->measures); i++) {
        first = min_i64(first, r->sites[i]->first);
        last = max_i64(last, r->sites[i]->last);
    }
    if (r->counted.any) {
        first = min_i64(first, r->counted.first);
        last = max_i64(last, r->counted.last + 1);
    }
    if (last == 0)
        first = last = r->env->now;
    r->from = zone_floor(r->zone, grain, first);
    r->to = zone_next(r->zone, grain, max_i64(last - 1, first));
    int rc = 0;
    if (r->q->from.len > 0)
        rc = zone_parse(r->zone, r->q->from, &r->from, err);
    if (rc != 0)
        return err_context(err, "from");
    if (r->q->to.len > 0)
        rc = zone_parse(r->zone, r->q->to, &r->to, err);
    if (rc != 0)
        return err_context(err, "to");
    if (r->from >= r->to && r->q->from.len > 0 && r->q->to.len > 0)
        return err_set(err, ERR_USAGE, "from " STR_FMT " is not before to " STR_FMT,
                       STR_ARG(r->q->from), STR_ARG(r->q->to));
    if (r->from >= r->to) /* all data lie on the other side of the one that was given */
        r->from = r->to = r->q->from.len > 0 ? r->from : r->to;
    return 0;
}

static int resolve(struct resolved *r, struct err *err) {
    if (r->env->applied != NULL)
        sql_fence(&r->fence, r->env->applied);
    cube_snapshot(r->env->cube, &r->snapshot);
    for (size_t i = 0; r->env->raw && i < r->snapshot.state.sites.len; i++) {
        r->snapshot.state.sites.items[i].clean.len = 0;
        r->snapshot.state.sites.items[i].units.len = 0;
    }
    int rc = 0;
    measures_resolve(&r->measures, r->q);
    if (measures_of_counters(&r->measures))
        rc = counted_read(r->env->client, r->q, buf_str(&r->fence), &r->counted, err);
    if (rc == 0)
        rc = resolve_sites(r, err);
    if (rc == 0)
        rc = resolve_zone(r, err);
    if (rc == 0)
        rc = resolve_range(r, err);
    return rc;
}

/* --- running --- */

/* The buckets of an answer and the one of its total, and those to compare with. */
struct frame {
    struct spans spans, whole, shifted, shifted_whole;
};

static int frame_make(const struct resolved *r, struct frame *f, struct err *err) {
    int rc = spans_make(r->zone, r->q->by, r->from, r->to, &f->spans, err);
    return rc == 0 ? spans_make(r->zone, GRAIN_NONE, r->from, r->to, &f->whole, err) : rc;
}

static void frame_release(struct frame *f) {
    spans_release(&f->spans);
    spans_release(&f->whole);
    spans_release(&f->shifted);
    spans_release(&f->shifted_whole);
}

/* Run for spans of which some may be empty; row.span is an index into `spans`. */
static int run(struct resolved *r, const struct spans *spans, bool grouped, struct table *ret,
               struct err *err) {
    struct spans live = {0};
    size_t *index = xcalloc(spans->len + 1, sizeof *index);
    for (size_t i = 0; i < spans->len; i++) {
        if (spans->items[i].from >= spans->items[i].to)
            continue;
        index[live.len] = i;
        vec_push(&live, spans->items[i]);
    }
    struct plan plan = {.question = r->q,
                        .snapshot = &r->snapshot,
                        .fence = buf_str(&r->fence),
                        .zone = r->zone,
                        .spans = &live,
                        .sites = r->sites,
                        .n_sites = live.len > 0 ? r->n_sites : 0,
                        .all_sites = r->all_sites,
                        .group = r->q->group,
                        .n_group = grouped ? r->q->n_group : 0,
                        .base = r->measures.base,
                        .n_base = r->measures.n_base};
    int rc = table_run(&plan, r->env->client, r->env->piece_rows, ret, &r->engine_seconds, err);
    for (size_t i = 0; rc == 0 && i < ret->len; i++)
        ret->items[i].span = index[ret->items[i].span];
    free(index);
    spans_release(&live);
    return rc;
}

/* The rows of the question, with those of the comparison joined. */
static int run_compared(struct resolved *r, const struct spans *spans, const struct spans *shifted,
                        bool grouped, struct table *ret, struct err *err) {
    int rc = run(r, spans, grouped, ret, err);
    if (rc != 0 || r->q->compare == COMPARE_NONE || spans->len == 0)
        return rc;
    struct table earlier;
    rc = run(r, shifted, grouped, &earlier, err);
    if (rc == 0) {
        ret->estimated = ret->estimated || earlier.estimated;
        shape_join(ret, &earlier, shifted);
        table_release(&earlier);
    } else {
        table_release(ret);
    }
    return rc;
}

/* The time to compare with: of each span, and of all together. */
static void shift_spans(const struct resolved *r, struct frame *f) {
    const struct question *q = r->q;
    struct comparison c = {q->compare, q->by == GRAIN_WEEK ? ALIGN_WEEKDAY : q->align};
    if (q->compare == COMPARE_NONE || f->spans.len == 0)
        return;
    spans_shift(r->zone, q->by, c, r->env->now, &f->spans, &f->shifted);
    if (q->compare != COMPARE_PREVIOUS || q->by == GRAIN_NONE) {
        spans_shift(r->zone, GRAIN_NONE, c, r->env->now, &f->whole, &f->shifted_whole);
        return;
    }
    /* as many buckets back as there are: not the same as so many days */
    struct span hull = {0};
    for (size_t i = 0; i < f->shifted.len; i++) {
        const struct span *span = &f->shifted.items[i];
        if (span->from >= span->to)
            continue;
        if (hull.from == hull.to)
            hull = *span;
        hull.to = span->to;
    }
    vec_push(&f->shifted_whole, hull);
}

/* Of the events from `from` on that the answer counts; 0: there are none. */
static int newest_event(struct resolved *r, int64_t from, int64_t to, uint64_t *ret,
                        struct err *err) {
    struct selection newest = {0};
    struct buf sql = {0}, out = {0};
    for (size_t i = 0; i < r->n_sites; i++)
        ranges_add(selection_site(&newest, str_from(r->sites[i]->name)), from, to);
    buf_add_cstr(&sql, "SELECT toUnixTimestamp(max(ts)) FROM events WHERE ");
    sql_selection(&sql, &newest, "ts", 0, 0);
    if (r->fence.len > 0)
        buf_printf(&sql, " AND " STR_FMT, STR_ARG(buf_str(&r->fence)));
    int rc = client_query(r->env->client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    if (rc == 0 && !str_to_u64(str_trim(buf_str(&out)), ret))
        *ret = 0;
    selection_release(&newest);
    buf_release(&sql);
    buf_release(&out);
    return rc;
}

/* The newest row of the sites asked, of events or counters, whatever is asked for: nothing later is
 * known yet. It is in the last hour of the sites, unless rows are on their way which do not count
 * yet: then further back. */
static int find_complete_until(struct resolved *r, struct result *ret, struct err *err) {
    int64_t first = INT64_MAX, last = 0;
    uint64_t at = 0;
    int rc = 0;
    for (size_t i = 0; i < r->n_sites && measures_of_events(&r->measures); i++) {
        first = min_i64(first, r->sites[i]->first);
        last = max_i64(last, r->sites[i]->last);
    }
    for (int64_t to = last, reach = 3600; rc == 0 && at == 0 && to > first; reach *= 24) {
        rc = newest_event(r, max_i64(to - reach, first), to, &at, err);
        to -= reach;
    }
    ret->complete_until = r->counted.any ? r->counted.last : 0;
    ret->complete_until = max_i64(ret->complete_until, (int64_t)at);
    return rc;
}

static void put_question(const struct resolved *r, struct result *ret) {
    struct buf json = {0}, from = {0}, to = {0};
    zone_format(r->zone, r->from, &from);
    zone_format(r->zone, r->to, &to);
    question_to_json(r->q, str_from(zone_name(r->zone)), buf_str(&from), buf_str(&to), &json);
    ret->query_json = arena_dup(&ret->arena, buf_str(&json));
    buf_release(&json);
    buf_release(&from);
    buf_release(&to);
}

static int answer(struct resolved *r, struct result *ret, struct err *err) {
    struct frame frame = {0};
    struct table rows = {0}, total = {0}, ranks = {0};
    bool ranked = measures_rank_whole(&r->measures);
    const struct question *q = r->q;
    bool plain = q->by == GRAIN_NONE && q->n_group == 0; /* the one row is the total */
    int rc = frame_make(r, &frame, err);
    if (rc == 0) {
        shift_spans(r, &frame);
        rc = run_compared(r, &frame.whole, &frame.shifted_whole, false, &total, err);
    }
    if (rc == 0 && !plain)
        rc = run_compared(r, &frame.spans, &frame.shifted, true, &rows, err);
    if (rc == 0 && ranked)
        rc = run(r, &frame.whole, true, &ranks, err);
    if (rc == 0)
        rc = find_complete_until(r, ret, err);
    if (rc == 0) {
        static const struct str none;
        total.n_sums = r->measures.n_base;
        ret->total_estimated = total.estimated;
        ret->rows_estimated = plain ? total.estimated : rows.estimated;
        if (total.len == 0)
            shape_add(&total, 0, &none, &frame.shifted_whole);
        if (!plain)
            shape_rows(&r->measures, &rows, ranked ? &ranks : NULL, &frame.spans, &frame.shifted);
        shape_put(&r->measures, plain ? &total : &rows, plain ? &frame.whole : &frame.spans,
                  &total.items[0], ret);
        put_question(r, ret);
    }
    table_release(&rows);
    table_release(&total);
    table_release(&ranks);
    frame_release(&frame);
    return rc;
}

int query_run(const struct query_env *env, const struct question *question, struct result *ret,
              double *ret_engine_seconds, struct err *err) {
    struct query_env own = *env;
    own.raw = own.raw || !env->config->seal;
    struct resolved r = {.env = &own, .q = question};
    *ret = (struct result){0};
    int rc = question_check(question, err);
    if (rc == 0)
        rc = resolve(&r, err);
    if (rc == 0)
        rc = answer(&r, ret, err);
    if (rc == 0) {
        ret->zone = r.zone;
        ret->from = r.from;
        ret->to = r.to;
        r.zone = NULL;
        if (ret_engine_seconds != NULL)
            *ret_engine_seconds = r.engine_seconds;
    } else {
        query_free_result(ret);
    }
    resolved_release(&r);
    return rc;
}

void query_free_result(struct result *result) {
    zone_free((struct zone *)(uintptr_t)result->zone);
    result_release(result);
}

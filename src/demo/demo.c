#include "demo/demo_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)86400)
#define COUNTERS_EVERY ((int64_t)3600)
#define REHEARSAL_VISITS 200.0 /* a day: enough to know how many events a visit makes */

static const struct {
    caller_fn *call;
    bool sleeps; /* by night, at weekends, on holidays */
} callers[CALLERS] = {
    [CALLER_VISITOR] = {caller_visitor, true},  [CALLER_DOWNLOAD] = {caller_download, true},
    [CALLER_CLIENT] = {caller_client, false},   [CALLER_CRAWLER] = {caller_crawler, false},
    [CALLER_MONITOR] = {caller_monitor, false}, [CALLER_SCANNER] = {caller_scanner, false},
};

/* --- weights ------------------------------------------------------------------------------- */

/* Of a page that was published: most in the first days, and something for good. */
static double freshness(const struct demo_page *page, double ago) {
    if (page->published == 0)
        return 1;
    double days = page->published - ago;
    return days < 0 ? 0 : 0.12 + 1.6 * exp(-days / 7);
}

static void weigh_pages(struct demo *d, unsigned site, double ago) {
    double next = 0, entries[ENTRIES] = {0};
    for (size_t i = 0; i < d->n_pages[site]; i++) {
        const struct demo_page *page = &d->pages[site][i];
        double fresh = freshness(page, ago);
        d->next_page[site][i] = next += page->popular * fresh;
        for (size_t e = 0; e < ENTRIES; e++)
            d->entries[site][e][i] = entries[e] += page->entries[e] * fresh;
    }
}

/* Once a day is often enough for what changes over months. */
static void weigh_day(struct demo *d, int64_t day) {
    double ago = (double)(d->options.end - day * DAY) / (double)DAY, sum = 0;
    d->day = day;
    for (unsigned site = 0; site < DEMO_SITES; site++)
        weigh_pages(d, site, ago);
    for (size_t i = 0; i < demo_n_sources; i++)
        d->sources[i] = sum += demo_sources[i].weight * curve_growth(demo_sources[i].growth, ago);
    sum = 0;
    for (size_t i = 0; i < demo_n_bots; i++)
        d->bots[i] = sum += demo_bots[i].weight * curve_growth(demo_bots[i].growth, ago);
}

static void weigh_once(struct demo *d) {
    double agents = 0, clients = 0, countries = 0;
    for (size_t i = 0; i < demo_n_agents; i++)
        d->agents[i] = agents += demo_agents[i].weight;
    for (size_t i = 0; i < demo_n_clients; i++)
        d->clients[i] = clients += demo_clients[i].weight;
    for (size_t i = 0; i < demo_n_countries; i++)
        d->countries[i] = countries += demo_countries[i].weight;
    for (size_t i = 0; i < demo_n_pages; i++) {
        unsigned site = demo_pages[i].site;
        if (d->n_pages[site]++ == 0)
            d->pages[site] = &demo_pages[i];
    }
}

/* --- open and close ------------------------------------------------------------------------- */

static int open_zones(struct demo *d, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < DEMO_SITES; i++)
        rc = zone_open(demo_sites[i].zone, &d->zones[i], err);
    return rc;
}

static int open_demo(const struct demo_options *options, bool counts, struct demo **ret,
                     struct err *err) {
    assert(demo_n_agents <= DEMO_PICKS && demo_n_sources <= DEMO_PICKS &&
           demo_n_files <= DEMO_PICKS && demo_n_countries <= DEMO_PICKS &&
           demo_n_bots <= DEMO_PICKS && demo_n_campaigns < DEMO_PICKS);
    struct demo *d = xcalloc(1, sizeof *d);
    d->options = *options;
    int rc = open_zones(d, err);
    if (rc == 0 && !counts)
        rc = networks_new(options->seed, &d->networks, err);
    if (rc != 0) {
        demo_free(d);
        return rc;
    }
    weigh_once(d);
    demo_begin(d, options->start);
    *ret = d;
    return 0;
}

int demo_new(const struct demo_options *options, struct demo **ret, struct err *err) {
    return open_demo(options, false, ret, err);
}

void demo_free(struct demo *d) {
    if (d == NULL)
        return;
    for (size_t i = 0; i < DEMO_SITES; i++)
        zone_free(d->zones[i]);
    for (size_t i = 0; i < DEMO_SLICES; i++) {
        vec_free(&d->slots[i].events);
        buf_release(&d->slots[i].text);
    }
    networks_free(d->networks);
    free(d);
}

/* --- writing -------------------------------------------------------------------------------- */

/* Where an event of that time belongs, NULL when it is out of reach. */
static struct slot *slot_of(struct demo *d, int64_t at_ms) {
    int64_t slice = at_ms / 1000 / DEMO_SLICE;
    return slice >= d->slice && slice < d->slice + DEMO_SLICES ? &d->slots[slice % DEMO_SLICES]
                                                               : NULL;
}

static void keep(struct slot *slot, const struct moment *m, int64_t at_ms, bool web,
                 size_t before) {
    vec_push(&slot->events, ((struct pending){.ts_ms = at_ms,
                                              .at = (uint32_t)before,
                                              .len = (uint32_t)(slot->text.len - before),
                                              .site = (uint8_t)m->index,
                                              .web = web}));
}

/* In the local time of the site, as its server writes it. */
static void add_stamp(struct buf *out, const struct zone *zone, int64_t at) {
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c = zone_civil(zone, at);
    int minutes = zone_offset(zone, at) / 60, east = minutes < 0 ? -minutes : minutes;
    buf_printf(out, " - - [%02d/%s/%04d:%02d:%02d:%02d %c%02d%02d] \"", c.day, months[c.month - 1],
               c.year, c.hour, c.minute, c.second, minutes < 0 ? '-' : '+', east / 60, east % 60);
}

void demo_log(struct demo *d, const struct moment *m, const struct request *request) {
    struct slot *slot = slot_of(d, request->at_ms);
    if (slot == NULL)
        return;
    struct buf *out = &slot->text;
    size_t before = out->len;
    if (d->networks != NULL) {
        buf_add_cstr(out, request->visitor->address);
        add_stamp(out, d->zones[m->index], request->at_ms / 1000);
        if (request->method != NULL)
            buf_printf(out, "%s ", request->method);
        buf_add_cstr(out, request->target);
        buf_printf(out, "%s\" %u %llu \"", request->method != NULL ? " HTTP/1.1" : "",
                   request->status, (unsigned long long)request->bytes);
        buf_add_cstr(out, request->referrer != NULL ? request->referrer : "-");
        buf_add_cstr(out, "\" \"");
        buf_add_cstr(out, request->visitor->agent);
        buf_add_char(out, '"');
    }
    keep(slot, m, request->at_ms, false, before);
}

static void add_member(struct buf *out, const char *key, const char *value) {
    if (value == NULL || *value == '\0')
        return;
    buf_printf(out, ",\"%s\":\"", key);
    buf_add_json(out, str_from(value));
    buf_add_char(out, '"');
}

/* What the server makes of a call to /api/event (source/beacon.c). */
void demo_beacon(struct demo *d, const struct moment *m, const struct request *request,
                 const char *event, const char *props) {
    struct slot *slot = slot_of(d, request->at_ms);
    if (slot == NULL)
        return;
    struct buf *out = &slot->text;
    size_t before = out->len;
    if (d->networks != NULL) {
        buf_printf(out, "{\"ts\":%lld", (long long)request->at_ms);
        add_member(out, "n", event);
        buf_printf(out, ",\"u\":\"https://%s", m->site->name);
        buf_add_json(out, str_from(request->target));
        buf_add_char(out, '"');
        add_member(out, "r", request->referrer);
        add_member(out, "p", props);
        add_member(out, "ip", request->visitor->address);
        add_member(out, "ua", request->visitor->agent);
        buf_add_char(out, '}');
    }
    keep(slot, m, request->at_ms, true, before);
}

/* --- slices --------------------------------------------------------------------------------- */

static void begin_sessions(struct demo *d, const struct moment *m, enum caller caller) {
    struct random r = random_of(d->options.seed, caller, m->index, (uint64_t)m->slice);
    double mean = m->site->rates[caller] * (callers[caller].sleeps ? m->people : m->steady);
    double sums[DEMO_PICKS];
    if (mean <= 0)
        return;
    if (caller == CALLER_VISITOR)
        mean *= 1 + curve_campaigns(d, m, sums) + curve_news(m);
    if (caller == CALLER_DOWNLOAD || caller == CALLER_CLIENT) {
        double level = 0;
        for (unsigned p = 0; p < DEMO_PRODUCTS; p++)
            if (demo_products[p].site == m->index)
                level += demo_products[p].share * curve_product(p, m->ago);
        mean *= level > 0 ? level : 1;
    }
    for (uint64_t n = random_poisson(&r, mean); n > 0; n--) {
        int64_t at_ms = m->at * 1000 + (int64_t)random_below(&r, DEMO_SLICE * 1000);
        callers[caller].call(d, m, &r, at_ms);
    }
}

static int by_time(const void *a, const void *b) {
    const struct pending *x = a, *y = b;
    if (x->ts_ms != y->ts_ms)
        return x->ts_ms < y->ts_ms ? -1 : 1;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : 0;
}

/* All sessions of the next slice; then its events are known. */
static void begin_slice(struct demo *d) {
    int64_t day = d->slice * DEMO_SLICE / DAY;
    if (day != d->day)
        weigh_day(d, day);
    for (unsigned site = 0; site < DEMO_SITES; site++) {
        struct moment m;
        curve_moment(d, site, d->slice, &m);
        for (enum caller caller = 0; caller < CALLERS; caller++)
            begin_sessions(d, &m, caller);
    }
    struct slot *slot = &d->slots[d->slice % DEMO_SLICES];
    if (slot->events.len > 0)
        qsort(slot->events.items, slot->events.len, sizeof slot->events.items[0], by_time);
    d->counted += slot->events.len;
    d->next = 0;
    d->slice++;
}

static void clear_slot(struct slot *slot) {
    slot->events.len = 0;
    buf_clear(&slot->text);
}

void demo_begin(struct demo *d, int64_t from) {
    for (size_t i = 0; i < DEMO_SLICES; i++)
        clear_slot(&d->slots[i]);
    d->from = from * 1000;
    d->day = -1;
    d->next = 0;
    /* Sessions that began before reach into it; those that begin before `start` are nobody's. */
    int64_t first = max_i64(from / DEMO_SLICE - DEMO_SLICES, d->options.start / DEMO_SLICE);
    d->slice = first;
    d->counted = 0;
}

/* The events of the slice that has begun, as far as their time has come. */
static int emit(struct demo *d, int64_t upto_ms, demo_sink *sink, void *arg, struct err *err) {
    struct slot *slot = &d->slots[(d->slice + DEMO_SLICES - 1) % DEMO_SLICES];
    int rc = 0;
    for (; rc == 0 && d->next < slot->events.len && slot->events.items[d->next].ts_ms < upto_ms;
         d->next++) {
        const struct pending *p = &slot->events.items[d->next];
        const struct demo_event event = {.dataset = p->web ? DATASET_WEB : DATASET_LOGS,
                                         .ts_ms = p->ts_ms,
                                         .site = str_from(demo_sites[p->site].name),
                                         .type = p->web ? STR("beacon") : STR("combined"),
                                         .body = str_of(slot->text.ptr + p->at, p->len)};
        if (p->ts_ms >= d->from)
            rc = sink(arg, &event, err);
    }
    return rc;
}

/* Counters are read when an hour is full, which is when a slice begins. */
static int emit_counters(struct demo *d, demo_sink *sink, void *arg, struct err *err) {
    int64_t at = d->slice * DEMO_SLICE;
    struct counters counters;
    struct demo_event event = {
        .dataset = DATASET_GITHUB, .ts_ms = at * 1000, .counters = &counters};
    int rc = 0;
    if (at % COUNTERS_EVERY != 0 || event.ts_ms < d->from)
        return 0;
    for (size_t i = 0; rc == 0 && demo_counters(d, i, at, &event.site, &counters); i++)
        rc = sink(arg, &event, err);
    return rc;
}

int demo_run(struct demo *d, int64_t upto, demo_sink *sink, void *arg, struct err *err) {
    for (;;) {
        /* slot d->slice - 1 has begun: its events come first, then the next slice begins */
        int rc = emit(d, upto * 1000, sink, arg, err);
        if (rc != 0 || d->slice * DEMO_SLICE >= upto)
            return rc;
        rc = emit_counters(d, sink, arg, err);
        if (rc != 0)
            return rc;
        clear_slot(&d->slots[(d->slice + DEMO_SLICES - 1) % DEMO_SLICES]);
        begin_slice(d);
    }
}

int demo_visits_for(const struct demo_options *options, uint64_t events, double *ret,
                    struct err *err) {
    struct demo_options rehearsal = *options;
    struct demo *d = NULL;
    rehearsal.visits = REHEARSAL_VISITS;
    int rc = open_demo(&rehearsal, true, &d, err);
    if (rc != 0)
        return rc;
    while (d->slice * DEMO_SLICE < options->end) {
        clear_slot(&d->slots[(d->slice + DEMO_SLICES - 1) % DEMO_SLICES]);
        begin_slice(d);
    }
    *ret = REHEARSAL_VISITS * (double)events / (double)max_i64((int64_t)d->counted, 1);
    demo_free(d);
    return 0;
}

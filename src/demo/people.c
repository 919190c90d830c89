/* People: where they come from, what they read, what they fetch. */
#include "demo/demo_internal.h"

#include <stdio.h>

#define PAGES_MAX 30u
#define TARGET_BYTES 400u

/* A walk through a site. */
struct walk {
    struct demo *d;
    const struct moment *m;
    struct random *r;
    struct visitor visitor;
    int64_t at_ms;
    char from[TARGET_BYTES]; /* referrer of the next page; "" for none */
    size_t page;             /* of the site */
};

static const char *or_none(const char *text) { return *text != '\0' ? text : NULL; }

static const struct demo_page *page_of(const struct walk *w) {
    return &w->d->pages[w->m->index][w->page];
}

/* As long as a page of that name is. */
static uint64_t size_of(const char *path, unsigned least, unsigned most) {
    uint64_t hash = 1469598103934665603ULL;
    for (; *path != '\0'; path++)
        hash = (hash ^ (unsigned char)*path) * 1099511628211ULL;
    return least + hash % (most - least);
}

static void request(struct walk *w, const char *target, const char *referrer, unsigned status,
                    uint64_t bytes) {
    const struct request request = {.at_ms = w->at_ms,
                                    .visitor = &w->visitor,
                                    .method = "GET",
                                    .target = target,
                                    .referrer = referrer,
                                    .status = status,
                                    .bytes = bytes};
    demo_log(w->d, w->m, &request);
}

static void event(struct walk *w, const char *name, const char *target, const char *props) {
    const struct request request = {.at_ms = w->at_ms, .visitor = &w->visitor, .target = target};
    demo_beacon(w->d, w->m, &request, name, props);
}

/* --- one page --- */

static void assets(struct walk *w, const char *page, bool first) {
    size_t n = first ? 2 + random_below(w->r, demo_n_assets - 2) : random_chance(w->r, 0.25);
    int64_t at = w->at_ms;
    for (size_t i = 0; i < n; i++) {
        bool kept = w->visitor.returns && random_chance(w->r, 0.5);
        w->at_ms = at + 80 + (int64_t)random_below(w->r, 900);
        request(w, demo_assets[i], page, kept ? 304 : 200,
                kept ? 0 : size_of(demo_assets[i], 2000, 90000));
    }
    w->at_ms = at;
}

static void own_events(struct walk *w, const char *target) {
    char props[200];
    int64_t at = w->at_ms;
    w->at_ms += 4000 + (int64_t)random_below(w->r, 30000);
    if (page_of(w)->flags & PAGE_FORM && random_chance(w->r, 0.06))
        event(w, "Form submitted", target, "{\"form\":\"contact\"}");
    if (random_chance(w->r, 0.006))
        event(w, "Newsletter signup", target, "{\"place\":\"footer\"}");
    if (random_chance(w->r, 0.03)) {
        const char *link = demo_links[random_below(w->r, demo_n_links)];
        snprintf(props, sizeof props, "{\"url\":\"%s\"}", link);
        event(w, "Outbound Link: Click", target, props);
    }
    w->at_ms = at;
}

/* The page view itself; `query` is "" or begins with the sign that it needs. */
static void view(struct walk *w, const char *query, bool first) {
    const struct demo_site *site = w->m->site;
    char target[TARGET_BYTES], url[TARGET_BYTES + 64];
    snprintf(target, sizeof target, "%s%s", page_of(w)->path, query);
    snprintf(url, sizeof url, "https://%s%s", site->name, target);
    if (site->beacons) {
        const struct request call = {.at_ms = w->at_ms,
                                     .visitor = &w->visitor,
                                     .target = target,
                                     .referrer = or_none(w->from)};
        demo_beacon(w->d, w->m, &call, "pageview", "");
    } else {
        bool kept = w->visitor.returns && random_chance(w->r, 0.1);
        request(w, target, or_none(w->from), kept ? 304 : 200,
                kept ? 0 : size_of(page_of(w)->path, 6000, 52000));
        assets(w, url, first);
    }
    if (site->events)
        own_events(w, target);
    snprintf(w->from, sizeof w->from, "%.*s", (int)(sizeof w->from - 1), url);
}

static void mistakes(struct walk *w) {
    if (w->m->site->beacons)
        return;
    if (random_chance(w->r, 0.012)) {
        request(w, demo_lost[random_below(w->r, demo_n_lost)], or_none(w->from), 404, 1530);
        w->at_ms += 6000 + (int64_t)random_below(w->r, 9000);
    }
    const char *path = page_of(w)->path;
    size_t len = strlen(path);
    if (len > 1 && path[len - 1] == '/' && random_chance(w->r, 0.03)) {
        char without[TARGET_BYTES];
        snprintf(without, sizeof without, "%.*s", (int)len - 1, path);
        request(w, without, or_none(w->from), 301, 162);
        w->at_ms += 120;
    }
}

/* --- files --- */

static const struct demo_file *choose_file(struct walk *w, bool program, const char **ret_version) {
    double sums[DEMO_PICKS], sum = 0;
    enum system system = w->visitor.system;
    for (size_t i = 0; i < demo_n_files; i++) {
        const struct demo_product *p = &demo_products[demo_files[i].product];
        double weight = program ? demo_files[i].programs
                                : demo_files[i].people[system == SYSTEM_PHONE ? 0 : system];
        if (p->site == w->m->index)
            sum += weight * p->share * curve_product(demo_files[i].product, w->m->ago);
        sums[i] = sum;
    }
    if (sum <= 0)
        return NULL;
    const struct demo_file *file = &demo_files[random_pick(w->r, sums, demo_n_files)];
    /* The newest one, mostly; the rows of a product are in the order of time. */
    unsigned back = random_chance(w->r, 0.8) ? 0 : random_chance(w->r, 0.75) ? 1 : 2;
    const char *found[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < demo_n_releases; i++) {
        const struct demo_release *r = &demo_releases[i];
        if (r->product == file->product && (r->published >= w->m->ago || found[0] == NULL)) {
            found[2] = found[1];
            found[1] = found[0];
            found[0] = r->version;
        }
    }
    while (back > 0 && found[back] == NULL)
        back--;
    *ret_version = found[back];
    return file;
}

/* Whole, in parts, or given up. */
static void fetch(struct walk *w, const char *target, uint64_t bytes, bool program) {
    const char *referrer = program ? NULL : or_none(w->from);
    double luck = random_unit(w->r);
    if (luck < 0.03) {
        request(w, target, referrer, 200, (uint64_t)((double)bytes * random_unit(w->r)));
    } else if (luck < 0.15 && bytes > 20000000) {
        uint64_t parts = 2 + random_below(w->r, 4);
        for (uint64_t i = 0; i < parts; i++) {
            request(w, target, referrer, 206,
                    i + 1 < parts ? bytes / parts : bytes - bytes / parts * i);
            w->at_ms += 15000 + (int64_t)random_exponential(w->r, 240000);
        }
    } else {
        request(w, target, referrer, 200, bytes);
    }
    w->at_ms += 20000 + (int64_t)random_exponential(w->r, 60000);
}

static void download(struct walk *w, bool program) {
    char target[TARGET_BYTES];
    const char *version = NULL;
    const struct demo_file *file = choose_file(w, program, &version);
    if (file == NULL) { /* this site has papers only */
        fetch(w, "/resources/white-papers/data-lakes-in-practice.pdf", 2410332, program);
        return;
    }
    const char *at = strstr(file->path, "%s"), *again = strstr(at + 2, "%s");
    snprintf(target, sizeof target, "%.*s%s%.*s%s%s", (int)(at - file->path), file->path, version,
             (int)(again - at - 2), at + 2, version, again + 2);
    fetch(w, target, file->bytes, program);
}

/* --- where they come from --- */

static size_t page_named(const struct walk *w, const char *path) {
    for (size_t i = 0; i < w->d->n_pages[w->m->index]; i++)
        if (strcmp(w->d->pages[w->m->index][i].path, path) == 0)
            return i;
    return 0;
}

/* Returns how likely one more page is. */
static double arrive_by_campaign(struct walk *w, const double *sums, char query[TARGET_BYTES]) {
    size_t i = random_pick(w->r, sums, demo_n_campaigns + 1);
    if (i < demo_n_campaigns) {
        const struct demo_campaign *c = &demo_campaigns[i];
        w->page = page_named(w, c->path);
        snprintf(query, TARGET_BYTES, "?utm_source=%s&utm_medium=%s&utm_campaign=%s", c->source,
                 c->medium, c->name);
        return 0.45;
    }
    struct civil c = zone_civil(w->d->zones[w->m->index], w->m->at);
    w->page = random_pick(w->r, w->d->entries[w->m->index][ENTRY_LINK], w->d->n_pages[w->m->index]);
    snprintf(query, TARGET_BYTES,
             "?utm_source=newsletter&utm_medium=email&utm_campaign=newsletter-%04d-%02d", c.year,
             c.month);
    return 0.58;
}

static double arrive(struct walk *w, char query[TARGET_BYTES]) {
    const struct demo_source *s = &demo_sources[random_pick(w->r, w->d->sources, demo_n_sources)];
    size_t host = strlen("https://"), len = strlen(w->m->site->name);
    if (strlen(s->referrer) > host && strncmp(s->referrer + host, w->m->site->name, len) == 0)
        s = &demo_sources[0]; /* from another site, not from itself */
    w->page = random_pick(w->r, w->d->entries[w->m->index][s->entry], w->d->n_pages[w->m->index]);
    snprintf(w->from, sizeof w->from, "%s", s->referrer);
    if (s->query != NULL)
        snprintf(query, TARGET_BYTES, "?%s", s->query);
    return s->stay;
}

static void go_on(struct walk *w) {
    unsigned site = w->m->index, section = page_of(w)->section;
    size_t next = w->page;
    for (unsigned tries = 0; tries < 3; tries++) { /* rather near than far */
        next = random_pick(w->r, w->d->next_page[site], w->d->n_pages[site]);
        if (next != w->page &&
            (w->d->pages[site][next].section == section || random_chance(w->r, 0.4)))
            break;
    }
    w->page = next;
    w->at_ms += 4000 + (int64_t)random_exponential(w->r, 52000);
    if (random_chance(w->r, 0.012))
        w->at_ms += 1900000; /* lunch: the next one begins a session */
}

/* --- callers --- */

static void begin(struct walk *w, struct demo *d, const struct moment *m, struct random *r,
                  int64_t at_ms) {
    w->d = d;
    w->m = m;
    w->r = r;
    w->at_ms = at_ms;
    w->from[0] = '\0';
    w->page = 0;
}

void caller_visitor(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms) {
    struct walk w;
    double sums[DEMO_PICKS], campaigns = curve_campaigns(d, m, sums);
    char query[TARGET_BYTES] = "";
    begin(&w, d, m, r, at_ms);
    visitor_choose(d, m, r, &w.visitor);
    double stay = random_chance(r, campaigns / (1 + campaigns + curve_news(m)))
                      ? arrive_by_campaign(&w, sums, query)
                      : arrive(&w, query);
    if (w.visitor.system == SYSTEM_PHONE)
        stay *= 0.8;
    for (unsigned i = 0; i < PAGES_MAX; i++) {
        if (i > 0)
            go_on(&w);
        mistakes(&w);
        view(&w, i == 0 ? query : "", i == 0);
        if (page_of(&w)->flags & PAGE_DOWNLOADS && !m->site->beacons && random_chance(r, 0.1))
            download(&w, false);
        if (!random_chance(r, i == 0 ? stay : 0.72))
            break;
    }
}

void caller_download(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms) {
    struct walk w;
    char query[TARGET_BYTES] = "";
    begin(&w, d, m, r, at_ms);
    visitor_choose(d, m, r, &w.visitor);
    (void)arrive(&w, query);
    view(&w, query, true);
    w.at_ms += 5000 + (int64_t)random_exponential(r, 20000);
    for (size_t i = 0; i < d->n_pages[m->index]; i++)
        if (d->pages[m->index][i].flags & PAGE_DOWNLOADS)
            w.page = i;
    view(&w, "", false);
    w.at_ms += 5000 + (int64_t)random_exponential(r, 20000);
    download(&w, false);
}

void caller_client(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms) {
    struct walk w;
    begin(&w, d, m, r, at_ms);
    visitor_program(d, m, r, &w.visitor);
    download(&w, true);
}

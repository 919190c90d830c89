/* Crawlers, monitors, and those who look for holes. */
#include "demo/demo_internal.h"

static void request(struct demo *d, const struct moment *m, int64_t at_ms, const struct visitor *v,
                    const char *method, const char *target, unsigned status, uint64_t bytes) {
    const struct request request = {.at_ms = at_ms,
                                    .visitor = v,
                                    .method = method,
                                    .target = target,
                                    .status = status,
                                    .bytes = bytes};
    demo_log(d, m, &request);
}

/* One of the table, at the weights of any time. */
static const struct demo_bot *choose(const struct demo_bot *bots, size_t n, double ago,
                                     struct random *r) {
    double sums[DEMO_PICKS], sum = 0;
    for (size_t i = 0; i < n; i++)
        sums[i] = sum += bots[i].weight * curve_growth(bots[i].growth, ago);
    return &bots[random_pick(r, sums, n)];
}

void caller_crawler(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms) {
    struct visitor v = {0};
    const struct demo_bot *bot = &demo_bots[random_pick(r, d->bots, demo_n_bots)];
    unsigned site = m->index;
    uint64_t n = 1 + random_poisson(r, bot->pages - 1);
    visitor_bot(bot, r, &v);
    if (random_chance(r, 0.2)) {
        request(d, m, at_ms, &v, "GET", "/robots.txt", 200, 118);
        at_ms += 900;
    }
    for (uint64_t i = 0; i < n; i++) {
        size_t page = random_below(r, d->n_pages[site]); /* all of them, not what people like */
        double luck = random_unit(r);
        if (luck < 0.04)
            request(d, m, at_ms, &v, "GET", demo_lost[random_below(r, demo_n_lost)], 404, 1530);
        else if (luck < 0.12)
            request(d, m, at_ms, &v, "GET", d->pages[site][page].path, 304, 0);
        else
            request(d, m, at_ms, &v, "GET", d->pages[site][page].path, 200,
                    8000 + random_below(r, 40000));
        at_ms += 300 + (int64_t)random_exponential(r, bot->pause * 1000);
    }
}

void caller_monitor(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms) {
    struct visitor v = {0};
    const struct demo_bot *bot = choose(demo_monitors, demo_n_monitors, m->ago, r);
    bool head = random_chance(r, 0.7);
    visitor_bot(bot, r, &v);
    bool down = random_chance(r, 0.0015);
    request(d, m, at_ms, &v, head ? "HEAD" : "GET", "/", down ? 503 : 200,
            head   ? 0
            : down ? 320
                   : 18211);
}

void caller_scanner(struct demo *d, const struct moment *m, struct random *r, int64_t at_ms) {
    struct visitor v = {0};
    const struct demo_bot *bot = choose(demo_scanners, demo_n_scanners, m->ago, r);
    uint64_t n = 1 + random_poisson(r, bot->pages);
    visitor_bot(bot, r, &v);
    for (uint64_t i = 0; i < n; i++) {
        if (random_chance(r, 0.06)) /* TLS, spoken to a port without it */
            request(d, m, at_ms, &v, NULL, "\\x16\\x03\\x01", 400, 226);
        else
            request(d, m, at_ms, &v, random_chance(r, 0.15) ? "POST" : "GET",
                    demo_holes[random_below(r, demo_n_holes)], random_chance(r, 0.1) ? 403 : 404,
                    1530);
        at_ms += 100 + (int64_t)random_exponential(r, bot->pause * 1000);
    }
}

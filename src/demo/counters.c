/* Made-up counters of repositories. They only grow: a day's growth is a function of the day, and
 * spread over its hours. */
#include "demo/demo_internal.h"

#define DAY ((int64_t)86400)
#define DAYS_BEFORE 800 /* the end: from here on days are added up */

static const struct {
    const char *repo, *site;
    double stars, a_day, growth; /* at the end; in a year */
    bool releases;               /* others have no downloads to count */
} repos[DEMO_REPOS] = {
    {"caskdata/cdap", "cdap.io", 1840, 1.6, 1.8, true},
    {"caskdata/coopr", "coopr.io", 312, 0.15, 0.7, true},
    {"caskdata/tigon", "cdap.io", 284, 0.1, 0.8, false},
    {"caskdata/tephra", "cdap.io", 431, 0.3, 1.2, false},
};

static double rate_of(const struct demo *d, size_t repo, int64_t day) {
    int64_t ago = d->options.end / DAY - day;
    return repos[repo].a_day * curve_growth(repos[repo].growth, (double)ago);
}

static void begin_growth(const struct demo *d, size_t repo, struct growth *ret) {
    int64_t last = d->options.end / DAY, first = last - DAYS_BEFORE;
    double stars = repos[repo].stars;
    for (int64_t day = first; day < last; day++)
        stars -= rate_of(d, repo, day);
    stars = stars > 0 ? stars : 0;
    *ret = (struct growth){.day = first - 1,
                           .after = {.stars = (int64_t)stars,
                                     .forks = (int64_t)(stars / 4),
                                     .pulls = (int64_t)(stars / 3),
                                     .issues = (int64_t)(stars / 5),
                                     .commits = (int64_t)(stars * 6),
                                     .release_downloads = (int64_t)(stars * 30)}};
    ret->before = ret->after;
}

static void grow(const struct demo *d, size_t repo, struct growth *g) {
    g->day++;
    g->before = g->after;
    struct random r = random_of(d->options.seed, 0x617, repo, (uint64_t)g->day);
    double rate = rate_of(d, repo, g->day);
    struct counters *c = &g->after;
    c->stars += (int64_t)random_poisson(&r, rate * (1 + 2 * random_chance(&r, 0.02)));
    c->forks += (int64_t)random_poisson(&r, rate * 0.3);
    c->pulls += (int64_t)random_poisson(&r, rate * 0.8);
    c->issues += (int64_t)random_poisson(&r, rate * 0.4);
    c->commits += (int64_t)random_poisson(&r, rate * 5);
    c->release_downloads += (int64_t)random_poisson(&r, rate * 40);
}

bool demo_counters(struct demo *d, size_t repo, int64_t at, struct str *ret_site,
                   struct counters *ret) {
    if (repo >= DEMO_REPOS)
        return false;
    struct growth *g = &d->growth[repo];
    int64_t day = at / DAY, second = at % DAY;
    if (g->day == 0 || day < g->day)
        begin_growth(d, repo, g);
    while (g->day < day)
        grow(d, repo, g);
#define COUNTER(name, presence, doc)                                                               \
    ret->name = g->before.name + (g->after.name - g->before.name) * second / DAY;
#include "counters.def"
#undef COUNTER
    ret->watchers = ret->stars / 9;
    if (!repos[repo].releases)
        ret->release_downloads = COUNTER_UNKNOWN;
    ret->repo = str_from(repos[repo].repo);
    *ret_site = str_from(repos[repo].site);
    return true;
}

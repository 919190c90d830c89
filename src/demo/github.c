/* Made-up counters of repositories. Nothing stores them yet: see demo.h. */
#include "demo/demo_internal.h"

static const struct {
    const char *repo;
    double stars, a_day, growth; /* at the end; in a year */
} repos[DEMO_REPOS] = {
    {"caskdata/cdap", 1840, 1.6, 1.8},
    {"caskdata/coopr", 312, 0.15, 0.7},
    {"caskdata/tigon", 284, 0.1, 0.8},
    {"caskdata/tephra", 431, 0.3, 1.2},
};

/* Days are added up from a year before the end, so that a counter is the same whenever it is asked
 * and never falls. */
bool demo_github_day(uint64_t seed, size_t repo, int64_t end, int64_t day,
                     struct demo_github *ret) {
    const int64_t last = end / 86400, first = last - 800;
    if (repo >= DEMO_REPOS)
        return false;
    double before = repos[repo].stars;
    for (int64_t i = first; i < last; i++)
        before -= repos[repo].a_day * curve_growth(repos[repo].growth, (double)(last - i));
    uint64_t stars = before > 0 ? (uint64_t)before : 0, pulls = stars / 3, forks = stars / 4;
    for (int64_t i = first; i <= day; i++) {
        struct random r = random_of(seed, 0x617, repo, (uint64_t)i);
        double rate = repos[repo].a_day * curve_growth(repos[repo].growth, (double)(last - i));
        stars += random_poisson(&r, rate * (1 + 2 * random_chance(&r, 0.02)));
        forks += random_poisson(&r, rate * 0.3);
        pulls += random_poisson(&r, rate * 0.8);
    }
    *ret = (struct demo_github){.repo = repos[repo].repo,
                                .stars = stars,
                                .forks = forks,
                                .watchers = stars / 9,
                                .pulls = pulls};
    return true;
}

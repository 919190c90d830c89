/* Random numbers that are a function of what they are for (splitmix64; Steele, Lea, Flood 2014). */
#ifndef CASK_DEMO_RANDOM_H
#define CASK_DEMO_RANDOM_H

#include "base/base.h"

#include <math.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}
static inline uint64_t random_next(struct random *r) {
    return random_mix(r->state += 0x9e3779b97f4a7c15ULL);
}
static inline struct random random_of(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
    uint64_t x = random_mix(seed + 0x9e3779b97f4a7c15ULL);
    x = random_mix(x ^ (a * 0xd1342543de82ef95ULL + 1));
    x = random_mix(x ^ (b * 0xaf251af3b0f025b5ULL + 2));
    return (struct random){random_mix(x ^ (c * 0x9fb21c651e98df25ULL + 3))};
}
/* [0, 1) */
static inline double random_unit(struct random *r) {
    return (double)(random_next(r) >> 11) * 0x1p-53;
}
static inline bool random_chance(struct random *r, double p) { return random_unit(r) < p; }
/* [0, n) */
static inline uint64_t random_below(struct random *r, uint64_t n) {
    return (uint64_t)(random_unit(r) * (double)n);
}
static inline double random_exponential(struct random *r, double mean) {
    return -mean * log(1 - random_unit(r));
}
/* Of a Poisson distribution (Knuth), of a normal one where they look the same. */
static inline uint64_t random_poisson(struct random *r, double mean) {
    if (mean > 50) {
        double normal = sqrt(random_exponential(r, 2)) * cos(6.283185307179586 * random_unit(r));
        double n = mean + sqrt(mean) * normal;
        return n > 0 ? (uint64_t)(n + 0.5) : 0;
    }
    double limit = exp(-mean), product = random_unit(r);
    uint64_t n = 0;
    while (product > limit) {
        product *= random_unit(r);
        n++;
    }
    return n;
}

#define RANDOM_PICKS 64 /* rows of one table */

/* One of n by weight: sums[i] is the sum of the weights up to and with i. */
static inline size_t random_pick(struct random *r, const double *sums, size_t n) {
    assert(n > 0 && n <= RANDOM_PICKS);
    double at = random_unit(r) * sums[n - 1];
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sums[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

#endif

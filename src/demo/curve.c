/* How many come: growth, the week, the hour, holidays, campaigns, releases. */
#include "demo/demo_internal.h"

#define DAY ((int64_t)86400)
#define YEAR_DAYS 365.25
#define NEW_SHARE 0.6 /* of visits: by somebody new */

double curve_growth(double growth, double ago) { return pow(growth, -ago / YEAR_DAYS); }

static int64_t day_of(int64_t local_seconds) {
    return local_seconds / DAY - (local_seconds % DAY < 0);
}

static unsigned weekday_of(int64_t day) { /* day 0 was a Thursday; 0 is Monday */
    return (unsigned)(((day + 3) % 7 + 7) % 7);
}

/* Of the country that most of the four sites' visitors are from. */
static double holiday(const struct civil *c, unsigned weekday) {
    if (c->month == 12 && c->day >= 24)
        return c->day <= 26 ? 0.38 : 0.52;
    if (c->month == 1 && c->day <= 2)
        return c->day == 1 ? 0.42 : 0.75;
    if (c->month == 7 && c->day == 4)
        return 0.78;
    if (c->month == 11 && c->day >= 22 && c->day <= 29 && (weekday == 3 || weekday == 4) &&
        c->day - (int)weekday >= 19 && c->day - (int)weekday <= 25)
        return weekday == 3 ? 0.68 : 0.76; /* the fourth Thursday, and the day behind it */
    return 1;
}

/* No two days are alike. */
static double chance_of_day(const struct demo *d, unsigned site, int64_t day) {
    struct random r = random_of(d->options.seed, 0xda1, site, (uint64_t)day);
    return 0.9 + 0.2 * random_unit(&r);
}

/* Visits of a local day, as the curves have them. */
static double visits_of(const struct demo *d, unsigned site, int64_t day) {
    const struct demo_site *s = &demo_sites[site];
    int64_t noon = day * DAY + DAY / 2;
    struct civil local = zone_civil(d->zones[site], noon - zone_offset(d->zones[site], noon));
    double ago = (double)(d->options.end - noon) / (double)DAY;
    unsigned weekday = weekday_of(day);
    return d->options.visits * s->share * curve_growth(s->growth, ago) * demo_weekdays[weekday] *
           holiday(&local, weekday) * chance_of_day(d, site, day);
}

void curve_moment(const struct demo *d, unsigned site, int64_t slice, struct moment *ret) {
    const struct demo_site *s = &demo_sites[site];
    int64_t at = slice * DEMO_SLICE;
    int32_t offset = zone_offset(d->zones[site], at);
    int64_t local = at + offset, day = day_of(local);
    double ago = (double)(d->options.end - at) / (double)DAY;
    double hour = (double)(local - day * DAY) / 3600, between = hour - floor(hour);
    double level =
        demo_hours[(size_t)hour] * (1 - between) + demo_hours[((size_t)hour + 1) % 24] * between;
    double share = (double)DEMO_SLICE / (double)DAY;
    *ret = (struct moment){
        .site = s,
        .index = site,
        .slice = slice,
        .at = at,
        .offset = offset,
        .ago = ago,
        .people = visits_of(d, site, day) * level * share,
        .steady = d->options.visits * s->share * curve_growth(s->growth, ago) * share,
    };
}

uint64_t curve_new_visitors(const struct demo *d, unsigned site, int64_t day) {
    return (uint64_t)(visits_of(d, site, day) * NEW_SHARE) + 1;
}

/* First Tuesday of the month at nine, and for two days behind it. */
static double newsletter(const struct demo *d, const struct moment *m) {
    if (m->index > 1) /* www and the blog */
        return 0;
    const struct zone *zone = d->zones[m->index];
    struct civil c = zone_civil(zone, m->at);
    struct civil first = {c.year, c.month, 1, 9, 0, 0};
    int64_t at = zone_instant(zone, first);
    unsigned weekday = weekday_of(day_of(at + zone_offset(zone, at)));
    first.day = 1 + (int)((8 - weekday) % 7);
    double hours = (double)(m->at - zone_instant(zone, first)) / 3600;
    return hours >= 0 && hours < 72 ? 0.9 * exp(-hours / 16) : 0;
}

double curve_campaigns(const struct demo *d, const struct moment *m, double *sums) {
    double sum = 0;
    for (size_t i = 0; i < demo_n_campaigns; i++) {
        const struct demo_campaign *c = &demo_campaigns[i];
        double days = c->begins - m->ago;
        if (c->site == m->index && days >= 0 && days < c->days * 4)
            sum += c->strength * exp(-days / c->days);
        sums[i] = sum;
    }
    return sums[demo_n_campaigns] = sum + newsletter(d, m);
}

double curve_news(const struct moment *m) {
    double news = 0;
    for (size_t i = 0; i < demo_n_releases; i++) {
        const struct demo_release *r = &demo_releases[i];
        double days = r->published - m->ago;
        bool here = demo_products[r->product].site == m->index || m->index == 1;
        if (here && days >= 0 && days < 20)
            news += r->news * exp(-days / 4);
    }
    return news;
}

double curve_product(unsigned product, double ago) {
    double level = 0.7;
    for (size_t i = 0; i < demo_n_releases; i++) {
        double days = demo_releases[i].published - ago;
        if (demo_releases[i].product == product && days >= 0 && days < 60)
            level += 2.4 * exp(-days / 9);
    }
    return level;
}

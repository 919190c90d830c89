/* Who: a visitor is made from a number; which numbers come is made up by age, so that some come
 * back the next day, a few for months, and nobody has to be remembered. */
#include "demo/demo_internal.h"

#include "base/paths.h"
#include "refine/country.h"
#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)86400)
#define PROBES 200000u    /* of addresses: some thousand networks of 256 for each country */
#define RETURN_SHARE 0.4  /* of visits */
#define RETURN_DAYS 200.0 /* nobody comes back later */

/* --- places --- */

/* Networks of 256 addresses, by their first 24 bits. */
struct networks {
    VEC(uint32_t) of[DEMO_PICKS];
};

static size_t country_at(struct country *db, uint32_t network, unsigned host) {
    char text[16];
    snprintf(text, sizeof text, "%u.%u.%u.%u", network >> 16 & 255, network >> 8 & 255,
             network & 255, host);
    struct str code = country_lookup(db, str_from(text));
    for (size_t i = 0; i < demo_n_countries; i++)
        if (str_is(code, demo_countries[i].code))
            return i;
    return DEMO_PICKS;
}

int networks_new(uint64_t seed, struct networks **ret, struct err *err) {
    struct buf path = {0};
    struct country *db = NULL;
    struct networks *n = xcalloc(1, sizeof *n);
    struct random r = random_of(seed, 0x9e7, 0, 0);
    int rc = paths_find(FILE_COUNTRY, &path, err);
    if (rc == 0)
        rc = country_open(buf_cstr(&path), &db, err);
    for (size_t i = 0; rc == 0 && i < PROBES; i++) {
        uint32_t network = (uint32_t)(random_next(&r) >> 40);
        size_t country = network >> 16 < 224 ? country_at(db, network, 1) : DEMO_PICKS;
        if (country < DEMO_PICKS && country_at(db, network, 254) == country)
            vec_push(&n->of[country], network);
    }
    for (size_t i = 0; rc == 0 && i < demo_n_countries; i++)
        if (n->of[i].len == 0)
            rc = err_set(err, ERR_CORRUPT, "%s has no networks of %s", buf_cstr(&path),
                         demo_countries[i].code);
    country_close(db);
    buf_release(&path);
    if (rc != 0) {
        networks_free(n);
        return rc;
    }
    *ret = n;
    return 0;
}

void networks_free(struct networks *n) {
    if (n == NULL)
        return;
    for (size_t i = 0; i < DEMO_PICKS; i++)
        vec_free(&n->of[i]);
    free(n);
}

static void make_address(const struct demo *d, struct random *r, struct visitor *v) {
    size_t country = random_pick(r, d->countries, demo_n_countries);
    size_t n = d->networks->of[country].len;
    uint32_t network = d->networks->of[country].items[random_below(r, n)];
    snprintf(v->address, sizeof v->address, "%u.%u.%u.%u", network >> 16 & 255, network >> 8 & 255,
             network & 255, (unsigned)(1 + random_below(r, 254)));
}

/* --- browsers --- */

/* As they came out: Chrome 100 on 2022-03-29, Firefox 100 on 2022-05-03, and Safari each September,
 * which was 18 in 2024 and is called by the year that follows since 2025. */
static void make_agent(const char *agent, int64_t at, struct random *r, struct visitor *v) {
    unsigned chrome = 100 + (unsigned)(max_i64(at - 1648512000, 0) / (31 * DAY));
    unsigned firefox = 100 + (unsigned)(max_i64(at - 1651536000, 0) / (28 * DAY + DAY / 2));
    unsigned year = 1970 + (unsigned)((at - 258 * DAY) / (365 * DAY + DAY / 4));
    unsigned safari = year < 2025 ? year - 2006 : year - 1999, minor = (unsigned)random_below(r, 5);
    unsigned late = random_chance(r, 0.25) ? (unsigned)random_below(r, 6) : 0;
    size_t n = 0;
    for (const char *c = agent; *c != '\0' && n + 8 < sizeof v->agent; c++) {
        if (*c != '%') {
            v->agent[n++] = *c;
            continue;
        }
        c++;
        int len = *c == 'c' ? snprintf(v->agent + n, 8, "%u", chrome - late)
                  : *c == 'f'
                      ? snprintf(v->agent + n, 8, "%u", firefox - late)
                      : snprintf(v->agent + n, 8, *c == 's' ? "%u.%u" : "%u_%u", safari, minor);
        n += (size_t)len;
    }
    v->agent[n] = '\0';
}

/* --- people and programs --- */

static void person(const struct demo *d, unsigned site, int64_t day, uint64_t number,
                   struct visitor *ret) {
    struct random r = random_of(d->options.seed, 0x9e0 + site, (uint64_t)day, number);
    const struct demo_agent *agent = &demo_agents[random_pick(&r, d->agents, demo_n_agents)];
    ret->system = agent->system;
    if (d->networks == NULL)
        return;
    make_address(d, &r, ret);
    make_agent(agent->agent, day * DAY, &r, ret);
}

/* Of those who were new on a day, the first come back most. */
void visitor_choose(const struct demo *d, const struct moment *m, struct random *r,
                    struct visitor *ret) {
    int64_t day = (m->at + m->offset) / DAY;
    double skew = 1;
    ret->returns = random_chance(r, RETURN_SHARE);
    if (ret->returns) {
        double age = 0.6 / pow(1 - random_unit(r), 1.25);
        day -= (int64_t)(age < RETURN_DAYS ? age : RETURN_DAYS * random_unit(r));
        skew = 3;
    }
    double n = (double)curve_new_visitors(d, m->index, day);
    uint64_t number = (uint64_t)(n * pow(random_unit(r), skew));
    person(d, m->index, day, number, ret);
}

void visitor_program(const struct demo *d, const struct moment *m, struct random *r,
                     struct visitor *ret) {
    double machines = 40 + m->steady * 86400 / (double)DEMO_SLICE * 0.5;
    struct random own =
        random_of(d->options.seed, 0x9f0, m->index, (uint64_t)(machines * pow(random_unit(r), 2)));
    const struct demo_agent *agent = &demo_clients[random_pick(&own, d->clients, demo_n_clients)];
    ret->system = agent->system;
    ret->returns = true;
    if (d->networks == NULL)
        return;
    make_address(d, &own, ret);
    snprintf(ret->agent, sizeof ret->agent, "%s", agent->agent);
}

void visitor_bot(const struct demo_bot *bot, struct random *r, struct visitor *ret) {
    snprintf(ret->address, sizeof ret->address, "%s.%u", bot->network,
             (unsigned)(1 + random_below(r, 40)));
    snprintf(ret->agent, sizeof ret->agent, "%s", bot->agent);
}

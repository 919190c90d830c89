#include "support/unit.h"

#include "base/zone.h"
#include "demo/demo.h"

#define DAY ((int64_t)86400)
#define END ((int64_t)1781179200) /* 2026-06-11 12:00 UTC, a Thursday */
#define SITES 4

static const char *const sites[SITES] = {"www.cask.co", "blog.cask.co", "cdap.io", "coopr.io"};

struct counts {
    struct zone *zones[SITES];
    struct buf text; /* all of it; only when kept */
    bool keep;
    int64_t from, last; /* events from `from` on; times never fall */
    uint64_t events, web, by_site[SITES];
    uint64_t by_hour[SITES][24],
        by_weekday[SITES][7];         /* page views by people, in the zone of the site */
    uint64_t downloads[800], partial; /* of CDAP, by days before the end */
};

static size_t site_of(struct str name) {
    size_t i = 0;
    while (i < SITES && !str_is(name, sites[i]))
        i++;
    assert_true(i < SITES);
    return i;
}

static bool contains(struct str s, const char *piece) {
    return memmem(s.ptr, s.len, piece, strlen(piece)) != NULL;
}

static int count(void *arg, const struct demo_event *e, struct err *err) {
    struct counts *c = arg;
    UNUSED(err);
    assert_true(e->ts_ms >= c->last);
    c->last = e->ts_ms;
    if (e->ts_ms < c->from * 1000)
        return 0;
    size_t site = site_of(e->site);
    if (e->counters != NULL) {
        assert_int_equal(e->ts_ms % 3600000, 0);
        if (c->keep)
            buf_printf(&c->text, "%lld " STR_FMT " %lld\n", (long long)e->ts_ms,
                       STR_ARG(e->counters->repo), (long long)e->counters->stars);
        return 0;
    }
    c->events++;
    c->web += e->dataset == DATASET_WEB;
    c->by_site[site]++;
    if (c->keep) {
        buf_printf(&c->text, "%lld " STR_FMT " " STR_FMT " " STR_FMT "\n", (long long)e->ts_ms,
                   STR_ARG(e->site), STR_ARG(e->type), STR_ARG(e->body));
    }
    bool fetched = contains(e->body, "/downloads/cdap/");
    if (fetched && contains(e->body, "\" 206 "))
        c->partial++;
    if (fetched && contains(e->body, "GET /downloads/"))
        c->downloads[(END * 1000 - e->ts_ms) / 1000 / DAY]++;
    bool person = contains(e->body, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit");
    if (person && c->zones[site] != NULL) {
        struct civil local = zone_civil(c->zones[site], e->ts_ms / 1000);
        int64_t day = (e->ts_ms / 1000 + zone_offset(c->zones[site], e->ts_ms / 1000)) / DAY;
        c->by_hour[site][local.hour]++;
        c->by_weekday[site][(day + 3) % 7]++;
    }
    return 0;
}

static struct demo_options options_of(uint64_t seed, unsigned days, uint64_t events) {
    struct err err;
    struct demo_options o = {.seed = seed, .start = END - days * DAY, .end = END};
    assert_ok(demo_visits_for(&o, events, &o.visits, &err), err);
    return o;
}

static void run(const struct demo_options *o, int64_t from, int64_t step, struct counts *ret) {
    struct err err;
    struct demo *d;
    assert_ok(demo_new(o, &d, &err), err);
    demo_begin(d, from);
    for (int64_t at = from; at < o->end;) {
        at = step > 0 ? min_i64(at + step, o->end) : o->end;
        assert_ok(demo_run(d, at, count, ret, &err), err);
        assert_true(ret->last < at * 1000);
    }
    demo_free(d);
}

static void demo__the_same_seed_gives_the_same_bytes(void **state) {
    UNUSED(state);
    struct demo_options o = options_of(7, 5, 5000), other = options_of(8, 5, 5000);
    struct counts a = {.keep = true}, b = {.keep = true}, c = {.keep = true};
    run(&o, o.start, 0, &a);
    run(&o, o.start, 0, &b);
    run(&other, o.start, 0, &c);
    assert_true(a.text.len > 100000);
    assert_true(str_eq(buf_str(&a.text), buf_str(&b.text)));
    assert_false(str_eq(buf_str(&a.text), buf_str(&c.text)));
    buf_release(&a.text);
    buf_release(&b.text);
    buf_release(&c.text);
}

/* A gap is filled with what would have been there, whatever the steps. */
static void demo__who_begins_later_gets_the_rest(void **state) {
    UNUSED(state);
    struct demo_options o = options_of(7, 5, 8000);
    int64_t from = o.start + 2 * DAY + 12345;
    struct counts all = {.keep = true, .from = from}, rest = {.keep = true};
    run(&o, o.start, 0, &all);
    run(&o, from, 37, &rest);
    assert_true(rest.events > 3000);
    assert_true(str_eq(buf_str(&all.text), buf_str(&rest.text)));
    buf_release(&all.text);
    buf_release(&rest.text);
}

static void demo__makes_as_many_as_asked_for(void **state) {
    static const uint64_t wanted[] = {20000, 120000};
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct demo_options o = options_of(3 + i, 100, wanted[i]);
        struct counts c = {0};
        run(&o, o.start, 0, &c);
        if (c.events < wanted[i] * 93 / 100 || c.events > wanted[i] * 107 / 100)
            fail_msg("%llu events, not about %llu", (unsigned long long)c.events,
                     (unsigned long long)wanted[i]);
        for (size_t s = 0; s < SITES; s++)
            assert_true(c.by_site[s] > c.events / 50);
        assert_true(c.web > c.by_site[1]); /* the blog's, and own events of others */
    }
}

static void demo__has_the_rhythm_of_days_and_weeks(void **state) {
    UNUSED(state);
    static const char *const zones[SITES] = {"America/Los_Angeles", "America/Los_Angeles", "UTC",
                                             "Europe/Berlin"};
    struct demo_options o = options_of(1, 140, 300000);
    struct counts c = {0};
    struct err err;
    for (size_t i = 0; i < SITES; i++)
        assert_ok(zone_open(zones[i], &c.zones[i], &err), err);
    run(&o, o.start, 0, &c);
    for (size_t i = 0; i < SITES; i++) {
        uint64_t day = 0, night = 0, *week = c.by_weekday[i];
        for (size_t hour = 0; hour < 6; hour++) {
            night += c.by_hour[i][hour];
            day += c.by_hour[i][hour + 10];
        }
        assert_true(day > 2 * night);
        assert_true(day < 5 * night);
        uint64_t weekend = (week[5] + week[6]) / 2, workday = (week[1] + week[2] + week[3]) / 3;
        assert_true(workday * 10 > weekend * 14);
        assert_true(workday < weekend * 4);
        zone_free(c.zones[i]);
    }
}

/* CDAP 6.10.0 came out 118 days before the end. */
static void demo__releases_raise_downloads(void **state) {
    UNUSED(state);
    struct demo_options o = options_of(1, 140, 250000);
    struct counts c = {0};
    uint64_t before = 0, after = 0;
    run(&o, o.start, 0, &c);
    for (size_t i = 0; i < 7; i++) {
        after += c.downloads[117 - i];
        before += c.downloads[119 + i];
    }
    assert_true(before > 20);
    assert_true(after > 2 * before);
    assert_true(c.partial > 10);
}

UNIT_MAIN(unit_test(demo__the_same_seed_gives_the_same_bytes),
          unit_test(demo__who_begins_later_gets_the_rest),
          unit_test(demo__makes_as_many_as_asked_for),
          unit_test(demo__has_the_rhythm_of_days_and_weeks),
          unit_test(demo__releases_raise_downloads))

#include "flow/traffic.h"

#include <stdlib.h>

uint64_t rng_next(struct rng *r) { /* splitmix64 */
    uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

uint64_t rng_below(struct rng *r, uint64_t n) { return rng_next(r) % n; }
bool rng_chance(struct rng *r, unsigned percent) { return rng_below(r, 100) < percent; }

const char *const traffic_sites[TRAFFIC_SITES] = {"la.example", "in.example", "howe.example",
                                                  "it's \\ utc"};
const char *const traffic_zones[TRAFFIC_SITES] = {"America/Los_Angeles", "Asia/Kolkata",
                                                  "Australia/Lord_Howe", "UTC"};

/* Near changes of daylight saving in Los Angeles and on Lord Howe, and of years. */
static const int64_t starts[] = {1615334400 /* 2021-03-10 */, 1617235200 /* 2021-04-01 */,
                                 1633046400 /* 2021-10-01 */, 1636070400 /* 2021-11-05 */,
                                 1640476800 /* 2021-12-26 */, 1582675200 /* 2020-02-26 */};

#define PICK(r, list) (list)[rng_below((r), ARRAY_LEN(list))]

static struct str pick(struct rng *r, const char *const *list, size_t n) {
    return str_from(list[rng_below(r, n)]);
}
#define PICK_STR(r, list) pick((r), (list), ARRAY_LEN(list))

static const char *const paths[] = {"/", "/a", "/b", "/a/b", "/it's", "/x\ty", "/\xff", "/z"};
static const char *const files[] = {"/d/cdap-1.zip", "/d/cdap-2.zip", "/d/tigon.deb"};
static const char *const products[] = {"CDAP", "CDAP", "Tigon"};
static const char *const versions[] = {"1", "2", ""};
static const char *const platforms[] = {"", "", "deb"};
static const char *const referrers[] = {"", "", "http://s.example/q", "http://r.example/",
                                        "http://la.example/"};
static const char *const domains[] = {"", "", "s.example", "r.example", "la.example"};
static const char *const channels[] = {"direct", "direct", "search", "referral", "internal"};
static const char *const campaigns[] = {"", "", "", "spring"};

static void describe_visitor(struct rng *r, struct event *e) {
    static const char *const countries[] = {"", "US", "IN", "DE"};
    static const char *const browsers[] = {"Firefox", "Chrome", "Other"};
    static const char *const browser_versions[] = {"1.0", "2.0"};
    static const char *const brands[] = {"", "Acme"};
    static const char *const classes[] = {"desktop", "mobile", "tablet"};
    static const char *const kinds[] = {"", "search", "feed"};
    static const char *const systems[] = {"Linux", "Windows"};
    static const char *const devices[] = {"desktop", "mobile"};
    e->visitor = rng_next(r);
    e->country = PICK_STR(r, countries);
    e->browser = PICK_STR(r, browsers);
    e->browser_version = PICK_STR(r, browser_versions);
    e->os_version = PICK_STR(r, browser_versions);
    e->device_brand = PICK_STR(r, brands);
    e->device_model = PICK_STR(r, browser_versions);
    e->device_class = PICK_STR(r, classes);
    e->bot_kind = PICK_STR(r, kinds);
    e->bot_name = PICK_STR(r, brands);
    e->os = PICK_STR(r, systems);
    e->device = PICK_STR(r, devices);
    e->bot = rng_chance(r, 20);
}

static void describe_request(struct rng *r, struct event *e) {
    size_t from = rng_below(r, ARRAY_LEN(referrers)), file = rng_below(r, ARRAY_LEN(files));
    e->method = STR("GET");
    e->referrer = str_from(referrers[from]);
    e->referrer_domain = str_from(domains[from]);
    e->channel = str_from(channels[from]);
    e->utm_source = e->utm_medium = e->utm_campaign = PICK_STR(r, campaigns);
    e->utm_term = e->utm_content = e->click_id = PICK_STR(r, campaigns);
    e->source = rng_chance(r, 50) ? STR("log") : STR("import-1");
    e->product = e->version = e->platform = e->event = STR("");
    e->path = PICK_STR(r, paths);
    e->bytes = rng_below(r, 5000);
    e->status = 200;
    if (e->kind == KIND_PAGEVIEW && rng_chance(r, 10))
        e->status = 304;
    if (e->kind == KIND_DOWNLOAD) {
        e->path = str_from(files[file]);
        e->product = str_from(products[file]);
        e->version = str_from(versions[file]);
        e->platform = str_from(platforms[file]);
        e->status = rng_chance(r, 50) ? 206 : 200;
    }
    if (e->kind == KIND_EVENT)
        e->event = rng_chance(r, 50) ? STR("signup") : STR("click");
    if (e->kind == KIND_OTHER) {
        static const uint16_t statuses[] = {301, 404, 500, 403, 200};
        e->status = PICK(r, statuses);
        e->method = rng_chance(r, 50) ? STR("POST") : STR("GET");
    }
}

static void one_run(struct traffic *t, struct rng *r, struct event who, enum event_kind kind) {
    static const uint32_t gaps[] = {0, 0, 1, 7, 60, 600, 1700, 1799, 1800, 1801, 1900, 3600};
    static const uint32_t long_gaps[] = {0, 1, 300, 3600, 21599, 21600, 21601, 40000};
    int64_t ts = t->from + (int64_t)rng_below(r, (uint64_t)(t->to - t->from));
    if (rng_chance(r, 30)) /* about midnight somewhere */
        ts = ts - ts % 1800 + (int64_t)rng_below(r, 5) - 2;
    who.kind = (uint8_t)kind;
    /* sometimes more than the 12 hours that a session's source reaches */
    size_t n = 1 + rng_below(r, rng_chance(r, 5) ? 60 : 5);
    struct str path = {0};
    for (size_t i = 0; i < n && ts < t->to; i++) {
        who.ts = (uint32_t)ts;
        describe_request(r, &who);
        if (kind == KIND_DOWNLOAD && path.ptr != NULL && rng_chance(r, 80))
            who.path = path; /* product and version follow the path in real logs; not needed here */
        path = who.path;
        if (kind == KIND_DOWNLOAD) {
            for (size_t f = 0; f < ARRAY_LEN(files); f++)
                if (str_is(path, files[f])) {
                    who.product = str_from(products[f]);
                    who.version = str_from(versions[f]);
                    who.platform = str_from(platforms[f]);
                }
        }
        vec_push(t, who);
        ts += kind == KIND_DOWNLOAD ? PICK(r, long_gaps) : PICK(r, gaps);
    }
}

void traffic_make(struct traffic *t, struct rng *r, size_t n_visitors) {
    static const enum event_kind kinds[] = {KIND_PAGEVIEW, KIND_PAGEVIEW, KIND_PAGEVIEW,
                                            KIND_PAGEVIEW, KIND_DOWNLOAD, KIND_DOWNLOAD,
                                            KIND_OTHER,    KIND_ASSET,    KIND_EVENT};
    static const int64_t days[] = {2, 5, 9, 40, 60};
    *t = (struct traffic){.n_sites = 1 + rng_below(r, TRAFFIC_SITES)};
    t->from = PICK(r, starts) + (int64_t)rng_below(r, 86400);
    t->to = t->from + PICK(r, days) * 86400 + (int64_t)rng_below(r, 86400);
    for (size_t v = 0; v < n_visitors; v++) {
        struct event who = {.rules = 1};
        describe_visitor(r, &who);
        for (size_t i = 0, n = 1 + rng_below(r, 6); i < n; i++) {
            who.site = str_from(traffic_sites[rng_below(r, t->n_sites)]);
            one_run(t, r, who, PICK(r, kinds));
        }
    }
    for (size_t i = t->len; i > 1; i--) {
        size_t j = rng_below(r, i);
        struct event swap = t->items[j];
        t->items[j] = t->items[i - 1];
        t->items[i - 1] = swap;
    }
}

void traffic_release(struct traffic *t) { vec_free(t); }

struct str traffic_value(const struct traffic *t, struct rng *r, enum dimension d) {
    const struct event *e = &t->items[rng_below(r, t->len)];
    switch (d) {
    case DIM_site:
        return e->site;
    case DIM_source:
        return e->source;
    case DIM_country:
        return e->country;
    case DIM_browser:
        return e->browser;
    case DIM_browser_version:
        return e->browser_version;
    case DIM_os_version:
        return e->os_version;
    case DIM_device_brand:
        return e->device_brand;
    case DIM_device_model:
        return e->device_model;
    case DIM_device_class:
        return e->device_class;
    case DIM_bot_kind:
        return e->bot_kind;
    case DIM_bot_name:
        return e->bot_name;
    case DIM_os:
        return e->os;
    case DIM_device:
        return e->device;
    case DIM_bot:
        return e->bot ? STR("1") : STR("0");
    case DIM_path:
    case DIM_entry_path:
        return e->path;
    case DIM_referrer:
        return e->referrer;
    case DIM_referrer_domain:
        return e->referrer_domain;
    case DIM_channel:
        return e->channel;
    case DIM_utm_source:
    case DIM_utm_medium:
    case DIM_utm_campaign:
        return e->utm_campaign;
    case DIM_utm_term:
    case DIM_utm_content:
    case DIM_click_id:
        return e->click_id;
    case DIM_product:
        return e->product;
    case DIM_version:
        return e->version;
    case DIM_platform:
        return e->platform;
    case DIM_status:
        return e->status == 200 ? STR("200") : STR("404");
    case DIM_method:
        return e->method;
    case DIM_event:
        return e->event;
    default:
        return STR("");
    }
}

/* --- the count --- */

static int by_visitor(const void *a, const void *b) {
    const struct event *x = a, *y = b;
    int order = str_cmp(x->site, y->site);
    if (order == 0)
        order = (x->visitor > y->visitor) - (x->visitor < y->visitor);
    if (order == 0)
        order = (x->kind > y->kind) - (x->kind < y->kind);
    if (order == 0 && x->kind == KIND_DOWNLOAD)
        order = str_cmp(x->path, y->path);
    return order != 0 ? order : (x->ts > y->ts) - (x->ts < y->ts);
}

/* Same visitor, site and kind (for downloads: and path). */
static bool is_same_run(const struct event *x, const struct event *y) {
    return str_eq(x->site, y->site) && x->visitor == y->visitor && x->kind == y->kind &&
           (x->kind != KIND_DOWNLOAD || str_eq(x->path, y->path));
}

static bool is_counted(const struct event *e, unsigned sites, int64_t from, int64_t to,
                       enum bots bots) {
    for (size_t i = 0; i < TRAFFIC_SITES; i++)
        if (str_is(e->site, traffic_sites[i]) && !(sites >> i & 1))
            return false;
    return e->ts >= from && e->ts < to &&
           (bots == BOTS_INCLUDE || (bots == BOTS_ONLY) == (e->bot == 1));
}

struct seen {
    int64_t start;
    uint64_t visitor;
};

static int by_seen(const void *a, const void *b) {
    const struct seen *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->visitor > y->visitor) - (x->visitor < y->visitor);
}

static int by_start(const void *a, const void *b) {
    const struct tally *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static void fold(struct tallies *t) {
    size_t kept = 0;
    if (t->len > 0)
        qsort(t->items, t->len, sizeof *t->items, by_start);
    for (size_t i = 0; i < t->len; i++) {
        struct tally one = t->items[i];
        if (kept == 0 || t->items[kept - 1].start != one.start) {
            t->items[kept++] = one;
            continue;
        }
        struct tally *sum = &t->items[kept - 1];
        sum->hits += one.hits;
        sum->pageviews += one.pageviews;
        sum->sessions += one.sessions;
        sum->bounces += one.bounces;
        sum->exits += one.exits;
        sum->engaged_seconds += one.engaged_seconds;
        sum->downloads += one.downloads;
        sum->download_requests += one.download_requests;
        sum->errors += one.errors;
        sum->bytes += one.bytes;
        sum->events += one.events;
        sum->visitors += one.visitors;
    }
    t->len = kept;
}

static struct tally tally_of(const struct event *before, const struct event *e,
                             const struct event *after) {
    struct tally one = {.hits = 1, .bytes = e->bytes};
    one.errors = e->status >= 400 && e->status < 600;
    one.events = e->kind == KIND_EVENT;
    if (e->kind == KIND_PAGEVIEW) {
        bool starts_session = before == NULL || e->ts - before->ts > 1800;
        bool ends_session = after == NULL || after->ts - e->ts > 1800;
        one.pageviews = 1;
        one.sessions = starts_session;
        one.exits = ends_session;
        one.bounces = starts_session && ends_session;
        one.engaged_seconds = ends_session ? 0 : after->ts - e->ts;
    }
    if (e->kind == KIND_DOWNLOAD) {
        one.download_requests = 1;
        one.downloads = before == NULL || e->ts - before->ts > 21600;
    }
    return one;
}

void traffic_count(struct event *events, size_t n, unsigned sites, const struct zone *zone,
                   enum grain grain, int64_t from, int64_t to, enum bots bots,
                   struct tallies *ret) {
    VEC(struct seen) seen = {0};
    if (n > 0)
        qsort(events, n, sizeof *events, by_visitor);
    for (size_t i = 0; i < n; i++) {
        const struct event *e = &events[i];
        const struct event *before = i > 0 && is_same_run(e, e - 1) ? e - 1 : NULL;
        const struct event *after = i + 1 < n && is_same_run(e, e + 1) ? e + 1 : NULL;
        if (!is_counted(e, sites, from, to, bots))
            continue;
        struct tally one = tally_of(before, e, after);
        one.start = grain == GRAIN_NONE ? 0 : zone_floor(zone, grain, e->ts);
        struct seen who = {one.start, e->visitor};
        if (one.pageviews)
            vec_push(&seen, who);
        vec_push(ret, one);
    }
    if (seen.len > 0)
        qsort(seen.items, seen.len, sizeof *seen.items, by_seen);
    for (size_t i = 0; i < seen.len; i++) {
        struct tally one = {.start = seen.items[i].start, .visitors = 1};
        if (i == 0 || by_seen(&seen.items[i - 1], &seen.items[i]) != 0)
            vec_push(ret, one);
    }
    vec_free(&seen);
    fold(ret);
}

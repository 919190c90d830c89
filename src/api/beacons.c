/* Beacons: POST /api/event, GET /b.gif. The answer says that the event is on disk. */
#include "api/internal.h"
#include "base/address.h"
#include "base/log.h"
#include "source/beacon.h"
#include "source/recent_ids.h"

#include <microhttpd.h>
#include <stdlib.h>

/* --- who sent it --- */

static bool is_trusted(const struct config *config, struct str text) {
    struct address address;
    struct address_range range;
    if (!address_parse(text, &address))
        return false;
    for (size_t i = 0; i < config->n_trusted_proxies; i++)
        if (address_range_parse(str_from(config->trusted_proxies[i]), &range) &&
            address_cmp(&range.first, &address) <= 0 && address_cmp(&address, &range.last) <= 0)
            return true;
    return false;
}

struct forwarders {
    const struct config *config;
    struct str client; /* ptr NULL: not known yet */
};

/* From the left, so that several headers are one list, in their order (RFC 9110 section 5.3): some
 * proxies add a header of their own behind what the client sent. */
static int on_header(void *arg, struct str name, struct str value) {
    struct forwarders *f = arg;
    struct str item;
    struct address address;
    if (!str_eq_nocase(name, STR("X-Forwarded-For")))
        return 0;
    while (str_split(&value, ',', &item)) {
        item = str_trim(item);
        if (!address_parse(item, &address))
            f->client.ptr = NULL;
        else if (f->client.ptr == NULL || !is_trusted(f->config, item))
            f->client = item;
    }
    return 0;
}

/* The last one that no trusted proxy has: what stands left of it anybody can make up. */
struct str api_client_address(const struct http_exchange *x) {
    struct forwarders f = {.config = api_config(x)};
    struct str peer = http_peer(x);
    if (http_is_local(x) || is_trusted(f.config, peer))
        (void)http_each_header(x, on_header, &f);
    return f.client.ptr != NULL ? f.client : peer;
}

static struct str or_empty(struct str s) { return s.ptr == NULL ? STR("") : s; }

static struct beacon_client client_of(const struct http_exchange *x) {
    return (struct beacon_client){
        .address = api_client_address(x),
        .agent = or_empty(http_header(x, "User-Agent")),
        .hint_brands = or_empty(http_header(x, "Sec-CH-UA")),
        .hint_mobile = or_empty(http_header(x, "Sec-CH-UA-Mobile")),
        .hint_platform = or_empty(http_header(x, "Sec-CH-UA-Platform")),
        .page = or_empty(http_header(x, "Referer")),
        .now_ms = clock_now_ms(&clock_system),
    };
}

/* --- handing in --- */

/* One request, from its parsing to its answer. */
struct delivery {
    struct intake_ticket ticket; /* first: it is cast back */
    struct api *api;
    struct http_exchange *exchange;
    struct arena arena;
    struct beacon *beacons; /* those that are handed in */
    struct record *records;
    size_t n;
    void (*answer)(struct http_exchange *x);
};

static void delivery_free(struct delivery *d) {
    arena_release(&d->arena);
    free(d);
}

static struct recent_key key_of(const struct beacon *b) { return recent_key_of(b->site, b->id); }

static void settle(struct delivery *d, bool durable) {
    for (size_t i = 0; i < d->n; i++)
        if (d->beacons[i].id.len > 0)
            recent_ids_settle(d->api->recent, key_of(&d->beacons[i]), durable);
}

static void on_done(struct intake_ticket *ticket, int rc, uint64_t bid) {
    struct delivery *d = (struct delivery *)ticket;
    struct http_exchange *x = d->exchange;
    UNUSED(bid);
    settle(d, rc == 0);
    if (rc == 0)
        d->answer(x);
    else
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the event cannot be stored now");
    delivery_free(d);
}

static int check_sites(const struct config *config, const struct beacon *beacons, size_t n,
                       struct err *err) {
    for (size_t i = 0; i < n; i++)
        if (!catalog_has_site(config, beacons[i].site))
            return err_set(err, ERR_USAGE,
                           "unknown site \"" STR_FMT "\": add it to `sites` of the configuration",
                           STR_ARG(beacons[i].site));
    return 0;
}

/* Is the same event already in this very batch? */
static bool is_in(const struct delivery *d, const struct beacon *b) {
    for (size_t i = 0; i < d->n; i++)
        if (str_eq(d->beacons[i].id, b->id) && str_eq(d->beacons[i].site, b->site))
            return true;
    return false;
}

/* Claims ids and drops events that are durable already. False: one is on its way. */
static bool claim(struct delivery *d, const struct beacon *all, size_t n) {
    for (size_t i = 0; i < n; i++) {
        enum recent_claim claim =
            all[i].id.len > 0 ? recent_ids_claim(d->api->recent, key_of(&all[i])) : RECENT_NEW;
        if (claim == RECENT_DURABLE || (claim == RECENT_WAITING && is_in(d, &all[i])))
            continue;
        if (claim == RECENT_WAITING) {
            settle(d, false);
            return false;
        }
        d->beacons[d->n] = all[i];
        d->records[d->n++] = (struct record){.body = all[i].body,
                                             .type = STR("beacon"),
                                             .site = all[i].site,
                                             .source = STR(BEACON_SOURCE),
                                             .position = STR("")};
    }
    live_count_duplicates(d->api->options.live, STR(BEACON_SOURCE), n - d->n);
    return true;
}

/* Takes the delivery over; answers now or when the records are durable. */
static void deliver(struct delivery *d, const struct beacon *all, size_t n) {
    struct http_exchange *x = d->exchange;
    struct err err = {0};
    d->beacons = arena_alloc(&d->arena, n * sizeof *d->beacons);
    d->records = arena_alloc(&d->arena, n * sizeof *d->records);
    if (check_sites(api_config(x), all, n, &err) != 0) {
        api_reply_err(x, &err);
    } else if (!claim(d, all, n)) {
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the same event is being stored");
    } else if (d->n == 0) {
        d->answer(x);
    } else {
        d->ticket.records = d->records;
        d->ticket.n = d->n;
        d->ticket.done = on_done;
        intake_submit(live_intake(d->api->options.live, DATASET_WEB), &d->ticket);
        return;
    }
    delivery_free(d);
}

static struct delivery *delivery_new(struct api *api, struct http_exchange *x,
                                     void (*answer)(struct http_exchange *x)) {
    struct delivery *d = xcalloc(1, sizeof *d);
    d->api = api;
    d->exchange = x;
    d->answer = answer;
    http_set_header(x, "Access-Control-Allow-Origin", "*");
    return d;
}

/* --- POST /api/event --- */

static void answer_nothing(struct http_exchange *x) { http_reply(x, MHD_HTTP_NO_CONTENT); }

void api_event(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct delivery *d = delivery_new(api, x, answer_nothing);
    struct beacon_client client = client_of(x);
    struct beacon *beacons = xmalloc(BEACON_BATCH_MAX * sizeof *beacons);
    struct err err = {0};
    size_t n = 0;
    if (beacons_parse(http_body(x), &client, &d->arena, beacons, &n, &err) != 0) {
        api_reply_err(x, &err);
        delivery_free(d);
    } else {
        deliver(d, beacons, n);
    }
    free(beacons);
}

/* What a browser asks before it sends JSON to another site (Fetch standard, CORS preflight). */
void api_event_options(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    http_set_header(x, "Access-Control-Allow-Origin", "*");
    http_set_header(x, "Access-Control-Allow-Methods", "POST");
    http_set_header(x, "Access-Control-Allow-Headers", "Content-Type");
    http_set_header(x, "Access-Control-Max-Age", "86400");
    http_reply(x, MHD_HTTP_NO_CONTENT);
}

/* --- GET /b.gif --- */

/* One transparent pixel. */
static const unsigned char pixel[] = {
    'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, '!', 0xf9, 4,
    1,   0,   0,   0,   0,   ',', 0, 0, 0, 0, 1,    0, 1, 0, 0, 2, 2,    'D',  1,    0,   ';'};

static void answer_pixel(struct http_exchange *x) {
    buf_add(http_out(x), pixel, sizeof pixel);
    http_set_header(x, "Content-Type", "image/gif");
    http_set_header(x, "Cache-Control", "no-store");
    http_reply(x, MHD_HTTP_OK);
}

/* Of two names of a parameter the first that is there. */
static struct str param(const struct http_exchange *x, const char *a, const char *b) {
    struct str value = http_query(x, a);
    return or_empty(value.ptr != NULL ? value : http_query(x, b));
}

void api_pixel(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct delivery *d = delivery_new(api, x, answer_pixel);
    struct beacon_client client = client_of(x);
    struct beacon beacon;
    struct err err = {0};
    if (beacon_make(param(x, "n", "name"), param(x, "u", "url"), param(x, "d", "domain"),
                    param(x, "r", "referrer"), param(x, "id", "id"), &client, &d->arena, &beacon,
                    &err) != 0) {
        api_reply_err(x, &err);
        delivery_free(d);
    } else {
        deliver(d, &beacon, 1);
    }
}

/* Beacons: what a page sends (docs/beacons.md) -> bodies of records of the format `beacon`.
 *
 * A body is a JSON object, or an array of them (a batch), with Plausible's short keys (n, u, d, r,
 * p or m) or long ones (name, url, domain, referrer, props); `id` makes a retry harmless, `ts` is
 * when it happened (milliseconds since the epoch or ISO 8601). Unknown keys are passed over. */
#ifndef CASK_BEACON_H
#define CASK_BEACON_H

#include "base/arena.h"
#include "base/err.h"

#define BEACON_SOURCE "beacon" /* of their records */
#define BEACON_BATCH_MAX 500
#define BEACON_BODY_BYTES ((size_t)512 << 10)
#define BEACON_URL_BYTES ((size_t)4096) /* url and referrer; longer ones are refused */
#define BEACON_NAME_BYTES ((size_t)255)
#define BEACON_ID_BYTES ((size_t)128)
#define BEACON_AGE_DAYS 731 /* two years; older ones are refused */
#define BEACON_PROPS 30u    /* properties of one event, as Plausible has it */
#define BEACON_PROP_BYTES ((size_t)2000)

/* Who sent it, as the HTTP request tells. */
struct beacon_client {
    struct str address, agent;
    struct str hint_brands, hint_mobile, hint_platform; /* "" for none */
    struct str page; /* Referer of the request: the url where the beacon has none. "" for none */
    int64_t now_ms;
};

struct beacon {
    struct str site; /* domain */
    struct str id;   /* "" for none */
    struct str body; /* of the record */
};

/* Appends to `items` (of BEACON_BATCH_MAX places). All of a batch, or nothing: ERR_USAGE says what
 * is wrong with which one. Strings live in `arena`. */
MUSTCHECK int beacons_parse(struct str json, const struct beacon_client *client,
                            struct arena *arena, struct beacon *items, size_t *ret_n,
                            struct err *err);
/* One beacon from parameters, for pages without script: name "" is `pageview`. */
MUSTCHECK int beacon_make(struct str name, struct str url, struct str domain, struct str referrer,
                          struct str id, const struct beacon_client *client, struct arena *arena,
                          struct beacon *ret, struct err *err);
/* The id in the body of such a record; "" when it has none. Borrows from the body. */
struct str beacon_record_id(struct str body);

#endif

#include "people/throttle.h"

#include "base/address.h"
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define FORGET_MS ((int64_t)24 * 3600 * 1000)

enum { BY_NETWORK, BY_ADDRESS, BY_ACCOUNT, WAYS };

/* Tries without a pause, the longest pause, and the quiet time that takes one failure away. */
static const struct {
    unsigned free, longest_seconds, quiet_seconds;
} rules[WAYS] = {
    [BY_NETWORK] = {5, 300, 900}, [BY_ADDRESS] = {20, 60, 60}, [BY_ACCOUNT] = {100, 60, 60}};

struct key {
    unsigned char account[crypto_shorthash_BYTES], place[crypto_shorthash_BYTES]; /* 0: any */
};

struct entry {
    struct key key;
    unsigned failures;
    int64_t until_ms, last_ms;
};

struct throttle {
    const struct clock *clock;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    pthread_mutex_t mutex; /* guards entries */
    VEC(struct entry) entries;
};

struct throttle *throttle_new(const struct clock *clock) {
    struct throttle *t = xcalloc(1, sizeof *t);
    t->clock = clock;
    crypto_shorthash_keygen(t->secret);
    pthread_mutex_init(&t->mutex, NULL);
    return t;
}

void throttle_free(struct throttle *t) {
    if (t == NULL)
        return;
    vec_free(&t->entries);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

static void hash_of(const struct throttle *t, char what, struct str name,
                    unsigned char ret[crypto_shorthash_BYTES]) {
    struct buf text = {0};
    buf_add_char(&text, what);
    buf_add_str(&text, name);
    crypto_shorthash(ret, (const unsigned char *)text.ptr, text.len, t->secret);
    buf_release(&text);
}

/* The first bytes of an address; anything else as it is. */
static struct str prefix(const struct address *a, bool known, size_t v4, size_t v6,
                         struct str text) {
    return known ? str_of((const char *)a->bytes, 1 + (a->bytes[0] == 4 ? v4 : v6)) : text;
}

static void make_keys(const struct throttle *t, struct str account, struct str address,
                      struct key ret[WAYS]) {
    struct address a = {0};
    bool known = address_parse(address, &a);
    memset(ret, 0, WAYS * sizeof *ret);
    hash_of(t, 'a', account, ret[BY_ACCOUNT].account);
    hash_of(t, 'a', account, ret[BY_NETWORK].account);
    hash_of(t, 'n', prefix(&a, known, 3, 8, address), ret[BY_NETWORK].place);
    hash_of(t, 'p', prefix(&a, known, 4, 8, address), ret[BY_ADDRESS].place);
}

static struct entry *find(struct throttle *t, const struct key *key) {
    for (size_t i = 0; i < t->entries.len; i++)
        if (memcmp(&t->entries.items[i].key, key, sizeof *key) == 0)
            return &t->entries.items[i];
    return NULL;
}

/* In the place of one that is too old to count, or of the one with the fewest failures: who makes
 * up accounts to push others out pushes out the made-up ones. */
static struct entry *make(struct throttle *t, const struct key *key, int64_t now) {
    struct entry *place = NULL;
    for (size_t i = 0; i < t->entries.len; i++) {
        struct entry *e = &t->entries.items[i];
        if (now - e->last_ms > FORGET_MS) {
            place = e;
            break;
        }
        if (place == NULL || e->failures < place->failures ||
            (e->failures == place->failures && e->last_ms < place->last_ms))
            place = e;
    }
    if (place == NULL || (t->entries.len < THROTTLE_ENTRIES && now - place->last_ms <= FORGET_MS)) {
        vec_push(&t->entries, (struct entry){0});
        place = &t->entries.items[t->entries.len - 1];
    }
    *place = (struct entry){.key = *key, .last_ms = now};
    return place;
}

/* Milliseconds to wait; 0 or less: none. */
static int64_t wait_of(struct entry *e, size_t way, int64_t now) {
    const int64_t quiet = (int64_t)rules[way].quiet_seconds * 1000;
    if (now > e->last_ms) {
        int64_t gone = (now - e->last_ms) / quiet;
        e->failures -= gone < e->failures ? (unsigned)gone : e->failures;
        e->last_ms += gone * quiet; /* the same time takes nothing away again */
    }
    /* a clock that was put back does not lock anybody out for longer */
    return e->failures < rules[way].free
               ? 0
               : min_i64(e->until_ms - now, (int64_t)rules[way].longest_seconds * 1000);
}

static void fail(struct entry *e, size_t way, int64_t now) {
    e->failures++;
    e->last_ms = now;
    unsigned over = e->failures > rules[way].free ? e->failures - rules[way].free : 0;
    unsigned seconds = over < 16 ? 1u << over : rules[way].longest_seconds;
    e->until_ms = now + min_i64(seconds, rules[way].longest_seconds) * 1000;
}

unsigned throttle_try(struct throttle *t, struct str account, struct str address) {
    struct key keys[WAYS];
    int64_t now = clock_now_ms(t->clock), wait = 0;
    make_keys(t, account, address, keys);
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = find(t, &keys[i]);
        if (e != NULL)
            wait = max_i64(wait, wait_of(e, i, now));
    }
    for (size_t i = 0; wait == 0 && i < WAYS; i++) {
        struct entry *e = find(t, &keys[i]);
        fail(e != NULL ? e : make(t, &keys[i], now), i, now);
    }
    pthread_mutex_unlock(&t->mutex);
    return (unsigned)((wait + 999) / 1000);
}

static void reduce(struct entry *e, unsigned by) {
    if (e != NULL)
        e->failures -= e->failures < by ? e->failures : by;
}

static void take_back(struct throttle *t, struct str account, struct str address,
                      unsigned by_network) {
    struct key keys[WAYS];
    make_keys(t, account, address, keys);
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < WAYS; i++)
        reduce(find(t, &keys[i]), i == BY_NETWORK ? by_network : 1);
    pthread_mutex_unlock(&t->mutex);
}

void throttle_succeed(struct throttle *t, struct str account, struct str address) {
    take_back(t, account, address, UINT32_MAX);
}

void throttle_take_back(struct throttle *t, struct str account, struct str address) {
    take_back(t, account, address, 1);
}

void throttle_forgive(struct throttle *t, struct str account) {
    unsigned char hash[crypto_shorthash_BYTES];
    hash_of(t, 'a', account, hash);
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < t->entries.len; i++)
        if (memcmp(t->entries.items[i].key.account, hash, sizeof hash) == 0)
            t->entries.items[i].failures = 0;
    pthread_mutex_unlock(&t->mutex);
}

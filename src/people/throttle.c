#include "people/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define FORGET_MS ((int64_t)24 * 3600 * 1000)

/* Tries without a pause, the longest pause, and the quiet time that takes one failure away: behind
 * one address may be a whole office. */
static const struct {
    unsigned free, longest_seconds, quiet_seconds;
} rules[] = {[THROTTLE_ACCOUNT] = {5, 300, 900}, [THROTTLE_ADDRESS] = {20, 900, 60}};

struct entry {
    unsigned char key[crypto_shorthash_BYTES];
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

static void make_key(const struct throttle *t, enum throttle_kind kind, struct str name,
                     unsigned char ret[crypto_shorthash_BYTES]) {
    struct buf text = {0};
    buf_printf(&text, "%d", (int)kind);
    buf_add_str(&text, name);
    crypto_shorthash(ret, (const unsigned char *)text.ptr, text.len, t->secret);
    buf_release(&text);
}

static struct entry *find(struct throttle *t, const unsigned char *key) {
    for (size_t i = 0; i < t->entries.len; i++)
        if (memcmp(t->entries.items[i].key, key, sizeof t->entries.items[i].key) == 0)
            return &t->entries.items[i];
    return NULL;
}

/* In the place of one that is too old to count, or of the one with the fewest failures: who makes
 * up accounts to push others out pushes out the made-up ones. */
static struct entry *make(struct throttle *t, const unsigned char *key, int64_t now) {
    struct entry *place = NULL;
    for (size_t i = 0; i < t->entries.len; i++) {
        struct entry *e = &t->entries.items[i];
        if (now - e->last_ms > FORGET_MS) {
            place = e;
            break;
        }
        if (place == NULL || e->failures < place->failures)
            place = e;
    }
    if (place == NULL || (t->entries.len < THROTTLE_ENTRIES && now - place->last_ms <= FORGET_MS)) {
        vec_push(&t->entries, (struct entry){0});
        place = &t->entries.items[t->entries.len - 1];
    }
    *place = (struct entry){.last_ms = now};
    memcpy(place->key, key, sizeof place->key);
    return place;
}

unsigned throttle_try(struct throttle *t, enum throttle_kind kind, struct str name) {
    unsigned char key[crypto_shorthash_BYTES];
    int64_t now = clock_now_ms(t->clock), wait = 0;
    make_key(t, kind, name, key);
    pthread_mutex_lock(&t->mutex);
    struct entry *e = find(t, key);
    if (e != NULL && now > e->last_ms) {
        int64_t gone = (now - e->last_ms) / ((int64_t)rules[kind].quiet_seconds * 1000);
        e->failures -= gone < e->failures ? (unsigned)gone : e->failures;
    }
    if (e != NULL && e->failures >= rules[kind].free)
        /* a clock that was put back does not lock anybody out for longer */
        wait = min_i64(e->until_ms - now, (int64_t)rules[kind].longest_seconds * 1000);
    if (wait <= 0) {
        if (e == NULL)
            e = make(t, key, now);
        e->failures++;
        e->last_ms = now;
        unsigned over = e->failures > rules[kind].free ? e->failures - rules[kind].free : 0;
        unsigned seconds = over < 16 ? 1u << over : rules[kind].longest_seconds;
        e->until_ms = now + min_i64(seconds, rules[kind].longest_seconds) * 1000;
    }
    pthread_mutex_unlock(&t->mutex);
    return wait > 0 ? (unsigned)((wait + 999) / 1000) : 0;
}

static void reduce(struct throttle *t, enum throttle_kind kind, struct str name, unsigned by) {
    unsigned char key[crypto_shorthash_BYTES];
    make_key(t, kind, name, key);
    pthread_mutex_lock(&t->mutex);
    struct entry *e = find(t, key);
    if (e != NULL)
        e->failures -= e->failures < by ? e->failures : by;
    pthread_mutex_unlock(&t->mutex);
}

void throttle_forgive(struct throttle *t, enum throttle_kind kind, struct str name) {
    reduce(t, kind, name, UINT32_MAX);
}

void throttle_take_back(struct throttle *t, enum throttle_kind kind, struct str name) {
    reduce(t, kind, name, 1);
}

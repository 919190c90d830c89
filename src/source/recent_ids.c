#include "source/recent_ids.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_KEPT };

struct slot {
    struct recent_key key;
    uint32_t next; /* of its chain, 1 up; 0: the end */
    uint8_t state;
};

/* A ring of slots, the oldest is taken again; chains by hash lead to them. */
struct recent_ids {
    pthread_mutex_t mutex;
    struct slot *ring;
    uint32_t *heads; /* 1 up; 0: empty chain */
    size_t capacity, mask, at, count;
};

struct recent_ids *recent_ids_new(size_t capacity) {
    struct recent_ids *r = xcalloc(1, sizeof *r);
    size_t chains = 1;
    while (chains < capacity)
        chains *= 2;
    pthread_mutex_init(&r->mutex, NULL);
    r->capacity = capacity;
    r->ring = xcalloc(capacity, sizeof *r->ring);
    r->heads = xcalloc(chains, sizeof *r->heads);
    r->mask = chains - 1;
    return r;
}

void recent_ids_free(struct recent_ids *r) {
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->mutex);
    free(r->ring);
    free(r->heads);
    free(r);
}

struct recent_key recent_key_of(struct str scope, struct str id) {
    crypto_generichash_state state;
    struct recent_key key;
    uint64_t len = scope.len;
    crypto_generichash_init(&state, NULL, 0, sizeof key.bytes);
    crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
    crypto_generichash_update(&state, (const unsigned char *)scope.ptr, scope.len);
    crypto_generichash_update(&state, (const unsigned char *)id.ptr, id.len);
    crypto_generichash_final(&state, key.bytes, sizeof key.bytes);
    return key;
}

static uint32_t *chain_of(struct recent_ids *r, const struct recent_key *key) {
    uint64_t hash;
    memcpy(&hash, key->bytes, sizeof hash);
    return &r->heads[hash & r->mask];
}

static struct slot *find(struct recent_ids *r, const struct recent_key *key) {
    for (uint32_t i = *chain_of(r, key); i != 0; i = r->ring[i - 1].next)
        if (memcmp(&r->ring[i - 1].key, key, sizeof *key) == 0)
            return &r->ring[i - 1];
    return NULL;
}

static void drop(struct recent_ids *r, struct slot *slot) {
    uint32_t *link = chain_of(r, &slot->key), place = (uint32_t)(slot - r->ring) + 1;
    while (*link != place)
        link = &r->ring[*link - 1].next;
    *link = slot->next;
    slot->state = SLOT_FREE;
    r->count--;
}

/* The oldest place; one that is still claimed is passed over, for its owner will settle it. */
static struct slot *take_place(struct recent_ids *r) {
    for (size_t i = 0; i < r->capacity; i++) {
        struct slot *slot = &r->ring[r->at];
        r->at = (r->at + 1) % r->capacity;
        if (slot->state == SLOT_CLAIMED)
            continue;
        if (slot->state == SLOT_KEPT)
            drop(r, slot);
        return slot;
    }
    return NULL;
}

static void put(struct recent_ids *r, struct slot *slot, const struct recent_key *key,
                enum slot_state state) {
    uint32_t *head = chain_of(r, key);
    slot->key = *key;
    slot->state = (uint8_t)state;
    slot->next = *head;
    *head = (uint32_t)(slot - r->ring) + 1;
    r->count++;
}

enum recent_claim recent_ids_claim(struct recent_ids *r, struct recent_key key) {
    pthread_mutex_lock(&r->mutex);
    struct slot *slot = find(r, &key);
    enum recent_claim claim = slot == NULL                  ? RECENT_NEW
                              : slot->state == SLOT_CLAIMED ? RECENT_WAITING
                                                            : RECENT_DURABLE;
    if (slot == NULL)
        slot = take_place(r);
    if (slot == NULL)
        claim = RECENT_WAITING; /* every place is claimed: later */
    else if (claim == RECENT_NEW)
        put(r, slot, &key, SLOT_CLAIMED);
    pthread_mutex_unlock(&r->mutex);
    return claim;
}

void recent_ids_settle(struct recent_ids *r, struct recent_key key, bool durable) {
    pthread_mutex_lock(&r->mutex);
    struct slot *slot = find(r, &key);
    if (slot != NULL && durable)
        slot->state = SLOT_KEPT;
    else if (slot != NULL)
        drop(r, slot);
    pthread_mutex_unlock(&r->mutex);
}

void recent_ids_keep(struct recent_ids *r, struct recent_key key) {
    pthread_mutex_lock(&r->mutex);
    struct slot *slot = find(r, &key);
    if (slot == NULL && (slot = take_place(r)) != NULL)
        put(r, slot, &key, SLOT_KEPT);
    pthread_mutex_unlock(&r->mutex);
}

size_t recent_ids_count(struct recent_ids *r) {
    pthread_mutex_lock(&r->mutex);
    size_t count = r->count;
    pthread_mutex_unlock(&r->mutex);
    return count;
}

void recent_ids_list(struct recent_ids *r, struct buf *out) {
    pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i < r->capacity; i++) {
        const struct slot *slot = &r->ring[(r->at + i) % r->capacity];
        if (slot->state == SLOT_KEPT)
            buf_add(out, slot->key.bytes, sizeof slot->key.bytes);
    }
    pthread_mutex_unlock(&r->mutex);
}

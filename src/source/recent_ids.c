#include "source/recent_ids.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define KEY_BYTES 16 /* of BLAKE2b: two ids of a million fall together once in 10^26 */

enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_KEPT };

struct slot {
    unsigned char key[KEY_BYTES];
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

static void make_key(struct str scope, struct str id, unsigned char key[KEY_BYTES]) {
    crypto_generichash_state state;
    uint64_t len = scope.len;
    crypto_generichash_init(&state, NULL, 0, KEY_BYTES);
    crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
    crypto_generichash_update(&state, (const unsigned char *)scope.ptr, scope.len);
    crypto_generichash_update(&state, (const unsigned char *)id.ptr, id.len);
    crypto_generichash_final(&state, key, KEY_BYTES);
}

static uint32_t *chain_of(struct recent_ids *r, const unsigned char key[KEY_BYTES]) {
    uint64_t hash;
    memcpy(&hash, key, sizeof hash);
    return &r->heads[hash & r->mask];
}

static struct slot *find(struct recent_ids *r, const unsigned char key[KEY_BYTES]) {
    for (uint32_t i = *chain_of(r, key); i != 0; i = r->ring[i - 1].next)
        if (memcmp(r->ring[i - 1].key, key, KEY_BYTES) == 0)
            return &r->ring[i - 1];
    return NULL;
}

static void drop(struct recent_ids *r, struct slot *slot) {
    uint32_t *link = chain_of(r, slot->key), place = (uint32_t)(slot - r->ring) + 1;
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

enum recent_claim recent_ids_claim(struct recent_ids *r, struct str scope, struct str id) {
    unsigned char key[KEY_BYTES];
    make_key(scope, id, key);
    pthread_mutex_lock(&r->mutex);
    struct slot *slot = find(r, key);
    enum recent_claim claim = slot == NULL                  ? RECENT_NEW
                              : slot->state == SLOT_CLAIMED ? RECENT_WAITING
                                                            : RECENT_DURABLE;
    if (slot == NULL)
        slot = take_place(r);
    if (slot == NULL) {
        claim = RECENT_WAITING; /* every place is claimed: later */
    } else if (claim == RECENT_NEW) {
        uint32_t *head = chain_of(r, key);
        memcpy(slot->key, key, KEY_BYTES);
        slot->state = SLOT_CLAIMED;
        slot->next = *head;
        *head = (uint32_t)(slot - r->ring) + 1;
        r->count++;
    }
    pthread_mutex_unlock(&r->mutex);
    return claim;
}

void recent_ids_settle(struct recent_ids *r, struct str scope, struct str id, bool durable) {
    unsigned char key[KEY_BYTES];
    make_key(scope, id, key);
    pthread_mutex_lock(&r->mutex);
    struct slot *slot = find(r, key);
    if (slot != NULL && durable)
        slot->state = SLOT_KEPT;
    else if (slot != NULL)
        drop(r, slot);
    pthread_mutex_unlock(&r->mutex);
}

size_t recent_ids_count(struct recent_ids *r) {
    pthread_mutex_lock(&r->mutex);
    size_t count = r->count;
    pthread_mutex_unlock(&r->mutex);
    return count;
}

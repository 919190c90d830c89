#include "api/answers.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 4096 /* chains; a power of two */

struct answer {
    struct answer *next;          /* of its slot */
    struct answer *older, *newer; /* by last use */
    uint64_t hash, version;
    char *key;
    size_t key_len;
    char *text;
    size_t text_len;
};

struct answers {
    pthread_mutex_t mutex;
    struct answer *slots[SLOTS];
    struct answer *oldest, *newest;
    size_t max_bytes;
    struct answers_counts counts;
};

struct answers *answers_new(size_t max_bytes) {
    struct answers *a = xcalloc(1, sizeof *a);
    pthread_mutex_init(&a->mutex, NULL);
    a->max_bytes = max_bytes;
    return a;
}

static size_t bytes_of(const struct answer *e) { return sizeof *e + e->key_len + e->text_len; }

static void unlink_use(struct answers *a, struct answer *e) {
    *(e->older ? &e->older->newer : &a->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &a->newest) = e->older;
    e->older = e->newer = NULL;
}

static void use(struct answers *a, struct answer *e) {
    e->older = a->newest;
    *(a->newest ? &a->newest->newer : &a->oldest) = e;
    a->newest = e;
}

static void drop(struct answers *a, struct answer *e) {
    struct answer **link = &a->slots[e->hash % SLOTS];
    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    unlink_use(a, e);
    a->counts.entries--;
    a->counts.bytes -= bytes_of(e);
    free(e->key);
    free(e->text);
    free(e);
}

static struct answer *find(struct answers *a, struct str key, uint64_t hash) {
    for (struct answer *e = a->slots[hash % SLOTS]; e != NULL; e = e->next)
        if (e->hash == hash && str_eq(str_of(e->key, e->key_len), key))
            return e;
    return NULL;
}

bool answers_find(struct answers *a, struct str key, uint64_t version, struct buf *ret) {
    pthread_mutex_lock(&a->mutex);
    struct answer *e = find(a, key, str_hash(key));
    bool found = e != NULL && e->version == version;
    if (found) {
        buf_add(ret, e->text, e->text_len);
        unlink_use(a, e);
        use(a, e);
        a->counts.hits++;
    } else {
        a->counts.misses++;
    }
    pthread_mutex_unlock(&a->mutex);
    return found;
}

void answers_keep(struct answers *a, struct str key, uint64_t version, struct str text) {
    uint64_t hash = str_hash(key);
    pthread_mutex_lock(&a->mutex);
    struct answer *e = find(a, key, hash);
    if (e != NULL)
        drop(a, e);
    if (sizeof *e + key.len + text.len > a->max_bytes) { /* it would push everything out */
        pthread_mutex_unlock(&a->mutex);
        return;
    }
    e = xcalloc(1, sizeof *e);
    *e = (struct answer){.next = a->slots[hash % SLOTS],
                         .hash = hash,
                         .version = version,
                         .key = str_dup(key),
                         .key_len = key.len,
                         .text = str_dup(text),
                         .text_len = text.len};
    a->slots[hash % SLOTS] = e;
    use(a, e);
    a->counts.entries++;
    a->counts.bytes += bytes_of(e);
    while (a->counts.bytes > a->max_bytes) { /* the new one fits by itself */
        const struct answer *oldest = a->oldest;
        assert(oldest != NULL);
        drop(a, a->oldest);
        assert(a->oldest != oldest);
    }
    pthread_mutex_unlock(&a->mutex);
}

struct answers_counts answers_counts(struct answers *a) {
    pthread_mutex_lock(&a->mutex);
    struct answers_counts counts = a->counts;
    pthread_mutex_unlock(&a->mutex);
    return counts;
}

void answers_free(struct answers *a) {
    if (a == NULL)
        return;
    for (struct answer *e = a->oldest, *next; e != NULL; e = next) {
        next = e->newer;
        free(e->key);
        free(e->text);
        free(e);
    }
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

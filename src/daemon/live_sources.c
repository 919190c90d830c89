/* What became of the records of each source since the start. */
#include "daemon/live_internal.h"

#include <stdlib.h>

/* With the mutex. */
static struct live_source *find(struct live *l, struct str id) {
    for (size_t i = 0; i < l->sources.len; i++)
        if (str_is(id, l->sources.items[i].id))
            return &l->sources.items[i].counts;
    struct live_named_source fresh = {.id = str_dup(id)};
    vec_push(&l->sources, fresh);
    return &l->sources.items[l->sources.len - 1].counts;
}

static void take(void *arg, uint64_t bid, const char *source, const struct apply_counts *counts) {
    struct live *l = arg;
    enum dataset dataset = bid_dataset(bid);
    if (bid > l->counted[dataset] && dataset_kind(dataset) == RECORDS_LINES)
        apply_counts_add(&find(l, str_from(source))->lines, counts);
}

void live_count(struct live *l, struct apply *apply, enum dataset dataset) {
    uint64_t refined = apply_refined(apply);
    apply_each_source(apply, take, l);
    apply_forget_counts(apply);
    if (refined > l->counted[dataset])
        l->counted[dataset] = refined;
}

void live_sum_sources(const struct live *l, struct live_state *ret) {
    for (size_t i = 0; i < l->sources.len; i++) {
        const struct apply_counts *lines = &l->sources.items[i].counts.lines;
        ret->accepted += lines->accepted;
        for (size_t r = 0; r < REASON_COUNT; r++)
            *(reason_is_exclusion((enum reason)r) ? &ret->excluded : &ret->rejected) +=
                lines->rejected[r];
    }
}

void live_count_duplicates(struct live *l, struct str source, size_t n) {
    if (n == 0)
        return;
    pthread_mutex_lock(&l->mutex);
    find(l, source)->duplicates += n;
    pthread_mutex_unlock(&l->mutex);
}

struct live_source live_source(struct live *l, const char *id) {
    pthread_mutex_lock(&l->mutex);
    struct live_source counts = *find(l, str_from(id));
    pthread_mutex_unlock(&l->mutex);
    return counts;
}

void live_free_sources(struct live *l) {
    for (size_t i = 0; i < l->sources.len; i++)
        free(l->sources.items[i].id);
    vec_free(&l->sources);
}

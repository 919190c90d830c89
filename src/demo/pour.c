#include "demo/pour.h"

#include <stdlib.h>

#define BLOCK_BYTES ((size_t)1 << 20)

/* What the next block of a dataset will hold. */
struct basin {
    VEC(struct record) records;
    VEC(struct counters) counters; /* of the records, if that is what they are; else empty */
    struct buf bodies;
    int64_t until; /* seconds: all before is in blocks that were taken */
};

struct pour {
    struct demo *demo;
    pour_write_fn *write;
    void *arg;
    struct basin basins[DATASET_MAX + 1];
    bool begun; /* the generator stands where the basins are */
    uint64_t count;
};

const enum dataset pour_datasets[POUR_DATASETS] = {DATASET_LOGS, DATASET_WEB, DATASET_GITHUB};

struct pour *pour_new(struct demo *demo, pour_write_fn *write, void *arg) {
    struct pour *p = xcalloc(1, sizeof *p);
    p->demo = demo;
    p->write = write;
    p->arg = arg;
    return p;
}

void pour_free(struct pour *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(p->basins); i++) {
        vec_free(&p->basins[i].records);
        vec_free(&p->basins[i].counters);
        buf_release(&p->basins[i].bodies);
    }
    free(p);
}

void pour_set_until(struct pour *p, enum dataset dataset, int64_t seconds) {
    p->basins[dataset].until = seconds;
    p->begun = false;
}

static void empty(struct basin *b) {
    b->records.len = 0;
    b->counters.len = 0;
    buf_clear(&b->bodies);
}

/* `until`: no event behind it was seen yet, and all before were. It may be before what was there
 * already. */
static int write_block(struct pour *p, enum dataset dataset, int64_t until, struct err *err) {
    struct basin *b = &p->basins[dataset];
    const char *body = b->bodies.ptr; /* they may have moved while they grew */
    for (size_t i = 0; i < b->records.len; i++) {
        b->records.items[i].body.ptr = body;
        body += b->records.items[i].body.len;
        if (b->counters.len > 0)
            b->records.items[i].counters = &b->counters.items[i];
    }
    const struct record_batch batch = {b->records.items, b->records.len};
    int rc = batch.len > 0 ? p->write(p->arg, dataset, batch, err) : 0;
    if (rc == 0) {
        b->until = max_i64(b->until, until);
        p->count += b->counters.len > 0 ? 0 : batch.len;
        empty(b);
    }
    return rc;
}

static int take(void *arg, const struct demo_event *event, struct err *err) {
    struct pour *p = arg;
    struct basin *b = &p->basins[event->dataset];
    int64_t second = event->ts_ms / 1000;
    int rc = 0;
    if (second < b->until)
        return 0;
    size_t n = b->records.len;
    if (b->bodies.len + b->counters.len * sizeof(struct counters) >= BLOCK_BYTES &&
        second > b->records.items[n - 1].ts_ms / 1000)
        rc = write_block(p, event->dataset, second, err);
    if (rc != 0)
        return rc;
    const struct record record = {.ts_ms = event->ts_ms,
                                  .body = event->body,
                                  .type = event->type,
                                  .site = event->site,
                                  .source = STR(DEMO_SOURCE)};
    vec_push(&b->records, record);
    buf_add_str(&b->bodies, event->body);
    if (event->counters != NULL)
        vec_push(&b->counters, *event->counters);
    return 0;
}

int pour_run(struct pour *p, int64_t upto, struct err *err) {
    int64_t from = INT64_MAX;
    int rc = 0;
    for (size_t i = 0; i < POUR_DATASETS; i++)
        from = min_i64(from, p->basins[pour_datasets[i]].until);
    if (!p->begun)
        demo_begin(p->demo, from);
    p->begun = true;
    rc = demo_run(p->demo, upto, take, p, err);
    for (size_t i = 0; rc == 0 && i < POUR_DATASETS; i++)
        rc = write_block(p, pour_datasets[i], upto, err);
    if (rc == 0)
        return 0;
    for (size_t i = 0; i < POUR_DATASETS; i++)
        empty(&p->basins[pour_datasets[i]]);
    p->begun = false;
    return rc;
}

uint64_t pour_count(const struct pour *p) { return p->count; }

#include "store/apply.h"

#include "base/limits.h"
#include "store/applied.h"
#include "store/reconcile.h"
#include "store/schema.h"
#include <pthread.h>
#include <stdlib.h>

/* A batch may be sent early when the store is idle and at least so much is ready: the two cores
 * then work side by side from the start, at the price of a few more parts. */
#define EARLY_ROWS ((uint64_t)100000)

/* What became of the records that a block has of one source. */
struct block_counts {
    uint64_t bid;
    char *source;
    struct apply_counts counts;
};

struct apply {
    struct apply_env env;
    struct client *client; /* of the sender thread */
    struct lake_reader *reader;
    struct present present; /* what the store already has */
    struct batch batches[2];
    struct batch *filling;
    struct buf sql, structure, body; /* of an INSERT; of the sender thread */
    uint64_t refined;
    VEC(struct block_counts) blocks;
    uint64_t damaged;  /* blocks of the lake that could not be read */
    struct err damage; /* the first of them */

    pthread_t sender;
    bool sender_started;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct batch *sending; /* NULL: the sender is idle */
    bool stop;
    struct applied applied;
    struct err send_error; /* code 0: fine */
};

static int insert_month(struct apply *a, const struct month_rows *month, struct err *err) {
    buf_clear(&a->sql);
    buf_clear(&a->structure);
    buf_clear(&a->body);
    buf_printf(&a->sql, "INSERT INTO %s FORMAT Native", schema_defs[month->table].name);
    schema_structure(month->table, &a->structure);
    batch_encode(month, &a->body);
    return client_insert(a->client, buf_str(&a->sql), buf_str(&a->structure), buf_str(&a->body),
                         schema_insert_settings, schema_n_insert_settings, err);
}

/* Steps 1 to 3 of apply.h. Runs on the sender thread. */
static int send_batch(struct apply *a, const struct batch *b, struct err *err) {
    int rc = 0;
    if (a->env.before_insert != NULL)
        rc = a->env.before_insert(a->env.arg, b->touched.items, b->touched.len, err);
    for (size_t i = 0; rc == 0 && i < b->months.len; i++)
        if (b->months.items[i].n > 0)
            rc = insert_month(a, &b->months.items[i], err);
    if (a->env.after_insert != NULL && rc != ERR_AWAY)
        a->env.after_insert(a->env.arg);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&a->mutex);
    bool ahead = b->last_bid > a->applied.bid;
    if (ahead) {
        a->applied.bid = b->last_bid;
        for (size_t i = 0; i < b->months.len; i++)
            applied_add(&a->applied, b->months.items[i].month, (int64_t)b->months.items[i].n);
        /* rows found present on start count from here on */
        present_move_counts(&a->present, b->last_bid, &a->applied);
    }
    pthread_mutex_unlock(&a->mutex);
    return ahead ? applied_save(a->env.control, a->env.dataset, &a->applied, err) : 0;
}

static void *sender_main(void *arg) {
    struct apply *a = arg;
    pthread_mutex_lock(&a->mutex);
    for (;;) {
        while (a->sending == NULL && !a->stop)
            pthread_cond_wait(&a->changed, &a->mutex);
        if (a->sending == NULL)
            break;
        struct batch *b = a->sending;
        pthread_mutex_unlock(&a->mutex);
        struct err err = {0};
        int rc = send_batch(a, b, &err);
        batch_clear(b);
        pthread_mutex_lock(&a->mutex);
        if (rc != 0) {
            a->send_error = err;
            a->send_error.code = rc;
        }
        a->sending = NULL;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->mutex);
    return NULL;
}

/* Hand the filled batch to the sender; waits for the one in flight. */
static int hand_over(struct apply *a, struct err *err) {
    pthread_mutex_lock(&a->mutex);
    while (a->sending != NULL)
        pthread_cond_wait(&a->changed, &a->mutex);
    int rc = a->send_error.code;
    if (rc != 0 && err != NULL)
        *err = a->send_error;
    if (rc == 0 && a->filling->last_bid != 0) {
        a->sending = a->filling;
        a->filling = a->filling == &a->batches[0] ? &a->batches[1] : &a->batches[0];
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->mutex);
    return rc;
}

static bool sender_idle(struct apply *a) {
    pthread_mutex_lock(&a->mutex);
    bool idle = a->sending == NULL;
    pthread_mutex_unlock(&a->mutex);
    return idle;
}

/* Is what the block has of this month in the store already? */
static bool is_present(const struct apply *a, uint64_t bid, uint32_t month) {
    return present_any(&a->present) && present_has(&a->present, bid, month);
}

/* Where the records of a source in this block are counted. A block has few sources, so `at`, that
 * of the record before, is nearly always the same. */
static struct block_counts *counts_of(struct apply *a, struct block_counts *at, uint64_t bid,
                                      struct str source) {
    if (at != NULL && str_is(source, at->source))
        return at;
    for (size_t i = a->blocks.len; i > 0 && a->blocks.items[i - 1].bid == bid; i--)
        if (str_is(source, a->blocks.items[i - 1].source))
            return &a->blocks.items[i - 1];
    struct block_counts fresh = {.bid = bid, .source = str_dup(source)};
    vec_push(&a->blocks, fresh);
    return &a->blocks.items[a->blocks.len - 1];
}

/* Keeps the first n of them. */
static void cut_counts(struct apply *a, size_t n) {
    while (a->blocks.len > n)
        free(a->blocks.items[--a->blocks.len].source);
}

static void count_record(struct apply_counts *counts, const struct record *record) {
    counts->records++;
    counts->bytes += record->body.len;
    counts->last_ms = record->ts_ms;
}

static void take_line(struct apply *a, uint64_t bid, uint32_t place, const struct record *record,
                      struct apply_counts *counts) {
    uint64_t start, end;
    struct event event;
    struct batch *b = a->filling;
    enum reason reason = refine_record(a->env.refiner, record, &event);
    count_record(counts, record);
    if (reason != REASON_NONE) {
        counts->rejected[reason]++;
        if (!reason_is_exclusion(reason))
            counts->last_rejection = (struct apply_rejection){bid, place, reason, record->ts_ms};
        if (!is_present(a, bid, 0))
            batch_add_rejected(b, bid, place, record->site, reason, refiner_rules(a->env.refiner));
        return;
    }
    event.bid = bid;
    counts->accepted++;
    if (!present_any(&a->present) ||
        !present_has(&a->present, bid, month_of(event.ts, &start, &end)))
        batch_add_event(b, &event);
    else if (bid > a->present.applied) /* control data may be older than these rows */
        batch_touch(b, event.site, event.ts);
}

static void refine_lines(struct apply *a, const struct lake_block *block) {
    struct block_counts *at = NULL;
    refiner_begin_block(a->env.refiner);
    for (size_t i = 0; i < block->len; i++) {
        const struct record *record = &block->records[i];
        if (record_is_header(record)) {
            refine_header(a->env.refiner, record);
            continue;
        }
        at = counts_of(a, at, block->bid, record->source);
        take_line(a, block->bid, (uint32_t)i, record, &at->counts);
    }
    refiner_reset(a->env.refiner);
}

/* They are rows as they are. */
static void take_counters(struct apply *a, const struct lake_block *block) {
    uint64_t start, end;
    struct block_counts *at = NULL;
    for (size_t i = 0; i < block->len; i++) {
        uint32_t month = month_of(batch_counters_ts(&block->records[i]), &start, &end);
        at = counts_of(a, at, block->bid, block->records[i].source);
        count_record(&at->counts, &block->records[i]);
        if (!is_present(a, block->bid, month))
            batch_add_counters(a->filling, block->bid, &block->records[i]);
    }
}

static void take_block(struct apply *a, const struct lake_block *block) {
    struct batch *b = a->filling;
    if (dataset_kind(a->env.dataset) == RECORDS_COUNTERS)
        take_counters(a, block);
    else
        refine_lines(a, block);
    if (b->first_bid == 0)
        b->first_bid = block->bid;
    b->last_bid = block->bid;
    a->refined = block->bid;
}

int apply_run(struct apply *a, uint64_t upto, bool flush, struct err *err) {
    lake_reader_set_upto(a->reader, upto);
    struct lake_block block;
    int rc;
    while ((rc = lake_reader_next(a->reader, &block, err)) == 1 || rc == ERR_CORRUPT) {
        if (rc == ERR_CORRUPT) { /* set aside; the reader goes on behind it */
            if (a->damaged++ == 0 && err != NULL)
                a->damage = *err;
            continue;
        }
        /* whole blocks only: one that no longer fits begins the next batch */
        if (a->filling->rows > 0 && a->filling->rows + block.len > LIMIT_BATCH_ROWS) {
            rc = hand_over(a, err);
            if (rc != 0)
                return rc;
        }
        take_block(a, &block);
        const struct batch *b = a->filling;
        bool full = b->rows >= LIMIT_BATCH_ROWS - LIMIT_BATCH_ROWS / 10 ||
                    b->bytes >= LIMIT_BATCH_BYTES - LIMIT_BATCH_BYTES / 10;
        if (full || (b->rows >= EARLY_ROWS && sender_idle(a))) {
            rc = hand_over(a, err);
            if (rc != 0)
                return rc;
        }
    }
    if (rc != 0)
        return rc;
    if (flush) {
        rc = hand_over(a, err); /* the rest */
        if (rc == 0)
            rc = hand_over(a, err); /* waits for it: the new batch is empty */
        /* only when all of them were read again: what is counted now is what counts from here on */
        if (rc == 0 && present_redoing(&a->present) && upto >= a->applied.bid) {
            rc = present_redone(&a->present, a->client, a->env.dataset, &a->applied, err);
            if (rc == 0)
                rc = applied_save(a->env.control, a->env.dataset, &a->applied, err);
        }
    }
    return rc;
}

/* Compare with the store, and stand behind what is in it. */
static int start(struct apply *a, struct err *err) {
    int rc = client_new(a->env.socket_path, a->env.url, &a->client, err);
    if (rc == 0)
        rc = applied_load(a->env.control, a->env.dataset, &a->applied, err);
    if (rc == 0)
        rc = reconcile(a->client, a->env.dataset, &a->applied, a->env.before_drop, a->env.arg,
                       &a->present, err);
    if (rc == 0 && a->env.after_insert != NULL)
        a->env.after_insert(a->env.arg); /* whatever was on its way has been looked for */
    if (rc != 0)
        return rc;
    a->refined = present_redoing(&a->present) ? 0 : a->applied.bid;
    while (a->blocks.len > 0 && a->blocks.items[a->blocks.len - 1].bid > a->refined)
        cut_counts(a, a->blocks.len - 1); /* they will be refined, and counted, again */
    rc =
        lake_reader_open(a->env.lake_root, a->env.dataset, a->refined, a->refined, &a->reader, err);
    if (rc == 0) {
        a->stop = false;
        rc = pthread_create(&a->sender, NULL, sender_main, a) == 0
                 ? 0
                 : err_set(err, ERR_FAILED, "cannot start a thread");
        a->sender_started = rc == 0;
    }
    return rc;
}

/* Back to where start() can begin. */
static void stop(struct apply *a) {
    if (a->sender_started) {
        pthread_mutex_lock(&a->mutex);
        a->stop = true;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->mutex);
        pthread_join(a->sender, NULL);
        a->sender_started = false;
    }
    lake_reader_close(a->reader);
    a->reader = NULL;
    client_free(a->client);
    a->client = NULL;
    batch_clear(&a->batches[0]);
    batch_clear(&a->batches[1]);
    present_release(&a->present);
    a->present = (struct present){0};
    applied_release(&a->applied);
    a->applied = (struct applied){0};
    a->send_error = (struct err){0};
}

int apply_open(const struct apply_env *env, struct apply **ret, struct err *err) {
    struct apply *a = xcalloc(1, sizeof *a);
    a->env = *env;
    a->filling = &a->batches[0];
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    int rc = start(a, err);
    if (rc != 0) {
        apply_close(a);
        return rc;
    }
    *ret = a;
    return 0;
}

int apply_reopen(struct apply *a, struct err *err) {
    stop(a);
    return start(a, err);
}

void apply_set_refiner(struct apply *a, struct refiner *refiner) { a->env.refiner = refiner; }

void apply_close(struct apply *a) {
    if (a == NULL)
        return;
    stop(a);
    batch_release(&a->batches[0]);
    batch_release(&a->batches[1]);
    buf_release(&a->sql);
    buf_release(&a->structure);
    buf_release(&a->body);
    cut_counts(a, 0);
    vec_free(&a->blocks);
    pthread_mutex_destroy(&a->mutex);
    pthread_cond_destroy(&a->changed);
    free(a);
}

void apply_counts_add(struct apply_counts *to, const struct apply_counts *more) {
    to->records += more->records;
    to->accepted += more->accepted;
    for (size_t r = 0; r < REASON_COUNT; r++)
        to->rejected[r] += more->rejected[r];
    to->bytes += more->bytes;
    to->last_ms = max_i64(to->last_ms, more->last_ms);
    if (more->last_rejection.bid != 0)
        to->last_rejection = more->last_rejection;
}

struct apply_counts apply_counts(const struct apply *a, uint64_t first, uint64_t last) {
    struct apply_counts sum = {0};
    for (size_t i = 0; i < a->blocks.len; i++) {
        const struct block_counts *block = &a->blocks.items[i];
        if (block->bid >= first && block->bid <= last)
            apply_counts_add(&sum, &block->counts);
    }
    return sum;
}

void apply_each_source(const struct apply *a,
                       void (*see)(void *arg, uint64_t bid, const char *source,
                                   const struct apply_counts *counts),
                       void *arg) {
    for (size_t i = 0; i < a->blocks.len; i++)
        see(arg, a->blocks.items[i].bid, a->blocks.items[i].source, &a->blocks.items[i].counts);
}

void apply_forget_counts(struct apply *a) { cut_counts(a, 0); }

uint64_t apply_damaged(const struct apply *a, struct err *ret_first) {
    *ret_first = a->damage;
    return a->damaged;
}

uint64_t apply_refined(const struct apply *a) { return a->refined; }

uint64_t apply_applied(struct apply *a) {
    pthread_mutex_lock(&a->mutex);
    uint64_t bid = a->applied.bid;
    pthread_mutex_unlock(&a->mutex);
    return bid;
}

int apply_position(struct control *control, enum dataset dataset, uint64_t *ret_bid,
                   struct err *err) {
    struct applied applied;
    int rc = applied_load(control, dataset, &applied, err);
    *ret_bid = applied.bid;
    applied_release(&applied);
    return rc;
}

int apply_reset(struct control *control, struct err *err) { return applied_forget(control, err); }

/* Recent ids over restarts. The lake has them all: in the bodies of beacons, and in the positions
 * of records that were sent in. So that a start need not read much of it, the table is written to
 * DATA/recent-ids now and then, with the blocks up to which it is complete; only what is behind
 * them is read. Without that file (or with one of another lake) the last segments are.
 *
 *     "CASKIDS1", then for DATASET_LOGS and DATASET_WEB the block (8 bytes each, of this machine's
 *     order), the keys (16 bytes each, oldest first), BLAKE2b-128 of all before */
#include "api/internal.h"
#include "base/fs.h"
#include "base/log.h"
#include "source/beacon.h"
#include "source/ingest.h"
#include "source/recent_ids.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#define RECENT_IDS ((size_t)1000000)
#define MAGIC STR("CASKIDS1")
#define HASH_BYTES 16
#define LOOK_SECONDS 2
/* Of records: so much may have to be read from the lake. */
#define SAVE_BYTES ((uint64_t)64 << 20)
#define FILE_BYTES (RECENT_IDS * RECENT_KEY_BYTES + 256)

/* Segments that are read without the file. Of logs most have no ids. */
static const struct {
    enum dataset dataset;
    uint64_t segments;
} sources[] = {{DATASET_LOGS, 4}, {DATASET_WEB, 16}};
#define SOURCES ARRAY_LEN(sources)

struct recent_file {
    struct live *live;
    struct recent_ids *ids;
    char *path;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards stop */
    pthread_cond_t changed;
    bool stop;
};

/* --- the file --- */

static void hash_of(struct str bytes, unsigned char hash[HASH_BYTES]) {
    crypto_generichash(hash, HASH_BYTES, (const unsigned char *)bytes.ptr, bytes.len, NULL, 0);
}

/* Ids up to this block are settled: one thread settles those of a block before it makes the next
 * one durable. Before requests are taken, blocks have no ids but those that were read. */
static uint64_t settled_bid(struct recent_file *f, enum dataset dataset) {
    uint64_t durable = intake_durable(live_intake(f->live, dataset));
    return durable > 0 ? durable - 1 : 0;
}

static int save(struct recent_file *f, struct err *err) {
    struct buf out = {0};
    unsigned char hash[HASH_BYTES];
    buf_add_str(&out, MAGIC);
    for (size_t i = 0; i < SOURCES; i++) {
        /* before the keys: these may be newer, never older */
        uint64_t bid = settled_bid(f, sources[i].dataset);
        buf_add(&out, &bid, sizeof bid);
    }
    recent_ids_list(f->ids, &out);
    hash_of(buf_str(&out), hash);
    buf_add(&out, hash, sizeof hash);
    int rc = fs_replace_file(f->path, buf_str(&out), 0600, err);
    buf_release(&out);
    return rc;
}

/* Fills the table and ret_settled if the file is whole and of this lake, whose newest blocks are
 * `last`. */
static void load(struct recent_file *f, const uint64_t last[SOURCES],
                 uint64_t ret_settled[SOURCES]) {
    struct buf in = {0};
    uint64_t bids[SOURCES];
    unsigned char hash[HASH_BYTES];
    const size_t head = MAGIC.len + sizeof bids;
    bool good = fs_read_file(f->path, FILE_BYTES, &in, NULL) == 0 && in.len >= head + HASH_BYTES &&
                str_starts(buf_str(&in), MAGIC);
    if (good) {
        hash_of(str_of(in.ptr, in.len - HASH_BYTES), hash);
        good = memcmp(hash, in.ptr + in.len - HASH_BYTES, HASH_BYTES) == 0;
        memcpy(bids, in.ptr + MAGIC.len, sizeof bids);
    }
    for (size_t i = 0; good && i < SOURCES; i++)
        good = bids[i] <= last[i]; /* else the lake was put back to an older state */
    for (size_t at = head; good && at + RECENT_KEY_BYTES + HASH_BYTES <= in.len;
         at += RECENT_KEY_BYTES) {
        struct recent_key key;
        memcpy(key.bytes, in.ptr + at, sizeof key.bytes);
        recent_ids_keep(f->ids, key);
    }
    if (good)
        memcpy(ret_settled, bids, sizeof bids);
    buf_release(&in);
}

/* --- the lake --- */

static void take_record(struct recent_file *f, const struct record *record) {
    struct str id = str_is(record->type, "beacon") ? beacon_record_id(record->body) : STR("");
    if (id.len > 0)
        recent_ids_keep(f->ids, recent_key_of(record->site, id));
    struct recent_key key;
    size_t at = 0;
    while (record->position.len > 0 && ingest_position_key(record->position, &at, &key))
        recent_ids_keep(f->ids, key);
}

static int read_lake(struct recent_file *f, const char *root, size_t i, uint64_t after,
                     uint64_t last, struct err *err) {
    enum dataset dataset = sources[i].dataset;
    uint64_t segment = bid_segment(last);
    if (after == 0 && segment > sources[i].segments)
        after = bid_make(dataset, segment - sources[i].segments, 0);
    if (last == 0)
        return 0;
    struct lake_reader *reader = NULL;
    struct lake_block block;
    int rc = lake_reader_open(root, dataset, after, last, &reader, err);
    while (rc == 0) {
        int got = lake_reader_next(reader, &block, err);
        if (got == 0)
            break;
        for (size_t r = 0; got == 1 && r < block.len; r++)
            take_record(f, &block.records[r]);
        if (got < 0 && got != ERR_CORRUPT) /* a damaged block keeps its ids to itself */
            rc = got;
    }
    lake_reader_close(reader);
    return rc;
}

/* --- now and then --- */

static void save_or_say(struct recent_file *f) {
    struct err err = {0};
    if (save(f, &err) != 0)
        log_line(LOG_WARN, "recent_ids_not_saved", "error=\"%s\"", err.text);
}

static uint64_t bytes_taken(struct recent_file *f) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < SOURCES; i++)
        bytes += intake_counts(live_intake(f->live, sources[i].dataset)).bytes;
    return bytes;
}

/* What the start read is saved at once. */
static void *saver_main(void *arg) {
    struct recent_file *f = arg;
    pthread_mutex_lock(&f->mutex);
    while (!f->stop) {
        pthread_mutex_unlock(&f->mutex);
        uint64_t saved = bytes_taken(f);
        save_or_say(f);
        pthread_mutex_lock(&f->mutex);
        while (!f->stop && bytes_taken(f) - saved < SAVE_BYTES) {
            struct timespec end;
            clock_gettime(CLOCK_REALTIME, &end);
            end.tv_sec += LOOK_SECONDS;
            (void)pthread_cond_timedwait(&f->changed, &f->mutex, &end);
        }
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

int recent_open(struct live *live, struct recent_file **ret, struct recent_ids **ret_ids,
                struct err *err) {
    const struct instance *in = live_instance(live);
    struct recent_file *f = xcalloc(1, sizeof *f);
    struct buf path = {0};
    uint64_t last[SOURCES], after[SOURCES] = {0};
    f->live = live;
    buf_printf(&path, "%s/recent-ids", in->data_dir);
    f->path = str_dup(buf_str(&path));
    buf_release(&path);
    f->ids = recent_ids_new(RECENT_IDS);
    for (size_t i = 0; i < SOURCES; i++)
        last[i] = intake_durable(live_intake(live, sources[i].dataset));
    load(f, last, after);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SOURCES; i++)
        rc = read_lake(f, in->lake_root, i, after[i], last[i], err);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    if (rc == 0 && pthread_create(&f->thread, NULL, saver_main, f) != 0)
        rc = err_set(err, ERR_FAILED, "cannot start a thread");
    if (rc != 0) {
        recent_ids_free(f->ids);
        free(f->path);
        free(f);
        return rc;
    }
    *ret = f;
    *ret_ids = f->ids;
    return 0;
}

void recent_close(struct recent_file *f) {
    if (f == NULL)
        return;
    pthread_mutex_lock(&f->mutex);
    f->stop = true;
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->mutex);
    pthread_join(f->thread, NULL);
    save_or_say(f);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    recent_ids_free(f->ids);
    free(f->path);
    free(f);
}

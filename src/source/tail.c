#include "source/tail_internal.h"

#include <stdlib.h>

#define PUBLISH_SECONDS 0.2
#define LOOK_SHARE 20.0 /* a look that takes long is not made more often than that */

struct tail *tail_new(const struct tail_options *options, struct tail_index *index) {
    struct tail *t = xcalloc(1, sizeof *t);
    t->options = *options;
    t->next_id = 1;
    pthread_mutex_init(&t->mutex, NULL);
    for (size_t i = 0; i < TAIL_BLOCKS; i++)
        t->slots[i].tail = t;
    for (size_t i = 0; i < index->files.len; i++) {
        struct tail_file *f = xcalloc(1, sizeof *f);
        f->at = index->files.items[i];
        if (f->at.id >= t->next_id)
            t->next_id = f->at.id + 1;
        vec_push(&t->files, f);
    }
    for (size_t i = 0; i < index->origins.len; i++)
        vec_push(&t->origins, index->origins.items[i]);
    vec_free(&index->files);
    vec_free(&index->origins);
    return t;
}

static void free_follow(struct tail_follow *s) {
    free(s->id);
    free(s->path);
    free(s->site);
    free(s->format);
    tail_forget_seen(s);
    vec_free(&s->seen);
    free(s);
}

void tail_free(struct tail *t) {
    if (t == NULL)
        return;
    struct tail_index rest = {.origins.items = t->origins.items, .origins.len = t->origins.len};
    for (size_t i = 0; i < TAIL_BLOCKS; i++) {
        free(t->slots[i].bytes);
        vec_free(&t->slots[i].records);
        arena_release(&t->slots[i].names);
        buf_release(&t->slots[i].position);
        buf_release(&t->slots[i].header);
    }
    for (size_t i = 0; i < t->files.len; i++)
        tail_free_file(t->files.items[i]);
    for (size_t i = 0; i < t->sources.len; i++)
        free_follow(t->sources.items[i]);
    vec_free(&t->files);
    vec_free(&t->sources);
    tail_index_release(&rest);
    tail_status_release(&t->status);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

/* --- blocks --- */

static struct tail_slot *free_slot(struct tail *t) {
    for (size_t i = 0; i < TAIL_BLOCKS; i++)
        if (t->slots[i].file == NULL) {
            if (t->slots[i].bytes == NULL)
                t->slots[i].bytes = xmalloc(TAIL_READ_BYTES);
            return &t->slots[i];
        }
    return NULL;
}

static void give_back(struct tail_slot *slot) {
    if (slot->file != NULL)
        slot->file->slot = NULL;
    slot->file = NULL;
    slot->records.len = 0;
    arena_reset(&slot->names);
}

/* What was cut is taken: the file goes on behind it. */
static void take_over(struct tail_file *f, const struct tail_slot *slot) {
    f->at.offset = slot->next.offset;
    f->at.lines = slot->next.lines;
    f->at.open = slot->next.open;
    f->at.head_at = slot->next.head_at;
    f->head = slot->head;
    f->end = slot->end;
    tail_position_set_head(&f->at, str_of(f->head.bytes, f->head.len));
    f->at.end = tail_mark_of(str_of(f->end.bytes, f->end.len));
}

static void submit(struct tail_slot *slot) {
    struct tail *t = slot->tail;
    pthread_mutex_lock(&t->mutex);
    slot->flying = true;
    slot->done = false;
    pthread_mutex_unlock(&t->mutex);
    t->options.submit(t->options.arg, &slot->block);
}

/* The position goes into the last record: data and position cannot disagree. */
static void close_block(struct tail_slot *slot) {
    struct tail_position *next = &slot->next;
    buf_clear(&slot->header);
    format_header(slot->file->format, &slot->header);
    next->header = (char *)(uintptr_t)buf_cstr(&slot->header);
    tail_position_set_head(next, str_of(slot->head.bytes, slot->head.len));
    next->end = tail_mark_of(str_of(slot->end.bytes, slot->end.len));
    buf_clear(&slot->position);
    tail_position_to_json(next, &slot->position);
    slot->records.items[slot->records.len - 1].position = buf_str(&slot->position);
    slot->block = (struct tail_block){slot->records.items, slot->records.len};
}

void tail_done(struct tail_block *block, int rc, uint64_t bid) {
    struct tail_slot *slot = (struct tail_slot *)block;
    pthread_mutex_lock(&slot->tail->mutex);
    slot->done = true;
    slot->rc = rc;
    slot->bid = bid;
    pthread_mutex_unlock(&slot->tail->mutex);
}

size_t tail_in_flight(struct tail *t) {
    size_t n = 0;
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < TAIL_BLOCKS; i++)
        n += t->slots[i].flying && !t->slots[i].done;
    pthread_mutex_unlock(&t->mutex);
    return n;
}

static void finish_block(struct tail_slot *slot, double now) {
    struct tail_file *f = slot->file;
    slot->flying = slot->done = false;
    if (slot->rc != 0) { /* nothing of it is in the lake: it waits, and is tried again as it is */
        err_set(&f->error, slot->rc,
                slot->rc == ERR_NOSPACE ? "no space left for the lake"
                                        : "the lake did not take the lines");
        f->retry = now + TAIL_PAUSE_SECONDS;
        return;
    }
    f->error = (struct err){0};
    slot->source->lines += slot->next.lines - f->at.lines;
    take_over(f, slot);
    f->at.bid = slot->bid;
    free(f->at.header);
    f->at.header = str_dup(buf_str(&slot->header));
    slot->tail->version++;
    give_back(slot);
}

void tail_collect(struct tail *t, double now) {
    for (size_t i = 0; i < TAIL_BLOCKS; i++) {
        struct tail_slot *slot = &t->slots[i];
        pthread_mutex_lock(&t->mutex);
        bool done = slot->flying && slot->done;
        pthread_mutex_unlock(&t->mutex);
        if (done)
            finish_block(slot, now);
    }
}

/* Blocks that the lake did not take. Only this thread makes a block fly or land. */
static void submit_again(struct tail *t, double now) {
    for (size_t i = 0; i < TAIL_BLOCKS; i++) {
        struct tail_slot *slot = &t->slots[i];
        if (!slot->flying && slot->file != NULL && now >= slot->file->retry)
            submit(slot);
    }
}

/* --- reading --- */

static struct tail_follow *source_of(struct tail *t, const struct tail_file *f) {
    for (size_t i = 0; i < t->sources.len; i++)
        if (strcmp(t->sources.items[i]->id, f->at.source) == 0)
            return t->sources.items[i];
    return NULL;
}

/* Nothing came for long since it was rotated away. */
static bool is_finishing(const struct tail *t, const struct tail_file *f, double now) {
    return f->state != TAIL_LOG && f->idle && now - f->changed >= t->options.finish_seconds;
}

/* Is there nothing at this offset of a packed file? Not even damage. */
static bool is_end(struct tail_bytes *bytes, uint64_t at, struct err *err) {
    char byte;
    size_t n = 0;
    return tail_bytes_read(bytes, at, &byte, 1, &n, err) == 0 && n == 0;
}

static void set_aside(struct tail_follow *source, struct tail_file *f) {
    if (f->state == TAIL_LOST) /* a copy may take its place */
        tail_forget_seen(source);
    else
        f->state = TAIL_READ;
    tail_close_file(f);
}

struct reading {
    struct tail *t;
    struct tail_follow *source;
    struct tail_file *f;
    struct tail_slot *slot;
    bool final;        /* nothing will follow what is there now */
    bool more;         /* there is more to do at once */
    struct err damage; /* of a packed file, behind these bytes; code 0: none */
};

/* Read behind the offset. The bytes before it are read along: in one call, so that they say whether
 * this still is the same file. *ret_end: there is no more. */
static int read_bytes(struct reading *r, struct str *ret, bool *ret_end, struct err *err) {
    struct tail_file *f = r->f;
    size_t before = f->end.len, len = 0;
    uint64_t from = f->at.offset - before;
    int rc = tail_bytes_read(f->bytes, from, r->slot->bytes, TAIL_READ_BYTES, &len, err);
    if (rc != 0)
        return rc;
    if (len < before || memcmp(r->slot->bytes, f->end.bytes, before) != 0)
        return err_set(err, ERR_NOTFOUND, "it was cut and filled again");
    *ret = str_of(r->slot->bytes + before, len - before);
    *ret_end = len < TAIL_READ_BYTES;
    if (*ret_end && tail_bytes_packed(f->bytes)) {
        r->final = is_end(f->bytes, from + len, &r->damage);
        if (!r->final && ret->len == 0) {
            *err = r->damage;
            return err->code;
        }
    }
    return 0;
}

/* A writer that goes on at its old place after copytruncate leaves a hole before it. */
static bool pass_hole(struct reading *r, struct str bytes) {
    struct tail_file *f = r->f;
    if (bytes.len == 0 || bytes.ptr[0] != '\0' || f->at.open)
        return false;
    uint64_t to = tail_bytes_skip_hole(f->bytes, f->at.offset);
    if (to <= f->at.offset)
        return false;
    tail_cut_hole(r->slot, to - f->at.offset);
    take_over(f, r->slot);
    return true;
}

/* Of the newest file that had the same name. */
static const char *format_before(const struct tail *t, const struct tail_file *f) {
    for (size_t i = t->files.len; i-- > 0;) {
        const struct tail_position *at = &t->files.items[i]->at;
        if (*at->format != '\0' && strcmp(at->source, f->at.source) == 0 &&
            strcmp(at->path, f->at.path) == 0)
            return at->format;
    }
    return "";
}

/* Cut what is there into a block. */
static int fill(struct reading *r, struct err *err) {
    struct tail_file *f = r->f;
    struct tail_slot *slot = r->slot;
    struct str bytes;
    bool end = false, full = false;
    int rc = read_bytes(r, &bytes, &end, err);
    if (rc != 0)
        return rc;
    slot->source = r->source;
    slot->next = f->at;
    slot->head = f->head;
    slot->end = f->end;
    if (pass_hole(r, bytes)) {
        r->more = true;
        return 0;
    }
    if (f->format == NULL && bytes.len > 0) {
        rc = tail_decide_format(r->source, f, bytes, r->final || !end, format_before(r->t, f), err);
        if (rc <= 0) {
            f->idle = rc == 0;
            return rc;
        }
        slot->next = f->at;
    }
    if (bytes.len == 0) {
        f->idle = true;
        return 0;
    }
    slot->file = f;
    f->slot = slot;
    tail_cut(slot, bytes, r->final, &full);
    r->more = !end || full;
    if (slot->records.len > 0) {
        close_block(slot);
        submit(slot);
        return 0;
    }
    bool moved = slot->next.offset > f->at.offset;
    take_over(f, slot);
    give_back(slot);
    f->idle = !moved && !r->more;
    r->more = r->more || moved;
    if (f->idle && r->damage.code != 0) { /* the rest is a line that it cuts */
        *err = r->damage;
        return err->code;
    }
    return 0;
}

/* Is there anything to read? Also notices that the file was cut. */
static bool has_news(struct reading *r, double now, struct err *err) {
    struct tail_file *f = r->f;
    struct stat st;
    if (tail_bytes_stat(f->bytes, &st, err) != 0)
        return false;
    uint64_t size = (uint64_t)st.st_size;
    int64_t mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
    if (size != f->size || mtime != f->mtime) {
        f->idle = false;
        f->changed = now;
    }
    f->size = size;
    f->mtime = mtime;
    if (!tail_bytes_packed(f->bytes) && size < f->at.offset) {
        err_set(err, ERR_NOTFOUND, "it was cut");
        return false;
    }
    r->final = is_finishing(r->t, f, now);
    return !f->idle || r->final;
}

static void read_file(struct reading *r, double now) {
    struct tail_file *f = r->f;
    struct err err = {0};
    if (f->bytes == NULL || f->slot != NULL || now < f->retry)
        return;
    bool packed = tail_bytes_packed(f->bytes);
    bool news = has_news(r, now, &err);
    if (news) {
        r->slot = free_slot(r->t);
        if (r->slot == NULL) {
            r->more = true;
            return;
        }
        if (fill(r, &err) == 0)
            err.code = 0;
    }
    if (err.code == ERR_NOTFOUND && !packed) {
        tail_lose(r->t, r->source, f, now);
        r->more = true;
    } else if (err.code != 0 && packed) { /* until it changes */
        f->error = err;
        set_aside(r->source, f);
    } else if (err.code != 0) {
        f->error = err;
        f->retry = now + TAIL_PAUSE_SECONDS;
    } else if (f->slot == NULL && news && r->final && !r->more) {
        set_aside(r->source, f); /* all of it is durable */
    }
}

/* --- steps --- */

void tail_look(struct tail *t) { t->look_at = 0; }

static void look(struct tail *t, double now) {
    double begin = clock_monotonic_seconds();
    for (size_t i = 0; i < t->sources.len; i++)
        tail_find(t, t->sources.items[i], now);
    double took = clock_monotonic_seconds() - begin;
    t->look_at =
        now + (took * LOOK_SHARE > TAIL_LOOK_SECONDS ? took * LOOK_SHARE : TAIL_LOOK_SECONDS);
}

double tail_step(struct tail *t, double now) {
    bool more = false;
    tail_collect(t, now);
    submit_again(t, now);
    if (now >= t->look_at)
        look(t, now);
    size_t n = t->files.len, first = t->turn;
    for (size_t i = 0; i < n; i++) {
        struct reading r = {.t = t, .f = t->files.items[(first + i) % n]};
        r.source = source_of(t, r.f);
        if (r.source == NULL)
            continue;
        read_file(&r, now);
        if (r.slot != NULL && r.f->slot != NULL)
            t->turn = (first + i + 1) % n; /* who got a block last is last next time */
        more = more || (r.more && free_slot(t) != NULL && r.f->slot == NULL);
    }
    if (now - t->published >= PUBLISH_SECONDS || t->published == 0) {
        tail_publish(t);
        t->published = now;
    }
    if (more)
        return 0;
    return t->look_at > now ? t->look_at - now : 0;
}

/* --- sources --- */

static void set_string(char **to, const char *value) {
    free(*to);
    *to = xstrdup(value);
}

static void close_files(struct tail *t, const char *source, bool drop) {
    for (size_t i = 0; i < t->files.len; i++) {
        struct tail_file *f = t->files.items[i];
        if (strcmp(f->at.source, source) != 0)
            continue;
        if (f->slot != NULL && drop)
            give_back(f->slot);
        if (f->slot == NULL) {
            tail_close_file(f);
            f->state = TAIL_LOST;
        }
    }
}

static int64_t since(struct tail *t, const char *source, const char *path) {
    struct tail_index index = {.origins.items = t->origins.items,
                               .origins.len = t->origins.len,
                               .origins.cap = t->origins.cap};
    int64_t ms = tail_index_since(&index, source, path, clock_now_ms(t->options.clock));
    t->origins.items = index.origins.items;
    t->origins.len = index.origins.len;
    t->origins.cap = index.origins.cap;
    return ms;
}

static void set_source(struct tail *t, struct tail_follow *f, const struct tail_source *s) {
    bool other =
        f->path != NULL && (strcmp(f->path, s->path) != 0 || strcmp(f->format, s->format) != 0);
    set_string(&f->id, s->id);
    set_string(&f->path, s->path);
    set_string(&f->site, s->site);
    set_string(&f->format, s->format);
    f->site_by_lines = s->site_by_lines;
    f->since_ms = since(t, s->id, s->path);
    tail_forget_seen(f);
    if (other)
        close_files(t, s->id, false); /* they are found again, if they are still meant */
}

void tail_set_sources(struct tail *t, const struct tail_source *sources, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < t->sources.len; i++) {
        struct tail_follow *f = t->sources.items[i];
        const struct tail_source *s = NULL;
        for (size_t j = 0; j < n && s == NULL; j++)
            s = strcmp(sources[j].id, f->id) == 0 ? &sources[j] : NULL;
        if (s == NULL) {
            close_files(t, f->id, true);
            free_follow(f);
        } else {
            t->sources.items[kept++] = f;
        }
    }
    t->sources.len = kept;
    for (size_t j = 0; j < n; j++) {
        struct tail_follow *f = NULL;
        for (size_t i = 0; i < kept && f == NULL; i++)
            f = strcmp(t->sources.items[i]->id, sources[j].id) == 0 ? t->sources.items[i] : NULL;
        if (f == NULL) {
            f = xcalloc(1, sizeof *f);
            vec_push(&t->sources, f);
        }
        set_source(t, f, &sources[j]);
    }
    t->version++;
    tail_look(t);
}

/* --- the index --- */

uint64_t tail_index_version(const struct tail *t) { return t->version; }

void tail_index_document(const struct tail *t, uint64_t bid, struct buf *out) {
    struct tail_index index = {
        .origins.items = t->origins.items, .origins.len = t->origins.len, .bid = bid};
    for (size_t i = 0; i < t->files.len; i++)
        if (t->files.items[i]->at.bid != 0)
            vec_push(&index.files, t->files.items[i]->at);
    tail_index_to_json(&index, out);
    vec_free(&index.files);
}

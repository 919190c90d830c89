/* Which file is which: the log's name, its rotated, copied and packed kin, and what is known.
 *
 * A file that is open stays what it is, whatever it is called by now. One that is known but not
 * open is looked for by device and inode first, and by content otherwise; in both cases its content
 * decides. What is left is new when it is the log itself, or when it has a rotated name and was
 * written to after the log began to be followed: it came and went between two looks. */
#include "source/tail_internal.h"

#include <fnmatch.h>
#include <stdlib.h>

#define CLOCK_MS 20           /* times of files lag behind the clock */
#define UNFINISHED_MS 60000   /* a packed file that is damaged may still be written so long */
#define REWRITE_SECONDS 300.0 /* a file may be written anew from its beginning so long */

bool tail_is_of(const struct tail_file *f, const struct tail_follow *source) {
    return strcmp(f->at.source, source->id) == 0;
}

/* --- what is not followed --- */

static struct tail_seen *find_seen(const struct tail_follow *source, const struct tail_sight *s) {
    for (size_t i = 0; i < source->seen.len; i++)
        if (source->seen.items[i]->inode == s->inode && source->seen.items[i]->device == s->device)
            return source->seen.items[i];
    return NULL;
}

static const struct tail_seen *was_seen(const struct tail_follow *source,
                                        const struct tail_sight *s) {
    const struct tail_seen *seen = find_seen(source, s);
    return seen != NULL && seen->size == s->size && seen->mtime == s->mtime ? seen : NULL;
}

static void set_seen(struct tail_follow *source, const struct tail_sight *s, uint64_t copy_of,
                     const struct err *problem) {
    struct tail_seen *seen = find_seen(source, s);
    if (seen == NULL) {
        seen = xmalloc(sizeof *seen);
        vec_push(&source->seen, seen);
    }
    *seen = (struct tail_seen){s->device, s->inode, s->size, s->mtime, copy_of, *problem};
}

void tail_forget_seen(struct tail_follow *source) {
    for (size_t i = 0; i < source->seen.len; i++)
        free(source->seen.items[i]);
    source->seen.len = 0;
}

/* Of files that are gone. */
static void forget_unseen(struct tail_view *l) {
    struct tail_follow *source = l->source;
    size_t kept = 0;
    for (size_t i = 0; i < source->seen.len; i++) {
        bool there = false;
        for (size_t j = 0; j < l->sights.len && !there; j++)
            there = l->sights.items[j].inode == source->seen.items[i]->inode &&
                    l->sights.items[j].device == source->seen.items[i]->device;
        if (there)
            source->seen.items[kept++] = source->seen.items[i];
        else
            free(source->seen.items[i]);
    }
    source->seen.len = kept;
}

/* --- what it is --- */

static void place(struct tail_file *f, struct tail_sight *s, enum tail_state state) {
    s->taken = true;
    f->state = state;
    f->at.device = s->device;
    f->at.inode = s->inode;
    if (f->location == NULL || strcmp(f->location, s->path) != 0) {
        free(f->location);
        f->location = xstrdup(s->path);
    }
}

static enum tail_state open_state(const struct tail_sight *s) {
    return s->kin == KIN_NONE ? TAIL_LOG : TAIL_ROTATED;
}

static void place_read(struct tail_file *f, struct tail_sight *s) {
    place(f, s, TAIL_READ);
    f->size = s->size;
    f->mtime = s->mtime;
}

/* The file is this one: stand where it goes on. Takes over the candidate's bytes. */
static int bind(struct tail_view *l, struct tail_file *f, struct tail_sight *s,
                struct tail_candidate *c, struct err *err) {
    tail_close_file(f);
    int rc =
        tail_bytes_read(c->bytes, f->at.head_at, f->head.bytes, f->at.head.len, &f->head.len, err);
    if (rc == 0)
        rc = tail_bytes_read(c->bytes, f->at.offset - f->at.end.len, f->end.bytes, f->at.end.len,
                             &f->end.len, err);
    if (rc == 0)
        rc = tail_reopen_format(l->source, f, err);
    if (rc != 0)
        return rc;
    if (strcmp(f->at.pattern, l->source->path) != 0) { /* the configuration changed */
        free(f->at.pattern);
        free(f->at.path);
        f->at.pattern = xstrdup(l->source->path);
        f->at.path = xstrdup(s->log);
    }
    place(f, s, open_state(s));
    f->bytes = c->bytes;
    c->bytes = NULL;
    f->idle = false;
    f->changed = l->now;
    f->retry = 0;
    f->error = (struct err){0};
    l->t->version++;
    tail_forget_seen(l->source);
    return 0;
}

static struct tail_file *begin(struct tail_view *l, const struct tail_sight *s) {
    struct tail *t = l->t;
    struct tail_file *f = xcalloc(1, sizeof *f);
    f->at = (struct tail_position){.id = t->next_id++,
                                   .source = xstrdup(l->source->id),
                                   .pattern = xstrdup(l->source->path),
                                   .since_ms = l->source->since_ms,
                                   .path = xstrdup(s->log),
                                   .format = xstrdup(""),
                                   .header = xstrdup("")};
    vec_push(&t->files, f);
    return f;
}

/* What a candidate is to the files that are known. */
struct kinship {
    struct tail_file *f; /* it is this one; NULL: none */
    bool end;            /* and nothing is behind what was taken */
    uint64_t copy_of;    /* it has the bytes of this one, which is elsewhere or longer; 0: none */
    bool open;           /* that is not settled yet: look again */
};

/* A log goes on with what is known of another name: it was rotated, or a copy is there as well.
 * Other names only with what is nowhere. */
static bool is_free(const struct tail_file *f, const struct tail_sight *s) {
    return s->kin == KIN_NONE ? f->state != TAIL_LOG : f->state == TAIL_LOST;
}

/* May the candidate become this file later? While a block of it is on its way, it is not known how
 * much was taken. And a log that was cut may be written again with what it had before (cp, scp): it
 * is what it was, or longer, in the end. */
static bool may_become(const struct tail_view *l, const struct tail_file *f,
                       const struct tail_sight *s, const struct tail_candidate *c,
                       enum tail_match m) {
    bool same_log = s->kin == KIN_NONE && (strcmp(f->at.path, s->log) == 0 ||
                                           (f->at.inode == s->inode && f->at.device == s->device));
    if (!is_free(f, s) || (m == MATCH_NOT && !(same_log && c->n == 0)))
        return false;
    if (f->slot != NULL)
        return m != MATCH_NOT || f->state == TAIL_LOST;
    return same_log && m != MATCH_SAME && f->state == TAIL_LOST &&
           l->now - f->changed < REWRITE_SECONDS;
}

static int find_known(const struct tail_view *l, const struct tail_sight *s,
                      struct tail_candidate *c, struct kinship *ret, struct err *err) {
    *ret = (struct kinship){0};
    for (size_t i = 0; i < l->t->files.len; i++) {
        struct tail_file *f = l->t->files.items[i];
        enum tail_match m;
        bool end = false;
        if (!tail_is_of(f, l->source) || (ret->f != NULL && f->at.offset < ret->f->at.offset))
            continue; /* of several that match, the one that was read furthest */
        int rc = tail_match(f, c, &m, &end, err);
        if (rc != 0)
            return rc;
        if (m == MATCH_SAME && is_free(f, s) && f->slot == NULL &&
            (f->bytes == NULL || s->kin == KIN_NONE)) {
            ret->f = f;
            ret->end = end;
        } else if (m != MATCH_NOT) {
            ret->copy_of = f->at.id;
            ret->open = ret->open || f->at.offset == 0; /* it may become another one unseen */
        }
        ret->open = ret->open || may_become(l, f, s, c, m);
    }
    return 0;
}

/* While the first block of a file is on its way, nothing can be told to be no copy of it. */
static bool is_too_early(const struct tail_view *l) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        const struct tail_file *f = l->t->files.items[i];
        if (f->slot != NULL && f->at.bid == 0 && tail_is_of(f, l->source))
            return true;
    }
    return false;
}

/* Since when the log is followed: maybe by another pattern at first, and maybe nothing of it is
 * durable yet. */
static int64_t since_of(const struct tail_view *l, const char *log) {
    const struct tail *t = l->t;
    int64_t since_ms = l->source->since_ms;
    for (size_t i = 0; i < t->origins.len; i++) {
        const struct tail_origin *o = &t->origins.items[i];
        if (strcmp(o->source, l->source->id) == 0 && fnmatch(o->pattern, log, FNM_PATHNAME) == 0)
            since_ms = min_i64(since_ms, o->since_ms);
    }
    for (size_t i = 0; i < t->files.len; i++) { /* a pattern of braces, or of a link */
        const struct tail_file *f = t->files.items[i];
        if (tail_is_of(f, l->source) && strcmp(f->at.path, log) == 0)
            since_ms = min_i64(since_ms, f->at.since_ms);
    }
    return since_ms;
}

static bool is_new(const struct tail_view *l, const struct tail_sight *s,
                   const struct tail_candidate *c, struct err *err) {
    static const char *const packings[] = {".gz", ".bz2", ".zst"};
    if (s->kin == KIN_NONE)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(packings); i++) { /* not even begun */
        size_t n = strlen(s->path), m = strlen(packings[i]);
        if (n > m && strcmp(s->path + n - m, packings[i]) == 0 && !tail_bytes_packed(c->bytes))
            return false;
    }
    return s->kin == KIN_ROTATED && s->size > 0 &&
           (s->wanted || s->mtime / 1000000 >= since_of(l, s->log) - CLOCK_MS) &&
           !tail_is_copy(l->t, l->source, c, err);
}

/* What is this file, which nobody has open? *ret_later: that cannot be told yet. */
static int settle(struct tail_view *l, struct tail_sight *s, bool take_new, bool *ret_later,
                  uint64_t *ret_copy_of, struct err *err) {
    struct tail_candidate c;
    struct kinship is;
    int rc = tail_candidate_open(s->path, &c, err);
    if (rc != 0)
        return rc;
    rc = find_known(l, s, &c, &is, err);
    *ret_copy_of = is.copy_of;
    bool log = s->kin == KIN_NONE, unknown = rc == 0 && is.f == NULL && (log || is.copy_of == 0);
    *ret_later =
        rc == 0 && is.f == NULL && (is.open || (unknown && !log && (!take_new || is_too_early(l))));
    if (unknown && !*ret_later && is_new(l, s, &c, err)) {
        rc = tail_bytes_check(c.bytes, err);
        is.f = rc == 0 ? begin(l, s) : NULL;
    }
    if (rc == 0 && is.f != NULL && is.end) {
        tail_close_file(is.f);
        place_read(is.f, s);
    } else if (rc == 0 && is.f != NULL) {
        rc = bind(l, is.f, s, &c, err);
    }
    tail_candidate_close(&c);
    return rc;
}

static struct tail_sight *sight_of(const struct tail_view *l, const struct tail_file *f) {
    for (size_t i = 0; i < l->sights.len; i++) {
        struct tail_sight *s = &l->sights.items[i];
        if (!s->taken && s->inode == f->at.inode && s->device == f->at.device)
            return s;
    }
    return NULL;
}

/* Files that are open, and those that were read to their end and did not change. */
static void find_unchanged(struct tail_view *l) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        struct tail_file *f = l->t->files.items[i];
        if (!tail_is_of(f, l->source))
            continue;
        bool was_log = f->state == TAIL_LOG, read = f->state == TAIL_READ;
        struct tail_sight *s = f->bytes != NULL || read ? sight_of(l, f) : NULL;
        f->state = TAIL_LOST;
        f->copied = false;
        if (s != NULL && !read)
            place(f, s, open_state(s));
        else if (s != NULL && s->size == f->size && s->mtime == f->mtime)
            place(f, s, TAIL_READ);
        if ((was_log && f->state != TAIL_LOG) || f->changed == 0)
            f->changed = l->now; /* its writer has not heard of it yet */
    }
}

/* By inode, where the content agrees: so that of equal beginnings the right ones are told apart. */
static void find_by_inode(struct tail_view *l) {
    for (size_t i = l->t->files.len; i-- > 0;) {
        struct tail_file *f = l->t->files.items[i];
        struct tail_sight *s = tail_is_of(f, l->source) && f->bytes == NULL && f->state == TAIL_LOST
                                   ? sight_of(l, f)
                                   : NULL;
        if (s == NULL || was_seen(l->source, s) != NULL)
            continue;
        struct tail_candidate c = {0};
        struct err err = {0};
        enum tail_match m = MATCH_NOT;
        bool end = false;
        int rc = tail_candidate_open(s->path, &c, &err);
        if (rc == 0)
            rc = tail_match(f, &c, &m, &end, &err);
        if (rc == 0 && m == MATCH_SAME && end)
            place_read(f, s);
        else if (rc == 0 && m == MATCH_SAME)
            rc = bind(l, f, s, &c, &err);
        if (rc != 0 && rc != ERR_CORRUPT && rc != ERR_NOTFOUND)
            l->source->error = err;
        tail_candidate_close(&c);
    }
}

static void mark_copied(const struct tail_view *l, uint64_t id) {
    for (size_t i = 0; id != 0 && i < l->t->files.len; i++)
        if (l->t->files.items[i]->at.id == id)
            l->t->files.items[i]->copied = true;
}

static void find_place(struct tail_view *l, struct tail_sight *s, bool take_new) {
    struct err err = {0};
    const struct tail_seen *seen = was_seen(l->source, s);
    uint64_t copy_of = 0;
    bool later = false;
    if (seen != NULL) {
        err = seen->problem;
        copy_of = seen->copy_of;
    } else {
        if (settle(l, s, take_new, &later, &copy_of, &err) == 0)
            err.code = 0; /* of what was only asked */
        if (!s->taken && !later && (err.code == 0 || err.code == ERR_CORRUPT))
            set_seen(l->source, s, copy_of, &err);
    }
    mark_copied(l, copy_of);
    int64_t age_ms = clock_now_ms(l->t->options.clock) - s->mtime / 1000000;
    if (err.code != 0 && err.code != ERR_NOTFOUND &&
        (err.code != ERR_CORRUPT || age_ms >= UNFINISHED_MS))
        l->source->error = err;
}

/* --- what is missed --- */

/* Is it nowhere, as far as can be told? */
static bool is_missed(const struct tail_file *f) {
    return f->state == TAIL_LOST && f->bytes == NULL && !f->copied;
}

/* While something is wrong, what cannot be read may be it: nothing is missed anew, or forgotten. */
static bool is_sure(const struct tail_view *l) { return l->source->error.code == 0; }

/* A clock that was ahead must not keep it for long. */
static int64_t missed_since(const struct tail_view *l, const struct tail_file *f, int64_t now_ms) {
    if (!is_missed(f))
        return 0;
    if (f->at.missed_ms == 0)
        return is_sure(l) ? now_ms : 0;
    return min_i64(f->at.missed_ms, now_ms);
}

/* Files that nothing durable is known of are forgotten at once. */
static bool is_to_forget(const struct tail_view *l, const struct tail_file *f, int64_t now_ms) {
    if (f->state != TAIL_LOST || f->bytes != NULL || f->slot != NULL)
        return false;
    return f->at.bid == 0 || (is_missed(f) && is_sure(l) && f->at.missed_ms != 0 &&
                              now_ms - f->at.missed_ms >= TAIL_KEPT_MS);
}

static void forget_missed(struct tail_view *l) {
    struct tail *t = l->t;
    int64_t now_ms = clock_now_ms(t->options.clock);
    size_t kept = 0;
    for (size_t i = 0; i < t->files.len; i++) {
        struct tail_file *f = t->files.items[i];
        if (tail_is_of(f, l->source)) {
            if (is_to_forget(l, f, now_ms)) {
                tail_free_file(f);
                t->version++;
                continue;
            }
            int64_t missed_ms = missed_since(l, f, now_ms);
            if (missed_ms != f->at.missed_ms)
                t->version++;
            f->at.missed_ms = missed_ms;
            if (f->state == TAIL_LOST) {
                free(f->location);
                f->location = NULL;
            }
        }
        t->files.items[kept++] = f;
    }
    t->files.len = kept;
}

void tail_find(struct tail *t, struct tail_follow *source, double now) {
    struct tail_view l = {.t = t, .source = source, .now = now};
    source->error = (struct err){0};
    tail_see(&l);
    find_unchanged(&l);
    find_by_inode(&l);
    for (size_t i = 0; i < l.sights.len; i++)
        if (!l.sights.items[i].taken)
            find_place(&l, &l.sights.items[i], false);
    /* what is new but not the log itself: only now, as the log must be open to know its copies */
    for (size_t i = 0; i < l.sights.len; i++)
        if (!l.sights.items[i].taken)
            find_place(&l, &l.sights.items[i], true);
    forget_unseen(&l);
    forget_missed(&l);
    tail_unsee(&l);
}

void tail_lose(struct tail *t, struct tail_follow *source, struct tail_file *f, double now) {
    tail_close_file(f);
    f->state = TAIL_LOST;
    f->changed = now;
    tail_forget_seen(source);
    tail_look(t);
}

void tail_close_file(struct tail_file *f) {
    tail_bytes_close(f->bytes);
    format_free(f->format);
    f->bytes = NULL;
    f->format = NULL;
}

void tail_free_file(struct tail_file *f) {
    if (f == NULL)
        return;
    tail_close_file(f);
    tail_position_release(&f->at);
    free(f->location);
    free(f);
}

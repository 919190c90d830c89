/* Which file is which: the log's name, its rotated, copied and packed kin, and what is known.
 *
 * A file that is open stays what it is, whatever it is called by now. One that is known but not
 * open is looked for by device and inode first, and by content otherwise; in both cases its content
 * decides. What is left is new when it is the log itself, or when it has a rotated name and was
 * written to after the log began to be followed: it came and went between two looks. */
#include "source/tail_internal.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>

#define CLOCK_MS 20           /* times of files lag behind the clock */
#define UNFINISHED_MS 60000   /* a packed file that is damaged may still be written so long */
#define REWRITE_SECONDS 300.0 /* a file may be written anew from its beginning so long */

/* A file that a look found. */
struct sight {
    char *path, *log;  /* log: the name it belongs to */
    bool wanted;       /* the pattern matches it */
    enum tail_kin kin; /* KIN_NONE: it is the log itself */
    bool taken;
    uint64_t device, inode, size;
    int64_t mtime; /* nanoseconds */
};

struct look {
    struct tail *t;
    struct tail_follow *source;
    double now;
    VEC(struct sight) sights;
    VEC(char *) logs; /* names whose kin is looked for */
};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static struct str directory(const char *path) {
    const char *base = base_name(path);
    return base == path       ? STR(".")
           : base == path + 1 ? STR("/")
                              : str_of(path, (size_t)(base - path) - 1);
}

static bool is_of(const struct tail_file *f, const struct tail_follow *source) {
    return strcmp(f->at.source, source->id) == 0;
}

/* --- what there is --- */

static void add_log(struct look *l, const char *path) {
    for (size_t i = 0; i < l->logs.len; i++)
        if (strcmp(l->logs.items[i], path) == 0)
            return;
    vec_push(&l->logs, xstrdup(path));
}

static void add_sight(struct look *l, const char *path, const char *log, bool wanted,
                      enum tail_kin kin) {
    struct stat st;
    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            err_errno(&l->source->error, ERR_IO, "%s", path);
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        if (wanted)
            err_set(&l->source->error, ERR_USAGE, "%s is not a regular file", path);
        return;
    }
    for (size_t i = 0; i < l->sights.len; i++) /* links to one file are one file */
        if (l->sights.items[i].inode == st.st_ino && l->sights.items[i].device == st.st_dev)
            return;
    struct sight s = {.path = xstrdup(path),
                      .log = xstrdup(log),
                      .wanted = wanted,
                      .kin = kin,
                      .device = st.st_dev,
                      .inode = st.st_ino,
                      .size = (uint64_t)st.st_size,
                      .mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec};
    vec_push(&l->sights, s);
}

static int see_problem(const char *path, int number) {
    UNUSED(path), UNUSED(number);
    return 0; /* what cannot be read is not there */
}

/* A pattern may match rotated files as well. Of which other name is this one rotated? Best of one
 * in its directory. NULL: it is a log. */
static const char *log_of(const glob_t *found, size_t of) {
    const char *name = found->gl_pathv[of], *log = NULL;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        const char *other = found->gl_pathv[i];
        if (tail_kin(str_from(base_name(other)), str_from(base_name(name))) != KIN_ROTATED)
            continue;
        if (str_eq(directory(other), directory(name)))
            return other;
        log = log != NULL ? log : other;
    }
    return log;
}

static void see_log(struct look *l, const glob_t *found, size_t i) {
    const char *path = found->gl_pathv[i], *log = log_of(found, i);
    char *target = realpath(path, NULL); /* of a link: that is rotated where it is */
    add_log(l, path);
    if (target != NULL)
        add_log(l, target);
    if (log != NULL)
        add_sight(l, path, log, true, KIN_ROTATED);
    else
        add_sight(l, path, target != NULL ? target : path, true, KIN_NONE);
    free(target);
}

static void see_logs(struct look *l) {
    glob_t found = {0};
    int rc = glob(l->source->path, GLOB_BRACE, see_problem, &found);
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        see_log(l, &found, i);
    if (rc != 0 || l->sights.len == 0)
        if (l->source->error.code == 0)
            err_set(&l->source->error, ERR_NOTFOUND, "%s: no such file", l->source->path);
    globfree(&found);
    if (strpbrk(l->source->path, "*?[{\\") == NULL) /* one name: its kin also while it is missing */
        add_log(l, l->source->path);
    const struct tail *t = l->t;
    for (size_t i = 0; i < t->files.len; i++)
        if (is_of(t->files.items[i], l->source) &&
            strcmp(t->files.items[i]->at.pattern, l->source->path) == 0)
            add_log(l, t->files.items[i]->at.path);
}

/* Is there a known file with this inode that is not open? Then its name may be any. */
static const char *lost_inode(const struct look *l, ino_t inode) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        const struct tail_file *f = l->t->files.items[i];
        if (f->at.inode == inode && f->bytes == NULL && is_of(f, l->source))
            return f->at.path;
    }
    return NULL;
}

static void see_entry(struct look *l, struct str dir, const struct dirent *entry) {
    enum tail_kin kin = KIN_NONE;
    const char *log = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < l->logs.len; i++) {
        struct str base = str_from(base_name(l->logs.items[i]));
        if (base.len <= longest || !str_eq(directory(l->logs.items[i]), dir))
            continue;
        enum tail_kin k = tail_kin(base, str_from(entry->d_name));
        if (k != KIN_NONE) {
            kin = k;
            log = l->logs.items[i];
            longest = base.len;
        }
    }
    if (log == NULL) {
        log = lost_inode(l, entry->d_ino);
        kin = KIN_MAYBE;
    }
    if (log == NULL)
        return;
    struct buf path = {0};
    buf_printf(&path, STR_FMT "/%s", STR_ARG(dir), entry->d_name);
    add_sight(l, buf_cstr(&path), log, false, kin);
    buf_release(&path);
}

static void see_kin(struct look *l) {
    for (size_t i = 0; i < l->logs.len; i++) {
        struct str dir = directory(l->logs.items[i]);
        bool again = false;
        for (size_t j = 0; j < i && !again; j++)
            again = str_eq(directory(l->logs.items[j]), dir);
        char *path = again ? NULL : str_dup(dir);
        DIR *d = path != NULL ? opendir(path) : NULL;
        const struct dirent *entry;
        if (path != NULL && d == NULL && errno != ENOENT)
            err_errno(&l->source->error, ERR_IO, "%s", path);
        while (d != NULL && (entry = readdir(d)) != NULL)
            if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK)
                see_entry(l, dir, entry);
        if (d != NULL)
            closedir(d);
        free(path);
    }
}

/* Rotated files in the order in which they were written, then the logs themselves: what is known is
 * looked for among the rotated ones first. */
static int by_age(const void *a, const void *b) {
    const struct sight *x = a, *y = b;
    bool x_log = x->kin == KIN_NONE, y_log = y->kin == KIN_NONE;
    if (x_log != y_log)
        return x_log - y_log;
    if (x_log)
        return strcmp(x->path, y->path);
    return (x->mtime > y->mtime) - (x->mtime < y->mtime);
}

/* --- what is not followed --- */

static struct tail_seen *find_seen(const struct tail_follow *source, const struct sight *s) {
    for (size_t i = 0; i < source->seen.len; i++)
        if (source->seen.items[i]->inode == s->inode && source->seen.items[i]->device == s->device)
            return source->seen.items[i];
    return NULL;
}

static const struct tail_seen *was_seen(const struct tail_follow *source, const struct sight *s) {
    const struct tail_seen *seen = find_seen(source, s);
    return seen != NULL && seen->size == s->size && seen->mtime == s->mtime ? seen : NULL;
}

static void set_seen(struct tail_follow *source, const struct sight *s, uint64_t copy_of,
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
static void forget_unseen(struct look *l) {
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

static void place(struct tail_file *f, struct sight *s, enum tail_state state) {
    s->taken = true;
    f->state = state;
    f->at.device = s->device;
    f->at.inode = s->inode;
    if (f->location == NULL || strcmp(f->location, s->path) != 0) {
        free(f->location);
        f->location = xstrdup(s->path);
    }
}

static enum tail_state open_state(const struct sight *s) {
    return s->kin == KIN_NONE ? TAIL_LOG : TAIL_ROTATED;
}

static void place_read(struct tail_file *f, struct sight *s) {
    place(f, s, TAIL_READ);
    f->size = s->size;
    f->mtime = s->mtime;
}

/* The file is this one: stand where it goes on. Takes over the candidate's bytes. */
static int bind(struct look *l, struct tail_file *f, struct sight *s, struct tail_candidate *c,
                struct err *err) {
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
        f->at.since_ms = l->source->since_ms;
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

static struct tail_file *begin(struct look *l, const struct sight *s) {
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

/* The file was cut, and is being written again with what it had before (cp, scp): it is what it
 * was, or longer, in the end. */
static bool is_rewritten(const struct look *l, const struct tail_file *f, const struct sight *s,
                         const struct tail_candidate *c, enum tail_match m) {
    return f->state == TAIL_LOST && f->slot == NULL && f->at.inode == s->inode &&
           f->at.device == s->device && (c->n == 0 || m == MATCH_SHORTER) &&
           l->now - f->changed < REWRITE_SECONDS;
}

static int find_known(const struct look *l, const struct sight *s, struct tail_candidate *c,
                      struct kinship *ret, struct err *err) {
    *ret = (struct kinship){0};
    for (size_t i = 0; i < l->t->files.len; i++) {
        struct tail_file *f = l->t->files.items[i];
        enum tail_match m;
        bool end = false;
        if (!is_of(f, l->source) || (ret->f != NULL && f->at.offset < ret->f->at.offset))
            continue; /* of several that match, the one that was read furthest */
        int rc = tail_match(f, c, &m, &end, err);
        if (rc != 0)
            return rc;
        bool lost = f->state == TAIL_LOST;
        if (m == MATCH_SAME && lost && f->slot == NULL &&
            (f->bytes == NULL || s->kin == KIN_NONE)) {
            ret->f = f;
            ret->end = end;
        } else if (m != MATCH_NOT) {
            ret->copy_of = f->at.id;
        }
        ret->open = ret->open || (m != MATCH_NOT && lost && f->slot != NULL) ||
                    (s->kin == KIN_NONE && is_rewritten(l, f, s, c, m));
    }
    return 0;
}

/* While the first block of a file is on its way, nothing can be told to be no copy of it. */
static bool is_too_early(const struct look *l) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        const struct tail_file *f = l->t->files.items[i];
        if (f->slot != NULL && f->at.bid == 0 && is_of(f, l->source))
            return true;
    }
    return false;
}

static bool is_new(const struct look *l, const struct sight *s, const struct tail_candidate *c,
                   struct err *err) {
    static const char *const packings[] = {".gz", ".bz2", ".zst"};
    if (s->kin == KIN_NONE)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(packings); i++) { /* not even begun */
        size_t n = strlen(s->path), m = strlen(packings[i]);
        if (n > m && strcmp(s->path + n - m, packings[i]) == 0 && !tail_bytes_packed(c->bytes))
            return false;
    }
    bool since = s->mtime / 1000000 >= l->source->since_ms - CLOCK_MS;
    return s->kin == KIN_ROTATED && s->size > 0 && (s->wanted || since) &&
           !tail_is_copy(l->t, l->source, c, err);
}

/* What is this file, which nobody has open? *ret_later: that cannot be told yet. */
static int settle(struct look *l, struct sight *s, bool take_new, bool *ret_later,
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

static struct sight *sight_of(const struct look *l, const struct tail_file *f) {
    for (size_t i = 0; i < l->sights.len; i++) {
        struct sight *s = &l->sights.items[i];
        if (!s->taken && s->inode == f->at.inode && s->device == f->at.device)
            return s;
    }
    return NULL;
}

/* Files that are open, and those that were read to their end and did not change. */
static void find_unchanged(struct look *l) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        struct tail_file *f = l->t->files.items[i];
        if (!is_of(f, l->source))
            continue;
        bool was_log = f->state == TAIL_LOG, read = f->state == TAIL_READ;
        struct sight *s = f->bytes != NULL || read ? sight_of(l, f) : NULL;
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
static void find_by_inode(struct look *l) {
    for (size_t i = l->t->files.len; i-- > 0;) {
        struct tail_file *f = l->t->files.items[i];
        struct sight *s = is_of(f, l->source) && f->bytes == NULL && f->state == TAIL_LOST
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

static void mark_copied(const struct look *l, uint64_t id) {
    for (size_t i = 0; id != 0 && i < l->t->files.len; i++)
        if (l->t->files.items[i]->at.id == id)
            l->t->files.items[i]->copied = true;
}

static void find_place(struct look *l, struct sight *s, bool take_new) {
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

/* Is it nowhere, as far as can be told? While something is wrong, what cannot be read may be it. */
static bool is_missed(const struct look *l, const struct tail_file *f) {
    return f->state == TAIL_LOST && f->bytes == NULL && !f->copied && l->source->error.code == 0;
}

/* Files that nothing durable is known of are forgotten at once. */
static bool is_to_forget(const struct look *l, const struct tail_file *f, int64_t now_ms) {
    if (f->state != TAIL_LOST || f->bytes != NULL || f->slot != NULL)
        return false;
    return f->at.bid == 0 ||
           (is_missed(l, f) && f->at.missed_ms != 0 && now_ms - f->at.missed_ms >= TAIL_KEPT_MS);
}

static void forget_missed(struct look *l) {
    struct tail *t = l->t;
    int64_t now_ms = clock_now_ms(t->options.clock);
    size_t kept = 0;
    for (size_t i = 0; i < t->files.len; i++) {
        struct tail_file *f = t->files.items[i];
        if (is_of(f, l->source)) {
            if (is_to_forget(l, f, now_ms)) {
                tail_free_file(f);
                t->version++;
                continue;
            }
            bool missed = is_missed(l, f);
            if (missed != (f->at.missed_ms != 0))
                t->version++;
            /* a clock that was ahead must not keep it for long */
            f->at.missed_ms = !missed                ? 0
                              : f->at.missed_ms == 0 ? now_ms
                                                     : min_i64(f->at.missed_ms, now_ms);
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
    struct look l = {.t = t, .source = source, .now = now};
    source->error = (struct err){0};
    see_logs(&l);
    see_kin(&l);
    if (l.sights.len > 0)
        qsort(l.sights.items, l.sights.len, sizeof *l.sights.items, by_age);
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
    for (size_t i = 0; i < l.sights.len; i++) {
        free(l.sights.items[i].path);
        free(l.sights.items[i].log);
    }
    for (size_t i = 0; i < l.logs.len; i++)
        free(l.logs.items[i]);
    vec_free(&l.sights);
    vec_free(&l.logs);
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

void tail_directories(struct tail *t, void (*see)(void *arg, const char *path), void *arg) {
    for (size_t i = 0; i < t->sources.len; i++) {
        glob_t found = {0};
        char *dir = str_dup(directory(t->sources.items[i]->path));
        if (glob(dir, GLOB_BRACE | GLOB_ONLYDIR, see_problem, &found) == 0)
            for (size_t j = 0; j < found.gl_pathc; j++)
                see(arg, found.gl_pathv[j]);
        globfree(&found);
        free(dir);
    }
}

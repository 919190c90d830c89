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

#define CLOCK_MS 20         /* times of files lag behind the clock */
#define UNFINISHED_MS 60000 /* a packed file that is damaged may still be written so long */

/* A file that a look found. */
struct sight {
    char *path, *log; /* log: the name it belongs to */
    bool live, taken;
    enum tail_kin kin;
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

static void add_sight(struct look *l, const char *path, const char *log, enum tail_kin kin) {
    struct stat st;
    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            err_errno(&l->source->error, ERR_IO, "%s", path);
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        if (kin == KIN_NONE)
            err_set(&l->source->error, ERR_USAGE, "%s is not a regular file", path);
        return;
    }
    for (size_t i = 0; i < l->sights.len; i++) /* links to one file are one file */
        if (l->sights.items[i].inode == st.st_ino && l->sights.items[i].device == st.st_dev)
            return;
    struct sight s = {.path = xstrdup(path),
                      .log = xstrdup(log),
                      .live = kin == KIN_NONE,
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

static void see_logs(struct look *l) {
    glob_t found = {0};
    int rc = glob(l->source->path, GLOB_BRACE, see_problem, &found);
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
        add_log(l, found.gl_pathv[i]);
        add_sight(l, found.gl_pathv[i], found.gl_pathv[i], KIN_NONE);
    }
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
    add_sight(l, buf_cstr(&path), log, kin);
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
    if (x->live != y->live)
        return x->live - y->live;
    if (x->live)
        return strcmp(x->path, y->path);
    return (x->mtime > y->mtime) - (x->mtime < y->mtime);
}

/* --- what it is --- */

enum match { MATCH_NOT, MATCH_SHORTER, MATCH_SAME };

/* Bytes that are fewer than the head: does the file begin with them? What was not open since the
 * start is only known by hashes of a few lengths. */
static bool begins_so(const struct tail_file *f, struct str bytes) {
    size_t i = TAIL_STARTS;
    if (bytes.len <= f->head.len)
        return memcmp(bytes.ptr, f->head.bytes, bytes.len) == 0;
    while (i > 0 && TAIL_START_BYTES(i - 1) > bytes.len)
        i--;
    if (i == 0)
        return false;
    struct tail_mark mark = {f->at.starts[i - 1], (uint32_t)TAIL_START_BYTES(i - 1)};
    return tail_mark_is(&mark, str_of(bytes.ptr, mark.len));
}

/* Does the file begin with all that was taken of `f`? Shorter: with its first bytes, but it ends
 * before what was taken. *ret_end: there is nothing more in it. */
static int match(const struct tail_file *f, struct tail_bytes *bytes, enum match *ret,
                 bool *ret_end, struct err *err) {
    const struct tail_position *at = &f->at;
    char piece[TAIL_MARK_BYTES];
    size_t n;
    *ret = MATCH_NOT;
    *ret_end = false;
    if (at->head.len == 0)
        return 0;
    int rc = tail_bytes_read(bytes, at->head_at, piece, at->head.len, &n, err);
    if (rc == 0 && n > 0 && n < at->head.len && begins_so(f, str_of(piece, n)))
        *ret = MATCH_SHORTER;
    if (rc != 0 || !tail_mark_is(&at->head, str_of(piece, n)))
        return rc;
    *ret_end = tail_bytes_ends_at(bytes, at->offset);
    *ret = *ret_end ? MATCH_SAME : MATCH_SHORTER;
    if (*ret_end)
        return 0;
    rc = tail_bytes_check(bytes, err);
    if (rc == 0)
        rc = tail_bytes_read(bytes, at->offset - at->end.len, piece, at->end.len, &n, err);
    if (rc == 0 && n == at->end.len)
        *ret = tail_mark_is(&at->end, str_of(piece, n)) ? MATCH_SAME : MATCH_NOT;
    return rc;
}

static struct tail_seen *find_seen(const struct tail_follow *source, const struct sight *s) {
    for (size_t i = 0; i < source->seen.len; i++)
        if (source->seen.items[i]->inode == s->inode && source->seen.items[i]->device == s->device)
            return source->seen.items[i];
    return NULL;
}

static bool was_seen(const struct tail_follow *source, const struct sight *s) {
    const struct tail_seen *seen = find_seen(source, s);
    return seen != NULL && seen->size == s->size && seen->mtime == s->mtime &&
           seen->epoch == source->epoch;
}

static void set_seen(struct tail_follow *source, const struct sight *s, const struct err *problem) {
    struct tail_seen *seen = find_seen(source, s);
    if (seen == NULL) {
        seen = xmalloc(sizeof *seen);
        vec_push(&source->seen, seen);
    }
    *seen = (struct tail_seen){s->device, s->inode, s->size, s->mtime, source->epoch, *problem};
}

/* Of files that are gone. */
static void forget_seen(struct look *l) {
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

static void place(struct tail_file *f, struct sight *s) {
    s->taken = true;
    f->found = true;
    f->live = s->live;
    f->at.device = s->device;
    f->at.inode = s->inode;
    if (f->location == NULL || strcmp(f->location, s->path) != 0) {
        free(f->location);
        f->location = xstrdup(s->path);
    }
}

static void set_finished(struct tail_file *f, const struct sight *s) {
    f->finished = true;
    f->seen_size = s->size;
    f->seen_mtime = s->mtime;
}

/* The file is this one: stand where it goes on. Takes over `bytes`. */
static int bind(struct look *l, struct tail_file *f, struct sight *s, struct tail_bytes *bytes,
                struct err *err) {
    int rc =
        tail_bytes_read(bytes, f->at.head_at, f->head.bytes, f->at.head.len, &f->head.len, err);
    if (rc == 0)
        rc = tail_bytes_read(bytes, f->at.offset - f->at.end.len, f->end.bytes, f->at.end.len,
                             &f->end.len, err);
    if (rc == 0)
        rc = tail_reopen_format(l->source, f, err);
    if (rc != 0) {
        tail_bytes_close(bytes);
        return rc;
    }
    if (strcmp(f->at.pattern, l->source->path) != 0) { /* the configuration changed */
        free(f->at.pattern);
        free(f->at.path);
        f->at.pattern = xstrdup(l->source->path);
        f->at.path = xstrdup(s->log);
        f->at.since_ms = l->source->since_ms;
    }
    place(f, s);
    f->bytes = bytes;
    f->finished = f->looked = false;
    f->changed = l->now;
    f->retry = 0;
    f->error = (struct err){0};
    l->source->epoch++;
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

/* Do all its first bytes stand in a file that is open? Then it is a copy of it in the making. */
static bool is_copy(const struct look *l, struct tail_bytes *bytes, struct err *err) {
    char head[TAIL_MARK_BYTES], other[TAIL_MARK_BYTES];
    size_t n, m;
    if (tail_bytes_read(bytes, 0, head, sizeof head, &n, err) != 0)
        return false;
    for (size_t i = 0; i < l->t->files.len; i++) {
        const struct tail_file *f = l->t->files.items[i];
        if (f->bytes != NULL && !tail_bytes_packed(f->bytes) && is_of(f, l->source) &&
            tail_bytes_read(f->bytes, 0, other, n, &m, err) == 0 && m == n &&
            memcmp(head, other, n) == 0)
            return true;
    }
    return false;
}

/* A known file for these bytes. *ret_copy: they are of one that has its place elsewhere, or an
 * earlier state of one. */
static int find_known(const struct look *l, const struct sight *s, struct tail_bytes *bytes,
                      struct tail_file **ret, bool *ret_end, bool *ret_copy, struct err *err) {
    *ret = NULL;
    *ret_copy = *ret_end = false;
    for (size_t i = 0; i < l->t->files.len; i++) {
        struct tail_file *f = l->t->files.items[i];
        enum match m;
        bool end = false;
        if (!is_of(f, l->source) || (*ret != NULL && f->at.offset < (*ret)->at.offset))
            continue; /* of several that match, the one that was read furthest */
        int rc = match(f, bytes, &m, &end, err);
        if (rc != 0)
            return rc;
        struct stat st;
        bool deleted = f->bytes != NULL && !f->found && f->slot == NULL &&
                       tail_bytes_stat(f->bytes, &st, err) == 0 && st.st_nlink == 0;
        if (m == MATCH_SAME && ((f->bytes == NULL && !f->found) || (deleted && s->live))) {
            *ret = f;
            *ret_end = end;
        } else {
            *ret_copy = *ret_copy || m != MATCH_NOT;
        }
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

static bool is_new(const struct look *l, const struct sight *s, struct tail_bytes *bytes,
                   struct err *err) {
    static const char *const packings[] = {".gz", ".bz2", ".zst"};
    if (s->live)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(packings); i++) { /* not even begun */
        size_t n = strlen(s->path), m = strlen(packings[i]);
        if (n > m && strcmp(s->path + n - m, packings[i]) == 0 && !tail_bytes_packed(bytes))
            return false;
    }
    return s->kin == KIN_ROTATED && s->size > 0 &&
           s->mtime / 1000000 >= l->source->since_ms - CLOCK_MS && !is_copy(l, bytes, err);
}

/* What is this file, which nobody has open? */
static int settle(struct look *l, struct sight *s, bool take_new, bool *ret_later,
                  struct err *err) {
    struct tail_bytes *bytes = NULL;
    struct tail_file *f = NULL;
    bool end = false, copy = false;
    int rc = tail_bytes_open(s->path, &bytes, err);
    if (rc == 0)
        rc = find_known(l, s, bytes, &f, &end, &copy, err);
    if (rc == 0 && f != NULL && f->bytes != NULL)
        tail_close_file(f);
    bool unknown = rc == 0 && f == NULL && (s->live || !copy);
    *ret_later = unknown && !s->live && (!take_new || is_too_early(l));
    if (unknown && !*ret_later && is_new(l, s, bytes, err)) {
        rc = tail_bytes_check(bytes, err);
        f = rc == 0 ? begin(l, s) : NULL;
    }
    if (rc == 0 && f != NULL && end) {
        place(f, s);
        set_finished(f, s);
    } else if (rc == 0 && f != NULL) {
        rc = bind(l, f, s, bytes, err);
        bytes = NULL;
    }
    tail_bytes_close(bytes);
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

/* Files that are open, then those that were read to their end and did not change. */
static void find_unchanged(struct look *l) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        struct tail_file *f = l->t->files.items[i];
        if (!is_of(f, l->source))
            continue;
        struct sight *s = f->bytes != NULL ? sight_of(l, f) : NULL;
        f->found = false;
        if (s != NULL)
            place(f, s);
        else
            f->live = false;
    }
    for (size_t i = l->t->files.len; i-- > 0;) {
        struct tail_file *f = l->t->files.items[i];
        struct sight *s =
            is_of(f, l->source) && f->bytes == NULL && f->finished ? sight_of(l, f) : NULL;
        if (s != NULL && s->size == f->seen_size && s->mtime == f->seen_mtime)
            place(f, s);
    }
}

/* By inode, where the content agrees: so that of equal beginnings the right ones are told apart. */
static void find_by_inode(struct look *l) {
    for (size_t i = l->t->files.len; i-- > 0;) {
        struct tail_file *f = l->t->files.items[i];
        struct sight *s =
            is_of(f, l->source) && f->bytes == NULL && !f->found ? sight_of(l, f) : NULL;
        if (s == NULL || was_seen(l->source, s))
            continue;
        struct tail_bytes *bytes = NULL;
        struct err err = {0};
        enum match m = MATCH_NOT;
        bool end = false;
        int rc = tail_bytes_open(s->path, &bytes, &err);
        if (rc == 0)
            rc = match(f, bytes, &m, &end, &err);
        if (rc == 0 && m == MATCH_SAME && end) {
            place(f, s);
            set_finished(f, s);
        } else if (rc == 0 && m == MATCH_SAME) {
            rc = bind(l, f, s, bytes, &err);
            bytes = NULL;
        }
        if (rc != 0 && rc != ERR_CORRUPT && rc != ERR_NOTFOUND)
            l->source->error = err;
        tail_bytes_close(bytes);
    }
}

/* Files without a place that nothing durable is known of. */
static void forget_files(struct tail *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->files.len; i++) {
        struct tail_file *f = t->files.items[i];
        if (f->bytes == NULL && f->slot == NULL && !f->found && f->at.bid == 0)
            tail_free_file(f);
        else
            t->files.items[kept++] = f;
    }
    t->files.len = kept;
}

static void find_place(struct look *l, struct sight *s, bool take_new) {
    struct err err = {0};
    bool later = false;
    if (was_seen(l->source, s)) {
        err = find_seen(l->source, s)->problem;
    } else {
        if (settle(l, s, take_new, &later, &err) == 0)
            err.code = 0; /* of what was only asked */
        if (!s->taken && !later && (err.code == 0 || err.code == ERR_CORRUPT))
            set_seen(l->source, s, &err);
    }
    int64_t age_ms = clock_now_ms(l->t->options.clock) - s->mtime / 1000000;
    if (err.code != 0 && err.code != ERR_NOTFOUND &&
        (err.code != ERR_CORRUPT || age_ms >= UNFINISHED_MS))
        l->source->error = err;
}

void tail_find(struct tail *t, struct tail_follow *source, double now) {
    struct look l = {.t = t, .source = source, .now = now};
    unsigned epoch = source->epoch;
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
    forget_seen(&l);
    forget_files(t);
    for (size_t i = 0; i < t->files.len; i++) {
        struct tail_file *f = t->files.items[i];
        if (is_of(f, source) && !f->found) {
            free(f->location);
            f->location = NULL;
        }
    }
    if (source->epoch != epoch)
        t->version++;
    for (size_t i = 0; i < l.sights.len; i++) {
        free(l.sights.items[i].path);
        free(l.sights.items[i].log);
    }
    for (size_t i = 0; i < l.logs.len; i++)
        free(l.logs.items[i]);
    vec_free(&l.sights);
    vec_free(&l.logs);
}

void tail_lose(struct tail *t, struct tail_follow *source, struct tail_file *f) {
    tail_close_file(f);
    f->found = f->live = f->finished = false;
    source->epoch++;
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

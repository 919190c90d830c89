/* Which files there are: those that a pattern matches, and their kin, by name alone. */
#include "source/tail_internal.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>

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

static void add_log(struct tail_view *l, const char *path) {
    for (size_t i = 0; i < l->logs.len; i++)
        if (strcmp(l->logs.items[i], path) == 0)
            return;
    vec_push(&l->logs, xstrdup(path));
}

static void add_sight(struct tail_view *l, const char *path, const char *log, bool wanted,
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
    struct tail_sight s = {.path = xstrdup(path),
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

/* Of two logs that `name` could be rotated of, the better one: best is one in its directory. */
static const char *better_log(const char *log, const char *other, const char *name) {
    if (tail_kin(str_from(base_name(other)), str_from(base_name(name))) != KIN_ROTATED)
        return log;
    bool near = log != NULL && str_eq(directory(log), directory(name));
    return log == NULL || (!near && str_eq(directory(other), directory(name))) ? other : log;
}

/* A pattern may match rotated files as well. Of which log is this one rotated? That may be away,
 * and known from another pattern. NULL: it is a log. */
static const char *log_of(const struct tail_view *l, const char *name) {
    const char *log = NULL;
    for (size_t i = 0; i < l->logs.len; i++)
        log = better_log(log, l->logs.items[i], name);
    for (size_t i = 0; i < l->t->files.len; i++)
        if (tail_is_of(l->t->files.items[i], l->source))
            log = better_log(log, l->t->files.items[i]->at.path, name);
    return log;
}

static void see_log(struct tail_view *l, const char *path) {
    const char *log = log_of(l, path);
    char *target = realpath(path, NULL); /* of a link: that is rotated where it is */
    if (log != NULL)
        add_sight(l, path, log, true, KIN_ROTATED);
    else
        add_sight(l, path, target != NULL ? target : path, true, KIN_NONE);
    if (target != NULL)
        add_log(l, target);
    free(target);
}

static void see_logs(struct tail_view *l) {
    glob_t found = {0};
    const struct tail *t = l->t;
    int rc = glob(l->source->path, GLOB_BRACE, see_problem, &found);
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        add_log(l, found.gl_pathv[i]);
    if (strpbrk(l->source->path, "*?[{\\") == NULL) /* one name: its kin also while it is missing */
        add_log(l, l->source->path);
    for (size_t i = 0; i < t->files.len; i++)
        if (tail_is_of(t->files.items[i], l->source) &&
            strcmp(t->files.items[i]->at.pattern, l->source->path) == 0)
            add_log(l, t->files.items[i]->at.path);
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        see_log(l, found.gl_pathv[i]);
    if (l->sights.len == 0 && l->source->error.code == 0)
        err_set(&l->source->error, ERR_NOTFOUND, "%s: no such file", l->source->path);
    globfree(&found);
}

/* Is there a known file with this inode that is not open? Then its name may be any. */
static const char *lost_inode(const struct tail_view *l, ino_t inode) {
    for (size_t i = 0; i < l->t->files.len; i++) {
        const struct tail_file *f = l->t->files.items[i];
        if (f->at.inode == inode && f->bytes == NULL && tail_is_of(f, l->source))
            return f->at.path;
    }
    return NULL;
}

static void see_entry(struct tail_view *l, struct str dir, const struct dirent *entry) {
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

static void see_kin(struct tail_view *l) {
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
    const struct tail_sight *x = a, *y = b;
    bool x_log = x->kin == KIN_NONE, y_log = y->kin == KIN_NONE;
    if (x_log != y_log)
        return x_log - y_log;
    if (x_log)
        return strcmp(x->path, y->path);
    return (x->mtime > y->mtime) - (x->mtime < y->mtime);
}

void tail_see(struct tail_view *l) {
    see_logs(l);
    see_kin(l);
    if (l->sights.len > 0)
        qsort(l->sights.items, l->sights.len, sizeof *l->sights.items, by_age);
}

void tail_unsee(struct tail_view *l) {
    for (size_t i = 0; i < l->sights.len; i++) {
        free(l->sights.items[i].path);
        free(l->sights.items[i].log);
    }
    for (size_t i = 0; i < l->logs.len; i++)
        free(l->logs.items[i]);
    vec_free(&l->sights);
    vec_free(&l->logs);
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

/* What others may see of tail: a copy, made now and then by its thread. */
#include "source/tail_internal.h"

#include <stdlib.h>

static void release_source(struct tail_source_status *s) {
    for (size_t i = 0; i < s->files.len; i++) {
        free(s->files.items[i].path);
        free(s->files.items[i].error);
    }
    vec_free(&s->files);
    free(s->id);
    free(s->path);
    free(s->error);
}

void tail_status_release(struct tail_status *status) {
    for (size_t i = 0; i < status->sources.len; i++)
        release_source(&status->sources.items[i]);
    vec_free(&status->sources);
}

static struct tail_file_status file_status(const struct tail_file *f) {
    bool packed = f->bytes != NULL && tail_bytes_packed(f->bytes);
    struct tail_file_status s = {.path = xstrdup(f->location != NULL ? f->location : ""),
                                 .size = packed ? 0 : f->size,
                                 .offset = f->at.offset,
                                 .lines = f->at.lines,
                                 .rotated = f->state != TAIL_LOG,
                                 .packed = packed,
                                 .error = xstrdup(f->error.text)};
    s.lag = s.size > s.offset ? s.size - s.offset : 0;
    return s;
}

static struct tail_source_status source_status(const struct tail *t, const struct tail_follow *f) {
    struct tail_source_status s = {.id = xstrdup(f->id),
                                   .path = xstrdup(f->path),
                                   .error = xstrdup(f->error.text),
                                   .lines = f->lines};
    for (size_t i = 0; i < t->files.len; i++) {
        const struct tail_file *file = t->files.items[i];
        if (strcmp(file->at.source, f->id) != 0)
            continue;
        if (file->bytes == NULL && file->slot == NULL && file->error.code == 0) {
            s.finished += file->state == TAIL_READ;
            continue;
        }
        struct tail_file_status one = file_status(file);
        s.lag += one.lag;
        vec_push(&s.files, one);
    }
    return s;
}

void tail_publish(struct tail *t) {
    struct tail_status fresh = {0}, old;
    for (size_t i = 0; i < t->sources.len; i++) {
        struct tail_source_status s = source_status(t, t->sources.items[i]);
        vec_push(&fresh.sources, s);
    }
    pthread_mutex_lock(&t->mutex);
    old = t->status;
    t->status = fresh;
    pthread_mutex_unlock(&t->mutex);
    tail_status_release(&old);
}

void tail_status(struct tail *t, struct tail_status *ret) {
    *ret = (struct tail_status){0};
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < t->status.sources.len; i++) {
        const struct tail_source_status *from = &t->status.sources.items[i];
        struct tail_source_status s = *from;
        s.id = xstrdup(from->id);
        s.path = xstrdup(from->path);
        s.error = xstrdup(from->error);
        s.files.items = NULL;
        s.files.len = s.files.cap = 0;
        for (size_t j = 0; j < from->files.len; j++) {
            struct tail_file_status f = from->files.items[j];
            f.path = xstrdup(f.path);
            f.error = xstrdup(f.error);
            vec_push(&s.files, f);
        }
        vec_push(&ret->sources, s);
    }
    pthread_mutex_unlock(&t->mutex);
}

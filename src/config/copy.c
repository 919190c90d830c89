/* A copy of a configuration, made from the table of options. */
#include "config/config.h"
#include "config/option.h"

#include <stdlib.h>

static void copy_text(char **place) {
    if (*place != NULL)
        *place = xstrdup(*place);
}

/* `base` has the bytes of the original: what they point to becomes its own. */
static void copy_below(const struct option *parent, char *base) {
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        const struct option_kind *kind = option_kind(o);
        if (kind->shape == SHAPE_GROUP) {
            copy_below(o, base);
            continue;
        }
        if (o->place.at == PLACE_NONE)
            continue;
        void *place = base + o->place.at;
        if (kind->shape == SHAPE_SCALAR) {
            if (kind->release != NULL)
                copy_text(place);
            continue;
        }
        size_t n = *(size_t *)(void *)(base + o->place.count_at);
        size_t size = kind->shape == SHAPE_LIST ? sizeof(char *) : o->place.item_size;
        char *items = NULL;
        if (n > 0) {
            items = xmalloc(n * size);
            memcpy(items, *(void **)place, n * size);
        }
        *(char **)place = items;
        for (size_t i = 0; i < n; i++) {
            if (kind->shape == SHAPE_LIST)
                copy_text((char **)(void *)items + i);
            else
                copy_below(o, items + i * size);
        }
    }
}

struct config *config_copy(const struct config *c) {
    struct config *copy = xmalloc(sizeof *copy);
    memcpy(copy, c, sizeof *copy);
    copy->others = 0;
    copy_text(&copy->file);
    copy_below(NULL, (char *)copy);
    return copy;
}

const struct config *config_hold(const struct config *c) {
    atomic_fetch_add(&((struct config *)(uintptr_t)c)->others, 1);
    return c;
}

void config_let_go(const struct config *c) { config_free((struct config *)(uintptr_t)c); }

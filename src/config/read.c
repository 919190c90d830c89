#include "config/read.h"

#include "base/nearest.h"
#include "config/check.h"
#include "config/option.h"

#include <stdlib.h>

static void *at(void *base, size_t offset) {
    return base == NULL || offset == PLACE_NONE ? NULL : (char *)base + offset;
}

/* A value as part of a message: short, and nothing of a secret. */
static void quote(const struct option *o, const struct node *n, struct buf *out) {
    if (o->flags & SECRET)
        buf_add_cstr(out, "the value (not shown)");
    else
        buf_printf(out, "\"%.*s\"%s", (int)min_size(n->text.len, 60),
                   n->text.ptr ? n->text.ptr : "", n->text.len > 60 ? "..." : "");
}

/* What is wrong with the value itself: of a secret, only who uses it must know. */
static enum problem_kind kind_of(const struct option *o) {
    return o->flags & SECRET ? PROBLEM_SECRET : PROBLEM_ERROR;
}

static void report_broken(const struct option *o, const struct node *n, struct problems *problems) {
    if (n->text.len > 0)
        problems_add_kind(problems, kind_of(o), n->line, "%s: " STR_FMT, o->path, STR_ARG(n->text));
}

static void read_scalar(const struct option *o, const struct node *n, void *place,
                        struct problems *problems) {
    const struct option_kind *kind = option_kind(o);
    if (n->kind == NODE_BROKEN) {
        report_broken(o, n, problems);
        return;
    }
    if (n->kind != NODE_SCALAR) {
        problems_add(problems, n->line, "%s: expected %s", o->path,
                     kind->shape == SHAPE_LIST ? "a word in the list" : kind->expected);
        return;
    }
    struct err err = {0};
    if (kind->parse(n->text, place, &err) == 0)
        return;
    struct buf value = {0};
    quote(o, n, &value);
    problems_add_kind(problems, kind_of(o), n->line, "%s: %s: %s", o->path, buf_cstr(&value),
                      err.text);
    buf_release(&value);
}

static void list_push(void *base, const struct option *o, char *word) {
    char ***list = at(base, o->place.at);
    size_t *count = at(base, o->place.count_at);
    *list = xrealloc(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = word;
}

static void read_list(const struct option *o, const struct node *n, void *base,
                      struct problems *problems) {
    if (n->kind != NODE_LIST) {
        problems_add(problems, n->line, "%s: expected %s", o->path, option_kind(o)->expected);
        return;
    }
    if (n->first == NULL && o->flags & FILLED)
        problems_add(problems, n->line, "%s: the list is empty", o->path);
    bool keep = at(base, o->place.at) != NULL;
    for (const struct node *item = n->first; item != NULL; item = item->next) {
        char *word = NULL;
        read_scalar(o, item, keep ? &word : NULL, problems);
        if (word != NULL)
            list_push(base, o, word);
    }
}

static void read_mapping(const struct option *parent, const struct node *n, void *base,
                         struct problems *problems);

static const struct node *scalar_of(const struct node *mapping, const char *key) {
    const struct node *n = document_value(mapping, key);
    return n != NULL && n->kind == NODE_SCALAR ? n : NULL;
}

static void check_unique(const struct option *child, const struct node *list,
                         struct problems *problems) {
    for (const struct node *item = list->first; item != NULL; item = item->next) {
        const struct node *value = scalar_of(item, option_key(child));
        for (const struct node *before = list->first; value && before != item;
             before = before->next) {
            const struct node *other = scalar_of(before, option_key(child));
            if (other == NULL || !str_eq(value->text, other->text))
                continue;
            struct buf text = {0};
            quote(child, value, &text);
            problems_add(problems, value->line, "%s: %s is already in line %zu", child->path,
                         buf_cstr(&text), other->line);
            buf_release(&text);
            break;
        }
    }
}

static void read_items(const struct option *o, const struct node *n, void *base,
                       struct problems *problems) {
    if (n->kind != NODE_LIST) {
        problems_add(problems, n->line, "%s: expected %s", o->path, option_kind(o)->expected);
        return;
    }
    char **items = at(base, o->place.at);
    size_t *count = at(base, o->place.count_at);
    for (const struct node *item = n->first; item != NULL; item = item->next) {
        void *place = NULL;
        if (item->kind == NODE_MAPPING && items != NULL) {
            *items = xrealloc(*items, (*count + 1) * o->place.item_size);
            place = *items + (*count)++ * o->place.item_size;
            memset(place, 0, o->place.item_size);
        }
        read_mapping(o, item, place, problems);
    }
    for (const struct option *child = option_next(o, NULL); child; child = option_next(o, child))
        if (child->flags & UNIQUE)
            check_unique(child, n, problems);
}

static void read_value(const struct option *o, const struct node *n, void *base,
                       struct problems *problems) {
    if (n->kind == NODE_BROKEN) {
        report_broken(o, n, problems);
        return;
    }
    switch (option_kind(o)->shape) {
    case SHAPE_SCALAR:
        read_scalar(o, n, at(base, o->place.at), problems);
        break;
    case SHAPE_LIST:
        read_list(o, n, base, problems);
        break;
    case SHAPE_GROUP:
        read_mapping(o, n, base, problems);
        break;
    case SHAPE_ITEMS:
        read_items(o, n, base, problems);
        break;
    }
}

static void set_default(const struct option *o, void *base) {
    const struct option_kind *kind = option_kind(o);
    if (kind->shape == SHAPE_GROUP) {
        for (const struct option *c = option_next(o, NULL); c != NULL; c = option_next(o, c))
            set_default(c, base);
        return;
    }
    void *place = at(base, o->place.at);
    if (place == NULL || o->initial == NULL)
        return;
    struct str rest = str_from(o->initial), word;
    if (kind->shape == SHAPE_SCALAR) {
        if (kind->parse(rest, place, NULL) != 0)
            abort(); /* our own table */
        return;
    }
    while (str_split(&rest, ' ', &word)) {
        char *kept = NULL;
        if (kind->parse(word, &kept, NULL) != 0)
            abort();
        list_push(base, o, kept);
    }
}

static void unknown_key(const struct option *parent, const struct node *key,
                        struct problems *problems) {
    struct nearest nearest = {.word = key->text};
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o))
        nearest_offer(&nearest, option_key(o));
    struct buf text = {0};
    buf_printf(&text, "unknown key \"%.*s\"", (int)min_size(key->text.len, 60), key->text.ptr);
    if (parent != NULL)
        buf_printf(&text, " in %s", parent->path);
    if (nearest.best != NULL)
        buf_printf(&text, ": did you mean \"%s\"?", nearest.best);
    problems_add(problems, key->line, "%s", buf_cstr(&text));
    buf_release(&text);
}

static const struct option *find_child(const struct option *parent, struct str key) {
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o))
        if (str_is(key, option_key(o)))
            return o;
    return NULL;
}

/* Keys that only narrow down what the others select are not enough. */
static void check_selects(const struct option *parent, const struct node *n, const bool *given,
                          struct problems *problems) {
    bool narrows = false, selects = false;
    struct buf others = {0};
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        narrows = narrows || o->flags & NARROWS;
        selects = selects || (!(o->flags & NARROWS) && given[o - options]);
        if (!(o->flags & NARROWS))
            buf_printf(&others, "%s%s", others.len ? ", " : "", option_key(o));
    }
    if (narrows && !selects)
        problems_add(problems, n->line, "%s: matches nothing: give at least one of %s",
                     parent->path, buf_cstr(&others));
    buf_release(&others);
}

static void read_mapping(const struct option *parent, const struct node *n, void *base,
                         struct problems *problems) {
    size_t seen_at[OPTIONS_MAX] = {0}; /* line of the first, by row */
    bool given[OPTIONS_MAX] = {false}; /* with a value */
    if (n != NULL && n->kind == NODE_BROKEN && parent != NULL) {
        report_broken(parent, n, problems);
        return;
    }
    if (n != NULL && n->kind != NODE_MAPPING) {
        problems_add(problems, n->line, "%s%sexpected a mapping (key: value)",
                     parent ? parent->path : "", parent ? ": " : "");
        return;
    }
    for (const struct node *key = n ? n->first : NULL; key != NULL; key = key->next->next) {
        if (key->kind == NODE_BROKEN)
            continue;
        if (key->kind != NODE_SCALAR) {
            problems_add(problems, key->line, "a key must be a word");
            continue;
        }
        const struct option *o = find_child(parent, key->text);
        if (o == NULL) {
            unknown_key(parent, key, problems);
            continue;
        }
        size_t row = (size_t)(o - options);
        if (seen_at[row] != 0) {
            problems_add(problems, key->line, "%s is already set in line %zu", o->path,
                         seen_at[row]);
            continue;
        }
        seen_at[row] = key->line;
        given[row] = key->next->kind != NODE_NULL;
        if (given[row])
            read_value(o, key->next, base, problems);
    }
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        if (given[o - options])
            continue;
        set_default(o, base);
        if (o->flags & REQUIRED)
            problems_add(problems, n ? n->line : 1, "%s is missing", o->path);
    }
    if (parent != NULL && n != NULL)
        check_selects(parent, n, given, problems);
}

void config_read(const struct node *root, struct config *ret, struct problems *problems) {
    if (root != NULL && root->kind == NODE_NULL)
        root = NULL;
    read_mapping(NULL, root, ret, problems);
    config_check(root, ret, problems);
}

static void release_below(const struct option *parent, void *base) {
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        const struct option_kind *kind = option_kind(o);
        if (kind->shape == SHAPE_GROUP) {
            release_below(o, base);
            continue;
        }
        void *place = at(base, o->place.at);
        if (place == NULL)
            continue;
        if (kind->shape == SHAPE_SCALAR) {
            if (kind->release != NULL)
                kind->release(place);
            continue;
        }
        size_t *count = at(base, o->place.count_at);
        for (size_t i = 0; i < *count; i++) {
            if (kind->shape == SHAPE_LIST)
                kind->release(*(char ***)place + i);
            else
                release_below(o, *(char **)place + i * o->place.item_size);
        }
        free(*(void **)place);
        *(void **)place = NULL;
        *count = 0;
    }
}

void config_release_values(struct config *c) { release_below(NULL, c); }

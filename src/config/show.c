#include "config/config.h"
#include "config/option.h"
#include "config/value.h"

#define WIDTH ((size_t)100)

static const void *at(const void *base, size_t offset) { return (const char *)base + offset; }

static void indent(size_t n, struct buf *out) {
    while (n-- > 0)
        buf_add_char(out, ' ');
}

static void show_list(const struct option *o, const void *base, size_t column, struct buf *out) {
    char *const *list = *(char **const *)at(base, o->place.at);
    size_t count = *(const size_t *)at(base, o->place.count_at);
    struct buf word = {0};
    size_t line_start = out->len;
    if (count == 0 && o->flags & FILLED)
        return;
    indent(column, out);
    buf_printf(out, "%s: [", option_key(o));
    for (size_t i = 0; i < count; i++) {
        buf_clear(&word);
        option_kind(o)->show(&list[i], &word);
        if (out->len - line_start + word.len > WIDTH - 3) {
            buf_add_char(out, '\n');
            line_start = out->len;
            indent(column + 1, out);
        }
        buf_add_char(out, ' ');
        buf_add_str(out, buf_str(&word));
        buf_add_cstr(out, i + 1 < count ? "," : " ");
    }
    buf_add_cstr(out, "]\n");
    buf_release(&word);
}

static void show_scalar(const struct option *o, const void *base, size_t column, struct buf *out) {
    struct buf value = {0};
    option_kind(o)->show(at(base, o->place.at), &value);
    if (value.len > 0) {
        indent(column, out);
        buf_printf(out, "%s: %s\n", option_key(o),
                   o->flags & SECRET ? "# not shown" : buf_cstr(&value));
    }
    buf_release(&value);
}

/* Nesting is bounded by the table. */
static void show_below(const struct option *parent, const void *base, size_t column,
                       struct buf *out) {
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        enum option_shape shape = option_kind(o)->shape;
        if (shape == SHAPE_GROUP) {
            struct buf inner = {0};
            show_below(o, base, column + 2, &inner);
            if (inner.len > 0)
                buf_printf(out, "%s:\n%s", option_key(o), buf_cstr(&inner));
            buf_release(&inner);
        } else if (o->place.at == PLACE_NONE) {
            continue;
        } else if (shape == SHAPE_SCALAR) {
            show_scalar(o, base, column, out);
        } else if (shape == SHAPE_LIST) {
            show_list(o, base, column, out);
        } else {
            const char *items = *(char *const *)at(base, o->place.at);
            size_t count = *(const size_t *)at(base, o->place.count_at);
            if (count > 0)
                buf_printf(out, "%s:\n", option_key(o));
            for (size_t i = 0; i < count; i++) {
                size_t start = out->len;
                show_below(o, items + i * o->place.item_size, column + 4, out);
                out->ptr[start + column + 2] =
                    '-'; /* every item has a key: REQUIRED, or FILLED and not one that NARROWS */
            }
        }
    }
}

static void changed_below(const struct option *parent, const void *a, const void *b,
                          struct buf *out) {
    struct buf before = {0}, after = {0};
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        enum option_shape shape = option_kind(o)->shape;
        if (shape == SHAPE_GROUP)
            changed_below(o, a, b, out);
        if (o->flags & RELOADABLE || shape != SHAPE_SCALAR || o->place.at == PLACE_NONE)
            continue;
        buf_clear(&before);
        buf_clear(&after);
        option_kind(o)->show(at(a, o->place.at), &before);
        option_kind(o)->show(at(b, o->place.at), &after);
        if (!str_eq(buf_str(&before), buf_str(&after)))
            buf_printf(out, "%s%s", out->len > 0 ? ", " : "", o->path);
    }
    buf_release(&before);
    buf_release(&after);
}

void config_changed_fixed(const struct config *a, const struct config *b, struct buf *out) {
    changed_below(NULL, a, b, out);
}

void config_show(const struct config *c, struct buf *out) { show_below(NULL, c, 0, out); }

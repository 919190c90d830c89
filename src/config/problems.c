#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void problems_add(struct problems *p, size_t line, const char *fmt, ...) {
    if (p->list.len == PROBLEMS_MAX) {
        p->more++;
        return;
    }
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    struct problem new = {line, text};
    vec_push(&p->list, new);
    /* Kept sorted by line; equal lines stay in the order in which they were found. */
    for (size_t i = p->list.len - 1; i > 0 && p->list.items[i - 1].line > line; i--) {
        p->list.items[i] = p->list.items[i - 1];
        p->list.items[i - 1] = new;
    }
}

void problems_print(const struct problems *p, const char *file, struct buf *out) {
    for (size_t i = 0; i < p->list.len; i++) {
        buf_printf(out, "%s:%zu: ", file, p->list.items[i].line);
        buf_add_utf8(out, str_from(p->list.items[i].text));
        buf_add_char(out, '\n');
    }
    if (p->more > 0)
        buf_printf(out, "%s: and %zu more\n", file, p->more);
}

void problems_release(struct problems *p) {
    for (size_t i = 0; i < p->list.len; i++)
        free(p->list.items[i].text);
    vec_free(&p->list);
}

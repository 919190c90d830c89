#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void add(struct problems *p, enum problem_kind kind, size_t line, const char *fmt,
                va_list ap) {
    char *text = NULL;
    p->count[kind]++;
    if (p->list.len == PROBLEMS_MAX) {
        p->more++;
        return;
    }
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    struct problem new = {kind, line, text};
    vec_push(&p->list, new);
    /* Kept sorted by line; equal lines stay in the order in which they were found. */
    for (size_t i = p->list.len - 1; i > 0 && p->list.items[i - 1].line > line; i--) {
        p->list.items[i] = p->list.items[i - 1];
        p->list.items[i - 1] = new;
    }
}

void problems_add(struct problems *p, size_t line, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    add(p, PROBLEM_ERROR, line, fmt, ap);
    va_end(ap);
}

void problems_add_kind(struct problems *p, enum problem_kind kind, size_t line, const char *fmt,
                       ...) {
    va_list ap;
    va_start(ap, fmt);
    add(p, kind, line, fmt, ap);
    va_end(ap);
}

void problems_print(const struct problems *p, const char *file, struct buf *out) {
    for (size_t i = 0; i < p->list.len; i++) {
        const struct problem *problem = &p->list.items[i];
        buf_printf(out, "%s:%zu: %s", file, problem->line,
                   problem->kind == PROBLEM_WARNING ? "warning: " : "");
        buf_add_utf8(out, str_from(problem->text));
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

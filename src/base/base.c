#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t size) {
    if (p == NULL && size > 0) {
        fprintf(stderr, "caskalytics: out of memory (%zu bytes asked)\n", size);
        abort();
    }
    return p;
}

void *xmalloc(size_t size) { return checked(malloc(size), size); }

void *xcalloc(size_t count, size_t size) { return checked(calloc(count, size), count * size); }

void *xrealloc(void *p, size_t size) { return checked(realloc(p, size), size); }

char *xstrdup(const char *s) {
    size_t size = strlen(s) + 1;
    return memcpy(xmalloc(size), s, size);
}

void *vec_grow_(void *items, size_t *cap, size_t item_size) {
    *cap = *cap ? *cap * 2 : 8;
    return xrealloc(items, *cap * item_size);
}

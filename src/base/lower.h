/* ASCII lower case, for what the DNS says has no case. */
#ifndef CASK_LOWER_H
#define CASK_LOWER_H

#include "base/arena.h"

static inline char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* Borrows s when there is nothing to change. */
static inline struct str lower_case(struct str s, struct arena *scratch) {
    size_t i = 0;
    while (i < s.len && s.ptr[i] == lower(s.ptr[i]))
        i++;
    if (i == s.len)
        return s;
    char *copy = arena_bytes(scratch, s.len);
    for (i = 0; i < s.len; i++)
        copy[i] = lower(s.ptr[i]);
    return str_of(copy, s.len);
}

#endif

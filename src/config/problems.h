/* What is wrong with a file, collected so that one run reports everything. */
#ifndef CASK_CONFIG_PROBLEMS_H
#define CASK_CONFIG_PROBLEMS_H

#include "base/base.h"
#include "base/str.h"

#define PROBLEMS_MAX ((size_t)200) /* those behind are only counted */

enum problem_kind {
    PROBLEM_ERROR,
    PROBLEM_SECRET, /* an error for who uses the secrets */
    PROBLEM_WARNING,
    PROBLEM_KINDS
};

struct problem {
    enum problem_kind kind;
    size_t line; /* from 1 */
    char *text;
};

struct problems {
    VEC(struct problem) list;
    size_t more; /* found behind the limit */
    size_t count[PROBLEM_KINDS];
};

/* An error. */
void problems_add(struct problems *p, size_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
void problems_add_kind(struct problems *p, enum problem_kind kind, size_t line, const char *fmt,
                       ...) PRINTF_LIKE(4, 5);
/* One line each in the order of the file: "FILE:LINE: message", "FILE:LINE: warning: message". */
void problems_print(const struct problems *p, const char *file, struct buf *out);
void problems_release(struct problems *p);

#endif

/* What is wrong with a file, collected so that one run reports everything. */
#ifndef CASK_CONFIG_PROBLEMS_H
#define CASK_CONFIG_PROBLEMS_H

#include "base/base.h"
#include "base/str.h"

#define PROBLEMS_MAX ((size_t)200) /* those behind are only counted */

struct problem {
    size_t line; /* from 1 */
    char *text;
};

struct problems {
    VEC(struct problem) list;
    size_t more; /* found behind the limit */
};

void problems_add(struct problems *p, size_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* One line each in the order of the file: "FILE:LINE: message". */
void problems_print(const struct problems *p, const char *file, struct buf *out);
void problems_release(struct problems *p);

#endif

/* A log format: bytes of one line -> the fields that refine knows. One row each in formats.c. */
#ifndef CASK_FORMAT_H
#define CASK_FORMAT_H

#include "base/arena.h"
#include "refine/refine.h"

/* What a line says, before any rule is applied. "" where the format has no such field or it is "-".
 */
struct fields {
    struct str host;  /* address or host name of the client, as logged */
    struct str vhost; /* server name without port */
    struct str user;
    int64_t time;                        /* seconds since the epoch */
    struct str request;                  /* the request line, unescaped */
    struct str method, target, protocol; /* set when the request is METHOD target HTTP/x[.y] */
    uint16_t status;
    uint64_t bytes;
    struct str referrer, agent;
};

struct format {
    const char *name;
    const char *doc; /* one line for help and docs */
    const char *example;
    /* Scratch takes the copies that unescaping needs; nothing else is allocated. */
    enum reason (*parse)(struct str line, struct arena *scratch, struct fields *ret);
};

/* NULL when there is none of that name. */
const struct format *format_find(struct str name);
/* All rows, for documents and tests. */
size_t format_count(void);
const struct format *format_at(size_t i);

/* What every format shares (length, line end, blank lines), then its parse. On a rejection *ret is
 * undefined. */
MUSTCHECK enum reason format_read(const struct format *format, struct str line,
                                  struct arena *scratch, struct fields *ret);

#endif

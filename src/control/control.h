/* Control data (docs/decisions.md D7): small versioned documents by name, apart from measurements.
 * One machine: SQLite in DATA/control.db. Thread-safe. */
#ifndef CASK_CONTROL_H
#define CASK_CONTROL_H

#include "base/err.h"
#include "base/str.h"

struct control;

/* A file of an older version of the program is brought up to this one, in one transaction.
 * ERR_USAGE: it is of a newer version. ERR_CORRUPT, ERR_NOSPACE, ERR_IO. */
MUSTCHECK int control_open(const char *path, struct control **ret, struct err *err);
/* The same with another list of steps of the schema (SQL each): for tests. */
MUSTCHECK int control_open_steps(const char *path, const char *const *steps, int n,
                                 struct control **ret, struct err *err);
void control_close(struct control *c);

/* Read a document into *ret (replaced). *ret_version is 0 when there is none (then *ret is empty).
 */
MUSTCHECK int control_get(struct control *c, const char *key, struct buf *ret,
                          uint64_t *ret_version, struct err *err);

struct control_put {
    const char *key;
    struct str body;  /* ptr NULL: remove the document */
    uint64_t version; /* the version it was read at; 0: must not exist; CONTROL_ANY: whatever */
};
#define CONTROL_ANY UINT64_MAX

/* All puts in one durable transaction, or none. ERR_BUSY when a version does not match. */
MUSTCHECK int control_commit(struct control *c, const struct control_put *puts, size_t n,
                             struct err *err);

/* Documents whose key begins with `prefix`, in key order. */
typedef int control_see_fn(void *arg, const char *key, struct str body, uint64_t version,
                           struct err *err);
MUSTCHECK int control_each(struct control *c, const char *prefix, control_see_fn *see, void *arg,
                           struct err *err);

#endif

/* The commands of this machine: routes under /local, over the unix socket only. What they answer
 * with is always status 200, and a header that says what a command would have: an error code and
 * its text. Thread-safe. */
#ifndef CASK_API_LOCAL_H
#define CASK_API_LOCAL_H

#include "base/err.h"
#include "base/str.h"

struct api;
struct client;
struct http_exchange;

/* Before a command: *ret_client (may be NULL: it needs none) is to be given back. ERR_AWAY: the
 * server stops, or has no engine. */
MUSTCHECK int local_begin(struct api *api, struct client **ret_client, struct err *err);

/* The one header of an answer: "CODE text", the text as in a URL; none when all went well. */
#define LOCAL_ERROR_HEADER "Caskalytics-Error"
/* Answer with what is in http_out(). */
void local_reply(struct http_exchange *x, const struct api *api, int rc, const struct err *err);

/* Who is importing, and the list of imports meanwhile (local_imports.c). */
struct local_imports;
struct local_imports *local_imports_new(void);
void local_imports_free(struct local_imports *i); /* takes NULL */

/* The `count` records of a block that an import sends, as the lake writes them; what the lake would
 * not be understood with must not get into it. *ret (zeroed, to be released) borrows the body. */
struct records;
MUSTCHECK int local_read_block(struct str body, uint64_t count, struct records *ret,
                               struct err *err);
/* "FIRST LAST" of the next lines -> a condition on block ids in SQL. False: no more, or *rc is an
 * error. */
bool local_next_blocks(struct str *rest, struct buf *where, int *rc, struct err *err);

#endif

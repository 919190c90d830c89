/* Client of the ClickHouse HTTP protocol: the engine process on a unix socket, or a server by URL.
 * One struct per thread. Every statement goes through here. */
#ifndef CASK_CLIENT_H
#define CASK_CLIENT_H

#include "base/err.h"
#include "base/str.h"

struct client;

/* `socket_path` NULL: TCP to `url` ("http://host:8123"); else the unix socket. Connects lazily. */
MUSTCHECK int client_new(const char *socket_path, const char *url, struct client **ret,
                         struct err *err);
void client_free(struct client *c);

struct setting {
    const char *name, *value;
};

/* Run a statement and append its result to *ret (may be NULL) in `format` ("TSV", "RowBinary",
 * "JSONEachRow", ...; NULL for statements without result). `settings` may be NULL (n 0).
 * ERR_ENGINE: the server said no (message with its exception code and text).
 * ERR_AWAY: no or no whole answer: whether the statement ran is unknown; look before trying again.
 */
MUSTCHECK int client_query(struct client *c, struct str sql, const char *format,
                           const struct setting *settings, size_t n, struct buf *ret,
                           struct err *err);

/* INSERT with a body: `sql` is "INSERT INTO t (cols) FORMAT Native". `structure` ("a UInt64, b
 * String") describes the body, as a hint to the embedded engine. Errors as above. */
MUSTCHECK int client_insert(struct client *c, struct str sql, struct str structure, struct str body,
                            const struct setting *settings, size_t n, struct err *err);

/* The exception code of the last ERR_ENGINE (X-ClickHouse-Exception-Code), 0 if none. */
int client_exception_code(const struct client *c);
/* CORRUPTED_DATA: a part cannot be read, as after a merge that a full disk cut short. */
#define CLIENT_BROKEN_PART 246
/* Engine-side seconds of the last query (X-ClickHouse-Summary elapsed_ns), 0 if unknown. */
double client_elapsed_seconds(const struct client *c);
/* From another thread: the statement in flight is killed, and it and all later ones of this client
 * end with ERR_STOPPED. */
void client_stop(struct client *c);

/* SQL literals: the one place where text becomes SQL. 'it\'s' with \\ \' \n \t \0 \xHH escapes. */
void sql_quote(struct buf *sql, struct str text);

#endif

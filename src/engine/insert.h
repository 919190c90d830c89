/* INSERT with rows: they travel in a memfd, because binary data in the text of a query break at a
 * ';' byte (docs/internals/engine.md). */
#ifndef CASK_ENGINE_INSERT_H
#define CASK_ENGINE_INSERT_H

#include "engine/engine.h"
#include "engine/lexer.h"

/* Write "INSERT INTO t (...) SELECT * FROM file('/proc/self/fd/N', ...)". Rows that stood in the
 * text go to a memfd of their own: *ret_fd, to be closed with insert_close() after the statement
 * ran. False: the error is in *a. */
bool insert_rewrite(struct engine *e, chdb_connection *conn, const struct request *request,
                    const struct insert_head *head, struct buf *sql, int *ret_fd, struct answer *a);
void insert_close(int fd);

/* An empty memfd, or -1 with errno. */
int insert_new_body(void);

#endif

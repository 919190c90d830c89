/* The ClickHouse HTTP protocol, as far as docs/internals/engine.md says, on a listening unix
 * socket. */
#ifndef CASK_ENGINE_HTTP_H
#define CASK_ENGINE_HTTP_H

#include "engine/engine.h"

struct http;

/* Serves until the process ends; a thread per connection, so that an idle one holds nothing of the
 * engine and /ping answers while statements run. */
MUSTCHECK int http_start(struct engine *e, int listen_fd, struct http **ret, struct err *err);
/* Take no new connections. */
void http_quiesce(struct http *h);

#endif

/* The server that runs on a data directory, over its unix socket DATA/caskalytics.sock. Who may
 * open that needs no log-in. One thread at a time. */
#ifndef CASK_CMD_REMOTE_H
#define CASK_CMD_REMOTE_H

#include "base/err.h"
#include "base/str.h"

struct remote;

/* *ret is NULL when none runs; a socket that a dead one left behind is none. ERR_FAILED: there is
 * one, but it cannot be talked to. */
MUSTCHECK int remote_open(const char *data_dir, struct remote **ret, struct err *err);
void remote_close(struct remote *r); /* takes NULL */

/* One request, on a connection of its own: nothing is ever sent twice. Waits as long as the server
 * works. What it answers is appended to *ret, also on error. The error is that of the command, or
 * ERR_AWAY: the server stops, or is gone; whether it has carried out the request is unknown then.
 */
MUSTCHECK int remote_call(struct remote *r, const char *method, const char *path, struct str body,
                          struct buf *ret, struct err *err);

#endif

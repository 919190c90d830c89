/* A password from whoever sits there: without echo from the terminal, else the first line of
 * standard input. Never from the command line, which others can see. */
#ifndef CASK_CMD_PASSWORD_H
#define CASK_CMD_PASSWORD_H

#include "base/err.h"
#include "base/str.h"

/* From a terminal it is asked for twice. Wipe *ret with password_wipe() behind its use. */
MUSTCHECK int password_read(struct buf *ret, struct err *err);
void password_wipe(struct buf *password);

#endif

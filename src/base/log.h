/* Log lines: `event=... key=value`, to stderr. Hot paths count, they do not log. Never a secret, a
 * token or an IP address. */
#ifndef CASK_LOG_H
#define CASK_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* The least level that is written (default LOG_WARN); set once at start, before threads. */
void log_set_level(enum log_level level);
/* fmt gives the rest of the line: log_line(LOG_WARN, "engine_died", "status=%d", status). */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif

/* Log lines to stderr, one a line: `TIME level=info event=listening port=8080`, or the same as
 * JSON. Hot paths count, they do not log. Never a secret, a token or an IP address. */
#ifndef CASK_LOG_H
#define CASK_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* "debug", "info", ...; "text", "json". False: none of them. */
bool log_level_parse(const char *name, enum log_level *ret);
bool log_format_parse(const char *name, enum log_format *ret);

/* The least level that is written (default LOG_WARN). */
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
/* `fmt` is the rest of the line, as key=value or key="value" parted by one blank; the quotes in it
 * are those of the line, whatever the values hold:
 * log_line(LOG_WARN, "engine_died", "pid=%d error=\"%s\"", pid, err.text). */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif

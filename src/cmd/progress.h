/* One line of progress on a terminal's stderr: share, rate and time left. Nothing elsewhere. */
#ifndef CASK_CMD_PROGRESS_H
#define CASK_CMD_PROGRESS_H

#include "base/str.h"

struct progress {
    bool on;
    double start, drawn; /* seconds, monotonic; drawn 0: not yet */
    char what[80];
};

void progress_begin(struct progress *p, const char *what);
/* `all` 0: unknown. `unit` goes with the rate of `count`: "lines". */
void progress_show(struct progress *p, uint64_t done, uint64_t all, uint64_t count,
                   const char *unit);
/* Clear the line. */
void progress_end(struct progress *p);

/* "1,234,567" */
void text_count(struct buf *out, uint64_t n);
/* "12 s", "3 m 05 s", "2 h 01 m" */
void text_seconds(struct buf *out, double seconds);
/* "512 B", "1.2 MB" */
void text_bytes(struct buf *out, uint64_t bytes);

/* From here on SIGINT and SIGTERM only ask to stop. */
void stop_on_signals(void);
/* From here on nobody asks: a signal ends the program at once (and the engine with it). */
void stop_at_once(void);
bool stop_asked(void);

#endif

/* The control socket between parent and engine: lines of text.
 *
 *   engine: "ready 1\n" (1: Landlock is on) or "error CODE text\n", once
 *   parent: "?" at any time; engine: "!" at once, from its main thread
 *
 * End of file tells the engine that the parent is gone. */
#ifndef CASK_ENGINE_CONTROL_H
#define CASK_ENGINE_CONTROL_H

#include "base/err.h"

void control_report_ready(int fd, bool sandboxed);
void control_report_error(int fd, const struct err *err);
bool control_parent_gone(int fd);
/* Answers until the parent is gone. */
void control_serve(int fd);

#endif

/* What the engine process may touch: its own directory, and to read what libchdb needs. */
#ifndef CASK_ENGINE_SANDBOX_H
#define CASK_ENGINE_SANDBOX_H

#include "base/err.h"

/* Landlock. Before any thread starts, because it holds for the calling thread and those it starts.
 * *ret_on is false where the kernel has none. ERR_IO when it has but refuses. */
MUSTCHECK int sandbox_files(const char *directory, const char *library, bool *ret_on,
                            struct err *err);

/* seccomp, for all threads: no new sockets, no other programs, no looking into other processes.
 * After libchdb is connected. */
MUSTCHECK int sandbox_calls(struct err *err);

#endif

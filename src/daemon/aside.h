/* A damaged directory of the engine is put out of the way (used by engine_process.c only). */
#ifndef CASK_DAEMON_ASIDE_H
#define CASK_DAEMON_ASIDE_H

#include "daemon/spawn.h"

/* After engine_spawn() said ERR_CORRUPT (in *err). First an engine is started in an empty directory
 * beside it: where that fails too, or the disk is all but full, it is not the directory that is to
 * blame. Then DATA/engine becomes DATA/engine.damaged; an older one is deleted, and so is this one
 * where the disk has no room for a second store. True: the engine can be started anew, and is
 * empty. False: all is as it was. */
bool engine_move_aside(const struct engine_plan *plan, int stop_fd, const struct err *err);

#endif

/* What systemd is told (sd_notify(3), sd_watchdog_enabled(3)); nothing without it. */
#ifndef CASK_NOTIFY_H
#define CASK_NOTIFY_H

#include "base/base.h"

/* One datagram to $NOTIFY_SOCKET: "READY=1". Errors are nobody's business. */
void notify(const char *state);
/* READY=1 must follow: RELOADING=1 with the time that it began. */
void notify_reloading(void);
/* How often WATCHDOG=1 has to be sent, in seconds; 0: not wanted. */
double notify_watchdog_seconds(void);

#endif

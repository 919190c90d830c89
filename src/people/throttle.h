/* Failed log-ins: after a few of one account, or of one address, the next must wait, longer each
 * time. Accounts and addresses are kept as keyed hashes, in memory only. Thread-safe. */
#ifndef CASK_PEOPLE_THROTTLE_H
#define CASK_PEOPLE_THROTTLE_H

#include "base/clock.h"
#include "base/str.h"

#define THROTTLE_ENTRIES ((size_t)10000)

struct throttle;

enum throttle_kind { THROTTLE_ACCOUNT, THROTTLE_ADDRESS };

struct throttle *throttle_new(const struct clock *clock);
void throttle_free(struct throttle *t);
/* May somebody try now? 0: yes, and it counts as failed until throttle_forgive(), so that many at
 * once do not get through; else seconds to wait. */
unsigned throttle_try(struct throttle *t, enum throttle_kind kind, struct str key);
/* That account logged in, or was given a new password. Addresses are not forgiven: whoever has one
 * account could guess at others for ever. */
void throttle_forgive(struct throttle *t, enum throttle_kind kind, struct str key);
/* The try was none after all (it was refused for another reason). */
void throttle_take_back(struct throttle *t, enum throttle_kind kind, struct str key);

#endif

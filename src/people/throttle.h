/* Failed log-ins: after a few the next must wait, longer each time. They are counted
 *
 *     by account and network     a few; so that who guesses elsewhere keeps nobody out
 *     by address                 an office may be behind it
 *     by account                 many, from wherever they come
 *
 * A network is /24 of IPv4 and /64 of IPv6, an address is one of IPv4 and /64 of IPv6. All of them
 * are kept as keyed hashes, in memory only. Thread-safe. */
#ifndef CASK_PEOPLE_THROTTLE_H
#define CASK_PEOPLE_THROTTLE_H

#include "base/clock.h"
#include "base/str.h"

#define THROTTLE_ENTRIES ((size_t)10000)

struct throttle;

struct throttle *throttle_new(const struct clock *clock);
void throttle_free(struct throttle *t);
/* May somebody try now? 0: yes, and it counts as failed until one of the next two is called, so
 * that many at once do not get through; else seconds to wait. */
unsigned throttle_try(struct throttle *t, struct str account, struct str address);
/* The password was right: what was wrong before counts no more for the account in this network.
 * Addresses are not forgiven: whoever has one account could guess at others for ever. */
void throttle_succeed(struct throttle *t, struct str account, struct str address);
/* The try was none after all (it was refused for another reason). */
void throttle_take_back(struct throttle *t, struct str account, struct str address);
/* The account has a new password: nothing counts for it any more, wherever it came from. */
void throttle_forgive(struct throttle *t, struct str account);

#endif

/* Visitors: keyed hash of address and raw user agent, the same on all sites (docs/definitions.md).
 * Without the key nobody can go from the number back to the address. */
#ifndef CASK_VISITOR_H
#define CASK_VISITOR_H

#include "base/err.h"
#include "base/str.h"

#define VISITOR_KEY_BYTES 16

struct visitor_key {
    unsigned char bytes[VISITOR_KEY_BYTES];
};

/* Reads DATA/keys; makes it (mode 0600, durably) when there is none, with the directory. Group and
 * others lose any access they have. ERR_USAGE when its content is damaged: it is never made anew
 * then, as every visitor would be new. ERR_IO, ERR_NOSPACE. */
MUSTCHECK int visitor_key_open(const char *data_dir, struct visitor_key *ret, struct err *err);

/* A key for this process only: numbers of visitors mean nothing outside it. */
MUSTCHECK int visitor_key_random(struct visitor_key *ret, struct err *err);

/* SipHash-2-4 of host, NUL, agent. */
uint64_t visitor_id(const struct visitor_key *key, struct str host, struct str agent);

#endif

/* Secrets that we hand out (sessions, tokens, share links): 32 random bytes in base64url, shown
 * once. Kept are only their hashes (BLAKE2b, no salt: there is nothing to guess). */
#ifndef CASK_PEOPLE_SECRET_H
#define CASK_PEOPLE_SECRET_H

#include "base/str.h"

#define SECRET_TEXT 44 /* base64url of 32 bytes, with its NUL */
#define SECRET_PREFIX 8

struct secret {
    char text[SECRET_PREFIX + SECRET_TEXT];
};

/* `prefix` tells people and scanners what it is; fewer than SECRET_PREFIX bytes. */
void secret_make(const char *prefix, struct secret *ret);
/* Also the name of its document, so in base64url as well. */
void secret_hash(struct str secret, char ret[SECRET_TEXT]);
/* Another secret that only who has the first can know. */
void secret_derive(struct str secret, const char *purpose, char ret[SECRET_TEXT]);
/* In the same time wherever they differ. */
bool secret_equal(struct str a, struct str b);

#endif

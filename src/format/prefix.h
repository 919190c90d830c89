/* Something that stands before a line of a web server, such as a header of syslog. Its words take
 * the places of client and identity, and what the client sent ends up in the user's name. */
#ifndef CASK_PREFIX_H
#define CASK_PREFIX_H

#include "base/str.h"

/* `between` is what stands between the first field and the time stamp. True when it holds an
 * address with two more fields behind it, and the first field is none. The inner address is never
 * taken for the client: names of users are written by clients. */
bool prefix_is_before(struct str first, struct str between);

#endif

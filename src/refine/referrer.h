/* Where a visit came from: referrer and the campaign parameters of the target. */
#ifndef CASK_REFERRER_H
#define CASK_REFERRER_H

#include "base/arena.h"
#include "base/str.h"

#define UTM_BYTES 255u /* a campaign parameter is cut to this */

struct origin {
    struct str domain;  /* referrer's host in lower case without port and leading "www."; "" if it
                           has none */
    struct str channel; /* name of a row of schema/channels.def */
    struct str utm_source, utm_medium, utm_campaign; /* decoded; "" without */
};

/* Strings borrow from the arguments, or are static, or live in `scratch`. */
struct origin origin_of(struct str referrer, struct str target, struct str site,
                        struct arena *scratch);

#endif

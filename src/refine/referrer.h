/* Where a visit came from: referrer, campaign parameters and click id of the target. */
#ifndef CASK_REFERRER_H
#define CASK_REFERRER_H

#include "base/arena.h"
#include "base/str.h"
#include "refine/channel.h"

#define UTM_BYTES 255u /* a campaign parameter is cut to this */

struct origin {
    struct str domain;  /* referrer's host in lower case without port and leading "www."; "" if it
                           has none */
    struct str channel; /* name of a row of schema/channels.def */
    struct str utm_source, utm_medium, utm_campaign; /* decoded; "" without */
    struct str utm_term, utm_content;
    struct str click_id; /* name of the parameter, "gclid"; "" without */
};

/* `site` by its name, and `server` as the line names it ("" for none): their pages are the site's
 * own. Strings borrow from the arguments, or are static, or live in `scratch`. */
struct origin origin_of(const struct channels *channels, struct str referrer, struct str target,
                        struct str site, struct str server, struct arena *scratch);

#endif

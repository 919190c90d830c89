/* Page view, download request or asset: docs/definitions.md by method, target and status. */
#ifndef CASK_CLASSIFY_H
#define CASK_CLASSIFY_H

#include "base/err.h"
#include "config/config.h"
#include "event/event.h"

struct classifier;

struct hit_class {
    enum event_kind kind;
    struct str path;                       /* the target up to the first '?' */
    struct str product, version, platform; /* of a download request that a product rule matches */
};

/* ERR_USAGE: a product rule that does not compile, an extension that is too long. */
MUSTCHECK int classifier_new(const struct config *config, struct classifier **ret, struct err *err);
void classifier_free(struct classifier *c);

/* Method and target are "" when the request was none: then the kind is KIND_OTHER. Strings borrow
 * from `target` and from the classifier. */
struct hit_class classify(struct classifier *c, struct str method, struct str target,
                          uint16_t status);

/* A beacon named `pageview` is one; others are events of the page's own. */
struct hit_class classify_beacon(struct str name, struct str target);

#endif

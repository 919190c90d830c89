/* Product rules: paths -> product, version, platform (docs/definitions.md), as PCRE2 patterns over
 * bytes. */
#ifndef CASK_PRODUCT_H
#define CASK_PRODUCT_H

#include "base/err.h"
#include "base/str.h"
#include "config/config.h"

struct product_rules;

struct product_match {
    struct str product;           /* the rule's name, lives as long as the rules */
    size_t rule;                  /* its number, from 0 */
    struct str version, platform; /* the named groups, pieces of the path; else the rule's own; else
                                     "" */
    bool redirects;               /* the rule accepts 301, 302, 307 as well */
};

/* ERR_USAGE names the product and what is wrong with its pattern. */
MUSTCHECK int product_rules_new(const struct config_product *products, size_t n,
                                struct product_rules **ret, struct err *err);
void product_rules_free(struct product_rules *p);

/* True if a rule matches; the first one decides. A path met again shortly after is answered from a
 * cache. A rule that goes over the step limit does not match this path (counted). */
bool product_match(struct product_rules *p, struct str path, struct product_match *ret);

uint64_t product_rules_match_limits(const struct product_rules *p);

#endif

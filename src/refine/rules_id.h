/* Which rules made a row: a number that is another one whenever something that decides about events
 * is: the version of the code (REFINE_RULES), the lists and the country database, what the
 * configuration says of extensions, products, exclusions and spam. */
#ifndef CASK_RULES_ID_H
#define CASK_RULES_ID_H

#include "base/err.h"
#include "config/config.h"

/* `countries` tells which country database it is. ERR_NOTFOUND, ERR_IO of a list. */
MUSTCHECK int rules_id(const struct config *config, uint64_t countries, uint32_t *ret,
                       struct err *err);

#endif

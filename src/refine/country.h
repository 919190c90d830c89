/* Country of an address by libmaxminddb. Reads the flat field `country_code` and the nested
 * `country.iso_code`, whichever the file has. Lookups are safe from several threads at once. */
#ifndef CASK_COUNTRY_H
#define CASK_COUNTRY_H

#include "base/err.h"
#include "base/str.h"

struct country;

/* ERR_NOTFOUND, ERR_IO, ERR_CORRUPT (not such a database). */
MUSTCHECK int country_open(const char *mmdb, struct country **ret, struct err *err);
void country_close(struct country *c);
/* Another number for another edition of the database. */
uint64_t country_edition(const struct country *c);
/* Two-letter code for an IPv4 or IPv6 address in text (IPv4-mapped ones too); "" for host names,
 * private and unknown addresses. The result points into the database: valid until country_close().
 * Allocates nothing. */
struct str country_lookup(struct country *c, struct str host);

#endif

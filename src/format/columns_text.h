/* How text stands in formats of columns: quotes of the W3C draft, the pluses of Internet
 * Information Services, the percents of CloudFront. Results borrow from the argument or from
 * scratch and are never longer than the argument. */
#ifndef CASK_COLUMNS_TEXT_H
#define CASK_COLUMNS_TEXT_H

#include "format/cursor.h"

/* The next field, `sep` (a tab, or a blank for blanks and tabs) behind it; several count as one.
 * Empty only at the end. */
struct str columns_field(struct cursor *c, char sep);

/* A field in quotes, in which "", \" and \\ are escapes. False: this is none, as its closing quote
 * is no end of a field (the cursor stays). REASON_unclosed_quote when it never closes. */
MUSTCHECK enum reason columns_quoted(struct cursor *c, struct arena *scratch, bool *ret_quoted,
                                     struct str *ret);

/* A user agent whose blanks are logged as pluses. */
struct str columns_plus_agent(struct str agent, struct arena *scratch);

/* A user agent as the client sent it, encoded once or (as CloudFront did for years) twice. */
struct str columns_percent_agent(struct str agent, struct arena *scratch);

/* %25 before two hexadecimal digits -> %: what the log encoded once more than the request. */
struct str columns_percent_once(struct str s, struct arena *scratch);

/* The first of a list of forwarders (X-Forwarded-For), without port and brackets; "" unless it is
 * an address. */
struct str columns_forwarded(struct str list);

#endif

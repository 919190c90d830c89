/* Which format a stream of lines has. */
#ifndef CASK_LINES_FORMAT_H
#define CASK_LINES_FORMAT_H

#include "format/format.h"
#include "source/lines.h"

/* Open the format of a stream that stands at its beginning; "" or "auto" is decided by its first
 * lines. They are not consumed. *ret_names_site: each line names its site, which header lines among
 * the first lines may tell. ERR_USAGE, errors of lines_peek(). */
MUSTCHECK int lines_open_format(struct lines *lines, struct str spec, struct format **ret,
                                bool *ret_names_site, struct err *err);

#endif

/* Apache's common and combined log formats, and combined behind `%v:%p ` (Debian's vhost_combined).
 * Source: httpd documentation, mod_log_config. See struct format for the contract. */
#ifndef CASK_APACHE_H
#define CASK_APACHE_H

#include "refine/format.h"

enum reason apache_common(struct str line, struct arena *scratch, struct fields *ret);
enum reason apache_combined(struct str line, struct arena *scratch, struct fields *ret);
enum reason apache_vhost(struct str line, struct arena *scratch, struct fields *ret);

#endif

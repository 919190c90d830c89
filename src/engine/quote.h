/* Text into SQL, inside the engine process. */
#ifndef CASK_ENGINE_QUOTE_H
#define CASK_ENGINE_QUOTE_H

#include "base/str.h"

void quote_string(struct buf *sql, struct str text); /* 'it\'s' */
void quote_name(struct buf *sql, struct str name);   /* `name` */
/* Name or quoted name as it stood in a statement -> the plain name. */
void unquote_name(struct buf *name, struct str token);

#endif

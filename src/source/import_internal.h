/* Shared by import.c and import_list.c only. */
#ifndef CASK_IMPORT_INTERNAL_H
#define CASK_IMPORT_INTERNAL_H

#include "source/import.h"

/* Remember how far an import came; a mark at or before the last one is passed over. */
void import_add_mark(struct import *import, struct import_mark mark);
/* Remove the newest import of the list. */
void imports_drop_last(struct imports *imports);
/* The position that a block carries: the document of its import with this one mark. */
void import_position(const struct import *import, const struct import_mark *mark, struct buf *out);

#endif

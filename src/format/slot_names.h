/* The names of slots that people write: those of schema/slots.def and schema/slot_synonyms.def. */
#ifndef CASK_SLOT_NAMES_H
#define CASK_SLOT_NAMES_H

#include "format/slots.h"

/* ERR_USAGE: there is no such name; says which one was probably meant. */
MUSTCHECK int slot_named(struct str name, enum slot *ret, struct err *err);

const char *slot_doc(enum slot slot);
/* Its synonyms one after the other: start with *at = 0; NULL behind the last. */
const char *slot_synonym(enum slot slot, size_t *at);

#endif

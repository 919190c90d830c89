/* Names (words, domains) -> small numbers: made once, asked for each line without allocating. ASCII
 * case is ignored. */
#ifndef CASK_NAMES_H
#define CASK_NAMES_H

#include "base/arena.h"

struct name_slot; /* open addressing, at most half full */
struct names {
    struct name_slot *slots;
    size_t len, cap;
    struct arena arena; /* copies of the names */
};

/* `value` 1 to 255. The first value of a name stays. An empty name is passed over. */
void names_add(struct names *n, struct str name, uint8_t value);
uint8_t names_find(const struct names *n, struct str name); /* 0: none */
void names_release(struct names *n);

#endif

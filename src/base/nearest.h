/* "Did you mean ...?": the known word that a mistyped one is nearest to. */
#ifndef CASK_NEAREST_H
#define CASK_NEAREST_H

#include "base/str.h"

/* Keeps the best candidate seen so far: start with {.word = ...}, offer each known word once. */
struct nearest {
    struct str word;
    const char *best; /* borrowed; NULL: nothing near enough to be what was meant */
    unsigned distance;
};

void nearest_offer(struct nearest *n, const char *candidate);

#endif

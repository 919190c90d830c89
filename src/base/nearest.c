#include "base/nearest.h"

#include <ctype.h>

#define LONGEST ((size_t)64) /* longer words have no suggestion */

static unsigned min3(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours; letters in any case are equal. */
static unsigned edit_distance(struct str a, struct str b) {
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            int x = tolower((unsigned char)a.ptr[i - 1]), y = tolower((unsigned char)b.ptr[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b.ptr[j - 2]) &&
                y == tolower((unsigned char)a.ptr[i - 2]) && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

void nearest_offer(struct nearest *n, const char *candidate) {
    struct str c = str_from(candidate);
    if (n->word.len == 0 || n->word.len > LONGEST || c.len > LONGEST)
        return;
    unsigned distance = edit_distance(n->word, c);
    /* A third of the letters may be wrong, else a suggestion is noise; the start of a word is near.
     */
    bool near = distance <= (max_size(n->word.len, c.len) + 1) / 3 ||
                (n->word.len >= 2 && str_starts(c, n->word));
    if (near && (n->best == NULL || distance < n->distance)) {
        n->best = candidate;
        n->distance = distance;
    }
}

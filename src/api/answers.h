/* Answers to questions, kept as long as they are true: by question and version of the store. */
#ifndef CASK_ANSWERS_H
#define CASK_ANSWERS_H

#include "base/str.h"

struct answers;

struct answers_counts {
    uint64_t hits, misses, entries, bytes;
};

struct answers *answers_new(size_t max_bytes);
void answers_free(struct answers *a);
/* Append the answer that was kept for the key at this version; false if there is none. Thread-safe,
 * as all here. */
bool answers_find(struct answers *a, struct str key, uint64_t version, struct buf *ret);
/* Keep an answer that was computed at `version` or later but asked for at `version`. The longest
 * unused ones go when there are too many bytes. */
void answers_keep(struct answers *a, struct str key, uint64_t version, struct str answer);
struct answers_counts answers_counts(struct answers *a);

#endif

/* Temporary files and packing for the tests of source. */
#ifndef CASK_TEST_SOURCE_PACK_H
#define CASK_TEST_SOURCE_PACK_H

#include "base/str.h"

enum packing_kind { PACK_NONE, PACK_GZIP, PACK_BZIP2, PACK_ZSTD, PACK_COUNT };
/* Append `bytes` packed as one member. */
void pack(enum packing_kind kind, struct str bytes, struct buf *ret);

/* A path of its own; removed at exit. */
const char *temp_path(void);
void write_file(const char *path, struct str bytes);

uint64_t random_next(uint64_t *state);
static inline uint64_t random_below(uint64_t *state, uint64_t n) { return random_next(state) % n; }

#endif

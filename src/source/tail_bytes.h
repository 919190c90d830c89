/* The bytes of a followed file, unpacked, by their offset. Plain files are read where they are;
 * packed ones from their beginning, and anew when an earlier byte is asked for. Owner: one thread.
 */
#ifndef CASK_TAIL_BYTES_H
#define CASK_TAIL_BYTES_H

#include "base/err.h"
#include "base/str.h"
#include <sys/stat.h>

struct tail_bytes;

/* ERR_NOTFOUND, ERR_IO (no permission, ...). A directory or device: ERR_USAGE. */
MUSTCHECK int tail_bytes_open(const char *path, struct tail_bytes **ret, struct err *err);
void tail_bytes_close(struct tail_bytes *b); /* takes NULL */
MUSTCHECK int tail_bytes_stat(const struct tail_bytes *b, struct stat *ret, struct err *err);
bool tail_bytes_packed(const struct tail_bytes *b);
/* Of a packed file, once: find damage before anything is believed (input_check). */
MUSTCHECK int tail_bytes_check(struct tail_bytes *b, struct err *err);
/* Fewer than `len` bytes only at the end. ERR_CORRUPT: of a packed file, damage lies before `at`
 * and the bytes asked for; what lies before the damage is given out first. ERR_IO. */
MUSTCHECK int tail_bytes_read(struct tail_bytes *b, uint64_t at, char *to, size_t len,
                              size_t *ret_len, struct err *err);
/* Where the next bytes that are no hole are, at or behind `at`. */
uint64_t tail_bytes_skip_hole(const struct tail_bytes *b, uint64_t at);
/* Is a gzip file surely no longer than `offset`? It says so in its last four bytes, so that it need
 * not be unpacked to know. */
bool tail_bytes_ends_at(const struct tail_bytes *b, uint64_t offset);

#endif

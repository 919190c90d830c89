/* A stream of unpacked bytes from a file or stdin. gzip (all members), bzip2 (all streams) and zstd
 * (all frames) are opened by their magic bytes, whatever the name says. */
#ifndef CASK_INPUT_H
#define CASK_INPUT_H

#include "base/err.h"
#include "base/str.h"

struct input;

/* "-" is stdin. ERR_NOTFOUND, ERR_USAGE (a directory), ERR_IO (not readable). */
MUSTCHECK int input_open(const char *path, struct input **ret, struct err *err);
/* Take over an open descriptor (closed by input_close); `name` is for messages. */
MUSTCHECK int input_from_fd(int fd, const char *name, struct input **ret, struct err *err);
void input_close(struct input *in);

/* Up to `room` unpacked bytes. *ret_len 0 means the end. ERR_CORRUPT: the packed data is damaged or cut
 * (what came before was good and was delivered); ERR_IO. */
MUSTCHECK int input_read(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err);

/* Bytes of the file itself read so far, and its size (0 when unknown), for progress. */
uint64_t input_raw_bytes(const struct input *in);
uint64_t input_raw_size(const struct input *in);

#endif

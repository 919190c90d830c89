/* A stream of unpacked bytes from a file or stdin. gzip (all members), bzip2 (all streams) and zstd
 * (all frames) are opened by their magic bytes, whatever the name says. */
#ifndef CASK_INPUT_H
#define CASK_INPUT_H

#include "base/err.h"
#include "base/str.h"

struct input;

/* Asked before each read, and while a pipe or terminal has nothing to read: true ends it with
 * ERR_STOPPED. */
struct input_stop {
    bool (*asked)(void *arg);
    void *arg;
};

/* "-" is stdin. ERR_NOTFOUND, ERR_USAGE (a directory), ERR_IO (not readable). `stop` may be NULL;
 * it must outlive the input. */
MUSTCHECK int input_open(const char *path, const struct input_stop *stop, struct input **ret,
                         struct err *err);
/* Take over an open descriptor (closed in any case, by input_close or here); `name` is for
 * messages. */
MUSTCHECK int input_from_fd(int fd, const char *name, const struct input_stop *stop,
                            struct input **ret, struct err *err);
void input_close(struct input *in);

/* Do these first bytes (four are enough) begin packed data? */
bool input_is_packed(struct str first);

/* Up to `room` unpacked bytes. *ret_len 0 means the end. ERR_CORRUPT: the packed data is damaged or
 * cut (what came before was good and was delivered, the same bytes each time whatever `room` is);
 * ERR_IO. An error stays: later calls give it again. */
MUSTCHECK int input_read(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err);

/* Wait until there is something to read, or the end. ERR_STOPPED. `stop` may be NULL. */
MUSTCHECK int input_wait(int fd, const struct input_stop *stop, struct err *err);

/* Begin again. Only where input_seekable(): a regular file. */
bool input_seekable(const struct input *in);
MUSTCHECK int input_rewind(struct input *in, struct err *err);

/* Read a packed file to its end and rewind it, to find damage before anything is believed: what is
 * unpacked behind a flipped bit is rubbish until a checksum says so, and a flipped bit can make a
 * file look cut short. If a member (frame, stream) is damaged or cut, reading will give out the
 * whole members before it and then ERR_CORRUPT; if there are none, that is told here. Plain files:
 * nothing to do. ERR_CORRUPT, ERR_IO, ERR_STOPPED. */
MUSTCHECK int input_check(struct input *in, struct err *err);

/* Bytes of the file itself read so far, and its size (0 when unknown), for progress. */
uint64_t input_raw_bytes(const struct input *in);
uint64_t input_raw_size(const struct input *in);

#endif

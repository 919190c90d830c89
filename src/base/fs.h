/* Files: whole reads and writes, durable replacement, directories. */
#ifndef CASK_FS_H
#define CASK_FS_H

#include "base/err.h"
#include "base/str.h"
#include <sys/types.h>

/* Read a whole file of at most `limit` bytes. ERR_NOTFOUND, ERR_TOOBIG, ERR_IO. */
MUSTCHECK int fs_read_file(const char *path, size_t limit, struct buf *ret, struct err *err);
/* Write all bytes, going on after short writes and EINTR. ERR_IO, ERR_NOSPACE. */
MUSTCHECK int fs_write_all(int fd, const void *bytes, size_t n, const char *name, struct err *err);
/* Replace a file durably: write PATH.inprogress, fsync, rename, fsync the directory. */
MUSTCHECK int fs_replace_file(const char *path, struct str content, mode_t mode, struct err *err);
/* mkdir -p with mode 0700 for what is new; the new entries are synced. */
MUSTCHECK int fs_make_dirs(const char *path, struct err *err);
/* fsync the directory that holds `path`, so that a new or renamed entry survives power loss. */
MUSTCHECK int fs_sync_parent(const char *path, struct err *err);
/* fdatasync, never retried: after a failure the page cache can no longer be trusted. */
MUSTCHECK int fs_sync_data(int fd, const char *name, struct err *err);
bool fs_exists(const char *path);

#endif

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int fs_read_file(const char *path, size_t limit, struct buf *ret, struct err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", path);
    int rc = 0;
    for (;;) {
        if (ret->len > limit) {
            rc = err_set(err, ERR_TOOBIG, "%s: larger than %zu bytes", path, limit);
            break;
        }
        char *to = buf_reserve(ret, 64 << 10);
        ssize_t n = to ? read(fd, to, 64 << 10) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_errno(err, ERR_IO, "%s", path);
        if (n <= 0)
            break;
        ret->len += (size_t)n;
    }
    close(fd);
    return rc;
}

int fs_write_all(int fd, const void *bytes, size_t n, const char *name, struct err *err) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno(err, ERR_IO, "%s: write", name);
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int fs_sync_data(int fd, const char *name, struct err *err) {
    if (fdatasync(fd) < 0)
        return err_errno(err, ERR_IO, "%s: fdatasync", name);
    return 0;
}

static int sync_dir(const char *dir, struct err *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_IO, "%s", dir);
    int rc = fsync(fd) < 0 ? err_errno(err, ERR_IO, "%s: fsync", dir) : 0;
    close(fd);
    return rc;
}

int fs_sync_parent(const char *path, struct err *err) {
    char *copy = xstrdup(path);
    int rc = sync_dir(dirname(copy), err);
    free(copy);
    return rc;
}

int fs_replace_file(const char *path, struct str content, mode_t mode, struct err *err) {
    struct buf tmp = {0};
    buf_printf(&tmp, "%s.inprogress", path);
    int fd = open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int rc = fd < 0 ? err_errno(err, ERR_IO, "%s", buf_cstr(&tmp)) : 0;
    if (rc == 0)
        rc = fs_write_all(fd, content.ptr, content.len, buf_cstr(&tmp), err);
    if (rc == 0)
        rc = fs_sync_data(fd, buf_cstr(&tmp), err);
    if (fd >= 0)
        close(fd);
    if (rc == 0 && rename(buf_cstr(&tmp), path) < 0)
        rc = err_errno(err, ERR_IO, "%s: rename", path);
    if (rc == 0)
        rc = fs_sync_parent(path, err);
    buf_release(&tmp);
    return rc;
}

int fs_make_dirs(const char *path, struct err *err) {
    char *copy = xstrdup(path);
    int rc = 0;
    for (char *p = copy + 1; rc == 0; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(copy, 0700) == 0)
            rc = fs_sync_parent(copy, err);
        else if (errno != EEXIST)
            rc = err_errno(err, ERR_IO, "%s: mkdir", copy);
        *p = kept;
        if (kept == '\0')
            break;
    }
    struct stat st;
    if (rc == 0 && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
        rc = err_set(err, ERR_IO, "%s: not a directory", path);
    free(copy);
    return rc;
}

bool fs_exists(const char *path) { return access(path, F_OK) == 0; }

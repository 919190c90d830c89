#include "base/fs.h"
#include "daemon/engine_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* "PID command\n" as the holder wrote it; "" when it has not yet. */
static void holder_of(int fd, char *text, size_t size) {
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    for (char *c = text; *c != '\0'; c++) /* one line, whatever the file holds */
        if ((unsigned char)*c < ' ')
            *c = '\0';
}

int data_lock(const char *data_dir, const char *command, int *ret_fd, struct err *err) {
    return data_lock_file(data_dir, "lock", command, ret_fd, err);
}

int data_lock_file(const char *data_dir, const char *name, const char *command, int *ret_fd,
                   struct err *err) {
    int rc = fs_make_dirs(data_dir, err);
    if (rc != 0)
        return rc;
    struct buf path = {0};
    buf_printf(&path, "%s/%s", data_dir, name);
    int fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
        goto out;
    }
    char text[256];
    while ((rc = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR)
        ;
    if (rc != 0 && errno == EWOULDBLOCK) {
        holder_of(fd, text, sizeof text);
        rc = err_set(err, ERR_BUSY, "%s is in use by process %s", data_dir,
                     text[0] != '\0' ? text : "(just starting)");
        goto out;
    }
    if (rc != 0) {
        rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
        goto out;
    }
    int n = snprintf(text, sizeof text, "%d (%s)\n", (int)getpid(), command);
    if (n >= (int)sizeof text)
        n = (int)sizeof text - 1;
    if (ftruncate(fd, 0) != 0) {
        rc = err_errno(err, ERR_IO, "%s", buf_cstr(&path));
        goto out;
    }
    rc = fs_write_all(fd, text, (size_t)n, buf_cstr(&path), err);
    if (rc != 0)
        goto out;
    *ret_fd = fd;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    buf_release(&path);
    return rc;
}

bool data_lock_is_of(const char *data_dir, const char *command) {
    struct buf path = {0}, name = {0};
    char text[256] = "";
    buf_printf(&path, "%s/lock", data_dir);
    buf_printf(&name, "(%s)", command);
    int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        holder_of(fd, text, sizeof text);
        close(fd);
    }
    bool is = strstr(text, buf_cstr(&name)) != NULL;
    buf_release(&name);
    buf_release(&path);
    return is;
}

void data_unlock(int fd) {
    if (fd >= 0)
        close(fd);
}

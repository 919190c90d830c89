#include "base/fs.h"
#include "daemon/engine_process.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* "PID command\n" as the holder wrote it; "" when it has not yet. */
static void holder_of(int fd, char *text, size_t size) {
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    for (char *c = text; *c != '\0'; c++) /* one line, whatever the file holds */
        if ((unsigned char)*c < ' ')
            *c = '\0';
}

/* Whose are the data, if root works on them and they are not its own? */
static bool owner_beside_root(const char *data_dir, struct stat *ret) {
    struct buf path = {0};
    buf_printf(&path, "%s/lock", data_dir);
    bool is = geteuid() == 0 && stat(buf_cstr(&path), ret) == 0 && ret->st_uid != 0;
    buf_release(&path);
    return is;
}

int data_lock(const char *data_dir, const char *command, int *ret_fd, struct err *err) {
    struct stat st;
    char number[32];
    int fd, rc = data_lock_file(data_dir, "lock", command, &fd, err);
    if (rc != 0)
        return rc;
    if (!owner_beside_root(data_dir, &st)) {
        *ret_fd = fd;
        return 0;
    }
    data_unlock(fd);
    snprintf(number, sizeof number, "#%u", (unsigned)st.st_uid);
    const struct passwd *user = getpwuid(st.st_uid);
    const char *name = user != NULL ? user->pw_name : number;
    return err_set(err, ERR_USAGE,
                   "%s belongs to %s, who could not open what root writes: run this as that user "
                   "(sudo -u '%s' ...), or while the server runs",
                   data_dir, name, name);
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
    struct stat st;
    if (owner_beside_root(data_dir, &st) && fchown(fd, st.st_uid, st.st_gid) != 0) {
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

#include "cmd/cmd.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* O_EXCL: two at the same moment cannot overwrite each other either. */
static int write_new(const char *path, struct str content, struct err *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, ERR_FAILED, "%s: exists already and is left alone", path);
    if (fd < 0)
        return err_errno(err, ERR_FAILED, "%s", path);
    int rc = fs_write_all(fd, content.ptr, content.len, path, err);
    if (rc == 0)
        rc = fs_sync_data(fd, path, err);
    if (close(fd) < 0 && rc == 0)
        rc = err_errno(err, ERR_IO, "%s", path);
    if (rc != 0)
        unlink(path); /* half a file would be in the way of the next try */
    return rc;
}

int cmd_run_init(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    const char *path = ctx->config_path ? ctx->config_path : "caskalytics.yaml";
    if (args->words.len > 0)
        path = args->words.items[0];
    struct buf out = {0};
    config_sample(&out);
    int rc = write_new(path, buf_str(&out), err);
    buf_clear(&out);
    buf_printf(&out, "%s: written\n", path);
    if (rc == 0)
        rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

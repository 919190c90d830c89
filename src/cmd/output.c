#include "cmd/cmd.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int cmd_write(struct str text, struct err *err) {
    int rc = fs_write_all(STDOUT_FILENO, text.ptr, text.len, "standard output", err);
    if (rc == 0)
        return 0;
    /* `caskalytics stats | head`: the reader has seen enough, which is nothing to complain about */
    if (errno == EPIPE)
        return err_set(err, ERR_FAILED, "%s", "");
    if (err != NULL)
        err->code = ERR_FAILED; /* exit codes 4 and 5 are about the data directory */
    return ERR_FAILED;
}

bool cmd_is_terminal(int fd) { return isatty(fd) == 1; }

size_t cmd_width(int fd) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    uint64_t columns;
    const char *text = getenv("COLUMNS");
    if (text != NULL && str_to_u64(str_from(text), &columns) && columns > 0 && columns < 10000)
        return (size_t)columns;
    return 80;
}

bool cmd_has_color(int fd) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return cmd_is_terminal(fd) && (no_color == NULL || *no_color == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

#include "cmd/password.h"

#include "cmd/cmd.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_LINE_BYTES ((size_t)4096)

static int read_line(struct buf *ret, struct err *err) {
    buf_clear(ret);
    ret->limit = PASSWORD_LINE_BYTES;
    (void)!buf_reserve(ret, PASSWORD_LINE_BYTES - 1); /* no copies are left behind by growing */
    for (;;) {
        char c;
        ssize_t n = read(STDIN_FILENO, &c, 1); /* what stands behind the line is not ours */
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_FAILED, "standard input");
        if (n == 0 || c == '\n')
            break;
        buf_add_char(ret, c);
    }
    if (ret->overflow)
        return err_set(err, ERR_USAGE, "the password is too long");
    if (ret->len > 0 && ret->ptr[ret->len - 1] == '\r')
        ret->len--;
    return ret->len > 0 ? 0 : err_set(err, ERR_USAGE, "no password was given");
}

static int ask(const char *prompt, struct buf *ret, struct err *err) {
    struct termios before, silent;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return err_errno(err, ERR_FAILED, "the terminal");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, stderr);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    int rc = read_line(ret, err);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return rc;
}

int password_read(struct buf *ret, struct err *err) {
    struct buf again = {0};
    if (!cmd_is_terminal(STDIN_FILENO))
        return read_line(ret, err);
    int rc = ask("New password: ", ret, err);
    if (rc == 0)
        rc = ask("Once more: ", &again, err);
    if (rc == 0 && !str_eq(buf_str(ret), buf_str(&again)))
        rc = err_set(err, ERR_USAGE, "these were two different passwords");
    password_wipe(&again);
    return rc;
}

void password_wipe(struct buf *password) {
    if (password->ptr != NULL)
        sodium_memzero(password->ptr, password->cap);
    buf_release(password);
}

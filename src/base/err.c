#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Macros for the static analyzer (err.h). */
#undef err_set
#undef err_errno
#undef err_context

static void fill(struct err *err, int code, const char *fmt, va_list ap) {
    if (err == NULL)
        return;
    err->code = code;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
}

int err_set(struct err *err, int code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, fmt, ap);
    va_end(ap);
    return code;
}

int err_errno(struct err *err, int code, const char *fmt, ...) {
    int saved = errno;
    if (code == ERR_IO && (saved == ENOSPC || saved == EDQUOT))
        code = ERR_NOSPACE;
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, fmt, ap);
    va_end(ap);
    if (err != NULL) {
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s", strerror(saved));
    }
    errno = saved;
    return code;
}

int err_context(struct err *err, const char *fmt, ...) {
    if (err == NULL)
        return ERR_IO;
    char rest[sizeof err->text];
    memcpy(rest, err->text, sizeof rest);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, ": %.*s", (int)(sizeof rest - 1), rest);
    return err->code;
}

int err_exit_code(int code) {
    switch (code) {
    case 0:
        return 0;
    case ERR_USAGE:
        return 2;
    case ERR_BUSY:
        return 3;
    case ERR_NOSPACE:
        return 4;
    case ERR_IO:
    case ERR_CORRUPT:
        return 5;
    case ERR_AWAY:
        return 75;
    default:
        return 1;
    }
}

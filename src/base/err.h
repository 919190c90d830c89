/* Errors: one list of negative codes, and a message that says what happened and what to change.
 *
 * A function that can fail returns 0 or a code; the detail goes to a trailing `struct err *`, which
 * may be NULL. Callers add context in front with err_context(). Library folders never print. */
#ifndef CASK_ERR_H
#define CASK_ERR_H

#include "base/base.h"

enum {
    ERR_USAGE =
        -1,      /* wrong words in a call, question or configuration: the caller must change them */
    ERR_IO = -2, /* the system refused a read, write or sync */
    ERR_NOSPACE = -3,  /* the disk is full */
    ERR_BUSY = -4,     /* somebody else holds the data directory */
    ERR_CORRUPT = -5,  /* bytes on disk are not what was written */
    ERR_TOOBIG = -6,   /* over a limit of limits.h */
    ERR_NOTFOUND = -7, /* no such file, site, import, ... */
    ERR_ENGINE = -8,   /* the engine (or ClickHouse) answered with an error */
    ERR_AWAY = -9,     /* the engine did not answer: what became of the request is unknown */
    ERR_STOPPED = -10, /* asked to stop */
    ERR_FAILED = -11,  /* anything else that the message explains */
};

struct err {
    int code;
    char text[1024];
};

/* Set code and message; returns code, so that `return err_set(err, ERR_IO, ...)` reads well. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with ": " and the text of errno; ENOSPC and EDQUOT turn ERR_IO into ERR_NOSPACE. */
int err_errno(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put "context: " in front of the message; returns the code already set. */
int err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#ifdef __clang_analyzer__
/* It sees one file at a time, and must know that these return errors. */
#define err_set(err, code, ...) ((void)(err_set)((err), (code), __VA_ARGS__), (code))
#define err_errno(err, code, ...) ((void)(err_errno)((err), (code), __VA_ARGS__), (code))
#define err_context(err, ...) ((void)(err_context)((err), __VA_ARGS__), ERR_FAILED)
#endif

/* The exit code of docs/commands.md that belongs to an error code. */
int err_exit_code(int code);

#endif

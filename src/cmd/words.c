#include "cmd/words.h"

#include <stdlib.h>

size_t words_add(const struct cmd_args *args, struct buf *body) {
    size_t n = 0;
    buf_add(body, args->command->name, strlen(args->command->name) + 1);
    n++;
    for (size_t i = 0; i < args->values.len; i++) {
        const struct cmd_value *v = &args->values.items[i];
        if (*v->option->command == '\0')
            continue;
        buf_printf(body, "--%s", v->option->name);
        if (v->option->value != NULL) {
            buf_add_char(body, '=');
            buf_add_cstr(body, v->value);
        }
        buf_add_char(body, '\0');
        n++;
    }
    buf_add(body, "--", 3);
    n++;
    for (size_t i = 0; i < args->words.len; i++, n++)
        buf_add(body, args->words.items[i], strlen(args->words.items[i]) + 1);
    return n;
}

/* Options of every command are about a process: with --help a command counts on no word at all. */
static int check_command(const struct cmd_args *args, struct err *err) {
    for (size_t i = 0; i < args->values.len; i++)
        if (*args->values.items[i].option->command == '\0')
            return err_set(err, ERR_USAGE, "--%s is not for a server",
                           args->values.items[i].option->name);
    return args->command != NULL ? 0 : err_set(err, ERR_USAGE, "no command");
}

int words_take(struct str body, size_t n, struct words *ret, struct err *err) {
    static char program[] = "caskalytics";
    if (n > WORDS_MAX)
        return err_set(err, ERR_USAGE, "more than %d words", WORDS_MAX);
    ret->argv = xcalloc(n + 2, sizeof *ret->argv);
    ret->argv[0] = program;
    for (size_t i = 0; i < n; i++) {
        const char *end = body.len > 0 ? memchr(body.ptr, '\0', body.len) : NULL;
        if (end == NULL)
            return err_set(err, ERR_USAGE, "fewer than %zu words", n);
        ret->argv[i + 1] = (char *)(uintptr_t)body.ptr; /* nobody writes to it */
        body = str_skip(body, (size_t)(end - body.ptr) + 1);
    }
    ret->input = body;
    int rc = cmd_args_parse((int)n + 1, ret->argv, &ret->args, err);
    return rc == 0 ? check_command(&ret->args, err) : rc;
}

void words_release(struct words *w) {
    cmd_args_release(&w->args);
    free(w->argv);
}

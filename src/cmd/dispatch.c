#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int run(const struct cmd_args *args, struct err *err) {
    const struct cmd_context ctx = {.config_path = cmd_value(args, "config", 0),
                                    .data_dir = cmd_value(args, "data", 0)};
    if (cmd_given(args, "version"))
        return cmd_run_version(&ctx, args, err);
    if (args->command != NULL && !cmd_given(args, "help"))
        return args->command->run(&ctx, args, err);
    struct buf out = {0};
    if (args->command != NULL)
        cmd_help_command(args->command, &out);
    else
        cmd_help_all(&out);
    int rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

/* Started with one of the three closed, the next file opened would take its number, and messages
 * would be written into it. The stand-in refuses what the closed one would have refused. */
static void hold_standard_files(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(1);
}

int cmd_main(int argc, char *const *argv) {
    hold_standard_files();
    (void)signal(SIGPIPE, SIG_IGN); /* writes say EPIPE */
    struct cmd_args args = {0};
    struct err err = {0};
    int rc = cmd_args_parse(argc, argv, &args, &err);
    if (rc != 0) {
        fprintf(stderr, "caskalytics: %s\nTry \"caskalytics help%s%s\".\n", err.text,
                args.command ? " " : "", args.command ? args.command->name : "");
    } else {
        rc = run(&args, &err);
        /* Commands use cmd_write(); this is for whatever a library has printed. */
        if (fflush(stdout) != 0 && rc == 0)
            rc = err_set(&err, ERR_FAILED, "%s",
                         errno == EPIPE ? "" : "standard output: write failed");
        if (rc != 0 && err.text[0] != '\0')
            fprintf(stderr, "caskalytics: %s\n", err.text);
    }
    cmd_args_release(&args);
    return err_exit_code(rc);
}

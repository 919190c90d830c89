/* Commands: the table (commands.def), its option parser, and what every command needs to begin and
 * to end. A command is one row in commands.def and one function in a file of its own. */
#ifndef CASK_CMD_H
#define CASK_CMD_H

#include "base/err.h"
#include "base/str.h"
#include "config/config.h"

/* What stands in front of the command: the same for all of them. */
struct cmd_context {
    const char *config_path; /* -c; NULL: the default file */
    const char *data_dir;    /* --data; NULL: as configured */
};

struct cmd_args;

struct command {
    const char *name;
    const char *words;             /* for the usage line: "FILE..." */
    size_t min_words, max_words;   /* how many of them; CMD_MANY: any number */
    const char *summary;           /* one line */
    const char *details;           /* paragraphs, wrapped */
    const char *examples;          /* lines "caskalytics ..." */
    void (*more)(struct buf *out); /* appended to the help: lists from other tables; may be NULL */
    /* Returns 0 or a negative error; err_exit_code() makes the exit code, and a text in `err` goes
     * to stderr. A command that has said everything itself leaves the text empty. */
    int (*run)(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err);
};
#define CMD_MANY ((size_t)-1)

/* NULL when there is none. */
const struct command *command_find(const char *name);

/* --- arguments (args.c) --- */

/* One row CMD_OPTION of commands.def. `command` "" is for every command. */
struct cmd_option {
    const char *command;
    const char *name;  /* without -- */
    const char *value; /* what it takes, for the help: "FILE"; NULL: nothing */
    const char *doc;
    unsigned flags;
    char letter; /* without -, 0: none */
};
enum { CMD_REPEATABLE = 1 };

struct cmd_value {
    const struct cmd_option *option;
    const char *value; /* "" of options that take none */
};

/* The parsed command line; borrows argv. */
struct cmd_args {
    const struct command *command; /* NULL: none was given */
    VEC(struct cmd_value) values;  /* in the order given */
    VEC(const char *) words;       /* what is no option */
};

/* Options may stand anywhere; `--name VALUE` and `--name=VALUE`, `-c VALUE`; behind `--` everything
 * is a word, and `-` is one. ERR_USAGE names what is wrong and suggests the nearest. */
MUSTCHECK int cmd_args_parse(int argc, char *const *argv, struct cmd_args *ret, struct err *err);
void cmd_args_release(struct cmd_args *args);

/* The i-th value of an option (0: the first), NULL behind the last. The option must be in the
 * table. */
const char *cmd_value(const struct cmd_args *args, const char *option, size_t i);
static inline bool cmd_given(const struct cmd_args *args, const char *option) {
    return cmd_value(args, option, 0) != NULL;
}
/* One of a few words ("check|show"), by its place in `known` (ended by NULL). ERR_USAGE names
 * `what`. */
MUSTCHECK int cmd_choice(const char *what, const char *word, const char *const *known,
                         size_t *ret_place, struct err *err);

/* The spec of --format with --date-format and --time-format (log_format.c), which is one that can
 * be opened; "" for `auto`. */
MUSTCHECK int cmd_log_format(const struct cmd_args *args, struct buf *ret, struct err *err);

/* --- configuration (context.c) --- */

/* The configuration in effect, as config_load_open() gives it. Whatever is wrong with it is
 * ERR_USAGE: the report is on stderr then. */
MUSTCHECK int cmd_config(const struct cmd_context *ctx, struct config **ret, struct err *err);
/* The same with the secrets; *ret_warnings: a line each. */
MUSTCHECK int cmd_config_whole(const struct cmd_context *ctx, struct config **ret,
                               struct buf *ret_warnings, struct err *err);
/* --data, else `data` of the configuration. */
const char *cmd_data_dir(const struct cmd_context *ctx, const struct config *config);

/* --- output (output.c) --- */

/* To standard output, at once. ERR_FAILED; without a text when the reader has gone (EPIPE). */
MUSTCHECK int cmd_write(struct str text, struct err *err);
bool cmd_is_terminal(int fd);
size_t cmd_width(int fd);   /* columns; 80 when nobody knows */
bool cmd_has_color(int fd); /* a terminal that can, and no NO_COLOR */

/* --- help (help.c) --- */

void cmd_help_all(struct buf *out); /* the list of commands */
void cmd_help_command(const struct command *command, struct buf *out);
void cmd_reference(struct buf *out); /* docs/commands.md */

/* A row of two columns, as options and lists have. */
void cmd_help_row(const char *left, const char *doc, struct buf *out);
/* What stands behind the help of `import` and `stats` (lists.c). */
void cmd_list_formats(struct buf *out);
void cmd_list_metrics(struct buf *out);
void cmd_list_tables(struct buf *out);

/* The whole program: argv -> exit code (docs/commands.md). */
int cmd_main(int argc, char *const *argv);

#define COMMAND(name, ...)                                                                         \
    int cmd_run_##name(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err);
#define CMD_OPTION(...)
#include "cmd/commands.def"
#undef COMMAND
#undef CMD_OPTION

extern const struct command commands[];
extern const size_t commands_count;
extern const struct cmd_option cmd_options[];
extern const size_t cmd_options_count;

#endif

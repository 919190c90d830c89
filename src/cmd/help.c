#include "cmd/cmd.h"

#define WIDTH ((size_t)80)

/* Paragraphs (parted by empty lines) broken to the width; the first line begins at `used`. */
static void wrapped(const char *text, size_t column, size_t used, struct buf *out) {
    struct str lines = str_from(text), line;
    while (str_split(&lines, '\n', &line)) {
        struct str word;
        while (line.len > 0 && str_split(&line, ' ', &word)) {
            if (used > column && used + 1 + word.len > WIDTH) {
                buf_add_char(out, '\n');
                used = 0;
            }
            if (used < column) {
                buf_printf(out, "%*s", (int)(column - used), "");
                used = column;
            } else if (used > column) {
                buf_add_char(out, ' ');
                used++;
            }
            buf_add_str(out, word);
            used += word.len;
        }
        buf_add_char(out, '\n');
        used = 0;
    }
}

static void option_left(const struct cmd_option *o, struct buf *out) {
    if (o->letter != '\0')
        buf_printf(out, "-%c, ", o->letter);
    buf_printf(out, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
}

static bool has_options(const char *command) {
    for (size_t i = 0; i < cmd_options_count; i++)
        if (strcmp(cmd_options[i].command, command) == 0)
            return true;
    return false;
}

#define ROW_COLUMN ((size_t)24)

void cmd_help_row(const char *left, const char *doc, struct buf *out) {
    size_t used = 2 + strlen(left);
    buf_printf(out, "  %s", left);
    if (used + 2 > ROW_COLUMN) {
        buf_add_char(out, '\n');
        used = 0;
    }
    wrapped(doc, ROW_COLUMN, used, out);
}

static void option_list(const char *command, struct buf *out) {
    struct buf left = {0};
    for (size_t i = 0; i < cmd_options_count; i++) {
        if (strcmp(cmd_options[i].command, command) != 0)
            continue;
        buf_clear(&left);
        option_left(&cmd_options[i], &left);
        cmd_help_row(buf_cstr(&left), cmd_options[i].doc, out);
    }
    buf_release(&left);
}

static void usage(const struct command *c, struct buf *out) {
    buf_printf(out, "caskalytics [-c FILE] [--data DIR] %s%s%s%s", c->name,
               has_options(c->name) ? " [OPTIONS]" : "", *c->words ? " " : "", c->words);
}

static void examples(const struct command *c, struct buf *out) {
    struct str rest = str_from(c->examples), line;
    while (str_split(&rest, '\n', &line))
        if (line.len > 0)
            buf_printf(out, "  " STR_FMT "\n", STR_ARG(line));
}

void cmd_help_command(const struct command *c, struct buf *out) {
    buf_printf(out, "caskalytics %s: %s\n\nUsage: ", c->name, c->summary);
    usage(c, out);
    buf_add_cstr(out, "\n\n");
    wrapped(c->details, 0, 0, out);
    if (has_options(c->name)) {
        buf_add_cstr(out, "\nOptions:\n");
        option_list(c->name, out);
    }
    buf_add_cstr(out, "\nOptions of every command:\n");
    option_list("", out);
    buf_add_cstr(out, "\nExamples:\n");
    examples(c, out);
    if (c->more != NULL) {
        buf_add_char(out, '\n');
        c->more(out);
    }
}

static const struct {
    int code;
    const char *text;
} exit_codes[] = {
    {0, "ok"},
    {1, "failed"},
    {2, "wrong usage or configuration"},
    {3, "the data directory is in use"},
    {4, "no space left"},
    {5, "input/output error on the data directory"},
    {75, "try again"},
};

void cmd_help_all(struct buf *out) {
    buf_add_cstr(out, "Caskalytics: web-log analytics from raw lines that are never lost.\n\n"
                      "Usage: caskalytics [-c FILE] [--data DIR] COMMAND ...\n\nCommands:\n");
    for (size_t i = 0; i < commands_count; i++)
        buf_printf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    buf_add_cstr(out, "\nOptions of every command:\n");
    option_list("", out);
    buf_add_cstr(out, "\nThe first steps:\n"
                      "  caskalytics import --site www.example.org access.log\n"
                      "  caskalytics stats\n"
                      "  caskalytics help COMMAND\n\nExit codes:\n");
    for (size_t i = 0; i < ARRAY_LEN(exit_codes); i++)
        buf_printf(out, "  %2d  %s\n", exit_codes[i].code, exit_codes[i].text);
}

/* What every help repeats stands here once, and so does a list that several have. */
static void reference_command(size_t place, struct buf *out) {
    const struct command *c = &commands[place];
    bool repeated = false;
    for (size_t i = 0; i < place; i++)
        repeated = repeated || commands[i].more == c->more;
    buf_printf(out, "\n## %s\n\n```text\n", c->name);
    usage(c, out);
    buf_add_cstr(out, "\n\n");
    wrapped(c->details, 0, 0, out);
    buf_add_char(out, '\n');
    option_list(c->name, out);
    if (has_options(c->name))
        buf_add_char(out, '\n');
    examples(c, out);
    if (c->more != NULL && c->more != cmd_list_formats && !repeated) {
        buf_add_char(out, '\n');
        c->more(out);
    }
    buf_add_cstr(out, "```\n");
}

void cmd_reference(struct buf *out) {
    buf_add_cstr(out,
                 "# Commands\n\n<!-- Generated from src/cmd/commands.def; a test compares. -->\n"
                 "\nLog formats are listed in [formats.md](formats.md).\n"
                 "\n```text\n");
    cmd_help_all(out);
    buf_add_cstr(out, "```\n");
    for (size_t i = 0; i < commands_count; i++)
        reference_command(i, out);
}

int cmd_run_help(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    UNUSED(ctx);
    struct buf out = {0};
    int rc = 0;
    if (args->words.len == 0) {
        cmd_help_all(&out);
    } else {
        const char *names[64] = {NULL};
        assert(commands_count < ARRAY_LEN(names));
        for (size_t i = 0; i < commands_count; i++)
            names[i] = commands[i].name;
        size_t place;
        rc = cmd_choice("help", args->words.items[0], names, &place, err);
        if (rc == 0)
            cmd_help_command(&commands[place], &out);
    }
    if (rc == 0)
        rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

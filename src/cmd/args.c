#include "cmd/cmd.h"

#include "base/nearest.h"

#include <stdlib.h>

static bool belongs(const struct cmd_option *o, const struct command *command) {
    return *o->command == '\0' || (command != NULL && strcmp(o->command, command->name) == 0);
}

static const struct cmd_option *find_named(const struct command *command, struct str name) {
    for (size_t i = 0; i < cmd_options_count; i++)
        if (belongs(&cmd_options[i], command) && str_is(name, cmd_options[i].name))
            return &cmd_options[i];
    return NULL;
}

static const struct cmd_option *find_letter(char letter) {
    for (size_t i = 0; i < cmd_options_count; i++)
        if (cmd_options[i].letter == letter && *cmd_options[i].command == '\0')
            return &cmd_options[i];
    return NULL;
}

static int unknown_option(const struct command *command, const char *word, struct err *err) {
    struct str name = str_from(word), rest;
    while (str_starts(name, STR("-")))
        name = str_skip(name, 1);
    rest = name;
    (void)str_split(&rest, '=', &name);
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < cmd_options_count; i++)
        if (belongs(&cmd_options[i], command))
            nearest_offer(&nearest, cmd_options[i].name);
    const char *dashes = word[1] == '-' ? "--" : "-";
    err_set(err, ERR_USAGE, "unknown option %s" STR_FMT "%s%s%s%s%s", dashes, STR_ARG(name),
            command ? " of " : "", command ? command->name : "",
            nearest.best ? ": did you mean --" : "", nearest.best ? nearest.best : "",
            nearest.best ? "?" : "");
    return ERR_USAGE;
}

static int take_option(struct cmd_args *args, const struct cmd_option *o, const char *value,
                       struct err *err) {
    for (size_t i = 0; i < args->values.len; i++)
        if (args->values.items[i].option == o && !(o->flags & CMD_REPEATABLE))
            return err_set(err, ERR_USAGE, "--%s is given twice", o->name);
    if (*o->command == '\0' && o->value != NULL && *value == '\0')
        return err_set(err, ERR_USAGE, "--%s: the %s is empty", o->name, o->value);
    struct cmd_value v = {o, value};
    vec_push(&args->values, v);
    return 0;
}

/* The option at argv[*at]; moves *at over a value that is a word of its own. */
static int parse_option(int argc, char *const *argv, int *at, struct cmd_args *args,
                        struct err *err) {
    const char *word = argv[*at];
    const struct cmd_option *o;
    const char *value = NULL;
    if (word[1] == '-') {
        struct str rest = str_from(word + 2), name;
        (void)str_split(&rest, '=', &name);
        o = find_named(args->command, name);
        value = rest.ptr; /* behind the "=", if there is one */
    } else {
        o = find_letter(word[1]);
        if (o != NULL && word[2] != '\0')
            value = word + 2;
    }
    if (o == NULL || (word[1] != '-' && value != NULL && o->value == NULL))
        return unknown_option(args->command, word, err);
    if (o->value == NULL && value != NULL)
        return err_set(err, ERR_USAGE, "--%s takes no value", o->name);
    if (o->value == NULL)
        return take_option(args, o, "", err);
    if (value == NULL) {
        /* "--site --json" is a forgotten value; "--site=--json" can still say it */
        if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
            return err_set(err, ERR_USAGE, "--%s needs a value: %s", o->name, o->value);
        value = argv[++*at];
    }
    return take_option(args, o, value, err);
}

static int take_command(const char *word, struct cmd_args *args, struct err *err) {
    args->command = command_find(word);
    if (args->command != NULL)
        return 0;
    struct nearest nearest = {.word = str_from(word)};
    for (size_t i = 0; i < commands_count; i++)
        nearest_offer(&nearest, commands[i].name);
    if (nearest.best != NULL)
        return err_set(err, ERR_USAGE, "unknown command \"%s\": did you mean \"%s\"?", word,
                       nearest.best);
    return err_set(err, ERR_USAGE, "unknown command \"%s\"", word);
}

static int check_words(const struct cmd_args *args, struct err *err) {
    const struct command *c = args->command;
    if (c == NULL || cmd_given(args, "help") || cmd_given(args, "version"))
        return 0;
    if (args->words.len < c->min_words)
        return err_set(err, ERR_USAGE, "%s: missing: %s", c->name, c->words);
    if (args->words.len > c->max_words)
        return err_set(err, ERR_USAGE, "%s: \"%s\" is too much", c->name,
                       args->words.items[c->max_words]);
    return 0;
}

int cmd_args_parse(int argc, char *const *argv, struct cmd_args *ret, struct err *err) {
    bool options_ended = false;
    int rc = 0;
    for (int i = 1; rc == 0 && i < argc; i++) {
        if (!options_ended && strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (!options_ended && argv[i][0] == '-' && argv[i][1] != '\0')
            rc = parse_option(argc, argv, &i, ret, err);
        else if (ret->command == NULL)
            rc = take_command(argv[i], ret, err);
        else
            vec_push(&ret->words, argv[i]);
    }
    return rc ? rc : check_words(ret, err);
}

void cmd_args_release(struct cmd_args *args) {
    vec_free(&args->values);
    vec_free(&args->words);
}

const char *cmd_value(const struct cmd_args *args, const char *option, size_t i) {
    assert(find_named(args->command, str_from(option)) != NULL);
    for (size_t k = 0; k < args->values.len; k++)
        if (strcmp(args->values.items[k].option->name, option) == 0 && i-- == 0)
            return args->values.items[k].value;
    return NULL;
}

int cmd_choice(const char *what, const char *word, const char *const *known, size_t *ret_place,
               struct err *err) {
    struct nearest nearest = {.word = str_from(word)};
    struct buf all = {0};
    for (size_t i = 0; known[i] != NULL; i++) {
        if (strcmp(known[i], word) == 0) {
            *ret_place = i;
            buf_release(&all);
            return 0;
        }
        nearest_offer(&nearest, known[i]);
        buf_printf(&all, "%s%s", i ? ", " : "", known[i]);
    }
    if (nearest.best != NULL)
        err_set(err, ERR_USAGE, "%s: unknown \"%s\": did you mean \"%s\"? (%s)", what, word,
                nearest.best, buf_cstr(&all));
    else
        err_set(err, ERR_USAGE, "%s: unknown \"%s\" (%s)", what, word, buf_cstr(&all));
    buf_release(&all);
    return ERR_USAGE;
}

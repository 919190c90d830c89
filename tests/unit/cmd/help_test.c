#include "cmd/cmd.h"
#include "support/golden.h"
#include "support/unit.h"

/* The commands that the contract (docs/commands.md) has for this version. */
static void table__has_the_commands_of_the_contract(void **state) {
    UNUSED(state);
    static const char *const names[] = {"import",  "stats", "sql",  "lake",   "parse",  "rebuild",
                                        "relabel", "serve", "demo", "verify", "config", "init",
                                        "version", "help",  "user", "token"};
    assert_int_equal(commands_count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_non_null(command_find(names[i]));
    assert_null(command_find("fly"));
}

static void table__every_option_belongs_to_a_command(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < cmd_options_count; i++) {
        const struct cmd_option *o = &cmd_options[i];
        assert_true(*o->command == '\0' || command_find(o->command) != NULL);
        for (size_t k = 0; k < i; k++) /* a name means one thing wherever it is known */
            if (strcmp(o->name, cmd_options[k].name) == 0) {
                assert_string_not_equal(o->command, cmd_options[k].command);
                assert_true(*o->command != '\0' && *cmd_options[k].command != '\0');
            }
    }
}

static void help__fits_the_screen_and_has_examples(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *c = &commands[i];
        struct buf out = {0};
        cmd_help_command(c, &out);
        assert_non_null(strstr(buf_cstr(&out), "\nExamples:\n  "));
        char own[64];
        snprintf(own, sizeof own, "caskalytics %s", c->name);
        if (strstr(c->examples, own) == NULL && strcmp(c->name, "config") != 0)
            fail_msg("%s: no example shows it", c->name);
        struct str rest = buf_str(&out), line;
        bool examples = false;
        while (str_split(&rest, '\n', &line)) {
            examples = examples || str_is(line, "Examples:");
            if (line.len > 80 && !examples && !str_starts(line, STR("Usage:")))
                fail_msg("%s: too wide: " STR_FMT, c->name, STR_ARG(line));
            if (line.len > 0 && line.ptr[line.len - 1] == ' ')
                fail_msg("%s: blank at the end: " STR_FMT, c->name, STR_ARG(line));
        }
        buf_release(&out);
    }
}

/* Whatever the examples show is accepted by the parser (words in simple quotes are one). */
static void help__examples_can_be_typed(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < commands_count; i++) {
        struct str rest = str_from(commands[i].examples), line;
        while (str_split(&rest, '\n', &line)) {
            char *text = str_dup(line), *argv[32] = {NULL}, *at = strstr(text, "caskalytics");
            int argc = 0;
            while (at != NULL && *at != '\0' && *at != '|') {
                char end = *at == '\'' ? '\'' : ' ';
                char *word = at + (end == '\'');
                at = strchr(word, end);
                if (at != NULL)
                    *at++ = '\0';
                while (at != NULL && *at == ' ')
                    at++;
                argv[argc++] = word;
            }
            struct cmd_args args = {0};
            struct err err = {0};
            if (argc > 0 && cmd_args_parse(argc, argv, &args, &err) != 0)
                fail_msg(STR_FMT ": %s", STR_ARG(line), err.text);
            cmd_args_release(&args);
            free(text);
        }
    }
}

static void reference__is_what_the_table_says(void **state) {
    UNUSED(state);
    struct buf made = {0};
    cmd_reference(&made);
    assert_document("docs/commands.md", buf_str(&made));
    buf_release(&made);
}

UNIT_MAIN(unit_test(table__has_the_commands_of_the_contract),
          unit_test(table__every_option_belongs_to_a_command),
          unit_test(help__fits_the_screen_and_has_examples), unit_test(help__examples_can_be_typed),
          unit_test(reference__is_what_the_table_says))

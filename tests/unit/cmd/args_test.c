#include "cmd/cmd.h"
#include "support/unit.h"

/* Parses "caskalytics" and the words up to NULL. */
#define parse(args, err, ...) parse_words((args), (err), (char *const[]){"x", __VA_ARGS__, NULL})

static int parse_words(struct cmd_args *args, struct err *err, char *const *argv) {
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    return cmd_args_parse(argc, argv, args, err);
}

/* The message of words that must be refused; the text lives in *err. */
#define assert_refused(part, ...)                                                                  \
    do {                                                                                           \
        struct cmd_args a_ = {0};                                                                  \
        struct err e_ = {0};                                                                       \
        assert_int_equal(parse(&a_, &e_, __VA_ARGS__), ERR_USAGE);                                 \
        if (strcmp(e_.text, (part)) != 0)                                                          \
            fail_msg("\"%s\" is not \"%s\"", e_.text, (part));                                     \
        cmd_args_release(&a_);                                                                     \
    } while (0)

static void args__nothing_is_no_command(void **state) {
    UNUSED(state);
    struct cmd_args a = {0};
    struct err err = {0};
    assert_ok(cmd_args_parse(1, (char *const[]){"x", NULL}, &a, &err), err);
    assert_null(a.command);
    assert_ok(cmd_args_parse(0, (char *const[]){NULL}, &a, &err), err);
    assert_null(a.command);
    cmd_args_release(&a);
}

static void args__options_may_stand_anywhere(void **state) {
    UNUSED(state);
    struct cmd_args a = {0};
    struct err err = {0};
    assert_ok(parse(&a, &err, "-c", "f.yaml", "import", "one.log", "--site", "s", "-", "--json",
                    "--data=d", "two.log"),
              err);
    assert_string_equal(a.command->name, "import");
    assert_string_equal(cmd_value(&a, "config", 0), "f.yaml");
    assert_string_equal(cmd_value(&a, "data", 0), "d");
    assert_string_equal(cmd_value(&a, "site", 0), "s");
    assert_true(cmd_given(&a, "json"));
    assert_false(cmd_given(&a, "format"));
    assert_int_equal(a.words.len, 3);
    assert_string_equal(a.words.items[0], "one.log");
    assert_string_equal(a.words.items[1], "-");
    assert_string_equal(a.words.items[2], "two.log");
    cmd_args_release(&a);
}

static void args__values_come_in_every_spelling(void **state) {
    UNUSED(state);
    static char *const spellings[][4] = {
        {"-c", "f", "version"},    {"-cf", "version"},     {"--config", "f", "version"},
        {"--config=f", "version"}, {"version", "-c", "f"}, {"version", "--config=f"},
    };
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct cmd_args a = {0};
        struct err err = {0};
        char *const *s = spellings[i];
        assert_ok(parse(&a, &err, s[0], s[1], s[2]), err);
        assert_string_equal(cmd_value(&a, "config", 0), "f");
        assert_string_equal(a.command->name, "version");
        cmd_args_release(&a);
    }
}

static void args__values_are_taken_as_they_are(void **state) {
    UNUSED(state);
    struct cmd_args a = {0};
    struct err err = {0};
    assert_ok(parse(&a, &err, "stats", "--filter", "path=/a=b", "--filter=country!=US",
                    "--site=", "--limit", "-1", "--order=--x"),
              err);
    assert_string_equal(cmd_value(&a, "filter", 0), "path=/a=b");
    assert_string_equal(cmd_value(&a, "filter", 1), "country!=US");
    assert_null(cmd_value(&a, "filter", 2));
    assert_string_equal(cmd_value(&a, "site", 0), "");
    assert_string_equal(cmd_value(&a, "limit", 0), "-1");
    assert_string_equal(cmd_value(&a, "order", 0), "--x");
    cmd_args_release(&a);
}

static void args__two_dashes_end_the_options(void **state) {
    UNUSED(state);
    struct cmd_args a = {0};
    struct err err = {0};
    assert_ok(parse(&a, &err, "sql", "--format", "csv", "--", "--x"), err);
    assert_int_equal(a.words.len, 1);
    assert_string_equal(a.words.items[0], "--x");
    cmd_args_release(&a);
}

static void args__help_needs_no_words(void **state) {
    UNUSED(state);
    struct cmd_args a = {0};
    struct err err = {0};
    assert_ok(parse(&a, &err, "import", "--help"), err);
    assert_true(cmd_given(&a, "help"));
    cmd_args_release(&a);
}

static void args__what_is_wrong_is_named(void **state) {
    UNUSED(state);
    assert_refused("unknown command \"imprt\": did you mean \"import\"?", "imprt");
    assert_refused("unknown command \"xyzzy\"", "xyzzy");
    assert_refused("unknown command \"\"", "");
    assert_refused("unknown option --sit of import: did you mean --site?", "import", "--sit=x",
                   "f");
    assert_refused("unknown option --zzzzzz of import", "import", "--zzzzzz", "f");
    assert_refused("unknown option --fill of import", "import", "--fill", "f");
    assert_refused("unknown option --site", "--site", "x", "import", "f");
    assert_refused("unknown option -x of import", "import", "-x");
    assert_refused("unknown option -hx of import", "import", "-hx");
    assert_refused("--json takes no value", "import", "--json=yes", "f");
    assert_refused("--site needs a value: S", "import", "f", "--site");
    assert_refused("--site needs a value: S", "import", "--site", "--json", "f");
    assert_refused("--site is given twice", "import", "--site", "a", "--site=b", "f");
    assert_refused("--config is given twice", "-c", "a", "version", "-c", "a");
    assert_refused("--data: the DIR is empty", "--data=", "version");
    assert_refused("import: missing: FILE...", "import");
    assert_refused("sql: \"two\" is too much", "sql", "one", "two");
    assert_refused("version: \"x\" is too much", "version", "x");
}

static void choice__names_what_it_knows(void **state) {
    UNUSED(state);
    static const char *const known[] = {"check", "show", NULL};
    size_t place = 9;
    struct err err = {0};
    assert_ok(cmd_choice("config", "show", known, &place, &err), err);
    assert_int_equal(place, 1);
    assert_int_equal(cmd_choice("config", "shw", known, &place, &err), ERR_USAGE);
    assert_string_equal(err.text, "config: unknown \"shw\": did you mean \"show\"? (check, show)");
    assert_int_equal(cmd_choice("config", "xyz", known, &place, &err), ERR_USAGE);
    assert_string_equal(err.text, "config: unknown \"xyz\" (check, show)");
}

UNIT_MAIN(unit_test(args__nothing_is_no_command), unit_test(args__options_may_stand_anywhere),
          unit_test(args__values_come_in_every_spelling),
          unit_test(args__values_are_taken_as_they_are),
          unit_test(args__two_dashes_end_the_options), unit_test(args__help_needs_no_words),
          unit_test(args__what_is_wrong_is_named), unit_test(choice__names_what_it_knows))

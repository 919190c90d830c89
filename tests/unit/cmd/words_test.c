#include "cmd/words.h"
#include "support/unit.h"

/* A body of words, ended by NULL, and what stands behind them; the number of words. */
static size_t body_of(struct buf *body, const char *const *words, const char *input) {
    size_t n = 0;
    for (; words[n] != NULL; n++)
        buf_add(body, words[n], strlen(words[n]) + 1);
    buf_add_cstr(body, input);
    return n;
}

static void words__come_back_as_they_were(void **state) {
    UNUSED(state);
    static const char *const given[] = {"stats",     "--filter", "path=/a=b", "--by=day",
                                        "--filter=", "--",       "--x",       NULL};
    struct buf body = {0}, sent = {0};
    struct words first = {0}, second = {0};
    struct err err = {0};
    size_t n = body_of(&body, given, "");
    assert_ok(words_take(buf_str(&body), n, &first, &err), err);
    n = words_add(&first.args, &sent);
    buf_add_cstr(&sent, "input\n");
    assert_ok(words_take(buf_str(&sent), n, &second, &err), err);
    assert_string_equal(second.args.command->name, "stats");
    assert_string_equal(cmd_value(&second.args, "filter", 0), "path=/a=b");
    assert_string_equal(cmd_value(&second.args, "filter", 1), "");
    assert_string_equal(cmd_value(&second.args, "by", 0), "day");
    assert_int_equal(second.args.words.len, 1);
    assert_string_equal(second.args.words.items[0], "--x");
    assert_true(str_is(second.input, "input\n"));
    words_release(&first);
    words_release(&second);
    buf_release(&body);
    buf_release(&sent);
}

/* With --help a command counts on no word of its own. */
static void words__only_a_command_that_can_be_run(void **state) {
    UNUSED(state);
    static const struct {
        const char *words[4];
        size_t more; /* than there are */
        const char *says;
    } rows[] = {{{"sql", "--help"}, 0, "--help"},
                {{"user", "--version"}, 0, "--version"},
                {{"verify", "--data=/"}, 0, "--data"},
                {{"-c/dev/null", "verify"}, 0, "--config"},
                {{"sql"}, 0, "missing"},
                {{"sql", "SELECT 1"}, 1, "fewer than 3 words"},
                {{"sql", "SELECT 1"}, WORDS_MAX, "more than"},
                {{NULL}, 0, "no command"},
                {{"--"}, 0, "no command"},
                {{"nonsense"}, 0, "nonsense"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf body = {0};
        struct words words = {0};
        struct err err = {0};
        size_t n = body_of(&body, rows[i].words, "open") + rows[i].more;
        if (words_take(buf_str(&body), n, &words, &err) != ERR_USAGE ||
            strstr(err.text, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].says, err.text);
        words_release(&words);
        buf_release(&body);
    }
}

UNIT_MAIN(unit_test(words__come_back_as_they_were),
          unit_test(words__only_a_command_that_can_be_run))

#include "config/document.h"
#include "config/value.h"
#include "support/unit.h"

#include <time.h>

/* What `key: SCALAR` is read back as, in a mapping and in a flow list. */
static void assert_round_trip(struct str text) {
    struct buf yaml = {0};
    buf_add_cstr(&yaml, "key: ");
    yaml_scalar(text, &yaml);
    buf_add_cstr(&yaml, "\nlist: [ ");
    yaml_scalar(text, &yaml);
    buf_add_cstr(&yaml, ", x ]\n");
    struct arena arena = {0};
    struct problems problems = {0};
    const struct node *root = NULL;
    bool ok = document_parse(buf_str(&yaml), &arena, &problems, &root);
    if (!ok || problems.list.len > 0)
        fail_msg("%s: %s", buf_cstr(&yaml), problems.list.len ? problems.list.items[0].text : "");
    const struct node *value = root->first->next, *item = value->next->next->first;
    if (value->kind != NODE_SCALAR || !str_eq(value->text, text))
        fail_msg("%s: read back as \"" STR_FMT "\"", buf_cstr(&yaml), STR_ARG(value->text));
    if (item->kind != NODE_SCALAR || !str_eq(item->text, text) || item->next == NULL)
        fail_msg("%s: read back from the list as \"" STR_FMT "\"", buf_cstr(&yaml),
                 STR_ARG(item->text));
    problems_release(&problems);
    arena_release(&arena);
    buf_release(&yaml);
}

static void scalar__survives_what_yaml_makes_of_it(void **state) {
    UNUSED(state);
    static const char *const hard[] = {
        "a",
        "a b",
        " a ",
        "'",
        "''",
        "\"",
        "\\",
        "~",
        "null",
        "true",
        "0",
        "- a",
        "-",
        "---",
        "...",
        "a: b",
        "a:",
        ":a",
        "a #b",
        "#b",
        "[a]",
        "{a: b}",
        "a,b",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "?",
        "? a",
        "<<",
        "${HOME}",
        "$${HOME}",
        "$${",
        "${",
        "$",
        "$$$${x}",
        "a\nb",
        "a\n\nb\n",
        "\t",
        "a\tb",
        "\r",
        "\x01",
        "\x7F",
        "\xC2\x85",
        "a:b",
        "1:2",
        "http://a/",
        "./data",
        "\xC3\xA9",
        "\xE2\x80\xA8",
        "\xEF\xBB\xBF",
        "\xEF\xBF\xBE",
        "\xF0\x9F\x98\x80",
        "\xC2\x80",
        "+1",
        "a  b",
        "=",
        "12:30:45",
        "a::",
    };
    for (size_t i = 0; i < ARRAY_LEN(hard); i++)
        assert_round_trip(str_from(hard[i]));
}

static void scalar__survives_random_text(void **state) {
    UNUSED(state);
    srand((unsigned)unit_seed());
    static const char *const pieces[] = {"a",
                                         "Z",
                                         "0",
                                         " ",
                                         "  ",
                                         "'",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\r",
                                         "\t",
                                         ":",
                                         ": ",
                                         "#",
                                         " #",
                                         "-",
                                         "- ",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         ",",
                                         "$",
                                         "${",
                                         "}",
                                         "~",
                                         "&",
                                         "*",
                                         "!",
                                         "|",
                                         ">",
                                         "%",
                                         "@",
                                         "`",
                                         "?",
                                         ".",
                                         "/",
                                         "\x02",
                                         "\xC2\xA0",
                                         "\xC2\x85",
                                         "\xE2\x80\xA9",
                                         "\xF4\x8F\xBF\xBF"};
    struct buf text = {0};
    for (int i = 0; i < 20000; i++) {
        buf_clear(&text);
        for (int n = rand() % 12 + 1; n > 0; n--)
            buf_add_cstr(&text, pieces[(size_t)rand() % ARRAY_LEN(pieces)]);
        assert_round_trip(buf_str(&text));
    }
    buf_release(&text);
}

static void scalar__stays_plain_where_that_is_safe(void **state) {
    UNUSED(state);
    struct buf out = {0};
    yaml_scalar(STR("America/Los_Angeles"), &out);
    assert_string_equal(buf_cstr(&out), "America/Los_Angeles");
    buf_clear(&out);
    yaml_scalar(STR("it's"), &out);
    assert_string_equal(buf_cstr(&out), "'it''s'");
    buf_release(&out);
}

UNIT_MAIN(unit_test(scalar__survives_what_yaml_makes_of_it),
          unit_test(scalar__survives_random_text),
          unit_test(scalar__stays_plain_where_that_is_safe))

#include "config/document.h"
#include "support/unit.h"

/* One parsed text; release with done(). */
struct parsed {
    struct arena arena;
    struct problems problems;
    const struct node *root;
    bool ok;
};

static struct parsed parse_str(struct str text) {
    struct parsed p = {0};
    p.ok = document_parse(text, &p.arena, &p.problems, &p.root);
    return p;
}

static struct parsed parse(const char *text) { return parse_str(str_from(text)); }

static void done(struct parsed *p) {
    problems_release(&p->problems);
    arena_release(&p->arena);
}

static void assert_problem(struct parsed p, size_t line, const char *part) {
    for (size_t i = 0; i < p.problems.list.len; i++)
        if (p.problems.list.items[i].line == line && strstr(p.problems.list.items[i].text, part)) {
            done(&p);
            return;
        }
    fail_msg("no problem in line %zu with \"%s\"; first: %s", line, part,
             p.problems.list.len ? p.problems.list.items[0].text : "none at all");
}

static void document__nodes_know_their_lines(void **state) {
    UNUSED(state);
    struct parsed p = parse("# one\na: 1\nb:\n  - x\n  - {c: d}\n");
    assert_true(p.ok);
    const struct node *a = p.root->first, *b = a->next->next, *list = b->next;
    assert_int_equal(a->line, 2);
    assert_str(a->next->text, "1");
    assert_int_equal(b->line, 3);
    assert_int_equal(list->kind, NODE_LIST);
    assert_int_equal(list->first->line, 4);
    assert_int_equal(list->first->next->kind, NODE_MAPPING);
    assert_int_equal(list->first->next->line, 5);
    assert_null(list->first->next->next);
    done(&p);
}

static void document__empty_text_has_no_root(void **state) {
    UNUSED(state);
    static const char *const empty[] = {"", "\n\n", "# only a comment\n", "---\n...\n"};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        struct parsed p = parse(empty[i]);
        assert_true(p.ok);
        assert_int_equal(p.problems.list.len, 0);
        assert_true(p.root == NULL || p.root->kind == NODE_NULL);
        done(&p);
    }
}

static void document__nothing_and_null_are_no_value(void **state) {
    UNUSED(state);
    struct parsed p = parse("a:\nb: ~\nc: null\nd: 'null'\ne: ''\n");
    const struct node *key = p.root->first;
    static const enum node_kind kinds[] = {NODE_NULL, NODE_NULL, NODE_NULL, NODE_SCALAR,
                                           NODE_SCALAR};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++, key = key->next->next)
        assert_int_equal(key->next->kind, kinds[i]);
    done(&p);
}

static void document__growth_by_reference_is_refused(void **state) {
    UNUSED(state);
    assert_problem(parse("a: &x 1\nb: 2\n"), 1, "anchors (&x)");
    assert_problem(parse("a: &x 1\nb: *x\n"), 2, "aliases (*x)");
    assert_problem(parse("a: &x [b]\n"), 1, "anchors");
    assert_problem(parse("a: &x {b: c}\n"), 1, "anchors");
    assert_problem(parse("a: 1\nb: !!int 3\n"), 2, "tags");
}

static void document__broken_syntax_has_a_line(void **state) {
    UNUSED(state);
    assert_problem(parse("a: 1\nb: [1, 2\nc: 3\n"), 3, "not valid YAML");
    assert_problem(parse("a: 1\n\tb: 2\n"), 2, "not valid YAML");
    assert_problem(parse("a: 'x\n"), 2, "not valid YAML");
    assert_problem(parse("a: 1\n---\nb: 2\n"), 2, "second document");
}

static void document__bytes_that_are_no_text_have_a_line(void **state) {
    UNUSED(state);
    assert_problem(parse("a: 1\nb: \xFF\n"), 2, "not valid text");
    assert_problem(parse_str(STR("a: 1\nb: 2\nc: \0\n")), 3, "not valid text");
    assert_problem(parse("a: 1\nb: \"\\0\"\n"), 2, "NUL byte");
}

static void document__depth_ends_at_its_limit(void **state) {
    UNUSED(state);
    char text[64] = {0};
    memset(text, '[', DOCUMENT_DEPTH_MAX);
    memset(text + DOCUMENT_DEPTH_MAX, ']', DOCUMENT_DEPTH_MAX);
    struct parsed p = parse(text);
    assert_true(p.ok);
    done(&p);
    memset(text, '[', DOCUMENT_DEPTH_MAX + 1);
    assert_problem(parse(text), 1, "nested deeper");
}

static void document__size_ends_at_its_limit(void **state) {
    UNUSED(state);
    /* stream, document, list and their ends are events as well */
    for (size_t above = 0; above < 2; above++) {
        struct buf text = {0};
        for (size_t i = 0; i < DOCUMENT_NODES_MAX - 6 + above; i++)
            buf_add_cstr(&text, "- x\n");
        struct parsed p = parse_str(buf_str(&text));
        assert_int_equal(p.ok, above == 0);
        done(&p);
        buf_release(&text);
    }
}

static bool expands(const char *text, const char *expected) {
    struct buf out = {0}, problem = {0};
    bool ok = document_expand(str_from(text), &out, &problem);
    bool same = ok && strcmp(buf_cstr(&out), expected) == 0;
    if (!ok && expected != NULL)
        same = strstr(buf_cstr(&problem), expected) != NULL;
    if (!same)
        print_error("%s: %s%s\n", text, buf_cstr(&out), buf_cstr(&problem));
    buf_release(&out);
    buf_release(&problem);
    return same;
}

static void expand__takes_values_from_the_environment(void **state) {
    UNUSED(state);
    setenv("CASK_TEST_A", "value ${HOME}", 1);
    setenv("CASK_TEST_BYTES", "secret\xFF", 1);
    unsetenv("CASK_TEST_NONE");
    assert_true(expands("${CASK_TEST_A}", "value ${HOME}")); /* is not expanded again */
    assert_true(expands("<${CASK_TEST_A}${CASK_TEST_A}>", "<value ${HOME}value ${HOME}>"));
    assert_true(expands("$${CASK_TEST_A}", "${CASK_TEST_A}"));
    assert_true(expands("$CASK_TEST_A $ $$ \\.gz$", "$CASK_TEST_A $ $$ \\.gz$"));
    assert_true(expands("${CASK_TEST_NONE}", "no variable CASK_TEST_NONE"));
    assert_true(expands("${", "must be followed"));
    assert_true(expands("${}", "must be followed"));
    assert_true(expands("${a-b}", "must be followed"));
    assert_true(expands("${2}", "must be followed"));
    assert_true(expands("${CASK_TEST_A", "must be followed"));
    assert_true(expands("${CASK_TEST_BYTES}", "${CASK_TEST_BYTES}: its value is not valid UTF-8"));
}

/* A file is read again on a reload, and secrets may be exchanged then. */
static void expand__leaves_nothing_in_the_environment(void **state) {
    UNUSED(state);
    setenv("CASK_TEST_SECRET", "sesame", 1);
    const char *there = getenv("CASK_TEST_SECRET");
    assert_true(expands("${CASK_TEST_SECRET}", "sesame"));
    for (size_t i = 0; i < strlen("sesame"); i++)
        assert_int_equal(there[i], '\0');
    assert_true(expands("${CASK_TEST_SECRET}", "sesame"));
    setenv("CASK_TEST_SECRET", "open", 1);
    assert_true(expands("${CASK_TEST_SECRET}", "open"));
    assert_true(expands("${CASK_TEST_SECRET}", "open"));
    unsetenv("CASK_TEST_SECRET");
    assert_true(expands("${CASK_TEST_SECRET}", "no variable CASK_TEST_SECRET"));
}

UNIT_MAIN(unit_test(document__nodes_know_their_lines), unit_test(document__empty_text_has_no_root),
          unit_test(document__nothing_and_null_are_no_value),
          unit_test(document__growth_by_reference_is_refused),
          unit_test(document__broken_syntax_has_a_line),
          unit_test(document__bytes_that_are_no_text_have_a_line),
          unit_test(document__depth_ends_at_its_limit), unit_test(document__size_ends_at_its_limit),
          unit_test(expand__takes_values_from_the_environment),
          unit_test(expand__leaves_nothing_in_the_environment))

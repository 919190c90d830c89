#include "config/problems.h"
#include "support/unit.h"

static void problems__come_in_the_order_of_the_file(void **state) {
    UNUSED(state);
    struct problems p = {0};
    struct buf out = {0};
    problems_add(&p, 7, "first of %d", 7);
    problems_add(&p, 2, "two");
    problems_add(&p, 7, "second of 7");
    problems_add(&p, 3, "three");
    problems_print(&p, "f.yaml", &out);
    assert_string_equal(buf_cstr(&out), "f.yaml:2: two\nf.yaml:3: three\nf.yaml:7: first of 7\n"
                                        "f.yaml:7: second of 7\n");
    problems_release(&p);
    buf_release(&out);
}

static void problems__are_counted_by_kind(void **state) {
    UNUSED(state);
    struct problems p = {0};
    struct buf out = {0};
    problems_add_kind(&p, PROBLEM_WARNING, 1, "mind %s", "it");
    problems_add_kind(&p, PROBLEM_SECRET, 2, "hidden");
    problems_add(&p, 3, "wrong");
    problems_print(&p, "f", &out);
    assert_string_equal(buf_cstr(&out), "f:1: warning: mind it\nf:2: hidden\nf:3: wrong\n");
    for (enum problem_kind kind = 0; kind < PROBLEM_KINDS; kind++)
        assert_int_equal(p.count[kind], 1);
    problems_release(&p);
    buf_release(&out);
}

static void problems__over_the_limit_are_counted(void **state) {
    UNUSED(state);
    struct problems p = {0};
    struct buf out = {0};
    for (size_t i = 0; i < PROBLEMS_MAX; i++)
        problems_add(&p, 1, "x");
    problems_print(&p, "f", &out);
    assert_null(strstr(buf_cstr(&out), "more"));
    problems_add(&p, 1, "one above");
    buf_clear(&out);
    problems_print(&p, "f", &out);
    assert_non_null(strstr(buf_cstr(&out), "f: and 1 more\n"));
    assert_int_equal(p.list.len, PROBLEMS_MAX);
    problems_release(&p);
    buf_release(&out);
}

UNIT_MAIN(unit_test(problems__come_in_the_order_of_the_file),
          unit_test(problems__are_counted_by_kind), unit_test(problems__over_the_limit_are_counted))

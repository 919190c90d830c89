#include "support/golden.h"

#include "format/format.h"

static void reference__is_what_the_tables_say(void **state) {
    UNUSED(state);
    struct buf made = {0};
    format_reference(&made);
    assert_document("docs/formats.md", buf_str(&made));
    buf_release(&made);
}

/* What the document shows behind --format can be opened. */
static void reference__examples_of_strings_can_be_opened(void **state) {
    UNUSED(state);
    struct buf made = {0};
    format_reference(&made);
    struct str rest = buf_str(&made), line;
    size_t opened = 0;
    while (str_split(&rest, '\n', &line)) {
        const char *from = memmem(line.ptr, line.len, "--format ", 9);
        if (!str_starts(line, STR("    ")) || from == NULL)
            continue;
        const char *quote = strchr(from, '\'') + 1, *end = strchr(quote, '\'');
        struct buf spec = {0}; /* $'...\n...' of the shell */
        for (const char *p = quote; p < end; p++) {
            bool newline = quote[-2] == '$' && p[0] == '\\' && p[1] == 'n';
            buf_add_char(&spec, newline ? '\n' : *p);
            p += newline;
        }
        struct format *f = NULL;
        struct err err = {0};
        if (format_open(buf_str(&spec), &f, &err) != 0)
            fail_msg("%s: %s", buf_cstr(&spec), err.text);
        opened++;
        format_free(f);
        buf_release(&spec);
    }
    assert_int_equal(opened, 6);
    buf_release(&made);
}

static void list__fits_the_screen(void **state) {
    UNUSED(state);
    struct buf list = {0};
    format_list(&list);
    struct str rest = buf_str(&list), line;
    size_t column = 0;
    for (size_t i = 0; i < format_count(); i++) {
        assert_true(str_split(&rest, '\n', &line));
        if (line.len > 80)
            fail_msg("too wide: " STR_FMT, STR_ARG(line));
        const char *doc = memmem(line.ptr, line.len, format_at(i)->doc, strlen(format_at(i)->doc));
        assert_non_null(doc);
        if (i > 0)
            assert_int_equal(doc - line.ptr, column);
        column = (size_t)(doc - line.ptr);
    }
    buf_release(&list);
}

UNIT_MAIN(unit_test(reference__is_what_the_tables_say),
          unit_test(reference__examples_of_strings_can_be_opened), unit_test(list__fits_the_screen))

#include "config/option.h"
#include "support/unit.h"

/* Every row is well-formed, so that reading can rely on it. */
static void option__every_row_is_reachable_once(void **state) {
    UNUSED(state);
    const struct option *queue[OPTIONS_MAX + 1] = {NULL};
    size_t n = 1, reached = 0;
    for (size_t i = 0; i < n; i++) {
        for (const struct option *o = option_next(queue[i], NULL); o;
             o = option_next(queue[i], o)) {
            reached++;
            enum option_shape shape = option_kind(o)->shape;
            if (shape == SHAPE_GROUP || shape == SHAPE_ITEMS)
                queue[n++] = o;
        }
    }
    assert_int_equal(reached, options_count);
}

static void option__every_row_is_documented(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < options_count; i++) {
        const struct option *o = &options[i];
        size_t len = strlen(o->doc);
        if (len < 10 || o->doc[len - 1] != '.')
            if (strcmp(o->doc + len - 3, "...") != 0)
                fail_msg("%s: its doc is no sentence", o->path);
        if (option_kind(o)->shape == SHAPE_SCALAR && o->initial == NULL && o->example == NULL)
            fail_msg("%s: neither a default nor an example", o->path);
        if (option_kind(o)->shape == SHAPE_ITEMS && o->example == NULL)
            fail_msg("%s: no example", o->path);
        if (o->place.at == PLACE_NONE && option_kind(o)->shape != SHAPE_GROUP &&
            !(o->flags & LATER))
            fail_msg("%s: kept nowhere, and not said to be for later", o->path);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(o->path, options[k].path);
    }
}

/* Examples and defaults are values that the same table would take. */
static void option__examples_are_valid(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < options_count; i++) {
        const struct option *o = &options[i];
        enum option_shape shape = option_kind(o)->shape;
        const char *const texts[] = {o->initial, o->example};
        for (size_t k = 0; k < 2 && (shape == SHAPE_SCALAR || shape == SHAPE_LIST); k++) {
            struct str rest = str_from(texts[k]), word;
            while (texts[k] != NULL && str_split(&rest, shape == SHAPE_LIST ? ' ' : '\n', &word)) {
                struct err err = {0};
                if (option_kind(o)->parse(word, NULL, &err) != 0)
                    fail_msg("%s: " STR_FMT ": %s", o->path, STR_ARG(word), err.text);
            }
        }
    }
}

UNIT_MAIN(unit_test(option__every_row_is_reachable_once),
          unit_test(option__every_row_is_documented), unit_test(option__examples_are_valid))

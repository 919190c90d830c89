#include "base/nearest.h"
#include "support/unit.h"

static const char *nearest_of(const char *word) {
    static const char *const known[] = {"pageviews", "sessions",    "visitors",
                                        "bounces",   "bounce_rate", "hits"};
    struct nearest n = {.word = str_from(word)};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        nearest_offer(&n, known[i]);
    return n.best;
}

static void nearest__mistyped_words_are_recognised(void **state) {
    UNUSED(state);
    assert_string_equal(nearest_of("pageview"), "pageviews");
    assert_string_equal(nearest_of("PageViews"), "pageviews");
    assert_string_equal(nearest_of("pagevie"), "pageviews");
    assert_string_equal(nearest_of("sesions"), "sessions");
    assert_string_equal(nearest_of("visitosr"), "visitors");
    assert_string_equal(nearest_of("bounce"), "bounces");
    assert_string_equal(nearest_of("bounce-rate"), "bounce_rate");
    assert_string_equal(nearest_of("hist"), "hits");
    assert_string_equal(nearest_of("vis"), "visitors"); /* an abbreviation */
}

static void nearest__other_words_have_no_suggestion(void **state) {
    UNUSED(state);
    assert_null(nearest_of("downloads"));
    assert_null(nearest_of("xyz"));
    assert_null(nearest_of(""));
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(nearest_of(longer));
}

UNIT_MAIN(unit_test(nearest__mistyped_words_are_recognised),
          unit_test(nearest__other_words_have_no_suggestion))

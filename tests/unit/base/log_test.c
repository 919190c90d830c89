#include "support/unit.h"

#include "base/log.h"
#include <fcntl.h>
#include <unistd.h>

static char written[4096];

/* What log_line() writes to stderr. */
#define LOGGED(call)                                                                               \
    do {                                                                                           \
        int kept_ = dup(2), pipe_[2];                                                              \
        assert_int_equal(pipe(pipe_), 0);                                                          \
        dup2(pipe_[1], 2);                                                                         \
        call;                                                                                      \
        fflush(stderr);                                                                            \
        dup2(kept_, 2);                                                                            \
        close(pipe_[1]);                                                                           \
        ssize_t n_ = read(pipe_[0], written, sizeof written - 1);                                  \
        written[n_ > 0 ? n_ : 0] = '\0';                                                           \
        close(pipe_[0]);                                                                           \
        close(kept_);                                                                              \
    } while (0)

static void log__text(void **state) {
    UNUSED(state);
    log_set_level(LOG_INFO);
    log_set_format(LOG_TEXT);
    LOGGED(log_line(LOG_INFO, "listening", "port=%u", 8080u));
    assert_string_equal(written + 20, " level=info event=listening port=8080\n");
    LOGGED(log_line(LOG_ERROR, "failed", "pid=%d error=\"%s\" tries=%d", 7,
                    "line 1: \"x\" is\nevent=forged wrong", 3));
    assert_string_equal(
        written + 20, " level=error event=failed pid=7 error=\"line 1: \\\"x\\\" is\\nevent=forged "
                      "wrong\" tries=3\n");
    LOGGED(log_line(LOG_DEBUG, "quiet", "a=%d", 1));
    assert_string_equal(written, "");
}

static void log__json(void **state) {
    UNUSED(state);
    log_set_level(LOG_DEBUG);
    log_set_format(LOG_JSON);
    LOGGED(log_line(LOG_DEBUG, "x", "a=%d b=%.1f c=%s d=\"%s\" e=\"%s\" f=%s", -3, 2.5, "word",
                    "two \"words\"", "", "007"));
    assert_non_null(strstr(written, "\"level\":\"debug\",\"event\":\"x\",\"a\":-3,\"b\":2.5,"
                                    "\"c\":\"word\",\"d\":\"two \\\"words\\\"\",\"e\":\"\","
                                    "\"f\":\"007\"}\n"));
    assert_int_equal(written[0], '{');
    log_set_format(LOG_TEXT);
}

static void log__long_values_are_cut(void **state) {
    UNUSED(state);
    char text[3000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_set_format(LOG_JSON);
    LOGGED(log_line(LOG_ERROR, "x", "error=\"%s\"", text));
    assert_non_null(strstr(written, "yyy\"}\n"));
    log_set_format(LOG_TEXT);
}

static void log__names(void **state) {
    UNUSED(state);
    enum log_level level = LOG_DEBUG;
    enum log_format format = LOG_TEXT;
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_false(log_level_parse("loud", &level));
    assert_true(log_format_parse("json", &format));
    assert_int_equal(format, LOG_JSON);
    assert_false(log_format_parse("", &format));
}

UNIT_MAIN(unit_test(log__text), unit_test(log__json), unit_test(log__long_values_are_cut),
          unit_test(log__names))

#include "cmd/cmd.h"
#include "support/unit.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void output__a_file_is_no_terminal(void **state) {
    UNUSED(state);
    int fd = open("/dev/null", O_WRONLY);
    assert_true(fd >= 0);
    assert_false(cmd_is_terminal(fd));
    assert_false(cmd_has_color(fd));
    unsetenv("COLUMNS");
    assert_int_equal(cmd_width(fd), 80);
    setenv("COLUMNS", "123", 1);
    assert_int_equal(cmd_width(fd), 123);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(cmd_width(fd), 80);
    close(fd);
}

static void output__a_terminal_has_width_and_color(void **state) {
    UNUSED(state);
    int master, slave;
    struct winsize size = {.ws_col = 57, .ws_row = 20};
    if (openpty(&master, &slave, NULL, NULL, &size) != 0)
        skip();
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    assert_true(cmd_is_terminal(slave));
    assert_int_equal(cmd_width(slave), 57);
    assert_true(cmd_has_color(slave));
    setenv("NO_COLOR", "", 1); /* empty counts as absent (no-color.org) */
    assert_true(cmd_has_color(slave));
    setenv("NO_COLOR", "1", 1);
    assert_false(cmd_has_color(slave));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_false(cmd_has_color(slave));
    close(master);
    close(slave);
}

static void data_dir__of_the_command_line_goes_first(void **state) {
    UNUSED(state);
    struct config config = {.data = (char[]){"configured"}};
    struct cmd_context ctx = {0};
    assert_string_equal(cmd_data_dir(&ctx, &config), "configured");
    ctx.data_dir = "given";
    assert_string_equal(cmd_data_dir(&ctx, &config), "given");
}

UNIT_MAIN(unit_test(output__a_file_is_no_terminal),
          unit_test(output__a_terminal_has_width_and_color),
          unit_test(data_dir__of_the_command_line_goes_first))

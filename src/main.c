#include "cmd/cmd.h"

#include "base/log.h"
#include <stdlib.h>

/* CASKALYTICS_LOG=debug|info|warn|error: the least level of log lines on stderr. */
static void read_log_level(void) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *wanted = getenv("CASKALYTICS_LOG");
    for (size_t i = 0; wanted != NULL && i < ARRAY_LEN(names); i++)
        if (strcmp(wanted, names[i]) == 0)
            log_set_level((enum log_level)i);
}

int main(int argc, char **argv) {
    read_log_level();
    return cmd_main(argc, argv);
}

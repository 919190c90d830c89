#include "cmd/cmd.h"

#include "base/log.h"
#include <stdlib.h>

/* CASKALYTICS_LOG=debug|info|warn|error: the least level of log lines on stderr. */
static void read_log_level(void) {
    const char *wanted = getenv("CASKALYTICS_LOG");
    enum log_level level;
    if (wanted != NULL && log_level_parse(wanted, &level))
        log_set_level(level);
}

int main(int argc, char **argv) {
    read_log_level();
    return cmd_main(argc, argv);
}

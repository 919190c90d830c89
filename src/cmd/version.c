#include "cmd/cmd.h"

int cmd_run_version(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    UNUSED(ctx);
    UNUSED(args);
    return cmd_write(STR("caskalytics " CASK_VERSION "\n"), err);
}

#include "cmd/cmd.h"

#include <stdio.h>

int cmd_config(const struct cmd_context *ctx, struct config **ret, struct err *err) {
    struct buf report = {0};
    int rc = config_load(ctx->config_path, ret, &report, err);
    if (rc != 0) {
        fputs(buf_cstr(&report), stderr);
        if (report.len == 0)
            (void)err_context(err, "the configuration");
        /* A file that is missing or cannot be read was named wrongly: exit code 2, as for mistakes.
         */
        if (err != NULL)
            err->code = ERR_USAGE;
        rc = ERR_USAGE;
    }
    buf_release(&report);
    return rc;
}

const char *cmd_data_dir(const struct cmd_context *ctx, const struct config *config) {
    return ctx->data_dir ? ctx->data_dir : config->data;
}

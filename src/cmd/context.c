#include "cmd/cmd.h"

#include <stdio.h>

static int finish(int rc, struct buf *report, struct err *err) {
    if (rc == 0)
        return 0;
    fputs(buf_cstr(report), stderr);
    if (report->len == 0)
        (void)err_context(err, "the configuration");
    /* A file that is missing or cannot be read was named wrongly: exit code 2, as for mistakes. */
    if (err != NULL)
        err->code = ERR_USAGE;
    return ERR_USAGE;
}

int cmd_config(const struct cmd_context *ctx, struct config **ret, struct err *err) {
    struct buf report = {0};
    int rc = config_load_open(ctx->config_path, ret, &report, err);
    rc = finish(rc, &report, err);
    buf_release(&report);
    return rc;
}

int cmd_config_whole(const struct cmd_context *ctx, struct config **ret, struct buf *ret_warnings,
                     struct err *err) {
    return finish(config_load(ctx->config_path, ret, ret_warnings, err), ret_warnings, err);
}

const char *cmd_data_dir(const struct cmd_context *ctx, const struct config *config) {
    return ctx->data_dir ? ctx->data_dir : config->data;
}

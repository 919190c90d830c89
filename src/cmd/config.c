#include "cmd/cmd.h"

int cmd_run_config(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    enum { CHECK, SHOW };
    static const char *const verbs[] = {[CHECK] = "check", [SHOW] = "show", NULL};
    size_t verb;
    struct config *config = NULL;
    struct buf out = {0};
    int rc = cmd_choice("config", args->words.items[0], verbs, &verb, err);
    if (rc == 0)
        rc = cmd_config(ctx, &config, err);
    if (rc != 0)
        goto out;
    if (verb == SHOW)
        config_show(config, &out);
    else if (config->file != NULL)
        buf_printf(&out, "%s: ok\n", config->file);
    else
        buf_add_cstr(&out, "no caskalytics.yaml here, all defaults: ok\n");
    rc = cmd_write(buf_str(&out), err);
out:
    buf_release(&out);
    config_free(config);
    return rc;
}

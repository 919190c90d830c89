/* Commands of the table that have no file of their own yet: one row less with each that gets one.
 */
#include "cmd/cmd.h"

#define UNFINISHED(name)                                                                           \
    int cmd_run_##name(const struct cmd_context *ctx, const struct cmd_args *args,                 \
                       struct err *err) {                                                          \
        UNUSED(ctx);                                                                               \
        UNUSED(args);                                                                              \
        return err_set(err, ERR_FAILED, "%s: not in this build", #name);                           \
    }

UNFINISHED(lake)
UNFINISHED(rebuild)

UNFINISHED(verify)

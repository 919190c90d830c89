/* The format that log lines are said to have: --format, --date-format, --time-format. */
#include "cmd/cmd.h"
#include "format/format.h"

int cmd_log_format(const struct cmd_args *args, struct buf *ret, struct err *err) {
    const char *format = cmd_value(args, "format", 0);
    const char *date = cmd_value(args, "date-format", 0);
    const char *time = cmd_value(args, "time-format", 0);
    if (format == NULL || strcmp(format, "auto") == 0)
        format = "";
    if ((date != NULL || time != NULL) && !format_takes_times(str_from(format)))
        return err_set(err, ERR_USAGE,
                       "--%s belongs to a --format in GoAccess's notation, with %%d or %%x",
                       date ? "date-format" : "time-format");
    buf_add_cstr(ret, format);
    if (date != NULL || time != NULL)
        buf_printf(ret, "\n%s\n%s", date ? date : "", time ? time : "");
    if (ret->len == 0)
        return 0;
    struct format *opened = NULL;
    int rc = format_open(buf_str(ret), &opened, err);
    format_free(opened);
    return rc ? err_context(err, "--format") : 0;
}

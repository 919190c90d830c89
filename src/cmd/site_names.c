#include "cmd/site_names.h"

#include "event/record.h"
#include "query/output.h"

#include <time.h>

int cmd_sites(const struct cmd_args *args, struct site_list *ret, struct err *err) {
    const char *value;
    *ret = (struct site_list){.all = true};
    VEC(char *) names = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && (value = cmd_value(args, "site", i)) != NULL; i++) {
        struct str rest = str_from(value), name;
        while (rc == 0 && str_split(&rest, ',', &name)) {
            name = str_trim(name);
            if (str_is(name, "all") && *value == 'a' && rest.len == 0)
                continue;
            if (!site_name_ok(name))
                rc = err_set(err, ERR_USAGE, "--site: \"" STR_FMT "\" is no name of a site",
                             STR_ARG(name));
            else
                vec_push(&names, str_dup(name));
        }
    }
    *ret = (struct site_list){names.len == 0, names.items, names.len};
    if (rc != 0)
        site_list_release(ret);
    return rc;
}

void cmd_show_sites(const struct site_list *sites, struct buf *out) {
    if (sites->all)
        buf_add_cstr(out, "all");
    for (size_t i = 0; i < sites->n; i++) {
        buf_add_cstr(out, i > 0 ? "," : "");
        output_text(str_from(sites->items[i]), "", out);
    }
    if (!sites->all && sites->n == 0)
        buf_add_char(out, '-');
}

void cmd_show_day(int64_t ms, struct buf *out) {
    char text[16];
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (ms != 0 && gmtime_r(&seconds, &tm) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d", &tm) > 0)
        buf_add_cstr(out, text);
    else
        buf_add_char(out, '-');
}

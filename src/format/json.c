#include "format/reader.h"

static int json_open(struct str spec, void **ret_state, struct err *err) {
    UNUSED(ret_state);
    return err_set(err, ERR_USAGE, "\"" STR_FMT "\": this version cannot read such formats",
                   STR_ARG(spec));
}

static enum reason json_read(void *state, struct str line, struct arena *scratch,
                             struct fields *ret) {
    UNUSED(state), UNUSED(line), UNUSED(scratch), UNUSED(ret);
    return REASON_fields;
}

const struct format_reader json_reader = {.open = json_open, .read = json_read};

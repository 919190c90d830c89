/* First line: a regular expression, behind groups that every format needs unless it has them; the
 * others are read by it. Whatever it is, it says what is wrong with it, or reads lines and ends. */
#include <stdlib.h>

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static struct format *open_or_say(struct str spec) {
    struct format *f = NULL;
    struct err err = {0};
    int rc = format_open(spec, &f, &err);
    check(rc == 0 || (rc == ERR_USAGE && err.text[0] != '\0'));
    return f;
}

static void read_lines(struct format *f, struct str lines) {
    struct arena scratch = {0};
    struct str line;
    while (f != NULL && str_split(&lines, '\n', &line)) {
        struct fields fields;
        enum reason reason = format_read(f, line, &scratch, &fields);
        check(reason < REASON_COUNT);
        if (reason == REASON_NONE)
            check(fields.host.len > 0 && fields.host.len <= line.len &&
                  fields.agent.len <= line.len && fields.request.len <= line.len);
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    format_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = str_of((const char *)data, size), spec;
    if (!str_split(&rest, '\n', &spec))
        return 0;
    read_lines(open_or_say(spec), rest);
    struct buf whole = {0};
    buf_add_cstr(&whole, "(?<ip>\\S+) (?<ts>\\S+) (?<url>\\S+) ");
    buf_add_str(&whole, spec);
    read_lines(open_or_say(buf_str(&whole)), rest);
    buf_release(&whole);
    return 0;
}

/* Any format string over any lines: the first part, up to a line "--", is the string. */
#include <stdlib.h>

#include "format/format.h"
#include "format/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void check_str(struct str s, size_t line_bytes) {
    check(s.ptr != NULL && s.len <= 2 * line_bytes + 1);
    static volatile char sink; /* touch both ends: a sanitizer sees what points outside */
    if (s.len > 0)
        sink = (char)(s.ptr[0] ^ s.ptr[s.len - 1]);
    UNUSED(sink);
}

static void check_fields(const struct fields *f, struct str line) {
    const struct str all[] = {f->host,
                              f->vhost,
                              f->user,
                              f->request,
                              f->method,
                              f->target,
                              f->protocol,
                              f->referrer,
                              f->agent,
                              f->hint_brands,
                              f->hint_mobile,
                              f->hint_platform,
                              f->hint_platform_version,
                              f->hint_model};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        check_str(all[i], line.len);
    check(f->time >= 0 && f->time <= UINT32_MAX);
    check(f->status == 0 || (f->status >= 100 && f->status <= 999));
    check(f->host.len > 0);
}

static void read_lines(struct format *f, struct str lines) {
    struct arena scratch = {0};
    struct str line;
    while (str_split(&lines, '\n', &line)) {
        struct fields fields;
        if (format_is_header(f, line))
            continue;
        enum reason reason = format_read(f, line, &scratch, &fields);
        check(reason < REASON_COUNT);
        if (reason == REASON_NONE)
            check_fields(&fields, line);
        int64_t instant;
        if (stamp_any(line, &instant))
            check(instant >= 86400 && instant <= UINT32_MAX);
    }
    arena_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char mark[] = "\n--\n";
    struct str all = str_of((const char *)data, size), spec = all, lines = STR("");
    const char *at = memmem(all.ptr, all.len, mark, 4);
    if (at != NULL) {
        spec.len = (size_t)(at - all.ptr);
        lines = str_skip(all, spec.len + 4);
    }
    struct format *f = NULL;
    struct err err = {0};
    int rc = format_open(spec, &f, &err);
    check(rc == 0 || (rc == ERR_USAGE && err.text[0] != '\0'));
    if (rc == 0)
        read_lines(f, lines);
    format_free(f);
    return 0;
}

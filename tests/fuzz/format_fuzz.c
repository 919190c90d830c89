/* Every format over any bytes: an event's worth of fields or a reason, and nothing out of range. */
#include <stdlib.h>

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void check_str(struct str s, size_t line_bytes) {
    check(s.ptr != NULL && s.len <= line_bytes);
    static volatile char sink; /* touch both ends: a sanitizer sees what points outside */
    if (s.len > 0)
        sink = (char)(s.ptr[0] ^ s.ptr[s.len - 1]);
    UNUSED(sink);
}

static void check_fields(const struct fields *f, struct str line) {
    const struct str all[] = {f->host,   f->vhost,    f->user,     f->request, f->method,
                              f->target, f->protocol, f->referrer, f->agent};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        check_str(all[i], line.len);
    check(f->time >= 0 && f->time <= UINT32_MAX);
    check(f->status == 0 || (f->status >= 100 && f->status <= 999));
    check(f->host.len > 0);
    check(f->event.len > 0 || (f->method.len > 0) == (f->target.len > 0));
    check(f->target.len == 0 || (memchr(f->target.ptr, ' ', f->target.len) == NULL &&
                                 memchr(f->target.ptr, '\t', f->target.len) == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct format *formats[64];
    struct arena scratch = {0};
    check(format_count() <= ARRAY_LEN(formats));
    for (size_t i = 0; i < format_count(); i++) {
        struct err err = {0};
        if (formats[i] == NULL)
            check(format_open(str_from(format_at(i)->name), &formats[i], &err) == 0);
        format_restart(formats[i]);
        struct str rest = str_of((const char *)data, size), line;
        while (str_split(&rest, '\n', &line)) {
            struct fields fields;
            if (format_is_header(formats[i], line)) {
                format_take_header(formats[i], line);
                continue;
            }
            enum reason reason = format_read(formats[i], line, &scratch, &fields);
            check(reason < REASON_COUNT);
            if (reason == REASON_NONE)
                check_fields(&fields, line);
        }
        struct buf header = {0}, again = {0};
        format_header(formats[i], &header);
        format_restart(formats[i]);
        format_take_header(formats[i], buf_str(&header));
        format_header(formats[i], &again);
        check(str_eq(buf_str(&header), buf_str(&again)));
        buf_release(&header);
        buf_release(&again);
    }
    struct str line = str_of((const char *)data, size);
    struct str detected = format_detect(&line, 1);
    struct format *f = NULL;
    struct err err = {0};
    check(format_open(detected, &f, &err) == 0);
    format_free(f);
    arena_release(&scratch);
    return 0;
}

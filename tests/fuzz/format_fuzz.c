/* Every format over any bytes: an event's worth of fields or a reason, and nothing out of range. */
#include <stdlib.h>

#include "refine/format.h"

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
    check(f->status >= 100 && f->status <= 999);
    check(f->host.len > 0);
    check((f->method.len > 0) == (f->target.len > 0));
    check((f->method.len > 0) == (f->protocol.len > 0));
    check(f->target.len == 0 || (memchr(f->target.ptr, ' ', f->target.len) == NULL &&
                                 memchr(f->target.ptr, '\t', f->target.len) == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str line = str_of((const char *)data, size);
    struct arena scratch = {0};
    bool accepted = false;
    for (size_t i = 0; i < format_count(); i++) {
        const struct format *format = format_at(i);
        struct fields fields;
        enum reason reason = format_read(format, line, &scratch, &fields);
        check(reason < REASON_COUNT);
        if (reason == REASON_NONE)
            check_fields(&fields, line);
        check((reason == REASON_NONE) == format_accepts(str_from(format->name), line));
        accepted |= reason == REASON_NONE;
    }
    struct str detected = format_detect(&line, 1);
    check(format_find(detected) != NULL);
    check(format_accepts(detected, line) == accepted);
    arena_release(&scratch);
    return 0;
}

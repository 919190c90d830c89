#include "event/event.h"

const char *event_kind_name(enum event_kind kind) {
    static const char *const names[] = {[KIND_OTHER] = "other",
                                        [KIND_PAGEVIEW] = "pageview",
                                        [KIND_DOWNLOAD] = "download",
                                        [KIND_ASSET] = "asset",
                                        [KIND_EVENT] = "event"};
    assert((size_t)kind < ARRAY_LEN(names));
    return names[kind];
}

#include "event/reason.h"

static const struct {
    const char *name, *text;
} reasons[] = {
    [REASON_NONE] = {"", ""},
#define REASON(name, text) [REASON_##name] = {#name, text},
#include "reasons.def"
#undef REASON
};

const char *reason_name(enum reason reason) {
    assert(reason < REASON_COUNT);
    return reasons[reason].name;
}

const char *reason_text(enum reason reason) {
    assert(reason < REASON_COUNT);
    return reasons[reason].text;
}

#include "event/reason.h"

static const struct {
    const char *name, *text;
    bool excludes;
} reasons[] = {
    [REASON_NONE] = {"", "", false},
#define REASON(name, text) [REASON_##name] = {#name, text, false},
#define EXCLUSION(name, text) [REASON_##name] = {#name, text, true},
#include "reasons.def"
#undef REASON
#undef EXCLUSION
};

const char *reason_name(enum reason reason) {
    assert(reason < REASON_COUNT);
    return reasons[reason].name;
}

const char *reason_text(enum reason reason) {
    assert(reason < REASON_COUNT);
    return reasons[reason].text;
}

bool reason_is_exclusion(enum reason reason) {
    assert(reason < REASON_COUNT);
    return reasons[reason].excludes;
}

#include "format/slot_names.h"

#include "base/nearest.h"

static const char *const docs[] = {
    [SLOT_none] = "",
#define SLOT(name, doc) [SLOT_##name] = (doc),
#include "slots.def"
#undef SLOT
};

static const struct {
    const char *name;
    enum slot slot;
} synonyms[] = {
#define SYNONYM(name, slot) {#name, SLOT_##slot},
#include "slot_synonyms.def"
#undef SYNONYM
};

int slot_named(struct str name, enum slot *ret, struct err *err) {
    *ret = slot_find(name);
    for (size_t i = 0; *ret == SLOT_none && i < ARRAY_LEN(synonyms); i++)
        if (str_is(name, synonyms[i].name))
            *ret = synonyms[i].slot;
    if (*ret != SLOT_none)
        return 0;
    struct nearest near = {.word = name};
    for (int i = SLOT_none + 1; i < SLOT_COUNT; i++)
        nearest_offer(&near, slot_name((enum slot)i));
    for (size_t i = 0; i < ARRAY_LEN(synonyms); i++)
        nearest_offer(&near, synonyms[i].name);
    struct str shown = str_of(name.ptr, min_size(name.len, 64));
    if (near.best != NULL)
        return err_set(err, ERR_USAGE, "unknown field \"" STR_FMT "\": did you mean \"%s\"?",
                       STR_ARG(shown), near.best);
    return err_set(err, ERR_USAGE,
                   "unknown field \"" STR_FMT "\": docs/formats.md lists them (host, time, "
                   "request, status, bytes, referrer, agent, ...)",
                   STR_ARG(shown));
}

const char *slot_doc(enum slot slot) { return docs[slot]; }

const char *slot_synonym(enum slot slot, size_t *at) {
    for (size_t i = *at; i < ARRAY_LEN(synonyms); i++) {
        if (synonyms[i].slot == slot) {
            *at = i + 1;
            return synonyms[i].name;
        }
    }
    return NULL;
}

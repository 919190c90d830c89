#include "event/record.h"

static const struct {
    const char *name;
    enum record_kind kind;
} datasets[] = {
#define DATASET(number, NAME, name, kind, use) [number] = {name, RECORDS_##kind},
#include "datasets.def"
#undef DATASET
};
static_assert(ARRAY_LEN(datasets) == DATASET_MAX + 1, "one row a dataset");

const char *dataset_name(enum dataset dataset) {
    assert(dataset >= 1 && dataset <= DATASET_MAX);
    return datasets[dataset].name;
}

enum record_kind dataset_kind(enum dataset dataset) {
    assert(dataset >= 1 && dataset <= DATASET_MAX);
    return datasets[dataset].kind;
}

bool dataset_parse(struct str name, enum dataset *ret) {
    for (int d = 1; d <= DATASET_MAX; d++) {
        if (str_is(name, datasets[d].name)) {
            *ret = (enum dataset)d;
            return true;
        }
    }
    return false;
}

bool site_name_ok(struct str name) {
    if (name.len == 0 || name.len > 255 || str_is(name, "all") || str_is(name, "*"))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x20 || c == 0x7f || c == ',')
            return false;
    }
    return true;
}

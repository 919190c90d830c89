#include "event/record.h"

static const char *const names[] = {
    [DATASET_LOGS] = "logs",     [DATASET_S3] = "s3",         [DATASET_WEB] = "web",
    [DATASET_GITHUB] = "github", [DATASET_POINTS] = "points",
};

const char *dataset_name(enum dataset dataset) {
    assert(dataset >= 1 && dataset <= DATASET_MAX);
    return names[dataset];
}

bool dataset_parse(struct str name, enum dataset *ret) {
    for (int d = 1; d <= DATASET_MAX; d++) {
        if (str_is(name, names[d])) {
            *ret = (enum dataset)d;
            return true;
        }
    }
    return false;
}

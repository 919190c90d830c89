/* The document `applied/DATASET` of the control data: how far the store is, and with how many rows.
 */
#ifndef CASK_APPLIED_H
#define CASK_APPLIED_H

#include "control/control.h"
#include "event/record.h"

struct month_count {
    uint32_t month; /* YYYYMM; 0: the table `rejected` */
    uint64_t rows;
};

struct applied {
    uint64_t bid;
    VEC(struct month_count) months;
};

MUSTCHECK int applied_load(struct control *control, enum dataset dataset, struct applied *ret,
                           struct err *err);
MUSTCHECK int applied_save(struct control *control, enum dataset dataset,
                           const struct applied *applied, struct err *err);
/* Of all datasets. */
MUSTCHECK int applied_forget(struct control *control, struct err *err);
void applied_release(struct applied *applied);
uint64_t applied_rows(const struct applied *applied, uint32_t month);
void applied_add(struct applied *applied, uint32_t month, int64_t rows);

#endif

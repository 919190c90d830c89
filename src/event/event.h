/* struct event: one refined record, the row of table `events` (schema/events.def). Strings borrow
 * from the record, from the refiner's tables or from its scratch: valid until the next batch. */
#ifndef CASK_EVENT_H
#define CASK_EVENT_H

#include "base/str.h"

enum event_kind {
    KIND_OTHER = 0,
    KIND_PAGEVIEW = 1,
    KIND_DOWNLOAD = 2, /* a download request */
    KIND_ASSET = 3,
    KIND_EVENT = 4,
};

const char *event_kind_name(enum event_kind kind); /* "pageview" */

#define FIELD_U8 uint8_t
#define FIELD_U16 uint16_t
#define FIELD_U32 uint32_t
#define FIELD_U64 uint64_t
#define FIELD_I64 int64_t
#define FIELD_STR struct str
struct event {
#define COLUMN(name, type, encoding, doc) FIELD_##encoding name;
#include "events.def"
#undef COLUMN
};

#endif

/* Slots: the pieces that a reader cuts out of a line, before anything about them is decided. All
 * readers but the hand-written one fill slots; slots_finish() makes fields of them, so that a
 * status, a time or a request means the same in every format.
 *
 * schema/slots.def has one row a slot with the names that each notation has for it. */
#ifndef CASK_SLOTS_H
#define CASK_SLOTS_H

#include "format/format.h"

enum slot {
    SLOT_none, /* read and dropped */
#define SLOT(name, doc) SLOT_##name,
#include "slots.def"
#undef SLOT
    SLOT_COUNT
};

struct slots {
    struct str
        at[SLOT_COUNT]; /* ptr NULL: the line has no such piece; "-" is one that says nothing */
    bool timed;         /* the reader has read the time itself */
    int64_t time;
};

struct slot_set {
    bool has[SLOT_COUNT];
};

const char *slot_name(enum slot slot);
/* SLOT_none for an unknown name. */
enum slot slot_find(struct str name);

/* A client, a time and a request must be among them: the first that is not (SLOT_host, SLOT_time or
 * SLOT_request), else SLOT_none. */
enum slot slots_missing(const struct slot_set *set);
/* ERR_USAGE when something is missing, and names it. */
MUSTCHECK int slots_check(const struct slot_set *set, struct err *err);

/* For formats whose lines may lack pieces: a status or method that the format has and this line has
 * not is "-", so that nothing is assumed for it. */
void slots_complete(struct slots *slots, const struct slot_set *set);

/* Without a status 200 is assumed, without a size 0. Of several times the most precise counts.
 * *ret borrows from the slots and from scratch. */
MUSTCHECK enum reason slots_finish(const struct slots *slots, struct arena *scratch,
                                   struct fields *ret);

/* Fields that say nothing: every string "", every number 0. */
extern const struct fields no_fields;
/* Sets method, target and protocol if f->request is METHOD target HTTP/x[.y]. */
void split_request(struct fields *f);
/* An address without its port and brackets: the client's own port tells nothing about who it is. */
struct str client_address(struct str s);
/* "192.0.2.7:5123" without the port that must be there. */
MUSTCHECK bool drop_port(struct str *host);
/* Of a format that logs whole addresses as targets: slots_finish() takes one apart when method and
 * target stand alone. A request of another form stays as it is. */
void slots_part_request(struct slots *slots);
/* "-" becomes "". */
struct str none_if_dash(struct str s);

#endif

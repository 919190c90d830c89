/* Ids that clients gave their records not long ago, so that a retry is not counted again. The table
 * holds a fixed number and forgets the oldest. It is filled again from the lake on start: what is
 * durable is known, whatever happened to the acknowledgement.
 *
 * An id is claimed before its record is handed in, and settled when it is durable or refused. */
#ifndef CASK_RECENT_IDS_H
#define CASK_RECENT_IDS_H

#include "base/str.h"

struct recent_ids;

enum recent_claim {
    RECENT_NEW,     /* claimed: hand the record in, then settle */
    RECENT_DURABLE, /* it is in the lake: acknowledge */
    RECENT_WAITING  /* somebody else has just handed it in: ask to try again later */
};

/* What the table keeps of an id: two of a million fall together once in 10^26. */
#define RECENT_KEY_BYTES 16
struct recent_key {
    unsigned char bytes[RECENT_KEY_BYTES];
};

/* `scope` (a site, a source) keeps ids of different senders apart. */
struct recent_key recent_key_of(struct str scope, struct str id);

/* 40 bytes each. Thread-safe, as all here. */
struct recent_ids *recent_ids_new(size_t capacity);
void recent_ids_free(struct recent_ids *r);
enum recent_claim recent_ids_claim(struct recent_ids *r, struct recent_key key);
/* A claim ended: the record is durable, or not in the lake. */
void recent_ids_settle(struct recent_ids *r, struct recent_key key, bool durable);
/* It is in the lake, as the lake says. */
void recent_ids_keep(struct recent_ids *r, struct recent_key key);
size_t recent_ids_count(struct recent_ids *r);
/* Appends the keys of all that is durable, oldest first. */
void recent_ids_list(struct recent_ids *r, struct buf *out);

#endif

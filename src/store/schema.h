/* Tables of the store, made from schema/events.def and schema/cubes.def. */
#ifndef CASK_SCHEMA_H
#define CASK_SCHEMA_H

#include "store/client.h"

/* "CREATE TABLE IF NOT EXISTS events (...)" and "... rejected (...)", one statement each. */
void schema_events_ddl(struct buf *sql);
void schema_rejected_ddl(struct buf *sql);
/* "bid UInt64, ts DateTime('UTC'), ..." for the body of an INSERT into events or rejected. */
void schema_events_structure(struct buf *out);
extern const char *const schema_rejected_structure;

/* What every table of ours is made with: synced INSERTs and merges (ENGINE.md). Starts with "
 * SETTINGS ". */
extern const char *const schema_table_settings;

/* Settings that make an INSERT exactly one part, whatever the server's defaults (ENGINE.md). */
extern const struct setting schema_insert_settings[];
extern const size_t schema_n_insert_settings;

#endif

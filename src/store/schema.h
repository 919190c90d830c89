/* Tables of the store, made from schema/events.def and schema/rejected.def. */
#ifndef CASK_SCHEMA_H
#define CASK_SCHEMA_H

#include "store/client.h"

/* "CREATE TABLE IF NOT EXISTS events (...)" and "... rejected (...)", one statement each. */
void schema_events_ddl(struct buf *sql);
void schema_rejected_ddl(struct buf *sql);
/* Make the tables events and rejected if they are missing. */
MUSTCHECK int schema_make_tables(struct client *client, struct err *err);
/* "bid UInt64, ts DateTime('UTC'), ..." for the body of an INSERT into events or rejected. */
void schema_events_structure(struct buf *out);
void schema_rejected_structure(struct buf *out);

/* What every table of ours is made with: synced INSERTs and merges (docs/internals/engine.md).
 * Starts with " SETTINGS ". */
extern const char *const schema_table_settings;

/* Settings that make an INSERT exactly one part, whatever the server's defaults
 * (docs/internals/engine.md). */
extern const struct setting schema_insert_settings[];
extern const size_t schema_n_insert_settings;

#endif

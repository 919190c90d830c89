/* Tables of the store, made from schema/events.def, rejected.def and github.def. */
#ifndef CASK_SCHEMA_H
#define CASK_SCHEMA_H

#include "event/record.h"
#include "store/client.h"

enum schema_table {
    SCHEMA_EVENTS,
    SCHEMA_GITHUB,
    SCHEMA_REJECTED, /* lines that became no event; without months */
    SCHEMA_TABLES
};
struct schema_column {
    const char *name, *type;
};
struct schema_def {
    const char *name, *layout; /* layout: its engine, partitions and order */
    const struct schema_column *columns;
    size_t n_columns;
};
extern const struct schema_def schema_defs[SCHEMA_TABLES];

/* Where the records of a dataset go, but for rejected ones. */
enum schema_table schema_table_of(enum dataset dataset);

/* "CREATE TABLE IF NOT EXISTS events (...) ..." */
void schema_ddl(enum schema_table table, struct buf *sql);
/* Make the tables that are missing. */
MUSTCHECK int schema_make_tables(struct client *client, struct err *err);
/* "bid UInt64, ts DateTime('UTC'), ..." for the body of an INSERT. */
void schema_structure(enum schema_table table, struct buf *out);

/* What every table of ours is made with: synced INSERTs and merges (docs/internals/engine.md).
 * Starts with " SETTINGS ". */
extern const char *const schema_table_settings;

/* Settings that make an INSERT exactly one part, whatever the server's defaults
 * (docs/internals/engine.md). */
extern const struct setting schema_insert_settings[];
extern const size_t schema_n_insert_settings;

#endif

#include "store/schema.h"

const char *const schema_table_settings =
    " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,"
    " min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1";

const struct setting schema_insert_settings[] = {
    {"max_insert_threads", "1"},          {"min_insert_block_size_rows", "1048449"},
    {"min_insert_block_size_bytes", "0"}, {"async_insert", "0"},
    {"insert_deduplicate", "0"},
};
const size_t schema_n_insert_settings = ARRAY_LEN(schema_insert_settings);

#define COLUMN(name, type, encoding, doc) {#name, type},
static const struct schema_column events[] = {
#include "events.def"
};
static const struct schema_column github[] = {
#include "github.def"
};
static const struct schema_column rejected[] = {
#include "rejected.def"
};
#undef COLUMN

const struct schema_def schema_defs[SCHEMA_TABLES] = {
    [SCHEMA_EVENTS] = {"events", "MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (site, ts)", events,
                       ARRAY_LEN(events)},
    [SCHEMA_GITHUB] = {"github", "MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (repo, ts)", github,
                       ARRAY_LEN(github)},
    [SCHEMA_REJECTED] = {"rejected", "MergeTree ORDER BY bid", rejected, ARRAY_LEN(rejected)},
};

enum schema_table schema_table_of(enum dataset dataset) {
    return dataset_kind(dataset) == RECORDS_COUNTERS ? SCHEMA_GITHUB : SCHEMA_EVENTS;
}

void schema_structure(enum schema_table table, struct buf *out) {
    const struct schema_def *def = &schema_defs[table];
    for (size_t i = 0; i < def->n_columns; i++)
        buf_printf(out, "%s%s %s", i ? ", " : "", def->columns[i].name, def->columns[i].type);
}

void schema_ddl(enum schema_table table, struct buf *sql) {
    buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s (", schema_defs[table].name);
    schema_structure(table, sql);
    buf_printf(sql, ") ENGINE = %s%s", schema_defs[table].layout, schema_table_settings);
}

int schema_make_tables(struct client *client, struct err *err) {
    struct buf sql = {0};
    int rc = 0;
    for (int table = 0; rc == 0 && table < SCHEMA_TABLES; table++) {
        buf_clear(&sql);
        schema_ddl((enum schema_table)table, &sql);
        rc = client_query(client, buf_str(&sql), NULL, NULL, 0, NULL, err);
    }
    buf_release(&sql);
    return rc;
}

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

#define COLUMN(name, type, encoding, doc)                                                          \
    buf_printf(out, "%s" #name " " type, comma);                                                   \
    comma = ", ";
void schema_events_structure(struct buf *out) {
    const char *comma = "";
#include "events.def"
}

void schema_rejected_structure(struct buf *out) {
    const char *comma = "";
#include "rejected.def"
}
#undef COLUMN

void schema_events_ddl(struct buf *sql) {
    buf_add_cstr(sql, "CREATE TABLE IF NOT EXISTS events (");
    schema_events_structure(sql);
    buf_add_cstr(sql, ") ENGINE = MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (site, ts)");
    buf_add_cstr(sql, schema_table_settings);
}

void schema_rejected_ddl(struct buf *sql) {
    buf_add_cstr(sql, "CREATE TABLE IF NOT EXISTS rejected (");
    schema_rejected_structure(sql);
    buf_printf(sql, ") ENGINE = MergeTree ORDER BY bid%s", schema_table_settings);
}

int schema_make_tables(struct client *client, struct err *err) {
    struct buf sql = {0};
    schema_events_ddl(&sql);
    int rc = client_query(client, buf_str(&sql), NULL, NULL, 0, NULL, err);
    buf_clear(&sql);
    schema_rejected_ddl(&sql);
    if (rc == 0)
        rc = client_query(client, buf_str(&sql), NULL, NULL, 0, NULL, err);
    buf_release(&sql);
    return rc;
}

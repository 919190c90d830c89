/* The few functions of libchdb that we use, loaded by name: the package ships no header
 * (docs/internals/engine.md in docs/internals/engine.md has the traps). A missing symbol means
 * another version of the library. */
#ifndef CASK_ENGINE_CHDB_H
#define CASK_ENGINE_CHDB_H

#include "base/err.h"

typedef struct chdb_connection_ *chdb_connection;
typedef struct chdb_result_ chdb_result;

/* What the engine's own parser says about a text. */
struct chdb_analysis {
    uint32_t struct_size;     /* set by the caller */
    uint32_t statement_count; /* 0: empty or does not parse; > 1: several statements */
    uint32_t flags;
    uint32_t query_class; /* enum chdb_query_class */
};

enum chdb_query_class {
    CHDB_READ_ONLY = 0,
    CHDB_MUTATING = 1,
    CHDB_MUTATING_GLOBAL = 2,
    CHDB_CONTROL = 3,
    CHDB_UNKNOWN = 4,
};

struct chdb {
    void (*set_signal_handlers_enabled)(int on);
    chdb_connection *(*connect)(int argc, char **argv);
    void (*close)(chdb_connection *conn);
    chdb_result *(*query)(chdb_connection conn, const char *sql, size_t sql_len, const char *format,
                          size_t format_len);
    chdb_result *(*query_with_params)(chdb_connection conn, const char *sql, size_t sql_len,
                                      const char *format, size_t format_len,
                                      const char *const *names, const size_t *name_lens,
                                      const char *const *values, const size_t *value_lens,
                                      size_t n);
    int (*classify)(chdb_connection conn, const char *sql, size_t sql_len, const char *database,
                    size_t database_len, struct chdb_analysis *ret);
    char *(*result_buffer)(chdb_result *r);
    size_t (*result_length)(chdb_result *r);
    const char *(*result_error)(chdb_result *r); /* NULL: fine */
    double (*result_elapsed)(chdb_result *r);
    uint64_t (*result_rows_read)(chdb_result *r);
    uint64_t (*result_bytes_read)(chdb_result *r);
    uint64_t (*result_rows_written)(chdb_result *r);
    uint64_t (*result_bytes_written)(chdb_result *r);
    void (*result_free)(chdb_result *r);
};

/* dlopen and look up. The library's signal handlers are switched off. ERR_NOTFOUND. */
MUSTCHECK int chdb_load(const char *path, struct chdb *ret, struct err *err);

#endif

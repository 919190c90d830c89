#include "engine/chdb.h"

#include <dlfcn.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    {"chdb_set_signal_handlers_enabled", offsetof(struct chdb, set_signal_handlers_enabled)},
    {"chdb_connect", offsetof(struct chdb, connect)},
    {"chdb_close_conn", offsetof(struct chdb, close)},
    {"chdb_query_n", offsetof(struct chdb, query)},
    {"chdb_query_with_params_n", offsetof(struct chdb, query_with_params)},
    {"chdb_classify_query_n", offsetof(struct chdb, classify)},
    {"chdb_result_buffer", offsetof(struct chdb, result_buffer)},
    {"chdb_result_length", offsetof(struct chdb, result_length)},
    {"chdb_result_error", offsetof(struct chdb, result_error)},
    {"chdb_result_elapsed", offsetof(struct chdb, result_elapsed)},
    {"chdb_result_rows_read", offsetof(struct chdb, result_rows_read)},
    {"chdb_result_bytes_read", offsetof(struct chdb, result_bytes_read)},
    {"chdb_result_rows_written", offsetof(struct chdb, result_rows_written)},
    {"chdb_result_bytes_written", offsetof(struct chdb, result_bytes_written)},
    {"chdb_destroy_query_result", offsetof(struct chdb, result_free)},
};

int chdb_load(const char *path, struct chdb *ret, struct err *err) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return err_set(err, ERR_NOTFOUND, "cannot load libchdb: %s", dlerror());
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (symbol == NULL)
            return err_set(err, ERR_NOTFOUND, "%s has no %s: another version of libchdb?", path,
                           symbols[i].name);
        memcpy((char *)ret + symbols[i].offset, &symbol, sizeof symbol);
    }
    /* Its handlers would turn a crash into minutes of sleep. */
    ret->set_signal_handlers_enabled(0);
    return 0;
}

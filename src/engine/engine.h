/* The engine program: libchdb behind the ClickHouse HTTP protocol (docs/internals/engine.md).
 *
 * A statement gets a connection of its own (opening one takes 0.1 ms), so settings, USE and SET end
 * with it. The base connection only keeps the data path open; slots bound how many run at once. */
#ifndef CASK_ENGINE_ENGINE_H
#define CASK_ENGINE_ENGINE_H

#include "base/str.h"
#include "engine/chdb.h"
#include <pthread.h>

#define ENGINE_DEFAULT_SLOTS 4
#define ENGINE_MAX_PARAMS 128 /* settings and parameters of one request, each */

struct engine_config {
    const char *library;   /* libchdb.so */
    const char *directory; /* DATA/engine, absolute */
    int listen_fd, control_fd;
    uint64_t memory_bytes, query_memory_bytes; /* 0: the library's own default */
    unsigned slots;
};

struct engine {
    struct chdb chdb;
    chdb_connection *base;
    char *args[24]; /* of chdb_connect, the same for every connection */
    int n_args;
    bool sandboxed; /* Landlock is on */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned free_slots, running; /* running counts KILL as well, which needs no slot */
    bool closing;
};

/* Open the data path. Landlock must be on already: libchdb's threads start here. ERR_CORRUPT: it
 * cannot be opened; libchdb printed why. */
MUSTCHECK int engine_open(struct engine *e, const struct engine_config *config, struct err *err);
/* No new statements; true when the running ones were done in time and the path is closed. */
bool engine_close(struct engine *e, unsigned seconds);

struct name_value {
    struct str name, value;
};

/* One statement with everything that came along. All borrowed. */
struct request {
    struct str sql;
    struct str query_id, database;
    struct str format;    /* default_format; len 0: TabSeparated */
    struct str structure; /* of the body; len 0: asked from the table */
    struct name_value settings[ENGINE_MAX_PARAMS], params[ENGINE_MAX_PARAMS];
    size_t n_settings, n_params;
    int body_fd; /* rows of an INSERT in a memfd; -1: none */
};

struct answer {
    chdb_result *result; /* owned: engine.chdb.result_free; NULL when code is not 0 */
    int code;            /* ClickHouse exception code; 0: fine */
    struct buf error;    /* "Code: N. DB::Exception: ..." */
    char format[64];
};

/* Run it; waits for a free slot. Thread-safe. */
void engine_run(struct engine *e, const struct request *request, struct answer *ret);
void answer_release(struct engine *e, struct answer *a);
/* Make it an error of ours in ClickHouse's form. */
void answer_fail(struct answer *a, int code, const char *name, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Exception codes of ClickHouse that we give ourselves. */
enum {
    CH_BAD_ARGUMENTS = 36,
    CH_SYNTAX_ERROR = 62,
    CH_NO_DATA_TO_INSERT = 108,
    CH_UNKNOWN_SETTING = 115,
    CH_ABORTED = 236,
    CH_TOO_MANY_ROWS_OR_BYTES = 396,
    CH_ACCESS_DENIED = 497,
    CH_UNSUPPORTED_PARAMETER = 48, /* NOT_IMPLEMENTED */
};

#endif

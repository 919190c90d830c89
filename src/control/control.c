/* Control documents in SQLite: one table, docs(key, version, body). WAL, and synchronous=FULL so
 * that a commit is durable when control_commit returns (in WAL mode, NORMAL syncs only at
 * checkpoints: sqlite.org/pragma.html#pragma_synchronous). One connection behind one lock. */
#include "control/control.h"

#include "base/fs.h"
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The schema, step by step: step i makes version i + 1 (in user_version; 0 is a new file) of
 * version i. A step that was released never changes; a new schema is one more step. */
static const char *const schema_steps[] = {
    "CREATE TABLE docs(key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL,"
    " body BLOB NOT NULL) WITHOUT ROWID",
};

struct control {
    pthread_mutex_t lock;
    sqlite3 *db;
    char *path;
    sqlite3_stmt *begin, *commit, *rollback, *get, *put, *remove, *each;
};

static const struct {
    size_t at; /* of the statement in struct control */
    const char *sql;
} statements[] = {
    {offsetof(struct control, begin), "BEGIN IMMEDIATE"},
    {offsetof(struct control, commit), "COMMIT"},
    {offsetof(struct control, rollback), "ROLLBACK"},
    {offsetof(struct control, get), "SELECT version, body FROM docs WHERE key = ?1"},
    {offsetof(struct control, put), "INSERT OR REPLACE INTO docs(key, version, body) "
                                    "VALUES (?1, ?2, ?3)"},
    {offsetof(struct control, remove), "DELETE FROM docs WHERE key = ?1"},
    /* BLOB keys would sort the same: the column has no collation but bytes. */
    {offsetof(struct control, each), "SELECT key, version, body FROM docs "
                                     "WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 "
                                     "ORDER BY key"},
};

static sqlite3_stmt **statement(struct control *c, size_t i) {
    return (sqlite3_stmt **)((char *)c + statements[i].at);
}

/* --- errors -------------------------------------------------------------------------------- */

static const struct {
    int sqlite, code;
    const char *what;
} reasons[] = {
    {SQLITE_NOTADB, ERR_CORRUPT, "is no control database"},
    {SQLITE_CORRUPT, ERR_CORRUPT, "is damaged"},
    {SQLITE_FULL, ERR_NOSPACE, "no space"},
    {SQLITE_BUSY, ERR_BUSY, "is held by another process"},
    {SQLITE_LOCKED, ERR_BUSY, "is held by another process"},
    {SQLITE_TOOBIG, ERR_TOOBIG, "document too big"},
    {SQLITE_CANTOPEN, ERR_IO, "cannot be opened"},
};

static int sqlite_failed(const struct control *c, struct err *err) {
    int code = c->db != NULL ? sqlite3_errcode(c->db) : SQLITE_NOMEM;
    const char *text = c->db != NULL ? sqlite3_errmsg(c->db) : "out of memory";
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if ((code & 0xff) == reasons[i].sqlite)
            return err_set(err, reasons[i].code, "%s: %s (%s)", c->path, reasons[i].what, text);
    return err_set(err, ERR_IO, "%s: %s", c->path, text);
}

/* --- opening ------------------------------------------------------------------------------- */

static int run(struct control *c, const char *sql, struct err *err) {
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_failed(c, err);
}

static int read_number(struct control *c, const char *sql, int *ret, struct err *err) {
    sqlite3_stmt *s = NULL;
    int rc = 0;
    if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        rc = sqlite_failed(c, err);
    else
        *ret = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return rc;
}

static int check_new(struct control *c, struct err *err) {
    int tables = 0;
    int rc = read_number(c, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (rc == 0 && tables > 0)
        rc = err_set(err, ERR_CORRUPT, "%s: is no control database, but one of another program",
                     c->path);
    return rc;
}

/* All steps that are missing, in one transaction: a file is never between two versions. */
static int migrate(struct control *c, int version, const char *const *steps, int n,
                   struct err *err) {
    char set[64];
    int rc = run(c, "BEGIN IMMEDIATE", err);
    for (int i = version; rc == 0 && i < n; i++)
        rc = run(c, steps[i], err);
    snprintf(set, sizeof set, "PRAGMA user_version = %d", n);
    if (rc == 0)
        rc = run(c, set, err);
    if (rc == 0)
        rc = run(c, "COMMIT", err);
    if (rc < 0 && !sqlite3_get_autocommit(c->db))
        (void)!run(c, "ROLLBACK", NULL);
    return rc;
}

static int prepare_schema(struct control *c, const char *const *steps, int n, struct err *err) {
    int version = 0;
    int rc = run(c, "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;", err);
    if (rc == 0)
        rc = read_number(c, "PRAGMA user_version", &version, err);
    if (rc == 0 && (version > n || version < 0))
        rc = err_set(err, ERR_USAGE,
                     "%s was written by a newer version of this program (schema %d, known: %d)",
                     c->path, version, n);
    if (rc == 0 && version == 0)
        rc = check_new(c, err);
    if (rc == 0 && version < n)
        rc = migrate(c, version, steps, n, err);
    return rc;
}

static int prepare_statements(struct control *c, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(statements); i++)
        if (sqlite3_prepare_v3(c->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                               statement(c, i), NULL) != SQLITE_OK)
            return sqlite_failed(c, err);
    return 0;
}

/* A new file is for its owner only (it will hold tokens); SQLite gives its log the same mode. */
static int make_file(const char *path, struct err *err) {
    if (fs_exists(path))
        return 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_IO, "%s", path);
    close(fd);
    return fs_sync_parent(path, err);
}

int control_open_steps(const char *path, const char *const *steps, int n, struct control **ret,
                       struct err *err) {
    struct control *c = xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->path = xstrdup(path);
    int rc = make_file(path, err);
    if (rc == 0 && sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   NULL) != SQLITE_OK)
        rc = sqlite_failed(c, err);
    if (rc == 0) {
        sqlite3_extended_result_codes(c->db, 1);
        sqlite3_busy_timeout(c->db, 5000);
        rc = prepare_schema(c, steps, n, err);
    }
    if (rc == 0)
        rc = prepare_statements(c, err);
    if (rc < 0)
        control_close(c);
    else
        *ret = c;
    return rc;
}

int control_open(const char *path, struct control **ret, struct err *err) {
    return control_open_steps(path, schema_steps, (int)ARRAY_LEN(schema_steps), ret, err);
}

void control_close(struct control *c) {
    if (c == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(statements); i++)
        sqlite3_finalize(*statement(c, i));
    sqlite3_close(c->db);
    pthread_mutex_destroy(&c->lock);
    free(c->path);
    free(c);
}

/* --- documents ----------------------------------------------------------------------------- */

static int step_done(struct control *c, sqlite3_stmt *s, struct err *err) {
    int rc = sqlite3_step(s) == SQLITE_DONE ? 0 : sqlite_failed(c, err);
    sqlite3_reset(s);
    return rc;
}

static struct str column_bytes(sqlite3_stmt *s, int column) {
    const void *bytes = sqlite3_column_blob(s, column);
    return str_of(bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(s, column));
}

/* Version of a document, 0 if there is none; its body into *body if that is asked. */
static int look_up(struct control *c, const char *key, struct buf *body, uint64_t *ret_version,
                   struct err *err) {
    int rc = 0;
    sqlite3_bind_text(c->get, 1, key, -1, SQLITE_STATIC);
    int stepped = sqlite3_step(c->get);
    if (stepped == SQLITE_ROW) {
        *ret_version = (uint64_t)sqlite3_column_int64(c->get, 0);
        if (body != NULL)
            buf_add_str(body, column_bytes(c->get, 1));
    } else if (stepped == SQLITE_DONE) {
        *ret_version = 0;
    } else {
        rc = sqlite_failed(c, err);
    }
    sqlite3_reset(c->get);
    sqlite3_clear_bindings(c->get);
    return rc;
}

int control_get(struct control *c, const char *key, struct buf *ret, uint64_t *ret_version,
                struct err *err) {
    buf_clear(ret);
    pthread_mutex_lock(&c->lock);
    int rc = look_up(c, key, ret, ret_version, err);
    pthread_mutex_unlock(&c->lock);
    if (rc == 0 && ret->overflow)
        rc = err_set(err, ERR_TOOBIG, "document %s is over the caller's limit", key);
    return rc;
}

static int put_one(struct control *c, const struct control_put *p, struct err *err) {
    uint64_t version = 0;
    int rc = look_up(c, p->key, NULL, &version, err);
    if (rc < 0)
        return rc;
    if (p->version != CONTROL_ANY && p->version != version)
        return err_set(err, ERR_BUSY,
                       "document %s was changed by somebody else (version %llu, not %llu)", p->key,
                       (unsigned long long)version, (unsigned long long)p->version);
    sqlite3_stmt *s = p->body.ptr != NULL ? c->put : c->remove;
    sqlite3_bind_text(s, 1, p->key, -1, SQLITE_STATIC);
    if (p->body.ptr != NULL) {
        sqlite3_bind_int64(s, 2, (sqlite3_int64)(version + 1));
        sqlite3_bind_blob64(s, 3, p->body.ptr, p->body.len, SQLITE_STATIC);
    }
    rc = step_done(c, s, err);
    sqlite3_clear_bindings(s);
    return rc;
}

int control_commit(struct control *c, const struct control_put *puts, size_t n, struct err *err) {
    pthread_mutex_lock(&c->lock);
    int rc = step_done(c, c->begin, err);
    if (rc < 0)
        goto out;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_one(c, &puts[i], err);
    if (rc == 0)
        rc = step_done(c, c->commit, err);
    /* Some errors (a full disk) have rolled back already; then this one fails, and may. */
    if (rc < 0 && !sqlite3_get_autocommit(c->db))
        UNUSED(step_done(c, c->rollback, NULL));
out:
    pthread_mutex_unlock(&c->lock);
    return rc;
}

struct document {
    char *key;
    struct str body;
    uint64_t version;
};
struct documents {
    struct document *items;
    size_t len, cap;
};

static int collect(struct control *c, const char *prefix, struct documents *docs, struct err *err) {
    int stepped;
    sqlite3_bind_text(c->each, 1, prefix, -1, SQLITE_STATIC);
    while ((stepped = sqlite3_step(c->each)) == SQLITE_ROW) {
        struct str body = column_bytes(c->each, 2);
        struct document d = {str_dup(column_bytes(c->each, 0)), str_of(str_dup(body), body.len),
                             (uint64_t)sqlite3_column_int64(c->each, 1)};
        vec_push(docs, d);
    }
    int rc = stepped == SQLITE_DONE ? 0 : sqlite_failed(c, err);
    sqlite3_reset(c->each);
    sqlite3_clear_bindings(c->each);
    return rc;
}

/* Collected first, so that `see` may use the control data itself. */
int control_each(struct control *c, const char *prefix, control_see_fn *see, void *arg,
                 struct err *err) {
    struct documents docs = {0};
    pthread_mutex_lock(&c->lock);
    int rc = collect(c, prefix, &docs, err);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; rc == 0 && i < docs.len; i++)
        rc = see(arg, docs.items[i].key, docs.items[i].body, docs.items[i].version, err);
    for (size_t i = 0; i < docs.len; i++) {
        free(docs.items[i].key);
        free((char *)docs.items[i].body.ptr);
    }
    vec_free(&docs);
    return rc;
}

/* verify: lake against store block by block, the lines of each import, hourly totals of cubes
 * against events. */
#include "cmd/cmd.h"
#include "cmd/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN_DIFFERENCES 100

/* What an import's blocks said so far. */
struct import_lines {
    uint64_t id, lines;
    bool may_repeat; /* its last line was open and rejected: it is read again when it grows */
};

struct verify {
    const struct cmd_store *store;
    uint64_t upto[DATASET_MAX + 1]; /* beside a server: what is applied; else 0 */
    struct buf *out;
    uint64_t differences, of_imports;
    bool damaged; /* the lake itself */
    struct progress progress;
    uint64_t blocks, lines, counters, bytes, all_bytes;
    uint64_t rows[3]; /* of events, of rejected, and how many of those are excluded */
    struct str
        rest; /* of the store's answer: bid, events or counters, rejected, excluded; sorted */
    uint64_t bid, counts[3]; /* its line at hand; bid 0: no more */
    VEC(struct import_lines) imports;
};

static void differ(struct verify *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void differ(struct verify *v, const char *fmt, ...) {
    char text[512];
    va_list ap;
    if (v->differences++ >= SHOWN_DIFFERENCES)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(v->out, "difference: %s\n", text);
}

/* "logs 3.17": dataset, segment, block. */
static const char *bid_text(uint64_t bid, char text[static 64]) {
    const char *name = dataset_name(bid_dataset(bid));
    snprintf(text, 64, "%s %llu.%llu", name != NULL ? name : "?",
             (unsigned long long)bid_segment(bid), (unsigned long long)bid_block(bid));
    return text;
}

static void ok_line(struct verify *v, const char *what, uint64_t n, const char *unit, bool ok) {
    buf_printf(v->out, "%s: %s, ", what, ok ? "OK" : "differs");
    text_count(v->out, n);
    buf_printf(v->out, " %s%s\n", unit, n == 1 ? "" : "s");
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void next_line(struct verify *v) {
    struct str line, cell;
    uint64_t numbers[4] = {0};
    if (str_split(&v->rest, '\n', &line))
        for (size_t i = 0; i < 4; i++)
            if (!str_split(&line, '\t', &cell) || !str_to_u64(cell, &numbers[i]))
                numbers[i] = 0;
    v->bid = numbers[0];
    v->counts[0] = numbers[1];
    v->counts[1] = numbers[2];
    v->counts[2] = numbers[3];
}

static int ask_store(struct verify *v, struct buf *answer, struct err *err) {
    struct buf sql = {0}, where = {0};
    for (size_t i = 0; v->store->live != NULL && i < instance_n_datasets; i++) {
        enum dataset d = instance_datasets[i];
        buf_printf(&where, "%s(bid >= %llu AND bid <= %llu)", i == 0 ? " WHERE " : " OR ",
                   (unsigned long long)bid_make(d, 0, 0), (unsigned long long)v->upto[d]);
    }
    buf_printf(&sql,
               "SELECT bid, sum(e), sum(r), sum(x) FROM ("
               "SELECT bid, toUInt64(count()) AS e, toUInt64(0) AS r, toUInt64(0) AS x"
               " FROM events%s GROUP BY bid UNION ALL"
               " SELECT bid, toUInt64(count()) AS e, toUInt64(0) AS r, toUInt64(0) AS x"
               " FROM github%s GROUP BY bid UNION ALL SELECT bid, toUInt64(0) AS e,"
               " toUInt64(count()) AS r, toUInt64(sum(startsWith(reason, 'excluded_')))"
               " AS x FROM rejected%s GROUP BY bid) AS b GROUP BY bid ORDER BY bid",
               buf_cstr(&where), buf_cstr(&where), buf_cstr(&where));
    int rc = client_query(v->store->client, buf_str(&sql), "TSV", NULL, 0, answer, err);
    v->rest = buf_str(answer);
    buf_release(&where);
    buf_release(&sql);
    return rc;
}

/* Rows of blocks before `bid` are of blocks that the lake does not have. */
static void extra_rows(struct verify *v, uint64_t bid) {
    char name[64];
    while (v->bid != 0 && v->bid < bid) {
        differ(v, "block %s: not readable in the lake, %llu rows in the store",
               bid_text(v->bid, name), (unsigned long long)v->counts[0] + v->counts[1]);
        next_line(v);
    }
}

/* Header lines count for nothing. */
static size_t count_records(const struct lake_block *block) {
    size_t n = 0;
    for (size_t i = 0; i < block->len; i++)
        n += !record_is_header(&block->records[i]);
    return n;
}

static void check_block(struct verify *v, const struct lake_block *block) {
    char name[64];
    bool lines = dataset_kind(bid_dataset(block->bid)) == RECORDS_LINES;
    uint64_t rows = 0, rejected = 0;
    extra_rows(v, block->bid);
    if (v->bid == block->bid) {
        rows = v->counts[0];
        rejected = v->counts[1];
        v->rows[2] += v->counts[2];
        next_line(v);
    }
    v->blocks++;
    size_t records = count_records(block);
    *(lines ? &v->lines : &v->counters) += records;
    v->rows[0] += lines ? rows : 0;
    v->rows[1] += rejected;
    if (rows + rejected != records)
        differ(v, "block %s: %zu %s in the lake, %llu %s and %llu others in the store",
               bid_text(block->bid, name), records, lines ? "lines" : "records",
               (unsigned long long)rows, lines ? "events" : "rows", (unsigned long long)rejected);
}

/* --- imports --------------------------------------------------------------------------------- */

static struct import_lines *lines_of(struct verify *v, uint64_t id) {
    for (size_t i = v->imports.len; i-- > 0;)
        if (v->imports.items[i].id == id)
            return &v->imports.items[i];
    struct import_lines fresh = {.id = id};
    vec_push(&v->imports, fresh);
    return NULL;
}

/* The position in a block says how many lines its import had come to: as many as its blocks hold.
 */
static int check_import(struct verify *v, const struct lake_block *block, struct err *err) {
    char name[64];
    struct imports one = {0};
    int rc = imports_take(&one, block->bid, &block->records[block->len - 1], err);
    if (rc != 0 || one.list.len == 0 || one.list.items[0].marks.len == 0)
        goto out; /* another source's */
    uint64_t id = one.list.items[0].id;
    const struct import_mark *mark = &one.list.items[0].marks.items[0];
    struct import_lines *before = lines_of(v, id); /* NULL the first time; then it is there */
    uint64_t added = mark->lines - (before != NULL ? before->lines : 0);
    /* the first block may stand behind lines of an earlier import of the same file */
    size_t lines = count_records(block);
    bool fits = before != NULL ? lines == added || (before->may_repeat && lines == added + 1)
                               : lines <= added;
    if (!fits) {
        v->of_imports++;
        differ(v, "import %llu: %llu lines up to block %s, %zu in it", (unsigned long long)id,
               (unsigned long long)added, bid_text(block->bid, name), lines);
    }
    if (before == NULL)
        before = lines_of(v, id);
    before->lines = mark->lines;
    before->may_repeat = mark->open_bytes > 0 && !mark->open_accepted;
out:
    imports_release(&one);
    return rc;
}

static int read_dataset(struct verify *v, enum dataset dataset, struct err *err) {
    struct lake_reader *reader = NULL;
    struct lake_block block;
    if (v->store->live != NULL && v->upto[dataset] == 0)
        return 0;
    int rc = lake_reader_open(v->store->in->lake_root, dataset, 0, v->upto[dataset], &reader, err);
    while (rc == 0) {
        struct err why = {0};
        int got = lake_reader_next(reader, &block, &why);
        if (got == 0)
            break;
        if (got == 1) {
            check_block(v, &block);
            v->bytes += block.stored_bytes;
            if (block.len > 0)
                rc = check_import(v, &block, err);
            progress_show(&v->progress, v->bytes, v->all_bytes, v->bytes, "B");
        } else if (got == ERR_CORRUPT) {
            v->damaged = true;
            differ(v, "%s", why.text);
        } else {
            rc = err_set(err, got, "%s", why.text);
        }
        if (rc == 0 && cmd_store_stopped(v->store))
            rc = err_set(err, ERR_STOPPED, "stopped");
    }
    lake_reader_close(reader);
    return rc;
}

static int read_lake(struct verify *v, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < instance_n_datasets; i++) {
        uint64_t bytes = 0;
        rc = lake_size_after(v->store->in->lake_root, instance_datasets[i], 0, &bytes, err);
        v->all_bytes += bytes;
    }
    /* in the order of block ids, as the store's answer is */
    for (size_t i = 0; rc == 0 && i < instance_n_datasets; i++)
        rc = read_dataset(v, instance_datasets[i], err);
    return rc;
}

static int verify_lake(struct verify *v, struct err *err) {
    struct buf answer = {0};
    int rc = ask_store(v, &answer, err);
    uint64_t before = v->differences;
    if (rc == 0) {
        next_line(v);
        cmd_store_progress(v->store, &v->progress, "reading the lake");
        rc = read_lake(v, err);
        progress_end(&v->progress);
    }
    if (rc == 0) {
        extra_rows(v, UINT64_MAX);
        ok_line(v, "lake and store", v->blocks, "block", v->differences - v->of_imports == before);
        buf_printf(v->out, "  %llu lines in the lake, %llu events, %llu rejected, %llu excluded\n",
                   (unsigned long long)v->lines, (unsigned long long)v->rows[0],
                   (unsigned long long)(v->rows[1] - v->rows[2]), (unsigned long long)v->rows[2]);
        if (v->counters > 0)
            buf_printf(v->out, "  %llu records of counters\n", (unsigned long long)v->counters);
        ok_line(v, "lines by import", v->imports.len, "import", v->of_imports == 0);
    }
    buf_release(&answer);
    return rc;
}

/* --- cubes ----------------------------------------------------------------------------------- */

static int see_hour(void *arg, const char *site, int64_t hour, const char *measure,
                    uint64_t in_cells, uint64_t in_events) {
    struct verify *v = arg;
    differ(v, "cubes: %s at %s, hour of %lld: %llu in cells, %llu in events", measure, site,
           (long long)hour, (unsigned long long)in_cells, (unsigned long long)in_events);
    return cmd_store_stopped(v->store);
}

/* Beside a server rows may come between the looks at cells and events: what differs is looked at
 * again while none come. */
static int compare_cubes(struct verify *v, uint64_t *hours, struct err *err) {
    const struct cmd_store *store = v->store;
    uint64_t before = v->differences;
    size_t len = v->out->len;
    int rc = cube_verify(store->in->cube, store->client, see_hour, v, hours, err);
    if (store->live == NULL || rc != 0 || v->differences == before)
        return rc;
    v->differences = before;
    v->out->len = len;
    rc = live_pause(store->live, store->stop, err);
    if (rc != 0)
        return rc;
    rc = cube_verify(store->in->cube, store->client, see_hour, v, hours, err);
    live_resume(store->live);
    return rc;
}

static int verify_cubes(struct verify *v, struct err *err) {
    uint64_t hours = 0, before = v->differences;
    int rc = compare_cubes(v, &hours, err);
    if (rc == 0)
        ok_line(v, "hourly cells and events", hours, "sealed hour", v->differences == before);
    return rc;
}

/* Not a difference, but what one may want to know. Without rules (no key) nothing is said. */
static void tell_stale(struct verify *v) {
    uint64_t stale = 0, rows = 0;
    struct err err = {0};
    if (cmd_store_stale(v->store, &stale, &rows, &err) == 0 && stale > 0)
        buf_printf(v->out,
                   "%llu of %llu rows were made by other rules than those of today: see "
                   "`caskalytics relabel`\n",
                   (unsigned long long)stale, (unsigned long long)rows);
}

/* --- the command ----------------------------------------------------------------------------- */

static int verify_all(struct verify *v, struct err *err) {
    int rc = cmd_store_catch_up(v->store, err);
    if (rc == 0 && v->store->live != NULL) {
        struct live_state state = live_state(v->store->live);
        memcpy(v->upto, state.applied, sizeof v->upto);
    }
    if (rc == 0)
        rc = verify_lake(v, err);
    if (rc == 0)
        rc = verify_cubes(v, err);
    if (rc == 0)
        tell_stale(v);
    if (rc == 0 && v->differences > SHOWN_DIFFERENCES)
        buf_printf(v->out, "... and %llu more\n",
                   (unsigned long long)(v->differences - SHOWN_DIFFERENCES));
    if (rc == 0 && v->damaged)
        return err_set(
            err, ERR_CORRUPT,
            "the lake is damaged: put the file back from a backup. The store still has the rows of "
            "what it counted; do not rebuild it");
    if (rc == 0 && v->differences > 0)
        rc =
            err_set(err, ERR_FAILED, "%llu differences: `caskalytics rebuild` makes the store anew",
                    (unsigned long long)v->differences);
    return rc;
}

int verify_answer(const struct cmd_store *store, const struct cmd_request *request, struct buf *out,
                  struct err *err) {
    UNUSED(request);
    struct verify v = {.store = store, .out = out};
    int rc = cmd_store_claim(store, err);
    if (rc != 0)
        return rc;
    if (store->live == NULL)
        stop_on_signals();
    rc = verify_all(&v, err);
    cmd_store_release(store);
    vec_free(&v.imports);
    return rc;
}

int cmd_run_verify(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    return cmd_with_store(ctx, args, STR(""), err);
}

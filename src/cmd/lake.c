/* lake: look into the raw records. Needs no lock: readers may run beside a writer. */
#include "lake/lake.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "query/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OUT_BYTES ((size_t)256 << 10)

struct look {
    char *root;
    int dataset; /* 0: all */
    uint64_t after;
    bool json, terminal;
    struct buf out;
};

static int write_out(struct look *look, struct err *err) {
    int rc = cmd_write(buf_str(&look->out), err);
    buf_clear(&look->out);
    return rc;
}

static void add_time(struct buf *out, int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];
    if (gmtime_r(&seconds, &tm) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm))
        buf_add_cstr(out, text);
}

/* --- ls -------------------------------------------------------------------------------------- */

struct listing {
    struct look *look;
    uint64_t segments, blocks, records, bytes;
};

static void add_row(struct buf *out, const char *dataset, const char *path,
                    const uint64_t counts[3], const struct lake_segment *s) {
    buf_printf(out, "%-8s %-40s", dataset, path);
    static const int widths[] = {8, 14};
    for (size_t i = 0; i < 2; i++) {
        struct buf digits = {0};
        text_count(&digits, counts[i]);
        buf_printf(out, " %*s", widths[i], buf_cstr(&digits));
        buf_release(&digits);
    }
    struct buf bytes = {0};
    text_bytes(&bytes, counts[2]);
    buf_printf(out, " %9s", buf_cstr(&bytes));
    buf_release(&bytes);
    if (s != NULL && s->records > 0) {
        buf_add_cstr(out, "  ");
        add_time(out, s->first_ms);
        buf_add_cstr(out, "  ");
        add_time(out, s->last_ms);
    }
    if (s != NULL && s->corrupt)
        buf_add_cstr(out, "  damaged");
    else if (s != NULL && s->torn_bytes > 0)
        buf_printf(out, "  %llu bytes unfinished", (unsigned long long)s->torn_bytes);
    buf_add_char(out, '\n');
}

static int list_segment(void *arg, const struct lake_segment *s, struct err *err) {
    struct listing *l = arg;
    const uint64_t counts[] = {s->blocks, s->records, s->bytes};
    if (l->segments++ == 0)
        buf_printf(&l->look->out, "%-8s %-40s %8s %14s %9s  %-19s  %-19s\n", "DATASET", "FILE",
                   "BLOCKS", "RECORDS", "SIZE", "FIRST ARRIVAL (UTC)", "LAST ARRIVAL (UTC)");
    add_row(&l->look->out, dataset_name(s->dataset), s->path, counts, s);
    l->blocks += s->blocks;
    l->records += s->records;
    l->bytes += s->bytes;
    return write_out(l->look, err);
}

static int run_ls(struct look *look, struct err *err) {
    struct listing l = {.look = look};
    int rc = lake_walk(look->root, look->dataset, list_segment, &l, err);
    if (rc != 0)
        return rc;
    char files[32];
    snprintf(files, sizeof files, "%llu file%s", (unsigned long long)l.segments,
             l.segments == 1 ? "" : "s");
    const uint64_t counts[] = {l.blocks, l.records, l.bytes};
    if (l.segments == 0)
        buf_add_cstr(&look->out, "the lake is empty\n");
    else
        add_row(&look->out, "total", files, counts, NULL);
    return write_out(look, err);
}

/* --- cat ------------------------------------------------------------------------------------- */

static void add_field(struct buf *out, const char *name, struct str value) {
    buf_printf(out, ",\"%s\":\"", name);
    buf_add_json(out, value);
    buf_add_char(out, '"');
}

static const struct {
    const char *name;
    size_t offset;
} counters[] = {
#define COUNTER(name, presence, doc) {#name, offsetof(struct counters, name)},
#include "counters.def"
#undef COUNTER
};

/* Name and value of the i-th counter, between words of the form. */
static void add_counter(struct buf *out, const struct counters *c, size_t i, const char *before,
                        const char *between, const char *unknown) {
    int64_t value = *(const int64_t *)(const void *)((const char *)c + counters[i].offset);
    buf_printf(out, "%s%s%s", before, counters[i].name, between);
    if (value == COUNTER_UNKNOWN)
        buf_add_cstr(out, unknown);
    else
        buf_printf(out, "%lld", (long long)value);
}

static void add_json(struct buf *out, uint64_t bid, size_t place, const struct record *r) {
    buf_printf(out, "{\"bid\":%llu,\"place\":%zu,\"ts\":%lld", (unsigned long long)bid, place,
               (long long)r->ts_ms);
    add_field(out, "site", r->site);
    add_field(out, "source", r->source);
    if (r->counters != NULL) {
        add_field(out, "repo", r->counters->repo);
        for (size_t i = 0; i < ARRAY_LEN(counters); i++)
            add_counter(out, r->counters, i, ",\"", "\":", "null");
    } else {
        add_field(out, "type", r->type);
        add_field(out, "body", r->body);
    }
    add_field(out, "position", r->position);
    if (r->has_visitor)
        buf_printf(out, ",\"visitor\":%llu", (unsigned long long)r->visitor);
    buf_add_cstr(out, "}\n");
}

/* A line; a record of counters as words. */
static void add_text(struct buf *out, const struct record *r, bool terminal) {
    struct str text = r->counters != NULL ? r->counters->repo : r->body;
    if (terminal) /* bytes of a log must not control it */
        output_text(text, "\t", out);
    else
        buf_add_str(out, text);
    for (size_t i = 0; r->counters != NULL && i < ARRAY_LEN(counters); i++)
        add_counter(out, r->counters, i, " ", "=", "-");
    buf_add_char(out, '\n');
}

static int cat_block(struct look *look, const struct lake_block *block, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < block->len; i++) {
        const struct record *r = &block->records[i];
        if (look->json)
            add_json(&look->out, block->bid, i, r);
        else
            add_text(&look->out, r, look->terminal);
        if (look->out.len >= OUT_BYTES)
            rc = write_out(look, err);
    }
    return rc == 0 ? write_out(look, err) : rc;
}

static int cat_dataset(struct look *look, enum dataset dataset, struct err *err) {
    struct lake_reader *reader = NULL;
    struct lake_block block;
    struct err damage = {0};
    uint64_t after = bid_dataset(look->after) == dataset ? look->after : 0;
    int rc = lake_reader_open(look->root, dataset, after, 0, &reader, err);
    while (rc == 0) {
        struct err why = {0};
        int got = lake_reader_next(reader, &block, &why);
        if (got == 0)
            break;
        if (got == 1)
            rc = cat_block(look, &block, err);
        else if (got == ERR_CORRUPT)
            damage = damage.code == 0 ? why : damage;
        else
            rc = err_set(err, got, "%s", why.text);
    }
    lake_reader_close(reader);
    if (rc == 0 && damage.code != 0)
        rc = err_set(err, ERR_CORRUPT, "%s", damage.text);
    return rc;
}

static int run_cat(struct look *look, struct err *err) {
    int rc = 0;
    for (int d = 1; rc == 0 && d <= DATASET_MAX; d++) {
        bool wanted = look->dataset == 0 || look->dataset == d;
        if (look->after != 0 && look->dataset == 0)
            wanted = (int)bid_dataset(look->after) == d;
        char *dir = NULL;
        if (asprintf(&dir, "%s/%s", look->root, dataset_name((enum dataset)d)) < 0)
            abort();
        if (wanted && access(dir, F_OK) == 0)
            rc = cat_dataset(look, (enum dataset)d, err);
        free(dir);
    }
    return rc;
}

/* --- verify ---------------------------------------------------------------------------------- */

struct verdict {
    struct look *look;
    uint64_t segments, blocks, records, bytes, damaged;
};

static int verify_segment(void *arg, const struct lake_segment *s, struct err *err) {
    struct verdict *v = arg;
    v->segments++;
    v->blocks += s->blocks;
    v->records += s->records;
    v->bytes += s->bytes;
    v->damaged += s->corrupt;
    if (s->corrupt)
        buf_printf(&v->look->out, "damaged: %s: %s\n", s->path, s->problem);
    else if (s->torn_bytes > 0)
        buf_printf(&v->look->out,
                   "unfinished: %s: %llu bytes behind the last whole block (no damage: "
                   "being written, or cut by the next import)\n",
                   s->path, (unsigned long long)s->torn_bytes);
    return write_out(v->look, err);
}

static int run_verify(struct look *look, struct err *err) {
    struct verdict v = {.look = look};
    int rc = lake_walk(look->root, look->dataset, verify_segment, &v, err);
    if (rc != 0)
        return rc;
    struct buf *out = &look->out;
    buf_printf(out, "%s: ", v.damaged ? "read" : "OK");
    text_count(out, v.records);
    buf_printf(out, " record%s in ", v.records == 1 ? "" : "s");
    text_count(out, v.blocks);
    buf_printf(out, " block%s of ", v.blocks == 1 ? "" : "s");
    text_count(out, v.segments);
    buf_printf(out, " file%s, ", v.segments == 1 ? "" : "s");
    text_bytes(out, v.bytes);
    buf_add_char(out, '\n');
    rc = write_out(look, err);
    if (rc == 0 && v.damaged > 0)
        rc = err_set(err, ERR_CORRUPT, "%llu of %llu files of the lake are damaged",
                     (unsigned long long)v.damaged, (unsigned long long)v.segments);
    return rc;
}

/* --- the command ----------------------------------------------------------------------------- */

static int take_options(struct look *look, const struct cmd_args *args, struct err *err) {
    const char *dataset = cmd_value(args, "dataset", 0), *after = cmd_value(args, "after", 0);
    enum dataset found;
    if (dataset != NULL) {
        if (!dataset_parse(str_from(dataset), &found))
            return err_set(err, ERR_USAGE,
                           "--dataset: unknown \"%s\" (logs, s3, web, github, points)", dataset);
        look->dataset = (int)found;
    }
    if (after != NULL && !str_to_u64(str_from(after), &look->after))
        return err_set(err, ERR_USAGE, "--after: \"%s\" is no block id", after);
    look->json = cmd_given(args, "json");
    look->terminal = cmd_is_terminal(STDOUT_FILENO);
    return 0;
}

int cmd_run_lake(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    static const char *const names[] = {"ls", "cat", "verify", NULL};
    static int (*const runs[])(struct look *, struct err *) = {run_ls, run_cat, run_verify};
    struct look look = {0};
    struct config *config = NULL;
    size_t what = 0;
    int rc = 0;
    if (args->words.len > 0)
        rc = cmd_choice("lake", args->words.items[0], names, &what, err);
    if (rc == 0)
        rc = take_options(&look, args, err);
    if (rc == 0)
        rc = cmd_config(ctx, &config, err);
    if (rc == 0) {
        if (asprintf(&look.root, "%s/lake", cmd_data_dir(ctx, config)) < 0)
            abort();
        rc = runs[what](&look, err);
    }
    buf_release(&look.out);
    free(look.root);
    config_free(config);
    return rc;
}

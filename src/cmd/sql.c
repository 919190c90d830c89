/* sql: one read-only SELECT. */
#include "cmd/cmd.h"
#include "cmd/sql_check.h"
#include "cmd/store.h"
#include "query/output.h"

#include "base/limits.h"
#include <stdlib.h>
#include <unistd.h>

/* The query cannot change them: SETTINGS is refused, and readonly=1 lets nothing be set. */
static const struct setting limits[] = {
    {"max_execution_time", "600"},
    {"timeout_overflow_mode", "throw"},
    {"readonly", "1"},
};

/* Our words for forms; any other word is the name of an output format of the engine. */
static const struct {
    const char *word, *format;
    bool table;
} forms[] = {
    {"table", "TSVWithNamesAndTypes", true},
    {"json", "JSON", false},
    {"csv", "CSVWithNames", false},
    {"tsv", "TSVWithNames", false},
};

/* --- the table ------------------------------------------------------------------------------- */

/* Undo the escapes of TSV. */
static struct str unescape(struct arena *arena, struct str cell) {
    static const char from[] = "bfrnt0", to[] = "\b\f\r\n\t\0";
    char *out = arena_bytes(arena, cell.len);
    size_t len = 0;
    for (size_t i = 0; i < cell.len; i++) {
        const char *at = NULL;
        if (cell.ptr[i] == '\\' && i + 1 < cell.len) {
            at = strchr(from, cell.ptr[++i]);
            at = at != NULL && *at != '\0' ? at : NULL;
        }
        out[len++] = at != NULL ? to[at - from] : cell.ptr[i];
    }
    return str_of(out, len);
}

static bool is_number(struct str type) {
    static const char *const numbers[] = {"UInt", "Int", "Float", "Decimal"};
    if (str_starts(type, STR("Nullable(")))
        type = str_skip(type, strlen("Nullable("));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (str_starts(type, str_from(numbers[i])))
            return true;
    return false;
}

static void read_head(struct result *r, struct str *rest) {
    struct str names = {0}, types = {0}, count, cell;
    (void)str_split(rest, '\n', &names);
    (void)str_split(rest, '\n', &types);
    count = names;
    while (str_split(&count, '\t', &cell))
        r->n_columns++;
    r->columns = xcalloc(max_size(r->n_columns, 1), sizeof *r->columns);
    for (size_t i = 0; i < r->n_columns; i++) {
        if (str_split(&names, '\t', &cell))
            r->columns[i].name = arena_cstr(&r->arena, unescape(&r->arena, cell));
        if (str_split(&types, '\t', &cell))
            r->columns[i].measure = is_number(cell);
    }
}

/* TSVWithNamesAndTypes -> struct result. Numbers stay the text that the engine wrote: they may be
 * keys and hashes as well as counts. */
static void read_result(struct result *r, struct str text) {
    read_head(r, &text);
    VEC(struct value) values = {0};
    struct str line, cell;
    while (r->n_columns > 0 && text.len > 0 && str_split(&text, '\n', &line)) {
        for (size_t i = 0; i < r->n_columns; i++) {
            struct value v = {.type = VALUE_NULL};
            cell = line;
            if (i + 1 < r->n_columns || memchr(line.ptr, '\t', line.len) != NULL)
                (void)str_split(&line, '\t', &cell);
            if (!str_is(cell, "\\N"))
                v = (struct value){.type = VALUE_TEXT, .text = unescape(&r->arena, cell)};
            vec_push(&values, v);
        }
        r->n_rows++;
    }
    r->values = values.items;
}

static void print_table(struct str text, const struct output_style *style, struct buf *out) {
    struct result r = {0};
    read_result(&r, text);
    if (r.n_columns > 0)
        result_print(&r, OUTPUT_TABLE, style, out);
    result_release(&r);
}

/* --- running --------------------------------------------------------------------------------- */

static int run_query(struct client *client, struct str query, size_t form, const char *format,
                     const struct output_style *style, struct buf *out, struct err *err) {
    struct buf answer = {.limit = LIMIT_RESULT_BYTES};
    int rc = client_query(client, query, format, limits, ARRAY_LEN(limits), &answer, err);
    if (rc == 0 && answer.overflow)
        rc = err_set(err, ERR_TOOBIG, "the result has more than %zu bytes", LIMIT_RESULT_BYTES);
    bool ours = form < ARRAY_LEN(forms);
    if (rc == 0 && ours && forms[form].table)
        print_table(buf_str(&answer), style, out);
    else if (rc == 0 && style->width > 0)
        output_text(buf_str(&answer), "\n\t", out);
    else if (rc == 0 && ours)
        buf_add_utf8(out, buf_str(&answer));
    else if (rc == 0)
        buf_add_str(out, buf_str(&answer));
    buf_release(&answer);
    return rc;
}

static int read_stdin(struct buf *ret, struct err *err) {
    char bytes[4096];
    ssize_t n;
    ret->limit = LIMIT_QUERY_BYTES;
    while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        buf_add(ret, bytes, (size_t)n);
    if (n < 0)
        return err_errno(err, ERR_FAILED, "standard input");
    return ret->overflow
               ? err_set(err, ERR_USAGE, "the query has more than %zu bytes", LIMIT_QUERY_BYTES)
               : 0;
}

static int take_format(const char *word, size_t *ret_form, const char **ret_format,
                       struct err *err) {
    *ret_form = 0;
    for (; *ret_form < ARRAY_LEN(forms); ++*ret_form)
        if (strcmp(word, forms[*ret_form].word) == 0)
            break;
    *ret_format = *ret_form < ARRAY_LEN(forms) ? forms[*ret_form].format : word;
    for (const char *c = word; *c != '\0'; c++) {
        char lower = (char)(*c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(*c >= '0' && *c <= '9'))
            word = "";
    }
    if (*word == '\0' || strlen(word) > 60)
        return err_set(err, ERR_USAGE,
                       "--format: expected table, json, csv, tsv or the name of a format");
    return 0;
}

/* The query and the form it is wanted in. */
static int read_args(const struct cmd_request *request, struct str *ret_query, size_t *ret_form,
                     const char **ret_format, struct err *err) {
    const char *word = cmd_value(request->args, "format", 0);
    struct str query = str_from(request->args->words.items[0]);
    int rc = take_format(word != NULL ? word : "table", ret_form, ret_format, err);
    query = str_trim(str_is(query, "-") ? request->input : query);
    if (query.len > 0 && query.ptr[query.len - 1] == ';')
        query = str_trim(str_of(query.ptr, query.len - 1));
    if (rc == 0 && query.len == 0)
        rc = err_set(err, ERR_USAGE, "the query is empty");
    *ret_query = query;
    return rc;
}

int sql_answer(const struct cmd_store *store, const struct cmd_request *request, struct buf *out,
               struct err *err) {
    const char *format = NULL;
    struct str query;
    size_t form = 0;
    int rc = read_args(request, &query, &form, &format, err);
    unsigned checks = 0;
    if (rc == 0)
        do {
            rc = sql_check(store->client, query, err);
        } while (cmd_store_again(store, rc, &checks));
    /* the engine has answered: so this is known */
    if (rc == 0 && !engine_process_sandboxed(store->in->engine))
        rc = err_set(err, ERR_FAILED,
                     "sql is off: this kernel has no Landlock, so the engine is not in a sandbox");
    uint64_t rebuilds = cmd_store_rebuilds(store); /* before it is known to be complete */
    if (store->live == NULL)
        stop_on_signals();
    if (rc == 0)
        rc = cmd_store_catch_up(store, err);
    if (store->live == NULL)
        stop_at_once();
    unsigned tries = 0;
    if (rc == 0)
        do {
            uint64_t starts = cmd_store_starts(store);
            buf_clear(out);
            rc = run_query(store->client, query, form, format, &request->style, out, err);
            if (cmd_store_starts(store) != starts)
                rc = err_set(err, ERR_AWAY, "the engine was started again");
        } while (cmd_store_again(store, rc, &tries));
    if (cmd_store_rebuilds(store) != rebuilds) {
        buf_clear(out);
        rc = err_set(err, ERR_AWAY, "the store is being rebuilt");
    }
    return rc;
}

int cmd_run_sql(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct buf input = {0};
    struct cmd_request request = {.args = args};
    const char *format;
    struct str query;
    size_t form;
    int rc = strcmp(args->words.items[0], "-") == 0 ? read_stdin(&input, err) : 0;
    request.input = buf_str(&input);
    if (rc == 0)
        rc = read_args(&request, &query, &form, &format, err);
    if (rc == 0)
        rc = cmd_with_store(ctx, args, request.input, err);
    buf_release(&input);
    return rc;
}

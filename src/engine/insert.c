#include "engine/insert.h"
#include "base/fs.h"
#include "engine/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_COLUMNS 1024

struct column {
    struct str name, type; /* plain name */
};

int insert_new_body(void) { return memfd_create("rows", MFD_CLOEXEC); }

void insert_close(int fd) {
    if (fd >= 0)
        close(fd);
}

/* The table's columns as DESCRIBE gives them; the text they borrow from is *text. */
static bool describe(struct engine *e, chdb_connection *conn, struct str table, struct buf *text,
                     struct column *ret, size_t *ret_n, struct answer *a) {
    struct buf sql = {0};
    buf_printf(&sql, "DESCRIBE TABLE " STR_FMT, STR_ARG(table));
    chdb_result *r = e->chdb.query(*conn, buf_cstr(&sql), sql.len, "TSVRaw", 6);
    buf_release(&sql);
    const char *error =
        r != NULL ? e->chdb.result_error(r) : "Code: 1001. DB::Exception: no result";
    if (error != NULL) {
        if (sscanf(error, "Code: %d.", &a->code) != 1)
            a->code = 1001;
        buf_add_cstr(&a->error, error);
        if (r != NULL)
            e->chdb.result_free(r);
        return false;
    }
    buf_add(text, e->chdb.result_buffer(r), e->chdb.result_length(r));
    e->chdb.result_free(r);
    struct str rest = buf_str(text), line;
    *ret_n = 0;
    while (str_split(&rest, '\n', &line) && *ret_n < MAX_COLUMNS) {
        struct column c;
        struct str kind;
        if (!str_split(&line, '\t', &c.name) || !str_split(&line, '\t', &c.type))
            continue;
        if (!str_split(&line, '\t', &kind))
            kind = (struct str){0};
        if (!str_is(kind, "MATERIALIZED") && !str_is(kind, "ALIAS"))
            ret[(*ret_n)++] = c;
    }
    return true;
}

static void add_column(struct buf *structure, const struct column *c) {
    if (structure->len > 0)
        buf_add_cstr(structure, ", ");
    quote_name(structure, c->name);
    buf_add_char(structure, ' ');
    buf_add_str(structure, c->type);
}

/* Structure of the columns named in the statement, in its order; all of them where it names none.
 */
static bool structure_of(struct str named, const struct column *columns, size_t n,
                         struct buf *structure, struct answer *a) {
    if (named.ptr == NULL) {
        for (size_t i = 0; i < n; i++)
            add_column(structure, &columns[i]);
        return true;
    }
    struct buf name = {0};
    bool ok = true;
    for (;;) {
        struct token t = lexer_next(&named);
        if (t.kind == TOKEN_END)
            break;
        if (t.kind == TOKEN_OTHER && t.text.ptr[0] == ',')
            continue;
        buf_clear(&name);
        unquote_name(&name, t.text);
        size_t i = 0;
        while (i < n && !str_eq(columns[i].name, buf_str(&name)))
            i++;
        if (i == n) {
            answer_fail(a, 16, "NO_SUCH_COLUMN_IN_TABLE", "No such column: " STR_FMT,
                        STR_ARG(t.text));
            ok = false;
            break;
        }
        add_column(structure, &columns[i]);
    }
    buf_release(&name);
    return ok;
}

/* Rows that stood in the text of the statement. */
static int body_of_text(struct str data, struct answer *a) {
    int fd = insert_new_body();
    struct err err = {0};
    if (fd >= 0 && fs_write_all(fd, data.ptr, data.len, "rows", &err) == 0)
        return fd;
    answer_fail(a, 1002, "UNKNOWN_EXCEPTION", "no memory for the rows: %s",
                err.code != 0 ? err.text : "memfd_create");
    insert_close(fd);
    return -1;
}

static bool blank(struct str s) {
    s = str_trim(s);
    return s.len == 0 || str_is(s, ";");
}

bool insert_rewrite(struct engine *e, chdb_connection *conn, const struct request *request,
                    const struct insert_head *head, struct buf *sql, int *ret_fd,
                    struct answer *a) {
    struct buf described = {0}, structure = {0}, plain = {0};
    struct column *columns = NULL;
    bool ok = false;
    int fd = request->body_fd;
    if (fd < 0) {
        fd = *ret_fd = body_of_text(head->data, a);
        if (fd < 0)
            goto out;
    } else if (!blank(head->data)) {
        answer_fail(a, CH_BAD_ARGUMENTS, "BAD_ARGUMENTS",
                    "Rows stand in the query and in the body: send them in the body only");
        goto out;
    }
    struct stat st;
    if (fstat(fd, &st) != 0)
        st.st_size = 0;
    buf_add_str(&structure, request->structure);
    if (structure.len == 0 || st.st_size == 0) {
        size_t n = 0;
        columns = xmalloc(MAX_COLUMNS * sizeof *columns);
        if (!describe(e, conn, head->table, &described, columns, &n, a))
            goto out;
        if (structure.len == 0 && !structure_of(head->columns, columns, n, &structure, a))
            goto out;
    }
    /* making dictionaries while parsing takes three times as long as afterwards; Native has them */
    buf_clear(&plain);
    if (str_is(head->format, "Native"))
        buf_add_str(&plain, buf_str(&structure));
    else
        lexer_plain_types(buf_str(&structure), &plain);
    buf_add_str(sql, head->before);
    if (st.st_size == 0) { /* no rows: file() would not know what to do with an empty file */
        buf_add_cstr(sql, "SELECT * FROM null(");
        quote_string(sql, buf_str(&plain));
        buf_add_char(sql, ')');
    } else {
        buf_printf(sql, "SELECT * FROM file('/proc/self/fd/%d', ", fd);
        quote_string(sql, head->format);
        buf_add_cstr(sql, ", ");
        quote_string(sql, buf_str(&plain));
        buf_add_char(sql, ')');
    }
    ok = true;
out:
    free(columns);
    buf_release(&described);
    buf_release(&structure);
    buf_release(&plain);
    return ok;
}

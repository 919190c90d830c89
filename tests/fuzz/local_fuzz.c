/* Bodies of requests under /local, by the first byte of the input:
 *
 *     'r'  POST /local/run: how many words (one byte), then the body
 *     'a'  POST /local/append: how many records (one byte), then the body
 *     'c'  POST /local/counts: the body
 *
 * What is taken is written again and says the same. */
#include <stdlib.h>

#include "api/local.h"
#include "base/limits.h"
#include "cmd/words.h"
#include "lake/records.h"
#include "source/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

/* --- words --- */

static void check_same_words(const struct words *a, const struct words *b) {
    check(a->args.command == b->args.command && str_eq(a->input, b->input));
    check(a->args.words.len == b->args.words.len && a->args.values.len == b->args.values.len);
    for (size_t i = 0; i < a->args.words.len; i++)
        check(strcmp(a->args.words.items[i], b->args.words.items[i]) == 0);
    for (size_t i = 0; i < a->args.values.len; i++) {
        const struct cmd_value *x = &a->args.values.items[i], *y = &b->args.values.items[i];
        check(x->option == y->option && strcmp(x->value, y->value) == 0);
    }
}

static void run(struct str body, size_t n) {
    struct words words = {0}, back = {0};
    struct err err = {0};
    struct buf again = {0};
    int rc = words_take(body, n, &words, &err);
    check(rc == 0 || (rc == ERR_USAGE && err.text[0] != '\0'));
    if (rc == 0) {
        const struct command *c = words.args.command; /* what it counts on */
        check(words.args.words.len >= c->min_words && words.args.words.len <= c->max_words);
        size_t written = words_add(&words.args, &again);
        buf_add_str(&again, words.input);
        rc = words_take(buf_str(&again), written, &back, &err);
        check(rc == 0);
        check_same_words(&words, &back);
    }
    words_release(&words);
    words_release(&back);
    buf_release(&again);
}

/* --- a block --- */

static void check_same_records(const struct records *a, const struct records *b) {
    check(a->len == b->len);
    for (size_t i = 0; i < a->len; i++) {
        const struct record *x = &a->items[i], *y = &b->items[i];
        check(x->ts_ms == y->ts_ms && str_eq(x->body, y->body) && str_eq(x->type, y->type));
        check(str_eq(x->site, y->site) && str_eq(x->source, y->source));
        check(str_eq(x->position, y->position) && x->has_visitor == y->has_visitor);
        check(!x->has_visitor || x->visitor == y->visitor);
    }
}

static void append(struct str body, uint64_t n) {
    static char room[LIMIT_BLOCK_BYTES];
    struct records records = {0}, back = {0};
    struct imports imports = {0};
    struct err err = {0};
    int rc = local_read_block(body, n, &records, &err);
    check(rc == 0 || rc == ERR_USAGE || rc == ERR_CORRUPT);
    check(rc == 0 || err.text[0] != '\0');
    const struct record_batch batch = {records.items, records.len};
    if (rc == 0 && records_check(batch, &err) == 0) {
        size_t bytes, count;
        records_encode(RECORDS_LINES, batch, 7, room, &bytes, &count);
        rc = local_read_block(str_of(room, bytes), count, &back, &err);
        check(rc == 0 && back.bid == 7);
        check_same_records(&records, &back);
        rc = imports_take(&imports, 7, &records.items[records.len - 1], &err);
        check(rc == 0 && imports.bid == 7 && imports.list.len == 1);
    }
    imports_release(&imports);
    records_release(&records);
    records_release(&back);
}

/* --- ranges of blocks --- */

/* Nothing but what we say ourselves gets into SQL. */
static void counts(struct str body) {
    static const char ours[] = "0123456789 ()<>=bidANDOR";
    struct buf where = {0};
    struct err err = {0};
    int rc = 0;
    while (rc == 0 && local_next_blocks(&body, &where, &rc, &err)) {
        check(where.len > 0);
        for (size_t i = 0; i < where.len; i++)
            check(memchr(ours, where.ptr[i], sizeof ours - 1) != NULL);
    }
    check(rc == 0 || (rc == ERR_USAGE && err.text[0] != '\0'));
    buf_release(&where);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str all = str_of((const char *)data, size), rest = str_skip(all, min_size(size, 2));
    if (size > 1 && data[0] == 'r')
        run(rest, data[1]);
    if (size > 1 && data[0] == 'a')
        append(rest, data[1]);
    if (size > 1 && data[0] == 'c')
        counts(str_skip(all, 1));
    return 0;
}

#include "tail_lab.h"

#include <fcntl.h>
#include <unistd.h>

static void write_block(struct lab *lab, struct tail_block *block) {
    if (lab->rc != 0) {
        tail_done(block, lab->rc, 0);
        return;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < block->n; i++) {
        const struct record *r = &block->records[i];
        bytes += 64 + r->body.len + r->type.len + r->site.len + r->source.len + r->position.len;
        assert_true(i + 1 == block->n || r->position.len == 0);
        assert_str(r->source, "www");
        if (record_is_header(r)) {
            lab->headers++;
            continue;
        }
        vec_push(&lab->lines, str_dup(r->body));
        vec_push(&lab->sites, str_dup(r->site));
        vec_push(&lab->types, str_dup(r->type));
    }
    assert_true(block->n > 0 && block->n <= LIMIT_BLOCK_RECORDS && bytes <= LIMIT_BLOCK_BYTES);
    vec_push(&lab->positions, str_dup(block->records[block->n - 1].position));
    tail_done(block, 0, bid_make(DATASET_LOGS, 1, ++lab->bid));
}

static void submit(void *arg, struct tail_block *block) {
    struct lab *lab = arg;
    if (lab->held)
        lab->waiting[lab->n_waiting++] = block;
    else
        write_block(lab, block);
}

void let_go(struct lab *lab) {
    lab->held = false;
    for (size_t i = 0; i < lab->n_waiting; i++)
        write_block(lab, lab->waiting[i]);
    lab->n_waiting = 0;
}

static int64_t lab_now_ms(void *arg) {
    const struct lab *lab = arg;
    return clock_now_ms(&clock_system) + lab->later_ms;
}

void start(struct lab *lab) {
    const struct tail_options options = {
        .clock = &lab->clock, .finish_seconds = 5, .submit = submit, .arg = lab};
    struct tail_index index = {0};
    if (lab->document.len > 0)
        assert_ok(tail_index_from_json(&index, buf_str(&lab->document), &lab->err), lab->err);
    for (size_t i = 0; i < lab->positions.len; i++)
        if (bid_make(DATASET_LOGS, 1, i + 1) > index.bid)
            assert_ok(tail_index_take(&index, bid_make(DATASET_LOGS, 1, i + 1),
                                      str_from(lab->positions.items[i]), &lab->err),
                      lab->err);
    lab->tail = tail_new(&options, &index);
    tail_set_sources(lab->tail, &lab->source, 1);
    save(lab);
}

void save(struct lab *lab) {
    assert_int_equal(tail_in_flight(lab->tail), 0);
    tail_collect(lab->tail, lab->now);
    buf_clear(&lab->document);
    tail_index_document(lab->tail, bid_make(DATASET_LOGS, 1, lab->bid), &lab->document);
}

void stop(struct lab *lab) {
    tail_free(lab->tail);
    lab->tail = NULL;
    lab->n_waiting = 0;
}

void reload(struct lab *lab, const char *pattern, const char *format) {
    free(lab->pattern);
    assert_true(asprintf(&lab->pattern, "%s/%s", lab->dir, pattern) > 0);
    lab->source.path = lab->pattern;
    lab->source.format = format;
    if (lab->tail != NULL) {
        tail_set_sources(lab->tail, &lab->source, 1);
        save(lab);
    }
}

void restart(struct lab *lab) {
    stop(lab);
    start(lab);
}

void run(struct lab *lab) {
    for (int i = 0; i < 30; i++) {
        lab->now += 0.05;
        tail_look(lab->tail);
        (void)tail_step(lab->tail, lab->now);
    }
}

void run_long(struct lab *lab) {
    for (int i = 0; i < 40; i++) {
        lab->now += 0.5;
        (void)tail_step(lab->tail, lab->now);
    }
}

void let_days_pass(struct lab *lab, int days) {
    lab->later_ms += days * 86400000LL;
    lab->now += days * 86400.0;
}

size_t count_known(const struct lab *lab) {
    struct tail_index index = {0};
    struct err err = {0};
    assert_ok(tail_index_from_json(&index, buf_str(&lab->document), &err), err);
    size_t n = index.files.len;
    tail_index_release(&index);
    return n;
}

struct lab *lab_new(const char *pattern) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    strcpy(lab->dir, "/tmp/cask-tail-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    assert_true(asprintf(&lab->pattern, "%s/%s", lab->dir, pattern) > 0);
    lab->source = (struct tail_source){
        .id = "www", .path = lab->pattern, .site = "example.org", .format = "combined"};
    lab->now = 1000;
    lab->clock = (struct clock){lab_now_ms, lab};
    start(lab);
    return lab;
}

void lab_free(struct lab *lab) {
    struct buf command = {0};
    tail_free(lab->tail);
    for (size_t i = 0; i < lab->lines.len; i++) {
        free(lab->lines.items[i]);
        free(lab->sites.items[i]);
        free(lab->types.items[i]);
    }
    for (size_t i = 0; i < lab->positions.len; i++)
        free(lab->positions.items[i]);
    vec_free(&lab->lines);
    vec_free(&lab->sites);
    vec_free(&lab->types);
    vec_free(&lab->positions);
    buf_printf(&command, "rm -rf %s", lab->dir);
    assert_int_equal(system(buf_cstr(&command)), 0); /* NOLINT(cert-env33-c): a fixed line */
    buf_release(&command);
    buf_release(&lab->document);
    free(lab->pattern);
    free(lab);
}

const char *path(const struct lab *lab, const char *name) {
    static char paths[4][256];
    static int turn;
    char *p = paths[turn = (turn + 1) % 4];
    snprintf(p, sizeof paths[0], "%s/%s", lab->dir, name);
    return p;
}

void add_bytes(const struct lab *lab, const char *name, const char *bytes, size_t n) {
    int fd = open(path(lab, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

void add_text(const struct lab *lab, const char *name, const char *text) {
    add_bytes(lab, name, text, strlen(text));
}

void lines_between(struct buf *out, int from, int to) {
    for (int i = from; i < to; i++)
        buf_printf(out, "line %d of a log, %s\n", i,
                   "with some bytes to make it as long as one is");
}

void add_lines(const struct lab *lab, const char *name, int from, int to) {
    struct buf text = {0};
    lines_between(&text, from, to);
    add_bytes(lab, name, text.ptr, text.len);
    buf_release(&text);
}

void move(const struct lab *lab, const char *from, const char *to) {
    assert_int_equal(rename(path(lab, from), path(lab, to)), 0);
}

void cut(const struct lab *lab, const char *name) {
    assert_int_equal(truncate(path(lab, name), 0), 0);
}

void shell(const struct lab *lab, const char *command) {
    struct buf line = {0};
    buf_printf(&line, "cd %s && %s", lab->dir, command);
    assert_int_equal(system(buf_cstr(&line)), 0); /* NOLINT(cert-env33-c): a fixed line */
    buf_release(&line);
}

void check_lines(const struct lab *lab, int n) {
    int *seen = xcalloc((size_t)n + 1, sizeof *seen);
    for (size_t i = 0; i < lab->lines.len; i++) {
        int number = -1;
        if (sscanf(lab->lines.items[i], "line %d of", &number) != 1 || number < 0 || number >= n)
            fail_msg("unexpected line: %.100s", lab->lines.items[i]);
        seen[number]++;
    }
    for (int i = 0; i < n; i++)
        if (seen[i] != 1)
            fail_msg("line %d came %d times", i, seen[i]);
    free(seen);
}

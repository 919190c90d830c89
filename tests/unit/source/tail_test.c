#include "source/tail.h"

#include "base/limits.h"
#include "support/unit.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A log directory, a lake in memory, and a tail between them. Lines are numbers: each must come
 * out once. */
struct lab {
    char dir[64];
    struct tail *tail;
    struct tail_source source;
    char *pattern;
    VEC(char *) lines; /* of the lake, without header lines */
    VEC(char *) positions;
    VEC(char *) sites;
    VEC(char *) types;
    size_t headers;
    bool held; /* blocks wait for let_go() */
    int rc;    /* what the lake says */
    struct tail_block *waiting[16];
    size_t n_waiting;
    uint64_t bid;
    struct buf first; /* the document of the first start: since when the log is followed */
    double now;
    struct err err;
};

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

static void let_go(struct lab *lab) {
    lab->held = false;
    for (size_t i = 0; i < lab->n_waiting; i++)
        write_block(lab, lab->waiting[i]);
    lab->n_waiting = 0;
}

/* From the document, if there is one, and the positions behind it. */
static void start(struct lab *lab, const char *document) {
    const struct tail_options options = {
        .clock = &clock_system, .finish_seconds = 5, .submit = submit, .arg = lab};
    struct tail_index index = {0};
    if (document == NULL && lab->first.len > 0)
        document = buf_cstr(&lab->first);
    if (document != NULL)
        assert_ok(tail_index_from_json(&index, str_from(document), &lab->err), lab->err);
    for (size_t i = 0; i < lab->positions.len; i++)
        if (bid_make(DATASET_LOGS, 1, i + 1) > index.bid)
            assert_ok(tail_index_take(&index, bid_make(DATASET_LOGS, 1, i + 1),
                                      str_from(lab->positions.items[i]), &lab->err),
                      lab->err);
    lab->tail = tail_new(&options, &index);
    tail_set_sources(lab->tail, &lab->source, 1);
    if (lab->first.len == 0)
        tail_index_document(lab->tail, 0, &lab->first);
}

static void stop(struct lab *lab) {
    tail_free(lab->tail);
    lab->tail = NULL;
    lab->n_waiting = 0; /* kill -9: the lake never saw them */
}

static void restart(struct lab *lab) {
    stop(lab);
    start(lab, NULL);
}

/* Until there is nothing more to do now. */
static void run(struct lab *lab) {
    for (int i = 0; i < 30; i++) {
        lab->now += 0.05;
        tail_look(lab->tail);
        (void)tail_step(lab->tail, lab->now);
    }
}

/* Long enough for a rotated file to be finished. */
static void run_long(struct lab *lab) {
    for (int i = 0; i < 40; i++) {
        lab->now += 0.5;
        (void)tail_step(lab->tail, lab->now);
    }
}

static struct lab *lab_new(const char *pattern) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    strcpy(lab->dir, "/tmp/cask-tail-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    assert_true(asprintf(&lab->pattern, "%s/%s", lab->dir, pattern) > 0);
    lab->source = (struct tail_source){
        .id = "www", .path = lab->pattern, .site = "example.org", .format = "combined"};
    lab->now = 1000;
    start(lab, NULL);
    return lab;
}

static void lab_free(struct lab *lab) {
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
    assert_int_equal(system(buf_cstr(&command)), 0);
    buf_release(&command);
    buf_release(&lab->first);
    free(lab->pattern);
    free(lab);
}

static const char *path(const struct lab *lab, const char *name) {
    static char paths[4][256];
    static int turn;
    char *p = paths[turn = (turn + 1) % 4];
    snprintf(p, sizeof paths[0], "%s/%s", lab->dir, name);
    return p;
}

static void add_bytes(const struct lab *lab, const char *name, const char *bytes, size_t n) {
    int fd = open(path(lab, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static void add_text(const struct lab *lab, const char *name, const char *text) {
    add_bytes(lab, name, text, strlen(text));
}

/* Lines `from` up to but without `to`. */
static void lines_between(struct buf *out, int from, int to) {
    for (int i = from; i < to; i++)
        buf_printf(out, "line %d of a log, %s\n", i,
                   "with some bytes to make it as long as one is");
}

static void add_lines(const struct lab *lab, const char *name, int from, int to) {
    struct buf text = {0};
    lines_between(&text, from, to);
    add_bytes(lab, name, text.ptr, text.len);
    buf_release(&text);
}

static void move(const struct lab *lab, const char *from, const char *to) {
    assert_int_equal(rename(path(lab, from), path(lab, to)), 0);
}

static void cut(const struct lab *lab, const char *name) {
    assert_int_equal(truncate(path(lab, name), 0), 0);
}

static void shell(const struct lab *lab, const char *command) {
    struct buf line = {0};
    buf_printf(&line, "cd %s && %s", lab->dir, command);
    assert_int_equal(system(buf_cstr(&line)), 0);
    buf_release(&line);
}

/* Lines 0 .. n-1 are in the lake, each once, and nothing else. */
static void check_lines(const struct lab *lab, int n) {
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

/* --- growing --- */

static void tail__takes_whole_lines_as_they_come(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    run(lab); /* it is not there yet */
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_int_equal(status.sources.len, 1);
    assert_true(strstr(status.sources.items[0].error, "no such file") != NULL);
    tail_status_release(&status);
    add_lines(lab, "access.log", 0, 3);
    add_text(lab, "access.log", "line 3 of");
    run(lab);
    check_lines(lab, 3);
    run_long(lab);
    check_lines(lab, 3);
    add_text(lab, "access.log", " it\r\n\n\r\n");
    run(lab);
    check_lines(lab, 4);
    assert_string_equal(lab->lines.items[3], "line 3 of it");
    assert_string_equal(lab->sites.items[3], "example.org");
    tail_status(lab->tail, &status);
    assert_string_equal(status.sources.items[0].error, "");
    assert_int_equal(status.sources.items[0].lines, 4);
    assert_int_equal(status.sources.items[0].lag, 0);
    assert_int_equal(status.sources.items[0].files.len, 1);
    tail_status_release(&status);
    lab_free(lab);
}

static void tail__goes_on_after_a_restart_and_after_kill(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    restart(lab);
    run(lab);
    check_lines(lab, 5);
    add_lines(lab, "access.log", 5, 30000);
    lab->held = true; /* read, but never in the lake */
    run(lab);
    assert_int_equal(lab->n_waiting, 1);
    lab->held = false;
    restart(lab);
    run(lab);
    check_lines(lab, 30000);
    lab_free(lab);
}

static void tail__a_full_disk_is_waited_out(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->rc = ERR_NOSPACE;
    add_lines(lab, "access.log", 0, 20000);
    run(lab);
    add_lines(lab, "access.log", 20000, 20010);
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 20010, 20020);
    run(lab);
    check_lines(lab, 0);
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_true(strstr(status.sources.items[0].files.items[0].error, "no space") != NULL);
    assert_true(status.sources.items[0].lag > 1000000);
    tail_status_release(&status);
    lab->rc = 0;
    run_long(lab);
    check_lines(lab, 20020);
    lab_free(lab);
}

static void tail__one_block_of_a_file_in_flight_and_all_files_get_their_turn(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    char name[32];
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        add_lines(lab, name, i * 30000, (i + 1) * 30000);
    }
    lab->held = true;
    run(lab);
    assert_int_equal(lab->n_waiting, 4);
    let_go(lab);
    lab->held = true;
    run(lab);
    assert_int_equal(lab->n_waiting, 4);
    let_go(lab);
    bool begun[8] = {0}; /* nobody had two blocks before everybody had one */
    for (size_t i = 0; i < lab->lines.len; i++)
        begun[atoi(lab->lines.items[i] + 5) / 30000] = true;
    for (int i = 0; i < 8; i++)
        assert_true(begun[i]);
    run(lab);
    check_lines(lab, 240000);
    lab_free(lab);
}

/* --- rotation --- */

static void tail__rotation_by_rename_while_running(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    add_lines(lab, "access.log", 5, 7); /* not read yet when it is rotated */
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 7, 10);
    run(lab);
    add_lines(lab, "access.log.1", 10, 12); /* its writer has not heard of it yet */
    run(lab);
    check_lines(lab, 12);
    run_long(lab); /* finished and closed */
    add_lines(lab, "access.log.1", 12, 13);
    run(lab);
    check_lines(lab, 13);
    move(lab, "access.log.1", "access.log.2");
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 13, 15);
    run(lab);
    shell(lab, "gzip access.log.2");
    run_long(lab);
    check_lines(lab, 15);
    lab_free(lab);
}

static void tail__files_that_came_and_went_between_two_looks(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log.9", 100, 105); /* older than the source: not its business */
    shell(lab, "touch -d 2015-01-01 access.log.9");
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    move(lab, "access.log", "access.log.3");
    add_lines(lab, "access.log.3", 5, 6);
    add_lines(lab, "access.log.2", 6, 8);
    add_lines(lab, "access.log.1", 8, 12);
    add_lines(lab, "access.log.swp", 500, 501); /* no rotated name */
    add_lines(lab, "access.log", 12, 13);
    run_long(lab);
    check_lines(lab, 13);
    restart(lab);
    run_long(lab);
    check_lines(lab, 13);
    lab_free(lab);
}

static void tail__several_rotations_while_down_and_packed(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 50);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 50, 60);
    move(lab, "access.log", "access.log.3");
    add_lines(lab, "access.log.2", 60, 70);
    add_lines(lab, "access.log.1", 70, 80);
    add_lines(lab, "access.log", 80, 90);
    shell(lab, "gzip access.log.3 access.log.2");
    start(lab, NULL);
    run_long(lab);
    check_lines(lab, 90);
    restart(lab);
    run_long(lab);
    check_lines(lab, 90);
    lab_free(lab);
}

static void tail__small_files_are_known_by_all_of_their_bytes(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    for (int i = 0; i < 10; i++) {
        add_lines(lab, "access.log", i, i + 1);
        run(lab);
        stop(lab);
        shell(lab, "for i in 8 7 6 5 4 3 2 1; do test -e access.log.$i.gz && "
                   "mv access.log.$i.gz access.log.$((i + 1)).gz; done; "
                   "mv access.log access.log.1 && gzip access.log.1");
        start(lab, NULL);
    }
    run_long(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

static void tail__extension_behind_the_number(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 3);
    run(lab);
    stop(lab);
    move(lab, "access.log", "access-20240102.log");
    add_lines(lab, "access-20240103.log", 3, 5);
    add_lines(lab, "access-other.log", 500, 501);
    shell(lab, "gzip access-20240103.log");
    add_lines(lab, "access.log", 5, 6);
    start(lab, NULL);
    run_long(lab);
    check_lines(lab, 6);
    lab_free(lab);
}

/* --- copied and cut --- */

static void tail__copytruncate_while_running(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    add_lines(lab, "access.log", 40, 50);
    shell(lab, "cp access.log access.log.1");
    cut(lab, "access.log");
    add_lines(lab, "access.log", 50, 55);
    run(lab);
    check_lines(lab, 55);
    run_long(lab);
    /* and the copy is seen before the file is cut */
    shell(lab, "mv access.log.1 access.log.2; cp access.log access.log.1");
    run(lab);
    add_lines(lab, "access.log", 55, 57); /* in no copy: logrotate's window, but it was read */
    run(lab);
    cut(lab, "access.log");
    run(lab);
    add_lines(lab, "access.log", 57, 60);
    run_long(lab);
    shell(lab, "gzip access.log.1 access.log.2");
    run_long(lab);
    restart(lab);
    run_long(lab);
    check_lines(lab, 60);
    lab_free(lab);
}

static void tail__a_copy_in_the_making_is_not_taken(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 100);
    run(lab);
    for (int i = 1; i <= 5; i++) {
        char command[100];
        snprintf(command, sizeof command, "head -c %d access.log > access.log.1", i * 300);
        shell(lab, command);
        run(lab);
        snprintf(command, sizeof command, "head -c %d access.log | gzip > access.log.2.gz",
                 i * 300);
        shell(lab, command);
        run(lab);
    }
    check_lines(lab, 100);
    lab_free(lab);
}

static void tail__copytruncate_while_down_and_refilled_beyond_the_offset(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 40, 50);
    shell(lab, "cp access.log access.log.1");
    cut(lab, "access.log");
    add_lines(lab, "access.log", 50, 200);
    start(lab, NULL);
    run_long(lab);
    check_lines(lab, 200);
    lab_free(lab);
}

static void tail__cut_and_refilled_while_running(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 40, 200); /* longer than what was read before anybody looked */
    run(lab);
    check_lines(lab, 200);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 200, 202); /* shorter */
    run(lab);
    restart(lab);
    run(lab);
    check_lines(lab, 202);
    lab_free(lab);
}

static void tail__cut_while_the_first_block_is_in_flight(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    lab->held = true;
    run(lab);
    assert_int_equal(lab->n_waiting, 1);
    shell(lab, "cp access.log access.log.1");
    cut(lab, "access.log");
    run(lab);
    let_go(lab);
    run_long(lab);
    check_lines(lab, 40);
    lab_free(lab);
}

/* A writer without O_APPEND goes on where it was: a hole of NUL bytes. */
static void tail__hole_before_the_lines(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    struct stat st;
    for (int round = 0; round < 3; round++) {
        stat(path(lab, "access.log"), &st);
        cut(lab, "access.log");
        if (round > 0)
            run(lab);
        assert_int_equal(truncate(path(lab, "access.log"), st.st_size + (round == 2) * (1 << 27)),
                         0);
        add_lines(lab, "access.log", 40 + 10 * round, 50 + 10 * round);
        run(lab);
        if (round == 1)
            restart(lab);
        run(lab);
    }
    check_lines(lab, 70);
    lab_free(lab);
}

/* --- other files under known names and numbers --- */

static void tail__deleted_and_made_again(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    int fd = open(path(lab, "access.log"), O_WRONLY | O_APPEND | O_CLOEXEC);
    unlink(path(lab, "access.log"));
    run(lab);
    struct buf text = {0};
    lines_between(&text, 40, 42); /* its writer still has it */
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    buf_release(&text);
    close(fd);
    add_lines(lab, "access.log", 42, 45);
    run_long(lab);
    check_lines(lab, 45);
    lab_free(lab);
}

/* What is kept of the file names the inode of another one. */
static void tail__inode_used_again(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 40, 45);
    /* the same inode with other content is inode reuse, as far as anybody can see */
    shell(lab, "gzip -c access.log > access.log.1.gz");
    cut(lab, "access.log");
    add_lines(lab, "access.log", 45, 145);
    start(lab, NULL);
    run_long(lab);
    check_lines(lab, 145);
    lab_free(lab);
}

/* As rsync does: each time a new file with the old content and more. */
static void tail__replaced_by_a_longer_copy(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    for (int i = 4; i < 10; i++) {
        run(lab);
        if (i % 2 == 0)
            restart(lab);
        shell(lab, "cp access.log .access.log.XyZ");
        add_lines(lab, ".access.log.XyZ", 10 * i, 10 * i + 10);
        move(lab, ".access.log.XyZ", "access.log");
    }
    run(lab);
    check_lines(lab, 100);
    lab_free(lab);
}

static void tail__moved_to_any_name_while_down(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 40, 45);
    move(lab, "access.log", "yesterday");
    add_lines(lab, "access.log", 45, 50);
    start(lab, NULL);
    run_long(lab);
    check_lines(lab, 50);
    lab_free(lab);
}

/* --- lines --- */

static void tail__last_line_of_a_rotated_file_without_its_end(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 3);
    add_text(lab, "access.log", "line 3 of");
    run(lab);
    move(lab, "access.log", "access.log.1");
    run(lab);
    check_lines(lab, 3);
    run_long(lab);
    check_lines(lab, 4);
    restart(lab);
    add_text(lab, "access.log.1", " the same\nline 4 of it\n"); /* it was not its end */
    run_long(lab);
    check_lines(lab, 5);
    lab_free(lab);
}

static void tail__too_long_lines_keep_their_beginning(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    struct buf text = {0};
    static const size_t sizes[] = {LIMIT_LINE_BYTES, LIMIT_LINE_BYTES + 1, 5 << 20};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t begin = text.len;
        buf_printf(&text, "line %zu of ", 2 * i);
        while (text.len - begin < sizes[i])
            buf_add_char(&text, 'x');
        buf_printf(&text, "\nline %zu of\n", 2 * i + 1);
    }
    /* in pieces, so that it waits in the middle, and with a restart there */
    for (size_t at = 0; at < text.len; at += 1 << 20) {
        add_bytes(lab, "access.log", text.ptr + at, min_size(1 << 20, text.len - at));
        run(lab);
        restart(lab);
    }
    run(lab);
    check_lines(lab, 6);
    for (size_t i = 0; i < lab->lines.len; i++)
        assert_true(strlen(lab->lines.items[i]) <= LIMIT_LINE_BYTES + 1);
    assert_int_equal(strlen(lab->lines.items[0]), LIMIT_LINE_BYTES);
    assert_int_equal(strlen(lab->lines.items[4]), LIMIT_LINE_BYTES + 1);
    buf_release(&text);
    lab_free(lab);
}

static void tail__many_tiny_lines_fit_into_blocks(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    struct buf text = {0};
    for (int i = 0; i < 600000; i++)
        buf_add_cstr(&text, "a\n");
    add_bytes(lab, "access.log", text.ptr, text.len);
    run_long(lab);
    run_long(lab);
    assert_int_equal(lab->lines.len, 600000);
    buf_release(&text);
    lab_free(lab);
}

/* --- formats --- */

static void tail__header_in_force_survives_restarts(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("u_ex.log");
    lab->source.format = "";
    lab->source.site_by_lines = true;
    restart(lab);
    add_text(lab, "u_ex.log",
             "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status cs-host\n");
    run(lab);
    assert_int_equal(lab->positions.len, 0); /* header lines alone do not say what follows */
    add_text(lab, "u_ex.log", "2024-01-01 00:00:00 192.0.2.1 GET / 200 a.example\n");
    run(lab);
    assert_int_equal(lab->lines.len, 1);
    assert_string_equal(lab->types.items[0], "w3c");
    assert_string_equal(lab->sites.items[0], "");
    size_t headers = lab->headers;
    restart(lab);
    add_text(lab, "u_ex.log", "2024-01-01 00:00:01 192.0.2.1 GET / 200 a.example\n");
    run(lab);
    assert_int_equal(lab->lines.len, 2);
    assert_true(lab->headers > headers); /* each block begins with it */
    assert_true(strstr(lab->positions.items[1], "cs-uri-stem") != NULL);
    assert_string_equal(lab->sites.items[1], "");
    lab_free(lab);
}

static void tail__format_is_decided_once(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->source.format = "auto";
    restart(lab);
    add_text(lab, "access.log",
             "192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\"");
    run(lab);
    assert_int_equal(lab->positions.len, 0);
    add_text(lab, "access.log", " \"curl\"\n");
    run(lab);
    add_text(lab, "access.log",
             "192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n");
    restart(lab);
    run(lab);
    assert_int_equal(lab->lines.len, 2);
    assert_string_equal(lab->types.items[0], "combined");
    assert_string_equal(lab->types.items[1], "combined");
    lab_free(lab);
}

static void tail__rubbish_at_the_beginning_does_not_decide_on_the_format(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    static const char *const line = "a.example:80 192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET "
                                    "/ HTTP/1.1\" 200 5 \"-\" \"x\"\n";
    lab->source.format = "";
    restart(lab);
    add_text(lab, "access.log", "rubbish\n");
    run(lab);
    assert_int_equal(lab->lines.len, 0);
    add_text(lab, "access.log", line);
    run(lab);
    assert_int_equal(lab->lines.len, 2);
    assert_string_equal(lab->types.items[0], "vhost");
    move(lab, "access.log", "access.log.1");
    add_text(lab, "access.log", "rubbish again\n");
    run(lab);
    assert_int_equal(lab->lines.len, 3);
    assert_string_equal(lab->types.items[2], "vhost");
    shell(lab, "rm access.log*");
    lab->source.id = "www";
    run_long(lab);
    for (int i = 0; i < 12; i++)
        add_text(lab, "other.log", "nothing that anybody reads\n");
    lab->source.path = path(lab, "other.log");
    tail_set_sources(lab->tail, &lab->source, 1);
    run(lab);
    assert_int_equal(lab->lines.len, 15);
    lab_free(lab);
}

/* --- packed --- */

static void tail__packed_file_that_is_cut_short_waits(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 5000);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 5000, 9000);
    shell(lab, "gzip access.log; head -c 9000 access.log.gz > access.log.1.gz; mv access.log.gz x");
    add_lines(lab, "access.log", 9000, 9010);
    start(lab, NULL);
    run_long(lab);
    assert_int_equal(lab->lines.len, 5010);
    shell(lab, "touch -d '10 minutes ago' access.log.1.gz");
    run(lab);
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_true(strstr(status.sources.items[0].error, "cut short") != NULL);
    tail_status_release(&status);
    shell(lab, "cat x > access.log.1.gz");
    run_long(lab);
    check_lines(lab, 9010);
    lab_free(lab);
}

static void tail__members_and_rubbish(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 100);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 100, 200);
    add_lines(lab, "more", 200, 300);
    shell(lab, "gzip access.log more; cat access.log.gz more.gz > access.log.1.gz; "
               "echo rubbish >> access.log.1.gz; rm access.log.gz");
    start(lab, NULL);
    run_long(lab);
    check_lines(lab, 300);
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_int_equal(status.sources.items[0].files.len, 1);
    assert_true(strstr(status.sources.items[0].files.items[0].error, "rubbish") != NULL);
    tail_status_release(&status);
    restart(lab);
    run_long(lab);
    check_lines(lab, 300);
    lab_free(lab);
}

/* --- sources --- */

static void tail__links_to_one_file_are_one_file(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_lines(lab, "a.log", 0, 10);
    shell(lab, "ln a.log b.log; ln -s a.log c.log; mkdir d.log");
    run(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

static void tail__source_removed_and_back(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 10);
    run(lab);
    tail_set_sources(lab->tail, NULL, 0);
    add_lines(lab, "access.log", 10, 20);
    run(lab);
    check_lines(lab, 10);
    tail_set_sources(lab->tail, &lab->source, 1);
    run(lab);
    check_lines(lab, 20);
    /* another pattern finds the same file */
    char *pattern = lab->pattern;
    assert_true(asprintf(&lab->pattern, "%s/*.{log,txt}", lab->dir) > 0);
    lab->source.path = lab->pattern;
    tail_set_sources(lab->tail, &lab->source, 1);
    free(pattern);
    add_lines(lab, "access.log", 20, 30);
    add_lines(lab, "more.txt", 30, 40);
    run(lab);
    restart(lab);
    run(lab);
    check_lines(lab, 40);
    lab_free(lab);
}

static void index__document_saves_reading_the_lake(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    struct buf document = {0}, again = {0};
    add_lines(lab, "a \"quoted\".log", 0, 10);
    add_lines(lab, "b.log", 10, 20);
    run(lab);
    tail_index_document(lab->tail, bid_make(DATASET_LOGS, 1, lab->bid), &document);
    add_lines(lab, "b.log", 20, 30);
    run(lab);
    stop(lab);
    start(lab, buf_cstr(&document)); /* older than the lake */
    run(lab);
    check_lines(lab, 30);
    struct tail_index index = {0};
    assert_ok(tail_index_from_json(&index, buf_str(&document), &lab->err), lab->err);
    tail_index_to_json(&index, &again);
    assert_string_equal(buf_cstr(&again), buf_cstr(&document));
    tail_index_release(&index);
    assert_int_equal(tail_index_from_json(&index, STR("{\"files\":[{\"tail\":\"x\"}]}"), &lab->err),
                     ERR_CORRUPT);
    tail_index_release(&index);
    assert_int_equal(tail_index_take(&index, 5, STR("{\"tail\":"), &lab->err), ERR_CORRUPT);
    assert_int_equal(tail_index_take(&index, 5, STR("{\"import\":1}"), &lab->err), 0);
    assert_int_equal(index.bid, 5);
    tail_index_release(&index);
    buf_release(&document);
    buf_release(&again);
    lab_free(lab);
}

/* Anything may happen in any order, with restarts: each line comes once. */
static void tail__property_of_everything(void **state) {
    UNUSED(state);
    const char *given = getenv("CASK_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)getpid();
    print_message("seed %u\n", seed);
    for (int turn = 0; turn < 20; turn++) {
        struct lab *lab = lab_new("access.log");
        int n = 0, rotations = 0;
        char command[400];
        for (int i = 0; i < 40; i++) {
            int some = 1 + rand_r(&seed) % 40;
            switch (rand_r(&seed) % 7) {
            case 0:
                if (lab->tail == NULL)
                    start(lab, NULL);
                lab->rc = rand_r(&seed) % 4 == 0 ? ERR_NOSPACE : 0;
                run(lab);
                break;
            case 1:
                if (lab->tail == NULL)
                    break;
                lab->held = rand_r(&seed) % 2; /* then what was just read never gets there */
                if (lab->held)
                    run(lab);
                stop(lab);
                lab->held = false;
                break;
            case 2:
                if (access(path(lab, "access.log"), F_OK) != 0)
                    break;
                snprintf(command, sizeof command, "mv access.log access.log-%d", ++rotations);
                shell(lab, command);
                break;
            case 3: /* the copy is whole: what stands behind it in the file is not lost */
                if (access(path(lab, "access.log"), F_OK) != 0)
                    break;
                snprintf(command, sizeof command, "cp access.log access.log-%d", ++rotations);
                shell(lab, command);
                if (lab->tail != NULL && rand_r(&seed) % 2)
                    run(lab);
                cut(lab, "access.log");
                break;
            case 4:
                if (rotations > 0)
                    shell(lab, "for f in access.log-*; do case $f in *.gz) ;; *) test $((RANDOM)) "
                               "&& gzip $f ;; esac; done");
                break;
            default:
                add_lines(lab, "access.log", n, n + some);
                n += some;
            }
        }
        if (lab->tail == NULL)
            start(lab, NULL);
        lab->rc = 0;
        run_long(lab);
        check_lines(lab, n);
        lab_free(lab);
    }
}

UNIT_MAIN(
    unit_test(tail__takes_whole_lines_as_they_come),
    unit_test(tail__goes_on_after_a_restart_and_after_kill),
    unit_test(tail__a_full_disk_is_waited_out),
    unit_test(tail__one_block_of_a_file_in_flight_and_all_files_get_their_turn),
    unit_test(tail__rotation_by_rename_while_running),
    unit_test(tail__files_that_came_and_went_between_two_looks),
    unit_test(tail__several_rotations_while_down_and_packed),
    unit_test(tail__small_files_are_known_by_all_of_their_bytes),
    unit_test(tail__extension_behind_the_number), unit_test(tail__copytruncate_while_running),
    unit_test(tail__a_copy_in_the_making_is_not_taken),
    unit_test(tail__copytruncate_while_down_and_refilled_beyond_the_offset),
    unit_test(tail__cut_and_refilled_while_running),
    unit_test(tail__cut_while_the_first_block_is_in_flight), unit_test(tail__hole_before_the_lines),
    unit_test(tail__deleted_and_made_again), unit_test(tail__inode_used_again),
    unit_test(tail__replaced_by_a_longer_copy), unit_test(tail__moved_to_any_name_while_down),
    unit_test(tail__last_line_of_a_rotated_file_without_its_end),
    unit_test(tail__too_long_lines_keep_their_beginning),
    unit_test(tail__many_tiny_lines_fit_into_blocks),
    unit_test(tail__header_in_force_survives_restarts), unit_test(tail__format_is_decided_once),
    unit_test(tail__rubbish_at_the_beginning_does_not_decide_on_the_format),
    unit_test(tail__packed_file_that_is_cut_short_waits), unit_test(tail__members_and_rubbish),
    unit_test(tail__links_to_one_file_are_one_file), unit_test(tail__source_removed_and_back),
    unit_test(index__document_saves_reading_the_lake), unit_test(tail__property_of_everything))

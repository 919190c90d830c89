#include "source/import.h"

#include "base/limits.h"
#include "pack.h"
#include "support/unit.h"
#include <unistd.h>

/* A lake in memory: blocks as lists of bodies, the position of the last record, and how many of
 * them are durable. */
struct block {
    struct buf bodies;       /* each with '\n' behind it */
    uint64_t records, lines; /* lines: without header lines */
    char *position, *site, *type, *source;
};

struct lab {
    VEC(struct block) blocks;
    size_t durable;
    size_t fail_at; /* append number fail_at fails (counted down); 0: never */
    size_t stop_at; /* progress call stop_at stops; 0: never */
    struct imports imports;
    struct clock clock;
    struct err err;
    struct import_report report;
    struct import_job job;
};

static int64_t now(void *arg) {
    UNUSED(arg);
    return 1431864000000;
}

static int append(void *arg, struct record_batch records, uint64_t *ret_bid, struct err *err) {
    struct lab *lab = arg;
    if (lab->fail_at > 0 && --lab->fail_at == 0)
        return err_set(err, ERR_NOSPACE, "the disk is full");
    struct block block = {.records = records.len};
    assert_true(records.len > 0);
    size_t bytes = 0;
    for (size_t i = 0; i < records.len; i++) {
        const struct record *r = &records.items[i];
        assert_int_equal(r->ts_ms, 1431864000000);
        assert_true(i + 1 == records.len || r->position.len == 0);
        assert_int_equal(record_is_header(r), r->body.len > 0 && r->body.ptr[0] == '#');
        block.lines += !record_is_header(r);
        buf_add_str(&block.bodies, r->body);
        buf_add_char(&block.bodies, '\n');
        bytes += 64 + r->body.len + r->type.len + r->site.len + r->source.len + r->position.len;
    }
    assert_true(bytes <= LIMIT_BLOCK_BYTES);
    const struct record *last = &records.items[records.len - 1];
    block.position = str_dup(last->position);
    block.site = str_dup(last->site);
    block.type = str_dup(last->type);
    block.source = str_dup(last->source);
    lab->durable = lab->blocks.len; /* as the lake does: the one before is synced first */
    vec_push(&lab->blocks, block);
    *ret_bid = bid_make(DATASET_LOGS, 1, lab->blocks.len);
    return 0;
}

static int sync_lake(void *arg, struct err *err) {
    struct lab *lab = arg;
    UNUSED(err);
    lab->durable = lab->blocks.len;
    return 0;
}

/* --- formats of this test instead of the real ones -------------------------------------------- */

/* Whole lines end with '!'. Lines that begin with '#' are headers of the format "columns"; the last
 * one is in force. */
struct format {
    char *spec;
    char *header;
};

int format_open(struct str spec, struct format **ret, struct err *err) {
    UNUSED(err);
    *ret = xcalloc(1, sizeof **ret);
    (*ret)->spec = str_dup(spec);
    return 0;
}

void format_free(struct format *f) {
    if (f != NULL) {
        free(f->spec);
        free(f->header);
        free(f);
    }
}

static bool is_whole(struct str line) { return line.len > 0 && line.ptr[line.len - 1] == '!'; }

enum reason format_read(struct format *f, struct str line, struct arena *scratch,
                        struct fields *ret) {
    UNUSED(f), UNUSED(scratch), UNUSED(ret);
    return is_whole(line) ? REASON_NONE : REASON_fields;
}

bool format_is_header(const struct format *f, struct str line) {
    return strcmp(f->spec, "columns") == 0 && line.len > 0 && line.ptr[0] == '#';
}

void format_take_header(struct format *f, struct str lines) {
    free(f->header);
    f->header = str_dup(lines);
}

void format_header(const struct format *f, struct buf *out) {
    if (f->header != NULL)
        buf_add_cstr(out, f->header);
}

void format_restart(struct format *f) {
    free(f->header);
    f->header = NULL;
}

bool format_names_site(const struct format *f) { return strcmp(f->spec, "vhost") == 0; }
const char *format_spec(const struct format *f) { return f->spec; }

/* Lines that begin with a digit are vhost lines. */
struct str format_detect(const struct str *lines, size_t n) {
    return n > 0 && lines[0].ptr[0] >= '0' && lines[0].ptr[0] <= '9' ? STR("vhost")
                                                                     : STR("combined");
}

static int progress(void *arg, uint64_t bytes, uint64_t size, uint64_t lines) {
    struct lab *lab = arg;
    assert_true(size == 0 || bytes <= size);
    assert_true(lines > 0);
    return lab->stop_at > 0 && --lab->stop_at == 0;
}

static struct lab *lab_new(void) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    lab->clock.now_ms = now;
    lab->job = (struct import_job){
        .site = STR("example.org"), .source = STR("import"), .spool_dir = "/tmp"};
    return lab;
}

static void drop_block(struct block *b) {
    buf_release(&b->bodies);
    free(b->position);
    free(b->site);
    free(b->type);
    free(b->source);
}

static void lab_free(struct lab *lab) {
    for (size_t i = 0; i < lab->blocks.len; i++)
        drop_block(&lab->blocks.items[i]);
    vec_free(&lab->blocks);
    imports_release(&lab->imports);
    import_report_release(&lab->report);
    free(lab);
}

static int run_path(struct lab *lab, const char *path) {
    const struct import_env env = {.clock = &lab->clock,
                                   .append = append,
                                   .sync = sync_lake,
                                   .progress = progress,
                                   .arg = lab};
    struct import_job job = lab->job;
    job.path = path;
    import_report_release(&lab->report);
    return import_run(&env, &job, &lab->imports, &lab->report, &lab->err);
}

static int run_bytes(struct lab *lab, struct str bytes) {
    const char *path = temp_path();
    write_file(path, bytes);
    int rc = run_path(lab, path);
    unlink(path);
    return rc;
}

static void assert_report(struct lab *lab, uint64_t id, uint64_t lines, uint64_t duplicates) {
    assert_int_equal(lab->report.id, id);
    assert_int_equal(lab->report.lines, lines);
    assert_int_equal(lab->report.duplicates, duplicates);
}

/* Import and check what the report says. */
static void load(struct lab *lab, struct str bytes, uint64_t id, uint64_t lines,
                 uint64_t duplicates) {
    assert_ok(run_bytes(lab, bytes), lab->err);
    assert_report(lab, id, lines, duplicates);
}

static void stored(const struct lab *lab, struct buf *ret) {
    for (size_t i = 0; i < lab->blocks.len; i++)
        buf_add_str(ret, buf_str(&lab->blocks.items[i].bodies));
}

static void assert_stored(const struct lab *lab, const char *expected) {
    struct buf all = {0};
    stored(lab, &all);
    assert_string_equal(buf_cstr(&all), expected);
    buf_release(&all);
}

/* What a kill leaves: the durable blocks, perhaps some more, and a list of imports made from
 * documents of any earlier time and the positions after it. */
static void kill_and_recover(struct lab *lab, size_t keep) {
    while (lab->blocks.len > keep)
        drop_block(&lab->blocks.items[--lab->blocks.len]);
    lab->durable = lab->blocks.len;
    imports_release(&lab->imports);
    lab->imports = (struct imports){0};
    for (size_t i = 0; i < lab->blocks.len; i++) {
        const struct record last = {.position = str_from(lab->blocks.items[i].position)};
        assert_ok(imports_take(&lab->imports, bid_make(DATASET_LOGS, 1, i + 1), &last, &lab->err),
                  lab->err);
        if (lab->imports.list.len > 0 && i % 3 == 0) { /* through the documents as well */
            struct imports again = {.bid = lab->imports.bid};
            for (size_t j = 0; j < lab->imports.list.len; j++) {
                struct buf json = {0};
                import_to_json(&lab->imports.list.items[j], &json);
                assert_ok(import_from_json(&again, buf_str(&json), &lab->err), lab->err);
                buf_release(&json);
            }
            imports_release(&lab->imports);
            lab->imports = again;
        }
    }
}

/* --- identity -------------------------------------------------------------------------------- */

static void again__adds_nothing(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\n\ntwo!\r\nthree\n"), 1, 3, 0);
    assert_false(lab->report.grown);
    assert_stored(lab, "one!\ntwo!\nthree\n");
    load(lab, STR("one!\n\ntwo!\r\nthree\n"), 1, 3, 3);
    assert_int_equal(lab->report.first_bid, 0);
    assert_int_equal(lab->blocks.len, 1);
    lab_free(lab);
}

static void packed__is_the_same_as_plain(void **state) {
    UNUSED(state);
    struct str text = STR("one!\ntwo!\n");
    for (size_t first = 0; first < PACK_COUNT; first++) {
        struct lab *lab = lab_new();
        for (size_t i = 0; i < PACK_COUNT; i++) {
            struct buf packed = {0};
            pack((enum packing_kind)((first + i) % PACK_COUNT), text, &packed);
            load(lab, buf_str(&packed), 1, 2, i == 0 ? 0 : 2);
            buf_release(&packed);
        }
        assert_stored(lab, "one!\ntwo!\n");
        lab_free(lab);
    }
}

static void grown__adds_its_new_lines(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\n"), 1, 1, 0);
    load(lab, STR("one!\ntwo!\n"), 1, 2, 1);
    assert_true(lab->report.grown);
    load(lab, STR("one!\ntwo!\n\n\n"), 1, 2, 2);
    load(lab, STR("one!\ntwo!\n\n\nthree!\n"), 1, 3, 2);
    assert_stored(lab, "one!\ntwo!\nthree!\n");
    lab_free(lab);
}

static void older_copy__adds_nothing(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\n"), 1, 1, 0);
    load(lab, STR("one!\ntwo!\n"), 1, 2, 1);
    load(lab, STR("one!\n"), 1, 1, 1);
    assert_stored(lab, "one!\ntwo!\n");
    lab_free(lab);
}

/* An old copy that grew otherwise shares its beginning, and has an end of its own. */
static void fork__adds_its_own_end(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\n"), 1, 1, 0);
    load(lab, STR("one!\ntwo!\n"), 1, 2, 1);
    load(lab, STR("one!\nother!\n"), 2, 2, 1);
    load(lab, STR("one!\nother!\nmore!\n"), 2, 3, 2);
    load(lab, STR("one!\ntwo!\nthree!\n"), 1, 3, 2);
    assert_stored(lab, "one!\ntwo!\nother!\nmore!\nthree!\n");
    lab_free(lab);
}

static void other_file__counts_equal_lines_again(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\ntwo!\n"), 1, 2, 0);
    load(lab, STR("two!\none!\ntwo!\n"), 2, 3, 0);
    assert_stored(lab, "one!\ntwo!\ntwo!\none!\ntwo!\n");
    lab_free(lab);
}

static void other_site__counts_anew(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\n"), 1, 1, 0);
    lab->job.site = STR("example.net");
    load(lab, STR("one!\n"), 2, 1, 0);
    assert_string_equal(lab->blocks.items[1].site, "example.net");
    load(lab, STR("one!\n"), 2, 1, 1);
    lab_free(lab);
}

static void site__is_the_lines_own_when_the_format_names_it(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    lab->job.site = STR("default");
    lab->job.site_by_format = true;
    load(lab, STR("one!\n"), 1, 1, 0);
    load(lab, STR("1 one!\n"), 2, 1, 0);
    assert_string_equal(lab->report.site, "");
    assert_string_equal(lab->report.format, "vhost");
    load(lab, STR("1 one!\ntwo!\n"), 2, 2, 1);
    load(lab, STR("one!\n"), 1, 1, 1);
    assert_string_equal(lab->blocks.items[0].site, "default");
    assert_string_equal(lab->blocks.items[1].site, "");
    assert_string_equal(lab->blocks.items[2].site, "");
    lab_free(lab);
}

static void anonymous__has_no_identity(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    lab->job.anonymous = true;
    load(lab, STR("one!\n"), 1, 1, 0);
    load(lab, STR("one!\n"), 2, 1, 0);
    lab->job.anonymous = false;
    load(lab, STR("one!\n"), 3, 1, 0);
    assert_stored(lab, "one!\none!\none!\n");
    lab_free(lab);
}

static void given_format__is_kept_with_the_records(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    lab->job.format = STR("common");
    lab->job.source = STR("shop");
    load(lab, STR("one!\n"), 1, 1, 0);
    assert_string_equal(lab->blocks.items[0].type, "common");
    assert_string_equal(lab->blocks.items[0].source, "shop");
    lab_free(lab);
}

static void nothing__is_no_import(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR(""), 0, 0, 0);
    load(lab, STR("\n\r\n\n"), 0, 0, 0);
    assert_int_equal(lab->imports.list.len, 0);
    assert_int_equal(run_path(lab, "/nonexistent.log"), ERR_NOTFOUND);
    assert_int_equal(run_path(lab, "/tmp"), ERR_USAGE);
    assert_int_equal(lab->blocks.len, 0);
    lab_free(lab);
}

static void pipe__is_recognised_as_the_file_is(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\ntwo!\n"), 1, 2, 0);
    int fds[2];
    char path[40];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "one!\ntwo!\nthree!\n", 17), 17);
    close(fds[1]);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    assert_ok(run_path(lab, path), lab->err);
    assert_report(lab, 1, 3, 2);
    close(fds[0]);
    lab_free(lab);
}

/* --- last lines without an end --------------------------------------------------------------- */

static void open_line__rejected_before_is_read_again(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\ntw"), 1, 2, 0);
    load(lab, STR("one!\ntw"), 1, 2, 2);
    load(lab, STR("one!\ntwo!\nthree!\n"), 1, 3, 1);
    assert_stored(lab, "one!\ntw\ntwo!\nthree!\n");
    lab_free(lab);
}

static void open_line__accepted_before_is_passed_over(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    load(lab, STR("one!\ntwo!"), 1, 2, 0);
    load(lab, STR("one!\ntwo!!"), 1, 2, 2);
    load(lab, STR("one!\ntwo!!!\nthree!\n"), 1, 3, 2);
    assert_stored(lab, "one!\ntwo!\nthree!\n");
    lab_free(lab);
}

static void open_line__that_only_got_its_end_is_not_read_again(void **state) {
    UNUSED(state);
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct lab *lab = lab_new();
        struct buf grown = {0};
        load(lab, STR("one!\ntwo"), 1, 2, 0);
        buf_printf(&grown, "one!\ntwo%s", ends[i]);
        load(lab, buf_str(&grown), 1, 2, 2);
        buf_add_cstr(&grown, *ends[i] == '\r' && ends[i][1] == '\0' ? "\nthree!\n" : "three!\n");
        load(lab, buf_str(&grown), 1, 3, 2);
        assert_stored(lab, "one!\ntwo\nthree!\n");
        buf_release(&grown);
        lab_free(lab);
    }
}

static void long_open_line__counts_once(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct buf bytes = {0};
    buf_add_cstr(&bytes, "one!\n");
    memset(buf_reserve(&bytes, 3000000), 'x', 3000000);
    bytes.len += 3000000;
    load(lab, buf_str(&bytes), 1, 2, 0);
    buf_add_cstr(&bytes, "yyyy\nthree!\n");
    load(lab, buf_str(&bytes), 1, 3, 2);
    struct buf all = {0};
    stored(lab, &all);
    assert_int_equal(all.len, 5 + LIMIT_LINE_BYTES + 2 + 7);
    buf_release(&all);
    buf_release(&bytes);
    lab_free(lab);
}

/* --- damage, stops, errors ------------------------------------------------------------------- */

static void make_lines(size_t n, struct buf *ret) {
    for (size_t i = 0; i < n; i++)
        buf_printf(ret, "%c%zu!\n", "ab"[i % 2], i);
}

static void damaged__what_came_before_is_in_and_the_mended_file_adds_the_rest(void **state) {
    UNUSED(state);
    for (size_t n = 400; n < 60000; n *= 120) {
        struct lab *lab = lab_new();
        struct buf plain = {0}, packed = {0}, all = {0};
        make_lines(n, &plain);
        size_t half = plain.len / 2;
        pack(PACK_GZIP, str_of(plain.ptr, half), &packed);
        size_t at = packed.len;
        pack(PACK_GZIP, str_skip(buf_str(&plain), half), &packed);
        size_t whole = packed.len;
        packed.len = at + 11;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(run_bytes(lab, buf_str(&packed)), ERR_CORRUPT);
            assert_int_equal(lab->report.id, 1);
            assert_int_equal(lab->report.duplicates, i == 0 ? 0 : lab->report.lines);
            assert_int_equal(lab->durable, lab->blocks.len);
        }
        packed.len = whole;
        assert_ok(run_bytes(lab, buf_str(&packed)), lab->err);
        assert_int_equal(lab->report.lines, n);
        stored(lab, &all);
        assert_true(str_eq(buf_str(&all), buf_str(&plain)));
        buf_release(&all);
        buf_release(&plain);
        buf_release(&packed);
        lab_free(lab);
    }
}

static void damaged__in_its_beginning_adds_nothing(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct buf packed = {0};
    pack(PACK_GZIP, STR("one!\ntwo!\n"), &packed);
    size_t whole = packed.len;
    pack(PACK_GZIP, STR("three!\n"), &packed);
    packed.len = whole + 12;
    assert_int_equal(run_bytes(lab, buf_str(&packed)), ERR_CORRUPT);
    assert_int_equal(lab->blocks.len, 0);
    assert_int_equal(lab->imports.list.len, 0);
    buf_release(&packed);
    lab_free(lab);
}

/* What is unpacked behind a flipped bit is rubbish: were it taken, the mended file would be another
 * one, and its lines would count a second time. */
static void damaged__by_a_flipped_bit_adds_nothing_and_the_mended_file_all(void **state) {
    UNUSED(state);
    static const enum packing_kind kinds[] = {PACK_GZIP, PACK_BZIP2};
    uint64_t random = unit_seed();
    for (size_t i = 0; i < 20; i++) {
        struct lab *lab = lab_new();
        struct buf plain = {0}, packed = {0};
        make_lines(30000, &plain);
        pack(kinds[i % 2], buf_str(&plain), &packed);
        size_t at = 20 + random_below(&random, packed.len - 40);
        packed.ptr[at] ^= 0x10;
        assert_int_equal(run_bytes(lab, buf_str(&packed)), ERR_CORRUPT);
        assert_int_equal(lab->blocks.len, 0);
        packed.ptr[at] ^= 0x10;
        assert_ok(run_bytes(lab, buf_str(&packed)), lab->err);
        assert_int_equal(lab->report.lines, 30000);
        assert_int_equal(lab->report.duplicates, 0);
        buf_release(&plain);
        buf_release(&packed);
        lab_free(lab);
    }
}

/* To take a damaged copy for a file of its own would count its lines twice. */
static void damaged__copy_of_what_is_known_adds_nothing(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct buf plain = {0}, packed = {0};
    make_lines(3000, &plain);
    load(lab, buf_str(&plain), 1, 3000, 0);
    pack(PACK_GZIP, buf_str(&plain), &packed);
    packed.len -= packed.len / 3;
    assert_int_equal(run_bytes(lab, buf_str(&packed)), ERR_CORRUPT);
    assert_int_equal(lab->blocks.len, 1);
    buf_release(&plain);
    buf_release(&packed);
    lab_free(lab);
}

static void stopped__goes_on_where_it_was(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct buf plain = {0}, all = {0};
    make_lines(100000, &plain);
    lab->stop_at = 2;
    assert_int_equal(run_bytes(lab, buf_str(&plain)), ERR_STOPPED);
    assert_int_equal(lab->durable, lab->blocks.len);
    assert_true(lab->report.lines < 100000);
    uint64_t before = lab->report.lines;
    load(lab, buf_str(&plain), 1, 100000, before);
    stored(lab, &all);
    assert_true(str_eq(buf_str(&all), buf_str(&plain)));
    buf_release(&all);
    buf_release(&plain);
    lab_free(lab);
}

static bool soon(void *arg) { return --*(int *)arg == 0; }

static void stopped__in_an_endless_line(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    int reads = 5;
    const struct input_stop stop = {soon, &reads};
    lab->job.anonymous = true;
    lab->job.stop = &stop;
    assert_int_equal(run_path(lab, "/dev/zero"), ERR_STOPPED);
    lab_free(lab);
}

static void full_lake__is_told_and_nothing_is_lost(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new();
    struct buf plain = {0}, all = {0};
    make_lines(100000, &plain);
    lab->fail_at = 3;
    assert_int_equal(run_bytes(lab, buf_str(&plain)), ERR_NOSPACE);
    assert_true(strstr(lab->err.text, "full") != NULL);
    kill_and_recover(lab, lab->durable);
    assert_ok(run_bytes(lab, buf_str(&plain)), lab->err);
    stored(lab, &all);
    assert_true(str_eq(buf_str(&all), buf_str(&plain)));
    buf_release(&all);
    buf_release(&plain);
    lab_free(lab);
}

static void positions__of_others_are_passed_over_and_damaged_ones_told(void **state) {
    UNUSED(state);
    struct imports imports = {0};
    struct err err = {0};
    struct record r = {.position = STR("inode 12 offset 9")};
    assert_ok(imports_take(&imports, 7, &r, &err), err);
    assert_int_equal(imports.bid, 7);
    assert_int_equal(imports.list.len, 0);
    r.position = STR("{\"import\":1,\"marks\":[{\"offset\":3,\"hash\":\"xy\"}]}");
    assert_int_equal(imports_take(&imports, 8, &r, &err), ERR_CORRUPT);
    r.position = STR("{\"import\":1,");
    assert_int_equal(imports_take(&imports, 8, &r, &err), ERR_CORRUPT);
    imports_release(&imports);
}

/* --- header lines ---------------------------------------------------------------------------- */

static struct lab *columns_lab(void) {
    struct lab *lab = lab_new();
    lab->job.format = STR("columns");
    return lab;
}

/* "#h7" and lines "h7 ...!" that are to be read by it. */
static void make_columns(uint64_t *random, size_t n, size_t one_header_in, struct buf *ret) {
    size_t header = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || random_below(random, one_header_in) == 0)
            buf_printf(ret, "#h%zu\n", ++header);
        buf_printf(ret, "h%zu %zu!\n", header, i);
    }
}

/* Each block can be read by itself: whatever line it has, the header of that line stands before it.
 * Returns the number of whole lines. */
static uint64_t assert_headers(const struct lab *lab) {
    uint64_t n = 0;
    for (size_t i = 0; i < lab->blocks.len; i++) {
        struct str rest = buf_str(&lab->blocks.items[i].bodies), line, header = STR("");
        while (str_split(&rest, '\n', &line)) {
            if (line.len > 0 && line.ptr[0] == '#') {
                header = str_skip(line, 1);
            } else if (is_whole(line)) {
                size_t end = 0;
                assert_true(str_find(line, ' ', &end));
                if (!str_eq(str_of(line.ptr, end), header))
                    fail_msg("block %zu: \"" STR_FMT "\" behind header \"" STR_FMT "\"", i,
                             STR_ARG(line), STR_ARG(header));
                n++;
            }
        }
    }
    return n;
}

static void header__begins_every_block_and_is_no_line(void **state) {
    UNUSED(state);
    struct lab *lab = columns_lab();
    struct buf file = {0};
    uint64_t random = unit_seed(), lines = 0;
    make_columns(&random, 200000, 60000, &file);
    load(lab, buf_str(&file), 1, 200000, 0);
    assert_true(lab->blocks.len > 3);
    for (size_t i = 0; i < lab->blocks.len; i++) {
        assert_int_equal(lab->blocks.items[i].bodies.ptr[0], '#');
        lines += lab->blocks.items[i].lines;
    }
    assert_int_equal(lines, 200000);
    assert_int_equal(assert_headers(lab), 200000);
    load(lab, buf_str(&file), 1, 200000, 200000);
    buf_release(&file);
    lab_free(lab);
}

static void header__of_a_grown_file_is_the_one_in_force(void **state) {
    UNUSED(state);
    struct lab *lab = columns_lab();
    load(lab, STR("#h1\nh1 a!\n#h2\nh2 b!\n"), 1, 2, 0);
    load(lab, STR("#h1\nh1 a!\n#h2\nh2 b!\nh2 c!\n"), 1, 3, 2);
    assert_stored(lab, "#h1\nh1 a!\n#h2\nh2 b!\n#h2\nh2 c!\n");
    load(lab, STR("#h1\nh1 a!\n#h2\nh2 b!\nh2 c!\n#h3\nh3 d!\n"), 1, 4, 3);
    assert_int_equal(assert_headers(lab), 4);
    /* an old copy that went on otherwise */
    load(lab, STR("#h1\nh1 a!\n#h2\nh2 b!\nh2 other!\n"), 2, 3, 2);
    assert_int_equal(assert_headers(lab), 5);
    lab_free(lab);
}

static void header__alone_is_a_file_without_lines(void **state) {
    UNUSED(state);
    struct lab *lab = columns_lab();
    load(lab, STR("#h1\n"), 1, 0, 0);
    load(lab, STR("#h1\n"), 1, 0, 0);
    assert_int_equal(lab->report.first_bid, 0);
    /* what it is can be told only now */
    load(lab, STR("#h1\nh1 a!\n"), 2, 1, 0);
    assert_stored(lab, "#h1\n#h1\nh1 a!\n");
    load(lab, STR("#h1\nh1 a!\n"), 2, 1, 1);
    load(lab, STR("#h1\n"), 1, 0, 0);
    assert_int_equal(lab->blocks.len, 2);
    load(lab, STR("#h1\nh1 a!\nh1 b!\n"), 2, 2, 1);
    lab_free(lab);
}

static void header__in_an_open_last_line(void **state) {
    UNUSED(state);
    static const struct {
        const char *before, *after, *stored;
    } rows[] = {
        {"#h2", "#h2\nh2 b!\n", "#h2\n#h2\nh2 b!\n"}, /* it only got its end */
        {"#h2", "#h2\r\nh2 b!\n", "#h2\n#h2\nh2 b!\n"},
        {"#h", "#h2\nh2 b!\n", "#h\n#h1\n#h2\nh2 b!\n"}, /* it went on */
        {"#", "#h2\nh2 b!\n", "#\n#h1\n#h2\nh2 b!\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lab *lab = columns_lab();
        struct buf before = {0}, after = {0}, expected = {0};
        buf_printf(&before, "#h1\nh1 a!\n%s", rows[i].before);
        buf_printf(&after, "#h1\nh1 a!\n%s", rows[i].after);
        buf_printf(&expected, "#h1\nh1 a!\n%s", rows[i].stored);
        load(lab, buf_str(&before), 1, 1, 0);
        load(lab, buf_str(&before), 1, 1, 1);
        load(lab, buf_str(&after), 1, 2, 1);
        assert_int_equal(assert_headers(lab), 2);
        assert_stored(lab, buf_cstr(&expected));
        load(lab, buf_str(&after), 1, 2, 2);
        buf_release(&before);
        buf_release(&after);
        buf_release(&expected);
        lab_free(lab);
    }
}

/* --- property -------------------------------------------------------------------------------- */

static void assert_whole_lines_once(const struct lab *lab, struct str file) {
    struct buf all = {0}, whole = {0};
    struct str rest, line;
    stored(lab, &all);
    for (rest = buf_str(&all); str_split(&rest, '\n', &line);)
        if (is_whole(line)) { /* beginnings of lines were rejected, and stay */
            buf_add_str(&whole, line);
            buf_add_char(&whole, '\n');
        }
    struct buf expected = {0};
    for (rest = file; str_split(&rest, '\n', &line);)
        if (line.len > 0) {
            buf_add_str(&expected, line);
            buf_add_char(&expected, '\n');
        }
    assert_int_equal(whole.len, expected.len);
    assert_true(str_eq(buf_str(&whole), buf_str(&expected)));
    buf_release(&all);
    buf_release(&whole);
    buf_release(&expected);
}

/* A log grows, is cut anywhere, packed, damaged; imports of it are killed, stopped and run again.
 */
static void live_through(struct lab *lab, struct buf *file, uint64_t *random) {
    size_t here = 0;
    for (size_t step = 0; step < 12 || here < file->len; step++) {
        if (random_below(random, 2) || step >= 12)
            here += step >= 12 ? file->len - here : random_below(random, file->len - here + 1);
        struct buf packed = {0};
        enum packing_kind kind = (enum packing_kind)random_below(random, PACK_COUNT);
        pack(kind, str_of(file->ptr, here), &packed);
        if (kind != PACK_NONE && random_below(random, 4) == 0)
            packed.len = 4 + random_below(random, packed.len - 4);
        lab->fail_at = random_below(random, 3) ? 0 : 1 + random_below(random, 6);
        lab->stop_at = random_below(random, 3) ? 0 : 1 + random_below(random, 6);
        int rc = run_bytes(lab, buf_str(&packed));
        assert_true(rc == 0 || rc == ERR_CORRUPT || rc == ERR_NOSPACE || rc == ERR_STOPPED);
        if (rc == ERR_NOSPACE || random_below(random, 4) == 0)
            kill_and_recover(lab, lab->durable +
                                      random_below(random, lab->blocks.len - lab->durable + 1));
        buf_release(&packed);
    }
    lab->fail_at = lab->stop_at = 0;
    assert_ok(run_bytes(lab, buf_str(file)), lab->err);
}

/* In the end every line is there once, in order. */
static void any_history__every_line_once(void **state) {
    UNUSED(state);
    uint64_t random = unit_seed();
    for (size_t turn = 0; turn < 25; turn++) {
        struct lab *lab = lab_new();
        struct buf file = {0};
        size_t n = 1 + random_below(&random, turn % 2 ? 60000 : 40);
        for (size_t i = 0; i < n; i++) {
            buf_printf(&file, "line%llu!\n", (unsigned long long)random_below(&random, 50));
            if (random_below(&random, 20) == 0)
                buf_add_char(&file, '\n');
        }
        live_through(lab, &file, &random);
        assert_whole_lines_once(lab, buf_str(&file));
        assert_ok(run_bytes(lab, buf_str(&file)), lab->err);
        assert_int_equal(lab->report.lines, lab->report.duplicates);
        buf_release(&file);
        lab_free(lab);
    }
}

static void any_history__every_line_behind_its_header(void **state) {
    UNUSED(state);
    uint64_t random = unit_seed();
    for (size_t turn = 0; turn < 25; turn++) {
        struct lab *lab = columns_lab();
        struct buf file = {0};
        size_t n = 1 + random_below(&random, turn % 2 ? 60000 : 40);
        make_columns(&random, n, turn % 2 ? 1 + random_below(&random, 20000) : 5, &file);
        live_through(lab, &file, &random);
        assert_int_equal(assert_headers(lab), n);
        assert_int_equal(lab->report.lines, n);
        buf_release(&file);
        lab_free(lab);
    }
}

UNIT_MAIN(unit_test(again__adds_nothing), unit_test(packed__is_the_same_as_plain),
          unit_test(grown__adds_its_new_lines), unit_test(older_copy__adds_nothing),
          unit_test(fork__adds_its_own_end), unit_test(other_file__counts_equal_lines_again),
          unit_test(other_site__counts_anew),
          unit_test(site__is_the_lines_own_when_the_format_names_it),
          unit_test(anonymous__has_no_identity), unit_test(given_format__is_kept_with_the_records),
          unit_test(nothing__is_no_import), unit_test(pipe__is_recognised_as_the_file_is),
          unit_test(open_line__rejected_before_is_read_again),
          unit_test(open_line__accepted_before_is_passed_over),
          unit_test(open_line__that_only_got_its_end_is_not_read_again),
          unit_test(long_open_line__counts_once),
          unit_test(damaged__what_came_before_is_in_and_the_mended_file_adds_the_rest),
          unit_test(damaged__in_its_beginning_adds_nothing),
          unit_test(damaged__by_a_flipped_bit_adds_nothing_and_the_mended_file_all),
          unit_test(damaged__copy_of_what_is_known_adds_nothing),
          unit_test(stopped__goes_on_where_it_was), unit_test(stopped__in_an_endless_line),
          unit_test(full_lake__is_told_and_nothing_is_lost),
          unit_test(positions__of_others_are_passed_over_and_damaged_ones_told),
          unit_test(header__begins_every_block_and_is_no_line),
          unit_test(header__of_a_grown_file_is_the_one_in_force),
          unit_test(header__alone_is_a_file_without_lines), unit_test(header__in_an_open_last_line),
          unit_test(any_history__every_line_once),
          unit_test(any_history__every_line_behind_its_header))

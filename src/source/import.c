#include "source/import_internal.h"

#include "base/fs.h"
#include "base/limits.h"
#include "source/lines_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES ((size_t)1024)
#define BLOCK_BYTES ((size_t)1 << 20) /* a block is closed behind this many bytes of lines */
#define SYNC_BYTES ((size_t)8 << 20)  /* and so many bytes share one fsync */
#define RECORD_ROOM ((size_t)64)      /* a record takes more than its texts: numbers, lengths */

/* Where a file goes on: the mark of an earlier import that its first bytes match. */
struct match {
    struct import *import;
    struct import_mark mark;
};

struct run {
    const struct import_env *env;
    const struct import_job *job;
    struct import *import;
    struct format *format;
    struct arena scratch;
    char *header_type; /* of records that are header lines */
    struct lines *lines;
    struct buf text; /* lines of the open block */
    VEC(struct record) records;
    size_t room;        /* that the open block takes in the lake, at most */
    size_t record_room; /* of a record without its body */
    uint64_t n_lines;   /* non-empty lines from the start of the file, without header lines */
    size_t unsynced;
    struct import_report *report;
};

void import_report_release(struct import_report *report) {
    free(report->format);
    free(report->site);
}

static struct content_hash hash_of(struct str bytes) {
    struct content_hash hash;
    crypto_generichash(hash.bytes, sizeof hash.bytes, (const unsigned char *)bytes.ptr, bytes.len,
                       NULL, 0);
    return hash;
}

static bool same_hash(const struct content_hash *a, const struct content_hash *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static int by_offset(const void *a, const void *b) {
    const struct match *x = a, *y = b;
    return (x->mark.offset > y->mark.offset) - (x->mark.offset < y->mark.offset);
}

/* The longest mark that the stream begins with. Consumes the stream only if there are candidates.
 */
static int find_match(struct imports *imports, const struct import_job *job, struct lines *lines,
                      struct str head, struct match *ret, struct err *err) {
    VEC(struct match) candidates = {0};
    for (size_t i = 0; i < imports->list.len; i++) {
        struct import *import = &imports->list.items[i];
        bool same_site =
            str_is(job->site, import->site) || (job->site_by_format && *import->site == '\0');
        if (import->anonymous || import->head_len > head.len || !same_site)
            continue;
        struct content_hash hash = hash_of(str_of(head.ptr, import->head_len));
        if (!same_hash(&hash, &import->head))
            continue;
        for (size_t j = 0; j < import->marks.len; j++) {
            struct match candidate = {import, import->marks.items[j]};
            vec_push(&candidates, candidate);
        }
    }
    if (candidates.len > 0)
        qsort(candidates.items, candidates.len, sizeof *candidates.items, by_offset);
    int rc = 0;
    for (size_t i = 0; i < candidates.len; i++) {
        uint64_t passed;
        rc = lines_skip_to(lines, candidates.items[i].mark.offset, &passed, err);
        if (rc != 1)
            break; /* shorter than this mark, or an error */
        struct content_hash hash = lines_hash(lines);
        if (same_hash(&hash, &candidates.items[i].mark.hash))
            *ret = candidates.items[i];
    }
    vec_free(&candidates);
    if (rc != ERR_CORRUPT)
        return rc < 0 ? rc : 0;
    /* The file is damaged before a mark that it may well reach when it is mended: how much of it is
     * known cannot be told, and to read it anew could count lines twice. */
    if (ret->import == NULL || ret->mark.offset != lines->offset)
        return err_context(err, "begins like an earlier import, so nothing of it was taken");
    return 0; /* all of it is known; the damage is met again when it is read */
}

/* Of the file so far there were only header lines, perhaps not even whole ones. Now that there is
 * more, format and site are decided anew: it is an import of its own. */
static int forget_headers(struct lines *lines, struct match *match, struct err *err) {
    struct str ahead = STR("");
    int rc = 0;
    if (lines->offset == match->mark.offset)
        rc = lines_peek(lines, 1, &ahead, err);
    if (lines->offset > match->mark.offset || ahead.len > 0)
        *match = (struct match){0};
    return rc == ERR_CORRUPT ? 0 : rc; /* damage is met again when it is read */
}

/* Copy what cannot be read twice to an unlinked file, as it comes. */
static int spool(const struct import_job *job, int from, int *ret_fd, struct err *err) {
    int fd = open(job->spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_IO, "%s: temporary file", job->spool_dir);
    static const size_t room = 64 << 10;
    char *bytes = xmalloc(room);
    int rc = 0;
    for (ssize_t n = 1; rc == 0 && n != 0;) {
        rc = input_wait(from, job->stop, err);
        if (rc != 0)
            break;
        n = read(from, bytes, room);
        if (n < 0 && errno != EINTR)
            rc = err_errno(err, ERR_IO, "%s", job->path);
        else if (n > 0)
            rc = fs_write_all(fd, bytes, (size_t)n, "temporary file", err);
    }
    free(bytes);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = err_errno(err, ERR_IO, "temporary file");
    if (rc != 0)
        close(fd);
    else
        *ret_fd = fd;
    return rc;
}

/* A file with an identity is read twice when it may be known: it must be one that can be. */
static int open_input(const struct import_job *job, struct input **ret, struct err *err) {
    bool is_stdin = strcmp(job->path, "-") == 0;
    const char *name = is_stdin ? "standard input" : job->path;
    int fd =
        is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(job->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int rc = err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", name);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    /* a redirected file may stand behind its beginning: stdin is always copied */
    if (!job->anonymous && (is_stdin || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))) {
        int copy = -1, rc = spool(job, fd, &copy, err);
        close(fd);
        if (rc != 0)
            return rc;
        fd = copy;
    }
    return input_from_fd(fd, name, job->stop, ret, err);
}

static bool accepts(struct run *run, struct str line) {
    struct fields fields;
    bool accepted = format_read(run->format, line, &run->scratch, &fields) == REASON_NONE;
    arena_reset(&run->scratch);
    return accepted;
}

/* Close the open block: the mark goes into its last record, so data and position cannot disagree.
 */
static int flush(struct run *run, struct import_mark mark, struct err *err) {
    size_t n = run->records.len;
    if (n == 0)
        return 0;
    struct buf position = {0};
    import_position(run->import, &mark, &position);
    run->records.items[n - 1].position = buf_str(&position);
    int64_t now = clock_now_ms(run->env->clock);
    const char *at = run->text.ptr;
    for (size_t i = 0; i < n; i++) {
        run->records.items[i].ts_ms = now;
        run->records.items[i].body.ptr = at; /* only now: the buffer may have moved while it grew */
        at += run->records.items[i].body.len;
    }
    uint64_t bid = 0;
    int rc =
        run->env->append(run->env->arg, (struct record_batch){run->records.items, n}, &bid, err);
    if (rc == 0) {
        import_add_mark(run->import, mark);
        if (run->report->first_bid == 0)
            run->report->first_bid = bid;
        run->report->last_bid = bid;
        run->unsynced += run->text.len;
    }
    buf_release(&position);
    buf_clear(&run->text);
    run->records.len = 0;
    run->room = 0;
    if (rc == 0 && (mark.end || run->unsynced >= SYNC_BYTES)) {
        run->unsynced = 0;
        rc = run->env->sync(run->env->arg, err);
    }
    return rc;
}

static bool is_full(const struct run *run) {
    return run->room >= BLOCK_BYTES || run->records.len >= LIMIT_BLOCK_RECORDS;
}

static struct import_mark mark_here(struct run *run, const struct line *open) {
    struct import_mark mark = {
        .offset = run->lines->offset, .hash = lines_hash(run->lines), .lines = run->n_lines};
    if (open != NULL) {
        mark.open_bytes = open->length;
        mark.open_accepted = accepts(run, open->text);
    }
    return mark;
}

static int report_progress(const struct run *run, struct err *err) {
    const struct import_env *env = run->env;
    if (env->progress != NULL && env->progress(env->arg, input_raw_bytes(run->lines->in),
                                               input_raw_size(run->lines->in), run->n_lines) != 0)
        return err_set(err, ERR_STOPPED, "stopped");
    return 0;
}

static void add_record(struct run *run, struct str body, const char *type) {
    struct record record = {.body = body,
                            .type = str_from(type),
                            .site = str_from(run->import->site),
                            .source = run->job->source};
    buf_add_str(&run->text, body);
    vec_push(&run->records, record);
    run->room += run->record_room + body.len;
}

/* A block begins with the header that its lines are read by (format.h). */
static void repeat_header(struct run *run) {
    struct buf header = {0};
    format_header(run->format, &header);
    if (header.len > 0)
        add_record(run, buf_str(&header), run->header_type);
    buf_release(&header);
}

/* Read lines to the end. A block is closed when the next line comes, so that the last block of a
 * run always knows that it is the last. */
static int read_lines(struct run *run, struct err *err) {
    struct import_mark mark = mark_here(run, NULL);
    int rc;
    struct line line, last = {0};
    while ((rc = lines_next(run->lines, &line, err)) == 1) {
        if (line.text.len == 0)
            continue;
        if (is_full(run)) {
            rc = flush(run, mark, err);
            if (rc == 0)
                rc = report_progress(run, err);
            if (rc == ERR_STOPPED) {
                int synced = run->env->sync(run->env->arg, err);
                rc = synced != 0 ? synced : ERR_STOPPED;
            }
            if (rc != 0)
                return rc;
        }
        if (run->records.len == 0)
            repeat_header(run);
        if (format_is_header(run->format, line.text)) {
            format_take_header(run->format, line.text);
            add_record(run, line.text, run->header_type);
        } else {
            add_record(run, line.text, format_spec(run->format));
            run->n_lines++;
        }
        last = line;
        if (is_full(run))
            mark = mark_here(run, line.open ? &line : NULL);
    }
    /* At the end, or at damage: keep what is whole. Damage leaves a mark that is no end. */
    mark = mark_here(run, last.open ? &last : NULL);
    mark.end = rc == 0;
    struct err why = {0};
    int stored = flush(run, mark, &why);
    if (stored == 0 && rc != 0)
        stored = run->env->sync(run->env->arg, &why);
    if (stored != 0) /* worse than what is wrong with the file */
        rc = err_set(err, stored, "%s", why.text);
    return rc;
}

/* Pass over the lines before `offset`, where one begins, but take in their headers. */
static int pass_lines(struct run *run, uint64_t offset, struct err *err) {
    struct line line;
    int rc = 1;
    while (rc == 1 && run->lines->offset < offset) {
        rc = lines_next(run->lines, &line, err);
        if (rc != 1 || line.text.len == 0)
            continue;
        if (format_is_header(run->format, line.text))
            format_take_header(run->format, line.text);
        else
            run->n_lines++;
    }
    return rc;
}

/* Stand where the new part begins: behind the matched mark, before a last line that must be read
 * anew, behind one that was counted. */
static int go_on(struct run *run, const struct import_mark *mark, struct err *err) {
    struct str next = STR("");
    struct line rest;
    bool again = false;
    int rc = pass_lines(run, mark->offset - mark->open_bytes, err);
    if (rc == 1 && mark->open_bytes > 0) {
        rc = lines_peek(run->lines, (size_t)mark->open_bytes + 2, &next, err);
        /* of a line longer than what can be looked at: it was too long before, and still is */
        if (rc != 0)
            return rc;
        struct str grown = str_skip(next, min_size(next.len, mark->open_bytes));
        bool ended = str_starts(grown, STR("\n")) || str_starts(grown, STR("\r\n")) ||
                     str_is(grown, "\r"); /* its LF is still to come */
        again = !mark->open_accepted && grown.len > 0 && !ended;
    }
    if (again)
        return 0;
    next.len = min_size(min_size(next.len, mark->open_bytes), LIMIT_LINE_BYTES + 1);
    if (format_is_header(run->format, next)) /* it only got its end: it is in force */
        format_take_header(run->format, next);
    uint64_t passed;
    rc = lines_skip_to(run->lines, mark->offset, &passed, err);
    run->n_lines = mark->lines;
    if (rc == 1)
        rc = mark->open_bytes > 0 ? lines_next(run->lines, &rest, err) : 0;
    return rc < 0 ? rc : 0;
}

static struct import *new_import(struct imports *imports, const struct import_job *job,
                                 struct str head, struct str site, struct str format) {
    uint64_t id = 0;
    for (size_t i = 0; i < imports->list.len; i++)
        id = imports->list.items[i].id > id ? imports->list.items[i].id : id;
    struct import import = {.id = id + 1,
                            .site = str_dup(site),
                            .source = str_dup(job->source),
                            .name = xstrdup(job->path),
                            .format = str_dup(format),
                            .anonymous = job->anonymous,
                            .head_len = (uint32_t)head.len,
                            .head = hash_of(head)};
    vec_push(&imports->list, import);
    return &imports->list.items[imports->list.len - 1];
}

/* The stream stands at its beginning; `match` says how much of it is known. A file that matches the
 * newest mark of an import goes on with it. One that matches an older mark and then differs is a
 * fork (an old copy that grew otherwise): an import of its own, which begins behind that mark. */
static int run_stream(struct run *run, struct imports *imports, const struct match *match,
                      struct str head, struct err *err) {
    int rc = 0;
    struct import_report *report = run->report;
    struct import *known = match->import;
    bool fork = false, names_site = false;
    rc = lines_open_format(run->lines, known ? str_from(known->format) : run->job->format,
                           &run->format, &names_site, err);
    if (rc != 0)
        return rc;
    struct buf type = {0};
    buf_printf(&type, "%c%s", FORMAT_HEADER_MARK, format_spec(run->format));
    run->header_type = str_dup(buf_str(&type));
    buf_release(&type);
    if (known != NULL) {
        report->grown = true;
        report->id = known->id;
        rc = go_on(run, &match->mark, err);
        report->duplicates = run->n_lines;
        fork = match->mark.offset != known->marks.items[known->marks.len - 1].offset;
        run->import = known;
    }
    if (rc == 0 && (known == NULL || fork)) {
        struct str site = known ? str_from(known->site) : run->job->site;
        if (known == NULL && run->job->site_by_format && names_site)
            site = STR("");
        run->import = new_import(imports, run->job, head, site, str_from(format_spec(run->format)));
    }
    if (rc == 0) {
        run->record_room = RECORD_ROOM + strlen(run->header_type) + strlen(run->import->site) +
                           run->job->source.len;
        rc = read_lines(run, err);
    }
    report->lines = run->n_lines;
    if (run->import != NULL) {
        report->format = xstrdup(run->import->format);
        report->site = xstrdup(run->import->site);
        if (run->import->marks.len > 0)
            report->id = run->import->id;
        else
            imports_drop_last(imports); /* nothing written: it never was */
    }
    return rc;
}

int import_run(const struct import_env *env, const struct import_job *job, struct imports *imports,
               struct import_report *ret, struct err *err) {
    *ret = (struct import_report){0};
    struct input *in = NULL;
    struct lines lines = {0};
    struct run run = {.env = env, .job = job, .report = ret, .lines = &lines};
    struct match match = {0};
    int rc = open_input(job, &in, err);
    if (rc == 0 && !job->anonymous) {
        rc = input_check(in, err);
        if (rc == ERR_CORRUPT)
            rc = err_context(err, "nothing of it was taken");
    }
    if (rc != 0)
        goto out;
    lines_init(&lines, in);
    struct str ahead;
    char head_bytes[HEAD_BYTES]; /* a copy: the buffer moves on */
    rc = lines_peek(&lines, HEAD_BYTES, &ahead, err);
    if (rc != 0)
        goto out;
    struct str head = {memcpy(head_bytes, ahead.ptr, ahead.len), ahead.len};
    if (head.len < HEAD_BYTES && !lines.eof) { /* damaged so early that it cannot be recognised */
        size_t n;
        rc = input_read(in, head_bytes, 1, &n, err);
        goto out;
    }
    if (!job->anonymous)
        rc = find_match(imports, job, &lines, head, &match, err);
    if (rc == 0 && match.import != NULL && match.mark.lines == 0)
        rc = forget_headers(&lines, &match, err);
    if (rc == 0 && lines.offset > 0) { /* it was read to look: begin again */
        lines_release(&lines);
        rc = input_rewind(in, err);
        if (rc != 0)
            goto out;
        lines_init(&lines, in);
    }
    if (rc == 0 && head.len > 0)
        rc = run_stream(&run, imports, &match, head, err);
out:
    format_free(run.format);
    arena_release(&run.scratch);
    free(run.header_type);
    buf_release(&run.text);
    vec_free(&run.records);
    lines_release(&lines);
    input_close(in);
    return rc;
}

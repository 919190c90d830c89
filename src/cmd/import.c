/* import: read log files into the lake and the store (docs/import.md). */
#include "cmd/cmd.h"
#include "cmd/import_summary.h"
#include "cmd/overview.h"
#include "cmd/progress.h"
#include "cmd/sink.h"
#include "refine/refine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 255 /* of --site and --source */

struct import_run {
    struct config *config;
    struct sink sink;
    bool sink_failed; /* the list of imports may promise what the lake does not have */
    struct imports imports;
    struct import_job job; /* what all files share */
    struct buf format;     /* its format */
    bool has_source, json;
    struct import_file *files;
    size_t n_files;
    struct progress progress;
    struct input_stop stop;
    struct err trouble; /* with a file: the others went on; code 0: none */
};

/* --- before anything is written ------------------------------------------------------------- */

/* Can it be read? What only reading tells is asked of files, and never of pipes. */
static int check_file(const char *path, struct err *err) {
    struct stat st;
    char byte;
    if (strcmp(path, "-") == 0)
        return 0;
    if (stat(path, &st) < 0)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_FAILED, "%s", path);
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_USAGE, "%s is a directory, not a log file", path);
    if (!S_ISREG(st.st_mode))
        return access(path, R_OK) == 0 ? 0 : err_errno(err, ERR_FAILED, "%s", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 || pread(fd, &byte, 1, 0) < 0 ? err_errno(err, ERR_FAILED, "%s", path) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int check_files(const struct import_run *run, struct err *err) {
    size_t n_stdin = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->n_files; i++) {
        rc = check_file(run->files[i].path, err);
        n_stdin += strcmp(run->files[i].path, "-") == 0;
    }
    if (rc == 0 && n_stdin > 1)
        rc = err_set(err, ERR_USAGE, "import: \"-\" is given twice");
    return rc;
}

static int take_name(const char *option, const char *value, struct str *ret, struct err *err) {
    if (value == NULL)
        return 0;
    *ret = str_from(value);
    if (ret->len == 0)
        return err_set(err, ERR_USAGE, "--%s: the name is empty", option);
    if (ret->len > NAME_BYTES)
        return err_set(err, ERR_USAGE, "--%s: the name has more than %d bytes", option, NAME_BYTES);
    return 0;
}

static int take_args(struct import_run *run, const struct cmd_args *args, struct err *err) {
    struct import_job *job = &run->job;
    const struct config *config = run->config;
    const char *site = cmd_value(args, "site", 0);
    job->site = config->n_sites == 1 ? str_from(config->sites[0].name) : STR("default");
    job->site_by_format = site == NULL && config->n_sites != 1;
    job->source = STR("import");
    run->has_source = cmd_given(args, "source");
    run->json = cmd_given(args, "json");
    int rc = take_name("site", site, &job->site, err);
    if (rc == 0 && !site_name_ok(job->site))
        rc = err_set(err, ERR_USAGE, "--site: a site's name is not `all` or `*` and has no comma");
    if (rc == 0)
        rc = take_name("source", cmd_value(args, "source", 0), &job->source, err);
    if (rc == 0)
        rc = cmd_log_format(args, &run->format, err);
    job->format = str_from(buf_cstr(&run->format));
    run->n_files = args->words.len;
    run->files = xcalloc(run->n_files, sizeof *run->files);
    for (size_t i = 0; i < run->n_files; i++) {
        run->files[i].path = args->words.items[i];
        run->files[i].recognised = job->format.len == 0;
    }
    return rc == 0 ? check_files(run, err) : rc;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool on_stop(void *arg) {
    UNUSED(arg);
    return stop_asked();
}

static int env_append(void *arg, struct record_batch records, uint64_t *ret_bid, struct err *err) {
    struct import_run *run = arg;
    int rc = run->sink.ops->append(run->sink.impl, records, ret_bid, err);
    run->sink_failed = run->sink_failed || rc != 0;
    return rc;
}

static int env_sync(void *arg, struct err *err) {
    struct import_run *run = arg;
    int rc = run->sink.ops->sync(run->sink.impl, err);
    run->sink_failed = run->sink_failed || rc != 0;
    return rc;
}

static int env_progress(void *arg, uint64_t raw_bytes, uint64_t raw_size, uint64_t lines) {
    progress_show(&((struct import_run *)arg)->progress, raw_bytes, raw_size, lines, "lines");
    return stop_asked();
}

/* One file. An error with the file itself is kept, and the next file goes on. */
static int read_file(struct import_run *run, struct import_file *file, struct err *err) {
    const struct import_env env = {.clock = &clock_system,
                                   .append = env_append,
                                   .sync = env_sync,
                                   .progress = env_progress,
                                   .arg = run};
    struct import_job job = run->job;
    double start = clock_monotonic_seconds();
    job.path = file->path;
    job.anonymous = strcmp(file->path, "-") == 0 && !run->has_source;
    progress_begin(&run->progress, file->path);
    file->opened = true;
    int rc = import_run(&env, &job, &run->imports, &file->report, err);
    progress_end(&run->progress);
    file->numbers.seconds = clock_monotonic_seconds() - start;
    file->numbers.lines = file->report.lines;
    file->numbers.duplicates = file->report.duplicates;
    if (run->sink_failed)
        return rc; /* nor is the list saved */
    if (rc != 0 && rc != ERR_STOPPED) {
        run->trouble = *err;
        run->trouble.code = ERR_FAILED;
        if (run->n_files > 1)
            fprintf(stderr, "caskalytics: %s\n", err->text);
        rc = 0;
    }
    struct err why = {0};
    int saved = run->sink.ops->save(run->sink.impl, &run->imports, &why);
    return saved == 0 ? rc : err_set(err, saved, "%s", why.text);
}

static int count_files(struct import_run *run, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->n_files; i++) {
        struct import_file *file = &run->files[i];
        if (file->report.first_bid != 0)
            rc = run->sink.ops->counts(run->sink.impl, file->report.first_bid,
                                       file->report.last_bid, &file->numbers.counts, err);
    }
    return rc;
}

/* The time that the store took longer than reading is shared out by new lines, so that the files'
 * times add up. */
static void share_out(struct import_run *run, double seconds) {
    uint64_t all = 0;
    for (size_t i = 0; i < run->n_files; i++)
        all += run->files[i].numbers.counts.records;
    for (size_t i = 0; all > 0 && i < run->n_files; i++)
        run->files[i].numbers.seconds +=
            seconds * (double)run->files[i].numbers.counts.records / (double)all;
}

static int read_files(struct import_run *run, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->n_files; i++)
        rc = read_file(run, &run->files[i], err);
    if (run->sink_failed && rc == ERR_AWAY)
        return rc;
    struct err why = {0};
    double start = clock_monotonic_seconds();
    int finished = run->sink.ops->finish(run->sink.impl, &why);
    if (finished == 0)
        finished = count_files(run, &why);
    share_out(run, clock_monotonic_seconds() - start);
    if (finished != 0 && rc == 0)
        rc = err_set(err, finished,
                     "the lines are safe in the lake, but not all are in the store yet (the next "
                     "command goes on): %s",
                     why.text);
    return rc;
}

static int report(struct import_run *run, struct err *err) {
    struct buf out = {0};
    int rc = 0;
    if (run->json)
        summary_json(run->files, run->n_files, &out);
    else
        summary_text(run->files, run->n_files, &out);
    if (!run->json && run->trouble.code == 0 && cmd_is_terminal(STDOUT_FILENO)) {
        const struct output_style style = cmd_output_style();
        rc = cmd_write(buf_str(&out), err); /* the overview may take a moment */
        buf_clear(&out);
        buf_add_char(&out, '\n');
        if (rc == 0)
            rc = run->sink.ops->overview(run->sink.impl, &style, &out, err);
    }
    if (rc == 0)
        rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

static int import_all(struct import_run *run, const char *data_dir, struct err *err) {
    int rc = sink_open(run->config, data_dir, &run->sink, &run->imports, err);
    if (rc != 0)
        return rc;
    run->stop.asked = on_stop;
    run->job.stop = &run->stop;
    run->job.spool_dir = data_dir;
    rc = read_files(run, err);
    if (rc == ERR_STOPPED)
        return err_set(err, ERR_STOPPED,
                       "stopped: what was read is in; the same command again goes on from there");
    if (rc == 0)
        rc = report(run, err);
    if (rc == 0 && run->trouble.code != 0) {
        if (run->n_files > 1)
            rc = err_set(err, ERR_FAILED, "not every file could be read to its end");
        else
            rc = err_set(err, ERR_FAILED, "%s", run->trouble.text);
    }
    return rc;
}

int cmd_run_import(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct import_run run = {0};
    int rc = cmd_config(ctx, &run.config, err);
    if (rc == 0)
        rc = take_args(&run, args, err);
    if (rc == 0)
        rc = import_all(&run, cmd_data_dir(ctx, run.config), err);
    sink_close(&run.sink);
    imports_release(&run.imports);
    for (size_t i = 0; i < run.n_files; i++)
        import_report_release(&run.files[i].report);
    free(run.files);
    buf_release(&run.format);
    config_free(run.config);
    return rc;
}

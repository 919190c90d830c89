#include "cmd/import_summary.h"

#include "cmd/progress.h"
#include "format/format.h"

static uint64_t count(const struct import_numbers *n, bool excluded) {
    uint64_t sum = 0;
    for (size_t r = 0; r < REASON_COUNT; r++)
        if (reason_is_exclusion((enum reason)r) == excluded)
            sum += n->counts.rejected[r];
    return sum;
}

static uint64_t rejected(const struct import_numbers *n) { return count(n, false); }
static uint64_t excluded(const struct import_numbers *n) { return count(n, true); }

static double rate(const struct import_numbers *n) {
    return n->seconds > 0 ? (double)n->lines / n->seconds : 0;
}

static void add(struct import_numbers *sum, const struct import_numbers *n) {
    sum->lines += n->lines;
    sum->duplicates += n->duplicates;
    sum->seconds += n->seconds;
    sum->counts.records += n->counts.records;
    sum->counts.accepted += n->counts.accepted;
    for (size_t r = 0; r < REASON_COUNT; r++)
        sum->counts.rejected[r] += n->counts.rejected[r];
}

/* --- text ------------------------------------------------------------------------------------ */

/* File names and formats are shown on terminals: nothing in them may control it. */
static void add_safe(struct buf *out, struct str text) {
    struct buf valid = {0};
    buf_add_utf8(&valid, text);
    for (size_t i = 0; i < valid.len; i++)
        buf_add_char(out, (unsigned char)valid.ptr[i] < ' ' || valid.ptr[i] == 0x7f ? '?'
                                                                                    : valid.ptr[i]);
    buf_release(&valid);
}

static void row(struct buf *out, const char *name, uint64_t n, const char *more) {
    struct buf digits = {0};
    text_count(&digits, n);
    buf_printf(out, "  %-12s %15s%s%s\n", name, buf_cstr(&digits), *more ? "  " : "", more);
    buf_release(&digits);
}

static void reasons_text(const struct import_numbers *n, bool exclusions, struct buf *out) {
    for (size_t r = 0; r < REASON_COUNT; r++)
        if (n->counts.rejected[r] > 0 && reason_is_exclusion((enum reason)r) == exclusions)
            row(out, "", n->counts.rejected[r], reason_text((enum reason)r));
}

static void numbers_text(const struct import_numbers *n, struct buf *out) {
    row(out, "lines", n->lines, "");
    row(out, "accepted", n->counts.accepted, "");
    row(out, "rejected", rejected(n), "");
    reasons_text(n, false, out);
    row(out, "excluded", excluded(n), "");
    reasons_text(n, true, out);
    row(out, "duplicates", n->duplicates, n->duplicates ? "imported before" : "");
    struct buf seconds = {0}, lines = {0};
    text_seconds(&seconds, n->seconds);
    text_count(&lines, (uint64_t)rate(n));
    buf_printf(out, "  %-12s %15s  %s lines/s\n", "time", buf_cstr(&seconds), buf_cstr(&lines));
    buf_release(&seconds);
    buf_release(&lines);
}

/* A wrong guess shows by what it rejects. */
void summary_hint(const char *format, bool recognised, uint64_t lines_accepted,
                  uint64_t lines_rejected, struct buf *out) {
    if (lines_rejected <= lines_accepted)
        return;
    if (recognised && lines_accepted == 0 && strcmp(format, FORMAT_FALLBACK) == 0) {
        buf_add_cstr(out,
                     "  no known format reads these lines: --format names or describes another\n");
        return;
    }
    buf_add_cstr(out, "  most lines were rejected: was ");
    add_safe(out, str_from(format));
    buf_add_cstr(out, " the right format? --format names another\n");
}

static void file_text(const struct import_file *f, struct buf *out) {
    add_safe(out, strcmp(f->path, "-") == 0 ? STR("standard input") : str_from(f->path));
    buf_add_char(out, '\n');
    if (f->report.id == 0) {
        buf_add_cstr(out, "  no lines\n");
        return;
    }
    buf_printf(out, "  %-12s %15llu\n", "import", (unsigned long long)f->report.id);
    buf_printf(out, "  %-12s ", "site");
    if (*f->report.site == '\0')
        buf_add_cstr(out, "as each line names it");
    else
        add_safe(out, str_from(f->report.site));
    buf_printf(out, "\n  %-12s ", "format");
    add_safe(out, str_from(f->report.format));
    bool none = f->numbers.counts.records > 0 && f->numbers.counts.accepted == 0;
    buf_add_cstr(out, f->recognised && !none ? ", recognised\n" : "\n");
    numbers_text(&f->numbers, out);
    summary_hint(f->report.format,
                 f->recognised && excluded(&f->numbers) + f->numbers.duplicates == 0,
                 f->numbers.counts.accepted, rejected(&f->numbers), out);
    if (f->report.first_bid == 0)
        buf_printf(out, "  nothing new: imported before as import %llu\n",
                   (unsigned long long)f->report.id);
}

void summary_text(const struct import_file *files, size_t n, struct buf *out) {
    struct import_numbers sum = {0};
    size_t opened = 0;
    for (size_t i = 0; i < n; i++) {
        if (!files[i].opened)
            continue;
        opened++;
        file_text(&files[i], out);
        add(&sum, &files[i].numbers);
    }
    if (opened > 1) {
        buf_printf(out, "all %zu files\n", opened);
        numbers_text(&sum, out);
    }
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void string_json(const char *key, const char *value, struct buf *out) {
    buf_printf(out, "\"%s\":\"", key);
    buf_add_json(out, str_from(value != NULL ? value : ""));
    buf_add_cstr(out, "\",");
}

static void reasons_json(const struct import_numbers *n, bool exclusions, struct buf *out) {
    const char *comma = "";
    for (size_t r = 0; r < REASON_COUNT; r++) {
        if (n->counts.rejected[r] == 0 || reason_is_exclusion((enum reason)r) != exclusions)
            continue;
        buf_printf(out, "%s\"%s\":%llu", comma, reason_name((enum reason)r),
                   (unsigned long long)n->counts.rejected[r]);
        comma = ",";
    }
}

static void numbers_json(uint64_t id, const struct import_numbers *n, struct buf *out) {
    buf_printf(out,
               "\"import\":%llu,\"lines\":%llu,\"accepted\":%llu,\"rejected\":%llu,\"reasons\":{",
               (unsigned long long)id, (unsigned long long)n->lines,
               (unsigned long long)n->counts.accepted, (unsigned long long)rejected(n));
    reasons_json(n, false, out);
    buf_printf(out, "},\"excluded\":%llu,\"exclusions\":{", (unsigned long long)excluded(n));
    reasons_json(n, true, out);
    buf_printf(out, "},\"duplicates\":%llu,\"seconds\":%.3f,\"lines_per_second\":%.0f",
               (unsigned long long)n->duplicates, n->seconds, rate(n));
}

void summary_json(const struct import_file *files, size_t n, struct buf *out) {
    struct import_numbers sum = {0};
    uint64_t id = 0;
    for (size_t i = 0; i < n; i++) {
        add(&sum, &files[i].numbers);
        if (id == 0)
            id = files[i].report.id;
    }
    buf_add_char(out, '{');
    numbers_json(id, &sum, out);
    buf_add_cstr(out, ",\"files\":[");
    const char *comma = "";
    for (size_t i = 0; i < n; i++) {
        if (!files[i].opened)
            continue;
        buf_printf(out, "%s{", comma);
        string_json("file", files[i].path, out);
        string_json("site", files[i].report.site, out);
        string_json("format", files[i].report.format, out);
        buf_printf(out, "\"recognised\":%s,", files[i].recognised ? "true" : "false");
        numbers_json(files[i].report.id, &files[i].numbers, out);
        buf_add_char(out, '}');
        comma = ",";
    }
    buf_add_cstr(out, "]}\n");
}

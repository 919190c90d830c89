/* parse: what refine makes of lines, as JSON, without storing anything. */
#include "base/clock.h"
#include "base/zone.h"
#include "cmd/cmd.h"
#include "cmd/import_summary.h"
#include "cmd/progress.h"
#include "format/format.h"
#include "refine/refine.h"
#include "source/lines_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WRITE_BYTES ((size_t)256 << 10) /* so much is written at once */
#define SHOWN_BYTES ((size_t)1000)      /* of a rejected line */

struct parse {
    struct refiner *refiner;
    struct str spec, site;
    struct buf read_as; /* the format of the last file */
    bool quiet;
    struct buf out;
    uint64_t lines, accepted, rejected[REASON_COUNT];
};

static void add_time(struct buf *out, int64_t instant) {
    time_t t = (time_t)instant;
    struct tm tm;
    char text[32];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
    buf_add_cstr(out, text);
}

static void add_text(struct buf *out, const char *key, struct str value) {
    if (value.len == 0)
        return;
    buf_printf(out, ",\"%s\":\"", key);
    buf_add_json(out, value);
    buf_add_char(out, '"');
}

static void add_number(struct buf *out, const char *key, uint64_t value) {
    buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)value);
}

/* Columns that say where a row of the store came from, or are written otherwise. */
static bool is_shown(const char *column) {
    static const char *const others[] = {"bid", "ts", "kind", "visitor", "rules", "source"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (strcmp(column, others[i]) == 0)
            return false;
    return true;
}

static void add_event(struct parse *p, const struct event *e) {
    struct buf *out = &p->out;
    buf_printf(out, "{\"line\":%llu,\"time\":\"", (unsigned long long)p->lines);
    add_time(out, e->ts);
    buf_printf(out, "\",\"kind\":\"%s\",\"visitor\":\"%016llx\"",
               event_kind_name((enum event_kind)e->kind), (unsigned long long)e->visitor);
    /* what is never stored, but shows whether a format fits */
    add_text(out, "client", refiner_fields(p->refiner)->host);
    add_text(out, "user", refiner_fields(p->refiner)->user);
#define ADD_U8(name) add_number(out, #name, e->name)
#define ADD_U16(name) add_number(out, #name, e->name)
#define ADD_U32(name) add_number(out, #name, e->name)
#define ADD_U64(name) add_number(out, #name, e->name)
#define ADD_STR(name) add_text(out, #name, e->name)
#define COLUMN(name, type, encoding, doc)                                                          \
    if (is_shown(#name))                                                                           \
        ADD_##encoding(name);
#include "events.def"
#undef COLUMN
    buf_add_cstr(out, "}\n");
}

static void add_rejected(struct parse *p, struct str line, enum reason reason) {
    buf_printf(&p->out, "{\"line\":%llu,\"%s\":\"%s\",\"why\":\"%s\"", (unsigned long long)p->lines,
               reason_is_exclusion(reason) ? "excluded" : "rejected", reason_name(reason),
               reason_text(reason));
    add_text(&p->out, "text", str_of(line.ptr, min_size(line.len, SHOWN_BYTES)));
    buf_add_cstr(&p->out, "}\n");
}

static int parse_line(struct parse *p, const struct record *record, struct err *err) {
    struct event event;
    enum reason reason = refine_record(p->refiner, record, &event);
    p->lines++;
    if (reason == REASON_NONE)
        p->accepted++;
    else
        p->rejected[reason]++;
    if (!p->quiet && reason == REASON_NONE)
        add_event(p, &event);
    else if (!p->quiet)
        add_rejected(p, record->body, reason);
    refiner_reset(p->refiner);
    if (p->out.len < WRITE_BYTES)
        return 0;
    int rc = cmd_write(buf_str(&p->out), err);
    buf_clear(&p->out);
    return rc;
}

static int parse_lines(struct parse *p, struct lines *lines, struct err *err) {
    struct format *format = NULL;
    struct line line;
    bool names_site = false;
    int rc = lines_open_format(lines, p->spec, &format, &names_site, err);
    if (rc != 0)
        return rc;
    struct record record = {.type = str_from(format_spec(format)),
                            .site = p->site.len == 0 && !names_site ? STR("default") : p->site};
    buf_clear(&p->read_as);
    buf_add_cstr(&p->read_as, format_spec(format));
    if (cmd_is_terminal(STDERR_FILENO) || p->quiet)
        fprintf(stderr, "format: %s\n", format_spec(format));
    refiner_begin_block(p->refiner);
    while (rc == 0 && !stop_asked()) {
        rc = lines_next(lines, &line, err);
        if (rc != 1)
            break;
        rc = 0;
        if (line.text.len == 0)
            continue;
        record.body = line.text;
        if (format_is_header(format, line.text)) {
            struct buf type = {0};
            buf_printf(&type, "%c%s", FORMAT_HEADER_MARK, format_spec(format));
            struct record header = {.type = buf_str(&type), .body = line.text};
            refine_header(p->refiner, &header);
            buf_release(&type);
        } else {
            rc = parse_line(p, &record, err);
        }
    }
    format_free(format);
    return rc;
}

static int parse_file(struct parse *p, const char *path, struct err *err) {
    struct input *in = NULL;
    struct lines lines;
    int rc = input_open(path, NULL, &in, err);
    if (rc != 0)
        return rc;
    lines_init(&lines, in);
    p->lines = 0; /* numbers of lines are those of each file */
    rc = parse_lines(p, &lines, err);
    lines_release(&lines);
    input_close(in);
    struct err why = {0};
    int written = cmd_write(buf_str(&p->out), &why);
    buf_clear(&p->out);
    return rc == 0 && written != 0 ? err_set(err, written, "%s", why.text) : rc;
}

static void summary(struct parse *p, double seconds) {
    struct buf out = {0};
    uint64_t rejected[2] = {0}; /* [1]: excluded */
    for (size_t i = 0; i < REASON_COUNT; i++)
        rejected[reason_is_exclusion((enum reason)i)] += p->rejected[i];
    uint64_t lines = p->accepted + rejected[0] + rejected[1];
    text_count(&out, p->accepted);
    buf_add_cstr(&out, " accepted, ");
    text_count(&out, rejected[0]);
    buf_add_cstr(&out, " rejected");
    if (rejected[1] > 0) {
        buf_add_cstr(&out, ", ");
        text_count(&out, rejected[1]);
        buf_add_cstr(&out, " excluded");
    }
    if (seconds > 0 && lines > 0) {
        buf_add_cstr(&out, ", ");
        text_count(&out, (uint64_t)((double)lines / seconds));
        buf_add_cstr(&out, " lines/s");
    }
    buf_add_char(&out, '\n');
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (p->rejected[i] == 0)
            continue;
        buf_add_cstr(&out, "  ");
        text_count(&out, p->rejected[i]);
        buf_printf(&out, " %s: %s\n", reason_name((enum reason)i), reason_text((enum reason)i));
    }
    bool recognised = p->spec.len == 0 && rejected[1] == 0;
    summary_hint(buf_cstr(&p->read_as), recognised, p->accepted, rejected[0], &out);
    fputs(buf_cstr(&out), stderr);
    buf_release(&out);
}

int cmd_run_parse(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    const char *site = cmd_value(args, "site", 0);
    struct buf format = {0};
    struct parse p = {.site = str_from(site ? site : ""), .quiet = cmd_given(args, "quiet")};
    struct config *config = NULL;
    int rc = cmd_log_format(args, &format, err);
    p.spec = str_from(buf_cstr(&format));
    if (rc == 0)
        rc = cmd_config(ctx, &config, err);
    if (rc == 0)
        rc = refiner_new(config, NULL, &p.refiner, err);
    if (rc == 0 && site == NULL && config->n_sites == 1) /* as import does */
        p.site = str_from(config->sites[0].name);
    stop_on_signals();
    double start = clock_monotonic_seconds();
    for (size_t i = 0; rc == 0 && i < args->words.len && !stop_asked(); i++)
        rc = parse_file(&p, args->words.items[i], err);
    if (rc == 0 && (p.quiet || cmd_is_terminal(STDERR_FILENO)))
        summary(&p, clock_monotonic_seconds() - start);
    refiner_free(p.refiner);
    buf_release(&p.out);
    buf_release(&p.read_as);
    buf_release(&format);
    config_free(config);
    return rc;
}

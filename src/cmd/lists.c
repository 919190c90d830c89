#include "cmd/cmd.h"

#include "cube/words.h"
#include "format/format.h"

void cmd_list_formats(struct buf *out) {
    buf_add_cstr(out, "Formats:\n");
    format_list(out);
}

static const struct {
    const char *name, *doc;
} metrics[] =
    {
#define METRIC(name, unit, fact, sum, doc) {#name, doc},
#define RATIO(name, unit, over, under, doc) {#name, doc},
#include "metrics.def"
#undef METRIC
#undef RATIO
},
  dimensions[] = {
#define DIMENSION(name, views, events, counters, doc) {#name, doc},
#include "dimensions.def"
#undef DIMENSION
};

void cmd_list_metrics(struct buf *out) {
    buf_add_cstr(out, "Metrics:\n");
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
        cmd_help_row(metrics[i].name, metrics[i].doc, out);
    buf_add_cstr(out, "\nDimensions, for --group and --filter:\n");
    for (size_t i = 0; i < ARRAY_LEN(dimensions); i++)
        cmd_help_row(dimensions[i].name, dimensions[i].doc, out);
}

static const struct {
    const char *name, *doc;
}
#define COLUMN(name, type, encoding, doc) {#name, type "; " doc},
events[] =
    {
#include "events.def"
},
    github[] = {
#include "github.def"
};
#undef COLUMN

void cmd_list_tables(struct buf *out) {
    buf_add_cstr(out, "Table events, a row for every accepted line:\n");
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        cmd_help_row(events[i].name, events[i].doc, out);
    buf_add_cstr(
        out, "\nTable github, counters of repositories, a row for every time they were read:\n");
    for (size_t i = 0; i < ARRAY_LEN(github); i++)
        cmd_help_row(github[i].name, github[i].doc, out);
    buf_add_cstr(out, "\nOther tables:\n");
    cmd_help_row("rejected", "bid, place (of the line in its block), site, reason", out);
    cmd_help_row(
        "views",
        "sealed page views with starts, ends, gap and the source of their session; only rows "
        "whose seal is live count, which questions of `stats` take care of",
        out);
    for (size_t i = 0; i < cube_defs_count; i++) {
        struct buf name = {0}, doc = {0};
        buf_printf(&name, "cube_%s", cube_defs[i].name);
        buf_printf(&doc, "sums by site, bot%s%s; by %s", *cube_defs[i].dimensions ? ", " : "",
                   cube_defs[i].dimensions, cube_defs[i].grains);
        cmd_help_row(buf_cstr(&name), buf_cstr(&doc), out);
        buf_release(&name);
        buf_release(&doc);
    }
}

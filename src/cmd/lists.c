#include "cmd/cmd.h"

#include "refine/refine.h"

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
#define DIMENSION(name, pageviews, others, doc) {#name, doc},
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

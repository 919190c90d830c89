#include "query/output.h"

#include <stdlib.h>

static const char *const FORMAT_NAMES[] = {"table", "json", "csv",
                                           "tsv"}; /* as enum output_format */

int output_format_parse(struct str name, enum output_format *ret, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(FORMAT_NAMES); i++) {
        if (str_is(name, FORMAT_NAMES[i])) {
            *ret = (enum output_format)i;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE,
                   "\"" STR_FMT "\" is not a format: expected table, json, csv or tsv",
                   (int)min_size(name.len, 80), name.ptr ? name.ptr : "");
}

void result_print(const struct result *result, enum output_format format,
                  const struct output_style *style, struct buf *out) {
    switch (format) {
    case OUTPUT_TABLE:
        output_table(result, style, out);
        break;
    case OUTPUT_JSON:
        output_json(result, out);
        break;
    case OUTPUT_CSV:
        output_csv(result, out);
        break;
    case OUTPUT_TSV:
        output_tsv(result, out);
        break;
    }
}

void result_release(struct result *result) {
    free(result->columns);
    free(result->values);
    free(result->total);
    arena_release(&result->arena);
    *result = (struct result){0};
}

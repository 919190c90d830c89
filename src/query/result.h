/* The answer to a question, and its forms: aligned table with small bars, JSON, CSV, TSV. */
#ifndef CASK_RESULT_H
#define CASK_RESULT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/zone.h"

enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_TIME };
struct value {
    enum value_type type;
    union {
        int64_t integer; /* VALUE_INT; VALUE_TIME: seconds since the epoch, shown in `zone` */
        double real;
        struct str text; /* raw bytes: made valid UTF-8 on output */
    };
};

enum unit {
    UNIT_TEXT,
    UNIT_COUNT,
    UNIT_CHANGE, /* of a count: may be below zero */
    UNIT_RATE /* 0..1, shown as percent in tables */,
    UNIT_SECONDS,
    UNIT_BYTES,
    UNIT_NUMBER
};
struct result_column {
    const char *name; /* the JSON key: dimension or metric name, METRIC_previous */
    enum unit unit;
    bool measure; /* false: time or dimension */
};

struct result {
    struct arena
        arena; /* owns all text; the three arrays below are heap, freed by result_release */
    const struct zone *zone; /* borrowed */
    struct result_column *columns;
    size_t n_columns;
    struct value *values; /* row-major, n_rows * n_columns */
    size_t n_rows;
    struct value *total;    /* n_columns values (VALUE_NULL for dimensions); NULL: no totals */
    struct str query_json;  /* the question as a JSON object, for "query" */
    int64_t from, to;       /* the range that was asked */
    int64_t complete_until; /* 0: unknown -> null */
    /* Distinct visitors of some rows, of the total, are estimates. */
    bool rows_estimated, total_estimated;
};

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_TSV };
MUSTCHECK int output_format_parse(struct str name, enum output_format *ret, struct err *err);

struct output_style {
    bool color;     /* terminal and no NO_COLOR */
    unsigned width; /* columns of the terminal; 0: not a terminal, no bars are cut or drawn */
};

/* Append the whole output. JSON as docs/commands.md:
 * {"query":{},"rows":[],"total":{},"complete_until":...}. CSV (RFC 4180, but lines
 * end in LF as cut, awk and other tools want; tabs and newlines stay, in quotes) and TSV (tabs,
 * newlines, returns and backslashes escaped \t \n \r
 * \\) have a header line, null is an empty cell, no total. Text never carries other control bytes
 * to a terminal: they become U+FFFD as bad UTF-8 does. CSV cells that begin with = + - @ or a tab
 * get a leading apostrophe when they are text. */
void result_print(const struct result *result, enum output_format format,
                  const struct output_style *style, struct buf *out);
void result_release(struct result *result);

#endif

/* The forms of a result, one file each; callers use result_print(). */
#ifndef CASK_OUTPUT_H
#define CASK_OUTPUT_H

#include "query/result.h"

void output_json(const struct result *result, struct buf *out);
/* CSV and TSV differ in the separator, the end of a line and in how a text cell is made safe. */
void output_csv(const struct result *result, struct buf *out);
void output_tsv(const struct result *result, struct buf *out);
void output_table(const struct result *result, const struct output_style *style, struct buf *out);

/* VALUE_INT without a point, VALUE_REAL in the fewest digits that read back the same. False (and
 * nothing appended) for what has no number: null, NaN, infinity. */
bool output_number(const struct value *v, struct buf *out);

/* A number as people read it: 1,234 or 12.3 % or 2 m 05 s or 12.3 MB; "-" for none. `decimals` is
 * for UNIT_COUNT and UNIT_NUMBER, where a column of numbers should share it. */
void output_human(enum unit unit, const struct value *v, int decimals, struct buf *out);

/* Append text made safe for a terminal: valid UTF-8 in which controls (also those that turn the
 * direction of writing) are U+FFFD. Bytes of `keep` stay. */
void output_text(struct str raw, const char *keep, struct buf *out);
/* Terminal cells that well-formed UTF-8 takes: wide characters two, combining ones none. */
size_t output_cells(struct str text);
/* Append text in at most `cells` cells, ending in an ellipsis if it was cut. Returns the cells
 * taken. */
size_t output_cut(struct str text, size_t cells, struct buf *out);

#endif

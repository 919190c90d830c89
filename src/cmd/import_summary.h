/* What an import says when it is done: text for people, or one JSON object. */
#ifndef CASK_CMD_IMPORT_SUMMARY_H
#define CASK_CMD_IMPORT_SUMMARY_H

#include "source/import.h"
#include "store/apply.h"

struct import_numbers {
    uint64_t lines, duplicates;
    struct apply_counts counts; /* of the lines that are new */
    double seconds;
};

struct import_file {
    const char *path;
    bool opened;     /* false: an error or a stop came before it */
    bool recognised; /* its format, by its lines: --format did not name it */
    struct import_report report;
    struct import_numbers numbers;
};

void summary_text(const struct import_file *files, size_t n, struct buf *out);
void summary_json(const struct import_file *files, size_t n, struct buf *out);

/* What the numbers of lines say about their format: a line of text when more were rejected than
 * accepted. `recognised` as above: then nobody is asked whether a format was right that read none.
 */
void summary_hint(const char *format, bool recognised, uint64_t lines_accepted,
                  uint64_t lines_rejected, struct buf *out);

#endif

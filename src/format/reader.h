/* What a kind of formats is made of: one `const struct format_reader` each, listed in formats.c. */
#ifndef CASK_READER_H
#define CASK_READER_H

#include "format/format.h"

struct format_reader {
    /* `spec`: of a row of the table its `layout`, else the user's string. *ret_state is passed to
     * the others. ERR_USAGE says what is wrong and where. */
    int (*open)(struct str spec, void **ret_state, struct err *err);
    void (*free)(void *state); /* may be NULL, as all below */
    /* A line without its line end, not blank. */
    enum reason (*read)(void *state, struct str line, struct arena *scratch, struct fields *ret);
    bool (*is_header)(const void *state, struct str line);
    void (*take_header)(void *state, struct str line); /* one line */
    void (*header)(const void *state, struct buf *out);
    void (*restart)(void *state);
    bool (*names_site)(const void *state);
    /* Do the header lines so far say that the file is of this format, and of none more general? */
    bool (*fits)(const void *state);
};

extern const struct format_reader apache_reader;  /* common, combined, vhost: written by hand */
extern const struct format_reader haproxy_reader; /* HAProxy */
extern const struct format_reader layout_reader;  /* Apache, nginx and GoAccess strings */
extern const struct format_reader aws_reader;     /* S3 and load balancers */
extern const struct format_reader columns_reader; /* #Fields: W3C, IIS, CloudFront */
extern const struct format_reader json_reader;    /* lines of JSON */
extern const struct format_reader pattern_reader; /* a user's regular expression */

#endif

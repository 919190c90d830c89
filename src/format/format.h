/* Formats: bytes of one line -> the fields that refine knows (docs/formats.md).
 *
 * A format is named by its *spec*, which is also the `type` of a record in the lake: a name of the
 * table in formats.c (GoAccess's names are aliases), or a string that describes the lines, told
 * apart by what it contains:
 *     %      an Apache LogFormat, or with %d or %x a GoAccess log-format
 *     $      an nginx log_format
 *     (?<    a regular expression with named groups
 *     {      a JSON object: our field names -> paths in lines of JSON
 * An opened format belongs to one thread. Reading a line allocates nothing but scratch. */
#ifndef CASK_FORMAT_H
#define CASK_FORMAT_H

#include "base/arena.h"
#include "base/err.h"
#include "event/reason.h"

/* What a line says, before any rule is applied. "" where the format has no such field or it is "-".
 */
struct fields {
    struct str host;  /* address or host name of the client, as logged */
    struct str vhost; /* server name without port */
    struct str user;
    int64_t time;                        /* seconds since the epoch */
    struct str request;                  /* the request line, unescaped */
    struct str method, target, protocol; /* set when the request is METHOD target HTTP/x[.y] */
    uint16_t status; /* 0: the log says that nothing was answered (S3, load balancers) */
    uint64_t bytes;
    struct str referrer, agent;
    /* Client hints, as logged (quotes and all): Sec-CH-UA, -Mobile, -Platform, -Platform-Version,
     * -Model */
    struct str hint_brands, hint_mobile, hint_platform, hint_platform_version, hint_model;
    /* Of a beacon: its name and properties. Then there is a target but no method and no status. */
    struct str event, props;
};

struct format;

/* ERR_USAGE: no such name (near ones are named), or a string that cannot be compiled (says where),
 * or one that lacks what every event needs: client, time, request. */
MUSTCHECK int format_open(struct str spec, struct format **ret, struct err *err);
void format_free(struct format *f);
/* Is it a GoAccess log-format? To it may be added, each behind a '\n', a date format and a time
 * format (strftime; "" for %d/%b/%Y and %H:%M:%S). */
bool format_takes_times(struct str spec);

/* What every format shares (length, line end, byte-order mark, blank lines, comments, UTF-16, one
 * extra pair of quotes with the quotes within doubled or not), then its own reading. On a rejection
 * *ret is undefined. Strings borrow from `line` and `scratch`. */
MUSTCHECK enum reason format_read(struct format *f, struct str line, struct arena *scratch,
                                  struct fields *ret);

/* --- header lines: formats whose lines say what the lines behind them hold (#Fields) --- */

/* Header lines are no lines: neither hits nor rejected. A source marks their records by a type of
 * '#' and the spec, so that nobody needs the format to count; and it begins every block with a copy
 * of the header in force, so that each block can be read by itself. */
#define FORMAT_HEADER_MARK '#'

/* Is this a header line of the format? */
bool format_is_header(const struct format *f, struct str line);
/* Take in header lines (several are parted by '\n'). Lines that it cannot use leave the columns
 * unknown: lines behind are rejected with REASON_no_header. */
void format_take_header(struct format *f, struct str lines);
/* What a reader of the lines behind here must be told: appended to *out, nothing if there is none.
 */
void format_header(const struct format *f, struct buf *out);
/* A new stream of lines begins (a file, a block): forget the header. */
void format_restart(struct format *f);

/* Does every line name its site? */
bool format_names_site(const struct format *f);
/* The spec it was opened with; for a name, the name of its row (never an alias). */
const char *format_spec(const struct format *f);

/* --- the table --- */

struct format_row {
    const char *name;
    const char *doc; /* one line for help and docs */
    const char *example;
};
size_t format_count(void);
const struct format_row *format_at(size_t i); /* NULL behind the last */
/* Names that GoAccess has for format i, one after the other: start with *at = 0; NULL behind the
 * last. */
const char *format_alias(size_t i, size_t *at);
/* The JSON mapping that format i is, NULL if it is none. */
const char *format_mapping(size_t i);
/* A line for each format, and what else may stand in its place. */
void format_list(struct buf *out);
/* The text of docs/formats.md. */
void format_reference(struct buf *out);

#define FORMAT_FALLBACK "combined"
/* Each line votes for the most specific format that reads it; most votes win (the more specific one
 * on a tie). When none reads any: what their header lines say, else FORMAT_FALLBACK. Returns a
 * static name. */
struct str format_detect(const struct str *lines, size_t n);

#endif

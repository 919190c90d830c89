/* A layout: a format string, compiled into steps that are taken one after the other over a line.
 * layout_apache.c, layout_nginx.c and layout_goaccess.c write the steps, layout.c finishes them and
 * layout_read.c takes them. */
#ifndef CASK_LAYOUT_H
#define CASK_LAYOUT_H

#include "format/slots.h"

/* How a field ends. */
enum layout_shape {
    SHAPE_literal,   /* no field: bytes that must be there; ' ' is any number of blanks and tabs */
    SHAPE_token,     /* a word, which holds no blank (but behind a comma) */
    SHAPE_number,    /* a token of digits, or "-" */
    SHAPE_status,    /* three digits, or "-" */
    SHAPE_text,      /* may hold what it ends with: when the rest does not fit, it is made longer */
    SHAPE_quoted,    /* up to the closing quote */
    SHAPE_clf,       /* a time stamp that tells where it ends, as the two below */
    SHAPE_stamp,     /* `text` is a compiled strftime pattern (stamp.h) */
    SHAPE_addresses, /* a list of them, with what may stand between in `text` */
};

enum layout_escapes {
    ESCAPES_backslash, /* \" and \\ */
    ESCAPES_nginx,     /* and \x22 and \x5C */
    ESCAPES_none,
};

struct layout_step {
    enum layout_shape shape;
    enum slot slot;
    unsigned char rank; /* of several fields for a slot the highest counts, then the first */
    bool second_time;   /* read and dropped: the end of the request, when its beginning is logged */
    bool target_next;   /* it ends where a target begins: $host$request_uri */
    bool last_colon;    /* an address in front of a port: the last colon before `stop` ends it */
    char stop;
    bool maybe_zone; /* dropped, but if it is a zone it is that of the time before it */
    struct str text;
    struct str until; /* the literal behind it, "" when there is none */
    size_t at;        /* where it is in the string, for messages */
};

struct layout {
    struct layout_step *steps;
    size_t n;
    enum layout_escapes escapes;
    bool loose_quotes;  /* quotes may stand within quotes: the closing one has the right things
                           behind it */
    bool absent_is_200; /* the status is logged unless it is 200: %!200s */
    bool names_site;
    size_t
        guard; /* step of the first time stamp when what stands before may be a line's prefix; 0 */
    struct str header; /* lines that begin so are header lines; "" there are none */
    struct str
        unknown; /* a name near to `meant`, which would give what every event needs; "" none */
    const char *meant;
    unsigned time_parts;
    struct buf literal; /* being collected */
    struct arena texts;
};

/* --- for the notations --- */

#define RANK_WITH_QUERY 3 /* of a target that has its query with it */

void layout_literal(struct layout *l, char c);
/* A query that follows a target at once is part of it: %U%q, $uri$is_args$args. */
struct layout_step *layout_field(struct layout *l, enum layout_shape shape, enum slot slot,
                                 unsigned char rank, size_t at);
/* A time stamp by a strftime pattern. */
MUSTCHECK int layout_stamp(struct layout *l, struct str pattern, size_t at, struct err *err);
/* A time stamp in common log format, without brackets. */
void layout_clf(struct layout *l, size_t at);

/* Which of the fields a header of a request is: Referer, User-Agent, Sec-CH-UA, ...; in any case,
 * '_' for '-' as well. */
struct layout_header {
    enum slot slot;
    enum layout_shape shape;
    unsigned char rank;
};
struct layout_header layout_header_of(struct str name);

int layout_apache(struct layout *l, struct str spec, struct err *err);
int layout_nginx(struct layout *l, struct str spec, struct err *err);
int layout_goaccess(struct layout *l, struct str spec, struct err *err);

/* Does the string name a variable that nginx has? Is it GoAccess's? */
bool layout_is_nginx(struct str spec);
bool layout_is_goaccess(struct str spec);
/* What the line `log-format ...` of a goaccessrc says, "" if there is none. */
struct str layout_goaccess_name(struct str spec);

/* --- reading --- */

enum reason layout_run(const struct layout *l, struct str line, struct arena *scratch,
                       struct fields *ret);

#endif

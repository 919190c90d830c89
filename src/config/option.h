/* The table of options (schema/options.def) as data, and what its types can do. */
#ifndef CASK_CONFIG_OPTION_H
#define CASK_CONFIG_OPTION_H

#include "base/err.h"
#include "base/str.h"

enum option_type {
    OPTION_TEXT,
    OPTION_LISTEN,
    OPTION_SITE,
    OPTION_SOURCE_TYPE,
    OPTION_FORMAT,
    OPTION_ZONE,
    OPTION_PATTERN,
    OPTION_SIZE,
    OPTION_DURATION,
    OPTION_BOOL,
    OPTION_WORDS,
    OPTION_EXTENSIONS,
    OPTION_DOMAINS,
    OPTION_ADDRESSES,
    OPTION_PATHS,
    OPTION_HOSTS,
    OPTION_PIECES,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FORMAT,
    OPTION_GROUP,
    OPTION_ITEMS,
    OPTION_TYPES
};

enum option_shape {
    SHAPE_SCALAR, /* kept as char * (NULL: not given), uint64_t or bool */
    SHAPE_LIST,   /* kept as char ** and a count */
    SHAPE_GROUP,  /* a mapping whose values are kept in the same struct */
    SHAPE_ITEMS,  /* a list of mappings, kept as an array of structs and a count */
};

struct option_kind {
    enum option_shape shape;
    const char *name;     /* for the documentation: "time zone" */
    const char *expected; /* for messages: "a time zone such as Europe/Berlin" */
    /* One value (of a list: one item). `place` NULL: only check. Never fails on what show prints.
     */
    int (*parse)(struct str text, void *place, struct err *err);
    void (*show)(const void *place, struct buf *out); /* as YAML; nothing: not given */
    void (*release)(void *place);                     /* NULL: nothing to free */
};

enum {
    RELOADABLE = 1,
    REQUIRED = 2,
    UNIQUE = 4,
    SECRET = 8,
    LATER = 16,
    SAMPLED = 32,
    FILLED = 64,   /* a list that must not be empty */
    NARROWS = 128, /* of items: alone it selects nothing, so another key must be given */
};

#define PLACE_NONE ((size_t)-1)
struct place {
    size_t at;        /* offset in the struct, PLACE_NONE: not kept */
    size_t count_at;  /* of lists and items: offset of their size_t count */
    size_t item_size; /* of items: size of one struct */
};

struct option {
    const char *path;
    struct place place;
    const char *initial, *example; /* the default, an example; either may be NULL */
    const char *doc;
    enum option_type type;
    unsigned flags;
};

extern const struct option options[];
extern const size_t options_count;
#define OPTIONS_MAX 64 /* at least options_count; checked by a test */

const struct option_kind *option_kind(const struct option *o);
/* Rows directly below `parent` (NULL: the file itself): start with NULL; NULL: no more. */
const struct option *option_next(const struct option *parent, const struct option *after);
/* The last key of the path. */
const char *option_key(const struct option *o);

#endif

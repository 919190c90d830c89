#include "config/option.h"

#include "config/config.h"
#include "config/quantity.h"
#include "config/value.h"

#define IN(type, field)                                                                            \
    { offsetof(struct type, field), 0, 0 }
#define LIST_IN(type, field)                                                                       \
    { offsetof(struct type, field), offsetof(struct type, n_##field), 0 }
#define ITEMS_IN(type, field, item)                                                                \
    { offsetof(struct type, field), offsetof(struct type, n_##field), sizeof(struct item) }
#define NOWHERE                                                                                    \
    { PLACE_NONE, 0, 0 }

const struct option options[] = {
#define OPTION(path, type, place, initial, example, flags, doc)                                    \
    {path, place, initial, example, doc, OPTION_##type, flags},
#include "options.def"
#undef OPTION
};
const size_t options_count = ARRAY_LEN(options);
static_assert(ARRAY_LEN(options) <= OPTIONS_MAX, "raise OPTIONS_MAX");

static const struct option_kind option_kinds[OPTION_TYPES] = {
    [OPTION_TEXT] = {SHAPE_SCALAR, "text", "text", value_text, show_text, release_text},
    [OPTION_LISTEN] = {SHAPE_SCALAR, "address and port",
                       "an address and port such as 127.0.0.1:8080", value_listen, show_text,
                       release_text},
    [OPTION_SOURCE_TYPE] = {SHAPE_SCALAR, "type of source", "a type of source such as tail",
                            value_source_type, show_text, release_text},
    [OPTION_FORMAT] = {SHAPE_SCALAR, "log format", "a log format such as combined", value_format,
                       show_text, release_text},
    [OPTION_SITE] = {SHAPE_SCALAR, "name of a site", "the name of a site", value_site, show_text,
                     release_text},
    [OPTION_ZONE] = {SHAPE_SCALAR, "time zone", "a time zone such as Europe/Berlin", value_zone,
                     show_text, release_text},
    [OPTION_PATTERN] = {SHAPE_SCALAR, "regular expression", "a regular expression", value_pattern,
                        show_text, release_text},
    [OPTION_SIZE] = {SHAPE_SCALAR, "size", "a size such as 512M or 2G", value_size, show_size,
                     NULL},
    [OPTION_DURATION] = {SHAPE_SCALAR, "duration", "a duration such as 1m or 2y", value_duration,
                         show_duration, NULL},
    [OPTION_BOOL] = {SHAPE_SCALAR, "true or false", "true or false", value_bool, show_bool, NULL},
    [OPTION_WORDS] = {SHAPE_LIST, "list of words", "a list of words such as [one, two]", value_text,
                      show_text, release_text},
    [OPTION_EXTENSIONS] = {SHAPE_LIST, "list of extensions",
                           "a list of extensions such as [pdf, zip]", value_extension, show_text,
                           release_text},
    [OPTION_DOMAINS] = {SHAPE_LIST, "list of domains",
                        "a list of domains such as [example.com, example.org]", value_domain,
                        show_text, release_text},
    [OPTION_ADDRESSES] = {SHAPE_LIST, "list of addresses",
                          "a list of addresses such as [192.0.2.0/24, '2001:db8::/32']",
                          value_address, show_text, release_text},
    [OPTION_PATHS] = {SHAPE_LIST, "list of paths",
                      "a list of paths such as [/health, '/internal/*']", value_path, show_text,
                      release_text},
    [OPTION_HOSTS] = {SHAPE_LIST, "list of names",
                      "a list of names such as [staging.example.org, '*.test.example.org']",
                      value_host, show_text, release_text},
    [OPTION_PIECES] = {SHAPE_LIST, "list of words", "a list of words such as [one, two]",
                       value_piece, show_text, release_text},
    [OPTION_LOG_LEVEL] = {SHAPE_SCALAR, "level", "one of debug, info, warn, error", value_log_level,
                          show_text, release_text},
    [OPTION_LOG_FORMAT] = {SHAPE_SCALAR, "format", "text or json", value_log_format, show_text,
                           release_text},
    [OPTION_GROUP] = {SHAPE_GROUP, "mapping", "a mapping (key: value)", NULL, NULL, NULL},
    [OPTION_ITEMS] = {SHAPE_ITEMS, "list of mappings", "a list of mappings (- {key: value})", NULL,
                      NULL, NULL},
};

const struct option_kind *option_kind(const struct option *o) { return &option_kinds[o->type]; }

const char *option_key(const struct option *o) {
    const char *dot = strrchr(o->path, '.');
    return dot ? dot + 1 : o->path;
}

/* "engine.memory" is below "engine", "sites[].name" below "sites". */
static bool is_below(const struct option *o, const struct option *parent) {
    const char *key = option_key(o);
    if (parent == NULL)
        return key == o->path;
    size_t len = strlen(parent->path);
    if (strncmp(o->path, parent->path, len) != 0)
        return false;
    const char *rest = o->path + len;
    if (strncmp(rest, "[]", 2) == 0)
        rest += 2;
    return *rest == '.' && rest + 1 == key;
}

const struct option *option_next(const struct option *parent, const struct option *after) {
    for (const struct option *o = after ? after + 1 : options; o < options + options_count; o++)
        if (is_below(o, parent))
            return o;
    return NULL;
}

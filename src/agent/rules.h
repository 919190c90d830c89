/* The rules behind agent.h as they stand in their files: ordered lists of regular expressions.
 * Formats: uap-core's docs/specification.md; crawler-user-agents' README (an array of objects with
 * `pattern` and `tags`); the files in schema/ say their own. Nothing here is compiled. */
#ifndef CASK_AGENT_RULES_H
#define CASK_AGENT_RULES_H

#include "agent/agent.h"
#include "base/arena.h"

enum agent_list {
    AGENT_BROWSER, /* uap-core */
    AGENT_OS,
    AGENT_DEVICE,
    AGENT_CRAWLER, /* crawler-user-agents */
    AGENT_CLIENT,  /* schema/clients.txt */
    AGENT_BOT,     /* schema/bots.txt */
    AGENT_CLASS,   /* schema/device_classes.txt */
    AGENT_LISTS
};

/* Limits on what is read; the files of 2026 have 200 kB, 550 kB and 3 kB. */
#define AGENT_FILE_BYTES ((size_t)16 << 20)
#define AGENT_REGEX_BYTES ((size_t)8 << 10)
#define AGENT_RULES_MAX ((size_t)50000)

/* Parts of a browser or an operating system: family, major, minor, patch, patch minor; of a device:
 * family, brand, model. */
#define AGENT_PARTS 5

struct agent_rule {
    struct str regex;
    bool nocase;
    /* uap-core: templates with $1..$9; ptr is NULL where the rule has none. A bot's name is [0]. */
    struct str parts[AGENT_PARTS];
    /* Kind of a bot (of a crawler by its tags), class of a device; else "". */
    struct str kind;
};

/* schema/device_classes.txt: what a device is by its operating system alone. */
struct agent_os_class {
    struct str os, class;
};

struct agent_rules {
    struct arena strings;
    struct agent_rule *rules; /* all lists, one after the other, each in the order of its file */
    size_t len;
    size_t first[AGENT_LISTS + 1]; /* list l is rules[first[l]] .. rules[first[l + 1] - 1] */
    VEC(struct agent_os_class) os_classes;
};

/* *ret is to be released after an error as well. ERR_NOTFOUND, ERR_IO, ERR_TOOBIG, ERR_CORRUPT. */
MUSTCHECK int agent_rules_read(const struct agent_files *files, struct agent_rules *ret,
                               struct err *err);
void agent_rules_release(struct agent_rules *r);

#endif

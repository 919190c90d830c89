/* The rules behind agent.h as they stand in their files: five ordered lists of regular expressions.
 * Formats: uap-core's docs/specification.md; crawler-user-agents' README (an array of objects with
 * `pattern`); schema/clients.txt says its own. Nothing here is compiled. */
#ifndef CASK_AGENT_RULES_H
#define CASK_AGENT_RULES_H

#include "base/arena.h"
#include "base/err.h"

enum agent_list { AGENT_BROWSER, AGENT_OS, AGENT_DEVICE, AGENT_CRAWLER, AGENT_CLIENT, AGENT_LISTS };

/* Limits on what is read; the files of 2026 have 200 kB, 550 kB and 3 kB. */
#define AGENT_FILE_BYTES ((size_t)16 << 20)
#define AGENT_REGEX_BYTES ((size_t)8 << 10)
#define AGENT_RULES_MAX ((size_t)50000)

struct agent_rule {
    struct str regex;
    bool nocase;
    /* Templates with $1..$9; ptr is NULL where the rule has none and the match's own group counts.
     */
    struct str family, major, minor;
};

struct agent_rules {
    struct arena strings;
    struct agent_rule *rules; /* all lists, one after the other, each in the order of its file */
    size_t len;
    size_t first[AGENT_LISTS + 1]; /* list l is rules[first[l]] .. rules[first[l + 1] - 1] */
};

/* *ret is to be released after an error as well. ERR_NOTFOUND, ERR_IO, ERR_TOOBIG, ERR_CORRUPT. */
MUSTCHECK int agent_rules_read(const char *regexes, const char *crawlers, const char *clients,
                               struct agent_rules *ret, struct err *err);
void agent_rules_release(struct agent_rules *r);

#endif

/* User agents: browser, operating system and device by uap-core's regexes.yaml with its reference
 * semantics (docs/specification.md of uap-core: first match of each list wins, replacements with
 * $1..$9), refined by client hints; class of the device; bots, their kind and name
 * (docs/definitions.md, "Agents"). A cache makes a repeated agent nearly free. One table a thread.
 *
 * What is looked up is a *key*: the raw agent, and behind it the client hints where there are any.
 * The visitor number is made of the same key, so that everything decided here is a function of the
 * visitor (docs/decisions.md D5). */
#ifndef CASK_AGENT_H
#define CASK_AGENT_H

#include "base/err.h"
#include "base/str.h"

struct agent_info {
    struct str browser;         /* family, "Other" when unknown */
    struct str browser_version; /* "major.minor", "major" or "" */
    struct str os;              /* family, "Other" when unknown */
    struct str os_version;      /* "major[.minor[.patch]]" or "" */
    struct str device;          /* family, "Other" when unknown, "Spider" for uap-core's spiders */
    struct str device_brand, device_model; /* "" when unknown */
    struct str device_class;               /* a section of schema/device_classes.txt */
    bool bot; /* uap-core's spider or a crawler-user-agents match, and not a download or library
                 client */
    struct str bot_kind; /* a section of schema/bots.txt, "" for those that are none */
    struct str bot_name; /* "" for those that are none */
};

/* All strings of an answer: X(field). */
#define AGENT_STRINGS(X)                                                                           \
    X(browser)                                                                                     \
    X(browser_version)                                                                             \
    X(os)                                                                                          \
    X(os_version)                                                                                  \
    X(device)                                                                                      \
    X(device_brand)                                                                                \
    X(device_model)                                                                                \
    X(device_class)                                                                                \
    X(bot_kind)                                                                                    \
    X(bot_name)

/* Client hints as logged, quotes and all: Sec-CH-UA, -Mobile, -Platform, -Platform-Version, -Model
 * (W3C "User-Agent Client Hints"). "" for those that are not there. */
struct agent_hints {
    struct str brands, mobile, platform, platform_version, model;
};

#define AGENT_HINT_BYTES ((size_t)256) /* a longer hint is cut */

/* The agent itself where no hint says anything: no allocation, no copy. Else a text in `scratch`,
 * valid until its next change. */
struct str agent_key(struct buf *scratch, struct str agent, const struct agent_hints *hints);

struct agent_table;

/* Where the lists are: uap-core's regexes.yaml, crawler-user-agents.json, and those of schema/. */
struct agent_files {
    const char *regexes, *crawlers, *clients, *bots, *classes;
};

/* Patterns are compiled lazily. ERR_NOTFOUND, ERR_IO, ERR_TOOBIG, ERR_CORRUPT (names file and
 * entry). */
MUSTCHECK int agent_table_new(const struct agent_files *files, struct agent_table **ret,
                              struct err *err);
/* With the program's own files (base/paths.h). */
MUSTCHECK int agent_table_open(struct agent_table **ret, struct err *err);
void agent_table_free(struct agent_table *t);

/* Never fails: a key over LIMIT_STRING_BYTES is looked up by its first bytes, a pattern that goes
 * over PCRE2's match limit does not match (counted). Valid until the next look-up; its strings live
 * until agent_table_trim(). */
const struct agent_info *agent_lookup(struct agent_table *t, struct str key);

/* Called between batches: forgets the longest unused agents when there are too many. */
void agent_table_trim(struct agent_table *t);

struct agent_counts {
    uint64_t lookups, misses, match_limits;
};
struct agent_counts agent_table_counts(const struct agent_table *t);

#endif

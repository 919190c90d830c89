/* User agents: browser, version, OS, device by uap-core's regexes.yaml with its reference semantics
 * (docs/specification.md of uap-core: first match of each list wins, replacements with $1..$9), and
 * bots (docs/definitions.md). A cache makes a repeated agent nearly free. One table per thread. */
#ifndef CASK_AGENT_H
#define CASK_AGENT_H

#include "base/err.h"
#include "base/str.h"

struct agent_info {
    struct str browser;         /* family, "Other" when unknown */
    struct str browser_version; /* "major.minor", "major" or "" */
    struct str os;              /* family, "Other" when unknown */
    struct str device;          /* family, "Other" when unknown, "Spider" for uap-core's spiders */
    bool bot; /* uap-core's spider or a crawler-user-agents match, and not a download or library
                 client */
};

struct agent_table;

/* Paths of regexes.yaml, crawler-user-agents.json and schema/clients.txt. Patterns are compiled
 * lazily. ERR_NOTFOUND, ERR_IO, ERR_CORRUPT (names file and entry). */
MUSTCHECK int agent_table_new(const char *regexes, const char *crawlers, const char *clients,
                              struct agent_table **ret, struct err *err);
void agent_table_free(struct agent_table *t);

/* Never fails: an agent over LIMIT_STRING_BYTES is looked up by its first bytes, a pattern that
 * goes over PCRE2's match limit does not match (counted). Valid until agent_table_trim(). */
const struct agent_info *agent_lookup(struct agent_table *t, struct str agent);

/* Called between batches: drops the cache when it holds more than its cap. */
void agent_table_trim(struct agent_table *t);

struct agent_counts {
    uint64_t lookups, misses, match_limits;
};
struct agent_counts agent_table_counts(const struct agent_table *t);

#endif

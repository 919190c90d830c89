/* Channels: where a visit came from in one word, by the rules of schema/channels.def and the lists
 * of schema/campaigns.def and schema/referrers.def (docs/definitions.md). */
#ifndef CASK_CHANNEL_H
#define CASK_CHANNEL_H

#include "base/str.h"

enum channel {
    CHANNEL_NONE, /* a rule that does not decide */
#define CHANNEL(name, text) CHANNEL_##name,
#define CHANNEL_RULE(rule, text)
#include "channels.def"
#undef CHANNEL
#undef CHANNEL_RULE
    CHANNEL_COUNT
};

struct channels;

/* `spam`: domains that are spam beside those of the list. */
struct channels *channels_new(char *const *spam, size_t n_spam);
void channels_free(struct channels *c);

/* Number of a click id's parameter ("gclid"), 0 if the name is none; and its name. */
uint8_t channels_click_id(const struct channels *c, struct str parameter);
struct str channels_click_name(uint8_t click_id);

/* What is known about a page view. "" and 0: nothing. */
struct channel_facts {
    struct str referrer;     /* as logged */
    struct str domain;       /* its host in lower case without "www." */
    struct str site, server; /* names of the site, and of its server in the line */
    struct str utm_source, utm_medium;
    uint8_t click_id;
    bool tagged; /* has any UTM parameter */
};
/* Allocates nothing. */
enum channel channels_find(const struct channels *c, const struct channel_facts *facts);
struct str channel_name(enum channel channel);

static inline struct str without_www(struct str host) {
    bool is_www = host.len > 4 && str_eq_nocase(str_of(host.ptr, 4), STR("www."));
    return is_www ? str_skip(host, 4) : host;
}

/* What the list of domains says (spam, search, ...); CHANNEL_NONE for any other. */
enum channel channels_of_domain(const struct channels *c, struct str domain);

#endif

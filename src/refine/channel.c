#include "refine/channel.h"

#include "refine/names.h"
#include <stdlib.h>

struct channels {
    struct names mediums, sources, clicks;
    struct names domains; /* by their whole name */
    struct names stems;   /* rows "name.*", without the star and its dot */
};

static const struct {
    struct str parameter;
    enum channel channel;
} clicks[] = {
    {{"", 0}, CHANNEL_NONE},
#define MEDIUM(channel, word)
#define SOURCE(channel, word)
#define CLICK_ID(channel, word) {{word, sizeof word - 1}, CHANNEL_##channel},
#include "campaigns.def"
#undef MEDIUM
#undef SOURCE
#undef CLICK_ID
};
static_assert(ARRAY_LEN(clicks) <= UINT8_MAX, "numbers of click ids are bytes");

static void add_domain(struct channels *c, struct str domain, enum channel channel) {
    struct str star = STR(".*");
    if (domain.len > star.len && str_eq(str_skip(domain, domain.len - star.len), star))
        names_add(&c->stems, str_of(domain.ptr, domain.len - star.len), (uint8_t)channel);
    else
        names_add(&c->domains, domain, (uint8_t)channel);
}

struct channels *channels_new(char *const *spam, size_t n_spam) {
    struct channels *c = xcalloc(1, sizeof *c);
    for (size_t i = 0; i < n_spam; i++) /* before the list, so that they win */
        names_add(&c->domains, str_from(spam[i]), CHANNEL_spam);
#define REFERRER(channel, domain) add_domain(c, STR(domain), CHANNEL_##channel);
#include "referrers.def"
#undef REFERRER
#define MEDIUM(channel, word) names_add(&c->mediums, STR(word), CHANNEL_##channel);
#define SOURCE(channel, word) names_add(&c->sources, STR(word), CHANNEL_##channel);
#define CLICK_ID(channel, word)
#include "campaigns.def"
#undef MEDIUM
#undef SOURCE
#undef CLICK_ID
    for (size_t i = 1; i < ARRAY_LEN(clicks); i++)
        names_add(&c->clicks, clicks[i].parameter, (uint8_t)i);
    return c;
}

void channels_free(struct channels *c) {
    if (c == NULL)
        return;
    names_release(&c->mediums);
    names_release(&c->sources);
    names_release(&c->clicks);
    names_release(&c->domains);
    names_release(&c->stems);
    free(c);
}

uint8_t channels_click_id(const struct channels *c, struct str parameter) {
    return names_find(&c->clicks, parameter);
}

struct str channels_click_name(uint8_t click_id) {
    assert(click_id < ARRAY_LEN(clicks));
    return clicks[click_id].parameter;
}

/* --- domains ------------------------------------------------------------------------------- */

/* Takes the last label off; false when there is only one. */
static bool take_last_label(struct str *domain, struct str *ret_label) {
    const char *dot = memrchr(domain->ptr, '.', domain->len);
    if (dot == NULL)
        return false;
    size_t at = (size_t)(dot - domain->ptr);
    *ret_label = str_skip(*domain, at + 1);
    domain->len = at;
    return true;
}

/* "google.co.uk" -> "google": without com, net, org, a country, or co or com and a country. "" if
 * it ends otherwise. */
static struct str stem_of(struct str domain) {
    struct str label;
    if (domain.len == 0 || !take_last_label(&domain, &label))
        return STR("");
    if (label.len != 2)
        return str_eq_nocase(label, STR("com")) || str_eq_nocase(label, STR("net")) ||
                       str_eq_nocase(label, STR("org"))
                   ? domain
                   : STR("");
    struct str shorter = domain;
    if (take_last_label(&shorter, &label) &&
        (str_eq_nocase(label, STR("co")) || str_eq_nocase(label, STR("com"))))
        return shorter;
    return domain;
}

enum channel channels_of_domain(const struct channels *c, struct str domain) {
    struct str stem = stem_of(domain);
    while (domain.len > 0) {
        uint8_t found = names_find(&c->domains, domain);
        if (found == 0)
            found = names_find(&c->stems, stem);
        if (found != 0)
            return (enum channel)found;
        size_t dot;
        if (!str_find(domain, '.', &dot))
            break;
        domain = str_skip(domain, dot + 1);
        stem = dot < stem.len ? str_skip(stem, dot + 1) : STR("");
    }
    return CHANNEL_NONE;
}

/* --- rules --------------------------------------------------------------------------------- */

/* The facts, and what the lists say about them. */
struct look {
    const struct channel_facts *facts;
    enum channel medium, source, click;
    enum channel referrer; /* of the site's own pages: none */
    bool own;
};

/* "google", "chatgpt.com", "www.facebook.com". */
static enum channel channel_of_source(const struct channels *c, struct str source) {
    size_t dot;
    if (str_find(source, '.', &dot))
        return channels_of_domain(c, without_www(source));
    return (enum channel)names_find(&c->sources, source);
}

static bool is_paid(enum channel c) {
    return c == CHANNEL_paid || c == CHANNEL_paid_search || c == CHANNEL_paid_social;
}

static enum channel by_spam(const struct look *l) {
    return l->referrer == CHANNEL_spam ? CHANNEL_spam : CHANNEL_NONE;
}

/* A medium or a click id that says only "paid" is told apart by where it was shown. */
static enum channel by_payment(const struct look *l) {
    const enum channel said[] = {l->medium, l->click, l->source, l->referrer};
    if (!is_paid(l->medium) && !is_paid(l->click))
        return CHANNEL_NONE;
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (said[i] == CHANNEL_search || said[i] == CHANNEL_paid_search)
            return CHANNEL_paid_search;
        if (said[i] == CHANNEL_social || said[i] == CHANNEL_paid_social)
            return CHANNEL_paid_social;
    }
    return CHANNEL_paid;
}

static enum channel by_medium(const struct look *l) { return l->medium; }
static enum channel by_source(const struct look *l) { return l->source; }
static enum channel by_click(const struct look *l) { return l->click; }
static enum channel by_referrer(const struct look *l) { return l->referrer; }
static enum channel by_tags(const struct look *l) {
    return l->facts->tagged ? CHANNEL_campaign : CHANNEL_NONE;
}
static enum channel by_site(const struct look *l) {
    return l->own ? CHANNEL_internal : CHANNEL_NONE;
}
static enum channel by_nothing(const struct look *l) {
    return l->facts->referrer.len == 0 ? CHANNEL_direct : CHANNEL_NONE;
}
static enum channel by_default(const struct look *l) {
    UNUSED(l);
    return CHANNEL_referral;
}

static enum channel (*const rules[])(const struct look *l) = {
#define CHANNEL(name, text)
#define CHANNEL_RULE(rule, text) rule,
#include "channels.def"
#undef CHANNEL
#undef CHANNEL_RULE
};

enum channel channels_find(const struct channels *c, const struct channel_facts *facts) {
    struct look look = {.facts = facts,
                        .medium = (enum channel)names_find(&c->mediums, facts->utm_medium),
                        .source = channel_of_source(c, facts->utm_source),
                        .click = clicks[facts->click_id].channel};
    look.own = facts->domain.len > 0 && (str_eq_nocase(facts->domain, without_www(facts->site)) ||
                                         str_eq_nocase(facts->domain, without_www(facts->server)));
    if (!look.own)
        look.referrer = channels_of_domain(c, facts->domain);
    enum channel found = CHANNEL_NONE;
    for (size_t i = 0; i < ARRAY_LEN(rules) && found == CHANNEL_NONE; i++)
        found = rules[i](&look);
    assert(found != CHANNEL_NONE);
    return found;
}

struct str channel_name(enum channel channel) {
    static const struct str names[] = {
        [CHANNEL_NONE] = {"", 0},
#define CHANNEL(name, text) [CHANNEL_##name] = {#name, sizeof #name - 1},
#define CHANNEL_RULE(rule, text)
#include "channels.def"
#undef CHANNEL
#undef CHANNEL_RULE
    };
    assert(channel < CHANNEL_COUNT);
    return names[channel];
}

/* Referrer and target of a request, as logs bring them: "SITE\nREFERRER\nTARGET". What comes out is
 * whole: no null string, nothing over its limit, a channel that is known. Exclusions look at the
 * same bytes. */
#include <stdlib.h>

#include "refine/exclude.h"
#include "refine/referrer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

static bool is_channel(struct str name) {
    for (int c = 1; c < CHANNEL_COUNT; c++)
        if (str_eq(name, channel_name((enum channel)c)))
            return true;
    return false;
}

static void check_exclusions(struct str site, struct str referrer, struct str target) {
    static char *addresses[] = {"192.0.2.0/24", "2001:db8::/32"}, *patterns[] = {"/a*b*", "*.php"};
    static const struct config_exclude rules[] = {{.addresses = addresses,
                                                   .n_addresses = ARRAY_LEN(addresses),
                                                   .paths = patterns,
                                                   .n_paths = ARRAY_LEN(patterns),
                                                   .hosts = patterns,
                                                   .n_hosts = ARRAY_LEN(patterns),
                                                   .agents = patterns,
                                                   .n_agents = ARRAY_LEN(patterns)}};
    static struct exclusions *exclusions;
    if (exclusions == NULL && exclusions_new(rules, ARRAY_LEN(rules), &exclusions, NULL) != 0)
        abort();
    const struct fields fields = {.host = site, .vhost = site, .target = target, .agent = referrer};
    enum reason reason = exclusions_find(exclusions, site, &fields);
    check(reason == REASON_NONE || reason_is_exclusion(reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct channels *channels;
    static struct arena scratch;
    static char *spam[] = {"casino.example"};
    if (channels == NULL)
        channels = channels_new(spam, ARRAY_LEN(spam));
    struct str rest = str_of((const char *)data, size), site = STR(""), referrer = STR("");
    (void)str_split(&rest, '\n', &site);
    (void)str_split(&rest, '\n', &referrer);
    struct origin o = origin_of(channels, referrer, rest, site, referrer, &scratch);
    const struct str utm[] = {o.utm_source, o.utm_medium, o.utm_campaign, o.utm_term,
                              o.utm_content};
    for (size_t i = 0; i < ARRAY_LEN(utm); i++)
        check(utm[i].ptr != NULL && utm[i].len <= UTM_BYTES);
    check(o.domain.ptr != NULL && o.domain.len <= 255 && o.click_id.ptr != NULL);
    check(is_channel(o.channel));
    check_exclusions(site, referrer, rest);
    arena_reset(&scratch);
    return 0;
}

#include "support/unit.h"

#include "refine/exclude.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct exclusions *exclusions_of(const struct config_exclude *rules, size_t n) {
    struct exclusions *e = NULL;
    struct err err = {0};
    assert_ok(exclusions_new(rules, n, &e, &err), err);
    return e;
}

static enum reason of(const struct exclusions *e, const char *host, const char *target,
                      const char *vhost, const char *agent) {
    const struct fields fields = {.host = str_from(host),
                                  .target = str_from(target),
                                  .vhost = str_from(vhost),
                                  .agent = str_from(agent)};
    return exclusions_find(e, STR("a.example"), &fields);
}

static void exclude__nothing_by_default(void **state) {
    UNUSED(state);
    struct exclusions *e = exclusions_of(NULL, 0);
    assert_null(e);
    assert_int_equal(of(e, "192.0.2.1", "/", "", ""), REASON_NONE);
    exclusions_free(e);
}

static void exclude__each_list_has_its_reason(void **state) {
    UNUSED(state);
    static char *addresses[] = {"192.0.2.0/24", "2001:db8::/32", "192.0.2.128/25"};
    static char *paths[] = {"/health", "/in/*", "*.php", "/a*b*c"};
    static char *hosts[] = {"staging.example", "*.Test.example"};
    static char *agents[] = {"uptimeRobot", "x"};
    const struct config_exclude rule = {.addresses = addresses,
                                        .n_addresses = ARRAY_LEN(addresses),
                                        .paths = paths,
                                        .n_paths = ARRAY_LEN(paths),
                                        .hosts = hosts,
                                        .n_hosts = ARRAY_LEN(hosts),
                                        .agents = agents,
                                        .n_agents = ARRAY_LEN(agents)};
    struct exclusions *e = exclusions_of(&rule, 1);
    assert_int_equal(of(e, "192.0.2.200", "/", "", ""), REASON_excluded_address);
    assert_int_equal(of(e, "192.0.2.1", "/", "", ""), REASON_excluded_address);
    assert_int_equal(of(e, "192.0.3.1", "/", "", ""), REASON_NONE);
    assert_int_equal(of(e, "192.0.2.1.example", "/", "", ""), REASON_NONE); /* a host name */
    assert_int_equal(of(e, "h", "/health", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/health?a=/b", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/health/", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/Health", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/in/a/b", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/in/", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/in", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/wp-login.php", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/x.php/y", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/y?x.php", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/abc", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/aXbbYcc", "", ""), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/aXcYb", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/", "Staging.Example", ""), REASON_excluded_host);
    assert_int_equal(of(e, "h", "/", "a.test.example", ""), REASON_excluded_host);
    assert_int_equal(of(e, "h", "/", "test.example", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/", "", "Mozilla (UptimeRobot/2.0)"), REASON_excluded_agent);
    assert_int_equal(of(e, "h", "/", "", "x"), REASON_excluded_agent);
    assert_int_equal(of(e, "h", "/", "", "Uptime"), REASON_NONE);
    assert_int_equal(of(e, "192.0.2.1", "/health", "staging.example", "x"),
                     REASON_excluded_address); /* the first of reasons.def */
    exclusions_free(e);
}

static void exclude__a_request_that_is_none_has_no_path(void **state) {
    UNUSED(state);
    static char *paths[] = {"*"};
    const struct config_exclude rule = {.paths = paths, .n_paths = 1};
    struct exclusions *e = exclusions_of(&rule, 1);
    assert_int_equal(of(e, "h", "", "", ""), REASON_NONE);
    assert_int_equal(of(e, "h", "/", "", ""), REASON_excluded_path);
    exclusions_free(e);
}

static void exclude__rules_may_be_of_some_sites(void **state) {
    UNUSED(state);
    static char *other[] = {"b.example", "c.example"}, *own[] = {"a.example"};
    static char *agents[] = {"one"}, *paths[] = {"/two"}, *any[] = {"/three"};
    const struct config_exclude rules[] = {
        {.sites = other, .n_sites = 2, .agents = agents, .n_agents = 1},
        {.sites = own, .n_sites = 1, .paths = paths, .n_paths = 1},
        {.paths = any, .n_paths = 1}};
    struct exclusions *e = exclusions_of(rules, ARRAY_LEN(rules));
    assert_int_equal(of(e, "h", "/", "", "one"), REASON_NONE);
    assert_int_equal(of(e, "h", "/two", "", "one"), REASON_excluded_path);
    assert_int_equal(of(e, "h", "/three", "", ""), REASON_excluded_path);
    assert_true(reason_is_exclusion(REASON_excluded_path) && !reason_is_exclusion(REASON_empty) &&
                !reason_is_exclusion(REASON_NONE));
    exclusions_free(e);
}

static void exclude__a_range_that_is_none_is_named(void **state) {
    UNUSED(state);
    static char *addresses[] = {"192.0.2.0/24", "192.0.2.0/240"};
    const struct config_exclude rule = {.addresses = addresses, .n_addresses = 2};
    struct exclusions *e = NULL;
    struct err err = {0};
    assert_int_equal(exclusions_new(&rule, 1, &e, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "192.0.2.0/240"));
    assert_null(e);
}

/* --- property: the table against a comparison of bits ----------------------------------------- */

struct made {
    unsigned char bytes[16];
    unsigned size, bits; /* bytes of the address; of the prefix */
};

static void write_text(const struct made *m, bool with_bits, char *to, size_t n) {
    const unsigned char *b = m->bytes;
    size_t len;
    if (m->size == 4) {
        len = (size_t)snprintf(to, n, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    } else {
        len = 0;
        for (size_t i = 0; i < 16; i += 2)
            len += (size_t)snprintf(to + len, n - len, "%s%x", i ? ":" : "",
                                    (unsigned)b[i] << 8 | b[i + 1]);
    }
    if (with_bits)
        snprintf(to + len, n - len, "/%u", m->bits);
}

static bool shares_bits(const struct made *range, const struct made *address) {
    if (range->size != address->size)
        return false;
    for (unsigned i = 0; i < range->bits; i++)
        if ((range->bytes[i / 8] ^ address->bytes[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

/* Few different bytes, so that ranges overlap and addresses fall into them. Never IPv4-mapped. */
static struct made make(void) {
    static const unsigned char some[] = {0, 1, 127, 128, 254, 255};
    struct made m = {.size = rand() % 2 ? 4 : 16};
    m.bits = (unsigned)rand() % (8 * m.size + 1);
    for (size_t i = 0; i < m.size; i++)
        m.bytes[i] = some[(size_t)rand() % ARRAY_LEN(some)];
    if (m.size == 16)
        m.bytes[0] = m.bytes[0] | 1;
    return m;
}

static void exclude__ranges_hold_what_a_comparison_of_bits_says(void **state) {
    UNUSED(state);
    srand((unsigned)unit_seed());
    size_t found = 0, asked = 0;
    for (int round = 0; round < 300; round++) {
        struct made ranges[40];
        char texts[40][64], *pointers[40];
        size_t n = (size_t)rand() % 41;
        for (size_t i = 0; i < n; i++) {
            ranges[i] = make();
            ranges[i].bits = ranges[i].bits < 6 && rand() % 8 ? 6 : ranges[i].bits;
            write_text(&ranges[i], true, texts[i], sizeof texts[i]);
            pointers[i] = texts[i];
        }
        const struct config_exclude rule = {.addresses = pointers, .n_addresses = n};
        struct exclusions *e = exclusions_of(&rule, 1);
        for (int k = 0; k < 200; k++, asked++) {
            struct made address = make();
            if (n > 0 && rand() % 2) { /* at the edge of a range */
                address = ranges[(size_t)rand() % n];
                for (unsigned i = address.bits; i < 8 * address.size; i++)
                    if (k % 2)
                        address.bytes[i / 8] |= (unsigned char)(0x80 >> i % 8);
                    else
                        address.bytes[i / 8] &= (unsigned char)~(0x80 >> i % 8);
            }
            bool expected = false;
            for (size_t i = 0; i < n; i++)
                expected = expected || shares_bits(&ranges[i], &address);
            char text[64];
            write_text(&address, false, text, sizeof text);
            if ((of(e, text, "/", "", "") == REASON_excluded_address) != expected)
                fail_msg("%s in %zu ranges: expected %d", text, n, expected);
            found += expected;
        }
        exclusions_free(e);
    }
    assert_true(found > asked / 10 && found < asked);
}

UNIT_MAIN(unit_test(exclude__nothing_by_default), unit_test(exclude__each_list_has_its_reason),
          unit_test(exclude__a_request_that_is_none_has_no_path),
          unit_test(exclude__rules_may_be_of_some_sites),
          unit_test(exclude__a_range_that_is_none_is_named),
          unit_test(exclude__ranges_hold_what_a_comparison_of_bits_says))

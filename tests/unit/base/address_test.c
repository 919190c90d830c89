#include "support/unit.h"

#include "base/address.h"

static bool in(const char *range, const char *address) {
    struct address_range r;
    struct address a;
    if (!address_range_parse(str_from(range), &r))
        fail_msg("no range: %s", range);
    return address_parse(str_from(address), &a) && address_cmp(&r.first, &a) <= 0 &&
           address_cmp(&a, &r.last) <= 0;
}

static void address__ranges_hold_their_addresses(void **state) {
    UNUSED(state);
    assert_true(in("192.0.2.0/24", "192.0.2.0"));
    assert_true(in("192.0.2.0/24", "192.0.2.255"));
    assert_false(in("192.0.2.0/24", "192.0.1.255"));
    assert_false(in("192.0.2.0/24", "192.0.3.0"));
    assert_true(in("192.0.2.77/24", "192.0.2.1")); /* bits behind the prefix do not count */
    assert_true(in("192.0.2.7", "192.0.2.7"));
    assert_false(in("192.0.2.7", "192.0.2.8"));
    assert_true(in("192.0.2.7/32", "192.0.2.7"));
    assert_true(in("0.0.0.0/0", "255.255.255.255"));
    assert_false(in("0.0.0.0/0", "::1"));
    assert_true(in("10.64.0.0/10", "10.127.255.255"));
    assert_false(in("10.64.0.0/10", "10.128.0.0"));
    assert_true(in("2001:db8::/32", "2001:DB8:ffff::1"));
    assert_false(in("2001:db8::/32", "2001:db9::"));
    assert_true(in("2001:db8::/33", "2001:db8:7fff::"));
    assert_false(in("2001:db8::/33", "2001:db8:8000::"));
    assert_true(in("::1", "::1"));
    assert_true(in("::/0", "ffff::"));
    assert_false(in("::/0", "192.0.2.1"));
    assert_true(in("fe80::/10", "fe80::1%eth0"));
    assert_true(in("2001:db8::/32", "[2001:db8::1]"));
    assert_true(in("192.0.2.0/24", "::ffff:192.0.2.1")); /* IPv4-mapped */
    assert_true(in("::ffff:192.0.2.0/120", "192.0.2.1"));
    assert_false(in("::ffff:192.0.2.0/120", "192.0.3.1"));
}

static void port__stands_behind_the_last_colon(void **state) {
    UNUSED(state);
    static const struct {
        const char *text, *host; /* NULL: refused */
        unsigned port;
    } rows[] = {{"127.0.0.1:8080", "127.0.0.1", 8080},
                {"[::1]:0", "::1", 0},
                {":65535", "", 65535},
                {"stats.example.org:80", "stats.example.org", 80},
                {"127.0.0.1:65536", NULL, 0},
                {"127.0.0.1:99999", NULL, 0},
                {"127.0.0.1:", NULL, 0},
                {"127.0.0.1", NULL, 0},
                {"::1:80", NULL, 0},
                {"[::1]", NULL, 0},
                {"127.0.0.1:-1", NULL, 0},
                {"127.0.0.1:http", NULL, 0},
                {"", NULL, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str host = STR("");
        uint16_t port = 0;
        bool good = address_split_port(str_from(rows[i].text), &host, &port);
        if (good != (rows[i].host != NULL) || (good && !str_is(host, rows[i].host)) ||
            port != rows[i].port)
            fail_msg("%s", rows[i].text);
    }
}

static void address__what_is_no_address_is_refused(void **state) {
    UNUSED(state);
    static const char *const addresses[] = {
        "",     "host.example", "192.0.2",  "192.0.2.256", "1.2.3.4.5", "[::1",
        "::1]", ":::",          "1.2.3.4 ", "-",           "12345::"};
    static const char *const ranges[] = {
        "192.0.2.0/33", "192.0.2.0/",     "/24",       "192.0.2.0/-1",      "::/129",    "a/24",
        "::/a",         "192.0.2.0/24/8", "192.0.2.*", "::ffff:1.2.3.4/24", "1.2.3.4/ 8"};
    struct address a;
    struct address_range r;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (address_parse(str_from(addresses[i]), &a) ||
            address_range_parse(str_from(addresses[i]), &r))
            fail_msg("%s", addresses[i]);
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (address_range_parse(str_from(ranges[i]), &r))
            fail_msg("%s", ranges[i]);
    assert_false(address_parse(STR("1.2.3.4\0"), &a));
}

UNIT_MAIN(unit_test(address__ranges_hold_their_addresses),
          unit_test(port__stands_behind_the_last_colon),
          unit_test(address__what_is_no_address_is_refused))

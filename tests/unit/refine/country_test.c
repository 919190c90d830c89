#include "support/unit.h"

#include "base/fs.h"
#include "base/paths.h"
#include "refine/country.h"
#include <time.h>
#include <unistd.h>

static struct country *open_shipped(void) {
    struct err err;
    struct buf path = {0};
    struct country *c;
    assert_ok(paths_find(FILE_COUNTRY, &path, &err), err);
    assert_ok(country_open(buf_cstr(&path), &c, &err), err);
    buf_release(&path);
    return c;
}

/* Expected codes are what mmdblookup prints; the address blocks are of long-standing owners, so
 * that a newer database does not change them. */
static void country__addresses_have_the_countries_of_the_database(void **state) {
    static const struct {
        const char *host, *code;
    } cases[] = {
        {"8.8.8.8", "US"},
        {"193.0.6.139", "NL"},
        {"133.11.93.1", "JP"},
        {"200.160.2.3", "BR"},
        {"196.216.2.1", "ZA"},
        {"1.1.1.1", "AU"},
        {"141.20.1.1", "DE"},
        {"2001:4860:4860::8888", "US"},
        {"2001:67C:2E8:22::C100:68B", "NL"},
        {"[2a02:2e0:3fe:1001:302::]", "DE"},
        {"::ffff:8.8.8.8", "US"},
        {"::FFFF:c100:68b", "NL"},
    };
    UNUSED(state);
    struct country *c = open_shipped();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_str(country_lookup(c, str_from(cases[i].host)), cases[i].code);
    country_close(c);
}

#define PLACES 60
#define NEIGHBOURS 50
/* What was found for a wide network is remembered: neighbours that are asked before an address do
 * not change what it gets. */
static void country__does_not_depend_on_what_was_asked_before(void **state) {
    UNUSED(state);
    srand((unsigned)unit_seed());
    struct country *asked = open_shipped();
    for (size_t i = 0; i < PLACES; i++) {
        unsigned net = (unsigned)rand() % 223 + 1, part = (unsigned)rand() % 256;
        for (size_t j = 0; j < NEIGHBOURS; j++) {
            char host[32];
            snprintf(host, sizeof host, "%u.%u.%u.%u", net, part, (unsigned)rand() % 256,
                     (unsigned)rand() % 256);
            struct str first = country_lookup(asked, str_from(host));
            struct str second = country_lookup(asked, str_from(host));
            struct country *alone = open_shipped();
            struct str expected = country_lookup(alone, str_from(host));
            if (!str_eq(first, expected) || !str_eq(second, expected))
                fail_msg("%s: " STR_FMT " and " STR_FMT ", alone " STR_FMT, host, STR_ARG(first),
                         STR_ARG(second), STR_ARG(expected));
            country_close(alone);
        }
    }
    country_close(asked);
}

static void country__names_and_private_addresses_have_none(void **state) {
    static const char *const hosts[] = {
        "",
        "-",
        "example.org",
        "8.8.8",
        "8.8.8.8.8",
        "8.8.8.8 ",
        "08.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "::ffff:172.16.0.1",
        "100.64.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.1.1",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::",
        "0.0.0.0",
        "255.255.255.255",
        "[",
        "[]",
        "%",
        "[::1",
        "2001:4860:4860:0:0:0:0:8888:1",
        "1234567890123456789012345678901234567890123456789012345",
    };
    UNUSED(state);
    struct country *c = open_shipped();
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        assert_str(country_lookup(c, str_from(hosts[i])), "");
    assert_str(country_lookup(c, (struct str){NULL, 0}), "");
    assert_str(country_lookup(c, str_of("8.8.8.8\0", 8)), "");
    assert_str(country_lookup(c, str_of("8.8.8.89", 7)), "US");
    country_close(c);
}

static void add_word(struct buf *b, const char *word) {
    buf_add_char(b, (char)(0x40 | strlen(word)));
    buf_add_cstr(b, word);
}

/* A key and an unsigned 16-bit number. */
static void add_number(struct buf *b, const char *key, unsigned char value) {
    add_word(b, key);
    buf_add(b, (const unsigned char[]){0xa1, value}, 2);
}

/* The smallest MaxMind DB file (maxmind-db.github.io, format 2.0): one node, both sides of which
 * lead to the data {"country": {"iso_code": CODE}}. */
static void write_nested(const char *path, const char *code) {
    struct err err;
    struct buf b = {0};
    buf_add(&b, (const unsigned char[]){0, 0, 17, 0, 0, 17}, 6);
    buf_add(&b, (const char[16]){0}, 16);
    buf_add_char(&b, (char)0xe1);
    add_word(&b, "country");
    buf_add_char(&b, (char)0xe1);
    add_word(&b, "iso_code");
    add_word(&b, code);
    buf_add_cstr(&b, "\xab\xcd\xefMaxMind.com");
    buf_add_char(&b, (char)0xe9);
    add_number(&b, "binary_format_major_version", 2);
    add_number(&b, "binary_format_minor_version", 0);
    add_number(&b, "ip_version", 4);
    add_number(&b, "record_size", 24);
    add_word(&b, "node_count");
    buf_add(&b, (const unsigned char[]){0xc1, 1}, 2);
    add_word(&b, "build_epoch");
    buf_add(&b, (const unsigned char[]){0x01, 0x02, 1}, 3);
    add_word(&b, "database_type");
    add_word(&b, "test");
    add_word(&b, "languages");
    buf_add(&b, (const unsigned char[]){0x00, 0x04}, 2);
    add_word(&b, "description");
    buf_add_char(&b, (char)0xe0);
    assert_ok(fs_replace_file(path, buf_str(&b), 0600, &err), err);
    buf_release(&b);
}

static void country__the_nested_field_is_read_where_there_is_no_flat_one(void **state) {
    UNUSED(state);
    struct err err;
    struct country *c;
    char dir[] = "/tmp/country_test.XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/nested.mmdb", dir);
    write_nested(path, "FR");
    assert_ok(country_open(path, &c, &err), err);
    assert_str(country_lookup(c, STR("192.0.2.1")), "FR");
    assert_str(country_lookup(c, STR("::ffff:192.0.2.1")), "FR");
    assert_str(country_lookup(c, STR("2001:db8::1")), ""); /* the database has IPv4 only */
    country_close(c);
    write_nested(path, "FRA"); /* no two-letter code */
    assert_ok(country_open(path, &c, &err), err);
    assert_str(country_lookup(c, STR("192.0.2.1")), "");
    country_close(c);
    unlink(path);
    rmdir(dir);
}

static void country__what_is_no_database_is_told_apart_from_what_is_not_there(void **state) {
    UNUSED(state);
    struct err err;
    struct country *c;
    assert_int_equal(country_open("/nonexistent/x.mmdb", &c, &err), ERR_NOTFOUND);
    assert_non_null(strstr(err.text, "/nonexistent/x.mmdb"));
    assert_int_equal(country_open("/proc/self/exe", &c, &err), ERR_CORRUPT);
    country_close(NULL);
}

UNIT_MAIN(unit_test(country__addresses_have_the_countries_of_the_database),
          unit_test(country__does_not_depend_on_what_was_asked_before),
          unit_test(country__names_and_private_addresses_have_none),
          unit_test(country__the_nested_field_is_read_where_there_is_no_flat_one),
          unit_test(country__what_is_no_database_is_told_apart_from_what_is_not_there))

#include "support/unit.h"

#include "config/option.h"
#include "refine/product.h"
#include <stdlib.h>
#include <unistd.h>

static struct product_rules *rules_of(const struct config_product *products, size_t n) {
    struct product_rules *rules = NULL;
    struct err err = {0};
    assert_ok(product_rules_new(products, n, &rules, &err), err);
    return rules;
}

static void product__named_groups_are_pieces_of_the_path(void **state) {
    UNUSED(state);
    const struct config_product products[] = {
        {"CDAP", "/downloads/.*cdap-(sdk-)?(?<version>[0-9.]+)\\.(zip|deb|rpm)$", false},
        {"Tool", "^/tool/((?<platform>win|mac)/)?", true}};
    struct product_rules *rules = rules_of(products, 2);
    struct product_match match;
    for (int again = 0; again < 2; again++) { /* from the rules, then from the cache */
        char path[] = "/downloads/3/cdap-sdk-3.0.1.zip";
        assert_true(product_match(rules, str_from(path), &match));
        assert_str(match.product, "CDAP");
        assert_str(match.version, "3.0.1");
        assert_ptr_equal(match.version.ptr, path + 22);
        assert_str(match.platform, "");
        assert_false(match.redirects);
        assert_true(product_match(rules, STR("/tool/mac/x"), &match));
        assert_str(match.platform, "mac");
        assert_str(match.version, "");
        assert_true(match.redirects);
        assert_true(product_match(rules, STR("/tool/x"), &match));
        assert_str(match.platform, ""); /* the group took no part */
        assert_false(product_match(rules, STR("/downloads/cdap.zip"), &match));
        assert_false(product_match(rules, STR(""), &match));
    }
    product_rules_free(rules);
}

static void product__group_that_is_not_first_is_found(void **state) {
    UNUSED(state);
    const struct config_product products[] = {
        {"A", "^/(a)(b)(c)(?<platform>d)(e)(?<version>f)(g)(h)(i)$", false}};
    struct product_rules *rules = rules_of(products, 1);
    struct product_match match;
    assert_true(product_match(rules, STR("/abcdefghi"), &match));
    assert_str(match.platform, "d");
    assert_str(match.version, "f");
    product_rules_free(rules);
}

static void product__last_group_of_all_rules_is_found(void **state) {
    UNUSED(state);
    const struct config_product products[] = {{"B", "^/b(?<version>1)", false},
                                              {"A", "^/(a)(?<version>b)(c)(?<platform>d)", false}};
    struct product_rules *rules = rules_of(products, 2);
    struct product_match match;
    assert_true(product_match(rules, STR("/abcd"), &match));
    assert_str(match.version, "b");
    assert_str(match.platform, "d");
    product_rules_free(rules);
}

static void product__paths_that_share_a_slot_do_not_mix(void **state) {
    UNUSED(state);
    const struct config_product products[] = {{"Even", "[02468]/(?<version>x*)$", false}};
    struct product_rules *rules = rules_of(products, 1);
    struct product_match match;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 20000; i++) {
            char path[64];
            snprintf(path, sizeof path, "/%u/%.*s", i, (int)(i % 40),
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
            bool found = product_match(rules, str_from(path), &match);
            if (found != (i % 2 == 0) || (found && match.version.len != i % 40))
                fail_msg("%s", path);
        }
    }
    product_rules_free(rules);
}

static void product__paths_over_the_cache_limit_are_matched(void **state) {
    UNUSED(state);
    const struct config_product products[] = {{"Long", "x/(?<version>end)$", false}};
    struct product_rules *rules = rules_of(products, 1);
    struct product_match match;
    struct buf path = {0};
    for (size_t n = 1020; n < 1030; n++) {
        buf_clear(&path);
        while (path.len < n - 5)
            buf_add_char(&path, 'x');
        buf_add_cstr(&path, "x/end");
        assert_true(product_match(rules, buf_str(&path), &match));
        assert_str(match.version, "end");
    }
    buf_release(&path);
    product_rules_free(rules);
}

static void product__rules_may_say_version_and_platform(void **state) {
    UNUSED(state);
    const struct config_product products[] = {
        {"A", "^/a(-(?<version>[0-9]+))?", false, "latest", "docker"}};
    struct product_rules *rules = rules_of(products, 1);
    struct product_match match;
    assert_true(product_match(rules, STR("/a-7"), &match));
    assert_str(match.version, "7");
    assert_str(match.platform, "docker");
    assert_true(product_match(rules, STR("/a"), &match));
    assert_str(match.version, "latest");
    assert_int_equal(match.rule, 0);
    product_rules_free(rules);
}

/* The example of the table of options, as `init` writes it. */
static struct config *load_sample(void) {
    char path[] = "/tmp/product_test.XXXXXX";
    struct buf sample = {0}, report = {0};
    struct config *config = NULL;
    struct err err = {0};
    int fd = mkstemp(path);
    const struct option *products = option_next(NULL, NULL);
    while (strcmp(products->path, "products") != 0)
        products = option_next(NULL, products);
    buf_printf(&sample, "products:\n%s", products->example);
    assert_true(fd >= 0 && write(fd, sample.ptr, sample.len) == (ssize_t)sample.len);
    close(fd);
    assert_ok(config_load(path, &config, &report, &err), err);
    unlink(path);
    buf_release(&sample);
    buf_release(&report);
    return config;
}

static void product__rules_of_the_sample_know_the_projects_files(void **state) {
    UNUSED(state);
    static const struct {
        const char *file, *product, *version, *platform;
    } rows[] = {
        {"cdap-sdk-3.0.1.zip", "CDAP", "3.0.1", "sdk"},
        {"cdap/3.0/cdap-sdk-vm-3.0.1.ova", "CDAP", "3.0.1", "sdk"},
        {"cdap-standalone-2.8.0.zip", "CDAP", "2.8.0", "standalone"},
        {"cdap-sandbox-5.1.0.zip", "CDAP", "5.1.0", "sandbox"},
        {"cdap-master_3.0.1-1_all.deb", "CDAP", "3.0.1", "deb"},
        {"cdap-master-3.0.1-1.noarch.rpm", "CDAP", "3.0.1", "rpm"},
        {"cdap_3.0.1-1_all.deb", "CDAP", "3.0.1", "deb"},
        {"cdap-3.0.1.zip", "CDAP", "3.0.1", "zip"},
        {"coopr-standalone-0.9.9.zip", "Coopr", "0.9.9", "standalone"},
        {"coopr-server_0.9.9-1_all.deb", "Coopr", "0.9.9", "deb"},
        {"coopr-0.9.9.tar.gz", "Coopr", "0.9.9", "tar.gz"},
        {"tigon-sdk-0.2.1.zip", "Tigon", "0.2.1", "sdk"},
        {"tigon-developer-0.2.0.zip", "Tigon", "0.2.0", "developer"},
        {"tigon-0.2.1.tar.gz", "Tigon", "0.2.1", ""},
        {"tephra-0.6.0.zip", "Tephra", "0.6.0", "zip"},
        {"tephra-core-0.6.0.jar", "Tephra", "0.6.0", "jar"},
        {"cdap-sdk-3.0.1.zip.md5", NULL, NULL, NULL},
        {"cdap-docs.zip", NULL, NULL, NULL},
        {"other-1.0.zip", NULL, NULL, NULL},
    };
    struct config *config = load_sample();
    struct product_rules *rules = rules_of(config->products, config->n_products);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct product_match match;
        char path[128];
        snprintf(path, sizeof path, "/downloads/%s", rows[i].file);
        bool found = product_match(rules, str_from(path), &match);
        if (found != (rows[i].product != NULL) ||
            (found &&
             !(str_is(match.product, rows[i].product) && str_is(match.version, rows[i].version) &&
               str_is(match.platform, rows[i].platform))))
            fail_msg("%s: " STR_FMT " " STR_FMT " " STR_FMT, rows[i].file,
                     STR_ARG(found ? match.product : STR("none")),
                     STR_ARG(found ? match.version : STR("")),
                     STR_ARG(found ? match.platform : STR("")));
    }
    product_rules_free(rules);
    config_free(config);
}

static void product__broken_pattern_is_named(void **state) {
    UNUSED(state);
    const struct config_product products[] = {{"Good", "x", false}, {"Bad", "/a(b", false}};
    struct product_rules *rules = NULL;
    struct err err = {0};
    assert_int_equal(product_rules_new(products, 2, &rules, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "Bad"));
    assert_non_null(strstr(err.text, "at character 5"));
    assert_null(rules);
}

static void product__pattern_that_runs_away_is_stopped_and_counted(void **state) {
    UNUSED(state);
    const struct config_product products[] = {{"Evil", "^/(a+)+$", false}, {"Any", "^/", false}};
    struct product_rules *rules = rules_of(products, 2);
    struct product_match match;
    struct buf path = {0};
    buf_add_char(&path, '/');
    for (int i = 0; i < 40; i++) /* 2 to the 40 steps */
        buf_add_char(&path, 'a');
    buf_add_char(&path, '!');
    assert_true(product_match(rules, buf_str(&path), &match));
    assert_str(match.product, "Any");
    assert_true(product_rules_match_limits(rules) == 1);
    buf_release(&path);
    product_rules_free(rules);
}

static void product__paths_are_bytes(void **state) {
    UNUSED(state);
    const struct config_product products[] = {{"Bytes", "^/\\xff.(?<version>[^a]+)$", false}};
    struct product_rules *rules = rules_of(products, 1);
    struct product_match match;
    assert_true(product_match(rules, STR("/\xff\0\xfe\0b"), &match));
    assert_true(str_eq(match.version, STR("\xfe\0b")));
    product_rules_free(rules);
}

UNIT_MAIN(unit_test(product__named_groups_are_pieces_of_the_path),
          unit_test(product__group_that_is_not_first_is_found),
          unit_test(product__last_group_of_all_rules_is_found),
          unit_test(product__paths_that_share_a_slot_do_not_mix),
          unit_test(product__paths_over_the_cache_limit_are_matched),
          unit_test(product__rules_may_say_version_and_platform),
          unit_test(product__rules_of_the_sample_know_the_projects_files),
          unit_test(product__broken_pattern_is_named),
          unit_test(product__pattern_that_runs_away_is_stopped_and_counted),
          unit_test(product__paths_are_bytes))

#include "refine/rules_id.h"
#include "support/unit.h"

static uint32_t id_of(const struct config *config, uint64_t countries) {
    struct err err = {0};
    uint32_t id = 0;
    assert_ok(rules_id(config, countries, &id, &err), err);
    return id;
}

static void rules_id__is_the_same_for_the_same_rules(void **state) {
    UNUSED(state);
    char *assets[] = {"css", "js"}, *copy[] = {"css", "js"};
    const struct config one = {.assets = assets, .n_assets = 2, .timezone = "UTC"};
    const struct config two = {.assets = copy, .n_assets = 2, .timezone = "Europe/Berlin"};
    assert_int_equal(id_of(&one, 7), id_of(&two, 7));
}

static void rules_id__changes_with_all_that_decides(void **state) {
    UNUSED(state);
    char *words[] = {"css", "js"}, *joined[] = {"cssjs"}, *path[] = {"/admin*"};
    struct config_product product = {.name = "A", .match = "/a"}, redirects = product;
    struct config_exclude by_path = {.paths = path, .n_paths = 1},
                          by_host = {.hosts = path, .n_hosts = 1};
    redirects.redirects = true;
    const struct config configs[] = {
        {0},
        {.assets = words, .n_assets = 2},
        {.assets = joined, .n_assets = 1},
        {.downloads = words, .n_downloads = 2},
        {.referrer_spam = words, .n_referrer_spam = 2},
        {.products = &product, .n_products = 1},
        {.products = &redirects, .n_products = 1},
        {.exclude = &by_path, .n_exclude = 1},
        {.exclude = &by_host, .n_exclude = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
        assert_int_not_equal(id_of(&configs[i], 7), id_of(&configs[i], 8));
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(id_of(&configs[i], 7), id_of(&configs[k], 7));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(rules_id__is_the_same_for_the_same_rules),
        unit_test(rules_id__changes_with_all_that_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

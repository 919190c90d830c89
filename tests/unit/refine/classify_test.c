#include "support/unit.h"

#include "refine/classify.h"

static char *assets[] = {"css", "js", "png", "json", "svg"};
static char *downloads[] = {"zip", "pdf", "gz", "svg"};
static struct config_product products[] = {
    {.name = "App", .match = "^/get/app-(?<version>[0-9.]+)-(?<platform>[a-z]+)"},
    {.name = "Mirror", .match = "^/mirror/", .redirects = true},
    {.name = "Late", .match = "^/mirror/x"},
};

static struct config settings = {.assets = assets,
                                 .n_assets = ARRAY_LEN(assets),
                                 .downloads = downloads,
                                 .n_downloads = ARRAY_LEN(downloads),
                                 .products = products,
                                 .n_products = ARRAY_LEN(products)};

static struct hit_class class_of(const char *method, const char *target, uint16_t status) {
    static struct classifier *c;
    struct err err = {0};
    if (method == NULL) {
        classifier_free(c);
        c = NULL;
        return (struct hit_class){0};
    }
    if (c == NULL)
        assert_ok(classifier_new(&settings, &c, &err), err);
    return classify(c, str_from(method), str_from(target), status);
}

static enum event_kind kind_of(const char *target, uint16_t status) {
    return class_of("GET", target, status).kind;
}

static void classify__get_answered_2xx_or_304_is_a_page_view(void **state) {
    UNUSED(state);
    assert_int_equal(kind_of("/", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.html", 299), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a", 206), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a", 304), KIND_PAGEVIEW);
    static const uint16_t others[] = {100, 199, 300, 301, 302, 303, 305, 307, 400, 404, 500, 999};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(kind_of("/a", others[i]), KIND_OTHER);
}

static void classify__only_get_counts(void **state) {
    UNUSED(state);
    static const char *const methods[] = {"HEAD", "POST", "PUT", "OPTIONS", "GETS", ""};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        assert_int_equal(class_of(methods[i], "/a", 200).kind, KIND_OTHER);
        assert_int_equal(class_of(methods[i], "/a.zip", 200).kind, KIND_OTHER);
        assert_int_equal(class_of(methods[i], "/a.css", 200).kind, KIND_OTHER);
        assert_int_equal(class_of(methods[i], "/get/app-1-linux", 200).kind, KIND_OTHER);
    }
}

static void classify__path_ends_at_the_first_question_mark(void **state) {
    UNUSED(state);
    assert_str(class_of("GET", "/A%20b?x=/c.zip?y", 200).path, "/A%20b");
    assert_int_equal(kind_of("/A%20b?x=/c.zip?y", 200), KIND_PAGEVIEW);
    assert_str(class_of("GET", "?q", 200).path, "");
    assert_str(class_of("POST", "/b?c", 500).path, "/b");
    assert_str(class_of("", "", 400).path, "");
}

static void classify__extension_is_behind_the_last_dot_of_the_last_segment(void **state) {
    UNUSED(state);
    assert_int_equal(kind_of("/a.css", 200), KIND_ASSET);
    assert_int_equal(kind_of("/a.min.JS", 304), KIND_ASSET);
    assert_int_equal(kind_of("/.css", 200), KIND_ASSET);
    assert_int_equal(kind_of("a.css", 200), KIND_ASSET);
    assert_int_equal(kind_of("/a.css/", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.css/b", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.css.html", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/css", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.css%20", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.cssssssssssssssssssssssssssssssssssssssss", 200), KIND_PAGEVIEW);
    assert_int_equal(kind_of("/a.css", 404), KIND_OTHER);
}

static void classify__download_request_is_answered_200_or_206(void **state) {
    UNUSED(state);
    assert_int_equal(kind_of("/a.zip", 200), KIND_DOWNLOAD);
    assert_int_equal(kind_of("/a.tar.GZ", 206), KIND_DOWNLOAD);
    static const uint16_t others[] = {201, 204, 301, 302, 304, 307, 404, 416};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(kind_of("/a.zip", others[i]), KIND_OTHER);
    assert_str(class_of("GET", "/a.zip", 200).product, "");
}

static void classify__extension_of_both_lists_is_a_download_where_it_can_be(void **state) {
    UNUSED(state);
    assert_int_equal(kind_of("/a.svg", 200), KIND_DOWNLOAD);
    assert_int_equal(kind_of("/a.svg", 304), KIND_ASSET);
}

static void classify__product_path_is_a_download_whatever_its_extension(void **state) {
    UNUSED(state);
    struct hit_class hit = class_of("GET", "/get/app-1.2-linux?mirror=1", 200);
    assert_int_equal(hit.kind, KIND_DOWNLOAD);
    assert_str(hit.product, "App");
    assert_str(hit.version, "1.2");
    assert_str(hit.platform, "linux");
    assert_int_equal(kind_of("/get/app-1-mac.json", 206), KIND_DOWNLOAD);
    hit = class_of("GET", "/get/app-1-linux.zip", 200);
    assert_str(hit.product, "App");
    assert_str(hit.version, "1");
    /* not answered as a download: what its extension says, without product */
    hit = class_of("GET", "/get/app-1-linux", 304);
    assert_int_equal(hit.kind, KIND_PAGEVIEW);
    assert_str(hit.product, "");
    assert_int_equal(kind_of("/get/app-1-linux", 302), KIND_OTHER);
    assert_int_equal(kind_of("/get/app-1-linux", 404), KIND_OTHER);
}

static void classify__rule_may_accept_redirects(void **state) {
    UNUSED(state);
    static const uint16_t accepted[] = {200, 206, 301, 302, 307};
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++)
        assert_int_equal(kind_of("/mirror/a", accepted[i]), KIND_DOWNLOAD);
    assert_str(class_of("GET", "/mirror/a", 302).product, "Mirror");
    assert_int_equal(kind_of("/mirror/a", 303), KIND_OTHER);
    assert_int_equal(kind_of("/mirror/a", 308), KIND_OTHER);
}

static void classify__first_matching_rule_decides(void **state) {
    UNUSED(state);
    assert_str(class_of("GET", "/mirror/x", 200).product, "Mirror");
}

static void classify__an_extension_that_cannot_be_is_refused(void **state) {
    UNUSED(state);
    char *bad[] = {"a-name-longer-than-thirty-two-bytes"}, *empty[] = {""};
    struct config c = {.assets = bad, .n_assets = 1};
    struct classifier *classifier = NULL;
    struct err err = {0};
    assert_int_equal(classifier_new(&c, &classifier, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "assets"));
    c = (struct config){.downloads = empty, .n_downloads = 1};
    assert_int_equal(classifier_new(&c, &classifier, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "downloads"));
    assert_null(classifier);
}

static void classify__many_extensions_are_all_found(void **state) {
    UNUSED(state);
    char names[500][8], *list[500], target[32];
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        snprintf(names[i], sizeof names[i], "e%zu", i);
        list[i] = names[i];
    }
    struct config c = {.assets = list, .n_assets = ARRAY_LEN(list)};
    struct classifier *classifier = NULL;
    struct err err = {0};
    assert_ok(classifier_new(&c, &classifier, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        snprintf(target, sizeof target, "/x.e%zu", i);
        assert_int_equal(classify(classifier, STR("GET"), str_from(target), 200).kind, KIND_ASSET);
    }
    assert_int_equal(classify(classifier, STR("GET"), STR("/x.e500"), 200).kind, KIND_PAGEVIEW);
    classifier_free(classifier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(classify__get_answered_2xx_or_304_is_a_page_view),
        unit_test(classify__only_get_counts),
        unit_test(classify__path_ends_at_the_first_question_mark),
        unit_test(classify__extension_is_behind_the_last_dot_of_the_last_segment),
        unit_test(classify__download_request_is_answered_200_or_206),
        unit_test(classify__extension_of_both_lists_is_a_download_where_it_can_be),
        unit_test(classify__product_path_is_a_download_whatever_its_extension),
        unit_test(classify__rule_may_accept_redirects),
        unit_test(classify__first_matching_rule_decides),
        unit_test(classify__an_extension_that_cannot_be_is_refused),
        unit_test(classify__many_extensions_are_all_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)class_of(NULL, NULL, 0);
    return failed;
}

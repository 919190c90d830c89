#include "support/unit.h"

#include "http/exchange.h"

static const struct http_route table[] = {
    {.methods = HTTP_GET, .path = "/"},
    {.methods = HTTP_GET, .path = "/api/v1/sites"},
    {.methods = HTTP_POST, .path = "/api/v1/sites"},
    {.methods = HTTP_GET, .path = "/api/v1/sites/fixed"},
    {.methods = HTTP_GET | HTTP_DELETE, .path = "/api/v1/sites/{}"},
    {.methods = HTTP_GET, .path = "/a/{}/b/{}"},
    {.methods = HTTP_GET, .path = "/four/{}/{}/{}/{}"},
    {.methods = HTTP_POST, .path = "/click/*"},
};

static int find(enum http_method method, const char *path, struct str params[HTTP_PARAMS_MAX],
                unsigned *methods) {
    const struct http_route *r =
        route_find(table, ARRAY_LEN(table), method, str_from(path), params, methods);
    return r == NULL ? -1 : (int)(r - table);
}

static void route__first_that_fits_path_and_method(void **state) {
    UNUSED(state);
    static const struct {
        enum http_method method;
        const char *path;
        int route;
        unsigned methods;
        const char *first, *second;
    } rows[] = {
        {HTTP_GET, "/", 0, HTTP_GET, "", ""},
        {HTTP_GET, "", -1, 0, "", ""},
        {HTTP_GET, "/api/v1/sites", 1, HTTP_GET | HTTP_POST, "", ""},
        {HTTP_POST, "/api/v1/sites", 2, HTTP_GET | HTTP_POST, "", ""},
        {HTTP_PUT, "/api/v1/sites", -1, HTTP_GET | HTTP_POST, "", ""},
        {0, "/api/v1/sites", -1, HTTP_GET | HTTP_POST, "", ""}, /* a method that is none of ours */
        {HTTP_GET, "/api/v1/sites/", -1, 0, "", ""},            /* {} is not empty */
        {HTTP_GET, "/api/v1/sites/fixed", 3, HTTP_GET | HTTP_DELETE, "", ""},
        {HTTP_DELETE, "/api/v1/sites/fixed", 4, HTTP_GET | HTTP_DELETE, "fixed", ""},
        {HTTP_GET, "/api/v1/sites/x.org", 4, HTTP_GET | HTTP_DELETE, "x.org", ""},
        {HTTP_GET, "/api/v1/sites/x.org/", -1, 0, "", ""},
        {HTTP_GET, "/api/v1/sites/x.org/y", -1, 0, "", ""},
        {HTTP_GET, "/a/1/b/2", 5, HTTP_GET, "1", "2"},
        {HTTP_GET, "/a//b/2", -1, 0, "", ""},
        {HTTP_GET, "/four/1/2/3/4", 6, HTTP_GET, "1", "2"},
        {HTTP_POST, "/click/", 7, HTTP_POST, "", ""},
        {HTTP_POST, "/click/a/../b", 7, HTTP_POST, "a/../b", ""},
        {HTTP_POST, "/click", -1, 0, "", ""},
        {HTTP_GET, "/API/v1/sites", -1, 0, "", ""},
        {HTTP_GET, "//", -1, 0, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str params[HTTP_PARAMS_MAX] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
        unsigned methods = 99;
        int got = find(rows[i].method, rows[i].path, params, &methods);
        if (got != rows[i].route || methods != rows[i].methods ||
            !str_is(params[0], rows[i].first) || !str_is(params[1], rows[i].second))
            fail_msg("row %zu %s: route %d methods %u \"" STR_FMT "\"", i, rows[i].path, got,
                     methods, STR_ARG(params[0]));
    }
}

static void unescape__every_escape_but_nul(void **state) {
    UNUSED(state);
    static const char *const rows[][2] = {
        {"/plain", "/plain"}, {"%41%62", "Ab"},       {"%2e%2E/", "../"}, {"a%00b", "a%00b"},
        {"%", "%"},           {"%4", "%4"},           {"%4g", "%4g"},     {"%%41", "%A"},
        {"%2541", "%41"},     {"%c3%a4", "\xc3\xa4"}, {"", ""},           {"a%0ab", "a\nb"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", rows[i][0]);
        size_t n = request_unescape(NULL, NULL, text);
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(n, strlen(rows[i][1]));
    }
}

UNIT_MAIN(unit_test(route__first_that_fits_path_and_method),
          unit_test(unescape__every_escape_but_nul))

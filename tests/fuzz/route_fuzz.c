/* From the target of a request to its route: "METHOD BYTE, PREFIX\nTARGET". What is decoded, cut
 * and found is compared with what another, simpler way finds. */
#include <ctype.h>
#include <stdlib.h>

#include "http/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_route table[] = {
    {.methods = HTTP_GET, .path = "/"},
    {.methods = HTTP_GET, .path = "/api/v1/sites"},
    {.methods = HTTP_POST, .path = "/api/v1/sites"},
    {.methods = HTTP_GET | HTTP_DELETE, .path = "/api/v1/sites/{}"},
    {.methods = HTTP_PUT, .path = "/api/v1/{}/fixed"},
    {.methods = HTTP_GET, .path = "/four/{}/{}/{}/{}"},
    {.methods = HTTP_POST, .path = "/local/run"},
    {.methods = HTTP_GET | HTTP_POST, .path = "/click/{}/*"},
    {.methods = HTTP_POST, .path = "/click/*"},
};

static void check(bool holds) {
    if (!holds)
        abort();
}

/* Up to the next slash; *more: there was one. */
static struct str segment(struct str *rest, bool *more) {
    size_t n = rest->len;
    *more = str_find(*rest, '/', &n);
    struct str s = str_of(rest->ptr, n);
    *rest = str_skip(*rest, n + *more);
    return s;
}

/* Segment for segment, as the contract says it. */
static bool fits(struct str pattern, struct str path, struct str params[HTTP_PARAMS_MAX]) {
    size_t n = 0;
    bool more = true, more_path = true;
    while (more && more_path) {
        if (str_is(pattern, "*")) {
            params[n] = path;
            return true;
        }
        struct str want = segment(&pattern, &more), got = segment(&path, &more_path);
        if (str_is(want, "{}"))
            params[n++] = got;
        if (str_is(want, "{}") ? got.len == 0 : !str_eq(want, got))
            return false;
    }
    return more == more_path;
}

static void check_route(enum http_method method, struct str path) {
    struct str params[HTTP_PARAMS_MAX] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
    unsigned methods = 0, expected_methods = 0;
    const struct http_route *expected = NULL, *found = route_find(table, ARRAY_LEN(table), method,
                                                                  path, params, &methods);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct str tried[HTTP_PARAMS_MAX] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
        if (!fits(str_from(table[i].path), path, tried))
            continue;
        expected_methods |= table[i].methods;
        if (expected != NULL || (table[i].methods & method) == 0)
            continue;
        expected = &table[i];
        for (size_t p = 0; p < HTTP_PARAMS_MAX; p++)
            check(str_eq(params[p], tried[p]));
    }
    check(found == expected && methods == expected_methods);
}

/* %XX is a byte, but %00 stays. */
static void check_unescaped(struct str from, struct str to) {
    size_t k = 0;
    for (size_t i = 0; i < from.len; i++, k++) {
        char hex[3] = "";
        if (from.ptr[i] == '%' && i + 2 < from.len && isxdigit((unsigned char)from.ptr[i + 1]) &&
            isxdigit((unsigned char)from.ptr[i + 2]))
            memcpy(hex, from.ptr + i + 1, 2);
        unsigned long byte = strtoul(hex, NULL, 16);
        check(k < to.len);
        check((unsigned char)to.ptr[k] == (byte > 0 ? byte : (unsigned char)from.ptr[i]));
        i += byte > 0 ? 2 : 0;
    }
    check(k == to.len);
}

static void check_prefix(struct str path, struct str url, struct str prefix) {
    bool cut = prefix.len > 0 && str_starts(url, prefix) &&
               (url.len == prefix.len || url.ptr[prefix.len] == '/');
    struct str rest = cut ? str_skip(url, prefix.len) : url;
    check(path.len > 0 && str_eq(path, rest.len > 0 ? rest : STR("/")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str rest = str_of((const char *)data + 1, size - 1), prefix = STR("");
    (void)str_split(&rest, '\n', &prefix);
    char *before = str_dup(rest), *url = str_dup(rest); /* up to a NUL, as the library gives it */
    size_t n = request_unescape(NULL, NULL, url);
    check(n == strlen(url));
    check_unescaped(str_from(before), str_from(url));
    struct str path = request_path(url, prefix);
    check_prefix(path, str_from(url), prefix);
    check_route((enum http_method)(data[0] & 63), path);
    free(before);
    free(url);
    return 0;
}

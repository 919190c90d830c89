#include "http/exchange.h"

/* Does `path` fit the pattern? Fills params for {} and a last "*". */
static bool fits(struct str pattern, struct str path, struct str params[HTTP_PARAMS_MAX]) {
    size_t n = 0;
    while (pattern.len > 0) {
        if (str_is(pattern, "*") && n < HTTP_PARAMS_MAX) {
            params[n] = path;
            return true;
        }
        if (str_starts(pattern, STR("{}")) && n < HTTP_PARAMS_MAX) {
            size_t end;
            if (!str_find(path, '/', &end))
                end = path.len;
            if (end == 0)
                return false;
            params[n++] = str_of(path.ptr, end);
            pattern = str_skip(pattern, 2);
            path = str_skip(path, end);
            continue;
        }
        if (path.len == 0 || path.ptr[0] != pattern.ptr[0])
            return false;
        pattern = str_skip(pattern, 1);
        path = str_skip(path, 1);
    }
    return path.len == 0;
}

const struct http_route *route_find(const struct http_route *routes, size_t n,
                                    enum http_method method, struct str path,
                                    struct str params[HTTP_PARAMS_MAX], unsigned *ret_methods) {
    const struct http_route *found = NULL;
    *ret_methods = 0;
    for (size_t i = 0; i < n; i++) {
        struct str tried[HTTP_PARAMS_MAX] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
        if (!fits(str_from(routes[i].path), path, tried))
            continue;
        *ret_methods |= routes[i].methods;
        if (found == NULL && (routes[i].methods & method) != 0) {
            found = &routes[i];
            memcpy(params, tried, sizeof tried);
        }
    }
    return found;
}

/* GET /beacon.js: the script that pages load (web/beacon), a part of the program. */
#include "api/internal.h"

#include "beacon_js.h"
#include <microhttpd.h>

/* Does a list such as "gzip, br" have the word? "gzip;q=0" is a refusal (RFC 9110 section 12.5.3).
 */
static bool takes_gzip(struct str list) {
    struct str item;
    while (str_split(&list, ',', &item)) {
        struct str name;
        if (str_split(&item, ';', &name) && str_eq_nocase(str_trim(name), STR("gzip")))
            return !str_is(str_trim(item), "q=0");
    }
    return false;
}

static bool has_tag(struct str list, const char *tag) {
    struct str item;
    while (str_split(&list, ',', &item)) {
        item = str_trim(item);
        if (str_starts(item, STR("W/")))
            item = str_skip(item, 2);
        if (str_is(item, tag) || str_is(item, "*"))
            return true;
    }
    return false;
}

void api_beacon_js(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    bool packed = takes_gzip(http_header(x, "Accept-Encoding"));
    const char *tag = packed ? BEACON_JS_GZIP_ETAG : BEACON_JS_ETAG;
    http_set_header(x, "ETag", tag);
    http_set_header(x, "Cache-Control", "public, max-age=3600");
    http_set_header(x, "Vary", "Accept-Encoding");
    http_set_header(x, "Access-Control-Allow-Origin", "*");
    http_set_header(x, "Cross-Origin-Resource-Policy", "cross-origin");
    if (has_tag(http_header(x, "If-None-Match"), tag)) {
        http_reply(x, MHD_HTTP_NOT_MODIFIED);
        return;
    }
    http_set_header(x, "Content-Type", "text/javascript; charset=utf-8");
    http_set_header(x, "X-Content-Type-Options", "nosniff");
    if (packed) {
        http_set_header(x, "Content-Encoding", "gzip");
        buf_add(http_out(x), beacon_js_gzip, sizeof beacon_js_gzip);
    } else {
        buf_add(http_out(x), beacon_js, sizeof beacon_js);
    }
    http_reply(x, MHD_HTTP_OK);
}

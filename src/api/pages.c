/* The pages of web/pages, a part of the program: until there is a dashboard. */
#include "api/internal.h"

#include "pages.h"
#include <microhttpd.h>

static void reply_page(struct http_exchange *x, const unsigned char *bytes, size_t n,
                       const char *policy) {
    http_set_header(x, "Content-Type", "text/html; charset=utf-8");
    http_set_header(x, "Content-Security-Policy", policy);
    http_set_header(x, "Referrer-Policy",
                    "no-referrer"); /* addresses hold secrets of share links */
    http_set_header(x, "X-Content-Type-Options", "nosniff");
    http_set_header(x, "Cache-Control", "no-cache");
    buf_add(http_out(x), bytes, n);
    http_reply(x, MHD_HTTP_OK);
}

void api_home(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    reply_page(x, page_home, sizeof page_home, PAGE_HOME_POLICY);
}

void api_setup_page(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    reply_page(x, page_setup, sizeof page_setup, PAGE_SETUP_POLICY);
}

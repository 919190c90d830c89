/* /healthz and /readyz. What each says: docs/operations.md. */
#include "api/internal.h"

#include <microhttpd.h>

void api_healthz(struct http_exchange *x, void *arg) {
    UNUSED(arg);
    buf_add_cstr(http_out(x), "ok\n");
    http_reply(x, MHD_HTTP_OK);
}

void api_readyz(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct live_state state = live_state(api->options.live);
    bool full = false;
    for (size_t i = 0; i < instance_n_datasets; i++)
        full = full || intake_counts(live_intake(api->options.live, instance_datasets[i])).full;
    if (full)
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "no space left on the disk");
    else if (!state.ready)
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", state.reason);
    else
        buf_add_cstr(http_out(x), "ready\n"), http_reply(x, MHD_HTTP_OK);
}

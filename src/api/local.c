/* /local/run: commands of the command line on the running store. */
#include "api/local.h"
#include "api/internal.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

int local_begin(struct api *api, struct client **ret_client, struct err *err) {
    if (api->ending)
        return err_set(err, ERR_AWAY, "the server stops");
    if (ret_client == NULL)
        return 0;
    *ret_client = api_take_client(api, err);
    return *ret_client != NULL ? 0 : ERR_AWAY;
}

void local_reply(struct http_exchange *x, const struct api *api, int rc, const struct err *err) {
    static const char hex[] = "0123456789ABCDEF";
    if (rc != 0 && api->ending && (rc == ERR_STOPPED || rc == ERR_AWAY)) {
        buf_clear(http_out(x));
        http_reply_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops");
        return;
    }
    if (rc != 0) {
        struct buf text = {0};
        buf_printf(&text, "%d ", rc);
        for (const char *c = err->text; *c != '\0'; c++) {
            unsigned char byte = (unsigned char)*c;
            if (byte > ' ' && byte < 0x7f && byte != '%')
                buf_add_char(&text, *c);
            else
                buf_printf(&text, "%%%c%c", hex[byte >> 4], hex[byte & 15]);
        }
        http_set_header(x, LOCAL_ERROR_HEADER, buf_cstr(&text));
        buf_release(&text);
    }
    http_set_header(x, "Content-Type", "application/octet-stream");
    http_reply(x, MHD_HTTP_OK);
}

/* --- /local/run --- */

static int take_number(const struct http_exchange *x, const char *name, uint64_t *ret,
                       struct err *err) {
    struct str text = http_query(x, name);
    if (text.ptr == NULL || !str_to_u64(text, ret) || *ret > UINT32_MAX)
        return err_set(err, ERR_USAGE, "%s: expected a number", name);
    return 0;
}

void api_local_run(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    struct client *client = NULL;
    uint64_t words = 0, width = 0, color = 0;
    int rc = take_number(x, "words", &words, &err);
    if (rc == 0)
        rc = take_number(x, "width", &width, &err);
    if (rc == 0)
        rc = take_number(x, "color", &color, &err);
    if (rc == 0 && api->options.run == NULL)
        rc = err_set(&err, ERR_USAGE, "this server runs no commands");
    if (rc == 0)
        rc = local_begin(api, &client, &err);
    if (client != NULL) {
        const struct api_run run = {.live = api->options.live,
                                    .config = api_config(x),
                                    .client = client,
                                    .stop = &api->ending,
                                    .words = words,
                                    .body = http_body(x),
                                    .width = (unsigned)width,
                                    .color = color != 0};
        rc = api->options.run(api->options.run_arg, &run, http_out(x), &err);
        api_give_client(api, client);
    }
    if (http_out(x)->overflow) {
        buf_clear(http_out(x));
        rc = err_set(&err, ERR_TOOBIG, "the answer is larger than it may be");
    }
    local_reply(x, api, rc, &err);
}

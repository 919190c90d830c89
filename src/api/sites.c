/* Sites: what the file declares, what was made here, and what has records. */
#include "api/documents.h"

#include <microhttpd.h>
#include <stdlib.h>

static json_t *site_json(const struct config *config, const struct config_site *declared,
                         const char *name, int64_t first, int64_t last) {
    return json_pack("{so ss sb sb so so}", "name", json_of(str_from(name)), "timezone",
                     config_site_zone(config, str_from(name)), "declared", (int)(declared != NULL),
                     "fixed", (int)(declared != NULL && declared->version == 0), "first",
                     json_time(first * 1000), "last", json_time(last * 1000));
}

struct site_rows {
    json_t *list;
    const struct caller *caller;
};

/* Sites that are declared have been listed. */
static void add_undeclared(void *arg, const char *site, int64_t first, int64_t last) {
    const struct site_rows *rows = arg;
    const struct caller *c = rows->caller;
    if (caller_sees(c, str_from(site)) && !catalog_has_site(c->config, str_from(site)))
        json_array_append_new(rows->list, site_json(c->config, NULL, site, first, last));
}

void api_sites_list(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    const struct caller *c = api_caller(x);
    struct cube *cube = live_instance(api->options.live)->cube;
    struct site_rows rows = {json_array(), c};
    int64_t first, last;
    for (size_t i = 0; i < c->config->n_sites; i++) {
        const struct config_site *site = &c->config->sites[i];
        if (!caller_sees(c, str_from(site->name)))
            continue;
        (void)cube_site_extent(cube, str_from(site->name), &first, &last);
        json_array_append_new(rows.list, site_json(c->config, site, site->name, first, last));
    }
    cube_each_site(cube, add_undeclared, &rows);
    api_reply_json(x, MHD_HTTP_OK, json_pack("{so}", "sites", rows.list));
}

static void show_site(struct http_exchange *x, struct api *api, unsigned status, struct str name) {
    const struct instance *in = live_instance(api->options.live);
    const struct config *config = catalog_hold(in->catalog);
    const struct config_site *site = catalog_find_site(config, name);
    int64_t first, last;
    bool has_rows = cube_site_extent(in->cube, name, &first, &last);
    if ((site == NULL && !has_rows) || !caller_sees(api_caller(x), name)) {
        http_reply_error(x, MHD_HTTP_NOT_FOUND, "there is no such site");
    } else {
        char *text = str_dup(name);
        if (site != NULL)
            api_set_version(x, site->version);
        api_reply_json(x, status, site_json(config, site, text, first, last));
        free(text);
    }
    config_let_go(config);
}

void api_sites_get(struct http_exchange *x, void *arg) {
    show_site(x, arg, MHD_HTTP_OK, http_param(x, 0));
}

static uint64_t version_of(const struct config *config, struct str name) {
    const struct config_site *site = catalog_find_site(config, name);
    return site != NULL ? site->version : CONTROL_ANY;
}

static int put_site(struct catalog *catalog, const json_t *doc, struct str name, uint64_t version,
                    struct err *err) {
    struct str zone;
    int rc = body_text(doc, "timezone", &zone, err);
    return rc == 0 ? catalog_put_site(catalog, name, zone, version, err) : rc;
}

static const struct document_kind kind = {
    "site", "name", version_of, put_site, catalog_remove_site, show_site};

void api_sites_post(struct http_exchange *x, void *arg) { document_post(x, arg, &kind); }
void api_sites_put(struct http_exchange *x, void *arg) { document_put(x, arg, &kind); }
void api_sites_delete(struct http_exchange *x, void *arg) { document_delete(x, arg, &kind); }

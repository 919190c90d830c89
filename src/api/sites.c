/* Sites: what the file declares, what was made here, and what has records. */
#include "api/body.h"

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

/* As it is now, which may be newer than what the exchange began with. */
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

/* `version` 0: a new one. */
static void put_site(struct http_exchange *x, struct api *api, uint64_t version) {
    struct catalog *catalog = live_instance(api->options.live)->catalog;
    struct str name = http_param(x, 0), zone;
    json_t *doc = NULL;
    struct err err = {0};
    int rc = body_read(x, &doc, &err);
    if (rc == 0 && version == 0)
        rc = body_need(doc, "name", &name, &err);
    if (rc == 0)
        rc = body_text(doc, "timezone", &zone, &err);
    if (rc == 0)
        rc = catalog_put_site(catalog, name, zone, version, &err);
    if (rc == 0) {
        api_audit(x, version == 0 ? "site_added" : "site_changed", "site", name);
        show_site(x, api, version == 0 ? MHD_HTTP_CREATED : MHD_HTTP_OK, name);
    } else {
        api_reply_err(x, &err);
    }
    json_decref(doc);
}

void api_sites_post(struct http_exchange *x, void *arg) { put_site(x, arg, 0); }

/* False: replied. */
static bool find_version(struct http_exchange *x, uint64_t *ret_version) {
    const struct config_site *site = catalog_find_site(api_config(x), http_param(x, 0));
    *ret_version = site != NULL && site->version > 0 ? site->version : CONTROL_ANY;
    return site == NULL || api_match(x, site->version);
}

void api_sites_put(struct http_exchange *x, void *arg) {
    uint64_t version;
    if (find_version(x, &version))
        put_site(x, arg, version);
}

void api_sites_delete(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct catalog *catalog = live_instance(api->options.live)->catalog;
    uint64_t version;
    struct err err = {0};
    if (!find_version(x, &version))
        return;
    if (catalog_remove_site(catalog, http_param(x, 0), version, &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_audit(x, "site_removed", "site", http_param(x, 0));
    api_reply_nothing(x);
}

/* API tokens and share links. */
#include "people/tokens.h"
#include "api/body.h"
#include "people/shares.h"

#include <microhttpd.h>
#include <stdlib.h>

#define DAY_MS ((int64_t)86400 * 1000)

/* --- tokens --- */

static json_t *token_json(const struct token *t) {
    json_t *scopes = json_array(), *used = json_time(t->used_day * DAY_MS);
    for (size_t i = 0; i < t->n_scopes; i++)
        json_array_append_new(scopes, json_of(str_from(t->scopes[i])));
    if (json_is_string(used)) { /* only the day is known */
        json_t *day = json_stringn(json_string_value(used), strlen("2026-05-17"));
        json_decref(used);
        used = day;
    }
    return json_pack("{so so so so so so so so}", "id", json_of(str_of(t->hash, TOKEN_ID_BYTES)),
                     "name", json_of(str_from(t->name)), "scopes", scopes, "sites",
                     json_sites(&t->sites), "created", json_time(t->created_ms), "expires",
                     json_time(t->expires_ms), "last_used", used, "by", json_of(str_from(t->by)));
}

static bool add_token_json(void *arg, const struct token *t) {
    json_array_append_new(arg, token_json(t));
    return true;
}

void api_tokens_list(struct http_exchange *x, void *arg) {
    json_t *list = json_array();
    people_each_token(api_people(arg), add_token_json, list);
    api_reply_json(x, MHD_HTTP_OK, json_pack("{so}", "tokens", list));
}

/* Borrows the texts; the list is on the heap. */
static int read_scopes(const json_t *doc, struct token *ret, struct err *err) {
    const json_t *list = json_object_get(doc, "scopes"), *item;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > TOKEN_SCOPES)
        return err_set(err, ERR_USAGE, "\"scopes\" must be a list of read, admin or ingest:SOURCE");
    ret->scopes = xcalloc(json_array_size(list) + 1, sizeof *ret->scopes);
    json_array_foreach(list, i, item) {
        if (!json_is_string(item))
            return err_set(err, ERR_USAGE, "\"scopes\" must be a list of texts");
        ret->scopes[ret->n_scopes++] = (char *)(uintptr_t)json_string_value(item);
    }
    return 0;
}

void api_tokens_post(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct token made, spec = {.by = caller_by(api_caller(x))};
    struct secret secret;
    struct str name;
    json_t *doc = NULL;
    struct err err = {0};
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = body_need(doc, "name", &name, &err);
    if (rc == 0)
        rc = read_scopes(doc, &spec, &err);
    if (rc == 0)
        rc = catalog_check_scopes(api_config(x), spec.scopes, spec.n_scopes, &err);
    if (rc == 0)
        rc = body_sites(doc, &spec.sites, &err);
    if (rc == 0)
        rc = body_time(doc, "expires", &spec.expires_ms, &err);
    if (rc == 0) {
        spec.name = (char *)(uintptr_t)name.ptr;
        rc = people_add_token(api_people(api), &spec, &secret, &made, &err);
    }
    if (rc == 0) {
        json_t *shown = token_json(&made);
        json_object_set_new(shown, "token", json_string(secret.text));
        api_audit(x, "token_added", "token", str_from(made.name));
        api_reply_json(x, MHD_HTTP_CREATED, shown);
        token_release(&made);
    } else {
        api_reply_err(x, &err);
    }
    site_list_release(&spec.sites);
    free(spec.scopes);
    json_decref(doc);
}

void api_tokens_delete(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    char *name = NULL;
    struct err err = {0};
    if (people_remove_token(api_people(api), http_param(x, 0), &name, &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_audit(x, "token_revoked", "token", str_from(name));
    free(name);
    api_reply_nothing(x);
}

/* --- share links --- */

static json_t *share_json(const struct share *s) {
    return json_pack("{so so so so so so}", "id", json_of(str_of(s->hash, SHARE_ID_BYTES)),
                     "dashboard", json_of(str_from(s->dashboard)), "sites", json_sites(&s->sites),
                     "created", json_time(s->created_ms), "expires", json_time(s->expires_ms), "by",
                     json_of(str_from(s->by)));
}

struct share_list {
    json_t *list;
    const struct caller *caller;
};

static bool add_share_json(void *arg, const struct share *s) {
    const struct share_list *l = arg;
    if (l->caller->access >= ACCESS_ADMIN || strcmp(s->by, caller_by(l->caller)) == 0)
        json_array_append_new(l->list, share_json(s));
    return true;
}

void api_shares_list(struct http_exchange *x, void *arg) {
    struct share_list l = {json_array(), api_caller(x)};
    people_each_share(api_people(arg), add_share_json, &l);
    api_reply_json(x, MHD_HTTP_OK, json_pack("{so}", "shares", l.list));
}

/* Nobody gives away more than they have. */
static int check_sites(const struct caller *c, const struct site_list *sites, struct err *err) {
    const struct site_list own = {c->all_sites, c->sites, c->n_sites};
    if (sites->all || !site_list_covers(&own, sites))
        return err_set(err, ERR_USAGE, "name sites that you may see yourself");
    return 0;
}

/* Without `public_url` only the path: whoever reads it knows the rest. */
static json_t *link_json(const struct http_exchange *x, const struct secret *secret) {
    struct buf link = {0};
    struct str base = str_from(api_config(x)->public_url);
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    buf_add_str(&link, base.len > 0 ? base : STR(""));
    buf_printf(&link, "/?share=%s", secret->text);
    json_t *text = json_of(buf_str(&link));
    buf_release(&link);
    return text;
}

void api_shares_post(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct share made, spec = {.by = caller_by(api_caller(x))};
    struct secret secret;
    struct str dashboard;
    json_t *doc = NULL;
    struct err err = {0};
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = body_text(doc, "dashboard", &dashboard, &err);
    if (rc == 0)
        rc = body_sites(doc, &spec.sites, &err);
    if (rc == 0)
        rc = check_sites(api_caller(x), &spec.sites, &err);
    if (rc == 0)
        rc = body_time(doc, "expires", &spec.expires_ms, &err);
    if (rc == 0) {
        spec.dashboard = (char *)(uintptr_t)dashboard.ptr;
        rc = people_add_share(api_people(api), &spec, &secret, &made, &err);
    }
    if (rc == 0) {
        json_t *shown = share_json(&made);
        json_object_set_new(shown, "share", json_string(secret.text));
        json_object_set_new(shown, "link", link_json(x, &secret));
        api_audit(x, "share_added", "share", str_of(made.hash, SHARE_ID_BYTES));
        api_reply_json(x, MHD_HTTP_CREATED, shown);
        share_release(&made);
    } else {
        api_reply_err(x, &err);
    }
    site_list_release(&spec.sites);
    json_decref(doc);
}

void api_shares_delete(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    const struct caller *c = api_caller(x);
    struct err err = {0};
    if (people_remove_share(api_people(api), http_param(x, 0),
                            c->access >= ACCESS_ADMIN ? NULL : caller_by(c), &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_audit(x, "share_removed", "share", http_param(x, 0));
    api_reply_nothing(x);
}

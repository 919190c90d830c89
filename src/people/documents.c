/* Documents of people in control data, and reading them back. */
#include "people/people_internal.h"

#include <stdlib.h>

/* --- writing --- */

static json_t *text(const char *s) {
    /* names are checked where they come in; the rest is ours */
    return s != NULL ? json_string(s) : json_null();
}

static json_t *sites_json(const struct site_list *l) {
    if (l->all)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, text(l->items[i]));
    return list;
}

static void write(json_t *doc, struct buf *out) {
    char *bytes = json_dumps(doc, JSON_COMPACT);
    buf_clear(out);
    if (bytes != NULL)
        buf_add_cstr(out, bytes);
    free(bytes);
    json_decref(doc);
}

void user_write(const struct user *u, struct buf *out) {
    write(json_pack("{ss ss so sI}", "role", role_name(u->role), "password", u->password, "sites",
                    sites_json(&u->sites), "created", (json_int_t)u->created_ms),
          out);
}

void session_write(const struct session *s, struct buf *out) {
    write(json_pack("{ss sI sI}", "user", s->user, "created", (json_int_t)s->created_ms, "used_day",
                    (json_int_t)s->used_day),
          out);
}

void token_write(const struct token *t, struct buf *out) {
    json_t *scopes = json_array();
    for (size_t i = 0; i < t->n_scopes; i++)
        json_array_append_new(scopes, text(t->scopes[i]));
    write(json_pack("{ss so so sI sI sI ss}", "name", t->name, "scopes", scopes, "sites",
                    sites_json(&t->sites), "created", (json_int_t)t->created_ms, "expires",
                    (json_int_t)t->expires_ms, "used_day", (json_int_t)t->used_day, "by", t->by),
          out);
}

void share_write(const struct share *s, struct buf *out) {
    write(json_pack("{so so sI sI ss}", "dashboard", text(s->dashboard), "sites",
                    sites_json(&s->sites), "created", (json_int_t)s->created_ms, "expires",
                    (json_int_t)s->expires_ms, "by", s->by),
          out);
}

/* --- reading --- */

static int damaged(const char *key, struct err *err) {
    return err_set(err, ERR_CORRUPT, "control data: document %s is damaged", key);
}

/* A missing text is "", so that nothing below has to ask. */
static char *get_text(const json_t *doc, const char *key) {
    const char *s = json_string_value(json_object_get(doc, key));
    return xstrdup(s != NULL ? s : "");
}

static int64_t get_number(const json_t *doc, const char *key) {
    return json_integer_value(json_object_get(doc, key));
}

static size_t get_texts(const json_t *list, char ***ret) {
    json_t *item;
    size_t i, n = 0;
    *ret = xcalloc(json_array_size(list) + 1, sizeof **ret);
    json_array_foreach(list, i, item) {
        if (json_is_string(item))
            (*ret)[n++] = xstrdup(json_string_value(item));
    }
    return n;
}

static struct site_list get_sites(const json_t *doc) {
    const json_t *sites = json_object_get(doc, "sites");
    struct site_list l = {.all = json_is_null(sites)}; /* missing: none */
    if (!l.all)
        l.n = get_texts(sites, &l.items);
    return l;
}

/* What stands behind "area/". */
static const char *name_of(const char *key) { return strchr(key, '/') + 1; }

static bool take_hash(const char *key, char ret[SECRET_TEXT]) {
    struct str name = str_from(name_of(key));
    if (name.len != SECRET_TEXT - 1)
        return false;
    memcpy(ret, name.ptr, SECRET_TEXT);
    return true;
}

static int take_user(struct people *p, const char *key, const json_t *doc, uint64_t version,
                     struct err *err) {
    struct user u = {.version = version, .created_ms = get_number(doc, "created")};
    const char *role = json_string_value(json_object_get(doc, "role"));
    if (role == NULL || !role_parse(str_from(role), &u.role))
        return damaged(key, err);
    u.name = xstrdup(name_of(key));
    u.password = get_text(doc, "password");
    u.sites = get_sites(doc);
    vec_push(&p->users, u);
    return 0;
}

static int take_session(struct people *p, const char *key, const json_t *doc, uint64_t version,
                        struct err *err) {
    struct session s = {.created_ms = get_number(doc, "created"),
                        .used_day = get_number(doc, "used_day")};
    UNUSED(version);
    if (!take_hash(key, s.hash))
        return damaged(key, err);
    s.user = get_text(doc, "user");
    vec_push(&p->sessions, s);
    return 0;
}

static int take_token(struct people *p, const char *key, const json_t *doc, uint64_t version,
                      struct err *err) {
    struct held_token h = {.token = {.created_ms = get_number(doc, "created"),
                                     .expires_ms = get_number(doc, "expires"),
                                     .used_day = get_number(doc, "used_day")}};
    UNUSED(version);
    if (!take_hash(key, h.token.hash))
        return damaged(key, err);
    h.token.name = get_text(doc, "name");
    h.token.by = get_text(doc, "by");
    h.token.n_scopes = get_texts(json_object_get(doc, "scopes"), &h.token.scopes);
    h.token.sites = get_sites(doc);
    vec_push(&p->tokens, h);
    return 0;
}

static int take_share(struct people *p, const char *key, const json_t *doc, uint64_t version,
                      struct err *err) {
    struct share s = {.created_ms = get_number(doc, "created"),
                      .expires_ms = get_number(doc, "expires")};
    UNUSED(version);
    if (!take_hash(key, s.hash))
        return damaged(key, err);
    if (json_is_string(json_object_get(doc, "dashboard")))
        s.dashboard = get_text(doc, "dashboard");
    s.by = get_text(doc, "by");
    s.sites = get_sites(doc);
    s.sites.all = false;
    vec_push(&p->shares, s);
    return 0;
}

struct area {
    const char *prefix;
    int (*take)(struct people *p, const char *key, const json_t *doc, uint64_t version,
                struct err *err);
};

static const struct area areas[] = {{"user/", take_user},
                                    {"session/", take_session},
                                    {"token/", take_token},
                                    {"share/", take_share}};

struct loading {
    struct people *people;
    const struct area *area;
};

static int see(void *arg, const char *key, struct str body, uint64_t version, struct err *err) {
    const struct loading *l = arg;
    json_t *doc = json_loadb(body.ptr, body.len, 0, NULL);
    int rc =
        json_is_object(doc) ? l->area->take(l->people, key, doc, version, err) : damaged(key, err);
    json_decref(doc);
    return rc;
}

int people_load(struct people *p, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(areas); i++) {
        struct loading l = {p, &areas[i]};
        rc = control_each(p->control, areas[i].prefix, see, &l, err);
    }
    return rc;
}

/* --- one transaction --- */

void changes_add(struct changes_set *set, const char *area, const char *name, struct buf *body,
                 uint64_t version) {
    struct buf key = {0}, kept = {0};
    buf_printf(&key, "%s/%s", area, name);
    char *text_key = xstrdup(buf_cstr(&key));
    buf_release(&key);
    if (body != NULL) {
        kept = *body;
        *body = (struct buf){0};
    }
    struct control_put put = {text_key, buf_str(&kept), version};
    vec_push(&set->puts, put);
    vec_push(&set->keys, text_key);
    vec_push(&set->bodies, kept);
}

int changes_commit(struct changes_set *set, struct people *p, struct err *err) {
    int rc =
        set->puts.len > 0 ? control_commit(p->control, set->puts.items, set->puts.len, err) : 0;
    for (size_t i = 0; i < set->keys.len; i++) {
        free(set->keys.items[i]);
        buf_release(&set->bodies.items[i]);
    }
    vec_free(&set->puts);
    vec_free(&set->keys);
    vec_free(&set->bodies);
    return rc;
}

/* Users, sessions and the set-up of the first administrator. */
#include "people/people.h"
#include "api/body.h"
#include "base/log.h"
#include "people/sessions.h"

#include <microhttpd.h>
#include <stdio.h>

/* --- sessions --- */

static const char *kind_name(enum caller_kind kind) {
    static const char *const names[] = {[CALLER_LOCAL] = "local",
                                        [CALLER_OPEN] = "open",
                                        [CALLER_SESSION] = "session",
                                        [CALLER_TOKEN] = "token",
                                        [CALLER_SHARE] = "share"};
    return names[kind];
}

static const char *access_role(enum access access) {
    switch (access) {
    case ACCESS_VIEWER:
        return role_name(ROLE_VIEWER);
    case ACCESS_EDITOR:
        return role_name(ROLE_EDITOR);
    case ACCESS_ADMIN:
        return role_name(ROLE_ADMIN);
    default:
        return NULL;
    }
}

/* Are the numbers made up? Control data of `demo` say so (cmd/demo.c). */
static bool is_demo(const struct api *api) {
    struct buf doc = {0};
    uint64_t version = 0;
    int rc = control_get(live_instance(api->options.live)->control, "demo", &doc, &version, NULL);
    buf_release(&doc);
    return rc == 0 && version != 0;
}

void api_session_get(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    const struct caller *c = api_caller(x);
    const struct site_list sites = {c->all_sites, c->sites, c->n_sites};
    const char *role = access_role(c->access);
    char csrf[SECRET_TEXT] = "";
    struct str cookie = http_cookie(x, SESSION_COOKIE);
    if (c->kind == CALLER_SESSION) {
        people_csrf(cookie, csrf);
        char *secret = str_dup(cookie); /* it lives on for as long as it is used */
        api_set_session(x, secret);
        free(secret);
    }
    api_reply_json(x, MHD_HTTP_OK,
                   json_pack("{so so so so so so sb sb}", "user", json_of(str_from(c->name)),
                             "kind", json_of(str_from(kind_name(c->kind))), "role",
                             json_of(str_from(role)), "sites",
                             role != NULL ? json_sites(&sites) : json_array(), "dashboard",
                             json_of(str_from(c->dashboard)), "csrf",
                             csrf[0] != '\0' ? json_string(csrf) : json_null(), "needs_setup",
                             (int)(!api->options.open && !people_has_admin(api_people(api))),
                             "demo", (int)is_demo(api)));
}

/* A session has begun. */
static void welcome(struct http_exchange *x, struct str given, const struct secret *session) {
    char csrf[SECRET_TEXT], name[PEOPLE_NAME_BYTES + 1];
    (void)!people_user_name(given, name, NULL); /* as it is kept */
    people_csrf(str_from(session->text), csrf);
    api_set_session(x, session->text);
    api_reply_json(x, MHD_HTTP_OK, json_pack("{ss ss}", "user", name, "csrf", csrf));
}

/* Wrong passwords are 401; ones that come too fast 429. */
static void refuse(struct http_exchange *x, int rc, bool tried, unsigned wait,
                   const struct err *err) {
    char seconds[16];
    if (rc == ERR_AWAY && wait > 0) {
        snprintf(seconds, sizeof seconds, "%u", wait);
        http_set_header(x, "Retry-After", seconds);
        http_reply_error(x, MHD_HTTP_TOO_MANY_REQUESTS, "%s", err->text);
    } else if (rc == ERR_USAGE && tried) {
        http_reply_error(x, MHD_HTTP_UNAUTHORIZED, "%s", err->text);
    } else {
        api_reply_err(x, err);
    }
}

/* No other page may log its visitors in here. */
static bool is_foreign(struct http_exchange *x) {
    if (api_same_origin(x, false))
        return false;
    http_reply_error(x, MHD_HTTP_FORBIDDEN, "this does not come from our pages (Origin)");
    return true;
}

/* The session that the browser had before ends: a new one never takes over its id. */
static void end_old(struct api *api, const struct http_exchange *x) {
    struct str old = http_cookie(x, SESSION_COOKIE);
    struct err err;
    if (old.len > 0)
        (void)!people_logout(api_people(api), old, &err);
}

void api_session_post(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    json_t *doc = NULL;
    struct str name, password;
    struct secret session;
    unsigned wait = 0;
    struct err err = {0};
    bool tried = false;
    if (is_foreign(x))
        return;
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = body_need(doc, "name", &name, &err);
    if (rc == 0)
        rc = body_need(doc, "password", &password, &err);
    if (rc == 0) {
        tried = true;
        rc = people_login(api_people(api), name, password, api_client_address(x), &session, &wait,
                          &err);
    }
    if (rc == 0) {
        end_old(api, x);
        welcome(x, name, &session);
    } else {
        refuse(x, rc, tried, wait, &err);
    }
    json_decref(doc);
}

void api_session_delete(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct err err = {0};
    int rc = 0;
    if (api_is_forged(x)) {
        http_reply_error(x, MHD_HTTP_FORBIDDEN, "this does not come from our pages (Origin)");
        return;
    }
    if (api_caller(x)->kind == CALLER_SESSION)
        rc = people_logout(api_people(api), http_cookie(x, SESSION_COOKIE), &err);
    if (rc != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_set_session(x, "");
    api_reply_nothing(x);
}

void api_session_password(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    const struct caller *c = api_caller(x);
    json_t *doc = NULL;
    struct str old, password;
    struct secret session;
    unsigned wait = 0;
    struct err err = {0};
    if (c->kind != CALLER_SESSION) {
        http_reply_error(x, MHD_HTTP_FORBIDDEN, "only who is logged in has a password");
        return;
    }
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = body_need(doc, "old", &old, &err);
    if (rc == 0)
        rc = body_need(doc, "password", &password, &err);
    if (rc == 0)
        rc = people_change_password(api_people(api), str_from(c->name), old, password,
                                    api_client_address(x), &session, &wait, &err);
    if (rc == 0) {
        api_audit(x, "password_changed", "user", str_from(c->name));
        welcome(x, str_from(c->name), &session);
    } else {
        refuse(x, rc, false, wait, &err);
    }
    json_decref(doc);
}

void api_setup_post(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    json_t *doc = NULL;
    struct str setup, name, password;
    struct secret session;
    struct err err = {0};
    if (is_foreign(x))
        return;
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = body_need(doc, "token", &setup, &err);
    if (rc == 0)
        rc = body_need(doc, "name", &name, &err);
    if (rc == 0)
        rc = body_need(doc, "password", &password, &err);
    if (rc == 0)
        rc = people_setup(api_people(api), setup, name, password, &session, &err);
    if (rc == 0) {
        api_audit(x, "user_added", "user", name);
        welcome(x, name, &session);
    } else {
        refuse(x, rc, false, rc == ERR_AWAY, &err);
    }
    json_decref(doc);
}

/* --- users --- */

static json_t *user_json(const struct user *u) {
    return json_pack("{ss ss so so sI}", "name", u->name, "role", role_name(u->role), "sites",
                     json_sites(&u->sites), "created", json_time(u->created_ms), "version",
                     (json_int_t)u->version);
}

static bool add_user_json(void *arg, const struct user *u) {
    json_array_append_new(arg, user_json(u));
    return true;
}

void api_users_list(struct http_exchange *x, void *arg) {
    json_t *list = json_array();
    people_each_user(api_people(arg), add_user_json, list);
    api_reply_json(x, MHD_HTTP_OK, json_pack("{so}", "users", list));
}

/* Replies with the user as it is now. */
static void show_user(struct http_exchange *x, struct api *api, unsigned status, struct str name) {
    struct user u;
    struct err err = {0};
    if (people_find_user(api_people(api), name, &u, &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_set_version(x, u.version);
    api_reply_json(x, status, user_json(&u));
    user_release(&u);
}

void api_users_get(struct http_exchange *x, void *arg) {
    show_user(x, arg, MHD_HTTP_OK, http_param(x, 0));
}

/* To be released. */
static int read_change(const json_t *doc, struct user_change *ret, struct err *err) {
    struct str role;
    int rc = body_text(doc, "role", &role, err);
    if (rc == 0 && role.ptr != NULL && !role_parse(role, &ret->role))
        rc = err_set(err, ERR_USAGE, "a role is admin, editor or viewer");
    ret->has_role = role.ptr != NULL;
    ret->has_sites = json_object_get(doc, "sites") != NULL;
    if (rc == 0)
        rc = body_text(doc, "password", &ret->password, err);
    return rc == 0 ? body_sites(doc, &ret->sites, err) : rc;
}

static void release_change(struct user_change *change) { site_list_release(&change->sites); }

void api_users_post(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct user_change change = {0};
    char name[PEOPLE_NAME_BYTES + 1];
    struct str given;
    json_t *doc = NULL;
    struct err err = {0};
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = body_need(doc, "name", &given, &err);
    if (rc == 0)
        rc = people_user_name(given, name, &err);
    if (rc == 0)
        rc = read_change(doc, &change, &err);
    if (rc == 0)
        rc = people_add_user(api_people(api), given, &change, &err);
    if (rc == 0) {
        api_audit(x, "user_added", "user", str_from(name));
        show_user(x, api, MHD_HTTP_CREATED, str_from(name));
    } else {
        api_reply_err(x, &err);
    }
    release_change(&change);
    json_decref(doc);
}

/* False: replied. */
static bool find_version(struct http_exchange *x, struct api *api, struct str name,
                         uint64_t *ret_version) {
    struct user u;
    struct err err = {0};
    if (people_find_user(api_people(api), name, &u, &err) != 0) {
        api_reply_err(x, &err);
        return false;
    }
    *ret_version = u.version;
    user_release(&u);
    return api_match(x, *ret_version);
}

void api_users_put(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct user_change change = {0};
    struct str name = http_param(x, 0);
    json_t *doc = NULL;
    uint64_t version;
    struct err err = {0};
    if (!find_version(x, api, name, &version))
        return;
    int rc = body_read(x, &doc, &err);
    if (rc == 0)
        rc = read_change(doc, &change, &err);
    if (rc == 0)
        rc = people_change_user(api_people(api), name, version, &change, &err);
    if (rc == 0) {
        api_audit(x, "user_changed", "user", name);
        show_user(x, api, MHD_HTTP_OK, name);
    } else {
        api_reply_err(x, &err);
    }
    release_change(&change);
    json_decref(doc);
}

void api_users_delete(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct str name = http_param(x, 0);
    uint64_t version;
    struct err err = {0};
    if (!find_version(x, api, name, &version))
        return;
    if (people_remove_user(api_people(api), name, version, &err) != 0) {
        api_reply_err(x, &err);
        return;
    }
    api_audit(x, "user_removed", "user", name);
    api_reply_nothing(x);
}

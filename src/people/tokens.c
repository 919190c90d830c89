#include "people/tokens.h"

#include "people/people_internal.h"
#include <stdlib.h>

#define INGEST STR("ingest:")

void token_release(struct token *t) {
    free(t->name);
    free(t->by);
    for (size_t i = 0; i < t->n_scopes; i++)
        free(t->scopes[i]);
    free(t->scopes);
    site_list_release(&t->sites);
}

static struct token copy_token(const struct token *t) {
    struct token copy = *t;
    copy.name = xstrdup(t->name);
    copy.by = xstrdup(t->by);
    copy.scopes = xcalloc(t->n_scopes + 1, sizeof *copy.scopes);
    for (size_t i = 0; i < t->n_scopes; i++)
        copy.scopes[i] = xstrdup(t->scopes[i]);
    copy.sites = site_list_copy(&t->sites);
    return copy;
}

static bool has_scope(const struct token *t, const char *scope) {
    for (size_t i = 0; i < t->n_scopes; i++)
        if (strcmp(t->scopes[i], scope) == 0)
            return true;
    return false;
}

/* --- making --- */

static bool is_scope(struct str s) {
    return str_is(s, "read") || str_is(s, "admin") || (str_starts(s, INGEST) && s.len > INGEST.len);
}

static bool is_plain(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0;
}

static int check(const struct people *p, const struct token *t, struct err *err) {
    struct str name = str_from(t->name);
    if (!is_plain(name) || name.len > PEOPLE_NAME_BYTES)
        return err_set(err, ERR_USAGE, "a token needs a name of 1 to %zu bytes", PEOPLE_NAME_BYTES);
    if (t->n_scopes == 0 || t->n_scopes > TOKEN_SCOPES)
        return err_set(err, ERR_USAGE, "a token has 1 to %zu scopes", TOKEN_SCOPES);
    for (size_t i = 0; i < t->n_scopes; i++)
        if (!is_scope(str_from(t->scopes[i])) || !is_plain(str_from(t->scopes[i])) ||
            strlen(t->scopes[i]) > 255)
            return err_set(err, ERR_USAGE, "\"%.60s\" is no scope: read, admin or ingest:SOURCE is",
                           t->scopes[i]);
    if (has_scope(t, "admin") && !t->sites.all)
        return err_set(err, ERR_USAGE, "the scope admin is for all sites");
    if (t->sites.n > PEOPLE_SITES)
        return err_set(err, ERR_TOOBIG, "at most %zu sites", PEOPLE_SITES);
    if (t->expires_ms != 0 && t->expires_ms <= now_ms(p))
        return err_set(err, ERR_USAGE, "the token would have expired already");
    return 0;
}

/* With `lock`. */
static int check_room(const struct people *p, const char *name, struct err *err) {
    for (size_t i = 0; i < p->tokens.len; i++)
        if (strcmp(p->tokens.items[i].token.name, name) == 0)
            return err_set(err, ERR_BUSY, "there is a token \"%s\" already", name);
    if (p->tokens.len >= TOKENS_MOST)
        return err_set(err, ERR_TOOBIG, "there are %zu tokens, which is the limit", p->tokens.len);
    return 0;
}

int people_add_token(struct people *p, const struct token *spec, struct secret *ret,
                     struct token *ret_token, struct err *err) {
    struct changes_set set = {0};
    struct buf body = {0};
    int rc = check(p, spec, err);
    if (rc != 0)
        return rc;
    struct held_token h = {.token = copy_token(spec)};
    secret_make("cask_", ret);
    secret_hash(str_from(ret->text), h.token.hash);
    h.token.created_ms = now_ms(p);
    h.token.used_day = 0;
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    rc = check_maker(p, h.token.by, ROLE_ADMIN, NULL, err);
    if (rc == 0)
        rc = check_room(p, h.token.name, err);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0) {
        token_write(&h.token, &body);
        changes_add(&set, "token", h.token.hash, &body, 0);
        rc = changes_commit(&set, p, err);
    }
    if (rc == 0) {
        *ret_token = copy_token(&h.token);
        pthread_mutex_lock(&p->lock);
        vec_push(&p->tokens, h);
        pthread_mutex_unlock(&p->lock);
    } else {
        token_release(&h.token);
    }
    pthread_mutex_unlock(&p->write);
    return rc;
}

/* --- revoking, listing --- */

static struct held_token *find_id(struct people *p, struct str id) {
    for (size_t i = 0; i < p->tokens.len; i++) {
        struct held_token *h = &p->tokens.items[i];
        if (str_eq(id, str_of(h->token.hash, TOKEN_ID_BYTES)) || str_is(id, h->token.name))
            return h;
    }
    return NULL;
}

int people_remove_token(struct people *p, struct str id, char **ret_name, struct err *err) {
    struct changes_set set = {0};
    int rc = 0;
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    const struct held_token *h = find_id(p, id);
    if (h == NULL)
        rc = err_set(err, ERR_NOTFOUND, "there is no token \"" STR_FMT "\"", STR_ARG(id));
    else
        changes_add(&set, "token", h->token.hash, NULL, CONTROL_ANY);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        rc = changes_commit(&set, p, err);
    if (rc == 0) {
        pthread_mutex_lock(&p->lock);
        struct held_token *gone = find_id(p, id);
        if (ret_name != NULL)
            *ret_name = xstrdup(gone->token.name);
        token_release(&gone->token);
        *gone = p->tokens.items[--p->tokens.len];
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&p->write);
    return rc;
}

void people_each_token(struct people *p, bool (*see)(void *arg, const struct token *t), void *arg) {
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->tokens.len; i++)
        if (!see(arg, &p->tokens.items[i].token))
            break;
    pthread_mutex_unlock(&p->lock);
}

/* --- using --- */

/* With `lock`. NULL: none, or it has expired. */
static const struct token *use(struct people *p, struct str secret) {
    char hash[SECRET_TEXT];
    int64_t now = now_ms(p);
    secret_hash(secret, hash);
    for (size_t i = 0; i < p->tokens.len; i++) {
        struct held_token *h = &p->tokens.items[i];
        if (memcmp(h->token.hash, hash, SECRET_TEXT) != 0)
            continue;
        if (h->token.expires_ms != 0 && h->token.expires_ms <= now)
            return NULL;
        if (h->token.used_day < now / DAY_MS) {
            h->token.used_day = now / DAY_MS;
            h->touched = p->touched = true;
        }
        return &h->token;
    }
    return NULL;
}

bool people_find_token(struct people *p, struct str secret, struct grant *ret) {
    pthread_mutex_lock(&p->lock);
    const struct token *t = use(p, secret);
    if (t != NULL) {
        enum role role = has_scope(t, "admin")  ? ROLE_ADMIN
                         : has_scope(t, "read") ? ROLE_VIEWER
                                                : ROLE_NONE;
        *ret = grant_of(role, t->name, &t->sites, NULL);
        ret->by = xstrdup(t->by);
    }
    pthread_mutex_unlock(&p->lock);
    return t != NULL;
}

bool people_token_may_ingest(struct people *p, struct str secret, struct str source) {
    struct buf scope = {0};
    buf_add_str(&scope, INGEST);
    buf_add_str(&scope, source);
    pthread_mutex_lock(&p->lock);
    const struct token *t = use(p, secret);
    bool may = t != NULL && (has_scope(t, "admin") || has_scope(t, buf_cstr(&scope)));
    pthread_mutex_unlock(&p->lock);
    buf_release(&scope);
    return may;
}

#include "people/shares.h"

#include "people/people_internal.h"
#include <stdlib.h>

void share_release(struct share *s) {
    free(s->dashboard);
    free(s->by);
    site_list_release(&s->sites);
}

static struct share copy_share(const struct share *s) {
    struct share copy = *s;
    copy.dashboard = s->dashboard != NULL ? xstrdup(s->dashboard) : NULL;
    copy.by = xstrdup(s->by);
    copy.sites = site_list_copy(&s->sites);
    return copy;
}

static int check(const struct people *p, const struct share *s, struct err *err) {
    int64_t now = now_ms(p);
    if (s->sites.all || s->sites.n == 0 || s->sites.n > PEOPLE_SITES)
        return err_set(err, ERR_USAGE, "name the sites that may be seen");
    if (s->dashboard == NULL && s->sites.n != 1)
        return err_set(err, ERR_USAGE, "a share link is for one site, or for a dashboard");
    if (s->dashboard != NULL && (*s->dashboard == '\0' || strlen(s->dashboard) > PEOPLE_NAME_BYTES))
        return err_set(err, ERR_USAGE, "the name of a dashboard has 1 to %zu bytes",
                       PEOPLE_NAME_BYTES);
    if (s->expires_ms <= now || s->expires_ms > now + SHARE_DAYS_MOST * DAY_MS)
        return err_set(err, ERR_USAGE, "a share link expires within %d days", SHARE_DAYS_MOST);
    return 0;
}

/* With `lock`: the first that is over, NULL if none is. */
static struct share *find_expired(struct people *p) {
    for (size_t i = 0; i < p->shares.len; i++)
        if (p->shares.items[i].expires_ms <= now_ms(p))
            return &p->shares.items[i];
    return NULL;
}

static void drop_share(struct people *p, struct share *s) {
    share_release(s);
    *s = p->shares.items[--p->shares.len];
}

int people_add_share(struct people *p, const struct share *spec, struct secret *ret,
                     struct share *ret_share, struct err *err) {
    struct share s = *spec;
    struct changes_set set = {0};
    struct buf body = {0};
    if (s.expires_ms == 0)
        s.expires_ms = now_ms(p) + SHARE_DAYS * DAY_MS;
    int rc = check(p, &s, err);
    if (rc != 0)
        return rc;
    s = copy_share(&s);
    secret_make("", ret);
    secret_hash(str_from(ret->text), s.hash);
    s.created_ms = now_ms(p);
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    for (struct share *old; (old = find_expired(p)) != NULL;) {
        changes_add(&set, "share", old->hash, NULL, CONTROL_ANY);
        drop_share(p, old); /* over is over, whatever becomes of the commit */
    }
    rc = check_maker(p, s.by, ROLE_EDITOR, &s.sites, err);
    if (rc == 0 && p->shares.len >= SHARES_MOST)
        rc = err_set(err, ERR_TOOBIG, "there are %zu share links, which is the limit",
                     p->shares.len);
    pthread_mutex_unlock(&p->lock);
    share_write(&s, &body);
    if (rc == 0)
        changes_add(&set, "share", s.hash, &body, 0);
    int committed = changes_commit(&set, p, rc == 0 ? err : NULL);
    rc = rc == 0 ? committed : rc;
    if (rc == 0) {
        *ret_share = copy_share(&s);
        pthread_mutex_lock(&p->lock);
        vec_push(&p->shares, s);
        pthread_mutex_unlock(&p->lock);
    } else {
        share_release(&s);
    }
    pthread_mutex_unlock(&p->write);
    buf_release(&body);
    return rc;
}

static struct share *find_id(struct people *p, struct str id, const char *by) {
    for (size_t i = 0; i < p->shares.len; i++) {
        struct share *s = &p->shares.items[i];
        if (str_eq(id, str_of(s->hash, SHARE_ID_BYTES)) && (by == NULL || strcmp(s->by, by) == 0))
            return s;
    }
    return NULL;
}

int people_remove_share(struct people *p, struct str id, const char *by, struct err *err) {
    struct changes_set set = {0};
    int rc = 0;
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    const struct share *s = find_id(p, id, by);
    if (s == NULL)
        rc = err_set(err, ERR_NOTFOUND, "there is no share link \"" STR_FMT "\"", STR_ARG(id));
    else
        changes_add(&set, "share", s->hash, NULL, CONTROL_ANY);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        rc = changes_commit(&set, p, err);
    pthread_mutex_lock(&p->lock);
    struct share *gone = rc == 0 ? find_id(p, id, by) : NULL;
    if (gone != NULL)
        drop_share(p, gone);
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->write);
    return rc;
}

void people_each_share(struct people *p, bool (*see)(void *arg, const struct share *s), void *arg) {
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->shares.len; i++)
        if (p->shares.items[i].expires_ms > now_ms(p) && !see(arg, &p->shares.items[i]))
            break;
    pthread_mutex_unlock(&p->lock);
}

bool people_find_share(struct people *p, struct str secret, struct grant *ret) {
    char hash[SECRET_TEXT];
    bool found = false;
    secret_hash(secret, hash);
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->shares.len && !found; i++) {
        const struct share *s = &p->shares.items[i];
        found = memcmp(s->hash, hash, SECRET_TEXT) == 0 && s->expires_ms > now_ms(p);
        if (found)
            *ret = grant_of(ROLE_VIEWER, "share link", &s->sites, s->dashboard);
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

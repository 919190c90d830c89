#include "people/people_internal.h"

#include <stdlib.h>

void user_release(struct user *u) {
    free(u->name);
    free(u->password);
    site_list_release(&u->sites);
}

struct user *find_user(struct people *p, struct str name) {
    for (size_t i = 0; i < p->users.len; i++)
        if (str_is(name, p->users.items[i].name))
            return &p->users.items[i];
    return NULL;
}

int check_maker(struct people *p, const char *by, enum role least, const struct site_list *sites,
                struct err *err) {
    const struct user *u = find_user(p, str_from(by));
    if (strcmp(by, PEOPLE_LOCAL) == 0)
        return 0;
    if (u == NULL || u->role < least)
        return err_set(err, ERR_NOTFOUND, "there is no %s \"%s\" any more", role_name(least), by);
    return sites == NULL || site_list_covers(&u->sites, sites)
               ? 0
               : err_set(err, ERR_USAGE, "\"%s\" may not see all of these sites", by);
}

static struct user copy_user(const struct user *u) {
    struct user copy = *u;
    copy.name = xstrdup(u->name);
    copy.password = xstrdup(u->password);
    copy.sites = site_list_copy(&u->sites);
    return copy;
}

static int unknown_user(struct str name, struct err *err) {
    return err_set(err, ERR_NOTFOUND, "there is no user \"" STR_FMT "\"", STR_ARG(name));
}

/* How many administrators there are beside that user. */
static size_t count_admins(const struct people *p, const struct user *except) {
    size_t n = 0;
    for (size_t i = 0; i < p->users.len; i++)
        n += p->users.items[i].role == ROLE_ADMIN && &p->users.items[i] != except;
    return n;
}

bool people_has_admin(struct people *p) {
    pthread_mutex_lock(&p->lock);
    bool any = count_admins(p, NULL) > 0;
    pthread_mutex_unlock(&p->lock);
    return any;
}

int people_user_name(struct str given, char *ret, struct err *err) {
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789._@+-";
    size_t n = 0;
    bool good = given.len > 0 && given.len <= PEOPLE_NAME_BYTES;
    for (; good && n < given.len; n++) {
        char c = given.ptr[n];
        ret[n] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        const char *known = ret[n] != '\0' ? strchr(others, ret[n]) : NULL;
        good = known != NULL && (n > 0 || known - others < 36);
    }
    ret[good ? n : 0] = '\0';
    return good ? 0
                : err_set(err, ERR_USAGE,
                          "a name has 1 to %zu letters, digits and . _ @ + -, and begins with a "
                          "letter or digit",
                          PEOPLE_NAME_BYTES);
}

static int admin_sees_all(struct err *err) {
    return err_set(err, ERR_USAGE, "an administrator sees all sites: name none");
}

/* An administrator sees all sites, so that nothing is left that nobody can manage. */
static void apply(struct user *u, const struct user_change *change) {
    if (change->has_role)
        u->role = change->role;
    if (change->has_sites) {
        struct site_list old = u->sites;
        u->sites = site_list_copy(&change->sites);
        site_list_release(&old);
    }
    if (u->role == ROLE_ADMIN && !u->sites.all) {
        site_list_release(&u->sites);
        u->sites.all = true;
    }
}

/* Tokens are made by administrators, share links by editors and of their own sites. `u` is the user
 * as he is to be; of role ROLE_NONE: gone. */
static bool keeps_token(const struct user *u, const struct token *t) {
    return strcmp(t->by, u->name) != 0 || u->role >= ROLE_ADMIN;
}

static bool keeps_share(const struct user *u, const struct share *s) {
    return strcmp(s->by, u->name) != 0 ||
           (u->role >= ROLE_EDITOR && site_list_covers(&u->sites, &s->sites));
}

/* Put the removal of what the user had made and may not have any more into *set. */
static void plan_end_made(const struct people *p, const struct user *u, struct changes_set *set) {
    for (size_t i = 0; i < p->tokens.len; i++)
        if (!keeps_token(u, &p->tokens.items[i].token))
            changes_add(set, "token", p->tokens.items[i].token.hash, NULL, CONTROL_ANY);
    for (size_t i = 0; i < p->shares.len; i++)
        if (!keeps_share(u, &p->shares.items[i]))
            changes_add(set, "share", p->shares.items[i].hash, NULL, CONTROL_ANY);
}

/* Forget it in memory, after the commit. */
static void end_made(struct people *p, const struct user *u) {
    for (size_t i = p->tokens.len; i-- > 0;) {
        if (keeps_token(u, &p->tokens.items[i].token))
            continue;
        token_release(&p->tokens.items[i].token);
        p->tokens.items[i] = p->tokens.items[--p->tokens.len];
    }
    for (size_t i = p->shares.len; i-- > 0;) {
        if (keeps_share(u, &p->shares.items[i]))
            continue;
        share_release(&p->shares.items[i]);
        p->shares.items[i] = p->shares.items[--p->shares.len];
    }
}

static int check_change(const struct user_change *change, struct err *err) {
    if (change->has_role && (change->role <= ROLE_NONE || change->role > ROLE_ADMIN))
        return err_set(err, ERR_USAGE, "a role is admin, editor or viewer");
    if (change->has_role && change->role == ROLE_ADMIN && change->has_sites && !change->sites.all)
        return admin_sees_all(err);
    if (change->has_sites && change->sites.n > PEOPLE_SITES)
        return err_set(err, ERR_TOOBIG, "at most %zu sites", PEOPLE_SITES);
    return change->password.ptr != NULL ? password_check_form(change->password, err) : 0;
}

int people_add_user(struct people *p, struct str given, const struct user_change *change,
                    struct err *err) {
    char name[PEOPLE_NAME_BYTES + 1];
    struct user u = {.role = ROLE_NONE, .sites = {.all = true}, .version = 1};
    struct changes_set set = {0};
    struct buf body = {0};
    int rc = people_user_name(given, name, err);
    if (rc == 0 && (!change->has_role || change->password.ptr == NULL))
        rc = err_set(err, ERR_USAGE, "a new user needs a role and a password");
    if (rc == 0 && strcmp(name, PEOPLE_LOCAL) == 0)
        rc = err_set(err, ERR_USAGE, "\"" PEOPLE_LOCAL "\" stands for the command line");
    if (rc == 0)
        rc = check_change(change, err);
    if (rc == 0)
        rc = password_hash(p, change->password, &u.password, err);
    if (rc != 0)
        return rc;
    u.name = xstrdup(name);
    u.created_ms = now_ms(p);
    apply(&u, change);
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    if (find_user(p, str_from(name)) != NULL)
        rc = err_set(err, ERR_BUSY, "there is a user \"%s\" already", name);
    else if (p->users.len >= PEOPLE_USERS)
        rc = err_set(err, ERR_TOOBIG, "there are %zu users, which is the limit", p->users.len);
    pthread_mutex_unlock(&p->lock);
    if (rc == 0) {
        user_write(&u, &body);
        changes_add(&set, "user", name, &body, 0);
        rc = changes_commit(&set, p, err);
    }
    if (rc == 0) {
        pthread_mutex_lock(&p->lock);
        size_t at = p->users.len;
        vec_push(&p->users, u);
        for (; at > 0 && strcmp(p->users.items[at - 1].name, name) > 0; at--)
            p->users.items[at] = p->users.items[at - 1];
        p->users.items[at] = u;
        pthread_mutex_unlock(&p->lock);
    } else {
        user_release(&u);
    }
    pthread_mutex_unlock(&p->write);
    return rc;
}

/* With `write` and `lock`. */
static int find_version(struct people *p, struct str name, uint64_t version, struct user **ret,
                        struct err *err) {
    *ret = find_user(p, name);
    if (*ret == NULL)
        return unknown_user(name, err);
    if (version != CONTROL_ANY && version != (*ret)->version)
        return err_set(err, ERR_BUSY, "user \"" STR_FMT "\" was changed by somebody else",
                       STR_ARG(name));
    return 0;
}

static int check_last_admin(const struct people *p, const struct user *u, struct err *err) {
    if (u->role == ROLE_ADMIN && count_admins(p, u) == 0)
        return err_set(err, ERR_BUSY, "\"%s\" is the only administrator", u->name);
    return 0;
}

int people_change_user(struct people *p, struct str name, uint64_t version,
                       const struct user_change *change, struct err *err) {
    struct user *u = NULL, fresh = {0};
    struct changes_set set = {0};
    struct buf body = {0};
    char *password = NULL;
    int rc = check_change(change, err);
    if (rc == 0 && change->password.ptr != NULL)
        rc = password_hash(p, change->password, &password, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    rc = find_version(p, name, version, &u, err);
    if (rc == 0 && change->has_role && change->role != ROLE_ADMIN)
        rc = check_last_admin(p, u, err);
    if (rc == 0 && !change->has_role && u->role == ROLE_ADMIN && change->has_sites &&
        !change->sites.all)
        rc = admin_sees_all(err);
    if (rc == 0) {
        fresh = copy_user(u);
        fresh.version++;
        apply(&fresh, change);
        plan_end_made(p, &fresh, &set);
        if (password != NULL) {
            free(fresh.password);
            fresh.password = xstrdup(password);
            plan_end_sessions(p, fresh.name, &set);
        }
        user_write(&fresh, &body);
        changes_add(&set, "user", fresh.name, &body, fresh.version - 1);
    }
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        rc = changes_commit(&set, p, err);
    if (rc == 0) {
        pthread_mutex_lock(&p->lock);
        if (password != NULL)
            end_sessions(p, fresh.name);
        end_made(p, &fresh);
        u = find_user(p, name);
        struct user old = *u;
        *u = fresh;
        fresh = old;
        pthread_mutex_unlock(&p->lock);
        if (password != NULL)
            throttle_forgive(p->throttle, name);
    }
    pthread_mutex_unlock(&p->write);
    user_release(&fresh);
    free(password);
    return rc;
}

int people_remove_user(struct people *p, struct str given, uint64_t version, struct err *err) {
    struct user *u = NULL;
    struct changes_set set = {0};
    char *name = str_dup(given);
    const struct user gone = {.name = name, .role = ROLE_NONE};
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    int rc = find_version(p, given, version, &u, err);
    if (rc == 0)
        rc = check_last_admin(p, u, err);
    if (rc == 0) {
        plan_end_sessions(p, name, &set);
        plan_end_made(p, &gone, &set);
        changes_add(&set, "user", name, NULL, u->version);
    }
    pthread_mutex_unlock(&p->lock);
    if (rc == 0)
        rc = changes_commit(&set, p, err);
    if (rc == 0) {
        pthread_mutex_lock(&p->lock);
        end_sessions(p, name);
        end_made(p, &gone);
        u = find_user(p, str_from(name));
        user_release(u);
        size_t at = (size_t)(u - p->users.items);
        memmove(u, u + 1, (--p->users.len - at) * sizeof *u);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&p->write);
    free(name);
    return rc;
}

void people_each_user(struct people *p, bool (*see)(void *arg, const struct user *user),
                      void *arg) {
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->users.len; i++)
        if (!see(arg, &p->users.items[i]))
            break;
    pthread_mutex_unlock(&p->lock);
}

int people_find_user(struct people *p, struct str name, struct user *ret, struct err *err) {
    pthread_mutex_lock(&p->lock);
    const struct user *u = find_user(p, name);
    if (u != NULL)
        *ret = copy_user(u);
    pthread_mutex_unlock(&p->lock);
    return u != NULL ? 0 : unknown_user(name, err);
}

#include "people/people_internal.h"

#include <stdlib.h>

#define FLUSH_MS ((int64_t)60 * 1000)

/* --- words --- */

static const char *const roles[] = {
    [ROLE_VIEWER] = "viewer", [ROLE_EDITOR] = "editor", [ROLE_ADMIN] = "admin"};

const char *role_name(enum role role) {
    return role > ROLE_NONE && role <= ROLE_ADMIN ? roles[role] : "none";
}

bool role_parse(struct str name, enum role *ret) {
    for (enum role r = ROLE_VIEWER; r <= ROLE_ADMIN; r++) {
        if (str_is(name, roles[r])) {
            *ret = r;
            return true;
        }
    }
    return false;
}

bool site_list_has(const struct site_list *l, struct str site) {
    for (size_t i = 0; i < l->n; i++)
        if (str_is(site, l->items[i]))
            return true;
    return l->all;
}

bool site_list_covers(const struct site_list *l, const struct site_list *part) {
    if (l->all || part->all)
        return l->all;
    for (size_t i = 0; i < part->n; i++)
        if (!site_list_has(l, str_from(part->items[i])))
            return false;
    return true;
}

struct site_list site_list_copy(const struct site_list *l) {
    struct site_list copy = {.all = l->all, .n = l->n};
    copy.items = xcalloc(l->n + 1, sizeof *copy.items);
    for (size_t i = 0; i < l->n; i++)
        copy.items[i] = xstrdup(l->items[i]);
    return copy;
}

void site_list_release(struct site_list *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct site_list){0};
}

struct grant grant_of(enum role role, const char *name, const struct site_list *sites,
                      const char *dashboard) {
    return (struct grant){.role = role,
                          .name = xstrdup(name),
                          .sites = site_list_copy(sites),
                          .dashboard = dashboard != NULL ? xstrdup(dashboard) : NULL};
}

void grant_release(struct grant *g) {
    free(g->name);
    free(g->by);
    free(g->dashboard);
    site_list_release(&g->sites);
}

/* --- opening and closing --- */

int people_open(struct control *control, const struct clock *clock, struct people **ret,
                struct err *err) {
    struct people *p = xcalloc(1, sizeof *p);
    p->control = control;
    p->clock = clock;
    p->throttle = throttle_new(clock);
    p->flushed_ms = clock_now_ms(clock);
    pthread_mutex_init(&p->write, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_mutex_init(&p->hashing, NULL);
    pthread_cond_init(&p->hashed, NULL);
    int rc = people_load(p, err);
    if (rc != 0)
        people_close(p);
    else
        *ret = p;
    return rc;
}

static void flush(struct people *p) {
    struct changes_set set = {0};
    struct buf body = {0};
    pthread_mutex_lock(&p->lock);
    p->touched = false;
    p->flushed_ms = now_ms(p);
    for (size_t i = 0; i < p->sessions.len; i++) {
        struct session *s = &p->sessions.items[i];
        if (!s->touched)
            continue;
        session_write(s, &body);
        changes_add(&set, "session", s->hash, &body, CONTROL_ANY);
        s->touched = false;
    }
    for (size_t i = 0; i < p->tokens.len; i++) {
        struct held_token *h = &p->tokens.items[i];
        if (!h->touched)
            continue;
        token_write(&h->token, &body);
        changes_add(&set, "token", h->token.hash, &body, CONTROL_ANY);
        h->touched = false;
    }
    pthread_mutex_unlock(&p->lock);
    struct err err;
    (void)!changes_commit(&set, p, &err); /* the day of last use may be an older one */
}

void people_flush(struct people *p) {
    int64_t now = now_ms(p);
    pthread_mutex_lock(&p->lock);
    bool due = p->touched && (now - p->flushed_ms > FLUSH_MS || now < p->flushed_ms);
    pthread_mutex_unlock(&p->lock);
    if (!due)
        return;
    pthread_mutex_lock(&p->write);
    flush(p);
    pthread_mutex_unlock(&p->write);
}

void people_close(struct people *p) {
    if (p == NULL)
        return;
    flush(p);
    for (size_t i = 0; i < p->users.len; i++)
        user_release(&p->users.items[i]);
    for (size_t i = 0; i < p->sessions.len; i++)
        session_release(&p->sessions.items[i]);
    for (size_t i = 0; i < p->tokens.len; i++)
        token_release(&p->tokens.items[i].token);
    for (size_t i = 0; i < p->shares.len; i++)
        share_release(&p->shares.items[i]);
    vec_free(&p->users);
    vec_free(&p->sessions);
    vec_free(&p->tokens);
    vec_free(&p->shares);
    throttle_free(p->throttle);
    pthread_cond_destroy(&p->hashed);
    pthread_mutex_destroy(&p->hashing);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->write);
    free(p);
}

#include "people/sessions.h"

#include "people/people_internal.h"
#include <stdlib.h>

void session_release(struct session *s) { free(s->user); }

static int64_t today(const struct people *p) { return now_ms(p) / DAY_MS; }

static bool is_over(const struct people *p, const struct session *s) {
    return today(p) - s->used_day > SESSION_IDLE_DAYS;
}

/* --- ending --- */

static bool ends(const struct people *p, const struct session *s, const char *user) {
    return is_over(p, s) || (user != NULL && strcmp(s->user, user) == 0);
}

void plan_end_sessions(struct people *p, const char *user, struct changes_set *set) {
    for (size_t i = 0; i < p->sessions.len; i++)
        if (ends(p, &p->sessions.items[i], user))
            changes_add(set, "session", p->sessions.items[i].hash, NULL, CONTROL_ANY);
}

static void drop_session(struct people *p, size_t i) {
    session_release(&p->sessions.items[i]);
    p->sessions.items[i] = p->sessions.items[--p->sessions.len];
}

void end_sessions(struct people *p, const char *user) {
    size_t kept = 0;
    for (size_t i = 0; i < p->sessions.len; i++) {
        if (ends(p, &p->sessions.items[i], user))
            session_release(&p->sessions.items[i]);
        else
            p->sessions.items[kept++] = p->sessions.items[i];
    }
    p->sessions.len = kept;
}

static struct session *find_session(struct people *p, const char *hash) {
    for (size_t i = 0; i < p->sessions.len; i++)
        if (memcmp(p->sessions.items[i].hash, hash, SECRET_TEXT) == 0)
            return &p->sessions.items[i];
    return NULL;
}

int people_logout(struct people *p, struct str secret, struct err *err) {
    char hash[SECRET_TEXT];
    struct changes_set set = {0};
    secret_hash(secret, hash);
    pthread_mutex_lock(&p->write);
    changes_add(&set, "session", hash, NULL, CONTROL_ANY);
    int rc = changes_commit(&set, p, err);
    pthread_mutex_lock(&p->lock);
    struct session *s = rc == 0 ? find_session(p, hash) : NULL;
    if (s != NULL)
        drop_session(p, (size_t)(s - p->sessions.items));
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->write);
    return rc;
}

/* --- beginning --- */

/* The one of the user (or of anybody, when there are too many of all) that was unused for longest;
 * NULL: there is room. */
static struct session *crowded_out(struct people *p, const char *user) {
    struct session *own = NULL, *any = NULL;
    size_t n = 0;
    for (size_t i = 0; i < p->sessions.len; i++) {
        struct session *s = &p->sessions.items[i];
        bool mine = strcmp(s->user, user) == 0;
        n += mine;
        if (mine && (own == NULL || s->created_ms < own->created_ms))
            own = s;
        if (any == NULL || s->used_day < any->used_day)
            any = s;
    }
    if (n >= SESSIONS_PER_USER)
        return own;
    return p->sessions.len >= SESSIONS_MOST ? any : NULL;
}

/* `password` is the hash that was verified: when it has changed meanwhile, nothing begins. */
static int begin_session(struct people *p, const char *user, const char *password,
                         struct secret *ret, struct err *err) {
    struct session s = {.created_ms = now_ms(p), .used_day = today(p)};
    struct changes_set set = {0};
    struct buf body = {0};
    char gone[SECRET_TEXT] = "";
    int rc = 0;
    secret_make("", ret);
    secret_hash(str_from(ret->text), s.hash);
    pthread_mutex_lock(&p->write);
    pthread_mutex_lock(&p->lock);
    const struct user *u = find_user(p, str_from(user));
    if (u == NULL || strcmp(u->password, password) != 0)
        rc = err_set(err, ERR_USAGE, "wrong name or password");
    plan_end_sessions(p, NULL, &set);
    const struct session *crowded = crowded_out(p, user);
    if (crowded != NULL)
        memcpy(gone, crowded->hash, sizeof gone);
    pthread_mutex_unlock(&p->lock);
    s.user = xstrdup(user);
    session_write(&s, &body);
    if (gone[0] != '\0')
        changes_add(&set, "session", gone, NULL, CONTROL_ANY);
    changes_add(&set, "session", s.hash, &body, 0);
    if (rc != 0)
        set.puts.len = 0;
    int committed = changes_commit(&set, p, rc == 0 ? err : NULL);
    rc = rc == 0 ? committed : rc;
    pthread_mutex_lock(&p->lock);
    if (rc == 0) {
        end_sessions(p, NULL);
        struct session *old = gone[0] != '\0' ? find_session(p, gone) : NULL;
        if (old != NULL)
            drop_session(p, (size_t)(old - p->sessions.items));
        vec_push(&p->sessions, s);
    } else {
        session_release(&s);
    }
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->write);
    return rc;
}

/* --- passwords --- */

static void count_login(struct people *p, int rc) {
    pthread_mutex_lock(&p->lock);
    *(rc == 0 ? &p->counts.good : rc == ERR_AWAY ? &p->counts.throttled : &p->counts.wrong) += 1;
    pthread_mutex_unlock(&p->lock);
}

/* The hash of the user's password when it is the one given. */
static int check_password(struct people *p, struct str name, struct str password,
                          struct str address, char **ret_hash, unsigned *ret_wait,
                          struct err *err) {
    struct user user = {0};
    bool good = false;
    *ret_wait = throttle_try(p->throttle, name, address);
    if (*ret_wait > 0)
        return err_set(err, ERR_AWAY, "too many failed log-ins: wait %u seconds", *ret_wait);
    bool known = people_find_user(p, name, &user, NULL) == 0;
    int rc = password_verify(p, known ? user.password : NULL, password, &good, err);
    if (rc != 0) {
        *ret_wait = 1;
        throttle_take_back(p->throttle, name, address);
    } else if (good) {
        *ret_hash = user.password;
        user.password = NULL;
        throttle_succeed(p->throttle, name, address);
    } else {
        rc = err_set(err, ERR_USAGE, "wrong name or password");
    }
    user_release(&user);
    return rc;
}

int people_login(struct people *p, struct str given, struct str password, struct str address,
                 struct secret *ret, unsigned *ret_wait, struct err *err) {
    char name[PEOPLE_NAME_BYTES + 1], *hash = NULL;
    /* a name that nobody can have is throttled and takes its time as every other */
    if (people_user_name(given, name, NULL) != 0)
        snprintf(name, sizeof name, "?");
    int rc = check_password(p, str_from(name), password, address, &hash, ret_wait, err);
    if (rc == 0)
        rc = begin_session(p, name, hash, ret, err);
    free(hash);
    count_login(p, rc);
    return rc;
}

int people_change_password(struct people *p, struct str name, struct str old, struct str password,
                           struct str address, struct secret *ret, unsigned *ret_wait,
                           struct err *err) {
    char *hash = NULL;
    struct user user = {0};
    struct user_change change = {.password = password};
    int rc = password_check_form(password, err);
    if (rc != 0)
        return rc;
    rc = check_password(p, name, old, address, &hash, ret_wait, err);
    if (rc == ERR_USAGE)
        rc = err_set(err, ERR_USAGE, "the old password is wrong");
    if (rc == 0)
        rc = people_change_user(p, name, CONTROL_ANY, &change, err);
    if (rc == 0)
        rc = people_find_user(p, name, &user, err);
    if (rc == 0)
        rc = begin_session(p, user.name, user.password, ret, err);
    free(hash);
    user_release(&user);
    return rc;
}

/* --- who it is --- */

bool people_find_session(struct people *p, struct str secret, struct grant *ret) {
    char hash[SECRET_TEXT];
    secret_hash(secret, hash);
    pthread_mutex_lock(&p->lock);
    struct session *s = find_session(p, hash);
    const struct user *u = s != NULL && !is_over(p, s) ? find_user(p, str_from(s->user)) : NULL;
    if (u != NULL) {
        *ret = grant_of(u->role, u->name, &u->sites, NULL);
        if (s->used_day < today(p)) {
            s->used_day = today(p);
            s->touched = p->touched = true;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return u != NULL;
}

void people_csrf(struct str session, char ret[SECRET_TEXT]) { secret_derive(session, "csrf", ret); }

struct login_counts people_login_counts(struct people *p) {
    pthread_mutex_lock(&p->lock);
    struct login_counts counts = p->counts;
    pthread_mutex_unlock(&p->lock);
    return counts;
}

/* --- the first administrator --- */

void people_make_setup(struct people *p, struct secret *ret) {
    secret_make("", ret);
    pthread_mutex_lock(&p->lock);
    secret_hash(str_from(ret->text), p->setup);
    pthread_mutex_unlock(&p->lock);
}

/* Nobody else can use it from here on. */
static bool take_setup(struct people *p, struct str secret, char saved[SECRET_TEXT]) {
    char hash[SECRET_TEXT];
    secret_hash(secret, hash);
    pthread_mutex_lock(&p->lock);
    bool good = p->setup[0] != '\0' && secret_equal(str_from(hash), str_from(p->setup));
    if (good) {
        memcpy(saved, p->setup, SECRET_TEXT);
        p->setup[0] = '\0';
    }
    pthread_mutex_unlock(&p->lock);
    return good;
}

int people_setup(struct people *p, struct str setup, struct str name, struct str password,
                 struct secret *ret, struct err *err) {
    char saved[SECRET_TEXT], kept[PEOPLE_NAME_BYTES + 1];
    struct user user = {0};
    const struct user_change change = {.has_role = true, .role = ROLE_ADMIN, .password = password};
    if (people_has_admin(p) || !take_setup(p, setup, saved))
        return err_set(err, ERR_USAGE,
                       "this set-up link is not good any more: the server makes a new one when it "
                       "starts and there is no administrator");
    int rc = people_user_name(name, kept, err);
    if (rc == 0)
        rc = people_add_user(p, name, &change, err);
    if (rc != 0) { /* a mistake in the form: the link is still good */
        pthread_mutex_lock(&p->lock);
        memcpy(p->setup, saved, SECRET_TEXT);
        pthread_mutex_unlock(&p->lock);
        return rc;
    }
    rc = people_find_user(p, str_from(kept), &user, err);
    if (rc == 0)
        rc = begin_session(p, user.name, user.password, ret, err);
    user_release(&user);
    return rc;
}

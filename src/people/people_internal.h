/* Shared by the files of this folder. */
#ifndef CASK_PEOPLE_INTERNAL_H
#define CASK_PEOPLE_INTERNAL_H

#include "people/people.h"
#include "people/sessions.h"
#include "people/shares.h"
#include "people/throttle.h"
#include "people/tokens.h"

#include <jansson.h>
#include <pthread.h>

#define DAY_MS ((int64_t)86400 * 1000)

struct session {
    char hash[SECRET_TEXT];
    char *user;
    int64_t created_ms;
    int64_t used_day; /* days since 1970-01-01 */
    bool touched;     /* used_day is not written down */
};

struct held_token {
    struct token token;
    bool touched;
};

struct people {
    struct control *control;
    const struct clock *clock;
    struct throttle *throttle;
    pthread_mutex_t write; /* one change at a time, over its commit; taken before `lock` */
    pthread_mutex_t lock;  /* guards all below; never held over the disk */
    VEC(struct user) users;
    VEC(struct session) sessions;
    VEC(struct held_token) tokens;
    VEC(struct share) shares;
    char setup[SECRET_TEXT]; /* hash; "" none */
    bool touched;            /* there is something to flush */
    int64_t flushed_ms;
    struct login_counts counts;
    pthread_mutex_t hashing; /* guards the two below */
    pthread_cond_t hashed;
    unsigned hashers, waiters;
};

static inline int64_t now_ms(const struct people *p) { return clock_now_ms(p->clock); }

/* --- passwords.c: only so many at once --- */
#define PASSWORD_HASHERS 2
#define PASSWORD_WAITERS 2 /* more are refused: ERR_AWAY */

extern const char password_nobody[];
MUSTCHECK int password_check_form(struct str password, struct err *err);
/* Heap text. */
MUSTCHECK int password_hash(struct people *p, struct str password, char **ret, struct err *err);
/* `hash` NULL: nobody's, which takes as long. *ret_good. */
MUSTCHECK int password_verify(struct people *p, const char *hash, struct str password,
                              bool *ret_good, struct err *err);

/* --- documents.c: structs <-> JSON --- */
void user_write(const struct user *u, struct buf *out);
void session_write(const struct session *s, struct buf *out);
void token_write(const struct token *t, struct buf *out);
void share_write(const struct share *s, struct buf *out);
MUSTCHECK int people_load(struct people *p, struct err *err);

/* Puts of one transaction, with their bytes. */
struct changes_set {
    VEC(struct control_put) puts;
    VEC(char *) keys;
    VEC(struct buf) bodies;
};
/* `body` NULL: remove. Takes the bytes of *body over. */
void changes_add(struct changes_set *set, const char *area, const char *name, struct buf *body,
                 uint64_t version);
/* Commit and release. */
MUSTCHECK int changes_commit(struct changes_set *set, struct people *p, struct err *err);

/* --- people.c, users.c, sessions.c: with `lock` --- */
struct user *find_user(struct people *p, struct str name);
/* Is `by` (still) somebody who may make something for who is at least `least`? ERR_NOTFOUND. And
 * may they see these sites (NULL: it is about none)? ERR_USAGE. */
MUSTCHECK int check_maker(struct people *p, const char *by, enum role least,
                          const struct site_list *sites, struct err *err);
struct grant grant_of(enum role role, const char *name, const struct site_list *sites,
                      const char *dashboard);
void session_release(struct session *s);
/* Put removal of all sessions of a user (NULL: of nobody) and of those that are over into *set. */
void plan_end_sessions(struct people *p, const char *user, struct changes_set *set);
/* Forget them in memory, after the commit. */
void end_sessions(struct people *p, const char *user);

#endif

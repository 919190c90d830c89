/* People and what they may do: users with passwords (argon2id), sessions, API tokens, share links.
 *
 * Everything is held in memory, where event threads look it up without blocking, and written
 * through to control data: "user/NAME", "session/HASH", "token/HASH", "share/HASH". Of secrets only
 * hashes are kept. Thread-safe; whatever changes something blocks (it waits for the disk). */
#ifndef CASK_PEOPLE_H
#define CASK_PEOPLE_H

#include "base/clock.h"
#include "control/control.h"

#define PEOPLE_USERS ((size_t)1000)
#define PEOPLE_SITES ((size_t)1000) /* in one list */
#define PASSWORD_LEAST ((size_t)10) /* bytes */
#define PASSWORD_MOST ((size_t)1000)
#define PEOPLE_NAME_BYTES ((size_t)64)
#define PEOPLE_LOCAL "local" /* who makes something on the command line: no user is called so */

struct people;

/* `clock` is borrowed. ERR_CORRUPT: a document that cannot be read. */
MUSTCHECK int people_open(struct control *control, const struct clock *clock, struct people **ret,
                          struct err *err);
void people_close(struct people *p); /* takes NULL */
/* Write down what looking up has changed (days of last use), if it is time. */
void people_flush(struct people *p);

/* --- who may do what --- */

/* In order: who is more may do all that who is less may. */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_EDITOR, ROLE_ADMIN };
const char *role_name(enum role role); /* "viewer" */
bool role_parse(struct str name, enum role *ret);

/* Sites that somebody may see. */
struct site_list {
    bool all;
    char **items; /* else these */
    size_t n;
};
bool site_list_has(const struct site_list *l, struct str site);
bool site_list_covers(const struct site_list *l, const struct site_list *part);
struct site_list site_list_copy(const struct site_list *l);
void site_list_release(struct site_list *l);

/* Who somebody turned out to be; owned by whoever asked. */
struct grant {
    enum role role;
    char *name;
    char *by; /* of a token: who made it, and answers for what it makes; else NULL: `name` itself */
    struct site_list sites;
    char *dashboard; /* of a share link: only this one; NULL: none in particular */
};
void grant_release(struct grant *g);

/* --- users --- */

struct user {
    char *name;
    char *password; /* as libsodium writes it: algorithm, limits, salt, hash */
    enum role role;
    struct site_list sites; /* an administrator's are all: others are refused */
    int64_t created_ms;
    uint64_t version; /* of its document */
};

bool people_has_admin(struct people *p);

/* What is to become of a user. */
struct user_change {
    bool has_role, has_sites;
    enum role role;
    struct site_list sites; /* borrowed */
    struct str password;    /* ptr NULL: as it is */
};
/* Lower case letters, digits and . _ @ + -, the first a letter or digit: the name as it is kept, in
 * *ret (PEOPLE_NAME_BYTES + 1). ERR_USAGE. */
MUSTCHECK int people_user_name(struct str given, char *ret, struct err *err);
/* ERR_USAGE: something is wrong or missing; ERR_BUSY: the name is taken; ERR_TOOBIG: too many;
 * ERR_AWAY: too many passwords are being hashed. */
MUSTCHECK int people_add_user(struct people *p, struct str name, const struct user_change *change,
                              struct err *err);
/* A new password ends all sessions of the user; who is no administrator any more loses the API
 * tokens that they made, and whose role or sites became less the share links that would be too
 * much. `version`: the one that was seen, or CONTROL_ANY. ERR_NOTFOUND; ERR_BUSY: changed since, or
 * the last administrator would be gone. */
MUSTCHECK int people_change_user(struct people *p, struct str name, uint64_t version,
                                 const struct user_change *change, struct err *err);
/* With sessions, and the API tokens and share links that the user made. As above. */
MUSTCHECK int people_remove_user(struct people *p, struct str name, uint64_t version,
                                 struct err *err);
/* In the order of names, until `see` says false. It must not call people_*. */
void people_each_user(struct people *p, bool (*see)(void *arg, const struct user *user), void *arg);
/* Copies what user_release() frees. ERR_NOTFOUND. */
MUSTCHECK int people_find_user(struct people *p, struct str name, struct user *ret,
                               struct err *err);
void user_release(struct user *u);

#endif

/* Sessions of people who are logged in, and the set-up of the first administrator. */
#ifndef CASK_PEOPLE_SESSIONS_H
#define CASK_PEOPLE_SESSIONS_H

#include "people/people.h"
#include "people/secret.h"

#define SESSIONS_MOST ((size_t)10000)
#define SESSIONS_PER_USER ((size_t)50) /* the one that was unused for longest ends */
#define SESSION_IDLE_DAYS 30

struct login_counts {
    uint64_t good, wrong, throttled;
};

/* A new session for who knows the password. 0; ERR_USAGE: name or password are wrong, which takes
 * as long as if they were right; ERR_AWAY: not now, but after *ret_wait seconds. `address`: the
 * client's. */
MUSTCHECK int people_login(struct people *p, struct str name, struct str password,
                           struct str address, struct secret *ret_session, unsigned *ret_wait,
                           struct err *err);
/* Who that is; false: nobody (any more). Does not block. */
bool people_find_session(struct people *p, struct str session, struct grant *ret);
/* What every change over this session must show. */
void people_csrf(struct str session, char ret[SECRET_TEXT]);
MUSTCHECK int people_logout(struct people *p, struct str session, struct err *err);
/* The user's own password: all of their sessions end, and a new one begins. As people_login(). */
MUSTCHECK int people_change_password(struct people *p, struct str name, struct str old,
                                     struct str password, struct str address,
                                     struct secret *ret_session, unsigned *ret_wait,
                                     struct err *err);
struct login_counts people_login_counts(struct people *p);

/* A new one-time set-up secret; earlier ones are void. In memory only. */
void people_make_setup(struct people *p, struct secret *ret);
/* The first administrator, logged in. ERR_USAGE: the secret is wrong, or of before, or there is an
 * administrator already. */
MUSTCHECK int people_setup(struct people *p, struct str setup, struct str name, struct str password,
                           struct secret *ret_session, struct err *err);

#endif

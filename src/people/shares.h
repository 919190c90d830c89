/* Share links: whoever has one may read one site, or one dashboard, for a while. */
#ifndef CASK_PEOPLE_SHARES_H
#define CASK_PEOPLE_SHARES_H

#include "people/people.h"
#include "people/secret.h"

#define SHARES_MOST ((size_t)1000)
#define SHARE_ID_BYTES 16
#define SHARE_DAYS 30 /* when nothing else is said */
#define SHARE_DAYS_MOST 366

struct share {
    char hash[SECRET_TEXT]; /* its first SHARE_ID_BYTES bytes are the id */
    char *dashboard;        /* NULL: a site */
    struct site_list sites; /* never all; of a site: that one */
    int64_t created_ms, expires_ms;
    char *by; /* as of a token */
};

/* `spec` has dashboard, sites, expires_ms (0: in SHARE_DAYS), by. ERR_USAGE, ERR_TOOBIG. */
MUSTCHECK int people_add_share(struct people *p, const struct share *spec, struct secret *ret,
                               struct share *ret_share, struct err *err);
/* `by`: only one that this user made; NULL: whose ever. ERR_NOTFOUND. */
MUSTCHECK int people_remove_share(struct people *p, struct str id, const char *by, struct err *err);
void people_each_share(struct people *p, bool (*see)(void *arg, const struct share *s), void *arg);
bool people_find_share(struct people *p, struct str share, struct grant *ret);
void share_release(struct share *s);

#endif

/* API tokens: for programs. A token never changes; it is made and revoked. */
#ifndef CASK_PEOPLE_TOKENS_H
#define CASK_PEOPLE_TOKENS_H

#include "people/people.h"
#include "people/secret.h"

#define TOKENS_MOST ((size_t)1000)
#define TOKEN_SCOPES ((size_t)50)
#define TOKEN_ID_BYTES 16

struct token {
    char hash[SECRET_TEXT]; /* its first TOKEN_ID_BYTES bytes are the token's id */
    char *name;
    char **scopes; /* "read", "admin", "ingest:SOURCE" */
    size_t n_scopes;
    struct site_list sites;         /* of `read` */
    int64_t created_ms, expires_ms; /* 0: never */
    int64_t used_day;               /* days since 1970-01-01 in UTC; 0: never */
    char *by; /* the user who made it, and with whom it ends, or PEOPLE_LOCAL */
};

/* ERR_USAGE, ERR_BUSY (there is one of that name), ERR_TOOBIG. `spec` has name, scopes, sites,
 * expires_ms, by. */
MUSTCHECK int people_add_token(struct people *p, const struct token *spec, struct secret *ret,
                               struct token *ret_token, struct err *err);
/* By id or name; into *ret_name (if asked) its name, on the heap. ERR_NOTFOUND. */
MUSTCHECK int people_remove_token(struct people *p, struct str id, char **ret_name,
                                  struct err *err);
void people_each_token(struct people *p, bool (*see)(void *arg, const struct token *t), void *arg);
/* False: no such token, or it has expired. ROLE_NONE: it is good for records only. Does not block.
 */
bool people_find_token(struct people *p, struct str token, struct grant *ret);
bool people_token_may_ingest(struct people *p, struct str token, struct str source);
void token_release(struct token *t);

#endif

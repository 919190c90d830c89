/* argon2id by libsodium. One hash takes 64 MiB and a tenth of a second: at most two run at once,
 * and few wait, so that somebody who tries many neither takes the memory nor the processors. */
#include "people/people_internal.h"

#include <sodium.h>

#define OPERATIONS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEMORY crypto_pwhash_MEMLIMIT_INTERACTIVE

/* A hash that no password has, made with the same limits: its salt and hash are all zero. */
const char password_nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

int password_check_form(struct str password, struct err *err) {
    if (password.len < PASSWORD_LEAST)
        return err_set(err, ERR_USAGE, "a password has at least %zu characters", PASSWORD_LEAST);
    if (password.len > PASSWORD_MOST)
        return err_set(err, ERR_USAGE, "a password has at most %zu bytes", PASSWORD_MOST);
    return 0;
}

static int enter(struct people *p, struct err *err) {
    int rc = 0;
    pthread_mutex_lock(&p->hashing);
    if (p->hashers >= PASSWORD_HASHERS && p->waiters >= PASSWORD_WAITERS) {
        rc = err_set(err, ERR_AWAY, "too many people log in at once");
    } else {
        p->waiters++;
        while (p->hashers >= PASSWORD_HASHERS)
            pthread_cond_wait(&p->hashed, &p->hashing);
        p->waiters--;
        p->hashers++;
    }
    pthread_mutex_unlock(&p->hashing);
    return rc;
}

static void leave(struct people *p) {
    pthread_mutex_lock(&p->hashing);
    p->hashers--;
    pthread_cond_signal(&p->hashed);
    pthread_mutex_unlock(&p->hashing);
}

int password_hash(struct people *p, struct str password, char **ret, struct err *err) {
    char text[crypto_pwhash_STRBYTES];
    int rc = password_check_form(password, err);
    if (rc == 0)
        rc = enter(p, err);
    if (rc != 0)
        return rc;
    if (crypto_pwhash_str_alg(text, password.ptr, password.len, OPERATIONS, MEMORY,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        rc = err_set(err, ERR_FAILED, "no memory to hash a password");
    else
        *ret = xstrdup(text);
    leave(p);
    return rc;
}

int password_verify(struct people *p, const char *hash, struct str password, bool *ret_good,
                    struct err *err) {
    int rc = enter(p, err);
    if (rc != 0)
        return rc;
    /* longer than any password is: not even looked at, and known to be wrong to whoever sends it */
    bool good = password.len <= PASSWORD_MOST &&
                crypto_pwhash_str_verify(hash != NULL ? hash : password_nobody, password.ptr,
                                         password.len) == 0;
    *ret_good = good && hash != NULL;
    leave(p);
    return 0;
}

#include "people/people_internal.h"
#include "support/unit.h"

#include <sodium.h>
#include <unistd.h>

#define GOOD "correct horse"
#define DAYS(n) ((int64_t)(n)*DAY_MS)

struct lab {
    char dir[64], path[96];
    int64_t now;
    struct clock clock;
    struct control *control;
    struct people *p;
    struct err err;
};

static int64_t fake_now(void *arg) { return *(int64_t *)arg; }

static void start(struct lab *lab) {
    assert_ok(control_open(lab->path, &lab->control, &lab->err), lab->err);
    assert_ok(people_open(lab->control, &lab->clock, &lab->p, &lab->err), lab->err);
}

static void stop(struct lab *lab) {
    people_close(lab->p);
    control_close(lab->control);
}

static int setup(void **state) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    assert_int_not_equal(sodium_init(), -1);
    snprintf(lab->dir, sizeof lab->dir, "/tmp/cask-people-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    snprintf(lab->path, sizeof lab->path, "%s/control.db", lab->dir);
    lab->now = (int64_t)1700000000 * 1000;
    lab->clock = (struct clock){fake_now, &lab->now};
    start(lab);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    struct lab *lab = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    stop(lab);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", lab->path, ends[i]);
        unlink(path);
    }
    rmdir(lab->dir);
    free(lab);
    return 0;
}

static void add(struct lab *lab, const char *name, enum role role) {
    struct user_change change = {.has_role = true, .role = role, .password = STR(GOOD)};
    assert_ok(people_add_user(lab->p, str_from(name), &change, &lab->err), lab->err);
}

static int login(struct lab *lab, const char *name, const char *password, struct secret *ret) {
    unsigned wait = 0;
    return people_login(lab->p, str_from(name), str_from(password), STR("192.0.2.1"), ret, &wait,
                        &lab->err);
}

/* Who has that session; "" nobody. */
static const char *who(struct lab *lab, const struct secret *session) {
    static char name[80];
    struct grant grant;
    if (!people_find_session(lab->p, str_from(session->text), &grant))
        return "";
    snprintf(name, sizeof name, "%s", grant.name);
    grant_release(&grant);
    return name;
}

static void put(struct lab *lab, const char *area, const char *name, const char *body) {
    char key[128];
    snprintf(key, sizeof key, "%s/%s", area, name);
    struct control_put p = {key, str_from(body), 0};
    assert_ok(control_commit(lab->control, &p, 1, &lab->err), lab->err);
}

/* --- users --- */

static void users__names_are_folded_and_checked(void **state) {
    struct lab *lab = *state;
    char name[PEOPLE_NAME_BYTES + 1];
    static const char *const bad[] = {"",     ".x", "..", "a/b",  "a b",
                                      "a%00", "-a", "ä",  "a\nb", "@a"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(people_user_name(str_from(bad[i]), name, &lab->err), ERR_USAGE);
    assert_int_equal(people_user_name(str_of("a\0b", 3), name, &lab->err), ERR_USAGE);
    assert_ok(people_user_name(STR("Ada.L+x@Example.org"), name, &lab->err), lab->err);
    assert_string_equal(name, "ada.l+x@example.org");
    char longest[PEOPLE_NAME_BYTES + 2];
    memset(longest, 'a', sizeof longest);
    assert_ok(people_user_name(str_of(longest, PEOPLE_NAME_BYTES), name, &lab->err), lab->err);
    assert_int_equal(people_user_name(str_of(longest, PEOPLE_NAME_BYTES + 1), name, &lab->err),
                     ERR_USAGE);
}

static void users__outlive_a_restart_with_role_and_sites(void **state) {
    struct lab *lab = *state;
    char *sites[] = {"a.org", "b.org"};
    struct user user;
    struct user_change change = {.has_role = true,
                                 .role = ROLE_VIEWER,
                                 .has_sites = true,
                                 .sites = {.items = sites, .n = 2},
                                 .password = STR(GOOD)};
    assert_ok(people_add_user(lab->p, STR("Bob"), &change, &lab->err), lab->err);
    assert_int_equal(people_add_user(lab->p, STR("bob"), &change, &lab->err), ERR_BUSY);
    stop(lab);
    start(lab);
    assert_ok(people_find_user(lab->p, STR("bob"), &user, &lab->err), lab->err);
    assert_int_equal(user.role, ROLE_VIEWER);
    assert_false(user.sites.all);
    assert_int_equal(user.sites.n, 2);
    assert_true(site_list_has(&user.sites, STR("b.org")));
    assert_false(site_list_has(&user.sites, STR("c.org")));
    assert_int_equal(user.version, 1);
    assert_non_null(strstr(user.password, "$argon2id$"));
    user_release(&user);
}

static void users__the_last_administrator_stays(void **state) {
    struct lab *lab = *state;
    struct user_change demote = {.has_role = true, .role = ROLE_VIEWER};
    assert_false(people_has_admin(lab->p));
    add(lab, "ada", ROLE_ADMIN);
    add(lab, "bob", ROLE_EDITOR);
    assert_true(people_has_admin(lab->p));
    assert_int_equal(people_remove_user(lab->p, STR("ada"), CONTROL_ANY, &lab->err), ERR_BUSY);
    assert_int_equal(people_change_user(lab->p, STR("ada"), CONTROL_ANY, &demote, &lab->err),
                     ERR_BUSY);
    add(lab, "eve", ROLE_ADMIN);
    assert_ok(people_change_user(lab->p, STR("ada"), CONTROL_ANY, &demote, &lab->err), lab->err);
    assert_int_equal(people_remove_user(lab->p, STR("eve"), CONTROL_ANY, &lab->err), ERR_BUSY);
    assert_ok(people_remove_user(lab->p, STR("ada"), CONTROL_ANY, &lab->err), lab->err);
    assert_int_equal(people_remove_user(lab->p, STR("ada"), CONTROL_ANY, &lab->err), ERR_NOTFOUND);
}

static void users__an_old_version_is_refused(void **state) {
    struct lab *lab = *state;
    struct user_change change = {.has_role = true, .role = ROLE_EDITOR};
    add(lab, "ada", ROLE_VIEWER);
    assert_ok(people_change_user(lab->p, STR("ada"), 1, &change, &lab->err), lab->err);
    assert_int_equal(people_change_user(lab->p, STR("ada"), 1, &change, &lab->err), ERR_BUSY);
    assert_int_equal(people_remove_user(lab->p, STR("ada"), 1, &lab->err), ERR_BUSY);
    assert_ok(people_remove_user(lab->p, STR("ada"), 2, &lab->err), lab->err);
}

static void users__there_is_a_limit(void **state) {
    struct lab *lab = *state;
    struct user_change change = {.has_role = true, .role = ROLE_VIEWER, .password = STR(GOOD)};
    for (size_t i = 0; i < PEOPLE_USERS - 1; i++) {
        char name[32];
        snprintf(name, sizeof name, "u%zu", i);
        put(lab, "user", name, "{\"role\":\"viewer\",\"password\":\"\",\"sites\":null}");
    }
    stop(lab);
    start(lab);
    assert_ok(people_add_user(lab->p, STR("one"), &change, &lab->err), lab->err);
    assert_int_equal(people_add_user(lab->p, STR("two"), &change, &lab->err), ERR_TOOBIG);
}

static void users__passwords_have_a_least_and_a_greatest_length(void **state) {
    struct lab *lab = *state;
    char text[PASSWORD_MOST + 1];
    memset(text, 'x', sizeof text);
    struct user_change change = {.has_role = true, .role = ROLE_VIEWER};
    static const struct {
        size_t len;
        int rc;
    } rows[] = {{PASSWORD_LEAST - 1, ERR_USAGE},
                {PASSWORD_LEAST, 0},
                {PASSWORD_MOST, 0},
                {PASSWORD_MOST + 1, ERR_USAGE}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[8];
        snprintf(name, sizeof name, "u%zu", i);
        change.password = str_of(text, rows[i].len);
        assert_int_equal(people_add_user(lab->p, str_from(name), &change, &lab->err), rows[i].rc);
    }
}

static void passwords__of_nobody_cost_as_much(void **state) {
    struct lab *lab = *state;
    bool good = true;
    assert_int_equal(crypto_pwhash_str_needs_rehash(password_nobody,
                                                    crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                                    crypto_pwhash_MEMLIMIT_INTERACTIVE),
                     0);
    assert_ok(password_verify(lab->p, NULL, STR(GOOD), &good, &lab->err), lab->err);
    assert_false(good);
}

static void passwords__only_so_many_are_hashed_at_once(void **state) {
    struct lab *lab = *state;
    bool good;
    unsigned wait = 0;
    struct secret s;
    add(lab, "ada", ROLE_ADMIN);
    lab->p->hashers = PASSWORD_HASHERS; /* as if others were at it */
    lab->p->waiters = PASSWORD_WAITERS;
    assert_int_equal(password_verify(lab->p, NULL, STR(GOOD), &good, &lab->err), ERR_AWAY);
    for (int i = 0; i < 50; i++) { /* which is no failed log-in */
        assert_int_equal(
            people_login(lab->p, STR("ada"), STR(GOOD), STR("192.0.2.1"), &s, &wait, &lab->err),
            ERR_AWAY);
        assert_int_equal(wait, 1);
    }
    lab->p->hashers = lab->p->waiters = 0;
    assert_ok(login(lab, "ada", GOOD, &s), lab->err);
}

/* --- sessions --- */

static void sessions__begin_with_the_password_only(void **state) {
    struct lab *lab = *state;
    struct secret a, b;
    add(lab, "ada", ROLE_ADMIN);
    assert_int_equal(login(lab, "ada", "wrong horse", &a), ERR_USAGE);
    assert_int_equal(login(lab, "nobody", GOOD, &a), ERR_USAGE);
    assert_int_equal(login(lab, "../ada", GOOD, &a), ERR_USAGE);
    assert_ok(login(lab, "Ada", GOOD, &a), lab->err);
    assert_ok(login(lab, "ada", GOOD, &b), lab->err);
    assert_string_not_equal(a.text, b.text);
    assert_string_equal(who(lab, &a), "ada");
    stop(lab);
    start(lab);
    assert_string_equal(who(lab, &a), "ada");
    assert_ok(people_logout(lab->p, str_from(a.text), &lab->err), lab->err);
    assert_string_equal(who(lab, &a), "");
    assert_string_equal(who(lab, &b), "ada");
    assert_int_equal(people_login_counts(lab->p).good, 0); /* since the start */
}

static void sessions__end_after_thirty_idle_days(void **state) {
    struct lab *lab = *state;
    struct secret s;
    add(lab, "ada", ROLE_ADMIN);
    assert_ok(login(lab, "ada", GOOD, &s), lab->err);
    for (int i = 0; i < 4; i++) { /* used now and then, it goes on, over restarts as well */
        lab->now += DAYS(29);
        assert_string_equal(who(lab, &s), "ada");
        stop(lab);
        start(lab);
    }
    lab->now += DAYS(31);
    assert_string_equal(who(lab, &s), "");
}

static void sessions__all_end_when_the_password_changes(void **state) {
    struct lab *lab = *state;
    struct secret a, b, other, fresh;
    unsigned wait;
    add(lab, "ada", ROLE_ADMIN);
    add(lab, "bob", ROLE_VIEWER);
    assert_ok(login(lab, "ada", GOOD, &a), lab->err);
    assert_ok(login(lab, "ada", GOOD, &b), lab->err);
    assert_ok(login(lab, "bob", GOOD, &other), lab->err);
    assert_int_equal(people_change_password(lab->p, STR("ada"), STR("no horse"),
                                            STR("new password"), STR(""), &fresh, &wait, &lab->err),
                     ERR_USAGE);
    assert_string_equal(who(lab, &a), "ada");
    assert_ok(people_change_password(lab->p, STR("ada"), STR(GOOD), STR("new password"), STR(""),
                                     &fresh, &wait, &lab->err),
              lab->err);
    assert_string_equal(who(lab, &a), "");
    assert_string_equal(who(lab, &b), "");
    assert_string_equal(who(lab, &fresh), "ada");
    assert_string_equal(who(lab, &other), "bob");
    stop(lab);
    start(lab);
    assert_string_equal(who(lab, &a), "");
    assert_string_equal(who(lab, &fresh), "ada");
    assert_int_equal(login(lab, "ada", GOOD, &a), ERR_USAGE);
    assert_ok(login(lab, "ada", "new password", &a), lab->err);
}

static void sessions__a_new_one_crowds_out_the_oldest_of_the_user(void **state) {
    struct lab *lab = *state;
    struct secret s;
    struct grant grant;
    char hash[SECRET_TEXT], body[160];
    add(lab, "ada", ROLE_ADMIN);
    for (size_t i = 0; i < SESSIONS_PER_USER; i++) {
        char secret[16];
        snprintf(secret, sizeof secret, "s%zu", i);
        secret_hash(str_from(secret), hash);
        snprintf(body, sizeof body, "{\"user\":\"ada\",\"created\":%zu,\"used_day\":%lld}",
                 1000 + i, (long long)(lab->now / DAY_MS));
        put(lab, "session", hash, body);
    }
    stop(lab);
    start(lab);
    assert_true(people_find_session(lab->p, STR("s0"), &grant));
    grant_release(&grant);
    assert_ok(login(lab, "ada", GOOD, &s), lab->err);
    assert_false(people_find_session(lab->p, STR("s0"), &grant));
    assert_true(people_find_session(lab->p, STR("s1"), &grant));
    grant_release(&grant);
    assert_string_equal(who(lab, &s), "ada");
}

static void sessions__guessing_is_slowed_down(void **state) {
    struct lab *lab = *state;
    struct secret s;
    unsigned wait = 0;
    add(lab, "ada", ROLE_ADMIN);
    for (int i = 0; i < 5; i++)
        assert_int_equal(login(lab, "ada", "wrong horse", &s), ERR_USAGE);
    assert_int_equal(
        people_login(lab->p, STR("ADA"), STR(GOOD), STR("192.0.2.254"), &s, &wait, &lab->err),
        ERR_AWAY); /* also with the right one */
    assert_int_equal(wait, 1);
    assert_ok(
        people_login(lab->p, STR("ada"), STR(GOOD), STR("198.51.100.9"), &s, &wait, &lab->err),
        lab->err); /* elsewhere nobody guessed */
    lab->now += 1000;
    assert_ok(login(lab, "ada", GOOD, &s), lab->err);
    assert_int_equal(people_login_counts(lab->p).wrong, 5);
    assert_int_equal(people_login_counts(lab->p).throttled, 1);
    assert_int_equal(people_login_counts(lab->p).good, 2);
}

/* --- set-up --- */

static void setup__works_once_and_only_without_an_administrator(void **state) {
    struct lab *lab = *state;
    struct secret old, link, s;
    people_make_setup(lab->p, &old);
    people_make_setup(lab->p, &link);
    assert_int_equal(people_setup(lab->p, str_from(old.text), STR("ada"), STR(GOOD), &s, &lab->err),
                     ERR_USAGE);
    assert_int_equal(people_setup(lab->p, STR(""), STR("ada"), STR(GOOD), &s, &lab->err),
                     ERR_USAGE);
    assert_int_equal(
        people_setup(lab->p, str_from(link.text), STR("ada"), STR("short"), &s, &lab->err),
        ERR_USAGE); /* a mistake does not use it up */
    assert_ok(people_setup(lab->p, str_from(link.text), STR("Ada"), STR(GOOD), &s, &lab->err),
              lab->err);
    assert_string_equal(who(lab, &s), "ada");
    assert_true(people_has_admin(lab->p));
    assert_int_equal(
        people_setup(lab->p, str_from(link.text), STR("eve"), STR(GOOD), &s, &lab->err), ERR_USAGE);
    people_make_setup(lab->p, &link);
    assert_int_equal(
        people_setup(lab->p, str_from(link.text), STR("eve"), STR(GOOD), &s, &lab->err), ERR_USAGE);
}

/* --- tokens --- */

static void add_token(struct lab *lab, const char *name, const char *scope, int64_t expires,
                      struct secret *ret) {
    char *scopes[] = {(char *)(uintptr_t)scope};
    struct token made, spec = {.name = (char *)(uintptr_t)name,
                               .scopes = scopes,
                               .n_scopes = 1,
                               .sites = {.all = true},
                               .expires_ms = expires,
                               .by = PEOPLE_LOCAL};
    assert_ok(people_add_token(lab->p, &spec, ret, &made, &lab->err), lab->err);
    token_release(&made);
}

/* -1: nobody's. */
static int token_role(struct lab *lab, const struct secret *token) {
    struct grant grant;
    if (!people_find_token(lab->p, str_from(token->text), &grant))
        return -1;
    int role = grant.role;
    grant_release(&grant);
    return role;
}

static void tokens__may_do_what_their_scope_says(void **state) {
    struct lab *lab = *state;
    struct secret read, admin, ingest;
    add_token(lab, "r", "read", 0, &read);
    add_token(lab, "a", "admin", 0, &admin);
    add_token(lab, "i", "ingest:www", 0, &ingest);
    stop(lab);
    start(lab);
    assert_int_equal(token_role(lab, &read), ROLE_VIEWER);
    assert_int_equal(token_role(lab, &admin), ROLE_ADMIN);
    assert_int_equal(token_role(lab, &ingest), ROLE_NONE);
    assert_true(people_token_may_ingest(lab->p, str_from(ingest.text), STR("www")));
    assert_false(people_token_may_ingest(lab->p, str_from(ingest.text), STR("ww")));
    assert_false(people_token_may_ingest(lab->p, str_from(ingest.text), STR("")));
    assert_false(people_token_may_ingest(lab->p, str_from(read.text), STR("www")));
    assert_true(people_token_may_ingest(lab->p, str_from(admin.text), STR("www")));
    assert_false(people_token_may_ingest(lab->p, STR(""), STR("www")));
}

static void tokens__expire_and_are_revoked(void **state) {
    struct lab *lab = *state;
    struct secret a, b;
    char *name = NULL;
    add_token(lab, "a", "read", lab->now + 1000, &a);
    add_token(lab, "b", "ingest:www", 0, &b);
    assert_int_equal(token_role(lab, &a), ROLE_VIEWER);
    lab->now += 1000;
    assert_int_equal(token_role(lab, &a), -1);
    assert_ok(people_remove_token(lab->p, STR("b"), &name, &lab->err), lab->err);
    assert_string_equal(name, "b");
    free(name);
    assert_false(people_token_may_ingest(lab->p, str_from(b.text), STR("www")));
    assert_int_equal(people_remove_token(lab->p, STR("b"), NULL, &lab->err), ERR_NOTFOUND);
}

static bool see_day(void *arg, const struct token *t) {
    *(int64_t *)arg = t->used_day;
    return true;
}

static void tokens__know_the_day_of_their_last_use(void **state) {
    struct lab *lab = *state;
    struct secret a;
    int64_t day = -1;
    add_token(lab, "a", "read", 0, &a);
    people_each_token(lab->p, see_day, &day);
    assert_int_equal(day, 0);
    assert_int_equal(token_role(lab, &a), ROLE_VIEWER);
    lab->now += 61000;
    people_flush(lab->p);
    stop(lab);
    start(lab);
    people_each_token(lab->p, see_day, &day);
    assert_int_equal(day, lab->now / DAY_MS);
}

static void tokens__wrong_ones_are_not_made(void **state) {
    struct lab *lab = *state;
    struct secret s;
    struct token made;
    static char *const scopes[] = {"", "write", "ingest:", "read ", "ingest:a\nb"};
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        char *scope = scopes[i];
        struct token spec = {.name = "x",
                             .scopes = &scope,
                             .n_scopes = 1,
                             .sites = {.all = true},
                             .by = PEOPLE_LOCAL};
        assert_int_equal(people_add_token(lab->p, &spec, &s, &made, &lab->err), ERR_USAGE);
    }
    char *read = "read", *admin = "admin", *site = "a.org";
    struct token none = {.name = "x", .sites = {.all = true}, .by = PEOPLE_LOCAL},
                 past = {.name = "x",
                         .scopes = &read,
                         .n_scopes = 1,
                         .expires_ms = lab->now,
                         .sites = {.all = true},
                         .by = PEOPLE_LOCAL},
                 odd = {.name = "x",
                        .scopes = &admin,
                        .n_scopes = 1,
                        .sites = {.items = &site, .n = 1},
                        .by = PEOPLE_LOCAL},
                 good = {.name = "x",
                         .scopes = &read,
                         .n_scopes = 1,
                         .sites = {.all = true},
                         .by = PEOPLE_LOCAL};
    assert_int_equal(people_add_token(lab->p, &none, &s, &made, &lab->err), ERR_USAGE);
    assert_int_equal(people_add_token(lab->p, &past, &s, &made, &lab->err), ERR_USAGE);
    assert_int_equal(people_add_token(lab->p, &odd, &s, &made, &lab->err), ERR_USAGE);
    assert_ok(people_add_token(lab->p, &good, &s, &made, &lab->err), lab->err);
    token_release(&made);
    assert_int_equal(people_add_token(lab->p, &good, &s, &made, &lab->err), ERR_BUSY);
}

/* --- share links --- */

static void shares__show_their_sites_until_they_expire(void **state) {
    struct lab *lab = *state;
    char *sites[] = {"a.org", "b.org"};
    struct share made,
        one = {.sites = {.items = sites, .n = 1}, .by = PEOPLE_LOCAL},
        two = {.sites = {.items = sites, .n = 2}, .by = PEOPLE_LOCAL},
        board = {.sites = {.items = sites, .n = 2}, .dashboard = "d", .by = PEOPLE_LOCAL},
        all = {.sites = {.all = true}, .by = PEOPLE_LOCAL},
        late = {.sites = {.items = sites, .n = 1},
                .by = PEOPLE_LOCAL,
                .expires_ms = lab->now + DAYS(SHARE_DAYS_MOST) + 1};
    struct secret s, t;
    struct grant grant;
    assert_int_equal(people_add_share(lab->p, &two, &s, &made, &lab->err), ERR_USAGE);
    assert_int_equal(people_add_share(lab->p, &all, &s, &made, &lab->err), ERR_USAGE);
    assert_int_equal(people_add_share(lab->p, &late, &s, &made, &lab->err), ERR_USAGE);
    assert_ok(people_add_share(lab->p, &one, &s, &made, &lab->err), lab->err);
    share_release(&made);
    assert_ok(people_add_share(lab->p, &board, &t, &made, &lab->err), lab->err);
    stop(lab);
    start(lab);
    assert_true(people_find_share(lab->p, str_from(s.text), &grant));
    assert_int_equal(grant.role, ROLE_VIEWER);
    assert_true(site_list_has(&grant.sites, STR("a.org")));
    assert_false(site_list_has(&grant.sites, STR("b.org")));
    assert_null(grant.dashboard);
    grant_release(&grant);
    assert_true(people_find_share(lab->p, str_from(t.text), &grant));
    assert_string_equal(grant.dashboard, "d");
    grant_release(&grant);
    struct str id = str_of(made.hash, SHARE_ID_BYTES);
    assert_int_equal(people_remove_share(lab->p, id, "bob", &lab->err), ERR_NOTFOUND);
    assert_ok(people_remove_share(lab->p, id, PEOPLE_LOCAL, &lab->err), lab->err);
    assert_false(people_find_share(lab->p, str_from(t.text), &grant));
    lab->now += DAYS(SHARE_DAYS);
    assert_false(people_find_share(lab->p, str_from(s.text), &grant));
    share_release(&made);
}

static void shares__go_with_the_user_who_made_them(void **state) {
    struct lab *lab = *state;
    char *site = "a.org";
    struct share made, spec = {.sites = {.items = &site, .n = 1}, .by = "bob"};
    struct secret link, session;
    struct grant grant;
    add(lab, "bob", ROLE_EDITOR);
    assert_ok(login(lab, "bob", GOOD, &session), lab->err);
    assert_ok(people_add_share(lab->p, &spec, &link, &made, &lab->err), lab->err);
    share_release(&made);
    assert_ok(people_remove_user(lab->p, STR("bob"), CONTROL_ANY, &lab->err), lab->err);
    for (int i = 0; i < 2; i++) {
        assert_false(people_find_share(lab->p, str_from(link.text), &grant));
        assert_string_equal(who(lab, &session), "");
        stop(lab);
        start(lab);
    }
}

/* Whatever was looked at before: their sites may have become others meanwhile. */
static void shares__show_no_more_than_the_user_who_made_them_sees(void **state) {
    struct lab *lab = *state;
    char *a = "a.org", *b = "b.org";
    struct user_change less = {.has_sites = true, .sites = {.items = &a, .n = 1}};
    struct share made, own = {.sites = {.items = &a, .n = 1}, .by = "bob"},
                       other = {.sites = {.items = &b, .n = 1}, .by = "bob"};
    struct secret link;
    add(lab, "bob", ROLE_EDITOR);
    assert_ok(people_change_user(lab->p, STR("bob"), CONTROL_ANY, &less, &lab->err), lab->err);
    assert_int_equal(people_add_share(lab->p, &other, &link, &made, &lab->err), ERR_USAGE);
    assert_ok(people_add_share(lab->p, &own, &link, &made, &lab->err), lab->err);
    share_release(&made);
}

/* `by` made a token of scope admin and a share link of a.org: do they still work? */
struct made {
    struct secret token, share;
};

static void make(struct lab *lab, const char *by, const char *name, struct made *ret) {
    char *site = "a.org", *admin = "admin";
    struct share share, link = {.sites = {.items = &site, .n = 1}, .by = (char *)(uintptr_t)by};
    struct token token, spec = {.name = (char *)(uintptr_t)name,
                                .scopes = &admin,
                                .n_scopes = 1,
                                .sites = {.all = true},
                                .by = (char *)(uintptr_t)by};
    assert_ok(people_add_token(lab->p, &spec, &ret->token, &token, &lab->err), lab->err);
    assert_ok(people_add_share(lab->p, &link, &ret->share, &share, &lab->err), lab->err);
    token_release(&token);
    share_release(&share);
}

static void assert_made(struct lab *lab, const struct made *made, bool token, bool share) {
    for (int i = 0; i < 2; i++) { /* also behind a restart */
        struct grant grant = {0};
        bool got = people_find_share(lab->p, str_from(made->share.text), &grant);
        if (got)
            grant_release(&grant);
        assert_int_equal(got, share);
        assert_int_equal(token_role(lab, &made->token), token ? (int)ROLE_ADMIN : -1);
        stop(lab);
        start(lab);
    }
}

static void change(struct lab *lab, const char *name, const struct user_change *to) {
    assert_ok(people_change_user(lab->p, str_from(name), CONTROL_ANY, to, &lab->err), lab->err);
}

static void made__ends_with_the_right_to_make_it(void **state) {
    struct lab *lab = *state;
    char *sites[] = {"a.org", "b.org"};
    struct made bobs, evas, local;
    struct token none, spec = {.name = "late", .sites = {.all = true}, .by = "bob"};
    struct secret s;
    add(lab, "ada", ROLE_ADMIN);
    add(lab, "bob", ROLE_ADMIN);
    add(lab, "eva", ROLE_ADMIN);
    make(lab, "bob", "bobs", &bobs);
    make(lab, "eva", "evas", &evas);
    make(lab, PEOPLE_LOCAL, "local", &local);
    struct grant grant;
    assert_true(people_find_token(lab->p, str_from(bobs.token.text), &grant));
    assert_string_equal(grant.by, "bob"); /* who answers for what the token makes */
    grant_release(&grant);
    change(lab, "bob", &(struct user_change){.has_role = true, .role = ROLE_EDITOR});
    assert_made(lab, &bobs, false, true);
    assert_made(lab, &evas, true, true);
    change(lab, "bob", &(struct user_change){.has_sites = true, .sites = {.items = sites, .n = 2}});
    assert_made(lab, &bobs, false, true);
    change(lab, "bob",
           &(struct user_change){.has_sites = true, .sites = {.items = sites + 1, .n = 1}});
    assert_made(lab, &bobs, false, false);
    char *read = "read";
    spec.scopes = &read;
    spec.n_scopes = 1;
    assert_int_equal(people_add_token(lab->p, &spec, &s, &none, &lab->err), ERR_NOTFOUND);
    change(lab, "eva", &(struct user_change){.has_role = true, .role = ROLE_VIEWER});
    assert_made(lab, &evas, false, false);
    assert_ok(people_remove_user(lab->p, STR("eva"), CONTROL_ANY, &lab->err), lab->err);
    assert_made(lab, &local, true, true);
}

static void made__by_the_command_line_is_of_no_user(void **state) {
    struct lab *lab = *state;
    const struct user_change user = {.has_role = true, .role = ROLE_VIEWER, .password = STR(GOOD)};
    assert_int_equal(people_add_user(lab->p, STR("Local"), &user, &lab->err), ERR_USAGE);
}

static void users__an_administrator_has_no_list_of_sites(void **state) {
    struct lab *lab = *state;
    char *sites[] = {"a.org"};
    struct user_change limited = {.has_role = true,
                                  .role = ROLE_ADMIN,
                                  .has_sites = true,
                                  .sites = {.items = sites, .n = 1},
                                  .password = STR(GOOD)};
    assert_int_equal(people_add_user(lab->p, STR("ada"), &limited, &lab->err), ERR_USAGE);
    add(lab, "ada", ROLE_ADMIN);
    limited.has_role = false;
    assert_int_equal(people_change_user(lab->p, STR("ada"), CONTROL_ANY, &limited, &lab->err),
                     ERR_USAGE);
    limited.has_role = true;
    assert_int_equal(people_change_user(lab->p, STR("ada"), CONTROL_ANY, &limited, &lab->err),
                     ERR_USAGE);
    limited.role = ROLE_VIEWER;
    add(lab, "bob", ROLE_ADMIN);
    change(lab, "bob", &limited);
    struct user bob;
    assert_ok(people_find_user(lab->p, STR("bob"), &bob, &lab->err), lab->err);
    assert_false(bob.sites.all);
    user_release(&bob);
}

/* --- what is kept --- */

static int find_text(void *arg, const char *key, struct str body, uint64_t version,
                     struct err *err) {
    const char *secret = arg;
    UNUSED(version), UNUSED(err);
    assert_null(strstr(key, secret));
    assert_null(memmem(body.ptr, body.len, secret, strlen(secret)));
    return 0;
}

static void secrets__are_not_kept(void **state) {
    struct lab *lab = *state;
    struct secret session, token, link;
    char *site = "a.org";
    struct share made, spec = {.sites = {.items = &site, .n = 1}, .by = PEOPLE_LOCAL};
    add(lab, "ada", ROLE_ADMIN);
    assert_ok(login(lab, "ada", GOOD, &session), lab->err);
    add_token(lab, "t", "read", 0, &token);
    assert_ok(people_add_share(lab->p, &spec, &link, &made, &lab->err), lab->err);
    share_release(&made);
    const char *texts[] = {GOOD, session.text, token.text, token.text + strlen("cask_"), link.text};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_ok(control_each(lab->control, "", find_text, (void *)(uintptr_t)texts[i], &lab->err),
                  lab->err);
}

/* --- threads: for the thread sanitizer --- */

struct racer {
    struct lab *lab;
    struct secret session;
    unsigned place;
};

static bool see_any(void *arg, const struct user *u) {
    *(size_t *)arg += strlen(u->name);
    return true;
}

static void *race(void *arg) {
    const struct racer *r = arg;
    struct people *p = r->lab->p;
    char *site = "a.org", *read = "read", name[16];
    snprintf(name, sizeof name, "t%u", r->place);
    for (int i = 0; i < 20; i++) {
        struct err err = {0};
        struct grant grant;
        struct secret token, link;
        struct token made_token, token_spec = {.name = name,
                                               .scopes = &read,
                                               .n_scopes = 1,
                                               .sites = {.all = true},
                                               .by = PEOPLE_LOCAL};
        struct share made_share,
            share_spec = {.sites = {.items = &site, .n = 1}, .by = PEOPLE_LOCAL};
        struct user_change change = {.has_role = true, .role = ROLE_EDITOR + (i & 1u)};
        size_t bytes = 0;
        assert_true(people_find_session(p, str_from(r->session.text), &grant));
        grant_release(&grant);
        assert_ok(people_add_token(p, &token_spec, &token, &made_token, &err), err);
        assert_true(people_find_token(p, str_from(token.text), &grant));
        grant_release(&grant);
        assert_ok(people_add_share(p, &share_spec, &link, &made_share, &err), err);
        assert_ok(people_change_user(p, STR("bob"), CONTROL_ANY, &change, &err), err);
        people_each_user(p, see_any, &bytes);
        people_flush(p);
        assert_ok(people_remove_token(p, str_from(name), NULL, &err), err);
        assert_ok(
            people_remove_share(p, str_of(made_share.hash, SHARE_ID_BYTES), PEOPLE_LOCAL, &err),
            err);
        token_release(&made_token);
        share_release(&made_share);
    }
    return NULL;
}

static void threads__do_not_disturb_each_other(void **state) {
    struct lab *lab = *state;
    struct racer racers[4];
    pthread_t threads[ARRAY_LEN(racers)];
    add(lab, "ada", ROLE_ADMIN);
    add(lab, "bob", ROLE_VIEWER);
    for (unsigned i = 0; i < ARRAY_LEN(racers); i++) {
        racers[i] = (struct racer){.lab = lab, .place = i};
        assert_ok(login(lab, "ada", GOOD, &racers[i].session), lab->err);
    }
    for (size_t i = 0; i < ARRAY_LEN(racers); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(racers); i++)
        pthread_join(threads[i], NULL);
    struct user bob;
    assert_ok(people_find_user(lab->p, STR("bob"), &bob, &lab->err), lab->err);
    assert_int_equal(bob.version, 1 + 4 * 20);
    user_release(&bob);
}

static void documents__a_damaged_one_is_named(void **state) {
    struct lab *lab = *state;
    struct people *p = NULL;
    put(lab, "user", "x", "{\"role\":\"king\"}");
    assert_int_equal(people_open(lab->control, &lab->clock, &p, &lab->err), ERR_CORRUPT);
    assert_non_null(strstr(lab->err.text, "user/x"));
}

#define with_lab(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_lab(users__names_are_folded_and_checked),
        with_lab(users__outlive_a_restart_with_role_and_sites),
        with_lab(users__the_last_administrator_stays),
        with_lab(users__an_old_version_is_refused),
        with_lab(users__there_is_a_limit),
        with_lab(users__passwords_have_a_least_and_a_greatest_length),
        with_lab(passwords__of_nobody_cost_as_much),
        with_lab(passwords__only_so_many_are_hashed_at_once),
        with_lab(sessions__begin_with_the_password_only),
        with_lab(sessions__end_after_thirty_idle_days),
        with_lab(sessions__all_end_when_the_password_changes),
        with_lab(sessions__a_new_one_crowds_out_the_oldest_of_the_user),
        with_lab(sessions__guessing_is_slowed_down),
        with_lab(setup__works_once_and_only_without_an_administrator),
        with_lab(tokens__may_do_what_their_scope_says),
        with_lab(tokens__expire_and_are_revoked),
        with_lab(tokens__know_the_day_of_their_last_use),
        with_lab(tokens__wrong_ones_are_not_made),
        with_lab(shares__show_their_sites_until_they_expire),
        with_lab(shares__go_with_the_user_who_made_them),
        with_lab(shares__show_no_more_than_the_user_who_made_them_sees),
        with_lab(made__ends_with_the_right_to_make_it),
        with_lab(made__by_the_command_line_is_of_no_user),
        with_lab(users__an_administrator_has_no_list_of_sites),
        with_lab(secrets__are_not_kept),
        with_lab(threads__do_not_disturb_each_other),
        with_lab(documents__a_damaged_one_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

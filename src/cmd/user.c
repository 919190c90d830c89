/* user: who may log in. */
#include "base/log.h"
#include "cmd/password.h"
#include "cmd/site_names.h"
#include "cmd/store.h"
#include "query/output.h"

enum { LIST, ADD, REMOVE, PASSWD };
static const char *const verbs[] = {
    [LIST] = "list", [ADD] = "add", [REMOVE] = "remove", [PASSWD] = "passwd", NULL};

static int read_verb(const struct cmd_args *args, size_t *ret, struct err *err) {
    size_t words = args->words.len;
    *ret = LIST;
    int rc = words > 0 ? cmd_choice("user", args->words.items[0], verbs, ret, err) : 0;
    if (rc == 0 && *ret == LIST && words > 1)
        rc = err_set(err, ERR_USAGE, "user list takes no more words");
    if (rc == 0 && *ret != LIST && words != 2)
        rc = err_set(err, ERR_USAGE, "user %s: name one user", verbs[*ret]);
    if (rc == 0 && *ret != ADD && (cmd_given(args, "role") || cmd_given(args, "site")))
        rc = err_set(err, ERR_USAGE, "--role and --site belong to `user add`");
    return rc;
}

/* --- with the people --- */

static bool show_user(void *arg, const struct user *u) {
    struct buf *out = arg;
    buf_printf(out, "%-24s %-8s ", u->name, role_name(u->role));
    cmd_show_day(u->created_ms, out);
    buf_add_cstr(out, "   ");
    cmd_show_sites(&u->sites, out);
    buf_add_char(out, '\n');
    return true;
}

static void list(struct people *people, struct buf *out) {
    size_t before = out->len;
    buf_printf(out, "%-24s %-8s %-12s %s\n", "USER", "ROLE", "SINCE", "SITES");
    size_t header = out->len;
    people_each_user(people, show_user, out);
    if (out->len == header) {
        out->len = before;
        buf_add_cstr(out, "no users yet: caskalytics user add NAME --role admin\n");
    }
}

static int read_change(const struct cmd_args *args, struct str password, struct user_change *ret,
                       struct err *err) {
    const char *role = cmd_value(args, "role", 0);
    *ret = (struct user_change){.has_role = true, .has_sites = true, .password = password};
    if (!role_parse(str_from(role != NULL ? role : "viewer"), &ret->role))
        return err_set(err, ERR_USAGE, "--role: admin, editor or viewer");
    int rc = cmd_sites(args, &ret->sites, err);
    if (rc == 0 && ret->role == ROLE_ADMIN && !ret->sites.all)
        rc = err_set(err, ERR_USAGE, "--site: an administrator sees all sites");
    return rc;
}

/* They may come later. */
static void note_sites(const struct cmd_store *store, const struct site_list *sites,
                       struct buf *out) {
    for (size_t i = 0; i < sites->n; i++) {
        if (catalog_knows_site(store->config, store->in->cube, str_from(sites->items[i])))
            continue;
        buf_add_cstr(out, "note: there is no site ");
        output_text(str_from(sites->items[i]), "", out);
        buf_add_cstr(out, " yet\n");
    }
}

static int add(const struct cmd_store *store, const struct cmd_request *request, struct buf *out,
               struct err *err) {
    struct user_change change;
    int rc = read_change(request->args, request->input, &change, err);
    if (rc == 0)
        rc = people_add_user(store->in->people, str_from(request->args->words.items[1]), &change,
                             err);
    if (rc == 0)
        note_sites(store, &change.sites, out);
    site_list_release(&change.sites);
    return rc;
}

int user_answer(const struct cmd_store *store, const struct cmd_request *request, struct buf *out,
                struct err *err) {
    static const struct {
        const char *event, *done;
    } texts[] = {
        [ADD] = {"user_added", "added"},
        [REMOVE] = {"user_removed", "removed, with all sessions, API tokens and share links"},
        [PASSWD] = {"password_changed", "has a new password; all sessions have ended"}};
    struct people *people = store->in->people;
    const struct user_change password = {.password = request->input};
    char name[PEOPLE_NAME_BYTES + 1] = "";
    size_t verb;
    int rc = read_verb(request->args, &verb, err);
    if (rc == 0 && verb == LIST) {
        list(people, out);
        return 0;
    }
    if (rc == 0)
        rc = people_user_name(str_from(request->args->words.items[1]), name, err);
    if (rc == 0 && verb == ADD)
        rc = add(store, request, out, err);
    else if (rc == 0 && verb == REMOVE)
        rc = people_remove_user(people, str_from(name), CONTROL_ANY, err);
    else if (rc == 0)
        rc = people_change_user(people, str_from(name), CONTROL_ANY, &password, err);
    if (rc == 0) {
        log_line(LOG_INFO, texts[verb].event, "by=\"local\" user=\"%s\"", name);
        buf_printf(out, "%s: %s\n", name, texts[verb].done);
    }
    /* exit code 3 is about the data directory */
    return rc == ERR_BUSY || rc == ERR_NOTFOUND ? (err->code = ERR_FAILED) : rc;
}

/* --- the command --- */

int cmd_run_user(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    struct buf password = {0};
    struct user_change change = {0};
    char name[PEOPLE_NAME_BYTES + 1];
    size_t verb;
    int rc = read_verb(args, &verb, err);
    /* what is wrong is said before a password is asked for */
    if (rc == 0 && verb != LIST)
        rc = people_user_name(str_from(args->words.items[1]), name, err);
    if (rc == 0 && verb == ADD)
        rc = read_change(args, STR(""), &change, err);
    site_list_release(&change.sites);
    if (rc == 0 && (verb == ADD || verb == PASSWD))
        rc = password_read(&password, err);
    if (rc == 0)
        rc = cmd_with_store(ctx, args, password.len > 0 ? buf_str(&password) : STR(""), err);
    password_wipe(&password);
    return rc;
}

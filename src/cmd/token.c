/* token: API tokens for programs. */
#include "base/log.h"
#include "base/zone.h"
#include "cmd/site_names.h"
#include "cmd/store.h"
#include "people/tokens.h"
#include "query/output.h"

#include <stdlib.h>

#define DAY_MS ((int64_t)86400 * 1000)

enum { LIST, ADD, REVOKE };
static const char *const verbs[] = {[LIST] = "list", [ADD] = "add", [REVOKE] = "revoke", NULL};

static int read_verb(const struct cmd_args *args, size_t *ret, struct err *err) {
    size_t words = args->words.len;
    *ret = LIST;
    int rc = words > 0 ? cmd_choice("token", args->words.items[0], verbs, ret, err) : 0;
    if (rc == 0 && *ret == LIST && words > 1)
        rc = err_set(err, ERR_USAGE, "token list takes no more words");
    if (rc == 0 && *ret != LIST && words != 2)
        rc = err_set(err, ERR_USAGE, "token %s: name one token", verbs[*ret]);
    return rc;
}

/* --- list --- */

static bool show_token(void *arg, const struct token *t) {
    struct buf *out = arg;
    buf_printf(out, "%-*.*s  ", TOKEN_ID_BYTES, TOKEN_ID_BYTES, t->hash);
    size_t begin = out->len;
    output_text(str_from(t->name), "", out);
    for (size_t cells = output_cells(str_of(out->ptr + begin, out->len - begin)); cells < 24;
         cells++)
        buf_add_char(out, ' ');
    buf_add_char(out, ' ');
    cmd_show_day(t->expires_ms, out);
    buf_add_cstr(out, t->expires_ms != 0 ? "  " : "           ");
    cmd_show_day(t->used_day * DAY_MS, out);
    buf_add_cstr(out, t->used_day != 0 ? "  " : "           ");
    for (size_t i = 0; i < t->n_scopes; i++) {
        buf_add_cstr(out, i > 0 ? "," : "");
        output_text(str_from(t->scopes[i]), "", out);
    }
    buf_add_char(out, ' ');
    cmd_show_sites(&t->sites, out);
    buf_add_char(out, '\n');
    return true;
}

static void list(struct people *people, struct buf *out) {
    buf_printf(out, "%-*s  %-24s %-10s  %-10s  %s\n", TOKEN_ID_BYTES, "ID", "NAME", "EXPIRES",
               "LAST USED", "SCOPES, SITES");
    people_each_token(people, show_token, out);
}

/* --- add --- */

static int read_scopes(const struct cmd_args *args, struct token *ret, struct err *err) {
    const char *value;
    VEC(char *) scopes = {0};
    for (size_t i = 0; (value = cmd_value(args, "scope", i)) != NULL; i++) {
        struct str rest = str_from(value), scope;
        while (str_split(&rest, ',', &scope))
            vec_push(&scopes, str_dup(str_trim(scope)));
    }
    ret->scopes = scopes.items;
    ret->n_scopes = scopes.len;
    return scopes.len > 0 ? 0
                          : err_set(err, ERR_USAGE,
                                    "token add: say --scope read, --scope ingest:SOURCE or "
                                    "--scope admin");
}

static int read_expiry(const struct cmd_args *args, int64_t *ret_ms, struct err *err) {
    const char *text = cmd_value(args, "expires", 0);
    struct zone *zone = NULL;
    int64_t seconds = 0;
    int rc = text != NULL ? zone_open("UTC", &zone, err) : 0;
    if (rc == 0 && text != NULL) {
        rc = zone_parse(zone, str_from(text), &seconds, err);
        if (rc != 0)
            rc = err_context(err, "--expires");
    }
    zone_free(zone);
    *ret_ms = seconds * 1000;
    return rc;
}

/* Not to standard output: there is only the token, so that scripts can take it. */
static void warn_of_sites(const struct cmd_store *store, const struct site_list *sites) {
    for (size_t i = 0; i < sites->n; i++)
        if (!catalog_knows_site(store->config, store->in->cube, str_from(sites->items[i]))) {
            struct buf name = {0};
            buf_add_json(&name, str_from(sites->items[i]));
            log_line(LOG_WARN, "unknown_site", "site=\"%s\"", buf_cstr(&name));
            buf_release(&name);
        }
}

static int add(const struct cmd_store *store, const struct cmd_args *args, struct buf *out,
               struct err *err) {
    struct token made, spec = {.name = (char *)(uintptr_t)args->words.items[1], .by = PEOPLE_LOCAL};
    struct secret secret;
    int rc = read_scopes(args, &spec, err);
    if (rc == 0)
        rc = catalog_check_scopes(store->config, spec.scopes, spec.n_scopes, err);
    if (rc == 0)
        rc = cmd_sites(args, &spec.sites, err);
    if (rc == 0)
        rc = read_expiry(args, &spec.expires_ms, err);
    if (rc == 0)
        rc = people_add_token(store->in->people, &spec, &secret, &made, err);
    if (rc == 0) {
        warn_of_sites(store, &spec.sites);
        buf_printf(out, "%s\n", secret.text); /* nothing else, so that scripts can take it */
        token_release(&made);
    }
    for (size_t i = 0; i < spec.n_scopes; i++)
        free(spec.scopes[i]);
    free(spec.scopes);
    site_list_release(&spec.sites);
    return rc;
}

int token_answer(const struct cmd_store *store, const struct cmd_request *request, struct buf *out,
                 struct err *err) {
    struct people *people = store->in->people;
    struct buf name = {0};
    size_t verb;
    int rc = read_verb(request->args, &verb, err);
    if (rc == 0 && verb == LIST) {
        list(people, out);
        return 0;
    }
    if (rc == 0)
        buf_add_json(&name, str_from(request->args->words.items[1]));
    if (rc == 0 && verb == ADD)
        rc = add(store, request->args, out, err);
    else if (rc == 0)
        rc = people_remove_token(people, str_from(request->args->words.items[1]), NULL, err);
    if (rc == 0)
        log_line(LOG_INFO, verb == ADD ? "token_added" : "token_revoked",
                 "by=\"local\" token=\"%s\"", buf_cstr(&name));
    if (rc == 0 && verb == REVOKE)
        buf_printf(out, "revoked\n");
    buf_release(&name);
    /* exit code 3 is about the data directory */
    return rc == ERR_BUSY || rc == ERR_NOTFOUND ? (err->code = ERR_FAILED) : rc;
}

int cmd_run_token(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    size_t verb;
    int rc = read_verb(args, &verb, err);
    return rc == 0 ? cmd_with_store(ctx, args, STR(""), err) : rc;
}

/* config: check, show or try the configuration. */
#include "cmd/cmd.h"
#include "refine/product.h"

/* As a server would read it. */
static int check(const struct cmd_context *ctx, struct err *err) {
    struct config *config = NULL;
    struct buf warnings = {0}, out = {0};
    int rc = cmd_config_whole(ctx, &config, &warnings, err);
    if (rc == 0) {
        buf_add_str(&out, buf_str(&warnings));
        buf_printf(&out, "%s: ok%s\n",
                   config->file != NULL ? config->file : "no caskalytics.yaml here, all defaults",
                   warnings.len > 0 ? ", with warnings" : "");
        rc = cmd_write(buf_str(&out), err);
    }
    config_free(config);
    buf_release(&warnings);
    buf_release(&out);
    return rc;
}

static int show(const struct config *config, struct err *err) {
    struct buf out = {0};
    config_show(config, &out);
    int rc = cmd_write(buf_str(&out), err);
    buf_release(&out);
    return rc;
}

/* --- try-product ----------------------------------------------------------------------------- */

static void text_field(const char *name, struct str value, struct buf *out) {
    buf_printf(out, "  %-9s  ", name);
    buf_add_utf8(out, value.len > 0 ? value : STR("-"));
    buf_add_char(out, '\n');
}

static void match_text(const struct config *config, struct str path,
                       const struct product_match *match, struct buf *out) {
    buf_add_utf8(out, path);
    buf_add_char(out, '\n');
    if (match == NULL) {
        buf_add_cstr(out, "  no rule matches\n");
        return;
    }
    text_field("product", match->product, out);
    text_field("version", match->version, out);
    text_field("platform", match->platform, out);
    text_field("redirects", match->redirects ? STR("yes") : STR("no"), out);
    buf_printf(out, "  %-9s  %zu: %s\n", "rule", match->rule + 1,
               config->products[match->rule].match);
}

static void json_field(const char *name, struct str value, struct buf *out) {
    buf_printf(out, ",\"%s\":\"", name);
    buf_add_json(out, value);
    buf_add_char(out, '"');
}

static void match_json(struct str path, const struct product_match *match, struct buf *out) {
    buf_add_cstr(out, "{\"path\":\"");
    buf_add_json(out, path);
    if (match == NULL) {
        buf_add_cstr(out, "\",\"rule\":null}");
        return;
    }
    buf_printf(out, "\",\"rule\":%zu", match->rule + 1);
    json_field("product", match->product, out);
    json_field("version", match->version, out);
    json_field("platform", match->platform, out);
    buf_printf(out, ",\"redirects\":%s}", match->redirects ? "true" : "false");
}

static int try_product(const struct config *config, const struct cmd_args *args, struct err *err) {
    struct product_rules *rules = NULL;
    bool json = cmd_given(args, "json"), any = false;
    struct buf out = {0};
    int rc = product_rules_new(config->products, config->n_products, &rules, err);
    if (rc != 0)
        return rc;
    buf_add_cstr(&out, json ? "[" : "");
    for (size_t i = 1; i < args->words.len; i++) {
        struct str path = str_from(args->words.items[i]);
        struct product_match match;
        (void)str_find(path, '?', &path.len);
        bool found = product_match(rules, path, &match);
        any = any || found;
        if (json) {
            buf_add_cstr(&out, i > 1 ? ",\n" : "");
            match_json(path, found ? &match : NULL, &out);
        } else {
            match_text(config, path, found ? &match : NULL, &out);
        }
    }
    buf_add_cstr(&out, json ? "]\n" : "");
    rc = cmd_write(buf_str(&out), err);
    if (rc == 0 && !any)
        rc = ERR_FAILED; /* without a text: all is said */
    buf_release(&out);
    product_rules_free(rules);
    return rc;
}

int cmd_run_config(const struct cmd_context *ctx, const struct cmd_args *args, struct err *err) {
    enum { CHECK, SHOW, TRY_PRODUCT };
    static const char *const verbs[] = {
        [CHECK] = "check", [SHOW] = "show", [TRY_PRODUCT] = "try-product", NULL};
    size_t verb, words = args->words.len - 1;
    struct config *config = NULL;
    int rc = cmd_choice("config", args->words.items[0], verbs, &verb, err);
    if (rc == 0 && verb == TRY_PRODUCT && words == 0)
        rc = err_set(err, ERR_USAGE, "config try-product: name the PATH of a download");
    if (rc == 0 && verb != TRY_PRODUCT && words > 0)
        rc = err_set(err, ERR_USAGE, "config %s takes no more words", verbs[verb]);
    if (rc == 0 && verb == CHECK)
        return check(ctx, err);
    if (rc == 0)
        rc = cmd_config(ctx, &config, err);
    if (rc == 0 && verb == SHOW)
        rc = show(config, err);
    else if (rc == 0)
        rc = try_product(config, args, err);
    config_free(config);
    return rc;
}

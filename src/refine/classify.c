#include "refine/classify.h"

#include "base/lower.h"
#include "refine/product.h"
#include <stdlib.h>

#define EXTENSION_BYTES 32u

enum { IS_ASSET = 1, IS_DOWNLOAD = 2 };

/* Open addressing, at most half full. A name in no use has length 0. */
struct extension {
    char name[EXTENSION_BYTES];
    uint8_t len;
    uint8_t lists; /* IS_ASSET, IS_DOWNLOAD or both */
};

struct classifier {
    struct extension *extensions;
    size_t mask;
    struct product_rules *products;
};

static struct extension *find_extension(const struct classifier *c, struct str lower) {
    size_t i = str_hash(lower) & c->mask;
    while (c->extensions[i].len != 0 &&
           !str_eq(lower, str_of(c->extensions[i].name, c->extensions[i].len)))
        i = (i + 1) & c->mask;
    return &c->extensions[i];
}

/* Lower-case copy in `to`; "" when it does not fit. */
static struct str lower_extension(struct str s, char to[EXTENSION_BYTES]) {
    if (s.len > EXTENSION_BYTES)
        return STR("");
    for (size_t i = 0; i < s.len; i++)
        to[i] = lower(s.ptr[i]);
    return str_of(to, s.len);
}

static int add_extensions(struct classifier *c, char **names, size_t n, uint8_t list,
                          const char *key, struct err *err) {
    for (size_t i = 0; i < n; i++) {
        char bytes[EXTENSION_BYTES];
        struct str lower = lower_extension(str_from(names[i]), bytes);
        if (lower.len == 0)
            return err_set(err, ERR_USAGE, "%s: \"%s\" is no extension of 1 to %u bytes", key,
                           names[i], EXTENSION_BYTES);
        struct extension *e = find_extension(c, lower);
        memcpy(e->name, lower.ptr, lower.len);
        e->len = (uint8_t)lower.len;
        e->lists |= list;
    }
    return 0;
}

int classifier_new(const struct config *config, struct classifier **ret, struct err *err) {
    struct classifier *c = xcalloc(1, sizeof *c);
    size_t slots = 64;
    while (slots < 2 * (config->n_assets + config->n_downloads))
        slots *= 2;
    c->mask = slots - 1;
    c->extensions = xcalloc(slots, sizeof *c->extensions);
    int rc = add_extensions(c, config->assets, config->n_assets, IS_ASSET, "assets", err);
    if (rc == 0)
        rc = add_extensions(c, config->downloads, config->n_downloads, IS_DOWNLOAD, "downloads",
                            err);
    if (rc == 0)
        rc = product_rules_new(config->products, config->n_products, &c->products, err);
    if (rc == 0) {
        *ret = c;
        c = NULL;
    }
    classifier_free(c);
    return rc;
}

void classifier_free(struct classifier *c) {
    if (c == NULL)
        return;
    product_rules_free(c->products);
    free(c->extensions);
    free(c);
}

/* Lists that the extension (behind the last dot of the last segment) stands in. */
static unsigned extension_lists(const struct classifier *c, struct str path) {
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '.' && path.ptr[at - 1] != '/')
        at--;
    if (at == 0 || at == path.len || path.ptr[at - 1] != '.')
        return 0;
    char bytes[EXTENSION_BYTES];
    struct str lower = lower_extension(str_skip(path, at), bytes);
    return lower.len ? find_extension(c, lower)->lists : 0;
}

static bool is_redirect(uint16_t status) { return status == 301 || status == 302 || status == 307; }

static struct str without_query(struct str target) {
    size_t query;
    return str_find(target, '?', &query) ? str_of(target.ptr, query) : target;
}

struct hit_class classify_beacon(struct str name, struct str target) {
    return (struct hit_class){.kind = str_is(name, "pageview") ? KIND_PAGEVIEW : KIND_EVENT,
                              .path = without_query(target),
                              .product = STR(""),
                              .version = STR(""),
                              .platform = STR("")};
}

struct hit_class classify(struct classifier *c, struct str method, struct str target,
                          uint16_t status) {
    struct hit_class hit = {.kind = KIND_OTHER,
                            .path = without_query(target),
                            .product = STR(""),
                            .version = STR(""),
                            .platform = STR("")};
    if (!str_eq(method, STR("GET")))
        return hit;
    bool delivered = status == 200 || status == 206;
    struct product_match match;
    if ((delivered || is_redirect(status)) && product_match(c->products, hit.path, &match) &&
        (delivered || match.redirects)) {
        hit.kind = KIND_DOWNLOAD;
        hit.product = match.product;
        hit.version = match.version;
        hit.platform = match.platform;
        return hit;
    }
    if ((status < 200 || status > 299) && status != 304)
        return hit;
    unsigned lists = extension_lists(c, hit.path);
    if ((lists & IS_DOWNLOAD) && delivered)
        hit.kind = KIND_DOWNLOAD;
    else if (lists & IS_ASSET)
        hit.kind = KIND_ASSET;
    else if (lists == 0)
        hit.kind = KIND_PAGEVIEW;
    return hit;
}

#include "refine/rules_id.h"

#include "base/fs.h"
#include "base/paths.h"
#include "refine/refine.h"
#include <sodium.h>

#define LIST_BYTES ((size_t)64 << 20)

/* Texts with their lengths, so that two of them never run into each other. */
static void add(crypto_generichash_state *state, struct str s) {
    uint64_t len = s.len;
    crypto_generichash_update(state, (const unsigned char *)&len, sizeof len);
    crypto_generichash_update(state, (const unsigned char *)s.ptr, s.len);
}

static void add_text(crypto_generichash_state *state, const char *text) {
    add(state, text != NULL ? str_from(text) : STR(""));
}

static void add_list(crypto_generichash_state *state, char *const *items, size_t n) {
    uint64_t count = n;
    add(state, str_of((const char *)&count, sizeof count));
    for (size_t i = 0; i < n; i++)
        add_text(state, items[i]);
}

static void add_config(crypto_generichash_state *state, const struct config *c) {
    add_list(state, c->assets, c->n_assets);
    add_list(state, c->downloads, c->n_downloads);
    add_list(state, c->referrer_spam, c->n_referrer_spam);
    for (size_t i = 0; i < c->n_products; i++) {
        const struct config_product *p = &c->products[i];
        add_text(state, p->name);
        add_text(state, p->match);
        add_text(state, p->version);
        add_text(state, p->platform);
        add_text(state, p->redirects ? "redirects" : "");
    }
    for (size_t i = 0; i < c->n_exclude; i++) {
        const struct config_exclude *e = &c->exclude[i];
        add_list(state, e->sites, e->n_sites);
        add_list(state, e->addresses, e->n_addresses);
        add_list(state, e->paths, e->n_paths);
        add_list(state, e->hosts, e->n_hosts);
        add_list(state, e->agents, e->n_agents);
    }
}

static int add_file(crypto_generichash_state *state, enum program_file file, struct err *err) {
    struct buf path = {0}, content = {0};
    int rc = paths_find(file, &path, err);
    if (rc == 0)
        rc = fs_read_file(buf_cstr(&path), LIST_BYTES, &content, err);
    if (rc == 0)
        add(state, buf_str(&content));
    buf_release(&path);
    buf_release(&content);
    return rc;
}

int rules_id(const struct config *config, uint64_t countries, uint32_t *ret, struct err *err) {
    static const enum program_file lists[] = {FILE_AGENTS, FILE_CRAWLERS, FILE_CLIENTS, FILE_BOTS,
                                              FILE_DEVICE_CLASSES};
    crypto_generichash_state state;
    unsigned char hash[crypto_generichash_BYTES_MIN];
    uint64_t numbers[] = {REFINE_RULES, countries};
    int rc = 0;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)numbers, sizeof numbers);
    add_config(&state, config);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(lists); i++)
        rc = add_file(&state, lists[i], err);
    crypto_generichash_final(&state, hash, sizeof hash);
    if (rc == 0)
        *ret = (uint32_t)hash[0] | (uint32_t)hash[1] << 8 | (uint32_t)hash[2] << 16 |
               (uint32_t)hash[3] << 24;
    return rc;
}

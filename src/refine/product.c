#include "refine/product.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define CACHE_SLOTS 4096u
#define CACHE_PATH_BYTES 1024u /* longer paths are matched each time */
#define MATCH_LIMIT 100000u    /* steps: (a+)+$ must not hold up an import */
#define JIT_STACK_BYTES (512u << 10)
#define NO_RULE UINT32_MAX

struct rule {
    struct str name;
    struct str version, platform; /* "" without */
    bool redirects;
    pcre2_code *code;
    uint32_t version_group, platform_group; /* 0: the pattern has none */
};

/* A piece of the path, so that an answer holds for any copy of it. */
struct piece {
    uint32_t at, len;
};

struct slot {
    char *path; /* owned, `cap` bytes; NULL: never used */
    uint32_t len, cap;
    uint32_t rule; /* index or NO_RULE */
    struct piece version, platform;
};

struct product_rules {
    struct rule *rules;
    size_t n_rules;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *jit_stack;
    uint64_t match_limits;
    struct slot *slots; /* direct-mapped by hash of the path */
    struct slot uncached;
};

static uint32_t group_of(const pcre2_code *code, const char *name) {
    int n = pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);
    return n > 0 ? (uint32_t)n : 0; /* a name that stands for several groups is not looked at */
}

static int compile(const struct config_product *product, struct rule *rule, struct err *err) {
    int code = 0;
    PCRE2_SIZE at = 0;
    rule->name = str_from(xstrdup(product->name));
    rule->version = str_from(xstrdup(product->version ? product->version : ""));
    rule->platform = str_from(xstrdup(product->platform ? product->platform : ""));
    rule->redirects = product->redirects;
    rule->code = pcre2_compile((PCRE2_SPTR)product->match, PCRE2_ZERO_TERMINATED,
                               PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (rule->code == NULL) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message(code, text, sizeof text);
        return err_set(err, ERR_USAGE, "product %s: match: at character %zu: %s", product->name,
                       at + 1, (const char *)text);
    }
    (void)pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE); /* without JIT it is only slower */
    rule->version_group = group_of(rule->code, "version");
    rule->platform_group = group_of(rule->code, "platform");
    return 0;
}

int product_rules_new(const struct config_product *products, size_t n, struct product_rules **ret,
                      struct err *err) {
    struct product_rules *p = xcalloc(1, sizeof *p);
    uint32_t groups = 1;
    int rc = 0;
    p->rules = xcalloc(max_size(n, 1), sizeof *p->rules);
    p->slots = xcalloc(CACHE_SLOTS, sizeof *p->slots);
    for (; rc == 0 && p->n_rules < n; p->n_rules++) {
        struct rule *rule = &p->rules[p->n_rules];
        rc = compile(&products[p->n_rules], rule, err);
        if (rc == 0 && rule->version_group >= groups)
            groups = rule->version_group + 1;
        if (rc == 0 && rule->platform_group >= groups)
            groups = rule->platform_group + 1;
    }
    p->match = pcre2_match_data_create(groups, NULL);
    p->context = pcre2_match_context_create(NULL);
    p->jit_stack = pcre2_jit_stack_create(32 << 10, JIT_STACK_BYTES, NULL);
    if (p->match == NULL || p->context == NULL)
        abort(); /* out of memory (base.h) */
    pcre2_set_match_limit(p->context, MATCH_LIMIT);
    if (p->jit_stack != NULL)
        pcre2_jit_stack_assign(p->context, NULL, p->jit_stack);
    if (rc == 0) {
        *ret = p;
        p = NULL;
    }
    product_rules_free(p);
    return rc;
}

void product_rules_free(struct product_rules *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n_rules; i++) {
        free((char *)p->rules[i].name.ptr);
        free((char *)p->rules[i].version.ptr);
        free((char *)p->rules[i].platform.ptr);
        pcre2_code_free(p->rules[i].code);
    }
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        free(p->slots[i].path);
    pcre2_match_data_free(p->match);
    pcre2_match_context_free(p->context);
    pcre2_jit_stack_free(p->jit_stack);
    free(p->slots);
    free(p->rules);
    free(p);
}

static struct piece piece_of(const pcre2_match_data *match, uint32_t group, uint32_t groups_set) {
    if (group == 0 || group >= groups_set)
        return (struct piece){0, 0};
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer((pcre2_match_data *)match) + 2 * (size_t)group;
    if (at[1] <= at[0]) /* empty, or unset: both are PCRE2_UNSET then */
        return (struct piece){0, 0};
    return (struct piece){(uint32_t)at[0], (uint32_t)(at[1] - at[0])};
}

/* Fills rule and pieces of `slot`. */
static void try_rules(struct product_rules *p, struct str path, struct slot *slot) {
    slot->rule = NO_RULE;
    slot->version = slot->platform = (struct piece){0, 0};
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const struct rule *rule = &p->rules[i];
        int rc =
            pcre2_match(rule->code, (PCRE2_SPTR)path.ptr, path.len, 0, 0, p->match, p->context);
        if (rc < 0) {
            p->match_limits += rc != PCRE2_ERROR_NOMATCH;
            continue;
        }
        /* 0: more groups than are asked for; those asked for have room */
        uint32_t groups_set = rc > 0 ? (uint32_t)rc : pcre2_get_ovector_count(p->match);
        slot->rule = i;
        slot->version = piece_of(p->match, rule->version_group, groups_set);
        slot->platform = piece_of(p->match, rule->platform_group, groups_set);
        return;
    }
}

static const struct slot *look_up(struct product_rules *p, struct str path) {
    if (path.len > CACHE_PATH_BYTES) {
        try_rules(p, path, &p->uncached);
        return &p->uncached;
    }
    struct slot *slot = &p->slots[str_hash(path) % CACHE_SLOTS];
    if (slot->path != NULL && str_eq(path, str_of(slot->path, slot->len)))
        return slot;
    if (slot->cap < path.len || slot->path == NULL) {
        slot->cap = (uint32_t)max_size(path.len, 32);
        slot->path = xrealloc(slot->path, slot->cap);
    }
    if (path.len > 0)
        memcpy(slot->path, path.ptr, path.len);
    slot->len = (uint32_t)path.len;
    try_rules(p, path, slot);
    return slot;
}

static struct str cut_piece(struct str path, struct piece piece, struct str otherwise) {
    return piece.len ? str_of(path.ptr + piece.at, piece.len) : otherwise;
}

bool product_match(struct product_rules *p, struct str path, struct product_match *ret) {
    if (p->n_rules == 0)
        return false;
    const struct slot *slot = look_up(p, path);
    if (slot->rule == NO_RULE)
        return false;
    const struct rule *rule = &p->rules[slot->rule];
    *ret = (struct product_match){.product = rule->name,
                                  .rule = slot->rule,
                                  .version = cut_piece(path, slot->version, rule->version),
                                  .platform = cut_piece(path, slot->platform, rule->platform),
                                  .redirects = rule->redirects};
    return true;
}

uint64_t product_rules_match_limits(const struct product_rules *p) { return p->match_limits; }

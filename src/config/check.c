#include "config/check.h"

#include "base/nearest.h"
#include "config/option.h"
#include "config/value.h"

static void check_memory(const struct node *root, const struct config *c,
                         struct problems *problems) {
    if (c->engine_memory_bytes == 0 || c->query_memory_bytes <= c->engine_memory_bytes)
        return; /* automatic, or both are given and fit */
    const struct node *query = document_value(document_value(root, "engine"), "query_memory");
    assert(query != NULL);
    problems_add(problems, query->line, "engine.query_memory is more than engine.memory");
}

/* Keys of that mapping which do nothing yet. */
static void warn_later(const struct option *parent, const struct node *mapping,
                       struct problems *problems) {
    for (const struct option *o = option_next(parent, NULL); o; o = option_next(parent, o)) {
        const struct node *n = o->flags & LATER ? document_value(mapping, option_key(o)) : NULL;
        if (n != NULL && n->kind != NODE_NULL)
            problems_add_kind(problems, PROBLEM_WARNING, n->line,
                              "%s: without effect in this version", o->path);
    }
}

/* A site that is named where others are declared, but is none of them: more likely a slip than one
 * that was made over the API. */
static void warn_undeclared(const char *path, const struct node *n, const struct config *c,
                            struct problems *problems) {
    if (n == NULL || n->kind != NODE_SCALAR || c->n_sites == 0)
        return;
    struct nearest nearest = {.word = n->text};
    for (size_t i = 0; i < c->n_sites; i++) {
        const char *name = c->sites[i].name; /* NULL: missing, which is reported */
        if (name != NULL && str_is(n->text, name))
            return;
        if (name != NULL)
            nearest_offer(&nearest, name);
    }
    problems_add_kind(problems, PROBLEM_WARNING, n->line, "%s: \"%.*s\" is not among `sites`%s%s%s",
                      path, (int)min_size(n->text.len, 60), n->text.ptr,
                      nearest.best ? ": did you mean \"" : "", nearest.best ? nearest.best : "",
                      nearest.best ? "\"?" : "");
}

static void check_source(const struct option *parent, const struct node *item,
                         const struct config *c, struct problems *problems) {
    const struct node *type = document_value(item, "type"), *path = document_value(item, "path");
    bool is_built = true;
    warn_undeclared("sources[].site", document_value(item, "site"), c, problems);
    if (type == NULL || type->kind != NODE_SCALAR || !source_type_known(type->text, &is_built))
        return;
    if (str_is(type->text, "tail") && (path == NULL || path->kind == NODE_NULL))
        problems_add(problems, item->line, "sources[].path is missing: it is what a tail follows");
    if (is_built)
        warn_later(parent, item, problems);
    else
        problems_add_kind(problems, PROBLEM_WARNING, type->line,
                          "sources[].type: sources of type \"" STR_FMT
                          "\" are without effect in this version",
                          STR_ARG(type->text));
}

static void check_exclude(const struct node *item, const struct config *c,
                          struct problems *problems) {
    const struct node *sites = document_value(item, "sites");
    if (sites != NULL && sites->kind == NODE_LIST)
        for (const struct node *site = sites->first; site != NULL; site = site->next)
            warn_undeclared("exclude[].sites", site, c, problems);
}

/* Items of a list of mappings; NULL: none. */
static const struct node *items_of(const struct node *root, const char *key) {
    const struct node *list = document_value(root, key);
    return list != NULL && list->kind == NODE_LIST ? list->first : NULL;
}

void config_check(const struct node *root, const struct config *c, struct problems *problems) {
    const struct option *sources = option_next(NULL, NULL);
    while (strcmp(sources->path, "sources") != 0)
        sources = option_next(NULL, sources); /* it is there */
    check_memory(root, c, problems);
    warn_later(NULL, root, problems);
    for (const struct node *item = items_of(root, "sources"); item != NULL; item = item->next)
        check_source(sources, item, c, problems);
    for (const struct node *item = items_of(root, "exclude"); item != NULL; item = item->next)
        check_exclude(item, c, problems);
}

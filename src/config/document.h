/* A YAML file as a tree that remembers its lines. A plain subset: one document, no anchors,
 * aliases, tags or merge keys (a small file can grow without bound through aliases), bounded in
 * depth and in number of nodes. */
#ifndef CASK_CONFIG_DOCUMENT_H
#define CASK_CONFIG_DOCUMENT_H

#include "base/arena.h"
#include "config/problems.h"

#define DOCUMENT_DEPTH_MAX ((size_t)16)
#define DOCUMENT_NODES_MAX ((size_t)50000)

enum node_kind {
    NODE_NULL, /* nothing, ~ or null: as good as not written */
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAPPING,
    NODE_BROKEN, /* no value: `text` says why, or "" when `problems` has it already */
};

struct node {
    enum node_kind kind;
    size_t line;
    struct str text;    /* scalars; UTF-8 without NUL, ${NAME} expanded unless it is a key */
    struct node *first; /* lists: items; mappings: key, value, key, value, ... */
    struct node *next;  /* the next of the same parent */
};

/* The root, NULL for an empty document; all of it lives in the arena. False: `problems` say why
 * not. */
MUSTCHECK bool document_parse(struct str bytes, struct arena *arena, struct problems *problems,
                              const struct node **ret);

/* The first value of that key; NULL: none, or not a mapping. */
const struct node *document_value(const struct node *mapping, const char *key);

/* Replace ${NAME} by the environment's value; "$${" stands for "${". False: *ret_problem says why
 * not. */
MUSTCHECK bool document_expand(struct str text, struct buf *out, struct buf *ret_problem);

#endif

#include "config/document.h"

#include <yaml.h>

struct level {
    struct node *parent;
    struct node **tail; /* where the next child goes */
    bool key_next;      /* of a mapping */
};

struct builder {
    struct arena *arena;
    struct problems *problems;
    struct level levels[DOCUMENT_DEPTH_MAX + 1]; /* [0]: the document itself */
    size_t depth;                                /* of the innermost open level */
    size_t nodes, documents;
    struct node *root;
};

static struct node *add_node(struct builder *b, enum node_kind kind, size_t line) {
    struct node *n = arena_alloc(b->arena, sizeof *n);
    *n = (struct node){.kind = kind, .line = line};
    struct level *level = &b->levels[b->depth];
    *level->tail = n;
    level->tail = &n->next;
    level->key_next = !level->key_next;
    return n;
}

static bool is_null(const yaml_event_t *event) {
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct str text = str_of((const char *)event->data.scalar.value, event->data.scalar.length);
    return text.len == 0 || str_is(text, "~") || str_is(text, "null");
}

static void add_scalar(struct builder *b, const yaml_event_t *event, size_t line) {
    struct level *level = &b->levels[b->depth];
    bool is_key = level->parent != NULL && level->parent->kind == NODE_MAPPING && level->key_next;
    struct node *n = add_node(b, is_null(event) && !is_key ? NODE_NULL : NODE_SCALAR, line);
    struct str text = str_of((const char *)event->data.scalar.value, event->data.scalar.length);
    struct buf value = {0}, problem = {0};
    bool ok = true;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        problems_add(b->problems, line, "a NUL byte in a value");
        ok = false;
    } else if (is_key) {
        buf_add_str(&value, text);
    } else {
        ok = document_expand(text, &value, &problem);
    }
    if (ok) {
        n->text = arena_dup(b->arena, buf_str(&value));
    } else {
        n->kind = NODE_BROKEN; /* whose value it is, and whether it matters, the reader knows */
        n->text = arena_dup(b->arena, buf_str(&problem));
    }
    buf_release(&value);
    buf_release(&problem);
}

static bool open_level(struct builder *b, enum node_kind kind, size_t line) {
    if (b->depth == DOCUMENT_DEPTH_MAX) {
        problems_add(b->problems, line, "nested deeper than %zu levels", DOCUMENT_DEPTH_MAX);
        return false;
    }
    struct node *n = add_node(b, kind, line);
    b->levels[++b->depth] = (struct level){.parent = n, .tail = &n->first, .key_next = true};
    return true;
}

/* Anchors and tags are refused wherever an event can carry one. */
static void check_plain(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag,
                        size_t line) {
    if (anchor != NULL)
        problems_add(b->problems, line, "anchors (&%s) are not supported", (const char *)anchor);
    if (tag != NULL)
        problems_add(b->problems, line, "tags (%s) are not supported", (const char *)tag);
}

/* False: stop, the rest would only be noise. */
static bool take_event(struct builder *b, const yaml_event_t *event) {
    size_t line = event->start_mark.line + 1;
    if (++b->nodes > DOCUMENT_NODES_MAX) {
        problems_add(b->problems, line, "more than %zu values", DOCUMENT_NODES_MAX);
        return false;
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->documents++ == 0)
            return true;
        problems_add(b->problems, line, "a second document (---) begins here: one is expected");
        return false;
    case YAML_ALIAS_EVENT:
        problems_add(b->problems, line, "aliases (*%s) are not supported",
                     (const char *)event->data.alias.anchor);
        add_node(b, NODE_BROKEN, line);
        return true;
    case YAML_SCALAR_EVENT:
        check_plain(b, event->data.scalar.anchor, event->data.scalar.tag, line);
        add_scalar(b, event, line);
        return true;
    case YAML_SEQUENCE_START_EVENT:
        check_plain(b, event->data.sequence_start.anchor, event->data.sequence_start.tag, line);
        return open_level(b, NODE_LIST, line);
    case YAML_MAPPING_START_EVENT:
        check_plain(b, event->data.mapping_start.anchor, event->data.mapping_start.tag, line);
        return open_level(b, NODE_MAPPING, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}

static size_t line_at(struct str bytes, size_t offset) {
    size_t line = 1;
    for (size_t i = 0; i < offset && i < bytes.len; i++)
        line += bytes.ptr[i] == '\n';
    return line;
}

static void syntax_problem(const yaml_parser_t *parser, struct str bytes,
                           struct problems *problems) {
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) { /* it knows the byte, but not the line */
        problems_add(problems, line_at(bytes, parser->problem_offset), "not valid text: %s",
                     problem);
        return;
    }
    /* "while parsing a block mapping (line 3), did not find expected key" */
    if (parser->context != NULL)
        problems_add(problems, line, "not valid YAML: %s (from line %zu), %s", parser->context,
                     parser->context_mark.line + 1, problem);
    else
        problems_add(problems, line, "not valid YAML: %s", problem);
}

const struct node *document_value(const struct node *mapping, const char *key) {
    if (mapping != NULL && mapping->kind == NODE_MAPPING)
        for (const struct node *k = mapping->first; k != NULL; k = k->next->next)
            if (k->kind == NODE_SCALAR && str_is(k->text, key))
                return k->next;
    return NULL;
}

bool document_parse(struct str bytes, struct arena *arena, struct problems *problems,
                    const struct node **ret) {
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        abort(); /* out of memory */
    yaml_parser_set_input_string(&parser, (const unsigned char *)(bytes.ptr ? bytes.ptr : ""),
                                 bytes.len);
    struct builder b = {.arena = arena, .problems = problems};
    b.levels[0] = (struct level){.tail = &b.root};
    bool ok = true, at_end = false;
    while (ok && !at_end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            syntax_problem(&parser, bytes, problems);
            ok = false;
            break;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        ok = take_event(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (ok)
        *ret = b.root;
    return ok;
}

#include "format/json_scan.h"

#include <stdlib.h>

/* --- paths: a tree of names --- */

#define BUCKETS 16
#define NOTHING (-1)

struct node {
    struct str name;
    int id;              /* NOTHING: no path ends here */
    int index;           /* the name as index of an array, NOTHING: it is none */
    int next;            /* in the same bucket of the parent */
    int bucket[BUCKETS]; /* first child of each */
    bool branches, deep; /* has children; has grandchildren */
    bool indexes;        /* a child is an index */
};

struct json_paths {
    VEC(struct node) nodes; /* [0] is the line */
    size_t count;
    struct arena names;
};

static unsigned bucket_of(struct str name) {
    return ((unsigned)name.len + (unsigned char)name.ptr[0] * 3U +
            (unsigned char)name.ptr[name.len - 1] * 7U) %
           BUCKETS;
}

static int new_node(struct json_paths *p, struct str name) {
    struct node node = {.name = arena_dup(&p->names, name), .id = NOTHING, .index = NOTHING};
    uint64_t index;
    if (str_to_u64(name, &index) && index <= UINT16_MAX)
        node.index = (int)index;
    for (size_t i = 0; i < BUCKETS; i++)
        node.bucket[i] = NOTHING;
    vec_push(&p->nodes, node);
    return (int)p->nodes.len - 1;
}

struct json_paths *json_paths_new(void) {
    struct json_paths *p = xcalloc(1, sizeof *p);
    new_node(p, STR(""));
    return p;
}

void json_paths_free(struct json_paths *paths) {
    if (paths == NULL)
        return;
    vec_free(&paths->nodes);
    arena_release(&paths->names);
    free(paths);
}

static int find_child(const struct json_paths *p, int parent, struct str name) {
    if (name.len == 0)
        return NOTHING;
    int at = p->nodes.items[parent].bucket[bucket_of(name)];
    while (at != NOTHING && !str_eq(p->nodes.items[at].name, name))
        at = p->nodes.items[at].next;
    return at;
}

static int add_child(struct json_paths *p, int parent, struct str name) {
    int child = new_node(p, name);
    struct node *above = &p->nodes.items[parent];
    int *bucket = &above->bucket[bucket_of(name)];
    p->nodes.items[child].next = *bucket;
    *bucket = child;
    above->branches = true;
    above->indexes = above->indexes || p->nodes.items[child].index != NOTHING;
    return child;
}

int json_paths_add(struct json_paths *paths, struct str path, size_t *ret_id, struct err *err) {
    int at = 0, above = NOTHING;
    struct str rest = path, name;
    bool empty = path.len == 0 || path.ptr[path.len - 1] == '.';
    while (!empty && str_split(&rest, '.', &name)) {
        empty = name.len == 0;
        if (empty)
            break;
        int child = find_child(paths, at, name);
        if (above != NOTHING)
            paths->nodes.items[above].deep = true;
        above = at;
        at = child != NOTHING ? child : add_child(paths, at, name);
    }
    if (empty)
        return err_set(err, ERR_USAGE, "\"" STR_FMT "\" is no path: names parted by dots",
                       STR_ARG(path));
    struct node *end = &paths->nodes.items[at];
    if (end->id == NOTHING) {
        if (paths->count == JSON_PATHS_MAX)
            return err_set(err, ERR_USAGE, "more than %d paths", JSON_PATHS_MAX);
        end->id = (int)paths->count++;
    }
    *ret_id = (size_t)end->id;
    return 0;
}

/* The node of a key; of a key with dots by its parts. */
static int node_of_key(const struct json_paths *p, int parent, struct str key) {
    if (parent == NOTHING || !p->nodes.items[parent].branches)
        return NOTHING;
    if (!p->nodes.items[parent].deep || key.len == 0 || memchr(key.ptr, '.', key.len) == NULL)
        return find_child(p, parent, key);
    if (key.ptr[key.len - 1] == '.')
        return NOTHING;
    struct str name;
    while (parent != NOTHING && str_split(&key, '.', &name))
        parent = find_child(p, parent, name);
    return parent;
}

static int node_of_index(const struct json_paths *p, int parent, size_t index) {
    if (parent == NOTHING)
        return NOTHING;
    const struct node *n = &p->nodes.items[parent];
    for (size_t i = 0; n->indexes && i < BUCKETS; i++)
        for (int at = n->bucket[i]; at != NOTHING; at = p->nodes.items[at].next)
            if (p->nodes.items[at].index == (int)index)
                return at;
    /* the first element stands for the array, also on the way to what is in it */
    return index == 0 ? parent : NOTHING;
}

/* --- scanning --- */

struct scan {
    const char *at, *end;
    const struct json_paths *paths;
    struct arena *scratch;
    struct str *found;
};

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool all_hex(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (hex_digit(p[i]) < 0)
            return false;
    return true;
}

static void blanks(struct scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool take(struct scan *s, char c) {
    blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* Bytes of the escape at `p`, 0 for none that there is. */
static size_t escape_length(const char *p, const char *end) {
    size_t left = (size_t)(end - p);
    if (left < 2)
        return 0;
    if (p[1] == 'u')
        return left >= 6 && all_hex(p + 2, 4) ? 6 : 0;
    if (p[1] == 'x')
        return left >= 4 && all_hex(p + 2, 2) ? 4 : 0;
    return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

static uint32_t hex4(const char *p) {
    uint32_t code = 0;
    for (size_t i = 0; i < 4; i++)
        code = code << 4 | (uint32_t)hex_digit(p[i]);
    return code;
}

/* The character of \uXXXX at `p`, or of two that are halves of one; never longer in UTF-8 than it
 * was escaped. */
static const char *unicode(const char *p, const char *end, char **to) {
    uint32_t code = hex4(p + 2);
    p += 6;
    bool high = code >= 0xD800 && code < 0xDC00;
    if (high && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = hex4(p + 2);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            p += 6;
        }
    }
    if (code >= 0xD800 && code < 0xE000)
        code = 0xFFFD;
    unsigned char bytes[4], lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
    bytes[0] = (unsigned char)(lead[n] | code);
    memcpy(*to, bytes, n);
    *to += n;
    return p;
}

/* Of escapes that were found to be good. */
static struct str unescape(struct str s, struct arena *scratch) {
    static const char letters[] = "bfnrt", meaning[] = "\b\f\n\r\t";
    char *start = arena_bytes(scratch, s.len), *to = start;
    const char *p = s.ptr, *end = s.ptr + s.len;
    while (p < end) {
        if (*p != '\\' || p[1] == 'x') {
            *to++ = *p++;
        } else if (p[1] == 'u') {
            p = unicode(p, end, &to);
        } else {
            const char *letter = strchr(letters, p[1]);
            *to++ = letter ? meaning[letter - letters] : p[1];
            p += 2;
        }
    }
    return str_of(start, (size_t)(to - start));
}

/* What a string cannot simply hold. */
static const bool special[256] = {[0 ... 31] = true, ['"'] = true, ['\\'] = true};

/* Behind its opening quote. */
static bool string(struct scan *s, bool wanted, struct str *ret) {
    const char *start = s->at, *p = start, *end = s->end;
    bool escapes = false;
    for (;;) {
        while (p < end && !special[(unsigned char)*p])
            p++;
        if (p == end || (*p != '"' && *p != '\\'))
            return false;
        if (*p == '"')
            break;
        size_t n = escape_length(p, end);
        if (n == 0)
            return false;
        escapes = true;
        p += n;
    }
    s->at = p + 1;
    struct str inner = str_of(start, (size_t)(p - start));
    *ret = escapes && wanted ? unescape(inner, s->scratch) : inner;
    return true;
}

static size_t digits(struct scan *s) {
    const char *start = s->at;
    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    return (size_t)(s->at - start);
}

static bool number(struct scan *s, struct str *ret) {
    const char *start = s->at;
    if (*s->at == '-')
        s->at++;
    const char *first = s->at;
    size_t n = digits(s);
    if (n == 0 || (n > 1 && *first == '0'))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (digits(s) == 0)
            return false;
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (digits(s) == 0)
            return false;
    }
    *ret = str_of(start, (size_t)(s->at - start));
    return true;
}

static bool word(struct scan *s) {
    static const struct str words[] = {{"null", 4}, {"true", 4}, {"false", 5}};
    struct str rest = str_of(s->at, (size_t)(s->end - s->at));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_starts(rest, words[i])) {
            s->at += words[i].len;
            return true;
        }
    }
    return false;
}

static bool value(struct scan *s, int node, int depth);

/* Behind its opening brace. */
static bool object(struct scan *s, int node, int depth) {
    if (take(s, '}'))
        return true;
    do {
        struct str key;
        if (!take(s, '"') || !string(s, node != NOTHING, &key) || !take(s, ':') ||
            !value(s, node_of_key(s->paths, node, key), depth))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

static bool array(struct scan *s, int node, int depth) {
    if (take(s, ']'))
        return true;
    size_t index = 0;
    do {
        if (!value(s, node_of_index(s->paths, node, index++), depth))
            return false;
    } while (take(s, ','));
    return take(s, ']');
}

static bool value(struct scan *s, int node, int depth) {
    blanks(s);
    if (s->at == s->end)
        return false;
    int id = node == NOTHING ? NOTHING : s->paths->nodes.items[node].id;
    struct str got = STR("");
    char c = *s->at;
    bool ok;
    if (c == '"') {
        s->at++;
        ok = string(s, id != NOTHING, &got);
    } else if (c == '{' || c == '[') {
        s->at++;
        if (depth == JSON_DEPTH_MAX)
            return false;
        if (c == '[') /* its first element has the same id */
            return array(s, node, depth + 1);
        ok = object(s, node, depth + 1);
    } else {
        ok = c == '-' || is_digit(c) ? number(s, &got) : word(s);
    }
    if (ok && id != NOTHING)
        s->found[id] = got;
    return ok;
}

bool json_scan(const struct json_paths *paths, struct str line, struct arena *scratch,
               struct str *ret) {
    memset(ret, 0, paths->count * sizeof *ret);
    struct scan s = {line.ptr, line.ptr + line.len, paths, scratch, ret};
    if (!take(&s, '{') || !object(&s, 0, 1))
        return false;
    blanks(&s);
    return s.at == s.end;
}

#include "agent/literals.h"

#define DEPTH_MAX 40             /* nested groups */
#define EXACT_MAX ((size_t)64)   /* strings of a product of sets: "(a|b)(c|d)" has four */
#define EXACT_BYTES ((size_t)32) /* a string that is longer is not followed further */
#define UNION_MAX ((size_t)2000) /* strings of a clause */
#define CLASS_MAX ((size_t)4)    /* characters of a class that is followed as strings */

struct set {
    struct str *words;
    size_t len;
};

struct clause {
    struct clause *next;
    struct set set;
    size_t shortest;
};

/* What is known of a part of the expression. */
struct part {
    bool exact;             /* it matches the strings of `set` (folded) and no others ... */
    struct set set;         /* ... */
    struct clause *clauses; /* else: these hold for whatever it matches */
};

struct parser {
    const char *at, *end;
    struct arena *arena;
    unsigned depth;
    bool unsure; /* something was not understood: everything found is void */
};

static struct part parse_alternation(struct parser *p);

static char fold(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static struct part anything(void) { return (struct part){0}; }

static struct part one_word(struct parser *p, const char *bytes, size_t n) {
    struct str *word = arena_alloc(p->arena, sizeof *word);
    *word = arena_dup(p->arena, str_of(bytes, n));
    return (struct part){.exact = true, .set = {word, 1}};
}

static struct part nothing(struct parser *p) { return one_word(p, "", 0); }

static struct part one_char(struct parser *p, char c) {
    c = fold(c);
    return one_word(p, &c, 1);
}

static struct part unsure(struct parser *p) {
    p->unsure = true;
    p->at = p->end;
    return anything();
}

static size_t shortest(struct set s) {
    size_t n = s.len ? s.words[0].len : 0;
    for (size_t i = 1; i < s.len; i++)
        n = min_size(n, s.words[i].len);
    return n;
}

/* The strings of a set as a clause in front of `rest`; `rest` alone if they say too little. */
static struct clause *add_clause(struct parser *p, struct set s, struct clause *rest) {
    size_t least = shortest(s);
    if (s.len == 0 || s.len > UNION_MAX || least < AGENT_LITERAL_MIN)
        return rest;
    struct clause *c = arena_alloc(p->arena, sizeof *c);
    *c = (struct clause){rest, s, least};
    return c;
}

static struct clause *clauses_of(struct parser *p, struct part part) {
    return part.exact ? add_clause(p, part.set, NULL) : part.clauses;
}

/* Is it worth while to follow the strings of a, then b as one? */
static bool can_follow(struct set a, struct set b) {
    size_t longest = 0;
    for (size_t i = 0; i < a.len; i++)
        longest = max_size(longest, a.words[i].len);
    return longest <= EXACT_BYTES && a.len * b.len <= max_size(EXACT_MAX, a.len);
}

static struct set product(struct parser *p, struct set a, struct set b) {
    struct set s = {arena_alloc(p->arena, a.len * b.len * sizeof *s.words), 0};
    for (size_t i = 0; i < a.len; i++) {
        for (size_t j = 0; j < b.len; j++) {
            struct str left = a.words[i], right = b.words[j];
            char *bytes = arena_bytes(p->arena, left.len + right.len);
            memcpy(bytes, left.ptr, left.len);
            memcpy(bytes + left.len, right.ptr, right.len);
            s.words[s.len++] = str_of(bytes, left.len + right.len);
        }
    }
    return s;
}

static struct set both(struct parser *p, struct set a, struct set b) {
    struct set s = {arena_alloc(p->arena, (a.len + b.len) * sizeof *s.words), a.len + b.len};
    memcpy(s.words, a.words, a.len * sizeof *s.words);
    memcpy(s.words + a.len, b.words, b.len * sizeof *s.words);
    return s;
}

/* Long words first, then few of them. */
static bool tells_more(const struct clause *a, const struct clause *b) {
    size_t x = min_size(a->shortest, AGENT_LITERAL_MAX),
           y = min_size(b->shortest, AGENT_LITERAL_MAX);
    return x != y ? x > y : a->set.len < b->set.len;
}

static const struct clause *best(const struct clause *c) {
    const struct clause *found = c;
    for (; c != NULL; c = c->next)
        if (!tells_more(found, c)) /* the list runs backwards: equals in their order */
            found = c;
    return found;
}

/* a|b: exact if both are, else a clause of either side must hold. */
static struct part either(struct parser *p, struct part a, struct part b) {
    if (a.exact && b.exact && a.set.len + b.set.len <= UNION_MAX)
        return (struct part){.exact = true, .set = both(p, a.set, b.set)};
    const struct clause *x = best(clauses_of(p, a)), *y = best(clauses_of(p, b));
    if (x == NULL || y == NULL || x->set.len + y->set.len > UNION_MAX)
        return anything();
    return (struct part){.clauses = add_clause(p, both(p, x->set, y->set), NULL)};
}

/* [...], behind the bracket. */
static struct part parse_class(struct parser *p) {
    bool members[256] = {false}, open = false; /* open: more than can be followed */
    if (p->at < p->end && *p->at == '^') {
        open = true;
        p->at++;
    }
    int from = -1; /* start of a possible range */
    for (bool first = true;; first = false) {
        if (p->at == p->end)
            return unsure(p);
        unsigned char c = (unsigned char)*p->at++;
        if (c == ']' && !first)
            break;
        if (c == '[' && p->at < p->end && strchr(":.=", *p->at) != NULL)
            return unsure(p);
        if (c == '-' && from >= 0 && p->at < p->end && *p->at != ']') {
            if (*p->at == '\\' || *p->at == '[')
                return unsure(p);
            unsigned char to = (unsigned char)*p->at++;
            for (int i = from; i <= to; i++)
                members[(unsigned char)fold((char)i)] = true;
            from = -1;
            continue;
        }
        from = c;
        if (c == '\\') {
            if (p->at == p->end)
                return unsure(p);
            c = (unsigned char)*p->at++;
            from = -1;
            if (strchr("dDwWsS", c) != NULL)
                open = true;
            else if ((c >= '0' && c <= '9') || (fold((char)c) >= 'a' && fold((char)c) <= 'z'))
                return unsure(p);
            else
                from = c;
        }
        members[(unsigned char)fold((char)c)] = true;
    }
    struct part part = {0};
    for (int i = 0; i < 256 && !open; i++) {
        if (!members[i])
            continue;
        struct part one = one_char(p, (char)i);
        part = part.exact ? either(p, part, one) : one;
    }
    return part.set.len <= CLASS_MAX ? part : anything();
}

/* Behind the backslash. */
static struct part parse_escape(struct parser *p) {
    if (p->at == p->end)
        return unsure(p);
    char c = *p->at++;
    if (strchr("dDwWsS", c) != NULL)
        return anything();
    if (c == 'b' || c == 'B')
        return nothing(p);
    static const char from[] = "nrtf", to[] = "\n\r\t\f";
    const char *control = strchr(from, c);
    if (control != NULL)
        return one_char(p, to[control - from]);
    bool one_digit = p->at == p->end || *p->at < '0' || *p->at > '9';
    if (c >= '1' && c <= '9' && one_digit)
        return anything(); /* a back reference */
    if ((c >= '0' && c <= '9') || (fold(c) >= 'a' && fold(c) <= 'z') || (unsigned char)c >= 0x80)
        return unsure(p);
    return one_char(p, c);
}

/* Does the text go on with this? Then step over it. */
static bool eat(struct parser *p, const char *text) {
    size_t n = strlen(text);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* Behind the bracket. Look-around is read over: it takes no part in what is matched. */
static struct part parse_group(struct parser *p) {
    bool around = eat(p, "?=") || eat(p, "?!") || eat(p, "?<=") || eat(p, "?<!");
    if (!around && !eat(p, "?:") && p->at < p->end && (*p->at == '?' || *p->at == '*'))
        return unsure(p);
    if (++p->depth > DEPTH_MAX)
        return unsure(p);
    struct part part = parse_alternation(p);
    p->depth--;
    if (!eat(p, ")"))
        return unsure(p);
    return around ? nothing(p) : part;
}

static struct part parse_atom(struct parser *p) {
    char c = *p->at++;
    switch (c) {
    case '(':
        return parse_group(p);
    case '[':
        return parse_class(p);
    case '\\':
        return parse_escape(p);
    case '.':
        return anything();
    case '^':
    case '$':
        return nothing(p);
    case '*':
    case '+':
    case '?':
        return unsure(p); /* nothing to repeat */
    default:
        return one_char(p, c);
    }
}

/* {n}, {n,} or {n,m} here? PCRE2 takes anything else as plain characters. */
static bool eat_counts(struct parser *p, bool *ret_zero) {
    const char *at = p->at + 1;
    const char *digits = at;
    bool zero = true;
    for (; at < p->end && *at >= '0' && *at <= '9'; at++)
        zero = zero && *at == '0';
    if (at == digits)
        return false;
    if (at < p->end && *at == ',')
        for (at++; at < p->end && *at >= '0' && *at <= '9'; at++)
            ;
    if (at == p->end || *at != '}')
        return false;
    p->at = at + 1;
    *ret_zero = zero;
    return true;
}

/* A quantifier behind an atom, if there is one. */
static struct part repeat(struct parser *p, struct part part) {
    bool optional = false, zero = false;
    if (p->at == p->end)
        return part;
    if (*p->at == '?' || *p->at == '*' || *p->at == '+') {
        optional = *p->at == '?';
        zero = *p->at != '+';
        p->at++;
    } else if (*p->at != '{' || !eat_counts(p, &zero)) {
        return part;
    }
    if (p->at < p->end && (*p->at == '?' || *p->at == '+'))
        p->at++; /* lazy or possessive: matches no more than without */
    if (optional && part.exact)
        return either(p, part, nothing(p));
    return zero ? anything() : (struct part){.clauses = clauses_of(p, part)};
}

static struct part parse_sequence(struct parser *p) {
    struct set run = nothing(p).set; /* the exact strings that end here */
    struct clause *clauses = NULL;
    bool exact = true;
    while (p->at < p->end && *p->at != '|' && *p->at != ')') {
        struct part part = parse_atom(p);
        part = repeat(p, part);
        if (part.exact && can_follow(run, part.set)) {
            run = product(p, run, part.set);
            continue;
        }
        exact = false;
        clauses = add_clause(p, run, clauses);
        run = part.exact ? part.set : nothing(p).set;
        for (const struct clause *c = part.exact ? NULL : part.clauses; c != NULL; c = c->next)
            clauses = add_clause(p, c->set, clauses);
    }
    if (exact)
        return (struct part){.exact = true, .set = run};
    return (struct part){.clauses = add_clause(p, run, clauses)};
}

static struct part parse_alternation(struct parser *p) {
    struct part part = parse_sequence(p);
    while (p->at < p->end && *p->at == '|') {
        p->at++;
        struct part other = parse_sequence(p);
        part = either(p, part, other);
    }
    return part;
}

void agent_literals_find(struct str regex, struct arena *arena, struct agent_literals *ret) {
    *ret = (struct agent_literals){0};
    struct parser p = {.at = regex.ptr, .end = regex.ptr + regex.len, .arena = arena};
    struct part part = parse_alternation(&p);
    if (p.unsure || p.at != p.end)
        return;
    struct clause *left = clauses_of(&p, part);
    while (left != NULL && ret->len < AGENT_CLAUSES_MAX) {
        const struct clause *next = best(left);
        struct set set = next->set;
        for (size_t i = 0; i < set.len; i++)
            set.words[i].len = min_size(set.words[i].len, AGENT_LITERAL_MAX);
        ret->clauses[ret->len++] = (struct agent_clause){set.words, set.len};
        struct clause **link = &left;
        while (*link != next)
            link = &(*link)->next;
        *link = next->next;
    }
}

#include "agent/literals.h"

#define DEPTH_MAX 40             /* nested groups */
#define EXACT_MAX ((size_t)256)  /* strings of a product of sets: "(a|b)(c|d)" has four */
#define EXACT_BYTES ((size_t)32) /* a string that is longer is not followed further */
#define UNION_MAX ((size_t)2000) /* strings of a clause */
#define CLASS_MAX ((size_t)4)    /* characters of a class that is followed as strings */
#define REPEAT_MAX 3             /* repetitions that are followed as strings */
#define EITHER_MAX 3             /* clauses of each side of an alternation */

struct set {
    struct str *words;
    size_t len;
};

struct clause {
    struct clause *next;
    struct set set;
    size_t shortest;
    bool common;
};

/* What is known of a part of the expression. */
struct part {
    bool exact;             /* it matches the strings of `set` (folded) and no others ... */
    struct set set;         /* ... */
    struct clause *clauses; /* else: these hold for whatever it matches ... */
    struct set start;       /* ... which begins with one of these; none: with anything */
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

/* What nearly every agent of a kind holds tells little. */
static bool is_common(struct set set) {
    static const char *const agents[] = {
        "mozilla/5.0 (linux; android 10; k build/a) applewebkit/537.36 (khtml, like gecko) "
        "version/4.0 chrome/120.0.0.0 mobile safari/537.36",
        "mozilla/5.0 (iphone; cpu iphone os 17_1 like mac os x) applewebkit/605.1.15 (khtml, like "
        "gecko) version/17.1 mobile/15e148 safari/604.1",
        "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) "
        "chrome/120.0.0.0 safari/537.36",
        "mozilla/5.0 (macintosh; intel mac os x 10_15_7)"};
    for (size_t a = 0; a < ARRAY_LEN(agents); a++)
        for (size_t i = 0; i < set.len; i++)
            if (memmem(agents[a], strlen(agents[a]), set.words[i].ptr, set.words[i].len) != NULL)
                return true;
    return false;
}

/* The strings of a set as a clause in front of `rest`; `rest` alone if they say too little. */
static struct clause *add_clause(struct parser *p, struct set s, struct clause *rest) {
    size_t least = shortest(s);
    if (s.len == 0 || s.len > UNION_MAX || least < AGENT_LITERAL_MIN)
        return rest;
    struct clause *c = arena_alloc(p->arena, sizeof *c);
    *c = (struct clause){rest, s, least, is_common(s)};
    return c;
}

static struct clause *clauses_of(struct parser *p, struct part part) {
    return part.exact ? add_clause(p, part.set, NULL) : part.clauses;
}

/* The strings that whatever the part matches begins with; none if that says nothing. */
static struct set start_of(struct part part) { return part.exact ? part.set : part.start; }

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

/* Rare words first, then long ones, then few of them. */
static bool tells_more(const struct clause *a, const struct clause *b) {
    if (a->common != b->common)
        return b->common;
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

/* Up to n of the list, the most telling first. */
static size_t best_of(const struct clause *list, const struct clause **ret, size_t n) {
    size_t len = 0;
    for (const struct clause *c = list; c != NULL; c = c->next) {
        size_t at = len < n ? len++ : n;
        for (; at > 0 && !tells_more(ret[at - 1], c); at--)
            if (at < n)
                ret[at] = ret[at - 1];
        if (at < n)
            ret[at] = c;
    }
    return len;
}

/* a|b: exact if both are, else for each clause of one side and each of the other, either holds. */
static struct part either(struct parser *p, struct part a, struct part b) {
    if (a.exact && b.exact && a.set.len + b.set.len <= UNION_MAX)
        return (struct part){.exact = true, .set = both(p, a.set, b.set)};
    struct part part = {0};
    struct set x = start_of(a), y = start_of(b);
    if (x.len > 0 && y.len > 0 && x.len + y.len <= UNION_MAX)
        part.start = both(p, x, y);
    const struct clause *left[EITHER_MAX], *right[EITHER_MAX];
    size_t n = best_of(clauses_of(p, a), left, EITHER_MAX),
           m = best_of(clauses_of(p, b), right, EITHER_MAX);
    for (size_t i = n; i-- > 0;)
        for (size_t j = m; j-- > 0;)
            if (left[i]->set.len + right[j]->set.len <= UNION_MAX)
                part.clauses = add_clause(p, both(p, left[i]->set, right[j]->set), part.clauses);
    return part;
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

struct counts {
    unsigned least, most;
};
#define MANY 1000000u

static unsigned eat_number(const char **at, const char *end) {
    unsigned n = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
        n = n < MANY ? 10 * n + (unsigned)(**at - '0') : MANY;
    return n;
}

/* {n}, {n,} or {n,m} here? PCRE2 takes anything else as plain characters. */
static bool eat_braces(struct parser *p, struct counts *ret) {
    const char *at = p->at + 1, *digits = at;
    ret->least = ret->most = eat_number(&at, p->end);
    if (at == digits)
        return false;
    if (at < p->end && *at == ',') {
        const char *more = ++at;
        ret->most = eat_number(&at, p->end);
        if (at == more)
            ret->most = MANY;
    }
    if (at == p->end || *at != '}')
        return false;
    p->at = at + 1;
    return true;
}

static bool eat_quantifier(struct parser *p, struct counts *ret) {
    if (p->at == p->end)
        return false;
    if (*p->at != '?' && *p->at != '*' && *p->at != '+') {
        if (*p->at != '{' || !eat_braces(p, ret))
            return false;
    } else {
        *ret = (struct counts){*p->at == '+', *p->at == '?' ? 1 : MANY};
        p->at++;
    }
    if (p->at < p->end && (*p->at == '?' || *p->at == '+'))
        p->at++; /* lazy or possessive: matches no more than without */
    return true;
}

/* Strings that are repeated few times are strings. */
static bool repeat_exact(struct parser *p, struct part part, struct counts n, struct part *ret) {
    if (!part.exact || n.most > REPEAT_MAX || n.most < n.least)
        return false;
    struct part all = {0}, run = nothing(p);
    for (unsigned i = 0; i <= n.most; i++) {
        if (i >= n.least)
            all = all.exact ? either(p, all, run) : run;
        if (!all.exact && i >= n.least)
            return false;
        if (!can_follow(run.set, part.set))
            return false;
        run.set = product(p, run.set, part.set);
    }
    *ret = all;
    return all.exact && all.set.len <= EXACT_MAX;
}

/* A quantifier behind an atom, if there is one. */
static struct part repeat(struct parser *p, struct part part) {
    struct counts n;
    struct part followed;
    if (!eat_quantifier(p, &n))
        return part;
    if (repeat_exact(p, part, n, &followed))
        return followed;
    if (n.least == 0)
        return anything();
    return (struct part){.clauses = clauses_of(p, part), .start = start_of(part)};
}

/* Strings, then what begins with one of `start`: a clause that says more than the strings alone, if
 * there are not too many. */
static struct set run_into(struct parser *p, struct set run, struct set start) {
    return start.len > 0 && can_follow(run, start) ? product(p, run, start) : run;
}

static struct part parse_sequence(struct parser *p) {
    struct set run = nothing(p).set; /* the exact strings that end here */
    struct set start = {0};
    struct clause *clauses = NULL;
    bool exact = true;
    while (p->at < p->end && *p->at != '|' && *p->at != ')') {
        struct part part = parse_atom(p);
        part = repeat(p, part);
        if (part.exact && can_follow(run, part.set)) {
            run = product(p, run, part.set);
            continue;
        }
        struct set longer = run_into(p, run, start_of(part));
        if (exact)
            start = longer;
        exact = false;
        if (shortest(run) > 0) /* else the part's own clauses say it */
            clauses = add_clause(p, longer, clauses);
        run = part.exact ? part.set : nothing(p).set;
        for (const struct clause *c = part.exact ? NULL : part.clauses; c != NULL; c = c->next)
            clauses = add_clause(p, c->set, clauses);
    }
    if (exact)
        return (struct part){.exact = true, .set = run};
    return (struct part){.clauses = add_clause(p, run, clauses), .start = start};
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
    bool rare = left != NULL && !best(left)->common;
    while (left != NULL && ret->len < AGENT_CLAUSES_MAX) {
        const struct clause *next = best(left);
        if (next->common && rare)
            break; /* it adds little to what rare words say */
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

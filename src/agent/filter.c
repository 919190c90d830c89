#include "agent/filter.h"

#include "agent/literals.h"
#include <stdlib.h>

#define NONE UINT32_MAX

/* A word is wanted by these clauses. */
struct use {
    uint32_t next; /* index of the word's next use, NONE at the end */
    uint32_t rule;
    uint8_t clause; /* one bit */
};

struct state {
    uint32_t word;   /* first use of the word that ends here, NONE if none does */
    uint32_t suffix; /* longest proper suffix that is a state, too */
    uint32_t
        found;     /* this state or its nearest suffix at which a word ends, 0 (the root) if none */
    uint32_t seen; /* scan in which the word was found last */
};

struct agent_filter {
    uint8_t column[256]; /* byte -> column of `next`; 0 for bytes that are in no word; folded */
    uint32_t columns;
    VEC(uint32_t) next; /* state * columns + column -> state */
    VEC(struct state) states;
    VEC(struct use) uses;
    size_t rules;
    uint8_t *need;        /* per rule: bits of the clauses that must hold */
    uint8_t *held;        /* per rule: bits of the clauses that hold in this scan */
    uint64_t *always;     /* rules without clauses */
    uint64_t *candidates; /* of this scan */
    uint32_t scan;
};

static unsigned char fold(unsigned char c) {
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static uint32_t add_state(struct agent_filter *f) {
    for (uint32_t i = 0; i < f->columns; i++)
        vec_push(&f->next, 0);
    struct state s = {.word = NONE};
    vec_push(&f->states, s);
    return (uint32_t)f->states.len - 1;
}

static void add_word(struct agent_filter *f, struct str word, uint32_t rule, uint8_t clause) {
    uint32_t at = 0;
    for (size_t i = 0; i < word.len; i++) {
        size_t edge = (size_t)at * f->columns + f->column[(unsigned char)word.ptr[i]];
        at = f->next.items[edge];
        if (at == 0) {
            at = add_state(f);
            f->next.items[edge] = at;
        }
    }
    struct use use = {f->states.items[at].word, rule, clause};
    vec_push(&f->uses, use);
    f->states.items[at].word = (uint32_t)f->uses.len - 1;
}

static void add_columns(struct agent_filter *f, const struct agent_literals *l) {
    for (size_t c = 0; c < l->len; c++)
        for (size_t w = 0; w < l->clauses[c].len; w++)
            for (size_t i = 0; i < l->clauses[c].words[w].len; i++) {
                uint8_t *column = &f->column[(unsigned char)l->clauses[c].words[w].ptr[i]];
                /* 255 columns at most, as no word holds a capital */
                *column = *column ? *column : (uint8_t)f->columns++;
            }
}

/* Complete the trie, level by level, to an automaton that needs no steps back. */
static void complete(struct agent_filter *f) {
    size_t n = f->states.len, columns = f->columns;
    uint32_t *queue = xmalloc(n * sizeof *queue);
    size_t head = 0, tail = 0;
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t at = queue[head++];
        struct state *s = &f->states.items[at];
        uint32_t *row = &f->next.items[at * columns];
        const uint32_t *back = &f->next.items[s->suffix * columns];
        for (size_t c = 0; c < columns; c++) {
            uint32_t child = row[c];
            if (child == 0) {
                row[c] = at ? back[c] : 0;
                continue;
            }
            struct state *grown = &f->states.items[child];
            grown->suffix = at ? back[c] : 0;
            grown->found = grown->word != NONE ? child : f->states.items[grown->suffix].found;
            queue[tail++] = child;
        }
    }
    free(queue);
}

struct agent_filter *agent_filter_new(const struct agent_rules *rules) {
    struct agent_filter *f = xcalloc(1, sizeof *f);
    struct arena scratch = {0};
    struct agent_literals *literals = xcalloc(max_size(rules->len, 1), sizeof *literals);
    f->rules = rules->len;
    f->columns = 1;
    f->need = xcalloc(rules->len + 1, 1);
    f->held = xcalloc(rules->len + 1, 1);
    f->always = xcalloc(rules->len / 64 + 1, sizeof *f->always);
    f->candidates = xcalloc(rules->len / 64 + 1, sizeof *f->candidates);
    for (size_t i = 0; i < rules->len; i++) {
        agent_literals_find(rules->rules[i].regex, &scratch, &literals[i]);
        add_columns(f, &literals[i]);
        f->need[i] = (uint8_t)((1u << literals[i].len) - 1);
        if (literals[i].len == 0)
            f->always[i / 64] |= (uint64_t)1 << (i % 64);
    }
    add_state(f);
    for (size_t i = 0; i < rules->len; i++)
        for (size_t c = 0; c < literals[i].len; c++)
            for (size_t w = 0; w < literals[i].clauses[c].len; w++)
                add_word(f, literals[i].clauses[c].words[w], (uint32_t)i, (uint8_t)(1u << c));
    complete(f);
    for (unsigned c = 'A'; c <= 'Z'; c++)
        f->column[c] = f->column[fold((unsigned char)c)];
    free(literals);
    arena_release(&scratch);
    return f;
}

void agent_filter_free(struct agent_filter *f) {
    if (f == NULL)
        return;
    vec_free(&f->next);
    vec_free(&f->states);
    vec_free(&f->uses);
    free(f->need);
    free(f->held);
    free(f->always);
    free(f->candidates);
    free(f);
}

static void hold(struct agent_filter *f, const struct use *use) {
    uint8_t *held = &f->held[use->rule];
    *held |= use->clause;
    if (*held == f->need[use->rule])
        f->candidates[use->rule / 64] |= (uint64_t)1 << (use->rule % 64);
}

const uint64_t *agent_filter_scan(struct agent_filter *f, struct str agent) {
    if (++f->scan == 0) { /* it went round: marks of old scans would be taken for this one's */
        for (size_t i = 0; i < f->states.len; i++)
            f->states.items[i].seen = 0;
        f->scan = 1;
    }
    memset(f->held, 0, f->rules + 1);
    memcpy(f->candidates, f->always, (f->rules / 64 + 1) * sizeof *f->always);
    uint32_t at = 0;
    for (size_t i = 0; i < agent.len; i++) {
        at = f->next.items[(size_t)at * f->columns + f->column[(unsigned char)agent.ptr[i]]];
        uint32_t found = f->states.items[at].found;
        while (found != 0 && f->states.items[found].seen != f->scan) {
            struct state *s = &f->states.items[found];
            s->seen = f->scan; /* and so were its suffixes */
            for (uint32_t u = s->word; u != NONE; u = f->uses.items[u].next)
                hold(f, &f->uses.items[u]);
            found = f->states.items[s->suffix].found;
        }
    }
    return f->candidates;
}

size_t agent_filter_always(const struct agent_filter *f) {
    size_t n = 0;
    for (size_t i = 0; i < f->rules; i++)
        n += f->need[i] == 0;
    return n;
}

/* What a regular expression needs to see before it can match: clauses, each a set of literals of
 * which at least one occurs in every string that the expression matches. All literals are in lower
 * case and are to be looked for in lower-cased text: that asks for less than the expression does,
 * so it is right with and without PCRE2_CASELESS. The method is the one of RE2's prefilter (its
 * prefilter.h): follow the exact strings an expression can stand for, and turn them into a clause
 * where that ends.
 *
 * A hint that must never be wrong in one direction: a construct that is not understood for certain
 * gives no clauses, and the expression is always tried. */
#ifndef CASK_AGENT_LITERALS_H
#define CASK_AGENT_LITERALS_H

#include "base/arena.h"

#define AGENT_CLAUSES_MAX 8
#define AGENT_LITERAL_MIN ((size_t)2)
#define AGENT_LITERAL_MAX ((size_t)12) /* the first bytes of a longer one do as well */

struct agent_clause {
    struct str *words;
    size_t len;
};

struct agent_literals {
    struct agent_clause clauses[AGENT_CLAUSES_MAX]; /* all must hold; the most telling first */
    size_t len;                                     /* 0: nothing is known */
};

/* Words are allocated from `arena`, as is scratch. */
void agent_literals_find(struct str regex, struct arena *arena, struct agent_literals *ret);

#endif

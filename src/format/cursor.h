/* A cursor over what is left of a line, for formats of blanks and quotes. */
#ifndef CASK_CURSOR_H
#define CASK_CURSOR_H

#include "base/arena.h"
#include "event/reason.h"

struct cursor {
    const char *at, *end;
};

static inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

static inline void cursor_blanks(struct cursor *c) {
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
}

/* Bytes up to the next blank, and the blanks behind them skipped; empty only at the end. */
static inline struct str cursor_token(struct cursor *c) {
    const char *start = c->at;
    while (c->at < c->end && !is_blank(*c->at))
        c->at++;
    struct str token = str_of(start, (size_t)(c->at - start));
    cursor_blanks(c);
    return token;
}

/* A quoted field, unescaped (\" and \\), "" for "-"; leaves the cursor behind its closing quote and
 * blanks. REASON_fields: there is no quote; REASON_unclosed_quote. */
MUSTCHECK enum reason cursor_quoted(struct cursor *c, struct arena *scratch, struct str *ret);

#endif

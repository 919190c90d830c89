/* Just enough SQL lexing to find where an INSERT's data begins and which FORMAT a statement names.
 * Never decides what a statement may do: that is for the engine's own parser (chdb.classify). */
#ifndef CASK_ENGINE_LEXER_H
#define CASK_ENGINE_LEXER_H

#include "base/str.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* bare word or number */
    TOKEN_QUOTED, /* `name` or "name", quotes included */
    TOKEN_STRING, /* 'text', quotes included */
    TOKEN_OTHER,  /* one byte of anything else */
};

struct token {
    enum token_kind kind;
    struct str text;
};

/* Next token behind blanks and comments; advances *rest. */
struct token lexer_next(struct str *rest);
bool token_is(struct token t, const char *word); /* a bare word, in any case */

/* The head of an INSERT whose data are rows in a format: INSERT INTO t (a, b) [SETTINGS ...] FORMAT
 * Name [data] or ... VALUES [data]. */
struct insert_head {
    struct str before;  /* up to the word FORMAT or VALUES */
    struct str table;   /* as written, may be db.table */
    struct str columns; /* as written between the parentheses; ptr NULL: none given */
    struct str format;
    struct str data; /* what follows the format name, one line end skipped */
    bool values;     /* VALUES: data in the text may be left where they are */
};
/* False when the text is not such a statement (INSERT ... SELECT, INTO FUNCTION, anything else). */
bool lexer_insert_head(struct str sql, struct insert_head *ret);

/* Name after the last FORMAT of a statement that is not an INSERT; len 0: none. */
struct str lexer_format(struct str sql);

/* Append a structure ("a UInt8, b LowCardinality(String)") without its LowCardinality wrappers. */
void lexer_plain_types(struct str structure, struct buf *ret);

#endif

/* What `sql` lets through: one read-only SELECT from our own tables, judged on its syntax tree as
 * the engine's own parser shows it (EXPLAIN AST), against lists of what is allowed. What is not on
 * a list is refused, whatever it is. Behind this stand readonly=1 and the engine's sandbox. */
#ifndef CASK_CMD_SQL_CHECK_H
#define CASK_CMD_SQL_CHECK_H

#include "store/client.h"

/* May this query be run? ERR_USAGE says what is refused, or what its mistake is; ERR_AWAY. */
MUSTCHECK int sql_check(struct client *client, struct str query, struct err *err);

/* `tree` is the answer to EXPLAIN AST. ERR_USAGE says what is refused, and why.
 *
 * Names can hold any bytes, line ends too, so a name can put made-up lines into the tree. It can
 * never hide one: every node is still there and is judged by itself, wherever it stands. */
MUSTCHECK int sql_check_tree(struct str tree, struct err *err);

/* May this function be called? (Combinators of aggregates are understood: sumIf.) */
bool sql_function_allowed(struct str name);

#endif

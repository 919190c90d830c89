#include "cmd/sql_check.h"

#include <stdlib.h>

#define SHOWN_BYTES 100
#define FUNCTION_BYTES 64

/* Kinds of nodes that a SELECT is made of. Not here, so refused: Set (SETTINGS), QueryParameter,
 * ColumnsApplyTransformer (its function is not shown), everything that is no SELECT. */
static const char *const kinds[] = {
    "ArrayJoin",
    "Asterisk",
    "ColumnsExceptTransformer",
    "ColumnsListMatcher",
    "ColumnsRegexpMatcher",
    "ColumnsReplaceTransformer",
    "ColumnsReplaceTransformer::Replacement",
    "ColumnsTransformerList",
    "ExpressionList",
    "Function",
    "Identifier",
    "InterpolateElement",
    "Literal",
    "OrderByElement",
    "QualifiedAsterisk",
    "QualifiedColumnsListMatcher",
    "QualifiedColumnsRegexpMatcher",
    "SampleRatio",
    "SelectIntersectExceptQuery",
    "SelectQuery",
    "SelectWithUnionQuery",
    "Subquery",
    "TableExpression",
    "TableIdentifier",
    "TableJoin",
    "TablesInSelectQuery",
    "TablesInSelectQueryElement",
    "WindowDefinition",
    "WindowListElement",
    "WithElement",
};

static const char *const scalars[] = {
#define SCALAR(name) #name,
#define AGGREGATE(name)
#include "cmd/sql_functions.def"
#undef SCALAR
#undef AGGREGATE
};

static const char *const aggregates[] = {
#define SCALAR(name)
#define AGGREGATE(name) #name,
#include "cmd/sql_functions.def"
#undef SCALAR
#undef AGGREGATE
};

static const char *const combinators[] = {
    "argmax",     "argmin", "array",     "distinct", "foreach",  "if",          "map",   "merge",
    "mergestate", "null",   "ordefault", "ornull",   "resample", "simplestate", "state",
};

static bool listed(const char *const *names, size_t n, struct str name) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(name, str_from(names[middle]));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* sumIf, uniqCombinedMerge, countIfOrNull: take the endings off until a name remains. */
static bool is_aggregate(struct str name) {
    if (listed(aggregates, ARRAY_LEN(aggregates), name))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(combinators); i++) {
        struct str end = str_from(combinators[i]);
        if (name.len > end.len && str_eq(str_skip(name, name.len - end.len), end) &&
            is_aggregate(str_of(name.ptr, name.len - end.len)))
            return true;
    }
    return false;
}

bool sql_function_allowed(struct str name) {
    char lower[FUNCTION_BYTES];
    if (name.len > sizeof lower)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    struct str folded = str_of(lower, name.len);
    return listed(scalars, ARRAY_LEN(scalars), folded) || is_aggregate(folded);
}

/* --- names ----------------------------------------------------------------------------------- */

static struct str shown(struct str name) {
    return str_of(name.ptr, min_size(name.len, SHOWN_BYTES));
}

static int check_function(struct str name, struct err *err) {
    if (sql_function_allowed(name))
        return 0;
    return err_set(err, ERR_USAGE, "refused: the function " STR_FMT "() is not allowed here",
                   STR_ARG(shown(name)));
}

/* A name without a dot is a table of ours or one that the query itself defines (WITH). */
static int check_table(struct str name, struct err *err) {
    struct str rest = name;
    size_t dot;
    if (str_starts(rest, STR("default.")))
        rest = str_skip(rest, strlen("default."));
    if (!str_find(rest, '.', &dot))
        return 0;
    return err_set(err, ERR_USAGE,
                   "refused: the table " STR_FMT
                   " is not ours: only events, views, github, rejected and the cubes",
                   STR_ARG(shown(name)));
}

/* Columns may be written with their table in front; behind IN an identifier can be a table. */
static int check_identifier(struct str name, struct err *err) {
    static const char *const databases[] = {"system", "information_schema",
                                            "_temporary_and_external_tables"};
    struct str rest = name, first = name;
    (void)str_split(&rest, '.', &first);
    for (size_t i = 0; i < ARRAY_LEN(databases); i++)
        if (str_eq_nocase(first, str_from(databases[i])))
            return err_set(err, ERR_USAGE, "refused: " STR_FMT " is not one of our tables",
                           STR_ARG(shown(name)));
    return 0;
}

static const struct {
    const char *kind;
    int (*check)(struct str name, struct err *err);
} named[] = {
    {"Function", check_function},
    {"TableIdentifier", check_table},
    {"Identifier", check_identifier},
};

/* --- nodes ----------------------------------------------------------------------------------- */

/* What may follow the SELECT itself is shown as its siblings. */
static int refuse_kind(struct str kind, struct err *err) {
    static const struct {
        const char *kind, *why;
    } known[] = {
        {"Set", "SETTINGS is not allowed"},
        {"Explain", "EXPLAIN is not allowed"},
        {"ColumnsApplyTransformer", "APPLY is not allowed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_is(kind, known[i].kind))
            return err_set(err, ERR_USAGE, "refused: %s", known[i].why);
    return err_set(err, ERR_USAGE, "refused: only SELECT is allowed (this has a " STR_FMT ")",
                   STR_ARG(shown(kind)));
}

static int check_node(struct str line, struct err *err) {
    struct str rest = line, kind;
    if (!str_split(&rest, ' ', &kind))
        return 0;
    if (!listed(kinds, ARRAY_LEN(kinds), kind))
        return refuse_kind(kind, err);
    /* "NAME (alias x) (children 2)": a name of our own tables or of a function has no blank */
    struct str name = rest;
    (void)str_split(&rest, ' ', &name);
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (str_is(kind, named[i].kind))
            return named[i].check(name, err);
    return 0;
}

int sql_check_tree(struct str tree, struct err *err) {
    struct str rest = tree, line;
    size_t n = 0;
    while (str_split(&rest, '\n', &line)) {
        size_t depth = 0;
        while (depth < line.len && line.ptr[depth] == ' ')
            depth++;
        line = str_skip(line, depth);
        if (line.len == 0)
            continue;
        if (n == 0 && !str_starts(line, STR("SelectWithUnionQuery")))
            return err_set(err, ERR_USAGE, "refused: only SELECT is allowed");
        if (n > 0 && depth == 0)
            return err_set(err, ERR_USAGE, "refused: only one statement is allowed");
        /* the root's children: the SELECTs, then what is said about output */
        if (n > 0 && depth == 1 && !str_starts(line, STR("ExpressionList")))
            return err_set(
                err, ERR_USAGE,
                str_starts(line, STR("Set"))
                    ? "refused: SETTINGS is not allowed"
                    : "refused: neither FORMAT nor INTO OUTFILE is allowed: use --format");
        int rc = check_node(line, err);
        if (rc != 0)
            return rc;
        n++;
    }
    return n > 0 ? 0 : err_set(err, ERR_USAGE, "refused: there is no statement");
}

/* --- the engine's parser --------------------------------------------------------------------- */

static int check_text(struct client *client, const char *before, struct str query,
                      const char *behind, struct err *err) {
    static const struct setting readonly = {"readonly", "1"};
    struct buf sql = {0}, tree = {0};
    buf_printf(&sql, "EXPLAIN AST %s" STR_FMT "%s", before, STR_ARG(query), behind);
    int rc = client_query(client, buf_str(&sql), "TSVRaw", &readonly, 1, &tree, err);
    if (rc == ERR_ENGINE) { /* a mistake in the query is the user's to mend */
        rc = ERR_USAGE;
        if (err != NULL)
            err->code = rc;
    }
    if (rc == 0)
        rc = sql_check_tree(buf_str(&tree), err);
    buf_release(&sql);
    buf_release(&tree);
    return rc;
}

int sql_check(struct client *client, struct str query, struct err *err) {
    if (memchr(query.ptr, '\0', query.len) != NULL)
        return err_set(err, ERR_USAGE, "refused: the query has a NUL byte");
    int rc = check_text(client, "", query, "", err);
    /* As a sub-query nothing can stand behind the SELECT: neither FORMAT nor INTO OUTFILE. */
    return rc == 0 ? check_text(client, "SELECT * FROM (\n", query, "\n)", err) : rc;
}

#include "engine/lexer.h"

#include <ctype.h>
#include <strings.h>

static bool word_byte(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static struct str skip_blanks(struct str s) {
    while (s.len > 0) {
        if (strchr(" \t\r\n\f\v", s.ptr[0]) != NULL && s.ptr[0] != '\0') {
            s = str_skip(s, 1);
        } else if (str_starts(s, STR("--")) ||
                   (s.ptr[0] == '#' && s.len > 1 && (s.ptr[1] == ' ' || s.ptr[1] == '!'))) {
            size_t end;
            s = str_find(s, '\n', &end) ? str_skip(s, end + 1) : str_skip(s, s.len);
        } else if (str_starts(s, STR("/*"))) {
            const char *end = s.len > 2 ? memmem(s.ptr + 2, s.len - 2, "*/", 2) : NULL;
            s = str_skip(s, end != NULL ? (size_t)(end + 2 - s.ptr) : s.len);
        } else {
            break;
        }
    }
    return s;
}

/* Length of a quoted piece: backslash escapes, and the doubled quote as well. */
static size_t quoted_len(struct str s) {
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == s.ptr[0] && i + 1 < s.len && s.ptr[i + 1] == s.ptr[0])
            i++;
        else if (s.ptr[i] == s.ptr[0])
            return i + 1;
    }
    return s.len;
}

struct token lexer_next(struct str *rest) {
    struct str s = skip_blanks(*rest);
    if (s.len == 0) {
        *rest = s;
        return (struct token){TOKEN_END, s};
    }
    enum token_kind kind = TOKEN_OTHER;
    size_t n = 1;
    if (s.ptr[0] == '\'' || s.ptr[0] == '"' || s.ptr[0] == '`') {
        kind = s.ptr[0] == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
        n = quoted_len(s);
    } else if (word_byte(s.ptr[0])) {
        kind = TOKEN_WORD;
        while (n < s.len && word_byte(s.ptr[n]))
            n++;
    }
    *rest = str_skip(s, n);
    return (struct token){kind, str_of(s.ptr, n)};
}

bool token_is(struct token t, const char *word) {
    return t.kind == TOKEN_WORD && str_eq_nocase(t.text, str_from(word));
}

static bool token_is_byte(struct token t, char c) {
    return t.kind == TOKEN_OTHER && t.text.ptr[0] == c;
}

static bool is_name(struct token t) { return t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED; }

/* name or db.name; *rest is behind it. */
static bool table_name(struct str *rest, struct str *ret) {
    struct token first = lexer_next(rest);
    if (!is_name(first))
        return false;
    struct token last = first;
    struct str look = *rest;
    if (token_is_byte(lexer_next(&look), '.')) {
        last = lexer_next(&look);
        if (!is_name(last))
            return false;
        *rest = look;
    }
    *ret = str_of(first.text.ptr, (size_t)(last.text.ptr + last.text.len - first.text.ptr));
    return true;
}

/* (...) at *rest, if there is one; *rest is behind it. False when it never closes. */
static bool column_list(struct str *rest, struct str *ret) {
    struct str look = *rest;
    struct token t = lexer_next(&look);
    *ret = (struct str){0};
    if (!token_is_byte(t, '('))
        return true;
    const char *begin = t.text.ptr + 1;
    for (int depth = 1; depth > 0;) {
        t = lexer_next(&look);
        if (t.kind == TOKEN_END)
            return false;
        depth += token_is_byte(t, '(') - token_is_byte(t, ')');
    }
    *ret = str_of(begin, (size_t)(t.text.ptr - begin));
    *rest = look;
    return true;
}

static struct str behind_format(struct str rest) {
    while (rest.len > 0 && memchr(" \t\f\r", rest.ptr[0], 4) != NULL)
        rest = str_skip(rest, 1);
    return rest.len > 0 && rest.ptr[0] == '\n' ? str_skip(rest, 1) : rest;
}

bool lexer_insert_head(struct str sql, struct insert_head *ret) {
    struct insert_head head = {0};
    struct str rest = sql;
    if (!token_is(lexer_next(&rest), "INSERT") || !token_is(lexer_next(&rest), "INTO"))
        return false;
    struct str look = rest;
    struct token t = lexer_next(&look);
    if (token_is(t, "FUNCTION"))
        return false;
    if (token_is(t, "TABLE"))
        rest = look;
    if (!table_name(&rest, &head.table) || !column_list(&rest, &head.columns))
        return false;
    bool settings = false;
    for (;;) {
        t = lexer_next(&rest);
        if (token_is(t, "SETTINGS"))
            settings = true;
        else if (token_is(t, "FORMAT") || token_is(t, "VALUES"))
            break;
        else if (t.kind == TOKEN_END || !settings)
            return false;
        else if (token_is(t, "SELECT") || token_is(t, "WITH") || token_is_byte(t, '('))
            return false;
    }
    head.before = str_of(sql.ptr, (size_t)(t.text.ptr - sql.ptr));
    head.values = token_is(t, "VALUES");
    head.format = STR("Values");
    if (!head.values) {
        struct token name = lexer_next(&rest);
        if (name.kind != TOKEN_WORD)
            return false;
        head.format = name.text;
    }
    head.data = behind_format(rest);
    *ret = head;
    return true;
}

struct str lexer_format(struct str sql) {
    struct str rest = sql, found = {0};
    for (;;) {
        struct token t = lexer_next(&rest);
        if (t.kind == TOKEN_END)
            return found;
        if (!token_is(t, "FORMAT"))
            continue;
        struct str look = rest;
        struct token name = lexer_next(&look);
        found = name.kind == TOKEN_WORD ? name.text : (struct str){0};
    }
}

void lexer_plain_types(struct str structure, struct buf *ret) {
    struct str rest = structure;
    const char *copied = structure.ptr;
    uint64_t wrappers = 0; /* bit n: the parenthesis of depth n is one to leave out */
    unsigned depth = 0;
    for (;;) {
        struct token t = lexer_next(&rest);
        if (t.kind == TOKEN_END)
            break;
        struct str look = rest;
        bool wrapper = token_is(t, "LowCardinality") && token_is_byte(lexer_next(&look), '(');
        bool opens = wrapper || token_is_byte(t, '(');
        bool closes = token_is_byte(t, ')') && depth > 0;
        bool drop = wrapper || (closes && depth <= 64 && (wrappers >> (depth - 1) & 1) != 0);
        if (wrapper)
            rest = look;
        if (drop) {
            buf_add(ret, copied, (size_t)(t.text.ptr - copied));
            copied = rest.ptr;
        }
        if (closes)
            depth--;
        if (opens && ++depth <= 64)
            wrappers = wrapper ? wrappers | (uint64_t)1 << (depth - 1)
                               : wrappers & ~((uint64_t)1 << (depth - 1));
    }
    if (structure.len > 0)
        buf_add(ret, copied, (size_t)(structure.ptr + structure.len - copied));
}

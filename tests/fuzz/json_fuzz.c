/* First line: a mapping; the others are read by it. Whether a line is JSON must be what jansson
 * says of it, where both follow the same rules. */
#include <jansson.h>
#include <stdlib.h>

#include "format/format.h"
#include "format/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static bool contains(struct str s, const char *what) {
    return memmem(s.ptr, s.len, what, strlen(what)) != NULL;
}

/* We take \xHH, any bytes, halves of surrogates, and less nesting; jansson's numbers have an
 * end, and it overlooks a NUL behind one.
 */
static bool same_rules(struct str line, const json_error_t *at) {
    struct buf utf8 = {0};
    buf_add_utf8(&utf8, line);
    bool valid = str_eq(buf_str(&utf8), line);
    buf_release(&utf8);
    size_t depth = 0;
    for (size_t i = 0; i < line.len; i++)
        depth += line.ptr[i] == '{' || line.ptr[i] == '[';
    enum json_error_code code = json_error_code(at);
    bool nul = memchr(line.ptr, '\0', line.len) != NULL;
    return valid && !nul && depth <= JSON_DEPTH_MAX && !contains(line, "\\x") &&
           !contains(line, "\\u") && code != json_error_numeric_overflow;
}

static void compare(struct str line, struct arena *scratch) {
    static struct json_paths *paths;
    static const char *const wanted[] = {"a", "a.b", "a.0", "b.0.c", "c.d.e"};
    struct str found[ARRAY_LEN(wanted)];
    if (paths == NULL) {
        paths = json_paths_new();
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
            size_t id;
            check(json_paths_add(paths, str_from(wanted[i]), &id, NULL) == 0 && id == i);
        }
    }
    bool ours = json_scan(paths, line, scratch, found);
    for (size_t i = 0; ours && i < ARRAY_LEN(wanted); i++)
        check(found[i].len <= line.len);
    json_error_t at = {0};
    json_t *root = json_loadb(line.ptr ? line.ptr : "", line.len, JSON_ALLOW_NUL, &at);
    bool theirs = json_is_object(root);
    json_decref(root);
    if (ours != theirs)
        check(!same_rules(line, &at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char usual[] = "{\"host\":\"a\",\"time\":\"t\",\"target\":[\"b.0.c\",\"u\"]}";
    struct str rest = str_of((const char *)data, size), line;
    struct format *mapped = NULL, *fallback = NULL;
    struct err err = {0};
    struct arena scratch = {0};
    check(format_open(str_from(usual), &fallback, &err) == 0);
    if (str_split(&rest, '\n', &line) && format_open(line, &mapped, &err) != 0)
        check(err.code == ERR_USAGE && err.text[0] != '\0');
    while (str_split(&rest, '\n', &line)) {
        struct fields fields;
        check(format_read(fallback, line, &scratch, &fields) < REASON_COUNT);
        if (mapped != NULL)
            check(format_read(mapped, line, &scratch, &fields) < REASON_COUNT);
        compare(line, &scratch);
        arena_reset(&scratch);
    }
    format_free(mapped);
    format_free(fallback);
    arena_release(&scratch);
    return 0;
}

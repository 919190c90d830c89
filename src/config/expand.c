#include "config/document.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static size_t name_length(struct str s) {
    size_t n = 0;
    while (n < s.len && (isalnum((unsigned char)s.ptr[n]) || s.ptr[n] == '_'))
        n++;
    return n > 0 && isdigit((unsigned char)s.ptr[0]) ? 0 : n;
}

static bool is_utf8(struct str s) {
    struct buf clean = {0};
    buf_add_utf8(&clean, s);
    bool same = str_eq(buf_str(&clean), s);
    buf_release(&clean);
    return same;
}

/* What was read is mostly a secret, and /proc shows the environment of a process to others: so a
 * value is blanked there once it was read, and kept here for when the file is read again. The
 * variable itself stays, since other threads may walk the list. */
struct kept {
    char *name, *value;
};
static VEC(struct kept) kept;
static pthread_mutex_t kept_mutex = PTHREAD_MUTEX_INITIALIZER;

/* NULL: there is none. With the mutex; until the next call. */
static const char *read_variable(const char *name) {
    char *value = getenv(name);
    size_t i = 0;
    while (i < kept.len && strcmp(kept.items[i].name, name) != 0)
        i++;
    if (value == NULL || (*value == '\0' && i == kept.len))
        return value;
    if (*value == '\0')
        return kept.items[i].value;
    if (i == kept.len)
        vec_push(&kept, ((struct kept){.name = xstrdup(name)}));
    free(kept.items[i].value);
    kept.items[i].value = xstrdup(value);
    explicit_bzero(value, strlen(value));
    return kept.items[i].value;
}

/* `rest` stands behind "${"; moves it behind the "}". Never puts a value into a message. */
static bool expand_one(struct str *rest, struct buf *out, struct buf *ret_problem) {
    size_t n = name_length(*rest);
    if (n == 0 || n == rest->len || rest->ptr[n] != '}') {
        buf_add_cstr(ret_problem,
                     "${ must be followed by a name and }: ${NAME} is replaced from the "
                     "environment (write $${ for a plain ${)");
        return false;
    }
    char *name = str_dup(str_of(rest->ptr, n));
    pthread_mutex_lock(&kept_mutex);
    const char *value = read_variable(name);
    bool ok = value != NULL && is_utf8(str_from(value));
    if (value == NULL)
        buf_printf(ret_problem, "${%s}: the environment has no variable %s", name, name);
    else if (!ok)
        buf_printf(ret_problem, "${%s}: its value is not valid UTF-8", name);
    else
        buf_add_cstr(out, value);
    pthread_mutex_unlock(&kept_mutex);
    free(name);
    *rest = str_skip(*rest, n + 1);
    return ok;
}

bool document_expand(struct str text, struct buf *out, struct buf *ret_problem) {
    while (text.len > 0) {
        if (str_starts(text, STR("$${"))) {
            buf_add_cstr(out, "${");
            text = str_skip(text, 3);
        } else if (str_starts(text, STR("${"))) {
            text = str_skip(text, 2);
            if (!expand_one(&text, out, ret_problem))
                return false;
        } else {
            buf_add_char(out, *text.ptr);
            text = str_skip(text, 1);
        }
    }
    return true;
}

/* What rotation calls its files. logrotate: NAME.1, NAME-20240131, with `extension .log`
 * STEM.1.log or STEM-20240131.log; rotatelogs and others: NAME.2024-01-31-12_00_00, NAME.old.
 * Packed ones have .gz, .bz2 or .zst behind that. */
#include "source/tail_internal.h"

static bool ends(struct str s, struct str end) {
    return s.len >= end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

static struct str cut_end(struct str s, struct str end) {
    return ends(s, end) ? str_of(s.ptr, s.len - end.len) : s;
}

/* ".1", "-20240131", ".2024-01-31T12:00:00Z" */
static bool is_number(struct str s) {
    bool digit = false;
    if (s.len == 0 || memchr(".-_", s.ptr[0], 3) == NULL)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool is_digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (!is_digit && memchr(".-_:TZ", s.ptr[i], 6) == NULL)
            return false;
        digit = digit || is_digit;
    }
    return digit;
}

static struct str extension(struct str name) {
    for (size_t i = name.len; i-- > 1;)
        if (name.ptr[i] == '.')
            return str_skip(name, i);
    return STR("");
}

enum tail_kin tail_kin(struct str log, struct str name) {
    static const struct str packings[] = {{".gz", 3}, {".bz2", 4}, {".zst", 4}};
    struct str plain = name, ext = extension(log), stem = str_of(log.ptr, log.len - ext.len);
    if (!str_starts(name, stem) || str_eq(log, name))
        return KIN_NONE;
    for (size_t i = 0; i < ARRAY_LEN(packings); i++)
        plain = cut_end(plain, packings[i]);
    if (str_starts(plain, log)) {
        struct str rest = str_skip(plain, log.len);
        return rest.len == 0 || is_number(rest) || str_is(rest, ".old") ? KIN_ROTATED : KIN_MAYBE;
    }
    if (ext.len > 0 && str_starts(plain, stem) && ends(plain, ext) &&
        plain.len > stem.len + ext.len)
        return is_number(str_of(plain.ptr + stem.len, plain.len - stem.len - ext.len)) ? KIN_ROTATED
                                                                                       : KIN_NONE;
    return KIN_NONE;
}

#include "config/quantity.h"

#include <ctype.h>
#include <inttypes.h>

struct unit {
    char letter;
    uint64_t factor;
};

/* Largest first: the printers take the first that divides. */
static const struct unit size_units[] = {
    {'T', (uint64_t)1 << 40}, {'G', (uint64_t)1 << 30}, {'M', 1 << 20}, {'K', 1 << 10}};
static const struct unit duration_units[] = {{'y', 365 * 86400}, {'w', 7 * 86400}, {'d', 86400},
                                             {'h', 3600},        {'m', 60},        {'s', 1}};

static bool number(struct str *text, uint64_t *ret) {
    size_t n = 0;
    while (n < text->len && isdigit((unsigned char)text->ptr[n]))
        n++;
    bool ok = str_to_u64(str_of(text->ptr, n), ret);
    *text = str_skip(*text, n);
    return ok;
}

static const struct unit *unit_find(const struct unit *units, size_t n, char letter) {
    for (size_t i = 0; i < n; i++)
        if (units[i].letter == letter)
            return &units[i];
    return NULL;
}

static void format(const struct unit *units, size_t n, uint64_t value, struct buf *out) {
    size_t i = 0;
    while (i < n && (value == 0 || value % units[i].factor != 0))
        i++;
    if (i < n)
        buf_printf(out, "%" PRIu64 "%c", value / units[i].factor, units[i].letter);
    else
        buf_printf(out, "%" PRIu64, value);
}

int size_parse(struct str text, uint64_t *ret_bytes, struct err *err) {
    struct str rest = text;
    uint64_t n;
    bool ok = number(&rest, &n);
    const struct unit *unit = NULL;
    if (ok && rest.len > 0) {
        unit =
            unit_find(size_units, ARRAY_LEN(size_units), (char)toupper((unsigned char)*rest.ptr));
        if (unit != NULL)
            rest = str_skip(rest, 1);
    }
    ok = ok && (rest.len == 0 || str_eq_nocase(rest, STR("B")) ||
                (unit != NULL && str_eq_nocase(rest, STR("iB"))));
    if (!ok || (unit != NULL && __builtin_mul_overflow(n, unit->factor, &n)))
        return err_set(err, ERR_USAGE, "not a size such as 512M or 2G");
    *ret_bytes = n;
    return 0;
}

void size_format(uint64_t bytes, struct buf *out) {
    format(size_units, ARRAY_LEN(size_units), bytes, out);
}

int duration_parse(struct str text, uint64_t *ret_seconds, struct err *err) {
    uint64_t n;
    if (!number(&text, &n) || n == 0 || text.len != 1)
        return err_set(err, ERR_USAGE, "not a duration such as 90s, 1m, 12h, 30d or 2y");
    const struct unit *unit = unit_find(duration_units, ARRAY_LEN(duration_units), *text.ptr);
    /* 100,000 years is already a typing error; the bound keeps later arithmetic in range. */
    if (unit == NULL || __builtin_mul_overflow(n, unit->factor, &n) ||
        n > (uint64_t)100000 * 365 * 86400)
        return err_set(err, ERR_USAGE, "not a duration such as 90s, 1m, 12h, 30d or 2y");
    *ret_seconds = n;
    return 0;
}

void duration_format(uint64_t seconds, struct buf *out) {
    format(duration_units, ARRAY_LEN(duration_units), seconds, out);
}

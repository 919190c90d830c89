/* strftime patterns, read backwards: a text -> parts of a time. Names of months and days are those
 * of the C locale, which is what servers write. */
#include "format/stamp.h"

#include "format/cursor.h"
#include <stddef.h>

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

/* How a directive reads. */
enum way {
    WAY_number, /* `digits` digits exactly */
    WAY_padded, /* one or two digits, a blank may stand for the first */
    WAY_month,
    WAY_weekday,
    WAY_pm,
    WAY_zone,      /* +hhmm, +hh:mm, Z */
    WAY_zone_name, /* UTC and the names of RFC 822 */
    WAY_epoch,
    WAY_epoch_ms,
    WAY_epoch_us,
    WAY_fraction,
    WAY_blanks,
    WAY_percent,
};

static const struct directive {
    char letter;
    unsigned char way;
    unsigned char digits;
    unsigned short part; /* 0: read and dropped */
    const char *stands_for;
} directives[128] = {
    ['Y'] = {'Y', WAY_number, 4, MOMENT_year, NULL},
    ['y'] = {'y', WAY_number, 2, MOMENT_year, NULL},
    ['m'] = {'m', WAY_number, 2, MOMENT_month, NULL},
    ['b'] = {'b', WAY_month, 0, MOMENT_month, NULL},
    ['B'] = {'B', WAY_month, 0, MOMENT_month, NULL},
    ['h'] = {'h', WAY_month, 0, MOMENT_month, NULL},
    ['d'] = {'d', WAY_number, 2, MOMENT_day, NULL},
    ['e'] = {'e', WAY_padded, 2, MOMENT_day, NULL},
    ['j'] = {'j', WAY_number, 3, MOMENT_day_of_year, NULL},
    ['H'] = {'H', WAY_number, 2, MOMENT_hour, NULL},
    ['k'] = {'k', WAY_padded, 2, MOMENT_hour, NULL},
    ['I'] = {'I', WAY_number, 2, MOMENT_hour12, NULL},
    ['l'] = {'l', WAY_padded, 2, MOMENT_hour12, NULL},
    ['p'] = {'p', WAY_pm, 0, MOMENT_pm, NULL},
    ['P'] = {'P', WAY_pm, 0, MOMENT_pm, NULL},
    ['M'] = {'M', WAY_number, 2, MOMENT_minute, NULL},
    ['S'] = {'S', WAY_number, 2, MOMENT_second, NULL},
    ['z'] = {'z', WAY_zone, 0, MOMENT_zone, NULL},
    ['Z'] = {'Z', WAY_zone_name, 0, MOMENT_zone, NULL},
    ['s'] = {'s', WAY_epoch, 0, MOMENT_epoch, NULL},
    ['*'] = {'*', WAY_epoch_ms, 0, MOMENT_epoch, NULL},
    ['f'] = {'f', WAY_fraction, 0, 0, NULL},
    ['a'] = {'a', WAY_weekday, 0, 0, NULL},
    ['A'] = {'A', WAY_weekday, 0, 0, NULL},
    ['C'] = {'C', WAY_number, 2, 0, NULL},
    ['G'] = {'G', WAY_number, 4, 0, NULL},
    ['g'] = {'g', WAY_number, 2, 0, NULL},
    ['U'] = {'U', WAY_number, 2, 0, NULL},
    ['V'] = {'V', WAY_number, 2, 0, NULL},
    ['W'] = {'W', WAY_number, 2, 0, NULL},
    ['u'] = {'u', WAY_number, 1, 0, NULL},
    ['w'] = {'w', WAY_number, 1, 0, NULL},
    ['n'] = {'n', WAY_blanks, 0, 0, NULL},
    ['t'] = {'t', WAY_blanks, 0, 0, NULL},
    ['%'] = {'%', WAY_percent, 0, 0, NULL},
    ['T'] = {'T', 0, 0, 0, "%H:%M:%S"},
    ['X'] = {'X', 0, 0, 0, "%H:%M:%S"},
    ['R'] = {'R', 0, 0, 0, "%H:%M"},
    ['r'] = {'r', 0, 0, 0, "%I:%M:%S %p"},
    ['F'] = {'F', 0, 0, 0, "%Y-%m-%d"},
    ['D'] = {'D', 0, 0, 0, "%m/%d/%y"},
    ['x'] = {'x', 0, 0, 0, "%m/%d/%y"},
    ['c'] = {'c', 0, 0, 0, "%a %b %e %H:%M:%S %Y"},
    ['+'] = {'+', 0, 0, 0, "%a %b %e %H:%M:%S %Z %Y"},
    /* what moment_compile() makes of others; no user can write them */
    [1] = {1, WAY_epoch_us, 0, MOMENT_epoch, NULL},
};

static const struct directive *find_directive(char letter) {
    size_t i = (unsigned char)letter;
    return i < ARRAY_LEN(directives) && directives[i].letter ? &directives[i] : NULL;
}

/* --- compiling --- */

/* One directive behind its '%'; moves *p behind it. */
static int compile_directive(const char **p, const char *end, struct buf *out, unsigned *parts,
                             struct err *err) {
    bool flexible = false;
    while (*p < end && strchr("-_0^#EO", **p) != NULL && **p != '\0') {
        flexible |= **p == '-' || **p == '_';
        (*p)++;
    }
    if (*p == end)
        return err_set(err, ERR_USAGE, "the time ends with a %%");
    const struct directive *d = **p == 1 ? NULL : find_directive(**p);
    if (d == NULL)
        return err_set(err, ERR_USAGE, "%%%c: strftime has no such directive that can be read",
                       **p);
    (*p)++;
    if (d->stands_for != NULL)
        return moment_compile(str_from(d->stands_for), out, parts, err);
    buf_add_char(out, '%');
    if (flexible && d->way == WAY_number && d->digits == 2)
        buf_add_char(out, '_');
    buf_add_char(out, d->letter);
    *parts |= d->part;
    return 0;
}

int moment_compile(struct str strftime, struct buf *out, unsigned *ret_parts, struct err *err) {
    if (str_is(strftime, "%f")) {
        buf_add_cstr(out, "%\1");
        *ret_parts |= MOMENT_epoch;
        return 0;
    }
    const char *p = strftime.ptr, *end = p + strftime.len;
    while (p < end) {
        int rc = 0;
        if (*p != '%')
            buf_add_char(out, *p++);
        else if (p++, true)
            rc = compile_directive(&p, end, out, ret_parts, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int moment_check(unsigned parts, struct err *err) {
    if (parts & MOMENT_epoch)
        return 0;
    bool day = (parts & MOMENT_month && parts & MOMENT_day) || parts & MOMENT_day_of_year;
    bool hour = parts & MOMENT_hour || (parts & MOMENT_hour12 && parts & MOMENT_pm);
    const char *missing = !(parts & MOMENT_year)     ? "year"
                          : !day                     ? "day"
                          : !hour                    ? "hour"
                          : !(parts & MOMENT_minute) ? "minute"
                                                     : NULL;
    if (missing != NULL)
        return err_set(err, ERR_USAGE, "the time stamp has no %s", missing);
    return 0;
}

/* --- reading --- */

static bool take_digits(const char **at, const char *end, size_t min, size_t max, uint64_t *ret) {
    const char *p = *at;
    uint64_t n = 0;
    while (p < end && (size_t)(p - *at) < max && is_digit(*p))
        n = n * 10 + (uint64_t)(*p++ - '0');
    bool ok = (size_t)(p - *at) >= min;
    *at = p;
    *ret = n;
    return ok;
}

/* 1 for the first name; whole names and their first three letters, in any case. */
static bool take_name(const char *const names[], size_t n, const char **at, const char *end,
                      uint64_t *ret) {
    size_t left = (size_t)(end - *at);
    for (size_t i = 0; i < n; i++) {
        struct str name = str_from(names[i]);
        if (left < 3 || !str_eq_nocase(str_of(*at, 3), str_of(name.ptr, 3)))
            continue;
        bool whole = left >= name.len && str_eq_nocase(str_of(*at, name.len), name);
        *at += whole ? name.len : 3;
        *ret = i + 1;
        return true;
    }
    return false;
}

static bool take_pm(const char **at, const char *end, uint64_t *ret) {
    if (end - *at < 2)
        return false;
    struct str word = str_of(*at, 2);
    *ret = str_eq_nocase(word, STR("PM"));
    *at += 2;
    return *ret || str_eq_nocase(word, STR("AM"));
}

static bool take_offset(const char **at, const char *end, int *ret) {
    const char *p = *at;
    if (p < end && *p == 'Z') {
        *at = p + 1;
        *ret = 0;
        return true;
    }
    if (p == end || (*p != '+' && *p != '-'))
        return false;
    bool west = *p++ == '-';
    uint64_t hours, minutes;
    if (!take_digits(&p, end, 2, 2, &hours))
        return false;
    p += p < end && *p == ':';
    if (!take_digits(&p, end, 2, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret = (int)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    *at = p;
    return true;
}

static bool take_zone_name(const char **at, const char *end, int *ret) {
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"UTC", 0},  {"GMT", 0},  {"UT", 0},   {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    const char *p = *at;
    while (p < end && ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')))
        p++;
    struct str name = str_of(*at, (size_t)(p - *at));
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        if (str_is(name, zones[i].name)) {
            *at = p;
            *ret = zones[i].hours * 3600;
            return true;
        }
    }
    return false;
}

/* Seconds up to 2105 have at most ten digits: a fraction may follow at once. */
static bool take_epoch(const char **at, const char *end, unsigned per_second, int64_t *ret) {
    uint64_t n;
    if (!take_digits(at, end, 1, per_second == 1 ? 10 : 18, &n))
        return false;
    *ret = (int64_t)(n / per_second);
    return true;
}

/* Where the parts that are plain numbers go, by the bit of enum moment_part. */
static const size_t part_offsets[] = {
    offsetof(struct moment, year),   offsetof(struct moment, month),
    offsetof(struct moment, day),    offsetof(struct moment, day_of_year),
    offsetof(struct moment, hour),   offsetof(struct moment, hour12),
    offsetof(struct moment, pm),     offsetof(struct moment, minute),
    offsetof(struct moment, second),
};

static bool read_directive(const struct directive *d, bool flexible, const char **at,
                           const char *end, struct moment *m) {
    uint64_t n = 0;
    int zone = 0;
    int64_t epoch = 0;
    bool ok = true;
    switch ((enum way)d->way) {
    case WAY_number:
        if (flexible && *at < end && **at == ' ')
            (*at)++;
        ok = take_digits(at, end, flexible ? 1 : d->digits, d->digits, &n);
        break;
    case WAY_padded:
        if (*at < end && **at == ' ')
            (*at)++;
        ok = take_digits(at, end, 1, d->digits, &n);
        break;
    case WAY_month:
        ok = take_name(months, ARRAY_LEN(months), at, end, &n);
        break;
    case WAY_weekday:
        ok = take_name(days, ARRAY_LEN(days), at, end, &n);
        break;
    case WAY_pm:
        ok = take_pm(at, end, &n);
        break;
    case WAY_zone:
        ok = take_offset(at, end, &zone);
        break;
    case WAY_zone_name:
        ok = take_zone_name(at, end, &zone);
        break;
    case WAY_epoch:
        ok = take_epoch(at, end, 1, &epoch);
        break;
    case WAY_epoch_ms:
        ok = take_epoch(at, end, 1000, &epoch);
        break;
    case WAY_epoch_us:
        ok = take_epoch(at, end, 1000000, &epoch);
        break;
    case WAY_fraction:
        ok = take_digits(at, end, 1, 18, &n);
        break;
    case WAY_blanks:
        while (*at < end && is_blank(**at))
            (*at)++;
        break;
    case WAY_percent:
        ok = *at < end && *(*at)++ == '%';
        break;
    }
    if (!ok || d->part == 0 || m->have & d->part)
        return ok;
    m->have |= d->part;
    if (d->letter == 'y')
        n += n < 69 ? 2000 : 1900; /* POSIX */
    if (d->part == MOMENT_zone)
        m->zone_seconds = zone;
    else if (d->part == MOMENT_epoch)
        m->epoch = epoch;
    else
        *(unsigned *)((char *)m + part_offsets[__builtin_ctz(d->part)]) = (unsigned)n;
    return true;
}

bool moment_read(struct str pattern, const char **at, const char *end, struct moment *m) {
    const char *p = pattern.ptr, *pattern_end = p + pattern.len;
    while (p < pattern_end) {
        if (*p != '%') {
            if (*at == end || **at != *p)
                return false;
            (*at)++;
            p++;
            continue;
        }
        bool flexible = p[1] == '_';
        p += flexible ? 2 : 1;
        if (!read_directive(find_directive(*p++), flexible, at, end, m))
            return false;
    }
    return true;
}

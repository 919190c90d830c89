#include "format/stamp.h"

#include <string.h>

/* Two decimal digits, or a number over 99 when they are not. */
static inline unsigned two(const char *p) {
    unsigned tens = (unsigned char)p[0] - (unsigned)'0', ones = (unsigned char)p[1] - (unsigned)'0';
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* 1-12, 0 for no month. The three letters as one number: no loop over names for every line. */
#define NAME(a, b, c) ((unsigned)(a) << 16 | (unsigned)(b) << 8 | (unsigned)(c))
static inline unsigned month_of(const char *p) {
    static const unsigned names[] = {NAME('J', 'a', 'n'), NAME('F', 'e', 'b'), NAME('M', 'a', 'r'),
                                     NAME('A', 'p', 'r'), NAME('M', 'a', 'y'), NAME('J', 'u', 'n'),
                                     NAME('J', 'u', 'l'), NAME('A', 'u', 'g'), NAME('S', 'e', 'p'),
                                     NAME('O', 'c', 't'), NAME('N', 'o', 'v'), NAME('D', 'e', 'c')};
    unsigned name = NAME((unsigned char)p[0], (unsigned char)p[1], (unsigned char)p[2]);
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (names[i] == name)
            return i + 1;
    return 0;
}

static inline bool is_leap(unsigned year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline unsigned days_in(unsigned year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to a date of 1970 or later. */
static inline int64_t days_since_epoch(unsigned year, unsigned month, unsigned day) {
    static const unsigned short before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned last = year - 1; /* leap days are counted up to the end of the year before */
    unsigned leaps = last / 4 - last / 100 + last / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    unsigned this_leap = month > 2 && is_leap(year);
    return (int64_t)(year - 1970) * 365 + leaps + before[month - 1] + this_leap + day - 1;
}

/* 2 January 1970: a device that does not know the time says 1 January, and west of Greenwich that
 * day began before the epoch, where a DateTime has no number. */
#define STAMP_FIRST 86400

bool stamp_clf(const char *at, int64_t *ret) {
    unsigned day = two(at), month = month_of(at + 3), century = two(at + 7), rest = two(at + 9);
    unsigned hour = two(at + 12), minute = two(at + 15), second = two(at + 18);
    unsigned zone_hours = two(at + 22), zone_minutes = two(at + 24);
    if (at[2] != '/' || at[6] != '/' || at[11] != ':' || at[14] != ':' || at[17] != ':' ||
        at[20] != ' ' || (at[21] != '+' && at[21] != '-'))
        return false;
    if (century > 99 || rest > 99 || hour > 23 || minute > 59 || second > 60 || zone_hours > 23 ||
        zone_minutes > 59 || month == 0)
        return false;
    unsigned year = century * 100 + rest;
    if (year < 1970 || year > 2105 || day < 1 || day > days_in(year, month))
        return false;
    int64_t offset = (int64_t)zone_hours * 3600 + zone_minutes * 60;
    int64_t instant = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 +
                      second - (at[21] == '-' ? -offset : offset);
    if (instant < STAMP_FIRST)
        return false;
    *ret = instant;
    return true;
}

bool stamp_epoch(int64_t seconds, int64_t *ret) {
    if (seconds < STAMP_FIRST || seconds > UINT32_MAX)
        return false;
    *ret = seconds;
    return true;
}

/* Behind the digits: a fraction and a zone, to the end. */
static bool take_fraction(const char **at, const char *end) {
    const char *p = *at;
    if (p == end || (*p != '.' && *p != ','))
        return true;
    const char *start = ++p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    *at = p;
    return p > start;
}

/* Nothing (UTC), Z, +hh, +hhmm, +hh:mm, one blank before them. */
static bool take_zone(const char *p, const char *end, int64_t *ret_seconds) {
    *ret_seconds = 0;
    if (p == end)
        return true;
    p += *p == ' ' && end - p > 1;
    struct str zone = str_of(p, (size_t)(end - p));
    if (str_is(zone, "Z") || str_is(zone, "z"))
        return true;
    if (zone.len < 3 || (*p != '+' && *p != '-'))
        return false;
    unsigned hours = two(p + 1), minutes = 0;
    if (zone.len == 5)
        minutes = two(p + 3);
    else if (zone.len == 6 && p[3] == ':')
        minutes = two(p + 4);
    else if (zone.len != 3)
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    int64_t seconds = (int64_t)hours * 3600 + minutes * 60;
    *ret_seconds = *p == '-' ? -seconds : seconds;
    return true;
}

/* ISO 8601: 2015-05-17T10:05:03.123+02:00; a blank for T, no seconds, no fraction are fine. */
static bool stamp_iso(struct str s, int64_t *ret) {
    const char *p = s.ptr, *end = s.ptr + s.len, *rest = p + 16;
    if (s.len < 16 || (p[4] != '-' && p[4] != '/') || p[7] != p[4] ||
        (p[10] != 'T' && p[10] != ' ') || p[13] != ':')
        return false;
    unsigned century = two(p), years = two(p + 2);
    struct moment m = {.year = century * 100 + years,
                       .month = two(p + 5),
                       .day = two(p + 8),
                       .hour = two(p + 11),
                       .minute = two(p + 14),
                       .have = MOMENT_year | MOMENT_month | MOMENT_day | MOMENT_hour};
    if (end - rest >= 3 && *rest == ':') {
        m.second = two(rest + 1);
        rest += 3;
        if (!take_fraction(&rest, end))
            return false;
    }
    int64_t zone;
    if (century > 99 || years > 99 || !take_zone(rest, end, &zone))
        return false;
    m.zone_seconds = (int)zone;
    return moment_instant(&m, ret);
}

#define STAMP_FINER 100000000000 /* from here on it is no count of seconds: they end with 2^32 */

/* 1431857103.123; so many digits that they count milliseconds (1973 or later), micro- or
 * nanoseconds */
static bool stamp_seconds(struct str s, int64_t *ret) {
    const char *p = s.ptr, *end = s.ptr + s.len;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    uint64_t seconds;
    if (!str_to_u64(str_of(s.ptr, (size_t)(p - s.ptr)), &seconds))
        return false;
    for (int i = 0; i < 3 && seconds >= STAMP_FINER; i++)
        seconds /= 1000;
    return seconds <= UINT32_MAX && take_fraction(&p, end) && p == end &&
           stamp_epoch((int64_t)seconds, ret);
}

/* The whole of s as a compiled pattern. */
static bool stamp_pattern(struct str pattern, struct str s, int64_t *ret) {
    struct moment m = {0};
    const char *at = s.ptr, *end = s.ptr + s.len;
    return moment_read(pattern, &at, end, &m) && at == end && moment_instant(&m, ret);
}

bool stamp_any(struct str s, int64_t *ret) {
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = str_of(s.ptr + 1, s.len - 2);
    if (s.len == 0 || s.len > STAMP_BYTES)
        return false;
    if (s.len == STAMP_CLF_BYTES && s.ptr[2] == '/')
        return stamp_clf(s.ptr, ret);
    if (s.len > 2 && s.ptr[2] == '/')
        return stamp_pattern(STR("%d/%b/%Y:%H:%M:%S"), s, ret);
    if (s.len > 4 && s.ptr[3] == ',')
        return stamp_pattern(STR("%a, %d %b %Y %H:%M:%S %Z"), s, ret);
    return stamp_iso(s, ret) || stamp_seconds(s, ret);
}

bool moment_instant(const struct moment *m, int64_t *ret) {
    if (m->have & MOMENT_epoch)
        return stamp_epoch(m->epoch, ret);
    unsigned month = m->month, day = m->day, hour = m->hour;
    if (m->year < 1970 || m->year > 2105)
        return false;
    if (!(m->have & MOMENT_month) && m->have & MOMENT_day_of_year) {
        if (m->day_of_year < 1 || m->day_of_year > (is_leap(m->year) ? 366 : 365))
            return false;
        day = m->day_of_year;
        for (month = 1; day > days_in(m->year, month); month++)
            day -= days_in(m->year, month);
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in(m->year, month))
        return false;
    if (!(m->have & MOMENT_hour)) {
        if (m->hour12 < 1 || m->hour12 > 12)
            return false;
        hour = m->hour12 % 12 + (m->pm ? 12 : 0);
    }
    if (hour > 23 || m->minute > 59 || m->second > 60)
        return false;
    return stamp_epoch(days_since_epoch(m->year, month, day) * 86400 + hour * 3600 +
                           m->minute * 60 + m->second - m->zone_seconds,
                       ret);
}

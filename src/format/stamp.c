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

/* Z, +hh, +hhmm or +hh:mm; nothing is UTC. */
static bool take_zone(struct str s, int64_t *ret_offset) {
    *ret_offset = 0;
    if (s.len == 0 || str_is(s, "Z") || str_is(s, "z"))
        return true;
    size_t minutes_at = s.len == 6 && s.ptr[3] == ':' ? 4 : 3;
    if ((s.ptr[0] != '+' && s.ptr[0] != '-') || (s.len != 3 && s.len != minutes_at + 2))
        return false;
    unsigned hours = two(s.ptr + 1), minutes = s.len == 3 ? 0 : two(s.ptr + minutes_at);
    if (hours > 23 || minutes > 59)
        return false;
    *ret_offset = (int64_t)hours * 3600 + minutes * 60;
    if (s.ptr[0] == '-')
        *ret_offset = -*ret_offset;
    return true;
}

/* ISO 8601: 2015-05-17T10:05:03.123+02:00; a blank for T, no seconds, no fraction are fine. */
static bool stamp_iso(struct str s, int64_t *ret) {
    const char *at = s.ptr;
    if (s.len < 16 || at[4] != '-' || at[7] != '-' || (at[10] != 'T' && at[10] != ' ') ||
        at[13] != ':')
        return false;
    unsigned century = two(at), rest = two(at + 2), month = two(at + 5), day = two(at + 8);
    unsigned hour = two(at + 11), minute = two(at + 14), second = 0;
    size_t n = 16;
    if (s.len > 18 && at[16] == ':') {
        second = two(at + 17);
        n = 19;
        if (n + 1 < s.len && (at[n] == '.' || at[n] == ',')) {
            n++;
            while (n < s.len && at[n] >= '0' && at[n] <= '9')
                n++;
        }
    }
    int64_t offset;
    unsigned year = century * 100 + rest;
    if (century > 99 || rest > 99 || year < 1970 || year > 2105 || month < 1 || month > 12 ||
        day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 ||
        !take_zone(str_skip(s, n), &offset))
        return false;
    int64_t instant =
        days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (instant < STAMP_FIRST)
        return false;
    *ret = instant;
    return true;
}

bool stamp_any(struct str s, int64_t *ret) {
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = str_of(s.ptr + 1, s.len - 2);
    if (s.len == STAMP_CLF_BYTES && s.ptr[2] == '/')
        return stamp_clf(s.ptr, ret);
    if (s.len > 4 && s.ptr[4] == '-')
        return stamp_iso(s, ret);
    uint64_t seconds;
    struct str rest = s, whole;
    return str_split(&rest, '.', &whole) && str_to_u64(whole, &seconds) && seconds <= UINT32_MAX &&
           stamp_epoch((int64_t)seconds, ret);
}

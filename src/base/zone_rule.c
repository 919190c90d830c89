/* POSIX TZ strings as TZif footers have them (RFC 8536 3.3, with the hours of its version 3): two
 * offsets and the dates between which the second one holds. */
#include "base/zone_table.h"

enum { RULE_YEARS_AROUND = 2 };

static bool next_is(struct str *s, char c) {
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* One to three digits, at most `max`. */
static bool read_number(struct str *s, int max, int *ret) {
    int n = 0;
    size_t digits = 0;
    for (; digits < 3 && digits < s->len && is_digit(s->ptr[digits]); digits++)
        n = n * 10 + (s->ptr[digits] - '0');
    *s = str_skip(*s, digits);
    *ret = n;
    return digits > 0 && n <= max;
}

/* CET or <+03> */
static bool read_name(struct str *s) {
    size_t n = 0;
    if (next_is(s, '<')) {
        while (n < s->len && s->ptr[n] != '>')
            n++;
        *s = str_skip(*s, n);
        return next_is(s, '>') && n > 0;
    }
    while (n < s->len && is_alpha(s->ptr[n]))
        n++;
    *s = str_skip(*s, n);
    return n >= 3;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool read_time(struct str *s, int max_hours, int32_t *ret) {
    int hours, minutes = 0, seconds = 0;
    bool negative = next_is(s, '-');
    if (!negative)
        next_is(s, '+');
    if (!read_number(s, max_hours, &hours))
        return false;
    if (next_is(s, ':')) {
        if (!read_number(s, 59, &minutes))
            return false;
        if (next_is(s, ':') && !read_number(s, 59, &seconds))
            return false;
    }
    *ret = (hours * SECONDS_OF_HOUR + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

static bool read_offset(struct str *s, int32_t *ret) {
    if (!read_time(s, 24, ret))
        return false;
    *ret = -*ret; /* POSIX counts westwards */
    return true;
}

static bool read_date(struct str *s, struct rule_date *ret) {
    *ret = (struct rule_date){.kind = RULE_DAY_OF_YEAR, .seconds = 2 * SECONDS_OF_HOUR};
    bool ok;
    if (next_is(s, 'M')) {
        ret->kind = RULE_WEEKDAY;
        ok = read_number(s, 12, &ret->month) && ret->month >= 1 && next_is(s, '.') &&
             read_number(s, 5, &ret->week) && ret->week >= 1 && next_is(s, '.') &&
             read_number(s, 6, &ret->day);
    } else if (next_is(s, 'J')) {
        ret->kind = RULE_JULIAN;
        ok = read_number(s, 365, &ret->day) && ret->day >= 1;
    } else {
        ok = read_number(s, 365, &ret->day);
    }
    return ok && (!next_is(s, '/') || read_time(s, 167, &ret->seconds));
}

bool zone_rule_parse(struct str text, struct zone_rule *ret) {
    struct zone_rule rule = {0};
    if (!read_name(&text) || !read_offset(&text, &rule.standard))
        return false;
    rule.has_daylight = text.len > 0;
    if (rule.has_daylight) {
        if (!read_name(&text))
            return false;
        rule.daylight = rule.standard + SECONDS_OF_HOUR;
        if (text.len > 0 && text.ptr[0] != ',' && !read_offset(&text, &rule.daylight))
            return false;
        if (!next_is(&text, ',') || !read_date(&text, &rule.start) || !next_is(&text, ',') ||
            !read_date(&text, &rule.end))
            return false;
    }
    *ret = rule;
    return text.len == 0;
}

/* Local seconds since 1970 at which the date of this year comes. */
static int64_t date_in_year(const struct rule_date *date, int64_t year) {
    int64_t days = calendar_days(year, 1, 1);
    if (date->kind == RULE_DAY_OF_YEAR) {
        days += date->day;
    } else if (date->kind == RULE_JULIAN) {
        bool leap = calendar_month_length(year, 2) == 29;
        days += date->day - 1 + (leap && date->day > 31 + 28);
    } else {
        days = calendar_days(year, date->month, 1);
        int first_weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        int day = (date->day - first_weekday + 7) % 7 + (date->week - 1) * 7;
        if (day >= calendar_month_length(year, date->month))
            day -= 7; /* there is no fifth one: the last */
        days += day;
    }
    return days * SECONDS_OF_DAY + date->seconds;
}

struct change {
    int64_t at;
    int32_t to;
};

/* Keep the changes sorted; of two at one instant the start of daylight time wins (that is how
 * "daylight time all year" is written), so ends are added first. */
static size_t add_change(struct change *changes, size_t n, struct change c) {
    size_t i = n;
    while (i > 0 && changes[i - 1].at > c.at)
        i--;
    if (i > 0 && changes[i - 1].at == c.at) {
        changes[i - 1] = c;
        return n;
    }
    memmove(changes + i + 1, changes + i, (n - i) * sizeof(*changes));
    changes[i] = c;
    return n + 1;
}

struct zone_span zone_rule_span_at(const struct zone_rule *rule, int64_t instant) {
    struct zone_span span = {INT64_MIN, INT64_MAX, rule->standard};
    if (!rule->has_daylight)
        return span;
    int64_t year, clamped = min_i64(max_i64(instant, -ZONE_INSTANT_FAR), ZONE_INSTANT_FAR);
    int month, day;
    calendar_date(clamped / SECONDS_OF_DAY, &year, &month, &day);

    struct change changes[2 * (2 * RULE_YEARS_AROUND + 1)];
    size_t n = 0;
    for (int64_t y = year - RULE_YEARS_AROUND; y <= year + RULE_YEARS_AROUND; y++)
        n = add_change(
            changes, n,
            (struct change){date_in_year(&rule->end, y) - rule->daylight, rule->standard});
    for (int64_t y = year - RULE_YEARS_AROUND; y <= year + RULE_YEARS_AROUND; y++)
        n = add_change(
            changes, n,
            (struct change){date_in_year(&rule->start, y) - rule->standard, rule->daylight});

    assert(n > 0);
    size_t at = 0; /* the last change at or before the instant: there are years of them before */
    while (at + 1 < n && changes[at + 1].at <= clamped)
        at++;
    span.offset = changes[at].to;
    size_t next = at + 1;
    while (next < n && changes[next].to == span.offset)
        next++;
    while (at > 0 && changes[at - 1].to == span.offset)
        at--;
    /* A real change is at most a year or so away. The outermost ones do not count: what lies beyond
     * the years looked at may cancel them. */
    if (at > 1)
        span.start = changes[at].at;
    if (next + 1 < n)
        span.end = changes[next].at;
    return span;
}
